"""What learning from windows begins with: options, a text and its vocabulary in, tables and what is drawn from out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError
from likewise.kernels import words as kernel
from likewise.words.huffman import huffman_paths

if TYPE_CHECKING:
    from likewise.words.corpus import Corpus
    from likewise.words.growth import Start
    from likewise.words.subwords import Subwords
    from likewise.words.vocabulary import Vocabulary
    from likewise.words.word2vec import Word2Vec

_MEETINGS = {"ns": 0.5, "hs": 2.0}  # of one row in one batch, times the rate: twice as many have diverged
_SHARED = 2.0  # most that a word may be moved unseen, in its own steps: 4 held, 8 to 32 diverged
_ROWS = 2048  # rows that are handled at a time where a copy would cost memory


def first_task(
    options: Word2Vec, corpus: Corpus, vocabulary: Vocabulary, subwords: Subwords | None, keep: Float[Array, " n"]
) -> kernel.WindowTask:
    """Make the tables and all that is drawn from.

    Vectors are from U(−.5/dim, .5/dim), rows of subwords from U(−1/dim, 1/dim) as fastText's, outputs zero.
    """
    n, dim = len(vocabulary.words), options.dim
    vectors = kernel.table(n if subwords is None else subwords.size, dim)
    reach = np.float32(0.5 if subwords is None else 1.0)
    rng = np.random.default_rng([options.seed, 0])
    for low in range(0, len(vectors), _ROWS):
        rows = vectors[low : low + _ROWS, :dim]
        rows[:] = (rng.random(rows.shape, dtype=np.float32) - np.float32(0.5)) * (2 * reach) / np.float32(dim)
    tree = options.loss == "hs"
    noise = None if tree else kernel.Noise(kernel.alias_table(vocabulary.noise(options.power)), options.negative)
    task = kernel.WindowTask(
        vectors=vectors,
        output=kernel.table(n - 1 if tree else n, dim),
        ids=np.asarray(corpus.ids),
        starts=np.asarray(corpus.starts),
        keep=kernel.keep_thresholds(keep),
        targets=noise or huffman_paths(vocabulary.counts),
        window=options.window,
        key=0,
        rate=options.rate,
        slope=(options.rate - options.min_rate) / (options.epochs * len(corpus.ids)),
        floor=options.min_rate,
        flat=options.weighting == "flat",
        cbow=options.model == "cbow",
        mean=options.combine == "mean",
        batch=_batch(options, vocabulary, keep),
        parts=None if subwords is None else _parts(options, vocabulary, subwords, keep),
    )
    task.check()
    return task


def begin_from(start: Start, task: kernel.WindowTask, options: Word2Vec) -> None:
    """Write the rows that were learned before over those that were drawn."""
    if options.loss == "hs":
        raise OptionError("hierarchical softmax cannot go on: its tree changes with the words; begin with loss ns")
    for table, rows, numbers in ((task.vectors, start.rows, start.vectors), (task.output, start.words, start.output)):
        if numbers.shape != (len(rows), options.dim):
            raise ShapeError(f"rows of shape {numbers.shape} came to begin from, of {len(rows):,} × {options.dim}")
        for low in range(0, len(rows), _ROWS):
            table[rows[low : low + _ROWS], : options.dim] = numbers[low : low + _ROWS]


def _batch(options: Word2Vec, vocabulary: Vocabulary, keep: Float[Array, " n"]) -> int:
    """Return how many tokens may take their steps from the same tables: a power of two that divides a segment.

    Steps that are found together do not see one another. Were one row met too often among them, it would overshoot,
    and rows that overshoot together grow without bound; how often is too often was measured on texts of 2 to 1,000
    words without structure, at rates up to 0.1.
    """
    kept = keep * vocabulary.shares
    window = options.window + 1 if options.weighting == "linear" else 2 * options.window
    inputs = 1 if options.model == "cbow" else window
    if options.loss == "hs":
        targets, met = math.log2(len(vocabulary) + 1), float(kept.sum())  # every way begins at the root
    else:
        noise = float(vocabulary.noise(options.power).max())
        targets, met = 1.0 + options.negative, float(kept.max() + kept.sum() * options.negative * noise)
    load = max(met * inputs, float(kept.max()) * window * targets)
    return _power_of_two(_MEETINGS[options.loss] / (options.rate * load))


def _parts(options: Word2Vec, vocabulary: Vocabulary, subwords: Subwords, keep: Float[Array, " n"]) -> kernel.Parts:
    """Return the words' parts, and for how many tokens words may be put together at a time.

    What a word misses meanwhile is by how much the others move it through the parts that they share: more of that than
    of `_SHARED` in a span overshoots. Among words of a language that is little, among ten words of two letters much.
    """
    kept = keep * vocabulary.shares
    sizes = np.diff(subwords.starts)
    word = np.repeat(np.arange(len(sizes)), sizes)
    mass = np.bincount(subwords.rows, weights=kept[word], minlength=subwords.size)
    others = np.bincount(word, weights=mass[subwords.rows]) / sizes - kept
    window = options.window + 1 if options.weighting == "linear" else 2 * options.window
    targets = 1.0 + options.negative if options.loss == "ns" else math.log2(len(vocabulary) + 1)
    span = _SHARED / (options.rate * max(float(others.max()), 1e-12) * window * targets)
    return kernel.Parts(subwords.starts, subwords.rows, _power_of_two(span))


def _power_of_two(tokens: float) -> int:
    return int(2 ** math.floor(math.log2(min(max(tokens, 1.0), kernel.SEGMENT))))
