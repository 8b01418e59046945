"""The models of the words family: a text in, each learned from it, and what it cost, out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import likewise as lw
from likewise.evaluate.analogies import AnalogyScores, analogies
from likewise.session import Note, Session
from likewise.sources.gold import Question
from likewise.sources.prose import EnglishOfPackages
from likewise.sources.text import open_text
from likewise.space import Space
from likewise.words.onehot import OneHot
from likewise.words.subword_table import SubwordTable

RECIPES = ("word2vec", "fasttext", "glove", "ppmi")
CHARACTERS = 25_000_000  # of the text: about four million words, which all five learn in half a minute
TEXT_IS = f"# TEXT: the paragraphs of the text above as likewise reads them, up to {CHARACTERS:,} characters"
FEW_WORDS_EPOCHS = 20  # over 1.5 million words of documentation; the recipes' own numbers are for longer texts


@dataclass(frozen=True)
class Model:
    """One model, learned; `bytes` is what it keeps to make vectors with."""

    name: str
    run: lw.Run
    seconds: float
    bytes: int
    scores: AnalogyScores | None
    options: str = ""

    @property
    def space(self) -> Space:
        """The space of its words."""
        return self.run.space

    @property
    def command(self) -> str:
        """The command that learns it; TEXT is what `TEXT_IS` says."""
        return f"likewise learn {self.name} TEXT{self.options} --out {self.name}"


@dataclass(frozen=True)
class Models:
    """All models that were learned from one text, and the one-hot vectors of its words."""

    models: tuple[Model, ...]
    one_hot: OneHot

    @property
    def fasttext(self) -> SubwordTable:
        """The table that knows words by their letters."""
        encoder = next(model.run.encoder for model in self.models if model.name == "fasttext")
        assert isinstance(encoder, SubwordTable)
        return encoder

    @property
    def words(self) -> int:
        """How many words of the vocabulary the text has, repetitions counted."""
        return int(self.models[0].space.items["count"].sum())


def learn_models(text: Any, questions: list[Question], session: Session) -> Models:
    """Learn each model from the beginning of `text` with its own defaults, and ask it `questions`."""
    texts, few = beginning(text), isinstance(text, EnglishOfPackages)
    models: list[Model] = []
    for name in RECIPES:
        session.tell(Note(f"{name}, for the panels that compare models"))
        more: dict[str, Any] = {"epochs": FEW_WORDS_EPOCHS} if few and name in _WINDOWS else {}
        start = time.perf_counter()
        run = lw.learn(texts, recipe=name, report=False, session=session.aside(), **more)
        seconds = time.perf_counter() - start
        if session.stopped:
            raise KeyboardInterrupt  # panels of half a training would be no evidence
        asked = analogies(run.space.keys, run.space.vectors, questions) if questions else None
        options = "".join(f" --{option} {value}" for option, value in more.items())
        models.append(Model(name, run, seconds, _bytes(run), asked, options))
    return Models(tuple(models), OneHot(models[0].space.keys))


def beginning(text: Any, characters: int = CHARACTERS) -> list[str]:
    """Return the first paragraphs of a text, of so many characters together."""
    left = characters

    def fits(paragraph: str) -> bool:
        nonlocal left
        left -= len(paragraph)
        return left >= 0

    return list(takewhile(fits, (paragraph for _, paragraph in open_text(text))))


def _bytes(run: lw.Run) -> int:
    encoder = run.encoder
    table = encoder.rows if isinstance(encoder, SubwordTable) else run.space.vectors
    return int(table.nbytes)


_WINDOWS = ("word2vec", "fasttext")
