"""Subwords: words in; the rows of one table that make up each of them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from likewise.contracts import Array
from likewise.errors import DataError, IntegrityError, OptionError
from likewise.kernels import subwords as kernel

SENTENCE_END = "</s>"  # fastText's mark for the end of a line: a word without n-grams
_COUNTED = 1 << 26  # buckets that are marked one by one; where there may be more, they are sorted
LONGEST = 100  # characters of the longest n-gram that may be asked for


@dataclass(frozen=True)
class Subwords:
    """Which rows of one table make up each word; its vector is their mean.

    The rows of word i are `rows[starts[i]:starts[i + 1]]`: the first is i itself, then one for each of its n-grams,
    as often as it occurs. The row of bucket `used[j]` is the number of words + j; buckets that no word uses have none.
    """

    rows: Int32[Array, " r"]
    starts: Int64[Array, " n+1"]
    used: Int64[Array, " b"]
    min_n: int
    max_n: int
    buckets: int

    @property
    def words(self) -> int:
        """How many words there are: the first rows of the table."""
        return len(self.starts) - 1

    @property
    def size(self) -> int:
        """How many rows the table has."""
        return self.words + len(self.used)

    @cached_property
    def lengths(self) -> Int64[Array, " n"]:
        """How many rows make up each word."""
        return np.diff(self.starts)

    @cached_property
    def spare(self) -> bool:
        """Whether there are buckets that none of the words uses, as files of fastText's own have."""
        return bool((np.bincount(self.rows, minlength=self.size) == 0).any())

    def follow_from(self, words: Sequence[str]) -> bool:
        """Whether these words have these rows."""
        options = {"min_n": self.min_n, "max_n": self.max_n, "buckets": self.buckets}
        try:
            return np.array_equal(subwords(words, **options, used=self.used).rows, self.rows)
        except DataError:  # an n-gram without a row
            return False


def subwords(
    words: Sequence[str | bytes],
    *,
    min_n: int = 3,
    max_n: int = 6,
    buckets: int = 2_000_000,
    used: Int64[Array, " b"] | None = None,
) -> Subwords:
    """Return the rows of words and of their n-grams of `min_n` to `max_n` characters, by fastText's rule.

    Bojanowski et al. 2017 (arXiv:1607.04606), section 3.2, with fastText's hash. `max_n` 0 leaves n-grams out. `used`
    are the buckets that have a row, rising, where there are more than those of the words.

    >>> made = subwords(["no", "on"], min_n=3, max_n=3, buckets=100)
    >>> made.rows.tolist(), made.starts.tolist(), made.used.tolist()
    ([0, 3, 4, 1, 5, 2], [0, 3, 6], [2, 24, 28, 50])
    """
    found, at = ngram_buckets(words, min_n=min_n, max_n=max_n, buckets=buckets)
    own_buckets, places = _ranked(found, buckets)
    used, places = (own_buckets, places) if used is None else _among(used, own_buckets, places, buckets)
    n = len(words)
    if n + len(used) > kernel.MOST:
        raise OptionError(f"{n:,} words and {len(used):,} buckets are more rows than a table can have: fewer buckets")
    starts = at + np.arange(n + 1)  # each word's own row goes before its n-grams
    rows = np.empty(starts[-1], np.int32)
    own = np.zeros(len(rows), bool)
    own[starts[:-1]] = True
    rows[own] = np.arange(n, dtype=np.int32)
    rows[~own] = n + places
    return Subwords(rows, starts, used, min_n, max_n, buckets)


def _ranked(found: Int64[Array, " g"], buckets: int) -> tuple[Int64[Array, " o"], Int64[Array, " g"]]:
    """Return the buckets that are found, rising, and where in them each n-gram's stands."""
    if buckets > _COUNTED:
        return np.unique(found, return_inverse=True)
    there = np.zeros(buckets, bool)
    there[found] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[found]


def _among(
    used: Int64[Array, " b"], own: Int64[Array, " o"], places: Int64[Array, " g"], buckets: int
) -> tuple[Int64[Array, " b"], Int64[Array, " g"]]:
    """Return `used`, checked, and the places in it of n-grams whose places are in `own`."""
    used = np.asarray(used, np.int64)
    if used.ndim != 1 or (len(used) and not (used[0] >= 0 and used[-1] < buckets and (np.diff(used) > 0).all())):
        raise DataError(f"the buckets that have a row must rise, from 0 to less than {buckets:,}")
    at = np.searchsorted(used, own)
    if len(own) and (at[-1] >= len(used) or (used[at] != own).any()):
        raise DataError(f"{len(used):,} buckets have a row, but not all {len(own):,} that the words' n-grams use")
    return used, at[places]


def read_used(path: Path) -> Int64[Array, " b"]:
    """Read the buckets that have a row, where they are more than those of the words."""
    try:
        used = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise IntegrityError(f"{path} is not an array of whole numbers: {error}") from error
    if not isinstance(used, np.ndarray) or used.dtype != np.int64:
        raise IntegrityError(f"{path} is not an array of whole numbers")
    return used


def ngram_buckets(
    words: Sequence[str | bytes], *, min_n: int, max_n: int, buckets: int
) -> tuple[Int64[Array, " g"], Int64[Array, " n+1"]]:
    """Return the buckets of each word's n-grams, those of word i between `starts[i]` and `starts[i + 1]`.

    `max_n` 0 gives none; so does the word </s>, which stands for the end of a line.
    """
    check_options(min_n=min_n, max_n=max_n, buckets=buckets)
    if max_n == 0:
        return np.zeros(0, np.int64), np.zeros(len(words) + 1, np.int64)
    encoded = [word if isinstance(word, bytes) else _encoded(word) for word in words]
    found, starts = kernel.ngram_buckets(encoded, min_n=min_n, max_n=max_n, buckets=buckets)
    ends = [i for i, word in enumerate(encoded) if word == SENTENCE_END.encode()]
    return without_ngrams(found, starts, ends) if ends else (found, starts)


def without_ngrams(
    found: Int64[Array, " g"], starts: Int64[Array, " n+1"], words: Sequence[int]
) -> tuple[Int64[Array, " h"], Int64[Array, " n+1"]]:
    """Take the n-grams of some words out."""
    lengths = np.diff(starts)
    kept = np.ones(len(lengths), bool)
    kept[list(words)] = False
    return found[np.repeat(kept, lengths)], np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths * kept)])


def check_options(*, min_n: int, max_n: int, buckets: int) -> None:
    """Refuse lengths of n-grams and numbers of buckets that cannot be."""
    if not 0 <= max_n <= LONGEST:
        raise OptionError(f"max_n is {max_n}: n-grams have up to {LONGEST} characters; 6 is usual, 0 means none")
    if not 0 <= min_n <= max(max_n, LONGEST * (max_n == 0)):
        raise OptionError(f"min_n is {min_n}: it is a length from 0 to max_n, which is {max_n}; 3 is usual")
    if max_n and not 1 <= buckets <= kernel.MOST:
        raise OptionError(f"buckets is {buckets}: it is a number from 1 to {kernel.MOST:,}; 2,000,000 is usual")


def _encoded(word: str) -> bytes:
    try:
        return word.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"the word {word!r} holds {word[error.start : error.end]!r}, half of a character (a lone surrogate): "
            "it cannot be written as UTF-8; read the text with errors=replace or ignore"
        ) from error
