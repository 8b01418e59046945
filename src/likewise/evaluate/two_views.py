"""Two views of the same items: two matrices in, how far the vectors tell items from one another out.

No labels are needed, so it serves every kind of object. Vectors are centred by the mean of both views together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from likewise.contracts import Array, Number
from likewise.errors import ShapeError
from likewise.evaluate.intervals import wilson
from likewise.evaluate.rows import unit

BINS: Final = 40  # of similarities, from −1 to 1
MOST_COMPARED: Final = 512  # items whose views are compared with one another


def found_again(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Bool[Array, " 2n"]:
    """Return for each view whether the nearest of all views of the other kind (cosine, centred) is its own item's.

    A tie counts as not found: of vectors that are all alike none is found.
    """
    _check(a, b)
    mean = (np.asarray(a, np.float64).mean(0) + np.asarray(b, np.float64).mean(0)) / 2
    scores = unit(a - mean) @ unit(b - mean).T
    own = scores.diagonal().copy()
    np.fill_diagonal(scores, -np.inf)
    if len(scores) == 1:
        return np.zeros(2, bool)
    return np.concatenate([own > scores.max(1), own > scores.max(0)])


def view_retrieval(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Number:
    """Return the share of views whose other view is nearest (view retrieval@1), with a Wilson interval of n items."""
    right = found_again(a, b)
    share, n = float(right.mean()), len(a)
    low, high = wilson(round(share * n), n)
    return Number("view retrieval@1", share, low, high, n, {"chance": 1 / n})


def signal_to_noise(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> float:
    """Return the variance between items over the variance between views of one item: 0 for noise.

    Variances are traces; that between items is (MS_between − MS_within) / 2 of a one-way analysis, not below 0. A
    constant has 0, views without any difference the largest float32.
    """
    _check(a, b)
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    middle = (x + y) / 2
    within = float(((x - y) ** 2).sum(1).mean() / 2)
    between = float(2 * ((middle - middle.mean(0)) ** 2).sum() / max(1, len(x) - 1))
    if between <= 1e-24 * float((middle**2).mean()):  # what rounding leaves of a constant
        return 0.0
    if within <= between * 1e-12:
        return float(np.finfo(np.float32).max)
    return max(0.0, (between - within) / (2 * within))


def similarity_counts(
    a: Float[Array, "n d"], b: Float[Array, "n d"], *, most: int = MOST_COMPARED
) -> tuple[Int[Array, " 40"], Int[Array, " 40"]]:
    """Count sim(x, x⁺) and sim(x, x⁻) in `BINS` equal bins from −1 to 1: pull and push, seen.

    x⁺ is the other view of an item, x⁻ the other view of another; sim is the cosine as losses take it, not centred; a
    vector of length 0 has cosine 0. The first `most` items are compared.
    """
    _check(a, b)
    x, y = (unit(np.asarray(z[:most], np.float32)) for z in (a, b))
    bins = ((np.clip(x @ y.T, -1, 1) + 1) * (BINS / 2)).astype(np.int64).clip(max=BINS - 1)
    pulled = np.bincount(bins.diagonal(), minlength=BINS)
    return pulled, np.bincount(bins.ravel(), minlength=BINS) - pulled


def apartness(pulled: Int[Array, " b"], pushed: Int[Array, " b"]) -> float:
    """Return how often sim(x, x⁺) is above sim(x, x⁻), from counts in the same bins; a tie counts half (½ is chance).

    It is the area under the curve of a test that tells x⁺ from x⁻ by likeness.
    """
    pulled, pushed = np.asarray(pulled, np.float64), np.asarray(pushed, np.float64)
    pairs = pulled.sum() * pushed.sum()
    below = pushed.cumsum() - pushed / 2
    return float((pulled * below).sum() / pairs) if pairs else 0.5


def _check(a: Array, b: Array) -> None:
    if a.shape != b.shape or a.ndim != 2 or not len(a):
        raise ShapeError(f"views of shapes {a.shape} and {b.shape} came: two matrices of the same items are needed")
