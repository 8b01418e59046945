"""Exact nearest neighbours in plain NumPy: what the compiled search must equal, written to be read.

Queries and base rows in; for each query the k best rows and their scores out: computed in
float64, rounded to float32 once, and ordered by what is left.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from likewise.contracts import Array


def cosines(queries: Float[Array, "q d"], base: Float[Array, "n d"]) -> Float64[Array, "q n"]:
    """Return all cosines; a zero vector has cosine 0 to everything, itself included."""
    return _units(queries) @ _units(base).T


def _units(vectors: Float[Array, "n d"]) -> Float64[Array, "n d"]:
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1.0)


def dots(queries: Float[Array, "q d"], base: Float[Array, "n d"]) -> Float64[Array, "q n"]:
    """Return all inner products."""
    return np.asarray(queries, np.float64) @ np.asarray(base, np.float64).T


def distances(queries: Float[Array, "q d"], base: Float[Array, "n d"]) -> Float64[Array, "q n"]:
    """Return all Euclidean distances, by differences: exact also for close points."""
    wide = np.asarray(base, np.float64)
    return np.stack([np.linalg.norm(wide - query, axis=1) for query in np.asarray(queries, np.float64)])


SCORES = {"cosine": cosines, "dot": dots, "euclidean": distances}


def top_k(
    queries: Float[Array, "q d"], base: Float[Array, "n d"], k: int, *, metric: str, exclude: Int64[Array, "q m"]
) -> tuple[Int64[Array, "q k"], Float32[Array, "q k"]]:
    """Return rows and scores, best first, ties by lower row; −1 and ±inf where fewer than k are left."""
    sign = 1.0 if metric == "euclidean" else -1.0
    rows = np.full((len(queries), k), -1, np.int64)
    found = np.full((len(queries), k), sign * np.inf, np.float32)
    for i in range(len(queries)):
        scores = SCORES[metric](queries[i : i + 1], base)[0].astype(np.float32)
        order = np.argsort(sign * scores, kind="stable")
        order = order[~np.isin(order, exclude[i])][:k]
        rows[i, : len(order)], found[i, : len(order)] = order, scores[order]
    return rows, found
