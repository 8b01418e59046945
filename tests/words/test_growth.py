"""A vocabulary that grows: who stays, who joins, whose count is which, and whose rows go where."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import DataError, OptionError, RunError, ShapeError
from likewise.session import Session
from likewise.sources.text import open_text
from likewise.space import Space
from likewise.words import growth
from likewise.words.corpus import Reading, read_corpus
from likewise.words.growth import Start, grown_parts, start_from, vocabulary_of
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords
from likewise.words.table import WordTable
from likewise.words.vocabulary import Vocabulary
from likewise.words.word2vec import Word2Vec

KNOWN = Vocabulary(["a", "b", "c"], np.array([9, 5, 5]), raw_words=19)


def read(lines: list[str], **options: Any) -> Reading:
    return read_corpus(open_text(lines), session=Session(), **{"known": KNOWN, "held_out": 0.0} | options)


def test_known_words_stay_and_frequent_new_ones_join() -> None:
    reading = read(["x c x c x y", "c z a z c"], min_count=2)
    vocabulary = reading.vocabulary
    assert list(vocabulary.words) == ["a", "c", "b", "x", "z"]
    assert vocabulary.counts.tolist() == [10, 9, 5, 3, 2]
    assert vocabulary.here is not None
    assert vocabulary.here.tolist() == [1, 4, 0, 3, 2]
    assert [vocabulary.words[i] for i in reading.train.ids] == ["x", "c", "x", "c", "x", "c", "z", "a", "z", "c"]
    assert vocabulary.shares.tolist() == pytest.approx([0.1, 0.4, 0, 0.3, 0.2])
    assert KNOWN.counts.tolist() == [9, 5, 5], "what was known is not written to"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcuvwxyz"), min_size=1, max_size=8), min_size=1, max_size=20),
    st.integers(1, 4),
    st.integers(1, 9) | st.none(),
)
def test_any_text_grows_as_counted_by_hand(texts: list[list[str]], min_count: int, most: int | None) -> None:
    seen = collections.Counter(word for text in texts for word in text)
    joining = sorted((w for w in seen if w not in "abc" and seen[w] >= min_count), key=lambda w: -seen[w])
    joining = joining if most is None else joining[: max(0, most - 3)]
    if len(seen) < 2 or not (joining or set(seen) & set("abc")):
        with pytest.raises(DataError):
            read(texts, min_count=min_count, max_vocabulary=most)  # type: ignore[arg-type]
        return
    reading = read(texts, min_count=min_count, max_vocabulary=most)  # type: ignore[arg-type]
    counts = {"a": 9, "b": 5, "c": 5} | dict.fromkeys(joining, 0)
    counts = {word: count + seen[word] for word, count in counts.items()}
    assert dict(zip(reading.vocabulary.words, reading.vocabulary.counts.tolist(), strict=True)) == counts
    assert list(reading.vocabulary.words) == sorted(counts, key=lambda word: -counts[word])


def test_many_words_are_looked_up_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [" ".join(f"w{i}" for i in range(50)), "a b c w1 w2"]
    whole = read(lines, min_count=1)
    monkeypatch.setattr(growth, "_AT_ONCE", 7)
    pieces = read(lines, min_count=1)
    assert list(pieces.vocabulary.words) == list(whole.vocabulary.words)
    np.testing.assert_array_equal(pieces.train.ids, whole.train.ids)


def test_rows_of_words_and_of_buckets_go_to_their_new_places() -> None:
    words = ["king", "ring"]
    parts = subwords(words, min_n=3, max_n=3, buckets=1000)
    rows = np.arange(parts.size * 2, dtype=np.float32).reshape(-1, 2)
    table = SubwordTable(words, rows, parts, output=np.array([[1.0, 2], [3, 4]]), items={"count": np.array([4, 3])})
    vocabulary = Vocabulary(["wing", "ring", "king"], np.array([9, 8, 7]), raw_words=24)
    grown = grown_parts(table, vocabulary.words)
    start = start_from(table, vocabulary, grown)
    new = np.full((grown.size, 2), np.nan, np.float32)
    new[start.rows] = start.vectors
    for word, old_place, place in (("king", 0, 2), ("ring", 1, 1)):
        np.testing.assert_array_equal(
            new[grown.rows[grown.starts[place] : grown.starts[place + 1]]],
            rows[parts.rows[parts.starts[old_place] : parts.starts[old_place + 1]]],
            err_msg=word,
        )
    assert np.isnan(new[0]).all(), "wing is new"
    assert start.words.tolist() == [2, 1]


def test_a_word_that_is_everywhere_in_the_new_text_does_not_blow_up() -> None:
    """By both texts together it is rare, hardly thinned out: how many steps are found at once must see the new one."""
    words = [f"w{i}" for i in range(300)]
    known = Vocabulary(words, np.full(300, 10**6), raw_words=3 * 10**8)
    reading = read(["w7 w8 w7 w8 w7 w8"] * 3000, known=known, min_count=1)
    rows, at = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32) / 4, np.arange(300)
    trainer = Word2Vec(dim=16, epochs=5, rate=0.2, reproducible=True)
    start = Start(rows, at, np.zeros_like(rows), at)
    trained = trainer.fit(reading.train, reading.vocabulary, start=start, session=Session())
    assert np.abs(trained.vectors).max() < 50


def test_a_table_without_counts_is_told() -> None:
    with pytest.raises(RunError, match="how often"):
        vocabulary_of(WordTable(Space(["a", "b"], np.eye(2))))


def test_a_start_that_does_not_fit_is_refused() -> None:
    reading = read(["a b c x"] * 9, min_count=1)
    rows = np.zeros((3, 4), np.float32)
    at = np.arange(3)
    fit: Any = {"session": Session()}
    with pytest.raises(ShapeError, match="to begin from"):
        Word2Vec(dim=5, epochs=1).fit(reading.train, reading.vocabulary, start=Start(rows, at, rows, at), **fit)
    with pytest.raises(OptionError, match="tree"):
        Word2Vec(dim=4, epochs=1, loss="hs").fit(
            reading.train, reading.vocabulary, start=Start(rows, at, rows, at), **fit
        )
