"""The true loss of the window models: a corpus in, a fixed sample of windows to judge tables by out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32, Int64, UInt64

from likewise.contracts import Array
from likewise.kernels import words
from likewise.kernels.subwords import row_means
from likewise.kernels.words import Noise, Parts, Paths, WindowTask

if TYPE_CHECKING:
    from likewise.words.corpus import Corpus

_AT_ONCE = 8192  # examples whose products are held in memory together
_STRETCH = 100  # tokens that are looked at together: long enough for windows, short enough to be spread widely


@dataclass(frozen=True, slots=True)
class FixedPairs:
    """Words that stood in one window and what their products should say, drawn once.

    Example i has the input `contexts[i]`; or, for a bag of words, contexts[bounds[i]:bounds[i + 1]] together, their
    mean or their sum. `targets` holds its output rows, `labels` where the product should be high, and `valid` which of
    them count: noise that is the centre word itself does not, as in training.
    """

    contexts: Int32[Array, " k"]
    targets: Int32[Array, "e m"]
    labels: Bool[Array, "e m"]
    valid: Bool[Array, "e m"]
    bounds: Int64[Array, " e+1"] | None = None
    mean: bool = True
    parts: Parts | None = None

    def loss(
        self,
        vectors: Float32[Array, "n p"],
        output: Float32[Array, "m p"],
        *,
        most: int | None = None,
        level: str | None = None,
    ) -> float:
        """Return the mean loss of a pair (or of a bag) in nats, over the first `most`: products and sums in float64.

        −log σ(v·u) − Σ log σ(−v·uₙ), Mikolov et al. 2013, equation 4 with its sign turned. Untrained (u = 0) it
        is (1 + noise words) · ln 2. Of hierarchical softmax, −Σ log σ(±v·u) over the nodes of the way: the true
        −log p(word | input).
        """
        count = len(self.targets[:most])
        parts = range(0, count, _AT_ONCE)
        return sum(self._sum(vectors, output, slice(at, min(at + _AT_ONCE, count)), level) for at in parts) / count

    def _sum(self, vectors: Array, output: Array, part: slice, level: str | None) -> float:
        targets = self.targets[part]
        inputs, rows = self._inputs(vectors, part)
        rows = np.repeat(rows, targets.shape[1])
        products = words.pair_products(inputs, output, rows, targets.ravel(), level=level).reshape(targets.shape)
        products[self.labels[part]] *= -1.0
        with np.errstate(invalid="ignore"):  # where it diverged the loss is NaN, and who asked sees it
            return float(np.logaddexp(0.0, products)[self.valid[part]].sum())

    def _inputs(self, vectors: Array, part: slice) -> tuple[Array, Int32[Array, " e"]]:
        """Return a table and the row of each example's input in it."""
        if self.bounds is None:
            table, places, _ = _words(vectors, self.contexts[part], self.parts)
            return table, places
        bounds = self.bounds[part.start : part.stop + 1]
        table, places, weights = _words(vectors, self.contexts[bounds[0] : bounds[-1]], self.parts)
        starts = bounds[:-1] - bounds[0]
        if not self.mean:
            weights = np.ones_like(weights)
        bags = words.table(len(starts), vectors.shape[1])
        bags[:] = np.add.reduceat(table[places] * weights[:, None], starts, axis=0)
        if self.mean:
            bags /= np.add.reduceat(weights, starts)[:, None]
        return bags, np.arange(len(bags), dtype=np.int32)


def _words(
    vectors: Float32[Array, "r p"], ids: Int32[Array, " k"], parts: Parts | None
) -> tuple[Float32[Array, "n p"], Int32[Array, " k"], Float32[Array, " k"]]:
    """Return a table with the vectors of these words, the row of each, and of how many parts it is made."""
    if parts is None:
        return vectors, ids, np.ones(len(ids), np.float32)
    some, places = np.unique(ids, return_inverse=True)
    lengths = np.diff(parts.starts)[some]
    ends = np.cumsum(lengths)
    at = np.repeat(parts.starts[some] - ends + lengths, lengths) + np.arange(ends[-1])
    table = words.table(len(some), vectors.shape[1])
    row_means(vectors, parts.rows[at], np.append(0, ends), out=table)
    return table, places.astype(np.int32), lengths[places].astype(np.float32)


def fixed_pairs(
    corpus: Corpus,
    task: WindowTask,
    *,
    keep: Float[Array, " n"],
    seed: int,
    most: int = 100_000,
) -> FixedPairs | None:
    """Draw up to `most` pairs (or bags) as `task` draws them: subsampling, windows, noise; None where there are none.

    They are in random order, so that the first ones are a sample too.
    """
    rng = np.random.default_rng([seed, 1])
    window = task.window
    ids, sentence = _some_tokens(corpus, rng, tokens=max(1, 4 * most // (window + 1)))  # more than enough
    kept = rng.random(ids.size) < keep[ids]
    ids, sentence = ids[kept], sentence[kept]
    reach = np.full(ids.size, window) if task.flat else rng.integers(1, window + 1, ids.size)
    contexts, centres = _pairs(sentence, reach)
    if contexts.size == 0:
        return None
    if task.cbow:
        contexts, bounds, centres = _bags(contexts, centres, rng, most)
    else:
        chosen = rng.permutation(np.arange(contexts.size, dtype=np.int32))[:most]
        contexts, bounds, centres = contexts[chosen], None, centres[chosen]
    targets, labels, valid = _targets(task.targets, ids[centres], rng)
    return FixedPairs(ids[contexts], targets, labels, valid, bounds, task.mean, task.parts)


def _targets(targets: Noise | Paths, centres: Int[Array, " e"], rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return output rows, labels and which of them count, for each centre word."""
    if isinstance(targets, Noise):
        rows = np.empty((centres.size, 1 + targets.count), dtype=np.int32)
        rows[:, 0] = centres
        for column in range(1, 1 + targets.count):
            rows[:, column] = _noise(targets.alias, rng, centres.size)
        first = np.arange(rows.shape[1]) == 0
        return rows, np.broadcast_to(first, rows.shape), first | (rows != rows[:, :1])
    lengths = np.diff(targets.starts)[centres]
    place = np.arange(int(lengths.max()))
    valid = place < lengths[:, None]
    at = np.where(valid, targets.starts[centres][:, None] + place, 0)
    return targets.nodes[at], (targets.turns[at] == 1.0) & valid, valid


def _bags(
    contexts: Int[Array, " p"], centres: Int[Array, " p"], rng: np.random.Generator, most: int
) -> tuple[Int[Array, " q"], Int64[Array, " e+1"], Int[Array, " e"]]:
    """Return the contexts of up to `most` centres together: places, where each bag begins, and the centres."""
    order = np.argsort(centres, kind="stable")
    contexts, centres = contexts[order], centres[order]
    different, first, sizes = np.unique(centres, return_index=True, return_counts=True)
    chosen = rng.permutation(len(different))[:most]
    bounds = np.concatenate([[0], np.cumsum(sizes[chosen])]).astype(np.int64)
    inside = np.arange(bounds[-1]) - np.repeat(bounds[:-1], sizes[chosen])
    return contexts[np.repeat(first[chosen], sizes[chosen]) + inside], bounds, different[chosen]


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


def _pairs(sentence: Int[Array, " k"], reach: Int[Array, " k"]) -> tuple[Int[Array, " p"], Int[Array, " p"]]:
    """Return the places of context and centre of every pair: within the centre's reach, in one sentence."""
    at = np.arange(len(sentence), dtype=np.int32)
    contexts, centres = [at[:0]], [at[:0]]
    for apart in range(1, min(int(reach.max(initial=0)), len(sentence) - 1) + 1):
        left, right = slice(None, -apart), slice(apart, None)
        together: Bool[Array, " p"] = sentence[left] == sentence[right]
        for context, centre in ((left, right), (right, left)):
            near = together & (reach[centre] >= apart)
            contexts.append(at[context][near])
            centres.append(at[centre][near])
    return np.concatenate(contexts), np.concatenate(centres)


def _noise(alias: UInt64[Array, " n"], rng: np.random.Generator, count: int) -> Int[Array, " k"]:
    """Draw noise words from an alias table (`kernels.words.alias_table`)."""
    slot = rng.integers(0, len(alias), count)
    entry = alias[slot]
    own = rng.integers(0, 2**32, count, dtype=np.uint64) < (entry & np.uint64(0xFFFFFFFF))
    return np.where(own, slot, (entry >> np.uint64(32)).astype(np.int64))
