"""Phrases, compiled: a numbered text in; its pairs of neighbours that are often together, or the text joined, out.

A text is `ids` of words and `ends` of paragraphs: paragraph i ends before ids[ends[i + 1]], ends[0] is 0, and one that
is held out has its end written as ~end. A pair is two words with up to 4 connectors between them (phrases_twin.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, Int64, UInt8

from likewise.contracts import Array
from likewise.kernels import _native

MOST_CONNECTORS = 255
_MOST_BITS, _CELL = 26, 1 << 16  # 128 MB of cells that count to 65,535
_SLACK = 1e-4  # of sums of logarithms in float32: more than their rounding, so that no phrase is missed


class Pairs(NamedTuple):
    """Pairs of words: the first, the connectors between in the bytes of a number, the last, and how often together."""

    firsts: Int32[Array, " n"]
    betweens: Array
    lasts: Int32[Array, " n"]
    counts: Int64[Array, " n"]


class PairCounter:
    """Count exactly the pairs that may have an NPMI above a threshold; see `look` and `count`.

    Memory: at most 2 bytes a word of the text and never more than 128 MB for the first sweep, then about 50 bytes for
    each pair that passes it: the phrases, and pairs that share a cell with something frequent.
    """

    def __init__(
        self,
        counts: Int64[Array, " n"],
        connectors: UInt8[Array, " n"],
        *,
        words: int,
        threshold: float,
        min_count: int,
    ) -> None:
        """Take how often each word stands in the `words` words for training, and the number of each connector or 0."""
        with np.errstate(divide="ignore"):
            log_p = np.log(counts / words)
            together = np.log(np.arange(_CELL) / words)
        log_p[counts < min_count] = np.inf  # a pair is never seen more often than its words
        # NPMI > threshold means log p(a) + log p(b) < (1 + threshold) log p(a, b), which grows with p(a, b).
        reach = (1 + threshold) * together + _SLACK
        reach[:min_count] = -np.inf
        reach[-1] = np.inf  # a full cell says nothing
        bits = min(max(int(words).bit_length(), 12), _MOST_BITS)
        self._native = _native.PairCounter(log_p.astype(np.float32), connectors, reach.astype(np.float32), bits)

    def look(self, ids: Int32[Array, " t"], ends: Int64[Array, " s"], first: int, last: int) -> None:
        """Sweep over paragraphs [first, last) a first time, which finds an upper bound for each pair."""
        self._native.look(ids, ends, first, last)

    def count(self, ids: Int32[Array, " t"], ends: Int64[Array, " s"], first: int, last: int) -> None:
        """Sweep over them again, after `look` has seen all, and count the pairs that are within reach."""
        self._native.count(ids, ends, first, last)

    def found(self) -> Pairs:
        """Return the pairs that were counted, in order of first appearance."""
        return Pairs(*self._native.found())


def packed(between: Sequence[int]) -> int:
    """Return numbers of connectors (from 1) as the bytes of one number.

    >>> packed([]), packed([3]), packed([1, 2])
    (0, 3, 258)
    """
    return int.from_bytes(bytes(between), "big")


Joiner = _native.Joiner
count_words = _native.count_words
