"""Phrases: words that belong together, such as new york; lists of words in, the same with phrases as one word out.

They are found in a text by words/phrase_search.py, and kept in the tokeniser's part of an encoder as plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeAlias, TypeGuard, final

import numpy as np
from jaxtyping import Float64, Int64

from likewise.contracts import Array
from likewise.errors import IntegrityError, OptionError
from likewise.kernels.phrases import MOST_CONNECTORS
from likewise.kernels.phrases_twin import MOST_BETWEEN, joined

SEPARATOR = "_"
VERSION = 1

Phrase: TypeAlias = tuple[str, ...]


def npmi(
    together: Int64[Array, " n"], first: Int64[Array, " n"], last: Int64[Array, " n"], words: int
) -> Float64[Array, " n"]:
    """Return ln(p(a, b) / p(a) p(b)) / -ln p(a, b), from -1 to 1, with p a count / `words` (Bouma 2009).

    A word that is never without the other has 1, words that stand together by chance have 0.

    >>> npmi(np.array([10, 1]), np.array([10, 10]), np.array([10, 10]), 100).round(3).tolist() == [1, 0]
    True
    """
    p = together / words
    return np.asarray(np.log(p / ((first / words) * (last / words))) / -np.log(p))


@dataclass(frozen=True)
class PhraseSearch:
    """What makes neighbours a phrase: an NPMI above `threshold`, and seen `min_count` times in the training text.

    Each of `passes` joins what the one before has joined already, so two of them find phrases of up to four words.
    `connectors` are words that may stand inside a phrase, never at its ends: with "of", bank of england is a pair of
    bank and england.
    """

    threshold: float
    min_count: int = 10
    passes: int = 1
    connectors: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise OptionError(f"phrases is {self.threshold}: it is an NPMI, from 0 to 1; 0.5 is usual, 1 takes nothing")
        if self.min_count < 1 or self.passes < 1:
            came = f"min_count {self.min_count} and passes {self.passes}"
            raise OptionError(f"{came} came for phrases: give both 1 or more")
        if len(set(self.connectors)) > MOST_CONNECTORS:
            raise OptionError(f"{len(set(self.connectors))} connectors: at most {MOST_CONNECTORS} words may be")


@final
@dataclass(frozen=True)
class Phrases:
    """Phrases by pass, those of a pass in the order of their words; `scores` are their NPMI where they were found here.

    >>> phrases = Phrases([[("new", "york")], [("new_york", "times")]])
    >>> phrases.join("the new york times of new york".split())
    ['the', 'new_york_times', 'of', 'new_york']
    >>> len(phrases)
    2
    """

    passes: Sequence[Sequence[Phrase]]
    connectors: Sequence[str] = ()
    scores: Sequence[Float64[Array, " n"]] = field(default=(), compare=False)

    def __len__(self) -> int:
        return sum(map(len, self.passes))

    def join(self, words: Sequence[str]) -> list[str]:
        """Return words with phrases as one, from left to right, pass by pass; what is joined already stays."""
        for table in self._tables:
            words = list(joined(words, table, self._between))
        return list(words)

    @cached_property
    def _tables(self) -> list[dict[Phrase, str]]:
        return [{phrase: SEPARATOR.join(phrase) for phrase in phrases} for phrases in self.passes]

    @cached_property
    def _between(self) -> frozenset[str]:
        return frozenset(self.connectors)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: the words of each phrase, pass by pass."""
        passes = [[list(phrase) for phrase in phrases] for phrases in self.passes]
        return {"version": VERSION, "connectors": list(self.connectors), "passes": passes}

    @classmethod
    def from_json(cls, about: Any) -> Self:
        """Make phrases from `as_json()`; IntegrityError for anything else."""
        if not isinstance(about, Mapping) or about.get("version") != VERSION:
            version = about.get("version") if isinstance(about, Mapping) else about
            raise IntegrityError(
                f"version {version!r} of phrases: this likewise has version {VERSION}, a newer one may do"
            )
        passes, connectors = about.get("passes"), about.get("connectors")
        if not _is_words(connectors) or not isinstance(passes, list) or not all(map(_is_phrases, passes)):
            raise IntegrityError("the tokeniser's phrases are not lists of words: likewise did not write this file")
        if {word for some in passes for phrase in some for word in phrase[1:-1]} - set(connectors):
            raise IntegrityError(
                "the tokeniser's phrases hold words inside that are no connectors: the file was changed"
            )
        return cls(tuple(tuple(map(tuple, phrases)) for phrases in passes), tuple(connectors))


def _is_words(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(word, str) and word for word in value)


def _is_phrases(value: object) -> bool:
    return isinstance(value, list) and all(
        _is_words(phrase) and 2 <= len(phrase) <= MOST_BETWEEN + 2 for phrase in value
    )
