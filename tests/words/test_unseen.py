"""Unseen words: placed by their letters where the run can, and said so; a sentence where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run as command
from likewise.errors import KeyMissing, OptionError
from likewise.opening import Run
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords

WORDS = ["king", "kings", "kingdom", "queen", "queens", "man"]


def made(**tokenizer: object) -> Run:
    parts = subwords(WORDS)
    rows = np.random.default_rng(0).normal(size=(parts.size, 8))
    table = SubwordTable(WORDS, rows, parts, items={"count": range(6, 0, -1)}, tokenizer=tokenizer)
    return Run(space=table.space, encoder=table, manifest={"recipe": "fasttext"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made(lowercase=True).save(tmp_path / "run")
    (tmp_path / "plain.txt").write_text("2 2\nking 1 2\nqueen 3 4\n")
    return tmp_path


def test_seen_and_unseen_words_have_a_place() -> None:
    run = made()
    placed = run.place(["king", "kingg", "xyzzy", "", "King"])
    assert placed.seen.tolist() == [True, False, False, False, False]
    assert placed.found.tolist() == [True, True, False, False, True]
    assert placed.known.tolist() == [0, 6, 0, 0, 3]
    assert placed.ngrams.tolist() == [0, 14, 14, 0, 10]
    np.testing.assert_array_equal(placed.vectors[0], run.space["king"])
    np.testing.assert_array_equal(placed.vectors[1], run.embed(["kingg"], kind="word")[0])
    assert not placed.vectors[2:4].any()


def test_case_is_folded_where_the_text_was() -> None:
    run = made(lowercase=True)
    placed = run.place(["KING", "KINGG"])
    assert placed.seen.tolist() == [True, False]
    np.testing.assert_array_equal(placed.vectors, run.place(["king", "kingg"]).vectors)


def test_a_space_takes_unseen_words_in() -> None:
    run = made()
    space = run.with_words(["kingg", "king", "kingg"])
    assert space.keys == (*WORDS, "kingg")
    assert space.items["count"].tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert [n.key for n in space.near("kingg", 2)] == [n.key for n in run.space.near(space["kingg"], 2)]
    assert {n.key for n in space.analogy("kingg", "king", "queen", 3).excluded} <= set(WORDS)
    assert run.with_words(["king"]) is run.space
    with pytest.raises(KeyMissing, match="'xyzzy' is not here among 6 keys"):
        run.with_words(["kingg", "xyzzy"])


def test_words_without_ngrams_are_looked_up(folder: Path) -> None:
    run = lw.open(folder / "plain.txt")
    placed = run.place(["king", "kingg"])
    assert placed.found.tolist() == [True, False]
    assert placed.vectors.tolist() == [[1, 2], [0, 0]]
    with pytest.raises(KeyMissing, match="did you mean 'king'"):
        run.with_words(["kingg"])


def test_near_says_what_was_placed_by_its_letters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(folder / "run")
    assert command(["near", where, "king", "kingg", "king" * 2500]) == 0
    said = capsys.readouterr().out
    assert "kingg is not among the 6 words: placed by its letters, 6 of 14 n-grams known" in said
    assert "kingkingkingkingkingkingkingkingkingkin… is not among the 6 words" in said
    assert "king is not" not in said
    assert max(map(len, said.splitlines())) < 200
    assert command(["near", where, "king", "kingg", "-k", "2", "--json"]) == 0
    plain, placed = json.loads(capsys.readouterr().out)
    assert "by_letters" not in plain
    assert placed["by_letters"] == {"known": 6, "of": 14}
    assert placed["near"][0]["key"] in WORDS


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("xyzzy", "'xyzzy' is not here among 6 keys, and none is spelled like it"),
        ("", "'' is not here among 6 keys"),
        ("日" * 10_000, "(10,000 letters) is not here among 6 keys, and none is spelled like it"),
        ("😀", "'😀' is not here"),
    ],
)
def test_a_word_without_a_known_ngram_is_a_sentence(
    word: str, sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["near", str(folder / "run"), word]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said) < 300


def test_analogies_of_unseen_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["analogy", str(folder / "run"), "king", "kingg", "queen", "-k", "2"]) == 0
    assert "kingg is not among the 6 words: placed by its letters" in capsys.readouterr().out
    assert command(["analogy", str(folder / "run"), "king", "kingg", "queen", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by_letters"] == {"kingg": {"known": 6, "of": 14}}


@pytest.mark.parametrize("ending", ["parquet", "npz", "txt"])
def test_a_file_of_words_is_embedded(ending: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, out = folder / "words.txt", folder / f"out.{ending}"
    words.write_text("king\nkingg \nxyzzy\nking\n")
    made_of = ["embed", str(folder / "run"), str(words), "--kind", "word", "--out", str(out)]
    assert command([*made_of, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["texts"], told["empty"], told["by_letters"]) == (3, 1, 1)
    space = lw.open(out).space
    assert space.keys == ("king", "kingg", "xyzzy")
    np.testing.assert_allclose(space.vectors, made().place(space.keys).vectors, atol=1e-6)
    assert command([*made_of, "--overwrite", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "3 words × 8" in said
    assert "1 of them were not seen: placed by their letters" in said
    assert "1 of them are unknown: their vectors are zero" in said


def test_other_kinds_of_lines_are_refused(folder: Path) -> None:
    with pytest.raises(OptionError, match="holds words, and pictures were to be embedded"):
        lw.embed_file(folder / "run", folder / "plain.txt", folder / "out.npz", kind="image")
