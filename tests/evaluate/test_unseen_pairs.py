"""Pairs of words that were not seen: left out, and placed by their letters, with what spelling alone would give."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run as command
from likewise.evaluate.report import word_report
from likewise.evaluate.similarity import similarity, similarity_by_letters
from likewise.sources.text import open_text
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords

SHARED = Path(os.environ.get("LIKEWISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
KEYS = [f"w{i}" for i in range(40)]
ANGLES = np.linspace(0, np.pi, 40)
VECTORS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def by_letters(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Place x7 where w7 is; words that do not begin with x have no place."""
    placed = np.array([word.startswith("x") for word in words])
    rows = [int(word[1:]) if found else 0 for word, found in zip(words, placed, strict=True)]
    return VECTORS[rows] * placed[:, None], placed


def pairs_of(first: str, second: str, rows: range = range(1, 20)) -> list[tuple[str, str, float]]:
    return [(f"{first}0", f"{second}{i}", -float(i)) for i in rows]


def test_pairs_are_judged_with_unseen_words_and_of_those_alone() -> None:
    pairs = [*pairs_of("w", "w"), *pairs_of("w", "x", range(20, 30)), ("w0", "unplaceable", 1.0)]
    left_out = similarity(KEYS, VECTORS, pairs, name="rare")
    every, needing = similarity_by_letters(KEYS, VECTORS, pairs, by_letters, name="rare")
    assert [number.n for number in (left_out, every, needing)] == [19, 29, 10]
    assert every.value == needing.value == pytest.approx(1.0)
    assert every.name == "rare, unseen words by letters: spearman cosine"
    assert needing.name == "rare, pairs with an unseen word: spearman cosine"
    assert every.note == "10 of 29 pairs rest on letters; 1 left out: no n-gram of a word is known"
    assert every.low is not None
    assert every.low <= every.value <= (every.high or 0)


def test_spelling_alone_is_the_overlap_of_ngrams() -> None:
    same = [("xaaaa1", "xaaaa2", 3.0), ("xaaaa1", "xaa1", 2.0), ("xaaaa1", "xbbbb9", 1.0)]

    def anywhere(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((len(words), 2)), np.ones(len(words), bool)

    every, _ = similarity_by_letters(KEYS, VECTORS, same, anywhere)
    assert every.baselines["spelling alone"] == pytest.approx(1.0)
    assert every.value == 0.0


def test_where_every_word_was_seen_nothing_is_added() -> None:
    assert similarity_by_letters(KEYS, VECTORS, pairs_of("w", "w"), by_letters) == []


def test_where_no_word_has_a_place_nothing_is_measured() -> None:
    every, needing = similarity_by_letters(KEYS, VECTORS, [("a", "b", 1.0)], by_letters)
    assert every.n == needing.n == 0
    assert every.value == 0.0


def test_the_report_shows_both() -> None:
    pairs = {"rare": [*pairs_of("w", "w"), *pairs_of("w", "x", range(20, 30))], "seen": pairs_of("w", "w")}
    report = word_report(KEYS, VECTORS, pairs=pairs, by_letters=by_letters)
    (section,) = (s for s in report.sections if s.title == "Similarity")
    assert [number.n for number in section.numbers] == [19, 29, 10, 19]
    page = report.to_html()
    assert "spelling alone" in page
    assert "… only with unseen" in page
    plain = word_report(KEYS, VECTORS, pairs=pairs)
    (section,) = (s for s in plain.sections if s.title == "Similarity")
    assert len(section.numbers) == 2
    assert "spelling alone" not in plain.to_html()


def test_a_run_with_ngrams_judges_unseen_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["king", "kings", "queen", "queens", "river"]
    parts = subwords(words)
    table = SubwordTable(words, np.random.default_rng(0).normal(size=(parts.size, 8)), parts, tokenizer={})
    lw.Run(space=table.space, encoder=table, manifest={}).save(tmp_path / "run")
    (tmp_path / "rare.tsv").write_text("king\tkings\t9\nKINGG\tking\t8\nqueenss\triver\t1\nxyzzy\tking\t0\n")
    assert command(["evaluate", str(tmp_path / "run"), "--pairs", str(tmp_path / "rare.tsv"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (section,) = (s for s in report["sections"] if s["title"] == "Similarity")
    assert [number["n"] for number in section["numbers"]] == [1, 3, 2]
    assert section["numbers"][1]["note"].startswith("2 of 3 pairs rest on letters; 1 left out")
    lw.convert(tmp_path / "run", tmp_path / "words.npz")
    assert command(["evaluate", str(tmp_path / "words.npz"), "--pairs", str(tmp_path / "rare.tsv")]) == 0
    assert "by letters" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here (LIKEWISE_DATA)")
def test_rare_words_are_placed_better_than_by_spelling_alone() -> None:
    texts = [text for _, text in open_text(SHARED / "text" / "wiki2015_en_100MB.txt.xz")][:60_000]
    run = lw.learn(texts, recipe="fasttext", epochs=3, report=False)
    gold = SHARED / "words" / "similarity" / "EN-RW-STANFORD.txt"
    (section,) = (s for s in run.evaluate(pairs=gold).sections if s.title == "Similarity")
    left_out, every, needing = section.numbers
    assert (left_out.n or 0) < 1_000
    assert every.n == 2_034
    assert every.low is not None
    assert every.low > every.baselines["spelling alone"]
    assert needing.low is not None
    assert needing.low > needing.baselines["spelling alone"]
