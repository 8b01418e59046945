"""Intervals: a sample in, the bounds of a 95 % interval out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array

LEVEL = 0.95
RESAMPLES = 1000
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927): right near 0 and 1, where the usual one is not.

    >>> low, high = wilson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    if n == 0:
        return 0.0, 1.0
    share, square = successes / n, _Z**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(
    statistic: Callable[[Int[Array, " n"]], float], n: int, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic of n items (Efron 1979).

    `statistic` is given the rows of a resample, drawn with replacement.
    """
    if n == 0:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, n, n)) for _ in range(resamples)]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def bootstrap_mean(values: Float[Array, " n"], *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean.

    Resamples are drawn as multinomial weights, 64 at a time, so that memory stays small.
    """
    n = len(values)
    if n == 0:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    means: list[Array] = []
    for start in range(0, resamples, 64):
        rows = rng.integers(0, n, (min(64, resamples - start), n))
        means.append(np.asarray(values, np.float64)[rows].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
