"""PPMI against a table made by hand, its factors against an exact decomposition, same bits at any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from likewise.errors import DataError, OptionError
from likewise.session import Session
from likewise.sources.small_language import small_language
from likewise.sources.text import open_text
from likewise.words.cooccurrence import Counts, count
from likewise.words.corpus import Corpus, Reading, read_corpus
from likewise.words.ppmi import PPMI


def counted(lines: list[str], **options: object) -> tuple[Reading, Counts]:
    reading = read_corpus(open_text(lines), min_count=1, held_out=0.0, session=Session())
    given = {"window": 5, "weighting": "flat"} | options
    return reading, count(reading.train, len(reading.vocabulary), session=Session(), **given)  # type: ignore[arg-type]


def by_hand(x: np.ndarray, *, smoothing: float, shift: float) -> np.ndarray:
    together = x / x.sum()
    word = x.sum(axis=1) / x.sum()
    context = x.sum(axis=0) ** smoothing / (x.sum(axis=0) ** smoothing).sum()
    with np.errstate(divide="ignore"):
        table: np.ndarray = np.maximum(np.log(together / np.outer(word, context)) - np.log(shift), 0)
    return table


def test_values_equal_a_table_made_by_hand() -> None:
    _, counts = counted(["a b", "a b", "a c", "b d"], window=1)  # words in order of count: a b c d, with 3 3 1 1
    matrix = PPMI(smoothing=1.0).matrix(counts).toarray()
    # 8 ordered pairs: P(a, b) = 2/8 with P(a) P(b) = 9/64, P(a, c) = P(b, d) = 1/8 with 3/64
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = np.log(16 / 9)
    expected[0, 2] = expected[2, 0] = expected[1, 3] = expected[3, 1] = np.log(8 / 3)
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("smoothing", "shift"), [(1.0, 1.0), (0.75, 1.0), (0.75, 1.2)])
def test_values_equal_the_definition(symmetric: bool, smoothing: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    text = Corpus(rng.integers(0, 30, 2000).astype(np.int32), np.arange(0, 2001, 20))
    counts = count(text, 30, window=3, weighting="flat", symmetric=symmetric, block=8, session=Session())
    x = np.zeros((30, 30))
    for sentence in text.ids.reshape(-1, 20):
        for d in (1, 2, 3):
            np.add.at(x, (sentence[d:], sentence[:-d]), 1)
            if symmetric:
                np.add.at(x, (sentence[:-d], sentence[d:]), 1)
    matrix = PPMI(smoothing=smoothing, shift=shift).matrix(counts).toarray()
    np.testing.assert_allclose(matrix, by_hand(x, smoothing=smoothing, shift=shift), rtol=1e-5, atol=1e-6)


def test_factors_equal_an_exact_decomposition() -> None:
    _, counts = counted(small_language(sentences=3000).lines)
    model = PPMI(dim=10, eigen_power=0.5)
    found = model.fit(counts, session=Session())
    u, s, v = np.linalg.svd(model.matrix(counts).toarray())
    np.testing.assert_allclose(found.singular_values, s[:10], rtol=1e-3)
    best = (u[:, :10] * s[:10]) @ v[:10]
    np.testing.assert_allclose(found.vectors @ found.output.T, best, atol=0.1)


def test_same_bits_at_any_number_of_threads() -> None:
    bits = set()
    for threads in (1, 2, 4, 1, 2, 4):
        _, counts = counted(small_language(sentences=3000).lines, threads=threads)
        bits.add(PPMI(dim=20, threads=threads).fit(counts, session=Session()).vectors.tobytes())
    assert len(bits) == 1


def test_topics_stand_apart() -> None:
    language = small_language(sentences=6000)
    reading, counts = counted(language.lines)
    z = PPMI(dim=20).fit(counts, session=Session()).vectors
    labels = [label for label in language.labels if label.label != "role"]
    z = z[[reading.vocabulary.index[label.key] for label in labels]]
    names = np.array([label.label for label in labels])
    cosines = z @ z.T / np.outer(np.linalg.norm(z, axis=1), np.linalg.norm(z, axis=1))
    np.fill_diagonal(cosines, -1)
    assert (names[cosines.argmax(axis=1)] == names).mean() > 0.95


def test_more_dimensions_than_words_are_zeros() -> None:
    _, counts = counted(["one two three"], window=100)
    vectors = PPMI(dim=10).fit(counts, session=Session()).vectors
    assert vectors.shape == (3, 10)
    assert np.isfinite(vectors).all()
    assert (vectors[:, 3:] == 0).all()


def test_what_cannot_be_factored_gets_a_sentence() -> None:
    _, counts = counted(["a b", "a c"])
    with pytest.raises(DataError, match="lower shift"):
        PPMI(shift=1e6).fit(counts, session=Session())
    one = Corpus(np.zeros(3, np.int32), np.array([0, 3]))
    with pytest.raises(DataError, match="vocabulary has 1 word"):
        PPMI().fit(count(one, 1, window=2, session=Session()), session=Session())
    for options in ({"dim": 0}, {"shift": 0}, {"smoothing": 1.5}, {"eigen_power": -1}):
        with pytest.raises(OptionError, match="must be"):
            PPMI(**options)  # type: ignore[arg-type]


def test_a_wish_to_stop_ends_it() -> None:
    _, counts = counted(small_language(sentences=300).lines)
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        PPMI(dim=4).fit(counts, session=session)
