"""Tokenising and counting, compiled: UTF-8 or words in; numbers, counts and ends of paragraphs out.

Version 1 of the tokeniser. It is part of an encoder's fingerprint: whatever changes a word makes a new VERSION.

* `words`: runs of letters and numbers (Unicode categories L and N) and of the marks (M) and zero-width joiners that
  follow them; a mark begins no word. An apostrophe, ' or ’, stays between two letters and is written '. Each character
  of Han, Hiragana or Katakana is a word, with the marks that follow it. All else parts words: _ and - too.
* `whitespace`: what stands between spaces (those of Python's str.split).
* `lowercase`: each character by Unicode's simple mapping, one for one: İ gives i, ß and ς stay, ẞ gives ß, Σ gives σ.
* `digits`: keep; mask, each number character (N) as 0; drop, they part words as a space does. Han numerals are words.

Nothing is normalised: é in one character and é in two are two words. Unicode is that of unicode_table.hpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from likewise.contracts import Array
from likewise.errors import OptionError
from likewise.kernels import _native

VERSION = 1
TOKENIZERS = ("words", "whitespace")
DIGITS = ("keep", "mask", "drop")


def check_cutting(tokenizer: str, digits: str, version: int = VERSION) -> None:
    """Refuse what is neither a tokeniser nor a way with digits, and a version that this code does not know."""
    if version != VERSION:
        raise OptionError(
            f"version {version} of the tokeniser: this likewise has version {VERSION}, a newer one may do"
        )
    if tokenizer not in TOKENIZERS:
        raise OptionError(
            f"tokenizer {tokenizer!r}: it is words, whitespace, or in Python a callable(str) -> list[str]"
        )
    if digits not in DIGITS:
        raise OptionError(f"digits {digits!r}: keep them, mask each as 0, or drop them")


class Counter:
    """Count the words of a stream; any cutting of the stream into blocks gives the same result.

    LF, CR and CR LF end a paragraph; paragraphs without words leave no trace. A share `held_out` of the paragraphs,
    chosen by a hash of their words, has its end written as ~end (so: negative).
    """

    def __init__(
        self, *, tokenizer: str = "words", lowercase: bool = True, digits: str = "keep", held_out: float = 0.0
    ) -> None:
        check_cutting(tokenizer, digits)
        if not 0 <= held_out <= 0.5:
            raise OptionError(f"held_out is {held_out}: it is the share kept apart, from 0 to 0.5; 0.01 is usual")
        self._native: Any = _native.Counter(
            tokenizer == "words", lowercase, DIGITS.index(digits), int(held_out * 2.0**64)
        )

    def feed(self, block: Any) -> bool:
        """Take bytes (or what exports a buffer); False at a byte that is no text: then see `fault`."""
        return bool(self._native.feed(block))

    def finish(self) -> bool:
        """End a file and its last paragraph; False as for `feed`."""
        return bool(self._native.finish())

    def feed_words(self, words: Sequence[str]) -> bool:
        """Take a paragraph that is cut already, as it is; empty words are left out. False if a word holds a NUL."""
        return bool(self._native.feed_words(words))

    @property
    def fault(self) -> tuple[str, int, int] | None:
        """What was wrong (`nul` or `encoding`), in which line (from 1) and at which byte of the file (from 0)."""
        fault: tuple[str, int, int] | None = self._native.fault
        return fault

    def take_out(self) -> tuple[Int32[Array, " t"], Int64[Array, " s"]]:
        """Hand over the numbers of the words and the ends of the paragraphs since the last call."""
        ids, ends = self._native.take_out()
        return ids, ends

    @property
    def counts(self) -> Int64[Array, " n"]:
        """How often each word was seen, by its number."""
        counts: Int64[Array, " n"] = self._native.counts()
        return counts

    def words(self, numbers: Int64[Array, " n"] | None = None) -> list[str]:
        """Return the words of some numbers, or all."""
        wanted = np.arange(self.size) if numbers is None else np.ascontiguousarray(numbers, np.int64)
        words: list[str] = self._native.words(wanted)
        return words

    def numbers(self, words: Sequence[str], *, add: bool) -> Int32[Array, " n"]:
        """Return the numbers of some words; those that were not seen are added, not counted, or have -1."""
        numbers: Int32[Array, " n"] = self._native.numbers(words, add)
        return numbers

    @property
    def size(self) -> int:
        """How many different words there are."""
        return int(self._native.size)

    @property
    def tokens(self) -> int:
        """How many words there were."""
        return int(self._native.tokens)

    @property
    def paragraphs(self) -> int:
        """How many paragraphs with words there were."""
        return int(self._native.paragraphs)


def cut(
    texts: Sequence[str],
    *,
    tokenizer: str = "words",
    lowercase: bool = True,
    digits: str = "keep",
    version: int = VERSION,
) -> list[list[str]]:
    """Cut each text into its words.

    >>> cut(["The queen’s 2 cats!", "日本の"])
    [['the', "queen's", '2', 'cats'], ['日', '本', 'の']]
    """
    check_cutting(tokenizer, digits, version)
    words: list[list[str]] = _native.cut(texts, tokenizer == "words", lowercase, DIGITS.index(digits))
    return words


renumber = _native.renumber
