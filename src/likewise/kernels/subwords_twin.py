"""The readable twin of the subwords: a word's bytes in, its n-grams and their buckets out; means of rows; slow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32, Int

from likewise.contracts import Array


def hash_of(ngram: bytes) -> int:
    """Return fastText's 32-bit FNV-1a, in which a byte is a signed char."""
    h = 2166136261
    for byte in ngram:
        signed = byte - 256 if byte > 127 else byte
        h = ((h ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return h


def characters_of(word: bytes) -> list[bytes]:
    """Cut UTF-8 into characters; a continuation byte belongs to whatever stands before it."""
    characters: list[bytes] = []
    for byte in word:
        if byte & 0xC0 == 0x80 and characters:
            characters[-1] += bytes([byte])
        else:
            characters.append(bytes([byte]))
    return characters


def ngrams_of(word: bytes, *, min_n: int, max_n: int) -> Iterator[bytes]:
    """Yield the n-grams of a word between < and >, by where they begin, the shorter first; no border sign alone."""
    characters = characters_of(b"<" + word + b">")
    last = len(characters) - 1
    for i in range(len(characters)):
        for n in range(max(min_n, 1), min(max_n, len(characters) - i) + 1):
            if not (n == 1 and i in (0, last)):
                yield b"".join(characters[i : i + n])


def ngram_buckets(word: bytes, *, min_n: int, max_n: int, buckets: int) -> list[int]:
    """Return the buckets of one word's n-grams."""
    return [hash_of(ngram) % buckets for ngram in ngrams_of(word, min_n=min_n, max_n=max_n)]


def row_means(table: Float[Array, "r d"], rows: Int[Array, " g"], starts: Int[Array, " n+1"]) -> Float32[Array, "n d"]:
    """Return the mean of each list of rows, zero for an empty one."""
    means = np.zeros((len(starts) - 1, table.shape[1]), np.float32)
    for i, (begin, end) in enumerate(pairwise(starts)):
        if end > begin:
            means[i] = table[rows[begin:end]].mean(axis=0, dtype=np.float64)
    return means
