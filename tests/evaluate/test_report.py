"""A report on words: honest on small, collapsed and foreign spaces, right where the truth is known, one safe page."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng
from page_checks import NASTY, assert_harmless

from likewise.errors import ShapeError
from likewise.evaluate.report import Report, word_report

HISTORY = [
    {"epoch": 0, "loss_train": 4.16, "loss_held_out": 4.16, "seconds": 0.0, "words_per_second": None},
    {"epoch": 1, "loss_train": 2.5, "loss_held_out": 2.6, "seconds": 3.0, "words_per_second": 400_000.0},
    {"epoch": 2, "loss_train": 2.3, "loss_held_out": 2.5, "seconds": 3.0, "words_per_second": 410_000.0},
]


def world(n: int = 600, dim: int = 16, seed: int = 0) -> dict[str, Any]:
    """Return a space of ten topics: words of one topic are neighbours, and relations are exact shifts."""
    rng = default_rng(seed)
    topics = rng.normal(size=(10, dim))
    vectors = topics[np.arange(n) % 10] + 0.5 * rng.normal(size=(n, dim))
    keys = [f"w{i}" for i in range(n)]
    shift = rng.normal(size=dim)
    vectors[200:240] = vectors[100:140] + shift
    questions = [("shift", f"w{i}", f"w{i + 100}", f"w{i + 1}", f"w{i + 101}") for i in range(100, 138)]
    pairs = [(f"w{i}", f"w{i + 10 if i % 2 else i + 1}", float(i % 2)) for i in range(300, 400)]
    return {
        "keys": keys,
        "vectors": vectors.astype(np.float32),
        "counts": np.arange(n, 0, -1) * 7,
        "history": HISTORY,
        "analogies": {"shifts": questions},
        "pairs": {"topics": pairs},
        "labels": {"topic": [(key, f"t{i % 10}") for i, key in enumerate(keys[300:])]},
        "second": (vectors + 0.05 * rng.normal(size=vectors.shape)).astype(np.float32),
        "facts": {"recipe": "word2vec", "data": {"name": "made"}},
        "title": "A world",
    }


@pytest.fixture(scope="module")
def full() -> Report:
    given = world()
    return word_report(given.pop("keys"), given.pop("vectors"), **given)


def numbers_of(report: Report, title: str) -> dict[str, dict[str, Any]]:
    sections = [s for s in report.as_json()["sections"] if s["title"] == title]
    return {number["name"]: number for section in sections for number in section["numbers"]}


def test_a_full_report_holds_every_section(full: Report) -> None:
    assert [section.title for section in full.sections] == [
        "Learning",
        "Neighbours to read",
        "Map",
        "Analogies",
        "Similarity",
        "Labels: topic",
        "What a cosine means",
        "Which neighbours to trust",
        "Shape of the space",
        "Beside one-hot vectors",
    ]
    told = full.as_json()
    assert told["format"] == 1
    assert told["verdict"]["verdict"] == "healthy"
    assert told["facts"]["recipe"] == "word2vec"
    assert json.loads(json.dumps(told)) == told


def test_numbers_are_right_where_the_truth_is_known(full: Report) -> None:
    analogies = numbers_of(full, "Analogies")["all 3cosadd top-600"]
    assert analogies["value"] > 0.9
    assert analogies["baselines"]["untrained"] < 0.1
    assert analogies["baselines"]["chance"] == pytest.approx(1 / 597)
    assert numbers_of(full, "Similarity")["topics spearman cosine"]["value"] > 0.7
    assert numbers_of(full, "Labels: topic")["linear probe accuracy"]["value"] > 0.9
    assert numbers_of(full, "Which neighbours to trust")["overlap@10 between two seeds"]["value"] > 0.7
    learned = numbers_of(full, "Learning")["held-out loss, nats per pair"]
    assert learned["value"] == 2.5
    assert learned["baselines"] == {"untrained": 4.16}


def test_neighbours_to_read_are_the_true_ones(full: Report) -> None:
    tables = full.as_json()["sections"][1]["tables"]
    assert [table["columns"][0] for table in tables] == ["frequent words", "middle words", "rare words"]
    same = [int(row[0][1:]) % 10 == int(near[1:]) % 10 for table in tables for row in table["rows"] for near in row[2]]
    assert np.mean(same) > 0.5  # chance: .1


def test_the_page_is_one_small_harmless_file(full: Report) -> None:
    html = full.to_html()
    assert_harmless(html)
    assert len(html) < 3_000_000
    assert html.count("<svg") == html.count('<svg class="map"') + html.count("<svg viewBox")
    assert html.count("<svg") == html.count("<desc>")
    assert html == full.to_html()


def test_untrusted_keys_stay_text() -> None:
    given = world()
    given["keys"][: len(NASTY)] = NASTY
    given["keys"][200 : 200 + len(NASTY)] = [key + "2" for key in NASTY]
    given["analogies"] = {NASTY[0]: [(NASTY[1], "w100", "w200", "w101", "w201")]}
    given["pairs"] = {NASTY[1]: given["pairs"]["topics"]}
    given["labels"] = {NASTY[0]: [(key, NASTY[i % 2]) for i, key in enumerate(given["keys"])]}
    given["facts"] = {NASTY[0]: NASTY[1]}
    given["title"] = NASTY[0]
    tags = assert_harmless(word_report(given.pop("keys"), given.pop("vectors"), **given).to_html())
    assert NASTY[0] in tags.text


@pytest.mark.parametrize("n", [1, 2, 3, 5, 29, 31])
@pytest.mark.parametrize("kind", ["random", "constant", "zero", "not finite"])
def test_small_and_collapsed_spaces_get_a_report(n: int, kind: str) -> None:
    rng = default_rng(n)
    vectors = {
        "random": rng.normal(size=(n, 4)),
        "constant": np.ones((n, 4)),
        "zero": np.zeros((n, 4)),
        "not finite": np.full((n, 4), np.nan),
    }[kind]
    keys = [f"w{i}" for i in range(n)]
    report = word_report(
        keys,
        vectors,
        counts=np.ones(n, np.int64),
        second=vectors,
        history=HISTORY[:1],
        analogies={"a": [("r", "w0", "w1", "w2", "w3")]},
        pairs={"p": [("w0", "w1", 1.0), ("w1", "w2", 0.5)]},
        labels={"l": [("w0", "x"), ("w1", "y")]},
    )
    told = json.dumps(report.as_json(), allow_nan=False)
    html = report.to_html()
    assert_harmless(html)
    assert not re.search(r"\b(nan|inf)\b", told + html)
    expected = {"constant": "complete collapse", "zero": "complete collapse"} if n > 1 else {}
    assert report.verdict["verdict"] == expected.get(
        kind, "cannot tell" if n < 16 or kind == "not finite" else "healthy"
    )


def test_a_persons_own_text_still_has_evidence() -> None:
    given = world()
    report = word_report(given["keys"], given["vectors"], history=HISTORY)
    titles = [section.title for section in report.sections]
    assert titles[:3] == ["Learning", "Neighbours to read", "Map"]
    assert "No gold answers were given" in report.lead
    assert "2.5" in report.highlights["loss"][0]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([4.0, 3.0, 2.0], "still falling"),
        ([4.0, 2.0, 1.999], "levelled off"),
        ([4.0, 2.0, 2.5], "lowest after epoch 1"),
        ([4.0, 4.0, 4.5], "did not fall"),
        ([4.0], "Only one loss is known"),
        ([None, None], "No loss is known"),
    ],
)
def test_the_curve_is_told_in_words(losses: list[float | None], said: str) -> None:
    history = [{"epoch": i, "loss_train": None, "loss_held_out": loss} for i, loss in enumerate(losses)]
    report = word_report(["a", "b"], np.eye(2), history=history)
    assert said in report.sections[0].text


def test_frequent_words_come_first_whatever_the_order() -> None:
    given = world()
    order = default_rng(1).permutation(600)
    shuffled = word_report(
        [given["keys"][i] for i in order], given["vectors"][order], counts=given["counts"][order],
        second=given["second"][order], untrained=np.ones((600, 4)),
    )  # fmt: skip
    sorted_ = word_report(given["keys"], given["vectors"], counts=given["counts"], second=given["second"],
                          untrained=np.ones((600, 4)))  # fmt: skip
    assert [s.as_json() for s in shuffled.sections] == [s.as_json() for s in sorted_.sections]


def test_a_wish_to_stop_ends_the_measuring() -> None:
    report = word_report(["a", "b"], np.eye(2), session=SimpleNamespace(stopped=True))
    assert [section.title for section in report.sections] == ["Not measured"]
    assert "Stopped on request" in report.sections[0].text


def test_unusable_gold_says_why() -> None:
    given = world()
    report = word_report(given["keys"], given["vectors"], labels={"one": [("w1", "x")]}, analogies={
        "foreign": [("r", "q1", "q2", "q3", "q4")]})  # fmt: skip
    texts = {section.title: section.text for section in report.sections}
    assert "a probe needs two classes" in texts["Labels"]
    assert "None of the 1 questions of foreign can be asked" in texts["Analogies"]


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ShapeError, match="3 keys came with vectors of shape"):
        word_report(["a", "b", "c"], np.eye(2))
    with pytest.raises(ShapeError, match="second has 3 rows, there are 2 keys"):
        word_report(["a", "b"], np.eye(2), second=np.eye(3))
    with pytest.raises(ShapeError, match="0 keys"):
        word_report([], np.zeros((0, 3)))


def test_unstable_neighbours_are_called_accidents() -> None:
    given = world()
    other = default_rng(5).normal(size=(600, 16))
    report = word_report(given["keys"], given["vectors"], second=other, pairs=given["pairs"])
    texts = {section.title: section.text for section in report.sections}
    assert "most of them: more text" in texts["Which neighbours to trust"]
    assert "people call alike in topics" in texts["What a cosine means"]
