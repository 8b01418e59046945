"""Rows: keys in, their places out; vectors in, unit vectors out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from likewise.contracts import Array

_NUMBERS = 1 << 24  # of the rows that are multiplied at a time


def places(keys: Sequence[str]) -> dict[str, int]:
    """Return the row of each key."""
    return {key: row for row, key in enumerate(keys)}


def unit(vectors: Float[Array, "n d"]) -> Float32[Array, "n d"]:
    """Return the vectors with length 1; a zero vector stays zero, so that its cosine with everything is 0."""
    x: Array = np.asarray(vectors, np.float32)
    scale = np.abs(x).max(axis=1, initial=0, keepdims=True)
    x = x / np.where(scale > 0, scale, 1)  # squares of very small or large numbers would leave float32
    lengths = np.sqrt((x * x).sum(axis=1, keepdims=True))
    result: Array = x / np.where(lengths > 0, lengths, 1)
    return result


def cosines(vectors: Float[Array, "n d"], left: Int[Array, " m"], right: Int[Array, " m"]) -> Float[Array, " m"]:
    """Return the cosine of each pair of rows, in float64."""
    asked, at = np.unique(np.concatenate([left, right]), return_inverse=True)
    x = unit(vectors[asked]).astype(np.float64)
    result = np.empty(len(left))
    step = max(1, _NUMBERS // max(x.shape[1], 1))
    for start in range(0, len(left), step):  # of one-hot vectors all pairs at once would take gigabytes
        pairs = slice(start, start + step)
        a, b = x[at[: len(left)][pairs]], x[at[len(left) :][pairs]]
        result[pairs] = (a * b).sum(axis=1)
    return result


def known(entries: Iterable[tuple[str, str, float]], rows: dict[str, int]) -> tuple[Array, Array, Array]:
    """Return rows, rows and scores of the pairs whose words are both known."""
    found = [(rows[a], rows[b], score) for a, b, score in entries if a in rows and b in rows]
    table = np.asarray(found, np.float64).reshape(-1, 3)
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2]
