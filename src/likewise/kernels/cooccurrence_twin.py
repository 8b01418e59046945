"""The counting kernel in NumPy: the same sums in the same order, so the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64, UInt64

from likewise.contracts import Array

if TYPE_CHECKING:
    from likewise.kernels.cooccurrence import CountTask


def count_rows(task: CountTask, block: int, first: int, last: int) -> tuple[UInt64[Array, " e"], Int64[Array, " b"]]:
    """Count rows [first, last) of a block; see `kernels.cooccurrence.count_rows`."""
    rows, columns, values = [], [], []
    for word in range(first, last):
        if task.stop[0]:
            break
        sums = _row(task, word)
        found = np.flatnonzero(sums)
        rows.append(np.full(len(found), word, np.int64))
        columns.append(found)
        values.append(sums[found].astype(np.float32))
    row, column, value = (np.concatenate([*parts, []]) for parts in (rows, columns, values))
    home = np.searchsorted(task.blocks, column, side="right") - 1
    order = np.argsort(home, kind="stable")
    entries = (row - task.blocks[block]).astype(np.uint64) | (
        (column - task.blocks[home]).astype(np.uint64) << np.uint64(16)
    )
    entries |= value.astype(np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
    return entries[order], np.bincount(home, minlength=len(task.blocks) - 1)


def _row(task: CountTask, word: int) -> Array:
    """Return one dense row: place by place, first to the left, then to the right, outwards."""
    places = task.index[task.places[word] : task.places[word + 1]].astype(np.int64)
    reach = np.arange(1, len(task.weights) + 1)
    sides = (-reach, reach) if task.symmetric else (-reach,)
    around, weights = [], []
    for side in sides:
        at = places[:, None] + side
        seen = task.text[np.clip(at, 0, len(task.text) - 1)]
        open_ = np.logical_and.accumulate((seen >= 0) & (at >= 0) & (at < len(task.text)), axis=1)
        around.append(np.where(open_, seen, -1))
        weights.append(np.broadcast_to(task.weights, seen.shape))
    seen, weight = np.concatenate(around, axis=1).ravel(), np.concatenate(weights, axis=1).ravel()
    kept = (seen >= 0) & ((seen <= word) | (not task.symmetric))
    sums = np.zeros(len(task.places) - 1)
    np.add.at(sums, seen[kept], weight[kept])
    return sums
