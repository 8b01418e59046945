"""Files of vectors: a path in, keys and vectors by blocks of rows out; and the other way round."""

from likewise.space.formats.arrays import mapped_rows
from likewise.space.formats.opening import FORMATS, format_of, open_rows, read_space
from likewise.space.formats.rows import Block, Rows
from likewise.space.formats.writing import COUNTED, MORE_THAN_VECTORS, WRITTEN, format_to_write, write_rows, writing

__all__ = [
    "COUNTED",
    "FORMATS",
    "MORE_THAN_VECTORS",
    "WRITTEN",
    "Block",
    "Rows",
    "format_of",
    "format_to_write",
    "mapped_rows",
    "open_rows",
    "read_space",
    "write_rows",
    "writing",
]
