"""The GloVe kernels: a table and tiles of counts in, the table some steps of AdaGrad further out.

A word has four rows in the table: its vector, the squares of its gradients, its context vector, the squares of those.
Column dim of a vector is its bias and faces a 1 in column dim of the context vectors; column dim + 1 the other way
round. So a product of two rows holds both biases, and one rule moves everything; the ones are held by huge squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt64

from likewise.contracts import Array
from likewise.kernels import _native, glove_twin
from likewise.kernels.levels import level as level_here
from likewise.kernels.words import table as words_table

VECTOR, SQUARES, CONTEXT, CONTEXT_SQUARES = range(4)
HELD = np.float32(1e30)
"""Squares of what must not move: a step is divided by their root."""


@dataclass(frozen=True, slots=True)
class GloveTask:
    """What to learn with: only `table` changes. `both`: an entry (i, j) off the diagonal also stands for (j, i)."""

    table: Float32[Array, "n 4 p"]
    blocks: Int64[Array, " b+1"]
    rate: float
    x_max: float
    x_power: float
    both: bool


def table(words: int, dim: int) -> Float32[Array, "n 4 p"]:
    """Make a table: vectors and biases zero, squares one.

    >>> table(3, 100).shape
    (3, 4, 112)
    """
    flat = words_table(4 * words, dim + 2)
    made: Array = flat.reshape(words, 4, flat.shape[1])
    made[:, [SQUARES, CONTEXT_SQUARES]] = 1.0
    made[:, VECTOR, dim + 1] = made[:, CONTEXT, dim] = 1.0
    made[:, SQUARES, dim + 1] = made[:, CONTEXT_SQUARES, dim] = HELD
    return made


def learn(
    task: GloveTask,
    entries: UInt64[Array, " e"],
    ends: Int64[Array, " b+1"],
    block: int,
    begin: int,
    end: int,
    *,
    level: str | None = None,
) -> None:
    """Take one step for each entry of the tiles (block, begin) … (block, end − 1), in order; see `Counts` for both."""
    level = level_here(level)
    if level == "numpy":
        glove_twin.learn(task, entries, ends, block, begin, end)
        return
    arguments = {name: getattr(task, name) for name in task.__slots__}
    _native.glove_steps(level=level, entries=entries, ends=ends, block=block, begin=begin, end=end, **arguments)


def loss(
    task: GloveTask,
    rows: Int32[Array, " k"],
    columns: Int32[Array, " k"],
    counts: Float32[Array, " k"],
    *,
    level: str | None = None,
) -> float:
    """Return the sum of f(x) (wᵢ·cⱼ + bᵢ + bⱼ − ln x)² over (i, j, x), in float64."""
    level = level_here(level)
    if level == "numpy":
        return glove_twin.loss(task, rows, columns, counts)
    return _native.glove_loss(
        level=level, table=task.table, rows=rows, columns=columns, x=counts, x_max=task.x_max, x_power=task.x_power
    )
