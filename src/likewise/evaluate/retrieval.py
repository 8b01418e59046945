"""Retrieval: vectors in, neighbours, recall, and what a vote of neighbours knows out. All searches are exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.errors import ShapeError
from likewise.evaluate.intervals import bootstrap_mean
from likewise.evaluate.rows import unit


def neighbours(vectors: Float[Array, "n d"], k: int, *, rows: Int[Array, " q"] | None = None) -> Int[Array, "q k"]:
    """Return the k nearest other rows by cosine, best first, of all rows or of some."""
    from likewise.kernels.neighbours import top_k

    x = unit(vectors)
    asked = np.arange(len(x)) if rows is None else np.asarray(rows, np.int64)
    near, _ = top_k(x[asked], x, min(k, len(x) - 1), metric="dot", exclude=asked.astype(np.int64)[:, None])
    return np.asarray(near)


def recall(found: Int[Array, "q k"], true: Int[Array, "q t"], *, name: str = "recall") -> Number:
    """Return the mean share of the true rows among the found ones, with a bootstrap interval over queries."""
    if len(found) != len(true):
        raise ShapeError(f"{len(found)} queries were answered, {len(true)} have true answers: they must be the same")
    shares = (true[:, :, None] == found[:, None, :]).any(axis=2).mean(axis=1) if true.size else np.zeros(len(true))
    low, high = bootstrap_mean(shares)
    return Number(f"{name}@{found.shape[1]}", float(shares.mean()) if len(shares) else 0.0, low, high, len(shares))


def overlap(
    one: Float[Array, "n d"], other: Float[Array, "n e"], *, k: int = 10, rows: Int[Array, " q"] | None = None
) -> Float[Array, " q"]:
    """Return for each row the share of its k nearest that two spaces of the same keys agree on."""
    if len(one) != len(other):
        raise ShapeError(f"the spaces have {len(one)} and {len(other)} rows: they must hold the same keys")
    a, b = neighbours(one, k, rows=rows), neighbours(other, k, rows=rows)
    result: Array = (a[:, :, None] == b[:, None, :]).any(axis=2).mean(axis=1)
    return result


def knn_probe(
    vectors: Float[Array, "n d"],
    labels: Sequence[str],
    *,
    k: int = 20,
    test: tuple[Float[Array, "m d"], Sequence[str]] | None = None,
    centred: bool = False,
) -> Number:
    """Return the accuracy of a vote of the k nearest by cosine, weighted by it: leave-one-out, or on `test`.

    `centred` subtracts the mean of `vectors` from both sides: never each side's own.
    """
    from likewise.kernels.neighbours import top_k

    classes, y = np.unique(np.asarray(labels, str), return_inverse=True)
    mean = np.asarray(vectors, np.float64).mean(axis=0) if centred else 0.0
    x = unit(np.asarray(vectors, np.float64) - mean)
    if test is None:
        own = np.arange(len(x), dtype=np.int64)[:, None]
        near, scores = top_k(x, x, min(k, len(x) - 1), metric="dot", exclude=own)
        truth, protocol = np.asarray(labels, str), "leave-one-out"
    else:
        queries, wanted = test
        near, scores = top_k(unit(np.asarray(queries, np.float64) - mean), x, min(k, len(x)), metric="dot")
        truth, protocol = np.asarray(wanted, str), "train/test"
    votes = np.zeros((len(near), len(classes)))
    for column in range(near.shape[1]):
        np.add.at(votes, (np.arange(len(near)), y[near[:, column]]), np.maximum(scores[:, column], 0) + 1e-9)
    right = (classes[votes.argmax(axis=1)] == truth).astype(np.float64)
    low, high = bootstrap_mean(right)
    chance = float(np.bincount(y).max() / len(y))
    return Number(f"knn@{k} {protocol}", float(right.mean()), low, high, len(right), {"most frequent class": chance})
