"""Content: keys, vectors and columns in; the same, checked at the door, or their digest out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from likewise.contracts import Array
from likewise.errors import DataError, ShapeError
from likewise.files import digest_of_json

_BLOCK = 65536


def digest_of_content(keys: Sequence[str], vectors: Float32[Array, "n d"]) -> str:
    """Return `sha256:…` of keys and float32 vectors: equal in every file format that holds the same."""
    digest = ContentDigest()
    for start in range(0, len(keys), _BLOCK):
        digest.add(keys[start : start + _BLOCK], vectors[start : start + _BLOCK])
    return digest.value


class ContentDigest:
    """The digest of a space that comes in blocks of rows."""

    def __init__(self) -> None:
        self._keys, self._vectors, self._dim = hashlib.sha256(), hashlib.sha256(), 0

    def add(self, keys: Sequence[str], vectors: Float32[Array, "n d"]) -> None:
        """Take the next rows."""
        for key in keys:
            data = key.encode()
            self._keys.update(len(data).to_bytes(8, "little") + data)
        self._vectors.update(np.ascontiguousarray(vectors, "<f4").data)
        self._dim = int(vectors.shape[1])

    @property
    def value(self) -> str:
        """`sha256:…` of all rows so far."""
        return digest_of_json({"dim": self._dim, "keys": self._keys.hexdigest(), "vectors": self._vectors.hexdigest()})


def index_of(keys: Sequence[str]) -> dict[str, int]:
    """Return the row of each key; DataError for a key that is not a string or comes twice."""
    index = dict(zip(keys, range(len(keys)), strict=True))
    for row, key in enumerate(keys if len(index) < len(keys) or not set(map(type, keys)) <= {str} else ()):
        if not isinstance(key, str):
            raise DataError(f"key {key!r} of row {row} is a {type(key).__name__}: keys are strings, make it str first")
        if index[key] != row:
            raise DataError(f"key {key!r} comes twice, in rows {row} and {index[key]}: keys must be unique")
    _check_unicode(keys)
    return index


def _check_unicode(keys: Sequence[str]) -> None:
    try:
        "".join(keys).encode()
    except UnicodeEncodeError:
        bad = next(key for key in keys if any("\ud800" <= letter <= "\udfff" for letter in key))
        raise DataError(f"key {bad!r} holds half of a surrogate pair, which is no text: decode it anew") from None


def checked_vectors(vectors: Float[Array, "n d"], keys: Sequence[str]) -> Float32[Array, "n d"]:
    """Return the vectors as read-only float32 rows, copied only if they were anything else."""
    given = np.asanyarray(vectors)
    if given.ndim != 2 or given.shape[1] == 0:
        raise ShapeError(f"vectors have shape {given.shape}: (rows, dims) with at least one dim is needed")
    if given.dtype.kind not in "fiu":
        raise DataError(f"vectors are {given.dtype}: numbers are needed")
    if len(given) != len(keys):
        raise ShapeError(f"{len(keys):,} keys came for {len(given):,} vectors: one key a vector is needed")
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.ascontiguousarray(given, np.float32).view()
        row = first_not_finite(out)
    if row is not None:
        raise DataError(
            f"the vector of {keys[row]!r} (row {row}) holds NaN, infinity or a number beyond float32: "
            "mend it or leave it out"
        )
    out.flags.writeable = False
    return out


def first_not_finite(vectors: Float32[Array, "n d"]) -> int | None:
    """Return the first row with NaN or infinity; a block's sum tells at the speed of memory whether there is one."""
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(vectors), _BLOCK):
            block = vectors[start : start + _BLOCK]
            if not np.isfinite(np.add.reduce(block, axis=None)):
                bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
                if len(bad):
                    return start + int(bad[0])
    return None


def checked_items(items: Mapping[str, Any], n: int) -> Mapping[str, Array]:
    """Return the columns of metadata as arrays of one value a key."""
    columns = {name: np.asarray(column) for name, column in items.items()}
    for name, column in columns.items():
        if column.shape[:1] != (n,):
            raise ShapeError(
                f"the column {name!r} has shape {column.shape}: one value for each of {n:,} keys is needed"
            )
    return MappingProxyType(columns)
