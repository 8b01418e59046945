"""Safetensors, what we need of it: a matrix in by blocks or arrays of known shapes, mapped arrays out.

The format is eight bytes of length (little-endian), that many bytes of JSON, and the raw numbers
(https://huggingface.co/docs/safetensors). Written here because the package of that name can neither
write a matrix that is larger than memory nor map one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Float32

from likewise.contracts import Array
from likewise.errors import FormatError

_HEADER = 256
_LARGEST_HEADER = 100 << 20
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
_STORED = {"U8": "|u1", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U64": "<u8"}


def write_matrix(file: BinaryIO, name: str, dim: int, blocks: Iterable[Float[Array, "n d"]]) -> int:
    """Write rows as they come and return how many came; the header is filled in at the end."""
    start, rows = file.tell(), 0
    file.write(bytes(_HEADER))
    for block in blocks:
        file.write(np.ascontiguousarray(block, "<f4").data)
        rows += len(block)
    entry = {"dtype": "F32", "shape": [rows, dim], "data_offsets": [0, 4 * rows * dim]}
    text = json.dumps({name: entry}, separators=(",", ":")).encode()
    if len(text) > _HEADER - 8:
        raise ValueError(f"the name {name!r} is too long")
    file.seek(start)
    file.write((_HEADER - 8).to_bytes(8, "little") + text.ljust(_HEADER - 8))
    file.seek(0, 2)
    return rows


def map_matrix(path: Path, name: str) -> Float[Array, "n d"]:
    """Return one matrix of a safetensors file as a mapped, read-only array: nothing is read until it is used."""
    entry, start = _entry(path, name)
    kind, shape, (first, last) = _TYPES.get(entry["dtype"]), entry["shape"], entry["data_offsets"]
    if kind is None or len(shape) != 2:
        raise FormatError(f"{path}: {name!r} is {entry['dtype']} {shape}; a matrix of F16, F32 or F64 is needed")
    if (
        min(*shape, first) < 0
        or last - first != math.prod(shape) * np.dtype(kind).itemsize
        or start + last > path.stat().st_size
    ):
        raise FormatError(f"{path}: {name!r} of shape {shape} does not fit into bytes {first} to {last} of the file")
    if not math.prod(shape):
        return np.zeros(shape, kind)
    return np.memmap(path, kind, "r", offset=start + first, shape=tuple(shape))


def _entry(path: Path, name: str) -> tuple[dict[str, Any], int]:
    """Return what the header says about a tensor, and the byte at which the numbers start."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        text = file.read(size) if 0 < size <= _LARGEST_HEADER else b""
    try:
        header = json.loads(text)
        entry = header[name]
        checked = {
            "dtype": str(entry["dtype"]),
            "shape": [int(n) for n in entry["shape"]],
            "data_offsets": [int(n) for n in entry["data_offsets"]],
        }
        if len(checked["data_offsets"]) != 2:
            raise ValueError("data_offsets are two numbers")
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is not a safetensors file that holds {name!r}") from error
    return checked, 8 + size


def read_matrix(path: Path, name: str) -> Float32[Array, "n d"]:
    """Return one matrix as float32, mapped if it is stored so."""
    return np.asarray(map_matrix(path, name), np.float32)


def write_arrays(file: BinaryIO, arrays: Mapping[str, Sequence[Array]]) -> None:
    """Write arrays, each given as one piece or as several to be joined along the first axis."""
    kinds = {np.dtype(kind): name for name, kind in _STORED.items()}
    header: dict[str, Any] = {}
    at = 0
    for name, pieces in arrays.items():
        shape = [sum(len(piece) for piece in pieces), *pieces[0].shape[1:]]
        size = sum(piece.nbytes for piece in pieces)
        header[name] = {"dtype": kinds[pieces[0].dtype], "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for pieces in arrays.values():
        for piece in pieces:
            file.write(np.ascontiguousarray(piece).data)


def map_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of a file that `write_arrays` wrote and whose digest was checked, mapped and read-only."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    return {
        name: np.asarray(
            np.memmap(path, _STORED[entry["dtype"]], "r", 8 + size + entry["data_offsets"][0], tuple(entry["shape"]))
            if math.prod(entry["shape"])
            else np.zeros(entry["shape"], _STORED[entry["dtype"]])
        )
        for name, entry in header.items()
    }
