"""Phrases of a numbered text: its numbers in; which neighbours are phrases, and the numbers with them joined, out.

All work is done on numbers of words, in the file that they are mapped from. Counting takes two sweeps over the text for
each pass and joining takes one; memory is bounded as kernels/phrases.py says, whatever the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Int32, Int64

from likewise.contracts import Array
from likewise.kernels.phrases import Joiner, PairCounter, Pairs, count_words, packed
from likewise.kernels.text import Counter
from likewise.session import Derived, Note, Progress, Session
from likewise.words.phrases import SEPARATOR, Phrase, Phrases, PhraseSearch, npmi

STAGE = "phrases"
_PARAGRAPHS = 1 << 17  # swept over at a time


class PhrasedText:
    """A text as numbers of a counter's words, in place: phrases are found in it and joined in it.

    `ids` and `ends` are as in kernels.phrases. New words get numbers of the counter.
    """

    def __init__(
        self, ids: Int32[Array, " t"], ends: Int64[Array, " s"], counter: Counter, session: Session | None = None
    ) -> None:
        self.ids, self.ends, self.counter, self.session = ids, ends, counter, session or Session()

    def find(self, search: PhraseSearch) -> Phrases:
        """Find phrases in the training paragraphs and join them everywhere, pass by pass."""
        passes: list[list[Phrase]] = []
        scores = []
        for _ in range(search.passes):
            phrases, found = self._scored(search)
            if not phrases:
                break
            self._join(phrases, search.connectors)
            passes.append(phrases)
            scores.append(found)
        return Phrases(passes, tuple(search.connectors), scores)

    def join(self, phrases: Phrases) -> None:
        """Join phrases that are known already."""
        for some in phrases.passes:
            self._join(some, phrases.connectors)

    def counts(self) -> Int64[Array, " n"]:
        """Return how often each word stands in the text, held-out paragraphs included."""
        return self._counts(self.ends, all=True)

    def _counts(self, ends: Int64[Array, " s"], *, all: bool) -> Int64[Array, " n"]:
        counts = np.zeros(self.counter.size, np.int64)
        self._sweep(lambda first, last: count_words(self.ids, ends, first, last, all, counts))
        return counts

    def _learned_from(self) -> Int64[Array, " s"]:
        """Return the ends with which paragraphs are counted; if all are held out, all are learned from."""
        return self.ends if self.ends.max() > 0 else np.where(self.ends < 0, ~self.ends, self.ends)

    def _scored(self, search: PhraseSearch) -> tuple[list[Phrase], Array]:
        """Return the phrases of one pass by their words, and their NPMI."""
        ends = self._learned_from()
        counts = self._counts(ends, all=False)
        words = max(int(counts.sum()), 1)
        connectors, names = self._connectors(search.connectors)
        pairs = self._pairs(ends, counts, connectors, words, search)
        counts[connectors > 0] = 0  # only what may begin or end a phrase is left
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = npmi(pairs.counts, counts[pairs.firsts], counts[pairs.lasts], words)
        good = (pairs.counts >= search.min_count) & (scores > search.threshold)
        firsts, lasts = (self.counter.words(ids[good].astype(np.int64)) for ids in (pairs.firsts, pairs.lasts))
        betweens = [_unpacked(int(between), names) for between in pairs.betweens[good]]
        phrases = [(a, *between, b) for a, between, b in zip(firsts, betweens, lasts, strict=True)]
        order = sorted(range(len(phrases)), key=phrases.__getitem__)
        return [phrases[i] for i in order], scores[good][order]

    def _pairs(self, ends: Array, counts: Array, connectors: Array, words: int, search: PhraseSearch) -> Pairs:
        counter = PairCounter(counts, connectors, words=words, threshold=search.threshold, min_count=search.min_count)
        self._sweep(lambda first, last: counter.look(self.ids, ends, first, last))
        self._sweep(lambda first, last: counter.count(self.ids, ends, first, last))
        return counter.found()

    def _connectors(self, words: Sequence[str]) -> tuple[Array, list[str]]:
        """Return the number of each connector by the number of its word (0: it is none), and their words."""
        table, names = np.zeros(self.counter.size, np.uint8), list(dict.fromkeys(words))
        for i, number in enumerate(self.counter.numbers(names, add=False), 1):
            if number >= 0:
                table[number] = i
        return table, names

    def _join(self, phrases: Sequence[Phrase], connectors: Sequence[str]) -> None:
        """Join the phrases of one pass; a word that is written as a phrase is the same word."""
        ends = [self.counter.numbers([phrase[i] for phrase in phrases], add=False) for i in (0, -1)]
        here = (ends[0] >= 0) & (ends[1] >= 0)
        some = [phrase for phrase, is_here in zip(phrases, here, strict=True) if is_here]
        before = self.counter.size
        numbers = self.counter.numbers([SEPARATOR.join(phrase) for phrase in some], add=True)
        self._tell_of_clashes(some, numbers < before)
        table, names = self._connectors(connectors)
        places = {name: i for i, name in enumerate(names, 1)}
        betweens = np.array([packed([places[word] for word in phrase[1:-1]]) for phrase in some], np.uint32)
        joiner = Joiner(ends[0][here], betweens, ends[1][here], numbers, table)
        at = (0, 0)

        def join(first: int, last: int) -> None:
            nonlocal at
            at = joiner.join(self.ids, self.ends, first, last, *at)

        self._sweep(join)

    def _tell_of_clashes(self, phrases: Sequence[Phrase], clash: Array) -> None:
        """Tell which phrases are written as a word of the text."""
        same = [SEPARATOR.join(phrases[i]) for i in np.flatnonzero(clash).tolist()]
        if same:
            are = f"{len(same):,} phrases are written as words" if len(same) > 1 else "1 phrase is written as a word"
            joins = "join them" if len(same) > 1 else "joins it"
            told = ", ".join(same[:3]) + (", ..." if len(same) > 3 else "")
            self.session.tell(Note(f"{are} of the text {'are' if len(same) > 1 else 'is'}, and {joins}: {told}"))

    def _sweep(self, step: Callable[[int, int], None]) -> None:
        """Go over all paragraphs, some at a time; KeyboardInterrupt if the session is stopped."""
        edges = [*range(0, len(self.ends) - 1, _PARAGRAPHS), len(self.ends) - 1]
        for first, last in pairwise(edges):
            if self.session.stopped:
                raise KeyboardInterrupt
            step(first, last)
            self.session.tell(Progress(STAGE, last, len(self.ends) - 1, "paragraphs"))


def _unpacked(between: int, names: Sequence[str]) -> list[str]:
    return [names[byte - 1] for byte in between.to_bytes(4, "big") if byte]


def tell(phrases: Phrases, search: PhraseSearch, session: Session) -> None:
    """Tell how many phrases there are, the surest of them and the least sure; a note if there is none."""
    if not len(phrases):
        above = f"seen {search.min_count} times together with an NPMI above {search.threshold:g}"
        session.tell(Note(f"no phrases: no neighbours are {above}"))
        return
    words = [SEPARATOR.join(phrase) for some in phrases.passes for phrase in some]
    scores = np.concatenate(phrases.scores)
    order = np.argsort(-scores, kind="stable")
    best, least = (", ".join(f"{words[i]} {scores[i]:.2f}" for i in some) for some in (order[:3], order[-3:]))
    session.tell(Derived("phrases_found", len(phrases), f"the surest {best}; the least sure {least}"))
