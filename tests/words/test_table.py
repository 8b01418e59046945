"""A table of words: texts become the mean of their words, and the fingerprint is of what decides that."""

import numpy as np
import pytest

from likewise.contracts import Encoder
from likewise.errors import KeyMissing, OptionError, ShapeError
from likewise.space import Space
from likewise.words.table import WordTable


@pytest.fixture
def space():
    return Space(["good", "bad", "day"], [[1, 0], [0, 1], [2, 2]], items={"count": [3, 2, 1]})


def test_it_is_an_encoder(space):
    table = WordTable(space)
    assert isinstance(table, Encoder)
    assert table.dim == 2
    assert table.fingerprint == table.space.fingerprint
    assert table.space.items["count"].tolist() == [3, 2, 1]


def test_a_text_is_the_mean_of_its_known_words(space):
    table = WordTable(space)
    texts = ["Good day", "bad, very bad day!", "", "nothing known"]
    vectors, known, unknown = table.embed_texts(texts, kind="text:mean")
    assert np.allclose(vectors, [[1.5, 1], [2 / 3, 4 / 3], [0, 0], [0, 0]])
    assert known.tolist() == [2, 3, 0, 0]
    assert unknown.tolist() == [0, 1, 0, 2]
    assert np.array_equal(table.embed(["Good day"], kind="text:mean"), vectors[:1])
    assert np.array_equal(table.embed([["good", "day"]], kind="text:mean"), vectors[:1])
    assert table.embed([]).shape == (0, 2)


def test_new_texts_are_cut_as_the_old_ones_were(space):
    texts = ["Good day!", "day"]
    assert WordTable(space, tokenizer={"tokenizer": "whitespace"}).embed_texts(texts).known.tolist() == [1, 1]
    assert WordTable(space, tokenizer={"lowercase": False}).embed_texts(texts).known.tolist() == [1, 1]
    own = WordTable(space, tokenizer={"tokenizer": "caller's split_well"})
    with pytest.raises(OptionError, match=r"cut by the caller's split_well.*give lists of words"):
        own.embed(texts)
    assert own.embed([["good", "day"]], kind="text:mean").tolist() == [[1.5, 1.0]]


def test_many_texts_give_the_same_as_one_by_one(space):
    table = WordTable(space)
    texts = ["good " * (i % 5) + "bad" for i in range(5000)]
    assert np.array_equal(table.embed(texts)[4097], table.embed(texts[4097:4098])[0])


def test_words(space):
    table = WordTable(space)
    assert np.array_equal(table.embed(["day", "good"], kind="word"), [[2, 2], [1, 0]])
    with pytest.raises(KeyMissing, match=r"'god'.*'good'"):
        table.embed(["god"], kind="word")
    with pytest.raises(OptionError, match=r"kind 'image'.*embeds text.*or word"):
        table.embed(["good"], kind="image")


def test_the_state_makes_it_again(space):
    table = WordTable(space, output=-space.vectors, tokenizer={"lowercase": True})
    again = WordTable.from_state(table.state())
    assert again.fingerprint == table.fingerprint
    assert np.array_equal(again.output, table.output)
    assert again.tokenizer == table.tokenizer
    assert again.space.keys == space.keys


def test_the_fingerprint_is_of_what_decides_an_embedding(space):
    table = WordTable(space)
    assert WordTable(space, output=space.vectors).fingerprint == table.fingerprint
    assert WordTable(space, tokenizer={"lowercase": False}).fingerprint != table.fingerprint
    assert WordTable(space.normalise()).fingerprint != table.fingerprint
    assert WordTable(space.select(["good", "day", "bad"])).fingerprint != table.fingerprint


def test_output_vectors_go_in_pairs_with_the_others(space):
    with pytest.raises(ShapeError, match="they go in pairs"):
        WordTable(space, output=np.zeros((2, 2)))
