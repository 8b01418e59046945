"""Errors: one tree, sentences that help."""

from __future__ import annotations

import inspect
import re

import pytest

from likewise import errors
from likewise.errors import KeyMissing, LikewiseError, MissingExtra, nearest_spellings


def test_the_tree_at_the_top_of_the_file_names_every_error() -> None:
    classes = {n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, LikewiseError)}
    assert classes == set(re.findall(r"^ {4}[ │├└─]*([A-Z]\w+) ", errors.__doc__ or "", re.MULTILINE))


def test_a_missing_key_names_its_neighbours_in_spelling() -> None:
    assert (
        str(KeyMissing("quen", ["queen"], size=68140)) == "'quen' is not here among 68,140 keys: did you mean 'queen'?"
    )
    assert isinstance(KeyMissing("x"), KeyError)


def test_a_missing_extra_names_the_command() -> None:
    assert "pip install 'likewise[serve]'" in str(MissingExtra("fastapi", "serve", "the API"))


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("King", ["king", "ring"], ["king", "ring"]),
        ("", ["a"], []),
        ("xyz", ["king"], []),
        ("naïve", ["naive"], ["naive"]),
    ],
)
def test_nearest_spellings(word: str, known: list[str], expected: list[str]) -> None:
    assert nearest_spellings(word, known) == expected
