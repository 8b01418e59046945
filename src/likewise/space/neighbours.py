"""Likeness in a space: vectors and a question in, scored rows out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from likewise.contracts import Array
from likewise.errors import OptionError


class Neighbour(NamedTuple):
    """One answer: a key, and its score (cosine or inner product: more is nearer; Euclidean: less is nearer)."""

    key: str
    score: float


class Analogy(NamedTuple):
    """Both answers to one analogy: without the three inputs among the candidates, and with them.

    Excluding the inputs flatters: often the nearest vector to b − a + c is c itself, and the second is shown.
    """

    excluded: list[Neighbour]
    included: list[Neighbour]


def unit(vector: Float[Array, " d"]) -> Float64[Array, " d"]:
    """Return the vector at length one, in float64; a zero vector stays zero."""
    wide = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(wide))
    return wide / length if length > 0 else wide


def cosine(a: Float[Array, " d"], b: Float[Array, " d"]) -> float:
    """Return the cosine of two vectors; 0 when one of them is zero.

    >>> cosine(np.array([1.0, 0.0]), np.array([0.0, 0.0]))
    0.0
    """
    return float(np.clip(unit(a) @ unit(b), -1.0, 1.0))


def cosine_add(*, plus: Float[Array, "p d"], minus: Float[Array, "m d"]) -> Float64[Array, " d"]:
    """Return the vector whose cosines rank as 3CosAdd does: Σ unit(plus) − Σ unit(minus).

    max over x of cos(x, b) − cos(x, a) + cos(x, c) = max over x of cos(x, b̂ − â + ĉ), the method that
    Levy & Goldberg (2014, Linguistic Regularities in Sparse and Explicit Word Representations) name 3CosAdd.
    """
    heads = np.stack([*(unit(v) for v in plus), *(-unit(v) for v in minus)])
    return np.asarray(heads.sum(axis=0))


def cosine_multiply(
    vectors: Float[Array, "n d"],
    *,
    plus: Float[Array, "p d"],
    minus: Float[Array, "m d"],
    epsilon: float = 1e-3,
    block: int = 65536,
) -> Float64[Array, " n"]:
    """Return the 3CosMul score of every row: Π s(x, plus) / (Π s(x, minus) + ε), with s = (cos + 1) / 2.

    Levy & Goldberg (2014), 3CosMul: max over x of cos(x, b) · cos(x, c) / (cos(x, a) + ε), where cosines are
    moved to [0, 1] by (cos + 1) / 2 and ε = .001. With several vectors on a side, their product is taken.
    """
    heads = np.stack([unit(v) for v in (*plus, *minus)])
    scores = np.empty(len(vectors))
    for start in range(0, len(vectors), block):
        rows = np.asarray(vectors[start : start + block], np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        shifted = (rows @ heads.T / np.where(lengths > 0, lengths, 1.0) + 1.0) / 2.0
        over, under = shifted[:, : len(plus)], shifted[:, len(plus) :]
        scores[start : start + block] = over.prod(axis=1) / (under.prod(axis=1) + epsilon)
    return scores


def distance(a: Float[Array, " d"], b: Float[Array, " d"], metric: str) -> float:
    """Return 1 − cosine, or the Euclidean distance."""
    if metric == "cosine":
        return 1.0 - cosine(a, b)
    if metric == "euclidean":
        return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))
    raise OptionError(f"metric {metric!r}: distances are cosine (1 − cos) or euclidean; an inner product is none")
