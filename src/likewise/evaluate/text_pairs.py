"""Pairs of texts: the vectors of both sides and people's scores in; how well cosine agrees with them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.errors import DataError, ShapeError
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.rows import cosines
from likewise.evaluate.similarity import pearson, spearman


def pair_cosines(first: Float[Array, "n d"], second: Float[Array, "n d"]) -> Float[Array, " n"]:
    """Return the cosine of each pair; 0 where a side is a vector of zeros, as a text without known words has."""
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 2:
        raise ShapeError(
            f"the sides are {first.shape} and {second.shape}: a pair has a vector of the same dims on each"
        )
    wrong = ~(np.isfinite(first).all(1) & np.isfinite(second).all(1))
    if wrong.any():
        raise DataError(f"pair {int(wrong.argmax()) + 1} has a vector that is not finite, one of {int(wrong.sum()):,}")
    rows = np.arange(len(first))
    return cosines(np.concatenate([first, second]), rows, rows + len(first))


def text_likeness(
    first: Float[Array, "n d"],
    second: Float[Array, "n d"],
    scores: Sequence[float],
    *,
    name: str = "pairs of texts",
    seed: int = 0,
) -> tuple[Number, Number]:
    """Return Spearman's and Pearson's correlation of cosine with people's scores, with bootstrap intervals over pairs.

    Vectors that tell nothing (all alike, or drawn at random) reach 0, which stands beside as chance. The order is what
    counts (Reimers et al. 2016, "Task-Oriented Intrinsic Evaluation of Semantic Textual Similarity"), so Spearman is
    first; Pearson asks for a straight line.
    """
    found = pair_cosines(first, second)
    empty = int((~(np.any(first, axis=1) & np.any(second, axis=1))).sum())
    note = f"{empty} of {len(found)} pairs have a side without a vector: cosine 0" if empty else ""
    return cosine_likeness(found, scores, name=name, note=note, seed=seed)


def cosine_likeness(
    cosines: Float[Array, " n"],
    scores: Sequence[float],
    *,
    name: str = "pairs of texts",
    note: str = "",
    seed: int = 0,
) -> tuple[Number, Number]:
    """Return what `text_likeness` does, of cosines that are there already."""
    if len(scores) != len(cosines):
        raise ShapeError(f"{len(cosines)} pairs came with {len(scores)} scores: each has one")
    found, told = np.asarray(cosines, np.float64), np.asarray(scores, np.float64)

    def number(kind: str, correlation: Callable[[Array, Array], float]) -> Number:
        low, high = bootstrap(lambda rows: correlation(found[rows], told[rows]), len(told), seed=seed)
        value = correlation(found, told)
        return Number(
            f"{name} {kind} cosine", value, min(low, value), max(high, value), len(told), {"chance": 0.0}, note
        )

    return number("spearman", spearman), number("pearson", pearson)
