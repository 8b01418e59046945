"""Gold answers: the public layouts open, and a bad line is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from likewise.errors import DataError
from likewise.sources.gold import Question, read_analogies, read_labels, read_pairs, section_labels

SHARED = Path(os.environ.get("LIKEWISE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "words"


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "gold.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_analogies_have_relations(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "a b c d\n: capital-common\nAthens Greece Oslo Norway\n\n# note\n: gram1\r\nbig bigger old older\r\n"
    )
    assert read_analogies(path) == [
        Question("all", "a", "b", "c", "d"),
        Question("capital-common", "Athens", "Greece", "Oslo", "Norway"),
        Question("gram1", "big", "bigger", "old", "older"),
    ]
    assert read_analogies(path, lowercase=True)[1].a == "athens"


@pytest.mark.parametrize("between", ["\t", ",", ";", " ", ", "])
def test_pairs_in_any_layout(tmp_path: Path, between: str) -> None:
    text = "\n".join(between.join(cells) for cells in [("Word 1", "Word2", "Human"), ("Tiger", "cat", "7.35")])
    text = text.replace("Word 1", "Word1") if between == " " else text
    assert read_pairs(_file(tmp_path, "\ufeff" + text), lowercase=True) == [("tiger", "cat", 7.35)]


def test_labels_may_have_keys_with_blanks(tmp_path: Path) -> None:
    assert read_labels(_file(tmp_path, "new york\tcity\nnorway\tcountry\n")) == [
        ("new york", "city"),
        ("norway", "country"),
    ]


def test_sides_of_relations_are_categories() -> None:
    questions = [
        Question("capital", "athens", "greece", "oslo", "norway"),
        Question("x", "athens", "blue", "red", "green"),
    ]
    assert dict(section_labels(questions)) == {
        "greece": "capital b",
        "oslo": "capital a",
        "norway": "capital b",
        "blue": "x b",
        "red": "x a",
        "green": "x b",
    }


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (read_analogies, "a b c\n", r"gold.txt:1: four words A B C D are needed, 3 came: 'a b c'"),
        (read_analogies, ": only\n", "holds no questions"),
        (read_pairs, "a b 1\na b\n", "gold.txt:2: WORD WORD SCORE"),
        (read_pairs, "w1 w2 score\na b high\n", "gold.txt:2"),
        (read_pairs, "a b nan\nc d inf\n", "gold.txt:2"),
        (read_pairs, "", "holds no scored pairs"),
        (read_labels, "a\tb\tc\n", "gold.txt:1: KEY LABEL"),
        (read_labels, b"caf\xe9 drink\n", "not UTF-8 at byte 3"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, read: Callable[[Path], Any], text: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(_file(tmp_path, text))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    _file(tmp_path, "x")
    with pytest.raises(DataError, match=r"did you mean gold\.txt"):
        read_pairs(tmp_path / "gld.txt")
    with pytest.raises(DataError, match="is a folder"):
        read_pairs(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here (LIKEWISE_DATA)")
def test_the_public_sets_open_whole() -> None:
    questions = read_analogies(SHARED / "questions-words.txt", lowercase=True)
    assert len(questions) == 19_544
    assert len({q.relation for q in questions}) == 14
    sizes = {path.name: len(read_pairs(path)) for path in (SHARED / "similarity").glob("*.txt")}
    assert sizes == {
        "EN-WS-353-ALL.txt": 353,
        "EN-WS-353-SIM.txt": 203,
        "EN-WS-353-REL.txt": 252,
        "EN-SIMLEX-999.txt": 999,
        "EN-MEN-TR-3k.txt": 3000,
        "EN-RW-STANFORD.txt": 2034,
        "EN-MTurk-771.txt": 771,
    }
