"""The word kernels: a `WindowTask` and a stretch of its corpus in, its two tables one stretch further out.

A step is one centre word. Its window (input rows) meets the centre word and its noise words, or the nodes of a
Huffman tree on the way to it (output rows): every product from the rows as they stand, then one update of all rows, so
a step is gradient descent on the summed loss of the window's pairs. Noise words are shared by the pairs of one
window, which leaves every expectation as it is in word2vec, where each pair draws its own.

Words and targets are lists of rows, and that is all the difference between the models: skip-gram has one input for each
context word, CBOW one for the whole window; negative sampling has the rows of words as targets, hierarchical softmax
those of nodes; a word is a row of its own, or the mean of the rows of its parts.

Everything drawn (whether a token stays, how wide its window is, its noise words) is a function of the task's key
and the token's place. So how a corpus is cut into stretches changes nothing, and NumPy draws the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, Int64, UInt32, UInt64

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError
from likewise.kernels import _native, words_twin
from likewise.kernels.levels import level as level_here

LANES = 16
"""Rows are padded to a multiple of this many floats, 64 bytes."""

SEGMENT: int = _native.SEGMENT
"""The batches of `learn_together` divide it, and so do the spans for which words are put together from their parts.

Stretches that begin and end at multiples of it are learned to the same bits however the text is cut; without parts
`learn` gives the same bits for any stretches."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Negative sampling: `count` noise words for each centre, from an `alias_table` of all words."""

    alias: UInt64[Array, " n"]
    count: int


@dataclass(frozen=True, slots=True)
class Paths:
    """Hierarchical softmax: the way to word i is nodes[starts[i]:starts[i + 1]], turning left where turns is 1."""

    starts: Int64[Array, " n+1"]
    nodes: Int32[Array, " p"]
    turns: Float32[Array, " p"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Words made of parts: word i is the mean of the rows[starts[i]:starts[i + 1]] of `vectors`.

    Words are put together for `span` tokens at a time, then what they moved by is given to their parts; until then a
    word does not see what others did to the parts that they share.
    """

    starts: Int64[Array, " n+1"]
    rows: Int32[Array, " p"]
    span: int = SEGMENT


@dataclass(frozen=True)
class WindowTask:
    """What to learn from and how; `vectors` and `output` change, the rest does not.

    `keep` are thresholds (`keep_thresholds`), one a word. At token t, an index into `ids`, the rate is max(`floor`,
    `rate` − `slope` · t). `key` is any 64-bit number: one for each epoch. `flat` windows are whole, others are
    b ~ U{1 … `window`} wide. `cbow` takes the words of a window together: their mean, each of which then moves by the
    whole step of the mean, or (`mean` False) their sum, each of which moves by an equal share of it; so word2vec.c,
    gensim and fastText have it, where the exact gradients would be the other way round.
    """

    vectors: Float32[Array, "r p"]
    output: Float32[Array, "m p"]
    ids: Int32[Array, " t"]
    starts: Int64[Array, " s"]
    keep: UInt32[Array, " n"]
    targets: Noise | Paths
    window: int
    key: int
    rate: float
    slope: float = 0.0
    floor: float = 0.0
    flat: bool = False
    cbow: bool = False
    mean: bool = True
    parts: Parts | None = None
    batch: int = SEGMENT

    def check(self) -> None:
        """Raise ShapeError where an index would leave its array; looks at every token once."""
        if self.ids.size and (self.ids.min() < 0 or self.ids.max() >= len(self.keep)):
            raise ShapeError(f"the corpus has word {self.ids.max()}, the table has {len(self.keep)} words")
        if self.starts.size < 2 or self.starts[0] != 0 or self.starts[-1] != self.ids.size:
            raise ShapeError(f"sentence starts must go from 0 to {self.ids.size}, the number of tokens")
        if (np.diff(self.starts) < 0).any():
            raise ShapeError("sentence starts must not fall")

    @cached_property
    def native(self) -> _native.Windows:
        """The same for the compiled kernels, which check it once."""
        noise = self.targets if isinstance(self.targets, Noise) else Noise(np.empty(0, np.uint64), 0)
        paths = self.targets if isinstance(self.targets, Paths) else _NO_PATHS
        parts = self.parts or _NO_PARTS
        return _native.Windows(
            vectors=self.vectors,
            output=self.output,
            ids=self.ids,
            starts=self.starts,
            keep=self.keep,
            alias=noise.alias,
            negative=noise.count,
            paths=paths.starts,
            nodes=paths.nodes,
            turns=paths.turns,
            wholes=parts.starts,
            parts=parts.rows,
            window=self.window,
            batch=self.batch,
            span=parts.span,
            flat=self.flat,
            cbow=self.cbow,
            mean=self.mean,
        )


_NO_PATHS = Paths(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
_NO_PARTS = Parts(np.empty(0, np.int64), np.empty(0, np.int32))


def learn(task: WindowTask, begin: int, end: int, *, level: str | None = None) -> tuple[int, int]:
    """Take one step for each kept token of ids[begin:end], in order; return how many centres and pairs there were.

    Windows reach over both ends of the stretch, as far as the sentence goes. Call `task.check()` once before.
    """
    return _learn(task, begin, end, threads=0, level=level)


def learn_together(
    task: WindowTask, begin: int, end: int, *, threads: int, level: str | None = None
) -> tuple[int, int]:
    """Do the same with several threads, whose number changes no bit.

    The steps of the centres among `task.batch` tokens are all found from the tables as they stand before the first
    of them (a mini-batch), each by any thread; then they are taken in order, by each thread in columns of its own.
    """
    return _learn(task, begin, end, threads=max(1, threads), level=level)


def _learn(task: WindowTask, begin: int, end: int, *, threads: int, level: str | None) -> tuple[int, int]:
    level = level_here(level)
    if level == "numpy":
        return words_twin.learn(task, begin, end, together=threads > 0)
    return task.native.learn(
        level=level,
        begin=begin,
        end=end,
        key=task.key,
        rate=task.rate,
        slope=task.slope,
        floor=task.floor,
        together=threads,
    )


def pair_products(
    vectors: Float32[Array, "n p"],
    output: Float32[Array, "n p"],
    rows: Int32[Array, " k"],
    targets: Int32[Array, " k"],
    *,
    level: str | None = None,
) -> Float64[Array, " k"]:
    """Return vectors[rows] · output[targets], pair by pair, summed in float64."""
    level = level_here(level)
    if level == "numpy":
        return words_twin.pair_products(vectors, output, rows, targets)
    products = np.empty(len(rows))
    _native.pair_products(level=level, vectors=vectors, output=output, rows=rows, targets=targets, products=products)
    return products


def table(rows: int, dim: int) -> Float32[Array, "n p"]:
    """Make a table of zeros for the kernels: rows of `dim` floats and padding, on 64-byte bounds.

    >>> table(3, 100).shape
    (3, 112)
    """
    width = -(-dim // LANES) * LANES
    memory = np.zeros(rows * width + LANES, dtype=np.float32)
    ahead = (-memory.ctypes.data % 64) // 4
    aligned: Array = memory[ahead : ahead + rows * width].reshape(rows, width)
    return aligned


def keep_thresholds(probabilities: Float[Array, " n"]) -> UInt32[Array, " n"]:
    """Turn probabilities to keep a token into thresholds: kept if 32 random bits are at most this.

    >>> keep_thresholds(np.array([0.5, 1.0])).tolist()
    [2147483647, 4294967295]
    """
    if not ((probabilities > 0) & (probabilities <= 1)).all():
        raise OptionError("probabilities to keep a word must be above 0 and at most 1")
    scaled = np.rint(probabilities.astype(np.float64) * 2.0**32) - 1
    thresholds: Array = np.clip(scaled, 0, 2**32 - 1).astype(np.uint32)
    return thresholds


def alias_table(probabilities: Float[Array, " n"]) -> UInt64[Array, " n"]:
    """Make the table to draw from `probabilities` with one random number (Walker's alias method).

    Low half of an entry: the share of the slot that stays with its own word, in 2^-32; high half: who has the rest.
    """
    if not probabilities.size or not np.isclose(probabilities.sum(), 1.0):
        raise OptionError(f"probabilities must sum to 1, these sum to {probabilities.sum():.6g}")
    entries = np.empty(probabilities.size, dtype=np.uint64)
    _native.fill_alias(np.ascontiguousarray(probabilities, dtype=np.float64), entries)
    return entries
