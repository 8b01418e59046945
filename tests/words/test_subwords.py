"""Subwords: which rows make up a word, by fastText's rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import DataError, OptionError
from likewise.kernels import subwords_twin
from likewise.words.subwords import ngram_buckets, subwords

words_of_letters = st.lists(st.text("abé日", max_size=6), max_size=8)


@given(words_of_letters, st.sampled_from([3, 50, 2_000_000]))
def test_every_word_has_its_own_row_and_one_for_each_ngram(words: list[str], buckets: int) -> None:
    made = subwords(words, min_n=2, max_n=4, buckets=buckets)
    assert made.words == len(words)
    assert made.size == len(words) + len(made.used)
    assert (np.diff(made.used) > 0).all()
    for i, word in enumerate(words):
        own, *rest = made.rows[made.starts[i] : made.starts[i + 1]].tolist()
        assert own == i
        wanted = subwords_twin.ngram_buckets(word.encode(), min_n=2, max_n=4, buckets=buckets)
        assert [made.used[row - len(words)] for row in rest] == wanted
    assert set(made.rows.tolist()) == set(range(made.size))


def test_buckets_are_marked_or_sorted_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["banana", "bandana", "日本語", "", "</s>"]
    marked = subwords(words, buckets=1000)
    monkeypatch.setattr("likewise.words.subwords._COUNTED", 0)
    made = subwords(words, buckets=1000)
    for name in ("rows", "starts", "used"):
        np.testing.assert_array_equal(getattr(made, name), getattr(marked, name))


def test_more_buckets_may_have_rows_than_the_words_use() -> None:
    own = subwords(["banana"], buckets=100)
    assert not own.spare
    every = subwords(["banana"], buckets=100, used=np.arange(100))
    assert every.spare
    assert every.size == 101
    np.testing.assert_array_equal(every.used[every.rows[1:] - 1], own.used[own.rows[1:] - 1])
    assert every.follow_from(["banana"])
    assert not every.follow_from(["bananas"])
    for used, sentence in (([3, 2], "must rise"), ([-1, 5], "must rise"), ([100], "must rise"), ([5], "but not all")):
        with pytest.raises(DataError, match=sentence):
            subwords(["banana"], buckets=100, used=np.array(used))


def test_repeated_ngrams_are_repeated() -> None:
    made = subwords(["aaaaa"], min_n=3, max_n=3)
    assert made.lengths.tolist() == [6]
    assert len(made.used) == 3


@pytest.mark.parametrize("min_n", [0, 3])
def test_without_ngrams_each_word_is_one_row(min_n: int) -> None:
    made = subwords(["a", "b"], min_n=min_n, max_n=0)
    assert made.rows.tolist() == [0, 1]
    assert made.starts.tolist() == [0, 1, 2]
    assert made.used.size == 0


def test_the_end_of_a_line_has_no_ngrams() -> None:
    found, starts = ngram_buckets(["on", "</s>", "no"], min_n=3, max_n=3, buckets=100)
    assert starts.tolist() == [0, 2, 2, 4]
    assert subwords(["</s>"]).rows.tolist() == [0]
    assert found.tolist() == ngram_buckets(["on", "no"], min_n=3, max_n=3, buckets=100)[0].tolist()


def test_words_of_all_kinds() -> None:
    made = subwords(["", "😀", "日本語", "x" * 10_000, "e\u0301"])
    assert made.lengths.tolist() == [1, 2, 7, 39_995, 4]
    assert subwords([]).size == 0
    with pytest.raises(DataError, match=r"half of a character.*errors=replace"):
        subwords(["good", "b\ud800d"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_n": -1}, "max_n is -1.*0 means none"),
        ({"max_n": 101}, "max_n is 101.*up to 100"),
        ({"min_n": 4, "max_n": 3}, "min_n is 4.*from 0 to max_n, which is 3"),
        ({"min_n": -1}, "min_n is -1"),
        ({"buckets": 0}, "buckets is 0.*2,000,000 is usual"),
        ({"buckets": 2**31}, "buckets is 2147483648"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        subwords(["word"], **options)
