"""Geometry: vectors in, how the space is shaped out: isotropy, hubs, length and frequency."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.rows import unit
from likewise.evaluate.similarity import spearman

_ROWS = 10_000


def isotropy(vectors: Float[Array, "n d"]) -> Number:
    """Return I(V) = min Z / max Z over the principal directions c, Z(c) = Σ exp(cᵀv) (Mu & Viswanath 2018, eq. 1).

    Vectors are taken at rms length 1, so that the exponent does not depend on their scale. 1 is isotropic.
    """
    x = np.asarray(vectors, np.float64)
    rms = float(np.sqrt((x**2).sum(axis=1).mean()))
    if rms == 0:
        return Number("isotropy (Mu & Viswanath)", 0.0, n=len(x), note="all vectors are zero")
    x = x / rms
    _, directions = np.linalg.eigh(x.T @ x)
    sums = np.concatenate([np.exp(x @ directions).sum(axis=0), np.exp(-x @ directions).sum(axis=0)])
    return Number("isotropy (Mu & Viswanath)", float(sums.min() / sums.max()), n=len(x), baselines={"isotropic": 1.0})


def occurrences(vectors: Float[Array, "n d"], *, k: int = 10) -> Int[Array, " n"]:
    """Return how often each row is among the k nearest (cosine) of the others."""
    from likewise.kernels.neighbours import top_k

    n = len(vectors)
    if n < 2:
        return np.zeros(n, np.int64)
    own = np.arange(n, dtype=np.int64)[:, None]
    near, _ = top_k(unit(vectors), unit(vectors), min(k, n - 1), metric="dot", exclude=own)
    return np.bincount(np.asarray(near).ravel(), minlength=n)


def hubness(vectors: Float[Array, "n d"], *, k: int = 10, most_rows: int = _ROWS) -> list[Number]:
    """Return the skewness of the k-occurrence N_k (Radovanović et al. 2010) and the share of orphans (N_k = 0).

    Only the first `most_rows` rows are looked at, among themselves. 0 skewness: no hubs.
    """
    found = occurrences(vectors[:most_rows], k=k).astype(np.float64)
    deviation = found.std() if len(found) else 0.0
    skew = float((((found - found.mean()) / deviation) ** 3).mean()) if deviation > 0 else 0.0
    orphans = float((found == 0).mean()) if len(found) else 0.0
    n = len(found)
    return [
        Number(f"hubness: skewness of N_{k}", skew, n=n, baselines={"no hubs": 0.0}),
        Number(f"orphans: share with N_{k} = 0", orphans, n=n),
    ]


def norm_frequency(vectors: Float[Array, "n d"], counts: Int[Array, " n"], *, seed: int = 0) -> Number:
    """Return Spearman's correlation of a vector's length with its word's count: 0 if length does not tell frequency."""
    x = np.asarray(vectors, np.float64)
    lengths, often = np.sqrt((x**2).sum(axis=1)), np.asarray(counts, np.float64)
    value = spearman(lengths, often)
    rng = np.random.default_rng(seed)
    some = rng.choice(len(x), min(len(x), 5_000), replace=False)
    low, high = bootstrap(lambda rows: spearman(lengths[some][rows], often[some][rows]), len(some), resamples=200)
    return Number("length against frequency spearman", value, min(low, value), max(high, value), len(x), {"none": 0.0})
