"""Files of vectors written: rows in, a whole file under its name out, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from likewise.compressed import compressing
from likewise.errors import FormatError, OptionError, RunError, nearest_spellings
from likewise.files import atomic, whole
from likewise.space.formats import arrays, binary, parquet, text
from likewise.space.formats.rows import Block, Rows

_SUFFIXES = {
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
    ".bin": "word2vec-binary",
    ".glove": "glove",
}
_PACKED = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}
MORE_THAN_VECTORS = ("fasttext", "run")
COUNTED = ("npz", "word2vec", "word2vec-binary")  # formats that state their number first: `blocks` is called twice
_LINES = ("word2vec", "word2vec-binary", "glove")


def format_to_write(path: Path, to: str | None) -> str:
    """Return the format for a path: `to`, or by its ending; a path without an ending is a run folder."""
    if to is not None:
        known = (*WRITTEN, *MORE_THAN_VECTORS)
        if to not in known:
            near = nearest_spellings(to, known)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(f"format {to!r}: formats are {', '.join(known)}{hint}")
        return to
    suffixes = [suffix for suffix in path.suffixes if suffix not in _PACKED]
    if not suffixes and not _packing(path):
        return "run"
    if not suffixes or suffixes[-1].lower() not in _SUFFIXES:
        raise OptionError(
            f"{path}: no format ends in {path.suffix!r}; name one of {', '.join(WRITTEN)}, fasttext, run (--to)"
        )
    return _SUFFIXES[suffixes[-1].lower()]


def _packing(path: Path) -> str | None:
    return _PACKED.get(path.suffix.lower())


def write_rows(path: Path, to: str, rows: Rows) -> None:
    """Write rows as a file of the format `to`; the file takes its name when it is whole, RunError if it cannot."""
    if _packing(path) and to not in _LINES:
        raise OptionError(f"{path}: {to} files are not packed again; leave out {path.suffix}")
    with writing(path):
        WRITTEN[to](path, rows)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder that `path` is in; RunError where the block cannot write."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise RunError(
            f"could not write {path}: {error.strerror or error}; nothing of it was kept, choose another place"
        ) from error


def counted(rows: Rows) -> Rows:
    """Return the rows with their number, read once more if only that can tell it."""
    if rows.count is not None:
        return rows
    return replace(rows, count=sum(len(block.keys) for block in rows.blocks()))


def _write_npy(path: Path, rows: Rows) -> None:
    with atomic(path) as file:
        keys = arrays.write_npy(file, rows.dim, rows.checked())
        bad = next((key for key in keys if "\n" in key or "\r" in key), None)
        if bad is not None:
            raise FormatError(f"the key {bad!r} holds a line break, which a list of one key a line cannot: use parquet")
        with atomic(arrays.beside(path)) as beside:
            beside.write("".join(f"{key}\n" for key in keys).encode())


def _write_npz(path: Path, rows: Rows) -> None:
    rows = counted(rows)
    assert rows.count is not None
    with atomic(path) as file:
        blocks = _holding(rows.checked(), "npz", lambda key: not key.endswith("\0"), "ends in a NUL character")
        arrays.write_npz(file, rows.dim, rows.count, blocks)


def _write_parquet(path: Path, rows: Rows) -> None:
    with whole(path) as temporary:
        parquet.write(temporary, rows.dim, rows.checked())


def _write_lines(to: str, path: Path, rows: Rows) -> None:
    header = to != "glove"
    rows = counted(rows) if header else rows
    write = binary.write if to == "word2vec-binary" else text.write
    blocks = _holding(rows.checked(), to, lambda key: bool(key) and not _parts(key), "is empty or holds white space")
    with whole(path) as temporary, compressing(temporary, _packing(path)) as file:
        if header:
            file.write(f"{rows.count} {rows.dim}\n".encode())
        for block in blocks:
            write(file, block)


def _parts(key: str) -> bool:
    return any(c in key for c in " \t\n\r\v\f")


def _holding(blocks: Iterator[Block], to: str, fits: Callable[[str], bool], why: str) -> Iterator[Block]:
    """Pass blocks on while the format can hold their keys; a key that it would damage is an error."""
    for block in blocks:
        bad = next((key for key in block.keys if not fits(key)), None)
        if bad is not None:
            raise FormatError(f"the key {bad!r} {why}: {to} cannot hold it; write parquet, or rename the key first")
        yield block


WRITTEN: dict[str, Callable[[Path, Rows], None]] = {
    "npy": _write_npy,
    "npz": _write_npz,
    "parquet": _write_parquet,
    "word2vec": lambda path, rows: _write_lines("word2vec", path, rows),
    "word2vec-binary": lambda path, rows: _write_lines("word2vec-binary", path, rows),
    "glove": lambda path, rows: _write_lines("glove", path, rows),
}
