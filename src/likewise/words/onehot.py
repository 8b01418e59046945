"""One-hot: a vocabulary in, the vectors that everybody starts from out, never stored.

Row i of the n × n identity. It is exact, it never collapses, and it knows nothing: every two words are equally far
apart. For 68,000 words the matrix would take 18 GB, so `OneHot` makes rows when they are asked for; `identity` is the
whole matrix of fewer words, which the recipe `onehot` keeps like any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float32

from likewise.contracts import Array, State
from likewise.errors import KeyMissing, OptionError, nearest_spellings
from likewise.files import digest_of_json

_MOST_BYTES = 1 << 30


def check_room(words: int) -> None:
    """Refuse a whole matrix of so many words that would take more than 1 GiB; OptionError with the bytes."""
    if 4 * words * words > _MOST_BYTES:
        raise OptionError(
            f"one-hot vectors of {words:,} words have {words:,} dims each: {4 * words * words:,} bytes in all, at most "
            f"{_MOST_BYTES:,} are made; set max_vocabulary to {math.isqrt(_MOST_BYTES // 4):,} or less"
        )


def identity(words: int) -> Float32[Array, "n n"]:
    """Return the one-hot vectors of so many words, 4·n² bytes; OptionError beyond 1 GiB.

    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    check_room(words)
    return np.eye(words, dtype=np.float32)


@final
class OneHot:
    """An encoder of words whose n dimensions are the n words themselves.

    >>> one_hot = OneHot(["king", "queen", "river"])
    >>> one_hot.embed(["queen"])
    array([[0., 1., 0.]], dtype=float32)
    >>> one_hot.distance("king", "queen") == one_hot.distance("king", "river")
    True
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self._rows = {key: row for row, key in enumerate(self.keys)}

    @property
    def dim(self) -> int:
        """Return the number of dimensions: one for each word."""
        return len(self.keys)

    @property
    def fingerprint(self) -> str:
        """Return the digest of the words in their order."""
        return digest_of_json(["one-hot", self.keys])

    @property
    def bytes_per_word(self) -> int:
        """Return what one dense float32 row takes."""
        return 4 * self.dim

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float[Array, "n d"]:
        """Make the rows of some words; KeyMissing for an unknown one, OptionError if they would not fit into 1 GiB.

        There is no entrance for texts: a pooled one would be a bag of words, for which there are better tools.
        """
        if kind not in (None, "word"):
            raise OptionError(
                f"kind {kind!r}: one-hot rows are of words; scikit-learn's TfidfVectorizer pools texts so"
            )
        wanted = [self._row(key) for key in objects]
        if len(wanted) * self.bytes_per_word > _MOST_BYTES:
            raise OptionError(
                f"{len(wanted):,} one-hot rows of {self.dim:,} dims would take "
                f"{len(wanted) * self.bytes_per_word / 1e9:.0f} GB: ask for fewer words at a time"
            )
        made = np.zeros((len(wanted), self.dim), dtype=np.float32)
        made[np.arange(len(wanted)), wanted] = 1
        return made

    def distance(self, one: str, other: str) -> float:
        """Return the euclidean distance of two words: √2 unless they are the same."""
        return 0.0 if self._row(one) == self._row(other) else math.sqrt(2)

    def near(self, key: str, k: int = 10) -> list[tuple[str, float]]:
        """Return the first `k` other words with cosine 0: all are equally near, so the order means nothing."""
        self._row(key)
        return [(other, 0.0) for other in self.keys[: k + 1] if other != key][:k]

    def state(self) -> State:
        """Return no arrays, only the words."""
        return {}, {"kind": "one-hot", "keys": self.keys}

    def _row(self, key: str) -> int:
        if key not in self._rows:
            raise KeyMissing(key, nearest_spellings(str(key), self._rows), size=self.dim)
        return self._rows[key]
