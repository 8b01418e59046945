"""Exact nearest neighbours: queries and base rows in, the k best rows for each query and their scores out."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float, Float32, Int, Int64

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError
from likewise.kernels import _native, neighbours_twin
from likewise.kernels.levels import level as chosen_level

Metric: TypeAlias = Literal["cosine", "dot", "euclidean"]
METRICS: tuple[str, ...] = get_args(Metric)


def top_k(
    queries: Float[Array, "q d"],
    base: Float[Array, "n d"],
    k: int,
    *,
    metric: str = "cosine",
    exclude: Int[Array, "q m"] | None = None,
    threads: int = 0,
    level: str | None = None,
) -> tuple[Int64[Array, "q k"], Float32[Array, "q k"]]:
    """Return the rows of the k best for each query, and their scores, best first, ties by lower row.

    Scores are cosines, inner products or Euclidean distances. `exclude` holds rows never to return, −1 for none.
    k is cut to n; where `exclude` leaves fewer than k rows, the rest is row −1 with the worst score (∓inf).

    >>> base = np.eye(3, dtype=np.float32)
    >>> rows, scores = top_k(base[:1], base, 2)
    >>> rows.tolist(), scores.tolist()
    ([[0, 1]], [[1.0, 0.0]])
    """
    queries, base, excluded = _checked(queries, base, k, metric, exclude)
    k, name = min(k, len(base)), chosen_level(level)
    if name == "numpy":
        return neighbours_twin.top_k(queries, base, k, metric=metric, exclude=excluded)
    rows, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    workers = threads if threads > 0 else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    _native.top_k(queries, base, METRICS.index(metric), excluded, workers or os.cpu_count() or 1, name, rows, scores)
    return rows, scores


def _checked(
    queries: Float[Array, "q d"], base: Float[Array, "n d"], k: int, metric: str, exclude: Int[Array, "q m"] | None
) -> tuple[Float32[Array, "q d"], Float32[Array, "n d"], Int64[Array, "q m"]]:
    if metric not in METRICS:
        raise OptionError(f"metric {metric!r}: metrics are {', '.join(METRICS)}")
    if k < 1:
        raise OptionError(f"k is {k}: ask for at least one neighbour")
    queries = np.ascontiguousarray(queries, np.float32)
    base = np.ascontiguousarray(base, np.float32)
    if queries.ndim != 2 or base.ndim != 2 or queries.shape[1] != base.shape[1]:
        raise ShapeError(f"queries are {queries.shape} and base is {base.shape}: both must be (rows, dims), equal dims")
    if exclude is None:
        exclude = np.full((len(queries), 0), -1)
    if exclude.ndim != 2 or len(exclude) != len(queries):
        raise ShapeError(f"exclude is {exclude.shape}: it needs one line for each of the {len(queries)} queries")
    return queries, base, np.ascontiguousarray(exclude, np.int64)
