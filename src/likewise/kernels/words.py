"""The word kernels: a `SkipGramTask` and a stretch of its corpus in, its two tables one stretch further out.

A step is one centre word. Its window of context words (input rows) meets the centre word and its noise words (output
rows): every product from the rows as they stand, then one update of all rows, so a step is gradient descent on the
summed negative-sampling loss of the window's pairs. Noise words are shared by the pairs of one window, which leaves
every expectation as it is in word2vec, where each pair draws its own.

Everything drawn (whether a token stays, how wide its window is, its noise words) is a function of the task's key
and the token's place. So how a corpus is cut into stretches changes nothing, and NumPy draws the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, Int64, UInt32, UInt64

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError
from likewise.kernels import _native, words_twin
from likewise.kernels.levels import level as level_here

LANES = 16
"""Rows are padded to a multiple of this many floats, 64 bytes."""


@dataclass(frozen=True, slots=True)
class SkipGramTask:
    """What to learn from and how; `vectors` and `output` change, the rest does not.

    `keep` are thresholds (`keep_thresholds`), `alias` a table of noise (`alias_table`). At token t, an index into
    `ids`, the rate is max(`floor`, `rate` − `slope` · t). `key` is any 64-bit number: one for each epoch.
    """

    vectors: Float32[Array, "n p"]
    output: Float32[Array, "n p"]
    ids: Int32[Array, " t"]
    starts: Int64[Array, " s"]
    keep: UInt32[Array, " n"]
    alias: UInt64[Array, " n"]
    window: int
    negative: int
    key: int
    rate: float
    slope: float = 0.0
    floor: float = 0.0
    full_window: bool = False

    def check(self) -> None:
        """Raise ShapeError where an index would leave its array; looks at every token once."""
        if self.ids.size and (self.ids.min() < 0 or self.ids.max() >= len(self.vectors)):
            raise ShapeError(f"the corpus has word {self.ids.max()}, the table has {len(self.vectors)} rows")
        if self.starts.size < 2 or self.starts[0] != 0 or self.starts[-1] != self.ids.size:
            raise ShapeError(f"sentence starts must go from 0 to {self.ids.size}, the number of tokens")
        if (np.diff(self.starts) < 0).any():
            raise ShapeError("sentence starts must not fall")


def learn(task: SkipGramTask, begin: int, end: int, *, level: str | None = None) -> tuple[int, int]:
    """Take one step for each kept token of ids[begin:end]; return how many centres and pairs there were.

    Windows reach over both ends of the stretch, as far as the sentence goes. Call `task.check()` once before.
    """
    level = level_here(level)
    if level == "numpy":
        return words_twin.learn(task, begin, end)
    arguments = {name: getattr(task, name) for name in task.__slots__}
    return _native.skipgram(level=level, begin=begin, end=end, **arguments)


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
