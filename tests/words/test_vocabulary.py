"""A vocabulary: probabilities of thinning and of noise against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from likewise.errors import OptionError, ShapeError
from likewise.words.vocabulary import Vocabulary

COUNTS = np.array([8000, 1500, 400, 90, 10])
WORDS = Vocabulary(["a", "b", "c", "d", "e"], COUNTS, raw_words=12_000, raw_vocabulary=900)


def test_words_and_counts() -> None:
    assert len(WORDS) == 5
    assert WORDS.index == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}
    assert WORDS.kept_words == 10_000
    with pytest.raises(ShapeError, match="2 words came with 5 counts"):
        Vocabulary(["a", "b"], COUNTS, raw_words=1)


def test_thinning_is_that_of_word2vec() -> None:
    sample, total = 1e-3, 10_000
    expected = [min(1.0, (np.sqrt(c / (sample * total)) + 1) * (sample * total) / c) for c in COUNTS.tolist()]
    assert np.allclose(WORDS.keep_probability(sample), expected, rtol=1e-12)
    assert WORDS.keep_probability(0).tolist() == [1.0] * 5
    for wrong in (-0.1, 1.5):
        with pytest.raises(OptionError, match="it is a share"):
            WORDS.keep_probability(wrong)


def test_thinning_is_that_of_gensim() -> None:
    gensim = pytest.importorskip("gensim.models.word2vec")
    model = gensim.Word2Vec(sample=1e-3, min_count=1)
    model.build_vocab_from_freq(dict(zip(WORDS.words, COUNTS.tolist(), strict=True)))
    theirs = [model.wv.get_vecattr(word, "sample_int") / 2**32 for word in WORDS.words]
    assert np.allclose(WORDS.keep_probability(1e-3), theirs, atol=1e-6)


def test_noise_is_the_power_of_the_count() -> None:
    noise = WORDS.noise(0.75)
    assert noise.sum() == pytest.approx(1.0)
    assert noise[0] / noise[4] == pytest.approx(800**0.75)
    assert np.allclose(WORDS.noise(0), 0.2)
