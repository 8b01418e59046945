"""The readable twin of the kernel for phrases: words in, the pairs that may be phrases or the words joined, out.

It defines what a pair is and how phrases are joined; the compiled code (phrases.cpp) is tested to give the same for any
text. A phrase is its words in order: two of them, and between these any connectors, such as (bank, of, england). A
connector neither begins nor ends a phrase. Words may be strings or numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

MOST_BETWEEN = 4

Word = TypeVar("Word", bound=Hashable)


def pairs_of(words: Sequence[Word], connectors: Collection[Word]) -> Iterator[tuple[Word, ...]]:
    """Yield each word with the connectors and the word that follow it, where at most 4 connectors stand between."""
    pair: list[Word] = []
    for word in words:
        if word in connectors:
            if pair:
                pair.append(word)
            if len(pair) > MOST_BETWEEN + 1:
                pair = []
            continue
        if pair:
            yield (*pair, word)
        pair = [word]


def joined(
    words: Sequence[Word], phrases: Mapping[tuple[Word, ...], Word], connectors: Collection[Word]
) -> Iterator[Word]:
    """Yield the words from left to right, each phrase as the one word that it becomes; a word is used once.

    >>> " ".join(joined("a new york times square".split(), {("new", "york"): "new_york", ("york", "times"): "y"}, ()))
    'a new_york times square'
    """
    pair: list[Word] = []  # what may become a phrase
    for word in words:
        if word in connectors:
            pair.append(word)
            if len(pair) == 1 or len(pair) > MOST_BETWEEN + 1:
                yield from pair
                pair = []
            continue
        phrase = phrases.get((*pair, word)) if pair else None
        if phrase is not None:
            yield phrase
            pair = []
        else:
            yield from pair
            pair = [word]
    yield from pair
