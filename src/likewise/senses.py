"""Senses: a word, texts and an encoder of words in texts in; what the word means in each of them, in groups, out."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array, Number
from likewise.errors import DataError, OptionError
from likewise.evaluate.rows import unit
from likewise.evaluate.senses import Groups, groups_of
from likewise.session import Note, Session

_SHOWN, _AROUND = 3, 45  # contexts of a sense, and characters on either side of the word
_TELLING = 6  # words that stand around a sense more often than around the others
_WORD = re.compile(r"\w+")
MOST = 2_000  # occurrences that are looked at


class ReadsWords(Protocol):
    """An encoder of words in texts, such as `likewise.encoders.texts.TextEncoder`."""

    def occurrences(self, word: str, texts: Sequence[str]) -> list[Any]:
        """Return every place of a word: row, low, high."""

    def at(
        self, texts: Sequence[str], places: Sequence[Any], *, layer: int | str | None = None
    ) -> Float32[Array, "n d"]:
        """Return the vector of each place."""


@dataclass(frozen=True)
class Sense:
    """One sense: how often it was met, its most typical contexts, the words that tell it, its name if it was given."""

    size: int
    share: float
    contexts: tuple[str, ...]
    words: tuple[str, ...]
    within: float
    name: str | None = None
    named_by: float | None = None


@dataclass(frozen=True)
class Senses:
    """What a word means in some texts. `labels` is the sense of each of `places`; `distances` are between senses.

    `unlike` is the mean 1 − cosine of two occurrences; a table of words, which has one vector for all, has 0.
    """

    word: str
    senses: tuple[Sense, ...]
    labels: Array
    places: list[Any]
    vectors: Float32[Array, "n d"]
    distances: Array
    unlike: float
    silhouette: Number | None = None
    met: int = 0
    layer: int | str | None = field(default=None)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "word": self.word,
            "occurrences": self.met,
            "looked at": len(self.places),
            "layer": self.layer,
            "unlike": round(self.unlike, 4),
            "silhouette": None if self.silhouette is None else self.silhouette.as_json(),
            "distances": np.round(self.distances, 4).tolist(),
            "senses": [
                vars(sense) | {"contexts": list(sense.contexts), "words": list(sense.words)} for sense in self.senses
            ],
        }


def senses(
    encoder: ReadsWords,
    word: str,
    texts: Sequence[str],
    *,
    layer: int | str | None = None,
    count: int | None = None,
    examples: Sequence[tuple[str, str]] = (),
    most: int = MOST,
    seed: int = 0,
    session: Session | None = None,
) -> Senses:
    """Find where `word` stands in `texts`, and part its occurrences into senses.

    `count` is how many senses there are, else the vectors tell. `examples` are (name, text with the word): a sense gets
    the name of most of the examples whose mean its occurrences are nearest to. Of more than `most` occurrences so many
    are drawn by `seed`. Raises DataError where the word does not stand in the texts.
    """
    session = session or Session()
    every = encoder.occurrences(word, texts)
    if not every:
        raise DataError(f"{word!r} stands in none of the {len(texts):,} texts as a word")
    places = every
    if len(every) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(every), most, replace=False))
        places = [every[row] for row in rows]
        session.tell(Note(f"{word!r} stands there {len(every):,} times: {most:,} were drawn and looked at"))
    if count is not None and not 1 <= count <= len(places):
        raise OptionError(f"{count} senses of {len(places)} occurrences cannot be: give fewer")
    vectors = encoder.at(texts, places, layer=layer)
    found = groups_of(vectors, count=count, seed=seed)
    x = unit(np.asarray(vectors, np.float64))
    n = len(x)
    unlike = 1 - (float((x.sum(0) ** 2).sum()) - n) / (n * (n - 1)) if n > 1 else 0.0
    names = _names(encoder, word, x, found, examples, layer) if examples else [(None, None)] * found.count
    made = tuple(_sense(group, texts, places, x, found, *names[group]) for group in range(found.count))
    return Senses(
        word,
        made,
        found.labels,
        places,
        vectors,
        found.distances,
        max(0.0, unlike),
        found.silhouette,
        len(every),
        layer,
    )


def read_examples(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Read NAME, a tab, and a text in each line; DataError for a line that is not so."""
    found = []
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start + 1}): write it so") from None
    for number, line in enumerate(lines, 1):
        name, tab, text = line.partition("\t")
        if not line.strip():
            continue
        if not tab or not name.strip() or not text.strip():
            raise DataError(f"{path}:{number} is not a name, a tab and a text with the word")
        found.append((name.strip(), text.strip()))
    if not found:
        raise DataError(f"{path} has no examples: a line is a name, a tab and a text with the word")
    return found


def _sense(
    group: int, texts: Sequence[str], places: Sequence[Any], x: Array, found: Groups, name: str | None, by: float | None
) -> Sense:
    rows = np.flatnonzero(found.labels == group)
    typical = rows[np.argsort(-(x[rows] @ x[rows].mean(0)), kind="stable")]
    contexts: dict[str, None] = {}
    for row in typical:
        contexts[_context(texts[places[row].row], places[row])] = None
        if len(contexts) == _SHOWN:
            break
    words = _telling(texts, places, found.labels, group)
    return Sense(len(rows), len(rows) / len(x), tuple(contexts), words, float(found.within[group]), name, by)


def _context(text: str, place: Any) -> str:
    """Return a word with what stands around it, in one line."""
    low, high = max(0, place.low - _AROUND), min(len(text), place.high + _AROUND)
    before, after = text[low : place.low], text[place.high : high]
    before = before.partition(" ")[2] if low and " " in before else before
    after = after.rpartition(" ")[0] if high < len(text) and " " in after else after
    shown = f"{'…' if low else ''}{before}[{text[place.low : place.high]}]{after}{'…' if high < len(text) else ''}"
    return " ".join(shown.split())


def _telling(texts: Sequence[str], places: Sequence[Any], labels: Array, group: int) -> tuple[str, ...]:
    """Return the words around one sense that are rarest around the others, by log odds with one added to each count."""
    if len(set(labels.tolist())) < 2:
        return ()
    inside, outside = Counter[str](), Counter[str]()
    for place, label in zip(places, labels.tolist(), strict=True):
        text = texts[place.row]
        around = text[max(0, place.low - 120) : place.low] + " " + text[place.high : place.high + 120]
        seen = {word.lower() for word in _WORD.findall(around) if len(word) > 2}
        (inside if label == group else outside).update(seen)
    sizes = float((labels == group).sum()), float((labels != group).sum())
    scores = {
        word: log((count + 1) / (sizes[0] + 2)) - log((outside[word] + 1) / (sizes[1] + 2))
        for word, count in inside.items()
        if count > 1
    }
    best = sorted(scores, key=lambda word: (-scores[word] * inside[word] ** 0.5, word))[:_TELLING]
    return tuple(word for word in best if scores[word] > 0)


def _names(
    encoder: ReadsWords, word: str, x: Array, found: Groups, examples: Sequence[tuple[str, str]], layer: Any
) -> list[tuple[str | None, float | None]]:
    """Return the name of each group, and the share of its occurrences that it fits."""
    told = [text for _, text in examples]
    places = encoder.occurrences(word, told)
    lacking = sorted(set(range(len(told))) - {place.row for place in places})
    if lacking:
        raise DataError(f"example {lacking[0] + 1} does not hold {word!r} as a word: {told[lacking[0]]!r}")
    vectors = unit(np.asarray(encoder.at(told, places, layer=layer), np.float64))
    names = sorted({name for name, _ in examples})
    of = np.array([names.index(examples[place.row][0]) for place in places])
    means = unit(np.stack([vectors[of == number].mean(0) for number in range(len(names))]))
    nearest = (x @ means.T).argmax(1)
    out: list[tuple[str | None, float | None]] = []
    for group in range(found.count):
        votes = np.bincount(nearest[found.labels == group], minlength=len(names))
        out.append((names[int(votes.argmax())], float(votes.max() / votes.sum())))
    return out
