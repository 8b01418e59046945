"""The ground that the panels stand on: a text in, one run learned from it, looked at after every epoch, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import likewise as lw
from likewise.errors import OptionError
from likewise.session import Note, Session
from likewise.sources import samples
from likewise.sources.gold import Label, Question, read_analogies, section_labels
from likewise.sources.prose import EnglishOfPackages
from likewise.space import Space
from likewise.tour.models import FEW_WORDS_EPOCHS, TEXT_IS, Models, learn_models
from likewise.tour.panel import NotShown
from likewise.words.subword_table import SubwordTable

# Questions to watch while it learns: the first whose four words are all there is asked.
WATCHED = (
    ("man", "king", "woman", "queen"),
    ("function", "functions", "class", "classes"),
    ("value", "values", "array", "arrays"),
    ("one", "ones", "thing", "things"),
)
ENDINGS = ("ing", "ed", "ly", "tion", "able", "ness", "ize")
FORMS = ("s", "ed", "ing", "ly", "er")
_FREQUENT = 5_000


class Seen(NamedTuple):
    """The place of the right answer after an epoch (1 is first), with the inputs left out and left in."""

    epoch: int
    left_out: int
    left_in: int
    words: int


@dataclass
class Ground:
    """What all panels share; the run is learned when the first panel asks for it."""

    session: Session
    data: str | None = None
    stored: Path | None = None
    out: Path | None = None
    seen: list[Seen] = field(default_factory=list)
    watched: tuple[str, str, str, str] | None = None

    @cached_property
    def text(self) -> Any:
        """The text: the one that was given, else the shared one, else the English of the installed packages."""
        return self.data or samples.shared_text() or samples.english_of_packages()

    @property
    def text_name(self) -> str:
        """What to call the text on the page."""
        return getattr(self.text, "name", str(self.text))

    @cached_property
    def command(self) -> str:
        """The command that learned the run."""
        return f"likewise learn word2vec {Path(self.text_name).name if self.stored is None else '…'} --out RUN"

    @cached_property
    def gold(self) -> dict[str, list[Path]]:
        """The files of gold answers that are on this machine."""
        return samples.shared_gold()

    @cached_property
    def questions(self) -> list[Question]:
        """Analogy questions: the shared ones, else words and other forms of them that the text itself has."""
        if self.gold["analogies"]:
            return [q for path in self.gold["analogies"] for q in read_analogies(path, lowercase=True)]
        return forms(self.space.keys)

    @cached_property
    def labels(self) -> list[Label]:
        """Categories of words: sides of analogy relations, else endings, which the vectors never see."""
        if self.gold["analogies"]:
            return [label for label in section_labels(self.questions) if label.key in self.space]
        return endings(self.space.keys)

    @cached_property
    def run(self) -> lw.Run:
        """The run: a stored one, or learned here with a look after every epoch."""
        if self.stored is not None:
            self.session.tell(Note(f"the panels use {self.stored}; it is not watched while it learns"))
            run = lw.open(self.stored)
            self.look(0, run.space)
            return run
        run = lw.learn(
            self.text,
            recipe="word2vec",
            out=self.out,
            overwrite=True,
            epochs=FEW_WORDS_EPOCHS if isinstance(self.text, EnglishOfPackages) else 5,
            session=self.session,
            on_epoch=self.look,
            analogies=self.gold["analogies"],
            pairs=self.gold["pairs"],
        )
        if self.session.stopped:
            raise KeyboardInterrupt  # panels of half a training would be no evidence
        return run

    @cached_property
    def models(self) -> Models:
        """Every model of the words family, learned from the beginning of the text."""
        if self.stored is not None and self.data is None:
            raise NotShown("it learns other models from the same text, and a stored run does not hold it: give --data")
        return learn_models(self.text, self.questions, self.session)

    @cached_property
    def letters(self) -> SubwordTable:
        """A table that knows words by their letters: the stored run's, or fasttext's of the same text."""
        if self.stored is not None and isinstance(self.run.encoder_or_none, SubwordTable):
            return self.run.encoder_or_none
        return self.models.fasttext

    @property
    def letters_command(self) -> str:
        """The commands that made that table and ask it; a word is to follow."""
        if self.stored is not None and isinstance(self.run.encoder_or_none, SubwordTable):
            return "likewise near RUN"
        command = next(model.command for model in self.models.models if model.name == "fasttext")
        return f"{TEXT_IS}\n{command}\nlikewise near fasttext"

    @property
    def space(self) -> Space:
        """The space of the run."""
        return self.run.space

    def look(self, epoch: int, space: Space) -> None:
        """Note the place of the watched answer."""
        question = next((q for q in WATCHED if all(word in space for word in q)), None)
        if question is None:
            return
        self.watched = question
        self.seen.append(Seen(epoch, *place(space, question), len(space)))

    def need(self, count: int) -> Space:
        """Return the space, or say that it is too small to show anything."""
        if len(self.space) < count:
            name = self.text_name if self.stored is None else self.stored
            raise OptionError(f"{name} gives {len(self.space)} words, the panels need {count}: give more text")
        return self.space


def place(space: Space, question: Sequence[str]) -> tuple[int, int]:
    """Return the place of the answer d to "a is to b as c is to ?", with a, b, c left out and left in."""
    a, b, c, d = question
    unit = space.normalise()
    scores = unit.vectors @ (unit[b] - unit[a] + unit[c])
    before = scores > scores[space.index(d)]
    inputs = sum(bool(before[space.index(word)]) for word in (a, b, c))
    left_in = int(np.count_nonzero(before)) + 1
    return left_in - inputs, left_in


def forms(keys: Sequence[str], *, most: int = 40) -> list[Question]:
    """Return questions word : form, word : form from the most frequent words that have both, for several endings."""
    frequent = set(keys[:_FREQUENT])
    questions: list[Question] = []
    for ending in FORMS:
        pairs = [(w, w + ending) for w in keys[:_FREQUENT] if len(w) > 3 and w + ending in frequent][:most]
        name = f"gram: the same with -{ending}"
        questions += [Question(name, *one, *other) for one in pairs for other in pairs if one != other]
    return questions


def endings(keys: Sequence[str]) -> list[Label]:
    """Return the frequent words that have one of a few endings, labelled with it."""
    return [
        Label(word, f"-{ending}")
        for word in keys[:_FREQUENT]
        for ending in ENDINGS
        if len(word) > len(ending) + 3 and word.endswith(ending)
    ]
