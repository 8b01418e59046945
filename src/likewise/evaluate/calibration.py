"""Calibration: vectors in, which cosine means "related" out, and how often that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import wilson
from likewise.evaluate.rows import cosines, known, places

_PAIRS = 20_000
_RELATED = 0.7  # of the way up a file's scale: pairs that people call alike


@dataclass(frozen=True)
class Calibration:
    """The cosines of random pairs and of related ones, and the threshold between them."""

    random: Float[Array, " r"]
    related: Float[Array, " p"]
    threshold: float
    strict: float
    numbers: list[Number]


def calibrate(
    vectors: Float[Array, "n d"],
    *,
    keys: Sequence[str] = (),
    pairs: Sequence[tuple[str, str, float]] = (),
    draws: int = _PAIRS,
    seed: int = 0,
) -> Calibration:
    """Draw random pairs and say which cosine only one in a hundred of them passes.

    The share of false alarms is counted on a second, independent draw. With scored `pairs`, those in the upper 30 %
    of their scale are called related, and the misses are those below the threshold.
    """
    null, again = _draw(vectors, draws, seed), _draw(vectors, draws, seed + 1)
    threshold, strict = (float(q) for q in np.quantile(null, [0.99, 0.999])) if len(null) else (0.0, 0.0)
    numbers = [
        Number("cosine of random pairs, mean", float(null.mean()) if len(null) else 0.0, n=len(null)),
        Number("cosine that 1 in 100 random pairs passes", threshold, n=len(null), baselines={"one-hot": 0.0}),
        Number("cosine that 1 in 1,000 random pairs passes", strict, n=len(null), baselines={"one-hot": 0.0}),
        _share("false alarms at the 1 in 100 threshold, second draw", again > threshold, {"stated": 0.01}),
    ]
    related = np.zeros(0)
    if pairs:
        left, right, scores = known(pairs, places(keys))
        all_scores = [score for _, _, score in pairs]
        bar = min(all_scores) + _RELATED * (max(all_scores) - min(all_scores))
        alike = scores >= bar
        related = cosines(vectors, left[alike], right[alike]) if alike.any() else related
        numbers.append(
            _share("misses: related pairs below the threshold", related <= threshold, {"one-hot": 1.0, "chance": 0.99})
        )
    return Calibration(null, related, threshold, strict, numbers)


def _share(name: str, hits: Array, baselines: dict[str, float]) -> Number:
    n = len(hits)
    low, high = wilson(int(hits.sum()), n)
    return Number(name, float(hits.mean()) if n else 0.0, low, high, n, baselines)


def _draw(vectors: Float[Array, "n d"], draws: int, seed: int) -> Float[Array, " r"]:
    n = len(vectors)
    if n < 2:
        return np.zeros(0)
    rng = np.random.default_rng(seed)
    left = rng.integers(0, n, draws)
    right = (left + rng.integers(1, n, draws)) % n  # never the word itself
    return cosines(vectors, left, right)
