"""word2vec's binary files: keys and float32 numbers in little-endian bytes in, rows out, and back.

After the first line (rows and dims) comes, for each row, the key, a space and 4 × dims bytes; word2vec.c and old
versions of gensim end a row with a newline, new ones do not: both are read. Keys with spaces can be told apart
only in files with newlines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from likewise.compressed import plain
from likewise.errors import FormatError
from likewise.space.formats.rows import Block, Rows
from likewise.space.formats.text import header_of, not_decoded

_CHUNK = 8 << 20
_LONGEST_KEY = 4096


def open_binary(path: Path, encoding: str, errors: str) -> Rows:
    """Open a word2vec binary file."""
    with plain(path) as file:
        first = file.readline(1024)
        header = header_of(first)
        if header is None:
            raise FormatError(f"{path}: a word2vec file begins with the number of rows and of dims")
        count, dim = header
        if dim == 0:
            raise FormatError(f"{path}, line 1: the header says 0 dims: at least one is needed")
        ends_lines = _ends_lines(file.read(2 * (_LONGEST_KEY + 4 * dim + 2)), 4 * dim)
    blocks = partial(_blocks, path, count, dim, len(first), ends_lines, encoding, errors)
    return Rows(path, "word2vec-binary", dim, count, blocks)


def _ends_lines(start: bytes, size: int) -> bool:
    """Tell whether rows end in newlines, by the first two rows."""
    at = 0
    for _ in range(2):
        space = _separator(start, at, size, ends_lines=True)
        if space is None or start[space + 1 + size : space + 2 + size] != b"\n":
            return False
        at = space + 2 + size
        if at >= len(start):
            break
    return True


def _separator(data: bytes, at: int, size: int, *, ends_lines: bool) -> int | None:
    """Return the byte of the space after a key: the first one, or the first that has a newline after the numbers."""
    space = first = data.find(b" ", at, at + _LONGEST_KEY)
    while ends_lines and space >= 0 and data[space + 1 + size : space + 2 + size] not in (b"\n", b""):
        space = data.find(b" ", space + 1, at + _LONGEST_KEY)
    found = space if space >= 0 else first
    return found if found >= 0 else None


def _blocks(
    path: Path, count: int, dim: int, offset: int, ends_lines: bool, encoding: str, errors: str
) -> Iterator[Block]:
    size, rest, row = 4 * dim, b"", 0
    with plain(path) as file:
        file.read(offset)
        while row < count:
            more = file.read(max(_CHUNK, 2 * size))
            data = rest + more
            keys, numbers, used = _rows(data, size, count - row, ends_lines, whole=not more)
            if not more and not keys:
                at = offset + used
                raise FormatError(
                    f"{path}, byte {at:,}: the header says {count:,} rows, row {row + 1:,} is cut off: "
                    "the file is truncated, or its header is wrong"
                )
            if keys:
                starts = np.array(numbers)[:, None] + np.arange(size)
                vectors = np.frombuffer(data, np.uint8)[starts].view("<f4")
                yield Block([_decoded(path, key, row + i, encoding, errors) for i, key in enumerate(keys)], vectors)
            row, offset, rest = row + len(keys), offset + used, data[used:]
        if (rest + file.read(64)).strip():
            raise FormatError(f"{path}, byte {offset:,}: the header says {count:,} rows, but there is more after them")


def _rows(data: bytes, size: int, most: int, ends_lines: bool, *, whole: bool) -> tuple[list[bytes], list[int], int]:
    """Return the keys of complete rows, where their numbers start, and how many bytes they take."""
    keys: list[bytes] = []
    numbers: list[int] = []
    at = 0
    while len(keys) < most:
        if not whole and len(data) - at < _LONGEST_KEY + size + 2:
            break
        space = _separator(data, at, size, ends_lines=ends_lines)
        if space is None or space + 1 + size > len(data):
            break
        keys.append(data[at:space].lstrip(b"\n"))
        numbers.append(space + 1)
        at = space + 1 + size
        if ends_lines and data[at : at + 1] == b"\n":
            at += 1
    return keys, numbers, at


def _decoded(path: Path, key: bytes, row: int, encoding: str, errors: str) -> str:
    try:
        return key.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise not_decoded(f"{path}, row {row}", key, encoding) from error


def write(file: BinaryIO, block: Block) -> None:
    """Write rows as key, space, little-endian float32 numbers, newline (as word2vec.c does; gensim reads both)."""
    size = 4 * block.vectors.shape[1]
    numbers = np.ascontiguousarray(block.vectors, "<f4").tobytes()
    rows = (key.encode() + b" " + numbers[i * size : (i + 1) * size] for i, key in enumerate(block.keys))
    file.write(b"\n".join(rows) + b"\n")
