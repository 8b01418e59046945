"""Options: read from a signature, checked at the door."""

from __future__ import annotations

from typing import Any

import pytest

from likewise.errors import OptionError
from likewise.recipes import RECIPES, check, describe, unknown, word2vec


@pytest.mark.parametrize("name", RECIPES)
def test_every_option_says_what_it_means_and_its_default_is_allowed(name: str) -> None:
    for option in describe(RECIPES[name]).values():
        assert option.about.meaning
        assert check(RECIPES[name], {option.name: option.default}) == {option.name: option.default}


def test_values_are_given_their_type() -> None:
    assert check(word2vec, {"rate": 1, "max_vocabulary": None}) == {"rate": 1.0, "max_vocabulary": None}
    assert isinstance(check(word2vec, {"rate": 1})["rate"], float)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dim": 0}, "out of range"),
        ({"dim": 2.5}, "must be a whole number"),
        ({"dim": "many"}, "must be a whole number"),
        ({"dim": True}, "dim=True: it must be a whole number"),
        ({"dim": None}, "dim=None: it must be a whole number"),
        ({"lowercase": 1}, "lowercase=1: it must be True or False"),
        ({"rate": float("nan")}, "rate=nan: it must be a number"),
        ({"tokenizer": "bpe"}, "not one of 'words', 'whitespace'"),
        ({"vector_size": 300}, "vector_size is what gensim calls it: here it is dim"),
        ({"workers": 2}, "here it is threads"),
        ({"epoch": 2}, "here it is epochs"),
        ({"windw": 2}, "did you mean window"),
        ({"zzzzzzzz": 2}, "it has dim, window"),
    ],
)
def test_bad_options_get_a_sentence(given: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        check(word2vec, given)


def test_on_the_command_line_names_have_dashes() -> None:
    known = describe(word2vec)
    assert "--min-count" in unknown("minCount", known, "word2vec", dashes=True)
    assert "--max-vocabulary" in unknown("max_vocabulry", known, "word2vec", dashes=True)
