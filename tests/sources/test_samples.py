"""Samples: the prose of packages is prose, the small language is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from likewise.contracts import Source
from likewise.sources.prose import EnglishOfPackages
from likewise.sources.samples import shared_gold, shared_text
from likewise.sources.small_language import small_language

MODULE = '''
"""Return the largest of the numbers that were given, or the default if there are none.

Parameters
----------
numbers : list of float
    The numbers to look at, in any order; they are read once and never changed.

>>> largest([1, 2])
2
"""

# The table is kept in the order of its keys, so that two runs of the program give the same file.
# It may be shorter than the list that it was made from.

x = [value for value in range(10)]  # short
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "b.py").write_text(MODULE)
    (tmp_path / "a.txt").write_text(
        "This guide says what is done when a file is not there, and why it is done in this way.\n\nx = 3; y = 4\n"
    )
    (tmp_path / "c.py").write_bytes(b"'''caf\xe9'''")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "d.py").write_text('"""This is of no use to anybody, for it is only a test of that thing."""')
    (tmp_path / "copy.py").write_text(MODULE)
    return tmp_path


def test_prose_is_kept_once_and_code_is_not(root: Path) -> None:
    source = EnglishOfPackages([root])
    assert isinstance(source, Source)
    assert source.paragraphs == [
        "This guide says what is done when a file is not there, and why it is done in this way.",
        "Return the largest of the numbers that were given, or the default if there are none.",
        "The numbers to look at, in any order; they are read once and never changed.",
        "The table is kept in the order of its keys, so that two runs of the program give the same file. "
        "It may be shorter than the list that it was made from.",
    ]


def test_blocks_and_entries_are_the_same_paragraphs(root: Path) -> None:
    source = EnglishOfPackages([root])
    assert b"".join(source.blocks()).decode().splitlines() == [text for _, text in source] == source.paragraphs
    assert source.digest == EnglishOfPackages([root]).digest
    assert source.digest.startswith("sha256:")


@pytest.mark.slow
def test_every_machine_has_a_million_words_of_english() -> None:
    assert sum(len(text.split()) for _, text in EnglishOfPackages()) > 1_000_000


def test_the_small_language_is_what_it_says() -> None:
    made = small_language(seed=3, sentences=2_000)
    assert made == small_language(seed=3, sentences=2_000)
    assert made.lines != small_language(seed=4, sentences=2_000).lines
    words = set(made.text.split())
    assert len(made.lines) == 2_000
    assert {word for question in made.analogies for word in question[1:]} <= words
    assert {label.key for label in made.labels} <= words
    assert len({label.label for label in made.labels}) == 7
    topics = dict(made.labels)
    assert all((topics[a] == topics[b]) == (score > 5) for a, b, score in made.pairs)


def test_shared_data_are_found_by_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEWISE_DATA", str(tmp_path))
    assert shared_text() is None
    assert shared_gold() == {"analogies": [], "pairs": []}
    text = tmp_path / "text" / "wiki2015_en_100MB.txt.xz"
    text.parent.mkdir()
    text.touch()
    assert shared_text() == text
