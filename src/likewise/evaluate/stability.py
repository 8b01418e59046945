"""Stability: two spaces of the same keys in, how many neighbours they agree on out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap_mean
from likewise.evaluate.retrieval import overlap

_QUERIES = 1_000


def stability(
    one: Float[Array, "n d"], other: Float[Array, "n d"], *, k: int = 10, bands: int = 3, seed: int = 0
) -> list[Number]:
    """Return the mean share of the k nearest that two seeds agree on, over all keys and by band of frequency.

    Keys are in falling frequency; each of `bands` holds the same number of them. Up to 1,000 keys a band are asked.
    Chance is k of the others.
    """
    n = len(one)
    rng = np.random.default_rng(seed)
    chance = min(1.0, k / max(n - 1, 1))
    edges = np.linspace(0, n, bands + 1).astype(int)
    shares = []
    for low, high in pairwise(edges.tolist()):
        rows = np.sort(rng.choice(np.arange(low, high), min(high - low, _QUERIES), replace=False))
        shares.append(overlap(one, other, k=k, rows=rows) if n > 1 and len(rows) else np.zeros(0))
    everything = np.concatenate(shares)
    names = ["frequent", "middle", "rare"] if bands == 3 else [f"band {i + 1}" for i in range(bands)]
    found = [_number(f"overlap@{k} between two seeds", everything, chance)]
    return found + [_number(f"overlap@{k}, {name} words", s, chance) for name, s in zip(names, shares, strict=True)]


def _number(name: str, shares: Float[Array, " q"], chance: float) -> Number:
    low, high = bootstrap_mean(shares)
    mean = float(shares.mean()) if len(shares) else 0.0
    return Number(name, mean, low, high, len(shares), {"chance": chance})
