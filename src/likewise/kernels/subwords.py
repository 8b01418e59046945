"""Subwords, compiled: words as UTF-8 in, the bucket of each n-gram out; lists of rows in, their means out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int, Int64, UInt8

from likewise.contracts import Array
from likewise.errors import OptionError
from likewise.kernels import _native

MOST = 2**31 - 1  # n-grams of one call, and rows of one table


def ngram_buckets(
    words: Sequence[bytes], *, min_n: int, max_n: int, buckets: int
) -> tuple[Int64[Array, " g"], Int64[Array, " n+1"]]:
    """Return the buckets of every word's n-grams and where each word's begin; the order is fastText's.

    A word stands between < and >. N-grams of `min_n` to `max_n` characters begin at each character in turn, the
    shorter first; a border sign alone is none. Bytes that are no UTF-8 count as fastText counts them: each byte from
    0x80 to 0xBF belongs to the character before it. The bucket is FNV-1a over signed bytes, modulo `buckets`.

    >>> ngram_buckets([b"no"], min_n=3, max_n=4, buckets=1000)
    (array([224, 882, 228]), array([0, 3]))
    """
    text = np.frombuffer(b"<" + b"><".join(words) + b">" if len(words) else b"", np.uint8)
    lengths = np.fromiter((len(word) + 2 for word in words), np.int64, len(words))
    starts = _from_lengths(lengths)
    at = _from_lengths(_counts(text, starts, min_n, max_n))
    if at[-1] > MOST:
        raise OptionError(f"{len(words):,} words have {at[-1]:,} n-grams of {min_n} to {max_n} characters: lower max_n")
    out = np.empty(at[-1], np.int64)
    _native.ngram_buckets(text, starts, min_n, max_n, buckets, out)
    return out, at


def row_means(
    table: Float[Array, "r d"],
    rows: Int[Array, " g"],
    starts: Int64[Array, " n+1"],
    *,
    out: Float32[Array, "n d"] | None = None,
) -> Float32[Array, "n d"]:
    """Return the mean of each list of rows, zero for an empty one, added up in float64; `out` takes it if given.

    Rows of `table` and of `out` may lie apart, as in padded tables. ValueError where a row is not there.

    >>> row_means(np.eye(3, dtype=np.float32), np.array([0, 1, 2]), np.array([0, 2, 2, 3])).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    table = np.asarray(table, np.float32)
    out = np.empty((len(starts) - 1, table.shape[1]), np.float32) if out is None else out
    _native.row_means(table, np.ascontiguousarray(rows, np.int64), starts, out)
    return out


def _from_lengths(lengths: Int64[Array, " n"]) -> Int64[Array, " n+1"]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _counts(text: UInt8[Array, " t"], starts: Int64[Array, " n+1"], min_n: int, max_n: int) -> Int64[Array, " n"]:
    """Return how many n-grams each word has: characters − n + 1 of each length n."""
    if len(starts) == 1:
        return np.zeros(0, np.int64)
    characters = np.add.reduceat((text & 0xC0) != 0x80, starts[:-1], dtype=np.int64)
    low = max(min_n, 1)
    high = np.minimum(max_n, characters)  # longer ones do not fit
    sizes = np.maximum(high - low + 1, 0)
    counts = sizes * (characters + 1) - sizes * (low + high) // 2
    return np.asarray(counts - 2 * (low == 1 and max_n >= 1))  # the two border signs
