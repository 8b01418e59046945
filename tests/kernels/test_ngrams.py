"""The compiled n-grams: equal to the readable twin and to gensim's for any word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import OptionError
from likewise.kernels import _native, subwords, subwords_twin

letters = st.text(st.one_of(st.sampled_from("ab<>é日😀\u0301"), st.characters(exclude_categories=["Cs"])), max_size=12)
lengths = st.tuples(st.integers(0, 7), st.integers(0, 7)).map(sorted)
anything = st.one_of(letters.map(str.encode), st.binary(max_size=12))


@given(st.lists(anything, max_size=6), lengths, st.sampled_from([1, 7, 1000, 2_000_000, 2**31 - 1]))
def test_it_equals_the_twin(words: list[bytes], lengths: list[int], buckets: int) -> None:
    low, high = lengths
    found, starts = subwords.ngram_buckets(words, min_n=low, max_n=high, buckets=buckets)
    wanted = [subwords_twin.ngram_buckets(word, min_n=low, max_n=high, buckets=buckets) for word in words]
    assert found.tolist() == [bucket for some in wanted for bucket in some]
    assert starts.tolist() == np.cumsum([0, *map(len, wanted)]).tolist()


@given(st.binary(max_size=20))
def test_the_hash_is_fnv_over_signed_bytes(data: bytes) -> None:
    h = 0x811C9DC5
    for byte in data:
        h ^= int(np.uint32(np.int32(np.uint8(byte).astype(np.int8)).astype(np.uint32)))
        h = h * 0x01000193 % 2**32
    assert subwords_twin.hash_of(data) == h


@given(letters.filter(lambda word: "\0" not in word), st.integers(1, 6), st.integers(0, 3))
def test_it_equals_gensim(word: str, low: int, more: int) -> None:
    peer = pytest.importorskip("gensim.models.fasttext_inner")
    ours, _ = subwords.ngram_buckets([word.encode()], min_n=low, max_n=low + more, buckets=2_000_000)
    theirs = [peer.ft_hash_bytes(gram) % 2_000_000 for gram in peer.compute_ngrams_bytes(word, low, low + more)]
    assert sorted(ours.tolist()) == sorted(theirs)


def test_ngrams_begin_at_each_character_the_shorter_first() -> None:
    grams = list(subwords_twin.ngrams_of("où".encode(), min_n=1, max_n=3))
    assert [gram.decode() for gram in grams] == ["<o", "<où", "o", "où", "où>", "ù", "ù>"]
    assert list(subwords_twin.ngrams_of(b"", min_n=1, max_n=6)) == [b"<>"]


def test_a_long_word_and_many_words_are_quick() -> None:
    found, starts = subwords.ngram_buckets([b"x" * 10_000], min_n=3, max_n=6, buckets=2_000_000)
    assert starts.tolist() == [0, len(found)]
    assert len(found) == sum(10_002 - n + 1 for n in (3, 4, 5, 6))


def test_more_ngrams_than_a_table_can_have_are_refused() -> None:
    with pytest.raises(OptionError, match="1 words have 5,000,250,001 n-grams.* lower max_n"):
        subwords.ngram_buckets([b"x" * 100_000], min_n=1, max_n=200_000, buckets=10)


@pytest.mark.parametrize(("starts", "room"), [([0, 9], 2), ([0, -1], 0), ([2, 0], 0), ([0, 4], 1), ([0, 4], 3)])
def test_the_compiled_code_trusts_no_array(starts: list[int], room: int) -> None:
    text = np.frombuffer(b"<ab>", np.uint8)
    with pytest.raises(ValueError, match="outside|room"):
        _native.ngram_buckets(text, np.array(starts), 3, 3, 10, np.empty(room, np.int64))


@given(st.lists(st.lists(st.integers(0, 4), max_size=5), max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_means_equal_the_twin(lists: list[list[int]], dim: int, padding: int) -> None:
    table = np.random.default_rng(0).normal(size=(5, dim + padding)).astype(np.float32)[:, :dim]
    flat = np.array([row for some in lists for row in some], np.int64)
    starts = np.cumsum([0, *map(len, lists)])
    out = np.full((len(lists), dim + padding), 7, np.float32)[:, :dim]
    made = subwords.row_means(table, flat, starts, out=out)
    assert made is out
    np.testing.assert_array_equal(made, subwords_twin.row_means(table, flat, starts))
    np.testing.assert_array_equal(made, subwords.row_means(np.array(table), flat, starts))
    if padding and lists:
        assert (out.base[:, dim:] == 7).all()


def test_a_table_may_lie_at_any_byte_and_be_read_only() -> None:
    data = b"x" + np.arange(6, dtype=np.float32).tobytes()
    table = np.frombuffer(data, np.float32, 6, 1).reshape(3, 2)
    assert not table.flags.aligned
    assert subwords.row_means(table, np.array([0, 2]), np.array([0, 2])).tolist() == [[2.0, 3.0]]


def test_means_of_rows_that_are_not_there_are_refused() -> None:
    table, starts = np.eye(3, dtype=np.float32), np.array([0, 1])
    for row in (3, -1):
        with pytest.raises(ValueError, match="a row that is not there"):
            subwords.row_means(table, np.array([row]), starts)
    for wrong in ([0, 2], [-1, 1], [1, 0]):
        with pytest.raises(ValueError, match="outside of the rows"):
            subwords.row_means(table, np.array([0]), np.array(wrong))
    with pytest.raises(ValueError, match="do not fit"):
        subwords.row_means(table, np.array([0]), starts, out=np.zeros((1, 2), np.float32))
