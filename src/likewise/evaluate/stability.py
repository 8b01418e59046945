"""Stability: two spaces of the same keys in; how many neighbours they agree on, and how far vectors lie apart, out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap_mean
from likewise.evaluate.retrieval import overlap
from likewise.evaluate.rows import unit

BANDS = ("frequent", "middle", "rare")
_QUERIES = 1_000
_PAIRED = 10_000  # keys whose two vectors are compared


def stability(
    one: Float[Array, "n d"],
    other: Float[Array, "n d"],
    *,
    k: int = 10,
    bands: int = 3,
    seed: int = 0,
    between: str = "between two seeds",
) -> list[Number]:
    """Return the mean share of the k nearest that two spaces agree on, over all keys and by band of frequency.

    Keys are in falling frequency; each of `bands` holds the same number of them. Up to 1,000 keys a band are asked.
    Chance is k of the others. `between` says what is compared.
    """
    n = len(one)
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, n, bands + 1).astype(int)
    shares = []
    for low, high in pairwise(edges.tolist()):
        rows = np.sort(rng.choice(np.arange(low, high), min(high - low, _QUERIES), replace=False))
        shares.append(overlap(one, other, k=k, rows=rows) if n > 1 and len(rows) else np.zeros(0))
    names = BANDS if bands == 3 else [f"band {i + 1}" for i in range(bands)]
    found = [_number(f"overlap@{k} {between}", np.concatenate(shares), k, n)]
    return found + [_number(f"overlap@{k}, {name} words", s, k, n) for name, s in zip(names, shares, strict=True)]


def overlap_among(
    one: Float[Array, "n d"],
    other: Float[Array, "n d"],
    chosen: Bool[Array, " n"],
    *,
    k: int = 10,
    seed: int = 0,
    who: str,
) -> Number:
    """Return the mean share of the k nearest that two spaces agree on, for up to 1,000 of the chosen keys."""
    rows = np.flatnonzero(chosen)
    rows = np.sort(np.random.default_rng(seed).choice(rows, min(len(rows), _QUERIES), replace=False))
    shares = overlap(one, other, k=k, rows=rows) if len(one) > 1 and len(rows) else np.zeros(0)
    return _number(f"overlap@{k}, {who}", shares, k, len(one))


def moved(before: Float[Array, "n d"], after: Float[Array, "n d"], *, seed: int = 0) -> list[Number]:
    """Return the mean cosine of a key's vector before and after, as they are and with the spaces turned together.

    The turn is the orthogonal map that brings unit vectors before nearest to those after (Schönemann 1966), found from
    one half of the keys and judged on the other, both ways; of up to 10,000 keys. Beside it stands the
    same between each key and another one.
    """
    n = len(before)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(n)[:_PAIRED]
    a, b = unit(before[rows]).astype(np.float64), unit(after[rows]).astype(np.float64)
    turned = np.empty_like(a)
    halves = np.arange(len(rows)) % 2 == 0
    for half in (halves, ~halves):
        turned[half] = a[half] @ turn(a[~half], b[~half])
    numbers = []
    for name, x in (("as they are", a), ("spaces turned together", turned)):
        cosines = (x * b).sum(axis=1)
        low, high = bootstrap_mean(cosines)
        apart = float((x * np.roll(b, 1, axis=0)).sum(axis=1).mean()) if n > 1 else 0.0
        mean = float(cosines.mean()) if n else 0.0
        numbers.append(
            Number(f"cosine of a word before and after, {name}", mean, low, high, len(rows), {"another word": apart})
        )
    return numbers


def turn(one: Float[Array, "n d"], other: Float[Array, "n d"]) -> Float[Array, "d d"]:
    """Return the orthogonal R that makes ‖one · R − other‖ least: U Vᵀ of the singular vectors of oneᵀ · other."""
    left, _, right = np.linalg.svd(one.T @ other)
    return np.asarray(left @ right)


def moved_most(
    before: Float[Array, "n d"], after: Float[Array, "n d"], rows: Int[Array, " q"], *, k: int = 10
) -> Int[Array, " q"]:
    """Return `rows` with those first that keep the fewest of their k nearest."""
    order: Array = rows[np.argsort(overlap(before, after, k=k, rows=rows), kind="stable")]
    return order


def _number(name: str, shares: Float[Array, " q"], k: int, n: int) -> Number:
    low, high = bootstrap_mean(shares)
    mean = float(shares.mean()) if len(shares) else 0.0
    return Number(name, mean, low, high, len(shares), {"chance": min(1.0, k / max(n - 1, 1))})
