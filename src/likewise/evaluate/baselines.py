"""Baselines: what costs nothing to have, in the same shape as what was learned."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array


def untrained(n: int, dim: int, *, seed: int = 0) -> Float32[Array, "n d"]:
    """Return vectors as word2vec starts with them: uniform in ±.5/dim."""
    rng = np.random.default_rng(seed)
    return ((rng.random((n, dim), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)).astype(np.float32)


def one_hot(n: int) -> dict[str, float]:
    """Return what is true of n one-hot vectors without making them: n² numbers would not fit into memory."""
    return {
        "distance of any two": float(np.sqrt(2)),
        "cosine of any two": 0.0,
        "bytes a vector": 4.0 * n,
        "correlation with likeness": 0.0,
        "recall@10 of true neighbours": min(1.0, 10 / max(n - 1, 1)),
    }
