"""The subject of a report: keys, vectors and whatever else is known in, checked and in falling frequency out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array
from likewise.errors import ShapeError
from likewise.evaluate.baselines import untrained as untrained_start
from likewise.evaluate.similarity import ByLetters


@dataclass(frozen=True)
class Before:
    """The space from which learning went on; `seeds` are the shares of neighbours that two seeds of it agree on.

    They are those of `stability.stability`: of all words, and by band of frequency.
    """

    name: str
    keys: Sequence[str]
    vectors: Float[Array, "m d"]
    counts: Int[Array, " m"] | None = None
    seeds: Sequence[float] = ()


@dataclass(frozen=True)
class Subject:
    """Words with their vectors, most frequent first, and what is there to judge them by."""

    keys: list[str]
    vectors: Float[Array, "n d"]
    untrained: Float[Array, "n d"]
    counts: Int[Array, " n"] | None = None
    second: Float[Array, "n e"] | None = None
    history: Sequence[Mapping[str, Any]] = ()
    analogies: Mapping[str, Sequence[tuple[str, str, str, str, str]]] = field(default_factory=dict)
    pairs: Mapping[str, Sequence[tuple[str, str, float]]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    seed: int = 0
    by_letters: ByLetters | None = None
    before: Before | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def finite(self) -> bool:
        """Whether every coordinate is a number; if not, only the verdict is worth telling."""
        return bool(np.isfinite(self.vectors).all() and (self.second is None or np.isfinite(self.second).all()))

    def bands(self) -> dict[str, tuple[int, int]]:
        """Return the first and last row of the frequent, the middle and the rare words."""
        n = len(self)
        if n < 30:
            return {"all": (0, n)}
        return {"frequent": (0, n // 3), "middle": (n // 3, 2 * n // 3), "rare": (2 * n // 3, n)}


def subject(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    *,
    counts: Int[Array, " n"] | None,
    second: Float[Array, "n e"] | None,
    untrained: Float[Array, "n d"] | None,
    seed: int,
    **known: Any,
) -> Subject:
    """Check that all belong together, put the most frequent words first, and fill in an untrained start."""
    vectors = np.asarray(vectors)
    n = len(keys)
    if vectors.ndim != 2 or len(vectors) != n or 0 in vectors.shape:
        raise ShapeError(f"{n} keys came with vectors of shape {vectors.shape}: give one row of numbers for each key")
    for name, rows in (("counts", counts), ("second", second), ("untrained", untrained)):
        if rows is not None and len(rows) != n:
            raise ShapeError(f"{name} has {len(rows)} rows, there are {n} keys: give one for each key")
    start = untrained_start(n, vectors.shape[1], seed=seed) if untrained is None else np.asarray(untrained)
    again = None if second is None else np.asarray(second)
    keys, often = list(keys), None if counts is None else np.asarray(counts)
    if often is not None and (often[1:] > often[:-1]).any():
        order = np.argsort(-often.astype(np.int64), kind="stable")
        keys, often, vectors, start = [keys[i] for i in order], often[order], vectors[order], start[order]
        again = None if again is None else again[order]
    return Subject(keys, vectors, start, often, again, seed=seed, **{k: v for k, v in known.items() if v is not None})
