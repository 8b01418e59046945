"""The protocols, one table for each family: whoever joins a family adds a row here."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise.contracts import Encoder, Recipe, Source
from likewise.recipes import RECIPES, describe
from likewise.session import Session
from likewise.sources.prose import EnglishOfPackages
from likewise.sources.small_language import small_language
from likewise.sources.text import open_text
from likewise.space import Space
from likewise.words.onehot import OneHot
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords
from likewise.words.table import WordTable

WORDS = ["king", "queen", "river"]


def _table(seed: int) -> WordTable:
    return WordTable(Space(WORDS, np.random.default_rng(seed).normal(size=(3, 5))), tokenizer={"lowercase": True})


def _subword_table(seed: int) -> SubwordTable:
    parts = subwords(WORDS)
    return SubwordTable(WORDS, np.random.default_rng(seed).normal(size=(parts.size, 5)), parts)


ENCODERS: dict[str, tuple[Callable[[int], Encoder], Sequence[Any]]] = {
    "word table": (_table, ["the king", "queen queen", "nothing known"]),
    "subword table": (_subword_table, ["the king", "queens kings", "xyzzy"]),
    "one-hot": (lambda seed: OneHot([*WORDS, *(f"w{i}" for i in range(seed))]), WORDS),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name: str) -> None:
    make, objects = ENCODERS[name]
    encoder = make(0)
    assert isinstance(encoder, Encoder)
    vectors = encoder.embed(objects)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(objects), encoder.dim)
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(encoder.embed(objects[::-1]), vectors[::-1])
    np.testing.assert_array_equal(encoder.embed([objects[0]]), vectors[:1])
    assert encoder.embed([]).shape == (0, encoder.dim)
    assert encoder.fingerprint.startswith("sha256:")
    assert encoder.fingerprint == make(0).fingerprint != make(1).fingerprint
    arrays, about = encoder.state()
    assert json.loads(json.dumps(about)) == about
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in arrays.values())


def _file(folder: Path) -> Source:
    path = folder / "text.txt"
    path.write_text("one line\nand another\n\nthe third\n")
    return open_text(path)


def _prose(folder: Path) -> Source:
    (folder / "guide.txt").write_text("This is what we say about it when it is asked for, and no more than that.\n")
    return EnglishOfPackages([folder])


SOURCES: dict[str, Callable[[Path], Source]] = {
    "file": _file,
    "texts": lambda folder: open_text(["one text", "another"]),
    "lists of words": lambda folder: open_text([["one", "text"], ["another"]]),
    "English of packages": _prose,
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str, tmp_path: Path) -> None:
    source = SOURCES[name](tmp_path)
    assert isinstance(source, Source)
    assert source.kind == "text"
    assert source.restartable
    first = list(source)
    assert first == list(source)
    assert len({key for key, _ in first}) == len(first) > 0
    assert source.digest.startswith("sha256:")
    again = SOURCES[name](tmp_path)
    assert list(again) == first
    assert again.digest == source.digest


@pytest.mark.parametrize("name", RECIPES)
def test_recipes(name: str) -> None:
    language = small_language(sentences=500)
    known = describe(RECIPES[name])
    asked = {"dim": 8, "threads": 1, "min_count": 1, "epochs": 1}
    epochs = "epochs" in known
    recipe = RECIPES[name](**{option: value for option, value in asked.items() if option in known})
    assert isinstance(recipe, Recipe)
    assert recipe.name == name
    assert json.loads(json.dumps(dict(recipe.options))) == dict(recipe.options)
    session = Session()
    prepared = recipe.prepare(open_text(language.lines), session)
    seen: list[int] = []
    encoder = recipe.fit(prepared, session, on_epoch=lambda epoch, space: seen.append(epoch))
    space = recipe.embed(encoder, prepared)
    assert isinstance(encoder, Encoder)
    assert space.fingerprint == encoder.fingerprint
    assert space.dim == encoder.dim == (8 if "dim" in known else len(space))
    assert seen == ([0, 1] if epochs else [])
    assert len(session.log) == (2 if epochs else 0 if name == "onehot" else 1)
    other = recipe.fit(prepared, Session(), seed=7)
    again = recipe.fit(prepared, Session(), seed=recipe.options.get("seed"))
    assert again.fingerprint == encoder.fingerprint
    assert (other.fingerprint != encoder.fingerprint) == ("seed" in known)
