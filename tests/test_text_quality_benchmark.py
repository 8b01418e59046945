"""The benchmark of texts: the page is what the results make of it, words are where they are, nothing is done twice."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from likewise.sources.gold_texts import Marked

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("text_quality_page", "text_sides", "text_quality", "words_rounds", "words_sides")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield {name: importlib.import_module(name) for name in NAMES}
    for name in NAMES:
        sys.modules.pop(name, None)


def test_the_page_is_what_the_results_make_of_it(made: Any) -> None:
    page = made["text_quality_page"]
    assert page.PAGE.read_text() == page.page(page.entries_of()), "run python benchmarks/text_quality_page.py"


class Letters:
    """Encodes how often some letters stand in a text."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed(self, texts: list[str], *, kind: str | None = None) -> Any:
        self.read += texts
        return np.array([[text.count(letter) for letter in "aeiourst"] for text in texts], np.float32)


def test_a_side_is_measured_once_and_a_new_version_replaces_it(
    made: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    benchmark, sides = made["text_quality"], made["text_sides"]
    monkeypatch.setattr(benchmark, "FILE", tmp_path / "out.json")
    monkeypatch.setattr(benchmark, "BENCH", tmp_path)
    monkeypatch.setitem(benchmark.MEASURES, "stsb", lambda side: {"read": side.embed(["a", "b", "a"])[:, 0].tolist()})
    letters = Letters()
    for version in ("1", "1", "2"):
        benchmark.measure(sides.Side("letters", {"version": version}, "vectors", lambda: letters), ["stsb"])
    assert letters.read == ["a", "b"] * 2, "each text once, and once a version"
    (entry,) = json.loads((tmp_path / "out.json").read_text())
    assert (entry["side"], entry["version"], entry["numbers"]) == ("letters", "2", {"read": [1, 0, 1]})


def test_a_table_of_words_has_one_vector_for_all_places(made: Any) -> None:
    side = made["text_sides"].Side("letters", {}, "words", Letters)
    places = [Marked("the river bank", 10, 14), Marked("a bank account", 2, 6), Marked("a boat", 2, 6)]
    found = side.at(places)[made["text_sides"].ITSELF]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert made["text_sides"].Side("letters", {}, "vectors", Letters).at(places) == {}


def test_the_depths_of_a_network_are_those_of_its_encoder(made: Any) -> None:
    pytest.importorskip("torch")
    from likewise.encoders.architectures import build
    from likewise.encoders.texts import Occurrence, Reading, TextEncoder, tokenizer_of

    pieces = {piece: i for i, piece in enumerate(["[UNK]", "the", "river", "bank", "a", "acc", "##ount", "##s"])}
    about = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": pieces},
    }  # fmt: skip
    network = build("bert", {"tokens": 8, "dim": 8, "depth": 2, "heads": 2, "places": 16}, seed=1)
    encoder = TextEncoder(network, tokenizer_of(about), Reading(tokens=6))
    long = "the " * 9 + "accounts a"
    places = [Marked("the river bank", 10, 14), Marked("a bank accounts", 7, 15), Marked(long, 36, 44)]
    found = made["text_sides"].Side("small", {}, "network", lambda: encoder).at(places)
    assert list(found) == ["embeddings", "block1", "block2"]
    where = [Occurrence(row, place.low, place.high) for row, place in enumerate(places)]
    for layer, vectors in found.items():
        expected = encoder.at([place.text for place in places], where, layer=layer)
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
