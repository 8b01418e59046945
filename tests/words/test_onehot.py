"""One-hot: exact, never collapsed, and blind to meaning."""

from __future__ import annotations

import math

import numpy as np
import pytest

from likewise.contracts import Encoder
from likewise.errors import KeyMissing, OptionError
from likewise.words.onehot import OneHot


def test_all_distances_are_equal() -> None:
    one_hot = OneHot(["a", "b", "c", "d"])
    rows = one_hot.embed(one_hot.keys)
    assert isinstance(one_hot, Encoder)
    np.testing.assert_array_equal(rows, np.eye(4, dtype=np.float32))
    for x in one_hot.keys:
        for y in one_hot.keys:
            distance = np.linalg.norm(one_hot.embed([x]) - one_hot.embed([y]))
            assert one_hot.distance(x, y) == pytest.approx(float(distance))
    assert one_hot.distance("a", "b") == math.sqrt(2)


def test_a_whole_matrix_is_refused_where_it_would_not_fit() -> None:
    one_hot = OneHot([str(i) for i in range(68_000)])
    assert one_hot.bytes_per_word == 272_000
    assert one_hot.embed(["67999"])[0, 67_999] == 1
    with pytest.raises(OptionError, match="would take 18 GB"):
        one_hot.embed(one_hot.keys)


def test_texts_have_no_one_hot() -> None:
    with pytest.raises(OptionError, match="rows are of words"):
        OneHot(["a", "b"]).embed(["a b"], kind="text:sif")


def test_neighbours_are_arbitrary_and_never_the_word_itself() -> None:
    one_hot = OneHot(["a", "b", "c"])
    assert one_hot.near("a", 2) == [("b", 0.0), ("c", 0.0)]
    assert one_hot.near("c", 9) == [("a", 0.0), ("b", 0.0)]


def test_an_unknown_word_names_its_neighbours() -> None:
    with pytest.raises(KeyMissing, match="did you mean 'queen'"):
        OneHot(["queen", "king"]).embed(["quen"])


def test_the_same_words_have_the_same_fingerprint() -> None:
    assert OneHot(["a", "b"]).fingerprint == OneHot(["a", "b"]).fingerprint != OneHot(["b", "a"]).fingerprint
