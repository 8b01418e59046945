"""NumPy's files: `.npy` beside a file of keys, and `.npz` that holds both, in; rows out, and back. Never objects."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array
from likewise.errors import FormatError
from likewise.space.formats.keys import read_keys
from likewise.space.formats.rows import Block, Rows, rows_at_once

_LARGEST_KEYS = 2 << 30


def beside(path: Path) -> Path:
    """Return where the keys of an .npy file are looked for: vectors.npy → vectors.keys.txt."""
    return path.with_suffix(".keys.txt")


def open_npy(path: Path, keys: Path | None) -> Rows:
    """Open an .npy file, mapped; without any keys its rows are numbered."""
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise _not_readable(path, error) from error
    _check_matrix(path, vectors.shape, vectors.dtype)
    if keys is None and beside(path).is_file():
        keys = beside(path)
    names = read_keys(keys) if keys is not None else [str(row) for row in range(len(vectors))]
    if len(names) != len(vectors):
        raise FormatError(
            f"{keys} has {len(names):,} keys, {path} has {len(vectors):,} vectors: "
            "give one key for each vector, a line each"
        )
    return mapped_rows(path, "npy", names, vectors)


def mapped_rows(
    path: Path, name: str, keys: list[str], vectors: Float[Array, "n d"], columns: Mapping[str, Array] | None = None
) -> Rows:
    """Return rows of a matrix that is there already."""
    step, columns = rows_at_once(vectors.shape[1]), columns or {}

    def blocks() -> Iterator[Block]:
        for start in range(0, len(keys), step):
            rows = slice(start, start + step)
            yield Block(keys[rows], _narrow(vectors[rows]), {name: c[rows] for name, c in columns.items()})

    return Rows(path, name, vectors.shape[1], len(keys), blocks, mapped=vectors, names=tuple(columns))


def _narrow(vectors: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(vectors, np.float32)


def _not_readable(path: Path, error: Exception) -> FormatError:
    if "pickle" in str(error) or "Python objects" in str(error):
        return FormatError(
            f"{path} holds Python objects, and reading them could run foreign code: save it again as plain arrays, "
            "np.save(path, np.array(vectors, dtype='float32'))"
        )
    return FormatError(f"{path} is a damaged or cut-off file ({error}): fetch it or write it again")


def _check_matrix(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) != 2 or shape[1] == 0:
        raise FormatError(
            f"{path}: the array has shape {shape}; (rows, dims) with at least one dim is needed, one row for each key"
        )
    if dtype.kind not in "fiu":
        raise FormatError(
            f"{path}: the array is of {dtype}; real numbers are needed: save it again with astype('float32')"
        )


def open_npz(path: Path, keys: Path | None) -> Rows:
    """Open an .npz file with one matrix of numbers and one list of strings (or with `keys` for the strings)."""
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = {name: _member_header(archive, name) for name in archive.namelist() if name.endswith(".npy")}
        matrices = [name for name, (shape, _, dtype) in shapes.items() if len(shape) == 2 and dtype.kind in "fiu"]
        strings = [name for name, (shape, _, dtype) in shapes.items() if len(shape) == 1 and dtype.kind in "US"]
        vectors, texts = _pick(path, matrices, "vectors", "matrix of numbers"), None
        if keys is None:
            texts = _pick(path, strings, "keys", "array of strings")
            names = _strings(path, texts)
        else:
            names = read_keys(keys)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise error if isinstance(error, FormatError) else _not_readable(path, error) from error
    shape, fortran, dtype = shapes[vectors]
    _check_matrix(path, shape, dtype)
    if len(names) != shape[0]:
        held = f"{keys} has {len(names):,} keys, {path} has" if keys else f"{path} holds {len(names):,} keys and"
        raise FormatError(f"{held} {shape[0]:,} vectors: give one key for each vector")
    blocks = partial(_npz_blocks, path, vectors, names, shape, fortran, dtype)
    return Rows(path, "npz", shape[1], shape[0], blocks)


def _member_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    with archive.open(name) as member:
        shape, fortran, dtype = _header(member)
    if dtype.hasobject:
        raise ValueError("an array of objects needs pickle")
    return shape, fortran, dtype


def _header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)


def _pick(path: Path, names: list[str], usual: str, what: str) -> str:
    if f"{usual}.npy" in names:
        return f"{usual}.npy"
    if len(names) != 1:
        held = ", ".join(name.removesuffix(".npy") for name in names) or "none"
        way = ", or give --keys FILE" if usual == "keys" else ""
        raise FormatError(f"{path}: one {what} is needed and it holds {held}: name it {usual!r}{way}")
    return names[0]


def _strings(path: Path, name: str) -> list[str]:
    with np.load(path, allow_pickle=False) as arrays:
        array = arrays[name.removesuffix(".npy")]
    return [str(key) for key in (np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array)]


def _npz_blocks(
    path: Path, name: str, keys: list[str], shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]
) -> Iterator[Block]:
    step = rows_at_once(shape[1])
    try:
        if fortran:  # columns first: there is no way to read it by rows
            with np.load(path, allow_pickle=False) as arrays:
                yield from mapped_rows(path, "npz", keys, arrays[name.removesuffix(".npy")]).blocks()
            return
        with zipfile.ZipFile(path) as archive, archive.open(name) as member:
            _header(member)
            for start in range(0, shape[0], step):
                rows = min(step, shape[0] - start)
                data = member.read(rows * shape[1] * dtype.itemsize)
                vectors = np.frombuffer(data, dtype).reshape(rows, shape[1])
                yield Block(keys[start : start + rows], _narrow(vectors))
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise _not_readable(path, error) from error


def write_npy(file: BinaryIO, dim: int, blocks: Iterable[Block]) -> list[str]:
    """Write the vectors as one .npy array and return the keys; the number of rows is filled in at the end."""
    start, keys = file.tell(), list[str]()
    file.write(bytes(128))
    for block in blocks:
        file.write(np.ascontiguousarray(block.vectors, "<f4").data)
        keys += block.keys
    file.seek(start)
    file.write(_npy_header((len(keys), dim), "<f4"))
    file.seek(0, 2)
    return keys


def _npy_header(shape: tuple[int, ...], kind: str) -> bytes:
    """Return an .npy header of exactly 128 bytes (version 1.0)."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape!r}, }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117).encode() + b"\n"


def write_npz(file: BinaryIO, dim: int, count: int, blocks: Iterable[Block]) -> None:
    """Write `vectors` and `keys` into an .npz; the keys, in NumPy's fixed width, are compressed."""
    keys: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open(_member("vectors.npy"), "w", force_zip64=True) as member:
            member.write(_npy_header((count, dim), "<f4"))
            for block in blocks:
                member.write(np.ascontiguousarray(block.vectors, "<f4").tobytes())
                keys += block.keys
        width = max(map(len, keys), default=1) or 1
        if 4 * width * len(keys) > _LARGEST_KEYS:
            raise FormatError(
                f"a key of {width:,} characters makes NumPy's array of {len(keys):,} keys too large: use parquet"
            )
        with archive.open(_member("keys.npy", zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.array(keys, f"<U{width}"), allow_pickle=False)


def _member(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # a fixed date: the same vectors make the same bytes
    info.compress_type = compression
    return info
