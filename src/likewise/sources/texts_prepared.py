"""Texts made ready for a network: a source in; a tokeniser, numbers of tokens on disk, and texts held out, out.

Texts are read twice where no tokeniser is given (once to learn it from a sample), and once where one is. Tokens lie one
text after the other in a file without a name, so what is learned from may be larger than memory.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np
from jaxtyping import Int64

from likewise.contracts import Array, Source
from likewise.errors import DataError
from likewise.files import append, nameless, room
from likewise.session import Derived, Note, Progress, Session
from likewise.sources.tokenising import Specials, specials_of, tokenizer_of, train_tokenizer, unknown_of

NOTHING: Final = -1
"""Where a token's number would stand, but the text has ended."""
_SAMPLE = 20_000_000  # characters that a tokeniser is learned from
_VOCABULARIES: Final = ((5_000_000, 8_192), (500_000, 4_096), (0, 2_048))  # by the characters that are sampled
_AT_ONCE = 1_000  # texts that are cut together
_LONGEST = 200_000  # characters of a text that are cut; what is longer is read to there
_BLOCK = 1 << 22  # tokens that are handled at a time
_SHOWN = 20_000  # characters of a text that stand in a run
_LEAST = 3  # texts
_STAGE = "reading"
_SENTENCE = re.compile(
    r"(?<=[.!?])(?P<closing>[\"'”’)\]]*)\s+(?=[\"'“‘(\[]*[A-Z0-9])|(?<=[。！？])(?P<closed>[」』”’）]*)"
)
_FULL_STOPS: Final = ("。", "！", "？")
_STRANGE = 0.01  # of all tokens: with more unknown ones than that it is told
_SHORT = 3  # words: what is shorter is a heading or the rest of an abbreviation, and stays with what is before it


@dataclass(frozen=True)
class Tokens:
    """Texts as numbers of tokens: all of them one behind the other, each with what ends a text; where each begins."""

    stream: Array
    starts: Int64[Array, " n+1"]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Int64[Array, " n"]:
        """How many tokens each has, with the one that ends it and without the one that begins it."""
        return np.diff(self.starts)

    def counts(self, size: int) -> Int64[Array, " size"]:
        """Return how often each token of a vocabulary stands there."""
        found = np.zeros(size, np.int64)
        for low in range(0, len(self.stream), _BLOCK):
            found += np.bincount(self.stream[low : low + _BLOCK], minlength=size)
        return found

    def renumbered(self, numbers: Array, folder: Path | None = None) -> Array:
        """Return the stream under other numbers of their type, in a file without a name."""
        if not len(self.stream):
            return np.empty(0, numbers.dtype)
        with room(folder, "the tokens of the texts"), nameless(folder) as file:
            for low in range(0, len(self.stream), _BLOCK):
                append(file, numbers[self.stream[low : low + _BLOCK]])
            return np.asarray(np.memmap(file, numbers.dtype, "r", 0, (len(self.stream),)))


@final
@dataclass(frozen=True)
class Texts:
    """Texts that were made ready: those to learn from as `train`, others held out as `probe`.

    `shown` are keys and texts that stand in the run's space, and whether each is held out; of `pairs` their first
    sides. With pairs an item has `sides`: its texts stand one behind the other in `train`, missing ones empty.
    """

    name: str
    tokenizer: Any
    specials: Specials
    train: Tokens
    probe: Tokens
    shown: Sequence[tuple[str, str, bool]]
    distinct: float
    sides: int = 1
    halves: Sequence[str] = ()
    settled: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def batch(self, rows: Array, most: int, *, held_out: bool = False) -> Int64[Array, "b t"] | Int64[Array, "b s t"]:
        """Return texts, or items of several sides, as numbers of at most `most` tokens, NOTHING where one has ended."""
        tokens = self.probe if held_out else self.train
        if self.sides == 1:
            return _padded(tokens, np.asarray(rows), most, self.specials)
        each = np.asarray(rows)[:, None] * self.sides + np.arange(self.sides)
        return _padded(tokens, each.ravel(), most, self.specials).reshape(len(rows), self.sides, -1)

    def packed(self, rows: Array, length: int) -> Int64[Array, "b t"]:
        """Return rows of `length` tokens, without padding: what begins a text, then what stands there in the stream."""
        inner = length - 1
        places = np.asarray(rows)[:, None] * inner + np.arange(inner)
        found = np.empty((len(rows), length), np.int64)
        found[:, 0] = self.specials.first
        found[:, 1:] = self.train.stream[places]
        return found

    def rows_packed(self, length: int) -> int:
        """Return how many rows `packed` has."""
        return len(self.train.stream) // (length - 1)


def prepare_texts(
    source: Source,
    *,
    session: Session,
    kind: str,
    vocabulary: int | None,
    lowercase: bool,
    sentences: bool,
    probe: int,
    keep: int,
    tokenizer: Any = None,
    folded: bool = False,
    pairs: bool = False,
    folder: Path | None = None,
) -> Texts:
    """Read texts, or `pairs` of them, and cut them into tokens by a tokeniser, which is learned if none is given.

    One that is given stays as it is; `folded`: it wants texts in lower case, and does not see to that itself. About
    `probe` of them, a tenth at the most, are held out, by a digest of what they say (of pairs their anchors); `keep`
    are shown in the space. Raises DataError for fewer than 3 texts.
    """
    items = _again(source, sentences, pairs)
    found = _looked_at(items, session, source)
    if tokenizer is None:
        size = vocabulary or next(tokens for least, tokens in _VOCABULARIES if found.characters >= least)
        if vocabulary is None:
            session.tell(Derived("vocabulary", size, f"for a text of {found.all_characters:,} characters"))
        with session.stage("learning the tokeniser"):
            tokenizer = train_tokenizer(found.texts(), kind=kind, vocabulary=size, lowercase=lowercase)
    else:
        tokenizer = tokenizer_of(json.loads(tokenizer.to_str()))
    found.sample.clear()
    specials = specials_of(tokenizer)
    share = min(0.1, probe / found.count)
    with _Cut(tokenizer, specials, found, share, keep, folder, folded) as made:
        for some in _parts(items()):
            made.take(some)
            session.tell(Progress(_STAGE, made.done, found.count, "texts"))
            if session.stopped:
                raise KeyboardInterrupt
        return made.texts(getattr(source, "name", "memory"), session)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a paragraph, by marks and capitals; fragments stay with what is before them.

    >>> sentences_of('He came. "Why?" she asked. It was 5 p.m. in Rome.')
    ['He came. "Why?" she asked.', 'It was 5 p.m. in Rome.']
    >>> sentences_of('He had said "Stop right now." Then he left the room.')
    ['He had said "Stop right now."', 'Then he left the room.']
    """
    found: list[str] = []
    cuts = [max(match.end("closing"), match.end("closed")) for match in _SENTENCE.finditer(text)]  # −1: not that one
    parts = (text[low:high].strip() for low, high in pairwise([0, *cuts, len(text)]))
    for part in filter(None, parts):
        if found and (_short(part) or _short(found[-1])):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _short(part: str) -> bool:
    return len(part.split()) < _SHORT and not part.rstrip("」』”’）").endswith(_FULL_STOPS)


@dataclass
class _Found:
    """What a first look at all texts tells."""

    count: int
    sides: int
    characters: int
    all_characters: int
    sample: list[tuple[str, ...]]

    def texts(self) -> Iterator[str]:
        """Yield the texts that a tokeniser is learned from."""
        return (text for texts in self.sample for text in texts)


def _again(source: Source, sentences: bool, pairs: bool) -> Any:
    """Return what yields (key, texts of an item) each time it is called."""

    def items() -> Iterator[tuple[str, tuple[str, ...]]]:
        for key, value in source:
            if pairs:
                yield key, tuple(value)
            elif isinstance(value, str):
                parts = sentences_of(value) if sentences else [value]
                for number, part in enumerate(parts, 1):
                    yield (f"{key}.{number}" if len(parts) > 1 else key), (part,)
            else:
                yield key, (" ".join(map(str, value)),)

    if source.restartable:
        return items
    kept = list(items())  # standard input comes once
    return lambda: iter(kept)


def _looked_at(items: Any, session: Session, source: Source) -> _Found:
    """Count texts, and keep a sample of them, spread over all: whenever it is too large each second one is let go."""
    sample: list[tuple[str, ...]] = []
    count, sides, characters, whole, every = 0, 1, 0, 0, 1
    for _, texts in items():
        sides = max(sides, len(texts))
        if count % every == 0:
            some = tuple(text[:_LONGEST] for text in texts)
            sample.append(some)
            characters += sum(map(len, some))
            while characters > _SAMPLE and len(sample) > 1:
                sample, every = sample[::2], every * 2
                characters = sum(len(text) for some in sample for text in some)
        count += 1
        whole += sum(map(len, texts))
        if count % 20_000 == 0:
            session.tell(Progress("looking at texts", count, None, "texts"))
            if session.stopped:
                raise KeyboardInterrupt
    if count < _LEAST:
        name = getattr(source, "name", "what came")
        raise DataError(f"{name} holds {count} texts, and {_LEAST} are the least that can be learned from")
    return _Found(count, sides, characters, whole, sample)


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for one in items:
        some.append(one)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


class _Cut:
    """Cuts texts into tokens, one lot after the other."""

    def __init__(
        self, tokenizer: Any, specials: Specials, found: _Found, share: float, keep: int, folder: Path | None,
        folded: bool,
    ) -> None:  # fmt: skip
        self.tokenizer, self.specials, self.found, self.folder = tokenizer, specials, found, folder
        self.share, self.keep, self.folded = share, keep, folded
        self.done, self.long, self.empty, self.cut_short = 0, 0, 0, 0
        tokenizer.no_padding()
        tokenizer.no_truncation()
        kind = np.uint16 if tokenizer.get_vocab_size() <= np.iinfo(np.uint16).max else np.uint32
        self.streams = {False: _Stream(kind, folder), True: _Stream(kind, folder)}
        self.shown: list[tuple[str, str, bool]] = []
        self.seen: set[bytes] = set()
        self.held = self.tokens = self.strange = 0
        self.unknown = unknown_of(tokenizer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for stream in self.streams.values():
            stream.close()

    def take(self, some: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Cut some items, and put each where it belongs."""
        texts = [self._ready(text) for _, each in some for text in (*each, *[""] * (self.found.sides - len(each)))]
        try:
            cut = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise DataError(f"a text near {some[0][0]} cannot be cut into tokens: {error}") from error
        for place, (key, each) in enumerate(some):
            first = place * self.found.sides
            ids = [cut[first + side].ids for side in range(self.found.sides)]
            self.done += 1
            if not ids[0] or (self.found.sides > 1 and not ids[1]):
                self.empty += 1
                continue
            digest = _digest(each[0])  # of pairs the anchor: it may come with several positives
            held = int.from_bytes(digest[:4], "little") < self.share * 2**32
            if held:
                self.held += 1
                self.seen.add(digest)
            for one in ids:
                self.tokens += len(one)
                self.strange += 0 if self.unknown is None else one.count(self.unknown)
                self.streams[held].add(one, self.specials.last if one else None)
            if held or int.from_bytes(digest[4:8], "little") * self.found.count < self.keep * 2**32:
                self.shown.append((key, self._as_shown(each[0]), held))

    def _ready(self, text: str) -> str:
        if len(text) > _LONGEST:
            self.long += 1
            text = text[:_LONGEST]
        return text.lower() if self.folded else text

    def _as_shown(self, text: str) -> str:
        if len(text) <= _SHOWN:
            return text
        self.cut_short += 1
        return f"{text[:_SHOWN]}…"

    def texts(self, name: str, session: Session) -> Texts:
        """Return all that was cut; what was left out is told."""
        train, probe = (self.streams[held].tokens() for held in (False, True))
        sides = self.found.sides
        if self.empty:
            what = "pairs with an empty side" if sides > 1 else "texts of which the tokeniser makes nothing"
            session.tell(Note(f"{self.empty:,} of {self.done:,} were passed over: {what}"))
        if self.strange > _STRANGE * self.tokens:
            share = self.strange / self.tokens
            what = "tokens are unknown to the tokeniser, and all alike: --tokenizer bpe spells anything"
            session.tell(Note(f"{share:.1%} of {self.tokens:,} {what}"))
        if self.long:
            session.tell(Note(f"longer than {_LONGEST:,} characters, and read up to there: {self.long:,} texts"))
        if self.cut_short:
            session.tell(
                Note(f"longer than {_SHOWN:,} characters, and shown in the run up to there: {self.cut_short:,} texts")
            )
        if len(train) + len(probe) < 2 * sides:
            count = (len(train) + len(probe)) // sides
            raise DataError(f"{name} holds {count} texts to learn from once empty ones are passed over: give more")
        if len(train) < 2 * sides or not len(probe):  # few, or the same again and again
            train = _together(train, probe)
            probe, self.shown = train, [(key, text, False) for key, text, _ in self.shown]
            session.tell(
                Note("too few different texts to hold some out: what is learned from is also what is measured")
            )
        shown = _some(self.shown, self.keep)
        distinct = len(self.seen) / self.held if self.held else 1.0
        return Texts(name, self.tokenizer, self.specials, train, probe, shown, distinct, sides)


class _Stream:
    """Numbers of tokens on their way to one array in a file without a name."""

    def __init__(self, kind: Any, folder: Path | None) -> None:
        self._kind, self._folder, self._file = kind, folder, nameless(folder)
        self._starts, self._waiting, self._size = array("q", [0]), list[int](), 0

    def add(self, ids: Sequence[int], last: int | None) -> None:
        self._waiting += ids
        if last is not None:
            self._waiting.append(last)
        self._starts.append(self._size + len(self._waiting))
        if len(self._waiting) > 1 << 20:
            self._write()

    def _write(self) -> None:
        with room(self._folder, "the tokens of the texts"):
            append(self._file, np.array(self._waiting, self._kind))
        self._size += len(self._waiting)
        self._waiting = []

    def tokens(self) -> Tokens:
        """Return all that was added, mapped."""
        self._write()
        stream = np.empty(0, self._kind)
        if self._size:
            stream = np.asarray(np.memmap(self._file, self._kind, "r", 0, (self._size,)))
        return Tokens(stream, np.array(self._starts, np.int64))

    def close(self) -> None:
        """Close the file: what is mapped stays until the last array is gone."""
        self._file.close()


def _together(some: Tokens, more: Tokens) -> Tokens:
    """Return both, one behind the other."""
    if not len(more):
        return some
    return Tokens(
        np.concatenate([some.stream, more.stream]), np.concatenate([some.starts, some.starts[-1] + more.starts[1:]])
    )


def _some(shown: list[tuple[str, str, bool]], keep: int) -> list[tuple[str, str, bool]]:
    """Return at most `keep` of the texts to show, in their order: of those held out first, but no more than half."""
    if len(shown) <= keep:
        return shown
    held = [row for row, (_, _, out) in enumerate(shown) if out]
    rest = [row for row, (_, _, out) in enumerate(shown) if not out]
    first = held[: max(keep // 2, keep - len(rest))]
    return [shown[row] for row in sorted([*first, *rest[: keep - len(first)]])]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _padded(tokens: Tokens, rows: Array, most: int, specials: Specials) -> Int64[Array, "b t"]:
    """Return texts with what begins and what ends them, as many tokens as fit; a missing one is NOTHING throughout."""
    low, lengths = tokens.starts[rows], tokens.lengths[rows]
    taken = np.minimum(lengths, most - 1)
    width = int(taken.max(initial=1))
    found = np.full((len(rows), width + 1), NOTHING, np.int64)
    inside = np.arange(width) < taken[:, None]
    places = low[:, None] + np.arange(width)
    found[:, 1:][inside] = tokens.stream[places[inside]]
    found[:, 0] = np.where(lengths > 0, specials.first, NOTHING)
    cut_off = (lengths > taken).nonzero()[0]
    found[cut_off, taken[cut_off]] = specials.last
    return found
