"""The true loss of skip-gram with negative sampling: a corpus in, a fixed sample of pairs to judge tables by out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32, UInt64

from likewise.contracts import Array
from likewise.kernels import words

if TYPE_CHECKING:
    from likewise.words.corpus import Corpus

_AT_ONCE = 8192  # pairs whose products are held in memory together
_STRETCH = 100  # tokens that are looked at together: long enough for windows, short enough to be spread widely


@dataclass(frozen=True, slots=True)
class FixedPairs:
    """Pairs of words that stood in one window, each with noise words of its own, drawn once.

    `targets` holds the centre word in column 0 and the noise words behind it; noise that is the centre word
    itself does not count, as in training.
    """

    contexts: Int32[Array, " k"]
    targets: Int32[Array, "k m"]

    def loss(
        self,
        vectors: Float32[Array, "n p"],
        output: Float32[Array, "n p"],
        *,
        most: int | None = None,
        level: str | None = None,
    ) -> float:
        """Return the mean loss of a pair in nats, over the first `most` pairs: products and sums in float64.

        −log σ(v·u) − Σ log σ(−v·uₙ), Mikolov et al. 2013, equation 4 with its sign turned. Untrained (u = 0) it
        is (1 + noise words) · ln 2.
        """
        count = len(self.contexts[:most])
        parts = range(0, count, _AT_ONCE)
        return sum(self._sum(vectors, output, slice(at, min(at + _AT_ONCE, count)), level) for at in parts) / count

    def _sum(self, vectors: Array, output: Array, part: slice, level: str | None) -> float:
        targets = self.targets[part]
        rows = np.repeat(self.contexts[part], targets.shape[1])
        products = words.pair_products(vectors, output, rows, targets.ravel(), level=level).reshape(targets.shape)
        products[:, 0] *= -1.0
        losses = np.logaddexp(0.0, products)
        losses[:, 1:][targets[:, 1:] == targets[:, :1]] = 0.0
        return float(losses.sum())


def fixed_pairs(
    corpus: Corpus,
    *,
    keep: Float[Array, " n"],
    alias: UInt64[Array, " n"],
    window: int,
    negative: int,
    seed: int,
    most: int = 100_000,
) -> FixedPairs | None:
    """Draw up to `most` pairs as training draws them (subsampling, windows, noise); None where there are none.

    The pairs are in random order, so that the first ones are a sample too.
    """
    rng = np.random.default_rng([seed, 1])
    ids, sentence = _some_tokens(corpus, rng, tokens=max(1, 4 * most // (window + 1)))  # more than enough
    kept = rng.random(ids.size) < keep[ids]
    contexts, centres = _pairs(ids[kept], sentence[kept], rng.integers(1, window + 1, int(kept.sum())))
    if contexts.size == 0:
        return None
    chosen = rng.permutation(np.arange(contexts.size, dtype=np.int32))[:most]
    targets = np.empty((chosen.size, 1 + negative), dtype=np.int32)
    targets[:, 0] = centres[chosen]
    for column in range(1, 1 + negative):
        targets[:, column] = _noise(alias, rng, chosen.size)
    return FixedPairs(contexts[chosen], targets)


def _some_tokens(corpus: Corpus, rng: np.random.Generator, *, tokens: int) -> tuple[Int[Array, " k"], Int[Array, " k"]]:
    """Return the words of stretches from all over the corpus, and for each a number that says which belong together."""
    total = len(corpus.ids)
    if total <= tokens:
        at = np.arange(total)
        return np.asarray(corpus.ids), np.searchsorted(corpus.starts, at, side="right")
    first = np.unique(rng.integers(0, total, max(1, tokens // _STRETCH)))
    at = first[:, None] + np.arange(_STRETCH)
    fits = (at < np.append(first[1:], total)[:, None]).ravel()
    stretch = np.repeat(np.arange(first.size), _STRETCH)[fits]
    at = at.ravel()[fits]
    sentence = np.searchsorted(corpus.starts, at, side="right")
    return np.asarray(corpus.ids[at]), sentence + stretch * len(corpus.starts)


def _pairs(
    ids: Int[Array, " k"], sentence: Int[Array, " k"], reach: Int[Array, " k"]
) -> tuple[Int[Array, " p"], Int[Array, " p"]]:
    """Return (context, centre) of every pair: no further apart than the centre's reach, in one sentence."""
    contexts, centres = [np.empty(0, ids.dtype)], [np.empty(0, ids.dtype)]
    for apart in range(1, min(int(reach.max(initial=0)), len(ids) - 1) + 1):
        left, right = slice(None, -apart), slice(apart, None)
        together: Bool[Array, " p"] = sentence[left] == sentence[right]
        for context, centre in ((left, right), (right, left)):
            near = together & (reach[centre] >= apart)
            contexts.append(ids[context][near])
            centres.append(ids[centre][near])
    return np.concatenate(contexts), np.concatenate(centres)


def _noise(alias: UInt64[Array, " n"], rng: np.random.Generator, count: int) -> Int[Array, " k"]:
    """Draw noise words from an alias table (`kernels.words.alias_table`)."""
    slot = rng.integers(0, len(alias), count)
    entry = alias[slot]
    own = rng.integers(0, 2**32, count, dtype=np.uint64) < (entry & np.uint64(0xFFFFFFFF))
    return np.where(own, slot, (entry >> np.uint64(32)).astype(np.int64))
