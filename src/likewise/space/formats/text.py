"""Text files of vectors: `word2vec` (a first line with rows and dims) and `glove` (none) in, rows out, and back.

A line is a key and its numbers, parted by single spaces; the last `dim` fields are the numbers, so that keys
with spaces are read. Numbers are parsed in bulk; where that fails, the lines are looked at one by one to say which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float32, Int

from likewise.compressed import plain
from likewise.contracts import Array
from likewise.errors import FormatError
from likewise.space.formats.rows import Block, Rows

_CHUNK = 8 << 20
_LONGEST_LINE = 64 << 20


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return rows and dims if a line is the first one of a word2vec file.

    >>> header_of(b"71290 100\\n"), header_of(b"the 0.1 0.2\\n")
    ((71290, 100), None)
    """
    parts = line.split()
    if len(parts) == 2 and all(part.isdigit() and len(part) < 16 for part in parts):
        return int(parts[0]), int(parts[1])
    return None


def open_word2vec(path: Path, encoding: str, errors: str) -> Rows:
    """Open word2vec text."""
    with plain(path) as file:
        header = header_of(file.readline(1024))
    if header is None:
        raise FormatError(f"{path}, line 1: word2vec text begins with the number of rows and of dims")
    count, dim = header
    if dim == 0:
        raise FormatError(f"{path}, line 1: the header says 0 dims: at least one is needed")
    blocks = partial(_blocks, path, dim, 1, encoding, errors)
    return Rows(path, "word2vec", dim, count, blocks, lambda row: f"line {row + 2}")


def open_glove(path: Path, encoding: str, errors: str) -> Rows:
    """Open GloVe text; the number of dims is what most of the first thousand lines have."""
    with plain(path) as file:
        widths = Counter(len(line.split()) - 1 for _, line in zip(range(1000), file, strict=False))
    dim = widths.most_common(1)[0][0] if widths else 0
    if dim < 1:
        raise FormatError(f"{path}: its lines hold no numbers after a key, so it is not a file of vectors")
    blocks = partial(_blocks, path, dim, 0, encoding, errors)
    return Rows(path, "glove", dim, None, blocks, lambda row: f"line {row + 1}")


def _blocks(path: Path, dim: int, skip: int, encoding: str, errors: str) -> Iterator[Block]:
    line = skip + 1
    with plain(path) as file:
        for _ in range(skip):
            file.readline()
        for chunk in _chunks(path, file):
            keys, vectors = _parse(path, chunk, line, dim)
            line += len(keys)
            yield Block(_decoded(path, keys, line - len(keys), encoding, errors), vectors)


def _chunks(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield whole lines in chunks, each line ending in a single newline; blank lines at the end are dropped."""
    rest, blank = b"", b""
    while data := file.read(_CHUNK):
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            rest += data
            if len(rest) > _LONGEST_LINE:
                raise FormatError(f"{path}: a line is longer than {_LONGEST_LINE >> 20} MB: not a text file of vectors")
            continue
        chunk, rest = _tidy(rest + head + newline), tail
        kept = chunk.rstrip(b"\n")
        if kept:
            yield blank + kept + b"\n"
        blank = (b"" if kept else blank) + b"\n" * (len(chunk) - len(kept) - bool(kept))
    if rest.strip():
        yield blank + _tidy(rest + b"\n")


def _tidy(chunk: bytes) -> bytes:
    """Drop carriage returns and spaces before line ends (word2vec.c writes one after the last number)."""
    chunk = chunk.replace(b"\r\n", b"\n")
    while b" \n" in chunk or b"\t\n" in chunk:
        chunk = chunk.replace(b" \n", b"\n").replace(b"\t\n", b"\n")
    return chunk


def _parse(path: Path, chunk: bytes, line: int, dim: int) -> tuple[list[bytes], Float32[Array, "n d"]]:
    """Return the keys and numbers of whole lines; `line` is the number of the first one."""
    data = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero((data == 32) | (data == 10) | (data == 9))  # where each field stops
    last = np.flatnonzero(data[ends] == 10)  # which of the fields is the last of its line
    fields = np.diff(last, prepend=-1)
    if fields.min() <= dim:
        return _parse_slowly(path, chunk, line, dim)
    starts = np.concatenate([[0], ends[last[:-1]] + 1])
    key_ends = ends[last - dim]
    numbers = _numbers(data, ends, last, dim)
    if numbers is None or (fields.max() > dim + 1 and _looks_too_long(chunk, key_ends[fields > dim + 1])):
        return _parse_slowly(path, chunk, line, dim)
    return [chunk[a:b] for a, b in zip(starts.tolist(), key_ends.tolist(), strict=True)], numbers


def _numbers(data: Array, ends: Int[Array, " f"], last: Int[Array, " n"], dim: int) -> Float32[Array, "n d"] | None:
    """Return the last `dim` fields of every line as float32, or None if one of them is not a number."""
    import pyarrow as pa

    which = last[:, None] - np.arange(dim - 1, -1, -1)
    stop, start = ends[which].ravel(), ends[which - 1].ravel() + 1
    # Arrow wants the texts one after the other: keep the bytes of numbers, drop keys and separators.
    change = np.zeros(len(data) + 1, np.int8)
    change[start] += 1
    change[stop] -= 1
    packed = data[np.cumsum(change[:-1], dtype=np.int8).view(bool)]
    offsets = np.zeros(len(start) + 1, np.int32)
    np.cumsum(stop - start, out=offsets[1:])
    texts = pa.StringArray.from_buffers(len(start), pa.py_buffer(offsets), pa.py_buffer(packed))
    try:
        values = texts.cast(pa.float32()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return np.asarray(values.reshape(len(last), dim))


def _looks_too_long(chunk: bytes, key_ends: Int[Array, " n"]) -> bool:
    """Tell whether one of these keys ends in what looks like a number too many: a space and a decimal fraction."""
    return any(_is_fraction(chunk[max(0, end - 40) : end].rpartition(b" ")[2]) for end in key_ends.tolist())


def _is_fraction(text: bytes) -> bool:
    if b"." not in text and b"e-" not in text.lower():
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parse_slowly(path: Path, chunk: bytes, line: int, dim: int) -> tuple[list[bytes], Float32[Array, "n d"]]:
    """Parse line by line, where fields may be parted by several spaces, or say what is wrong with which line."""
    keys: list[bytes] = []
    vectors: list[Array] = []
    for number, text in enumerate(chunk.split(b"\n")[:-1], line):
        where = f"{path}, line {number}"
        parts = text.split()
        if len(parts) <= dim:
            raise FormatError(
                f"{where}: {max(len(parts) - 1, 0)} numbers where {dim} are due: mend the line, or fetch the file again"
            )
        key = text.rsplit(None, dim)[0]
        if b" " in key and _is_fraction(key.rsplit(None, 1)[-1]):
            raise FormatError(f"{where}: more than the {dim} numbers that are due: mend the line or the header")
        try:
            with np.errstate(over="ignore"):
                vectors.append(
                    np.array([float(part.decode("utf-8", "replace")) for part in parts[-dim:]]).astype(np.float32)
                )
        except ValueError as error:
            raise FormatError(f"{where}: {str(error).rpartition(': ')[2]} is not a number: mend the line") from None
        keys.append(key)
    return keys, np.stack(vectors)


def _decoded(path: Path, keys: list[bytes], line: int, encoding: str, errors: str) -> list[str]:
    try:
        return [key.decode(encoding, errors) for key in keys]
    except UnicodeDecodeError:
        for number, key in enumerate(keys, line):
            try:
                key.decode(encoding, errors)
            except UnicodeDecodeError as error:
                raise not_decoded(f"{path}, line {number}", key, encoding) from error
        raise


def not_decoded(where: str, key: bytes, encoding: str) -> FormatError:
    """Return the error for a key in another encoding."""
    return FormatError(
        f"{where}: the key {key[:40]!r} is not {encoding}: give its encoding (encoding='latin-1', --encoding), "
        "or errors='replace' (--errors)"
    )


def write(file: BinaryIO, block: Block) -> None:
    """Write lines of a key and its numbers, each number in the fewest digits that give the same float32 again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n, dim = block.vectors.shape
    digits = pa.array(np.ascontiguousarray(block.vectors).ravel()).cast(pa.string())
    lists = pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * dim), digits)
    lines = pc.binary_join_element_wise(pa.array(block.keys, pa.string()), pc.binary_join(lists, " "), " ")
    file.write("\n".join(lines.to_pylist()).encode() + b"\n")
