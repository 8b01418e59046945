"""Baselines of texts: what they must tell apart, and what they say of texts that hold nothing."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError, MissingExtra, OptionError
from likewise.evaluate.text_baselines import AveragedWords, Bm25, Tfidf, TfidfSvd
from likewise.opening import Run
from likewise.space import Space
from likewise.words.table import WordTable

TEXTS = [f"{animal} {verb} in the garden" for animal in ("cats", "dogs") for verb in ("sleep", "play", "eat")]
TEXTS += [f"{bank} lend {money} to people" for bank in ("banks", "lenders") for money in ("money", "cash", "loans")]


def _cosine(a: Any, b: Any) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_tfidf_svd_puts_topics_together() -> None:
    made = TfidfSvd.learned(TEXTS, dim=2)
    assert made.dim == 2
    cats, dogs, banks = made.embed(["CATS sleep in the garden", "Dogs eat", "lenders lend loans"])
    assert _cosine(cats, dogs) > 0.9 > 0.5 > _cosine(cats, banks)
    assert made.embed(["zebra", ""]).tolist() == [[0, 0], [0, 0]]
    assert made.embed(TEXTS).dtype == np.float32
    assert np.array_equal(made.embed(TEXTS), TfidfSvd.learned(TEXTS, dim=2).embed(TEXTS))


def test_tfidf_svd_is_what_scikit_learn_makes() -> None:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
    theirs = make_pipeline(vectorizer, TruncatedSVD(2, random_state=0)).fit_transform(TEXTS)
    ours = TfidfSvd.learned(TEXTS, dim=2).embed(TEXTS)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-5)  # directions of like weight may turn


def test_tfidf_svd_of_little() -> None:
    assert TfidfSvd.learned(["one text", "another text"], dim=300).dim == 2
    with pytest.raises(DataError, match="no word that stands in 1 of them"):
        TfidfSvd.learned(["", "?"])
    with pytest.raises(DataError, match="0 texts have no word"):
        TfidfSvd.learned([])
    with pytest.raises(DataError, match="stands in 5 of them"):
        TfidfSvd.learned(["a single text"], rarest=5)
    with pytest.raises(OptionError, match="dim is 0"):
        TfidfSvd.learned(TEXTS, dim=0)
    with pytest.raises(DataError, match="text 1 is a NoneType"):
        Tfidf.learned([None])  # type: ignore[list-item]
    with pytest.raises(DataError, match="text 2 is a int"):
        TfidfSvd.learned(TEXTS).embed(["a", 3])  # type: ignore[list-item]


def test_tfidf_is_the_cosine_of_what_scikit_learn_counts() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = Tfidf.learned(TEXTS)
    known = TfidfVectorizer(sublinear_tf=True).fit(TEXTS).transform(TEXTS).toarray()
    np.testing.assert_allclose(made.scores(TEXTS[:3], TEXTS), known[:3] @ known.T, atol=1e-6)
    np.testing.assert_allclose(made.cosines(TEXTS, TEXTS[::-1]), (known * known[::-1]).sum(1), atol=1e-6)
    assert made.cosines(["Cats SLEEP", "zebra", ""], ["cats sleep", "zebra", ""]).tolist() == pytest.approx([1, 0, 0])


def test_directions_may_be_those_of_other_texts() -> None:
    made = Tfidf.learned(TEXTS).reduced(TEXTS[:3], dim=50)
    assert made.dim == 3
    assert made.embed(["banks lend"]).tolist() == [[pytest.approx(0, abs=1e-6)] * 3], "of words in none of the three"


def test_averaged_words_are_those_of_the_run() -> None:
    space = Space(["good", "bad", "film"], np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]), items={"count": [2, 2, 90]})
    run = Run(space=space, encoder=WordTable(space), manifest={})
    plain, weighted = AveragedWords(run), AveragedWords(run, "weighted")
    assert plain.embed(["Good film, zebra!", "zebra", ""]).tolist() == [[0.5, 0.5], [0, 0], [0, 0]]
    good, film = weighted.embed(["good film"])[0]
    assert good > 10 * film, "rare words weigh more"
    with pytest.raises(OptionError, match="sif"):
        AveragedWords(run, "sif").embed(["good"])


def test_bm25_scores_are_those_of_the_equation() -> None:
    documents = ["a cat sat", "the dog ran far far away", "Cats and dogs and a dog"]
    found = Bm25(documents, k1=1.2, b=0.75).scores(["dog", "zebra", "", "DOG cat"])
    lengths = np.array([2, 6, 5])  # words of one letter do not count
    for document, count in ((1, 1), (2, 1)):
        rarity = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
        norm = count + 1.2 * (1 - 0.75 + 0.75 * lengths[document] / lengths.mean())
        assert found[0, document] == pytest.approx(rarity * count / norm, rel=1e-5)
    assert found[1].tolist() == found[2].tolist() == [0, 0, 0]
    assert found[0, 0] == 0 < found[3, 0]


def test_bm25_leaves_stop_words_out_and_may_hold_empty_documents() -> None:
    found = Bm25(["the cat", "", "the the the"], stopwords=["the"]).scores(["the", "cat"])
    assert found.tolist()[0] == [0, 0, 0]
    assert (found[1] > 0).tolist() == [True, False, False]


def test_bm25_of_nothing_is_a_sentence() -> None:
    for documents in ([], ["", "?"]):
        with pytest.raises(DataError, match="hold no word"):
            Bm25(documents)
    with pytest.raises(OptionError, match="k1 is -1"):
        Bm25(["cat"], k1=-1)
    with pytest.raises(OptionError, match="b from 0 to 1"):
        Bm25(["cat"], b=2)


def test_bm25_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "bm25s":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"pip install 'likewise\[text\]'"):
        Bm25(["cat"])


def test_all_of_them_embed_alike() -> None:
    class Letters:
        def embed(self, objects: Sequence[str], *, pooling: str | None = None) -> Any:
            return np.array([[len(text), 1] for text in objects], np.float32)

    for made in (TfidfSvd.learned(TEXTS), AveragedWords(Letters())):
        assert len(made.embed(["one", "two three"], kind="text")) == 2
