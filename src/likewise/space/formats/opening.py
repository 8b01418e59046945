"""Files of vectors opened: a path in, its format told by content, rows or a whole Space out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from likewise.compressed import compression_of, plain
from likewise.errors import FormatError
from likewise.space.content import ContentDigest
from likewise.space.formats.arrays import beside, open_npy, open_npz
from likewise.space.formats.binary import open_binary
from likewise.space.formats.parquet import open_parquet
from likewise.space.formats.rows import Rows
from likewise.space.formats.text import header_of, open_glove, open_word2vec
from likewise.space.space import Space

FORMATS: dict[str, Callable[[Path, Path | None, str, str], Rows]] = {
    "npy": lambda path, keys, encoding, errors: open_npy(path, keys),
    "npz": lambda path, keys, encoding, errors: open_npz(path, keys),
    "parquet": lambda path, keys, encoding, errors: open_parquet(path, keys),
    "word2vec": lambda path, keys, encoding, errors: open_word2vec(path, encoding, errors),
    "word2vec-binary": lambda path, keys, encoding, errors: open_binary(path, encoding, errors),
    "glove": lambda path, keys, encoding, errors: open_glove(path, encoding, errors),
}
FASTTEXT = (793712314).to_bytes(4, "little")  # how fastText's own files begin; they hold an encoder, too
_MAGIC = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"PAR1": "parquet",
    FASTTEXT: "fasttext",
}
_TAKES_KEYS = ("npy", "npz", "parquet")


def open_rows(path: Path, *, keys: Path | None = None, encoding: str = "utf-8", errors: str = "strict") -> Rows:
    """Open a file of vectors; `keys` is for files that hold numbers only, `encoding` and `errors` for texts."""
    name = format_of(path)
    if keys is not None and name not in _TAKES_KEYS:
        raise FormatError(f"{path} is {name}, which holds its own keys: leave out {keys}")
    if name not in FORMATS:
        raise FormatError(f"{path} is a {name} file, which holds more than vectors: likewise.open reads it")
    return FORMATS[name](path, keys, encoding, errors)


def format_of(path: Path) -> str:
    """Return the name of a file's format, told by its content; FormatError if it is none of ours."""
    if not path.is_file():
        raise FormatError(f"there is no file at {path}")
    if path.stat().st_size == 0:
        raise FormatError(f"{path} is empty: give a file of vectors or a run folder")
    with path.open("rb") as file:
        magic = file.read(6)
    for start, name in _MAGIC.items():
        if magic.startswith(start):
            return name
    with plain(path) as file:
        first = file.readline(1 << 20)
        header = header_of(first) if len(first) < 64 else None
        if header is not None:
            return "word2vec" if _is_text_row(file.read(1 << 16)) else "word2vec-binary"
    packed = compression_of(path)
    if first.startswith(FASTTEXT):
        raise FormatError(f"{path} is a fastText file, packed (.{packed}): unpack it first, for it is read in place")
    if b"\x00" in first or not _ends_in_number(first):
        raise FormatError(
            f"{path}{f' (unpacked, .{packed})' if packed else ''} is not a file of vectors: known are npy, npz, "
            "Parquet, word2vec text and binary, GloVe text, fastText, and run folders"
        )
    return "glove"


def _is_text_row(start: bytes) -> bool:
    """Tell whether what follows a word2vec header is a line of text: most fields after the key are numbers."""
    line = start.split(b"\n", 1)[0]
    fields = line.split()[1:]
    numbers = sum(_is_number(field) for field in fields)
    return b"\x00" not in line and numbers > 0 and 2 * numbers >= len(fields)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _ends_in_number(line: bytes) -> bool:
    fields = line.split()
    return len(fields) > 1 and _is_number(fields[-1])


def read_space(path: Path, *, keys: Path | None = None, encoding: str = "utf-8", errors: str = "strict") -> Space:
    """Read a whole file of vectors as a Space; its fingerprint is the digest of its content."""
    rows = open_rows(path, keys=keys, encoding=encoding, errors=errors)
    numbered = rows.format == "npy" and keys is None and not beside(path).is_file()
    return _whole(rows, kind="row" if numbered else "word")


def _whole(rows: Rows, *, kind: str) -> Space:
    digest = ContentDigest()
    names: list[str] = []
    parts, columns = [], {name: [] for name in rows.names}  # type: ignore[var-annotated]
    keep = rows.mapped is None or rows.mapped.dtype != np.float32
    for block in rows.checked():
        digest.add(block.keys, block.vectors)
        names += block.keys
        if keep:
            parts.append(block.vectors)
        for name in columns:
            columns[name].append(block.columns[name])
    vectors = np.concatenate(parts) if keep else rows.mapped
    assert vectors is not None
    items = {name: np.concatenate(values) for name, values in columns.items()}
    return Space(names, vectors, fingerprint=digest.value, items=items, kind=kind)
