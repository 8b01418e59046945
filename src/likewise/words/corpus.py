"""A corpus: a source of text in; its vocabulary and its words as numbers, for training and held out, out.

One pass cuts, counts and writes numbers of words in order of first appearance to a temporary file without a name,
so that nothing is left behind however the program ends. Then the numbers become those of the vocabulary, in place.
Memory is set by the vocabulary, not by the text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int32, Int64

from likewise.contracts import Array, Source
from likewise.errors import DataError, OptionError
from likewise.files import append, nameless, room
from likewise.kernels.text import Counter, cut, renumber
from likewise.session import Note, Progress, Session
from likewise.sources.text import TextSource, open_text
from likewise.words.growth import grown_vocabulary
from likewise.words.phrase_search import STAGE as PHRASES
from likewise.words.phrase_search import PhrasedText, tell
from likewise.words.phrases import Phrases, PhraseSearch
from likewise.words.vocabulary import Vocabulary

Tokenizer: TypeAlias = str | Callable[[str], Sequence[str]]

STAGE = "reading"
_TOLD_EVERY = 0.2  # seconds between two events of progress
_PARAGRAPHS = 1 << 17  # renumbered at a time


@dataclass(frozen=True)
class Corpus:
    """Words as numbers of a vocabulary: sentence i is `ids[starts[i]:starts[i + 1]]`."""

    ids: Int32[Array, " t"]
    starts: Int64[Array, " s+1"]

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True)
class Reading:
    """A text that was read: what learning needs, and what was seen on the way.

    `bytes` of text (without compression) and `paragraphs` with at least one word were read in `seconds`; `digest` is
    that of the source. `phrases` are those that its words were joined to, if it was asked for any. `complete` is False
    if somebody asked to stop: then it is of the text up to there.
    """

    vocabulary: Vocabulary
    train: Corpus
    held_out: Corpus
    digest: str
    seconds: float
    bytes: int
    paragraphs: int
    phrases: Phrases | None = None
    complete: bool = True


def tokenize(
    texts: Sequence[str], *, tokenizer: Tokenizer = "words", lowercase: bool = True, digits: str = "keep"
) -> list[list[str]]:
    """Cut texts into words, by the same code that reads a corpus.

    >>> tokenize(["A rose is a rose."])
    [['a', 'rose', 'is', 'a', 'rose']]
    """
    if callable(tokenizer):
        return [list(tokenizer(text)) for text in texts]
    return cut(texts, tokenizer=tokenizer, lowercase=lowercase, digits=digits)


def read_corpus(
    source: Source,
    *,
    tokenizer: Tokenizer = "words",
    lowercase: bool = True,
    digits: str = "keep",
    min_count: int = 5,
    max_vocabulary: int | None = None,
    held_out: float = 0.01,
    known: Vocabulary | None = None,
    phrases: PhraseSearch | Phrases | None = None,
    session: Session,
    folder: Path | None = None,
) -> Reading:
    """Read `source` once: cut it into words, count them, keep the frequent ones, number the text with them.

    `lowercase` and `digits` belong to the tokenisers that are built in: what a callable returns, and words that come
    in lists, are taken as they are. Words that are `known` stay however rare they are here, and counts are added to
    theirs. `phrases` are looked for in the paragraphs for training, or given; each becomes one word, wherever it
    stands, before words are counted. `folder` is where the temporary file goes (4 bytes a word, 8 a paragraph; the
    system's temporary folder by default). A stopped session ends the reading at once; what was read so far is used,
    but no phrases are looked for in it: KeyboardInterrupt.

    Raises DataError if there is no text, or no word is frequent enough.
    """
    if min_count < 1:
        raise OptionError(f"min_count is {min_count}: it is how often a word must be seen, 1 or more")
    if max_vocabulary is not None and max_vocabulary < 1:
        raise OptionError(f"max_vocabulary is {max_vocabulary}: keep 1 word or more, or None for all")
    source = open_text(source)
    named = tokenizer if isinstance(tokenizer, str) else "words"
    counter = Counter(tokenizer=named, lowercase=lowercase, digits=digits, held_out=held_out)
    start = time.perf_counter()
    with session.stage(STAGE) as facts, _room(folder), _Store(folder) as store:
        reader = _Reader(source, counter, store, session)
        reader.read(tokenizer if callable(tokenizer) else None)
        counts = counter.counts
        if phrases is not None:
            counts, phrases = store.phrased(phrases, counter, session)
        try:
            vocabulary, renumbered = _vocabulary(counter, counts, source.name, min_count, max_vocabulary, known)
        except DataError:
            if reader.complete:
                raise
            raise KeyboardInterrupt from None  # stopped before there was anything to keep
        train, held = store.renumbered(renumbered)
        facts |= {"bytes": reader.bytes, "words": vocabulary.raw_words, "vocabulary": len(vocabulary)}
    if held.ids.size and not train.ids.size:  # few different paragraphs, all of them on the held-out side
        train, held = held, train
        session.tell(Note("the text is too small to hold paragraphs out: the loss is measured on training text only"))
    for note in source.notes:
        session.tell(Note(note))
    if not reader.complete:
        session.tell(Note(f"reading was stopped: {counter.tokens:,} words of {source.name} were read"))
    return Reading(
        vocabulary=vocabulary,
        train=train,
        held_out=held,
        digest=source.digest,
        seconds=time.perf_counter() - start,
        bytes=reader.bytes,
        paragraphs=counter.paragraphs,
        phrases=phrases,
        complete=reader.complete,
    )


class _Reader:
    """What goes from a source through the counter into the store."""

    def __init__(self, source: TextSource, counter: Counter, store: _Store, session: Session) -> None:
        self.source, self.counter, self.store, self.session = source, counter, store, session
        self.bytes, self.complete = 0, True
        self._told = time.perf_counter()

    def read(self, callable_tokenizer: Callable[[str], Sequence[str]] | None) -> None:
        """Read all, or until the session is stopped."""
        if callable_tokenizer is not None or self.source.cut_already:
            self._read_paragraphs(callable_tokenizer)
        else:
            self._read_blocks()
        self.store.take(self.counter)

    def _read_blocks(self) -> None:
        for name, blocks in self.source.files():
            for block in blocks:
                self._check(self.counter.feed(block), name)
                self.bytes += len(block)
                if self._pause():
                    break
            self._check(self.counter.finish(), name)
            if not self.complete:
                return

    def _read_paragraphs(self, cutter: Callable[[str], Sequence[str]] | None) -> None:
        for i, (key, paragraph) in enumerate(self.source):
            words = paragraph if cutter is None or not isinstance(paragraph, str) else cutter(paragraph)
            try:
                good = self.counter.feed_words(words)
            except (TypeError, UnicodeEncodeError) as error:
                raise DataError(
                    f"{key}: a paragraph is a list of words, each a string without NUL ({error})"
                ) from error
            if not good:
                raise DataError(f"{key}: a word holds a NUL character: leave it out")
            self.bytes += len(paragraph)
            if i % 1024 == 0 and self._pause():
                return

    def _check(self, good: bool, name: str) -> None:
        if not good:
            fault = self.counter.fault
            assert fault is not None
            raise DataError(self.source.complaint(name, *fault))

    def _pause(self) -> bool:
        """Store what there is, tell how far it has come; return whether to stop."""
        self.store.take(self.counter)
        now = time.perf_counter()
        if now - self._told > _TOLD_EVERY:
            facts = {"words": float(self.counter.tokens), "vocabulary": float(self.counter.size)}
            self.session.tell(Progress(STAGE, self.source.done, self.source.size, "bytes", facts))
            self._told = now
        self.complete = not self.session.stopped
        return not self.complete


class _Store:
    """Numbers of words and ends of paragraphs, in temporary files without names."""

    def __init__(self, folder: Path | None) -> None:
        with ExitStack() as opened:
            files = [opened.enter_context(nameless(folder)) for _ in range(4)]
            self._opened = opened.pop_all()
        self._ids, self._ends, self._held_ids, self._held_ends = files
        append(self._ends, np.zeros(1, np.int64))

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()  # what is mapped stays until the last array is gone

    def take(self, counter: Counter) -> None:
        """Write down what the counter has found since the last time."""
        ids, ends = counter.take_out()
        append(self._ids, ids)
        append(self._ends, ends)

    def phrased(
        self, wanted: PhraseSearch | Phrases, counter: Counter, session: Session
    ) -> tuple[Int64[Array, " n"], Phrases]:
        """Join phrases, found or given, before `renumbered`; return how often each word is there now, and them."""
        with session.stage(PHRASES) as facts:
            text = PhrasedText(_mapped(self._ids, np.int32), _mapped(self._ends, np.int64), counter, session)
            if isinstance(wanted, PhraseSearch):
                phrases = text.find(wanted)
                tell(phrases, wanted, session)
            else:
                phrases = wanted
                text.join(phrases)
            counts = text.counts()
            facts |= {"phrases": len(phrases), "words": int(counts.sum())}
        return counts, phrases

    def renumbered(self, table: Int32[Array, " n"]) -> tuple[Corpus, Corpus]:
        """Turn the numbers into those of the vocabulary; return the text for training and the text held out."""
        ids, ends = _mapped(self._ids, np.int32), _mapped(self._ends, np.int64)
        start = token = paragraph = held = 0
        append(self._held_ends, np.zeros(1, np.int64))
        for first in range(0, len(ends) - 1, _PARAGRAPHS):
            last = min(first + _PARAGRAPHS, len(ends) - 1)
            kept, lengths, start, token, paragraph = renumber(ids, ends, table, first, last, start, token, paragraph)
            append(self._held_ids, kept)
            append(self._held_ends, held + np.cumsum(lengths, dtype=np.int64))
            held += len(kept)
        train = Corpus(ids[:token], ends[: paragraph + 1])
        apart = Corpus(_mapped(self._held_ids, np.int32), _mapped(self._held_ends, np.int64))
        return (train, apart) if token else (apart, train)  # a text of one paragraph is there to learn from


def _mapped(file: Any, dtype: type) -> Any:
    if file.tell() == 0:
        return np.empty(0, dtype)
    return np.asarray(np.memmap(file, dtype, mode="r+"))


def _room(folder: Path | None) -> AbstractContextManager[None]:
    """Say what to do when there is no room for the temporary file."""
    return room(folder, "the numbered text (4 bytes a word)")


def _vocabulary(
    counter: Counter,
    counts: Int64[Array, " n"],
    name: str,
    min_count: int,
    most: int | None,
    known: Vocabulary | None,
) -> tuple[Vocabulary, Int32[Array, " n"]]:
    """Return the words that are kept, and for each provisional number its final one or -1."""
    different = int(np.count_nonzero(counts))
    if not different:
        raise DataError(
            f"{name} holds no words: is it the right file, and is it text? "
            "Emoji and other signs are words with --tokenizer whitespace"
        )
    order = np.argsort(-counts, kind="stable")
    if different == 1:
        raise DataError(
            f"{name} holds only one word, {counter.words(order[:1])[0]!r}: there is nothing to tell it from"
        )
    if known is not None:
        return grown_vocabulary(known, counter, counts, name, min_count=min_count, most=most)
    kept = order[: int(np.searchsorted(-counts[order], -min_count, side="right"))][:most]
    if not len(kept):
        largest, most_seen = counter.words(order[:1])[0], int(counts.max())
        raise DataError(
            f"no word of {name} is seen {min_count} times: the most frequent, {largest!r}, is seen "
            f"{most_seen} time{'s' * (most_seen > 1)}; give --min-count {most_seen} or less, or more text"
        )
    renumbered = np.full(len(counts), -1, np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    vocabulary = Vocabulary(counter.words(kept), counts[kept], raw_words=int(counts.sum()), raw_vocabulary=different)
    return vocabulary, renumbered
