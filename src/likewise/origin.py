"""Going on: a run that was learned in; its recipe with the tables to begin from out, or the sentence why it cannot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, final

from likewise.contracts import Recipe
from likewise.errors import LikewiseError, OptionError, RunError
from likewise.opening import Run
from likewise.opening import open as open_run
from likewise.recipes import RECIPES, TEXTS, check, describe
from likewise.recipes.language import TextRecipe
from likewise.recipes.words import WordRecipe
from likewise.words.growth import Table, vocabulary_of
from likewise.words.subword_table import SubwordTable

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder

Start: TypeAlias = Run | str | os.PathLike[str]

CHANGEABLE = (
    *("epochs", "rate", "min_rate", "min_count", "max_vocabulary"),
    *("held_out", "threads", "reproducible", "seed"),
)
"""Options that may differ from those of the run that is gone on from; the others are part of what its numbers mean."""

_INSTEAD = "learn from both texts at once (a folder of files is one text)"


@final
class Origin:
    """A run whose learning goes on: what it was learned with, its tables, and where it comes from itself.

    RunError or OptionError where it cannot be: a bare file of vectors, a recipe that learns from counts, hierarchical
    softmax, a run without the vectors of the other side.
    """

    def __init__(self, start: Start) -> None:
        self.run = start if isinstance(start, Run) else open_run(start)
        self.name = "the run in memory" if self.run.path is None else str(self.run.path)
        self.recipe = self._recipe()
        self.table = self._table()
        self._options = self._kept_options()

    def going_on(self, recipe: str | None, given: Mapping[str, Any]) -> Recipe:
        """Return the run's recipe with the options that may change as they are given, to begin from its tables."""
        if recipe not in (None, self.recipe):
            raise OptionError(f"{self.name} is a run of {self.recipe}, {recipe} cannot go on from it: leave it out")
        made = RECIPES[self.recipe]
        given = check(made, given)
        known = describe(made)
        for name, value in given.items():
            if name not in CHANGEABLE and value != self._options.get(name, known[name].default):
                self._refuse(name, self._options.get(name, known[name].default), value)
        learned = {name: value for name, value in self._options.items() if name not in given}
        if learned.get("tokenizer", "words") not in known["tokenizer"].choices:
            raise OptionError(
                f"the text of {self.name} was cut by {learned['tokenizer']}, which a run cannot keep: give it again "
                "as tokenizer="
            )
        made_recipe = made(**check(made, learned), **given)
        assert isinstance(made_recipe, WordRecipe)
        return made_recipe.going_on(self.table)

    @property
    def fingerprint(self) -> str:
        """That of what it was when learning went on."""
        return str(self.run.space.fingerprint)

    @property
    def before(self) -> Run | None:
        """The run to compare with afterwards."""
        return self.run

    def lineage(self) -> dict[str, Any]:
        """Return what run.json says about where learning went on from: run, fingerprint, data, and its own origin."""
        manifest = self.run.manifest
        about: dict[str, Any] = {"name": "memory" if self.run.path is None else self.run.path.name}
        about |= {"fingerprint": self.run.space.fingerprint, "data": manifest.get("data") or manifest.get("source")}
        return about | ({"start": manifest["start"]} if manifest.get("start") else {})

    def digests(self) -> list[str]:
        """Return the digests of all texts that were learned from until here, the last one first."""
        found, at = [], self.lineage()
        while at:
            found.append((at["data"] or {}).get("digest"))
            at = at.get("start") or {}
        return [digest for digest in found if digest]

    def _recipe(self) -> str:
        if self.run.encoder_or_none is None:
            raise RunError(
                f"{self.name} holds vectors and nothing to learn on with: go on from a run of word2vec or fasttext, or "
                "from fastText's own .bin"
            )
        name = _recipe(self.run.manifest)
        if name in TEXTS:
            raise OptionError(
                f"{self.name} is a network of texts: name what it is to learn next, {', '.join(TEXTS)}, such as "
                "likewise learn simcse DATA --start RUN"
            )
        if name is None or name not in ("word2vec", "fasttext"):
            raise OptionError(
                f"{self.name} is a run of {name}, which learns from the counts of a whole text and not from one text "
                f"after the other: {_INSTEAD}"
            )
        return name

    def _table(self) -> Table:
        table: Any = self.run.encoder
        loss = (self.run.manifest.get("options") or {}).get("loss")
        if loss == "hs":
            raise OptionError(
                f"{self.name} was learned with hierarchical softmax, whose tree changes with every word that joins: "
                f"{_INSTEAD}, or begin with loss ns"
            )
        if table.output is None:
            raise RunError(
                f"{self.name} has no vectors of the other side of training, without which learning cannot go on: "
                f"{_INSTEAD}"
            )
        if isinstance(table, SubwordTable) and not table.parts.follow_from(table.space.keys):
            raise RunError(f"{self.name} has words that are not UTF-8, whose n-grams cannot be found again: {_INSTEAD}")
        try:
            vocabulary_of(table)
        except RunError as error:
            raise RunError(f"{self.name} cannot be gone on from: {error}") from error
        made: Table = table
        return made

    def _kept_options(self) -> dict[str, Any]:
        """Return the run's options; of a file that keeps only some, those, and what its table says."""
        known = describe(RECIPES[self.recipe])
        kept = {name: value for name, value in (self.run.manifest.get("options") or {}).items() if name in known}
        told: dict[str, Any] = {"dim": self.table.dim}
        if self.run.manifest.get("recipe") is None:
            told |= {name: value for name, value in self.table.tokenizer.items() if name != "phrases"}
        if isinstance(self.table, SubwordTable):
            parts = self.table.parts
            told |= {"min_n": parts.min_n, "max_n": parts.max_n, "buckets": parts.buckets}
        return kept | {name: value for name, value in told.items() if name in known}

    def _refuse(self, name: str, learned: object, given: object) -> None:
        if name == "tokenizer" and getattr(given, "__qualname__", None) == learned:
            return  # the caller's own, given again
        shown = getattr(given, "__qualname__", given)
        raise OptionError(
            f"{name} is {learned!r} in {self.name}, {shown!r} came: its vectors were learned that way, so leave it "
            f"out, or learn anew; what may change is {', '.join(CHANGEABLE)}"
        )


@final
class TextOrigin:
    """A network of texts that learns on: a run, or a folder in the form of Hugging Face or sentence-transformers.

    RunError or OptionError where it cannot be: vectors alone, words, pictures; a network that transformers runs, where
    the recipe tells tokens or dropout is asked for, which take a BERT.
    """

    def __init__(self, start: Start) -> None:
        self.encoder, self._about = _text_encoder(start)
        self.name = str(self._about["name"])

    before = None
    """Texts are not compared with what they were: other texts stand in that run."""

    def going_on(self, recipe: str, given: Mapping[str, Any]) -> Recipe:
        """Return the recipe with options, to begin with the network."""
        options = check(TEXTS[recipe], given)
        for name in ("size", "tokenizer", "vocabulary", "lowercase", "pool", "begin"):
            if name in options:
                raise OptionError(
                    f"{name} {options[name]!r} came with start {self.name}, which has its own: leave it out"
                )
        made = TEXTS[recipe](**options)
        assert isinstance(made, TextRecipe)
        self._refuse_others(made, given)
        return made.going_on(self.encoder)

    def _refuse_others(self, recipe: TextRecipe, given: Mapping[str, Any]) -> None:
        """Raise OptionError where only a BERT can do what is asked for and the network is another one."""
        from likewise.encoders.bert import Bert

        if isinstance(self.encoder.network, Bert):
            return
        if not recipe.way.compares:
            made: dict[str, Any] = {name: each() for name, each in TEXTS.items()}
            able = ", ".join(name for name, each in made.items() if each.way.compares)
            raise OptionError(
                f"{recipe.name} tells tokens, for which a network must be a BERT, and {self.name} is another one: "
                f"take one of {able}"
            )
        if "dropout" in given:
            raise OptionError(f"dropout came with start {self.name}, which is no BERT and keeps its own: leave it out")

    @property
    def fingerprint(self) -> str:
        """That of the network as it begins."""
        return self.encoder.fingerprint

    def lineage(self) -> dict[str, Any]:
        """Return what run.json says about where learning went on from."""
        return {**self._about, "fingerprint": self.fingerprint}


def _text_encoder(start: Start) -> tuple[TextEncoder, dict[str, Any]]:
    """Return an encoder of texts, and what is known of where it comes from."""
    if isinstance(start, Run) or (Path(start) / "run.json").is_file():
        run = start if isinstance(start, Run) else open_run(start)
        name = "memory" if run.path is None else run.path.name
        encoder: Any = run.encoder_or_none
        manifest = run.manifest
        if getattr(encoder, "kind", None) != "text-network":
            raise OptionError(
                f"{name} is a run of {manifest.get('recipe')}, which is no network of texts: begin with one of "
                f"{', '.join(TEXTS)}"
            )
        about = {"name": name, "data": manifest.get("data")}
        return encoder, about | ({"start": manifest["start"]} if manifest.get("start") else {})
    if not Path(start).is_dir():
        raise OptionError(f"start {start}: there is no such run, and no such folder of a network")
    from likewise.encoders.pretrained import load

    encoder = load(os.fspath(start))
    if getattr(encoder, "kind", None) != "text-network":
        raise OptionError(f"{start} holds a network of pictures: a network of texts is needed here")
    return encoder, {"name": Path(start).name, "data": None}


def recipe_of(path: str | os.PathLike[str]) -> str | None:
    """Return the recipe of a run that might be gone on from, or None where it cannot be told; little is read."""
    try:
        name = _recipe(open_run(path).manifest)
    except (LikewiseError, OSError):
        return None
    return name if name in RECIPES or name in TEXTS else None


def _recipe(manifest: Mapping[str, Any]) -> str | None:
    """Return the recipe; a table of n-grams that came as a file is fastText's."""
    name = manifest.get("recipe") or ("fasttext" if manifest.get("encoder") == SubwordTable.kind else None)
    return None if name is None else str(name)
