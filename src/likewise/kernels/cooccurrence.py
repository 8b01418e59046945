"""The counting kernel: a text of word numbers in, the non-zeros of a few rows of its co-occurrence matrix out.

An entry is 8 bytes: the row inside its tile (16 bits), the column inside its tile (16 bits), the count (float32).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8, UInt32, UInt64

from likewise.contracts import Array
from likewise.kernels import _native, cooccurrence_twin
from likewise.kernels.levels import level as level_here

LARGEST_BLOCK = 65_536
"""Words of a block: rows and columns inside a tile are numbers of 16 bits."""


@dataclass(frozen=True, slots=True)
class CountTask:
    """What to count.

    `text` has −1 before, between and behind its sentences; word w stands at `index[places[w]:places[w + 1]]`.
    A word at distance d counts `weights[d − 1]`. `symmetric`: both sides of a word count, and only columns up to the
    row are kept (the rest is the same by symmetry); else only the words before it. Block b of words is
    `blocks[b]:blocks[b + 1]`. Counting ends early once `stop[0]` is not 0.
    """

    text: Int32[Array, " t"]
    index: UInt32[Array, " k"]
    places: Int64[Array, " n+1"]
    weights: Float64[Array, " w"]
    symmetric: bool
    blocks: Int64[Array, " b+1"]
    stop: UInt8[Array, " 1"]


def part(
    ids: Int32[Array, " k"], starts: Int64[Array, " s"], text: Int32[Array, " t"], places: Int64[Array, " n+1"]
) -> None:
    """Fill `text` with the sentences and −1 around each; fill `places` with where each word's part of the index is."""
    _native.part_sentences(ids, starts, text, places)


def fill_index(text: Int32[Array, " t"], places: Int64[Array, " n+1"], index: UInt32[Array, " k"]) -> None:
    """Fill `index` with the places of each word in `text`, in order."""
    _native.fill_index(text, places, index)


def count_rows(
    task: CountTask, block: int, first: int, last: int, *, level: str | None = None
) -> tuple[UInt64[Array, " e"], Int64[Array, " b"]]:
    """Return the entries of rows [first, last) of a block by column block, row and column; and how many each has."""
    if level_here(level) == "numpy":
        return cooccurrence_twin.count_rows(task, block, first, last)
    arguments = {name: getattr(task, name) for name in task.__slots__}
    return _native.count_rows(**arguments, block=block, first=first, last=last)


def shuffle_tiles(entries: UInt64[Array, " e"], ends: Int64[Array, " b"], key: int) -> None:
    """Put the entries of each tile into random order, in place; tile t ends at `ends[t]`."""
    _native.shuffle_tiles(entries, ends, key)


def values_of(entries: UInt64[Array, " e"]) -> Float32[Array, " e"]:
    """Return the counts of entries."""
    return (entries >> np.uint64(32)).astype(np.uint32).view(np.float32)
