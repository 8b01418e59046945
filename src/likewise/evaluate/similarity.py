"""Similarity: scored pairs of words in, how well cosine ranks them as people do out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.rows import cosines, known, places


def spearman(x: Float[Array, " n"], y: Float[Array, " n"]) -> float:
    """Return Spearman's rank correlation, ties by mean rank; 0 where one side is constant or there are fewer than 2."""
    from scipy.stats import rankdata

    return _pearson(rankdata(x), rankdata(y))


def _pearson(x: Array, y: Array) -> float:
    if len(x) < 2:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    both = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / both, -1, 1)) if both > 0 else 0.0


def similarity(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    pairs: Sequence[tuple[str, str, float]],
    *,
    name: str = "similarity",
    untrained: Float[Array, "n d"] | None = None,
    seed: int = 0,
) -> Number:
    """Return Spearman's correlation of cosine with people's scores, with a bootstrap interval over pairs.

    Pairs with an unknown word are left out and counted in the note. One-hot vectors give every pair of different
    words cosine 0: their correlation is defined as 0, as chance's is.
    """
    left, right, scores = known(pairs, places(keys))
    found = cosines(vectors, left, right)
    low, high = bootstrap(lambda rows: spearman(found[rows], scores[rows]), len(scores), seed=seed)
    baselines = {"one-hot": 0.0, "chance": 0.0}
    if untrained is not None:
        baselines = {"untrained": spearman(cosines(untrained, left, right), scores), **baselines}
    value = spearman(found, scores)
    missing = len(pairs) - len(scores)
    note = f"{missing} of {len(pairs)} pairs left out: a word is unknown" if missing else ""
    return Number(f"{name} spearman cosine", value, min(low, value), max(high, value), len(scores), baselines, note)
