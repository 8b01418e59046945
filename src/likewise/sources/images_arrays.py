"""Arrays of pictures in files: IDX, npy and npz, plain or compressed, in; the array, mapped where possible, out.

What is stored plainly is mapped and not read. What is compressed goes to memory if it is small, else to a temporary
file without a name, so that pictures larger than memory can be used and nothing is left behind.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from likewise.compressed import compression_of, plain
from likewise.contracts import Array
from likewise.errors import DataError

IN_MEMORY = 1 << 29  # bytes of pictures that may stay in memory
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_NPY = b"\x93NUMPY"
_BLOCK = 1 << 22
_PICTURES = ("images", "image", "x", "pictures", "data", "x_train", "train_images", "arr_0")
_LABELS = ("labels", "label", "y", "targets", "y_train", "train_labels", "arr_1")


class Stored(NamedTuple):
    """An array of a file, and its labels if there are any."""

    array: Array
    labels: list[str] | None


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: Any
    fortran: bool = False


def array_kind(head: bytes) -> str | None:
    """Return idx, npy or npz by the first bytes of a file without its compression."""
    if head.startswith(_NPY):
        return "npy"
    if head.startswith(b"PK\3\4") and b".npy" in head[:512]:
        return "npz"
    is_idx = len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 1 <= head[3] <= 4
    return "idx" if is_idx else None


def read_arrays(path: Path, kind: str) -> Stored:
    """Return the pictures of an IDX, npy or npz file, "n h w" or "n h w c", and the labels beside or inside it.

    Raises DataError for what is damaged, holds no pictures, or several sets of them.
    """
    if kind == "npz":
        return _of_npz(path)
    array = _of_file(path, kind)
    labels = _labels_beside(path, kind, len(array) if array.ndim else 0)
    return Stored(as_pictures(array, str(path)), labels)


def shape_of(path: Path, kind: str) -> list[tuple[str, tuple[int, ...], Any]]:
    """Return (name, shape, dtype) of the arrays of a file, reading its headers alone."""
    if kind == "npz":
        with _npz(path) as members:
            return [(name, *header[:2]) for name, header in _headers(members, path)]
    with plain(path) as file:
        header = _header(file, kind, str(path))
    return [("", *header[:2])]


def is_pictures(shape: Sequence[int], dtype: Any) -> bool:
    """Whether an array of this shape and type can be pictures."""
    channels = len(shape) == 3 or (len(shape) == 4 and bool({shape[1], shape[3]} & {1, 3, 4}))
    return channels and np.dtype(dtype).kind in "ufib"


def as_pictures(array: Array, name: str) -> Array:
    """Return an array as "n h w" or "n h w c", turning "n c h w" round; DataError if it is no array of pictures."""
    if not is_pictures(array.shape, array.dtype):
        raise DataError(
            f"{name} holds an array of shape {'×'.join(map(str, array.shape))} and type {array.dtype}: pictures are "
            "n×h×w, or n×h×w×c with 1, 3 or 4 channels, of uint8, or floats from 0 to 1"
        )
    if array.ndim == 4 and array.shape[3] not in (1, 3, 4):
        return array.transpose(0, 2, 3, 1)
    return array


def as_labels(array: Array, n: int) -> list[str] | None:
    """Return labels as strings, None if this is no list of `n` of them."""
    flat = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
    if flat.ndim != 1 or len(flat) != n or flat.dtype.kind not in "iubUS":
        return None
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in flat.tolist()]


def _header(file: BinaryIO, kind: str, name: str) -> _Header:
    """Read the header of an IDX or npy stream, up to its first number."""
    try:
        if kind == "npy":
            version = np.lib.format.read_magic(file)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"version {version} of the format")
            reads: Any = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = reads(file)
            if dtype.hasobject:
                raise DataError(f"{name} holds Python objects (pickle), which are never read: save plain numbers")
            return _Header(shape, dtype, fortran)
        magic = file.read(4)
        sizes = file.read(4 * magic[3])
        return _Header(tuple(np.frombuffer(sizes, ">u4", magic[3]).tolist()), np.dtype(_IDX_TYPES[magic[2]]))
    except (ValueError, IndexError, KeyError) as error:
        raise DataError(f"{name} is a damaged .{kind} file ({error}): fetch it again") from error


def _of_file(path: Path, kind: str) -> Array:
    if compression_of(path) is None:
        with path.open("rb") as file:
            header = _header(file, kind, str(path))
            start, size = file.tell(), os.fstat(file.fileno()).st_size
        wanted = math.prod(header.shape) * header.dtype.itemsize
        if size - start < wanted:
            raise DataError(_cut_off(str(path), size - start, wanted))
        if wanted:
            order: Any = "F" if header.fortran else "C"
            return np.asarray(np.memmap(path, header.dtype, "r", start, header.shape, order))
    with plain(path) as file:
        return _streamed(file, _header(file, kind, str(path)), str(path))


def _streamed(file: BinaryIO, header: _Header, name: str) -> Array:
    """Return what follows a header in a stream that cannot be mapped."""
    wanted = math.prod(header.shape) * header.dtype.itemsize
    if header.fortran or wanted <= IN_MEMORY:
        array = np.frombuffer(file.read(wanted), np.uint8)
        came = array.nbytes
    else:
        array, came = _spilled(iter(lambda: file.read(_BLOCK), b""), wanted)
    if came < wanted:
        raise DataError(_cut_off(name, came, wanted))
    numbers: Array = array[:wanted].view(header.dtype)
    return numbers.reshape(header.shape, order="F" if header.fortran else "C")


def _spilled(blocks: Iterator[bytes], wanted: int) -> tuple[Array, int]:
    came = 0
    with tempfile.TemporaryFile(prefix="likewise-") as file:
        for block in blocks:
            file.write(block)
            came += len(block)
        file.flush()
        return np.asarray(np.memmap(file, np.uint8, "r")), min(came, wanted)


def _cut_off(name: str, came: int, wanted: int) -> str:
    return f"{name} is cut off: its header speaks of {wanted:,} bytes, {came:,} are there; fetch it again"


def _npz(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is a damaged or cut-off .npz file ({error}): fetch it again") from error


def _headers(members: zipfile.ZipFile, path: Path) -> Iterator[tuple[str, _Header]]:
    for name in members.namelist():
        if name.endswith(".npy"):
            with members.open(name) as file:
                yield name.removesuffix(".npy"), _header(file, "npy", f"{path}:{name}")  # type: ignore[arg-type]


def _of_npz(path: Path) -> Stored:
    with _npz(path) as members:
        headers = dict(_headers(members, path))

        def read(name: str) -> Array:
            try:
                with members.open(f"{name}.npy") as file:
                    return _streamed(file, _header(file, "npy", str(path)), f"{path}:{name}")  # type: ignore[arg-type]
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise DataError(f"{path} is a damaged .npz file ({error}): fetch it again") from error

        chosen = _chosen(path, headers)
        array = as_pictures(read(chosen), f"{path}:{chosen}")
        labels = _labels_inside(headers, chosen, len(array), read)
    return Stored(array, labels)


def _chosen(path: Path, headers: dict[str, _Header]) -> str:
    """Return the name of the one array of pictures, or of the one with a usual name."""
    able = [name for name, header in headers.items() if is_pictures(header.shape, header.dtype)]
    usual = sorted((name for name in able if name.lower() in _PICTURES), key=lambda name: _PICTURES.index(name.lower()))
    if len(able) == 1 or usual:
        return able[0] if len(able) == 1 else usual[0]
    held = ", ".join(f"{name} {'×'.join(map(str, header.shape))}" for name, header in headers.items())
    fault = "several arrays that could be pictures" if able else "no array of pictures (n×h×w, or n×h×w×c)"
    raise DataError(f"{path} holds {fault}: it holds {held or 'nothing'}; name the pictures `images`")


def _labels_inside(headers: dict[str, _Header], chosen: str, n: int, read: Callable[[str], Array]) -> list[str] | None:
    """Return the labels under one of the usual names, first of those that go with the name of the pictures."""
    paired = [chosen.replace("images", "labels"), re.sub(r"^x", "y", chosen), re.sub(r"^X", "y", chosen)]
    names = {name.lower(): name for name in headers if name != chosen}
    for wanted in (*paired, *_LABELS):
        name = names.get(wanted.lower())
        if name is not None and (labels := as_labels(read(name), n)) is not None:
            return labels
    return None


def _labels_beside(path: Path, kind: str, n: int) -> list[str] | None:
    """Return the labels of the file that has the usual name beside an IDX or npy file."""
    for wanted in _label_names(path.name, kind):
        for file in sorted(path.parent.glob(f"{_escaped(wanted)}*")):
            if file != path and file.name.removeprefix(wanted) in ("", ".gz", ".xz", ".bz2", ".zst"):
                labels = as_labels(_of_file(file, kind), n)
                if labels is not None:
                    return labels
    return None


def _label_names(name: str, kind: str) -> list[str]:
    """Return what a file of labels is usually called, without the ending of a compression."""
    stem = re.sub(r"\.(gz|xz|bz2|zst)$", "", name)
    if kind == "idx":
        return [re.sub(r"idx\d", "idx1", stem.replace("images", "labels"))] if "images" in stem else []
    stem = stem.removesuffix(".npy")
    paired = [stem.replace("images", "labels"), re.sub(r"^[xX](?=$|_)", "y", stem), f"{stem}_labels", f"{stem}-labels"]
    return [f"{other}.npy" for other in paired if other != stem]


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)
