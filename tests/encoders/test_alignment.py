"""Which tokens spell a word: the hand-made table of hard cases through tokenisers of both kinds."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from test_finding import CASES

from likewise.encoders.finding import places_of
from likewise.encoders.texts import Occurrence, _window
from likewise.errors import DataError
from likewise.sources.tokenising import train_tokenizer, unknown_of

KINDS = [(kind, lowercase) for kind in ("wordpiece", "bpe") for lowercase in (True, False)]


@cache
def tokenizer(kind: str, lowercase: bool) -> Any:
    """Return one that has merged little, so that words are of several tokens, and most letters are known to it."""
    texts = [text for _, text, _ in CASES]
    vocabulary = {"wordpiece": 700, "bpe": 290}[kind]
    return train_tokenizer(texts, kind=kind, vocabulary=vocabulary, lowercase=lowercase)


@pytest.mark.parametrize(("kind", "lowercase"), KINDS)
@pytest.mark.parametrize(("word", "text", "expected"), CASES, ids=range(len(CASES)))
def test_the_tokens_of_a_word_spell_it_and_nothing_beside(
    kind: str, lowercase: bool, word: str, text: str, expected: list[str]
) -> None:
    made = tokenizer(kind, lowercase)
    cut = made.encode(text)
    for low, high in places_of(word, text, any_case=True):
        ids, places = _window(cut, Occurrence(0, low, high), 512, unknown_of(made))
        assert ids == cut.ids
        spans = [cut.offsets[place] for place in places]
        told = {letter for first, last in spans for letter in range(first, last)}
        left = {text[letter] for letter in set(range(low, high)) - told}
        assert all(each.isspace() or unicodedata.category(each) == "Mn" for each in left), "a part is left out"
        beside = "".join(text[letter] for letter in sorted(told - set(range(low, high))))
        assert not beside.strip(), f"{beside!r} is no part of {word!r}"


def test_a_word_within_an_unknown_token_is_a_sentence() -> None:
    made = train_tokenizer(["the bank of a river"] * 3, kind="wordpiece", vocabulary=60, lowercase=True)
    text = "ไปธนาคารวันนี้"
    (place,) = places_of("ธนาคาร", text, any_case=True)
    with pytest.raises(DataError, match=r"characters 1 to 12 are one unknown token .*--tokenizer bpe"):
        _window(made.encode(text), Occurrence(0, *place), 512, unknown_of(made))
    alone = "ธนาคาร"
    _window(made.encode(alone), Occurrence(0, 0, len(alone)), 512, unknown_of(made))  # the token is the word
