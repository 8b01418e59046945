"""The GloVe kernels in NumPy: the equations, one count after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, Int32, Int64, UInt64

from likewise.contracts import Array

if TYPE_CHECKING:
    from likewise.kernels.glove import GloveTask


def share(x: Float[Array, "*k"], x_max: float, x_power: float) -> Float[Array, "*k"]:
    """Return f(x) = min(1, (x / x_max)^x_power): Pennington et al. 2014, equation 9."""
    return np.minimum(1.0, (np.asarray(x, np.float64) / x_max) ** x_power)


def learn(
    task: GloveTask, entries: UInt64[Array, " e"], ends: Int64[Array, " b+1"], block: int, begin: int, end: int
) -> None:
    """Take one step for each entry of some tiles; see `kernels.glove.learn`."""
    for column_block in range(begin, end):
        for entry in entries[ends[column_block] : ends[column_block + 1]]:
            i = int(task.blocks[block]) + int(entry & np.uint64(0xFFFF))
            j = int(task.blocks[column_block]) + int(entry >> np.uint64(16) & np.uint64(0xFFFF))
            x = float(np.uint32(entry >> np.uint64(32)).view(np.float32))
            step(task, i, j, x)
            if task.both and i != j:
                step(task, j, i, x)


def step(task: GloveTask, i: int, j: int, x: float) -> None:
    """Move wᵢ and cⱼ against the gradient of f(x) (wᵢ·cⱼ + bᵢ + bⱼ − ln x)² / 2, each by its own rate (AdaGrad)."""
    w, w_squares = task.table[i, 0], task.table[i, 1]
    c, c_squares = task.table[j, 2], task.table[j, 3]
    by = np.float32(task.rate * share(np.array(x), task.x_max, task.x_power) * (np.dot(w, c) - np.log(x)))
    along_w, along_c = by * c, by * w
    w -= along_w / np.sqrt(w_squares)
    c -= along_c / np.sqrt(c_squares)
    w_squares += along_w * along_w
    c_squares += along_c * along_c


def loss(task: GloveTask, rows: Int32[Array, " k"], columns: Int32[Array, " k"], counts: Float32[Array, " k"]) -> float:
    """Return the weighted squared misses, summed in float64."""
    products = np.einsum("kd,kd->k", task.table[rows, 0].astype(np.float64), task.table[columns, 2].astype(np.float64))
    misses = products - np.log(counts.astype(np.float64))
    return float((share(counts, task.x_max, task.x_power) * misses**2).sum())
