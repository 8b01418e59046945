"""Baselines of texts: what is plainer than a network of texts, behind the same `embed`, and a search by words.

`Tfidf`, `TfidfSvd` and `Bm25` count words; `AveragedWords` pools the vectors of a table of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, final

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array
from likewise.errors import DataError, MissingExtra, OptionError

_RAREST = 5  # texts that a word must stand in, where there are many
_MANY = 1000  # texts


class EmbedsTexts(Protocol):
    """Whatever makes vectors of texts: a run's encoder, a baseline."""

    def embed(self, objects: Sequence[str], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Return a vector for each text."""


class PoolsWords(Protocol):
    """What pools the vectors of words: a run of words that was opened."""

    def embed(self, objects: Sequence[str], *, pooling: str | None = None) -> Float32[Array, "n d"]:
        """Return a vector for each text, its words taken together by `pooling`."""


@final
class Tfidf:
    """Counts of words, weighed by TF-IDF: 1 + log of the count, times the smoothed log of how rare a word is, length 1.

    What no network should fall below. Vectors are as long as the vocabulary, and kept sparse: ask for cosines, for
    scores as a search does, or for `reduced` ones. Upper and lower case are one; a text of words that were never seen
    has cosine 0 with everything.
    """

    def __init__(self, vectorizer: Any) -> None:
        self._vectorizer = vectorizer

    @classmethod
    def learned(cls, texts: Sequence[str], *, rarest: int | None = None) -> Self:
        """Learn which words there are and how rare they are.

        A word that stands in fewer than `rarest` texts is left out: 5 of 1,000 texts and more, 1 of fewer.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        least = rarest if rarest is not None else (_RAREST if len(texts) >= _MANY else 1)
        vectorizer, checked = TfidfVectorizer(sublinear_tf=True, min_df=least, dtype=np.float32), _texts(texts)
        try:
            vectorizer.fit(checked)
        except ValueError as error:  # of scikit-learn: no text, or no word in enough of them
            raise DataError(f"{len(texts):,} texts have no word that stands in {least} of them: give more") from error
        return cls(vectorizer)

    def counts(self, texts: Sequence[str]) -> Any:
        """Return a sparse row for each text, of length 1, or of zeros."""
        return self._vectorizer.transform(_texts(texts))

    def cosines(self, first: Sequence[str], second: Sequence[str]) -> Float32[Array, " n"]:
        """Return the cosine of each pair of texts."""
        return np.asarray(self.counts(first).multiply(self.counts(second)).sum(axis=1), np.float32).ravel()

    def scores(self, queries: Sequence[str], documents: Sequence[str]) -> Float32[Array, "q n"]:
        """Return the cosine of each query with each document."""
        return np.asarray((self.counts(queries) @ self.counts(documents).T).toarray(), np.float32)

    def reduced(self, texts: Sequence[str], *, dim: int = 300, seed: int = 0) -> TfidfSvd:
        """Return vectors in the first `dim` singular directions of some texts; of few texts there are fewer."""
        from sklearn.decomposition import TruncatedSVD

        if dim < 1:
            raise OptionError(f"dim is {dim}: one direction or more are needed")
        counts = self.counts(texts)
        made = TruncatedSVD(min(dim, *counts.shape), random_state=seed).fit(counts)
        return TfidfSvd(self, made.components_.astype(np.float32))


@final
class TfidfSvd:
    """Latent semantic analysis (Deerwester et al. 1990): TF-IDF in the first singular directions of some texts."""

    def __init__(self, tfidf: Tfidf, directions: Float32[Array, "d v"]) -> None:
        self._tfidf, self._directions = tfidf, directions

    @classmethod
    def learned(cls, texts: Sequence[str], *, dim: int = 300, rarest: int | None = None, seed: int = 0) -> TfidfSvd:
        """Learn words, how rare they are, and directions from the same texts, as `Tfidf` does."""
        return Tfidf.learned(texts, rarest=rarest).reduced(texts, dim=dim, seed=seed)

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._directions)

    def embed(self, objects: Sequence[str], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Return a vector for each text."""
        return np.asarray(self._tfidf.counts(objects) @ self._directions.T, np.float32)


@final
class AveragedWords:
    """The vectors of a text's words, taken together: `mean`, `weighted`, or `sif` (`likewise.words.pooling`).

    `run` is a run of words. Texts are cut into words and folded as its own text was, and unseen words are passed over
    (or placed by their letters, where it can).
    """

    def __init__(self, run: PoolsWords, pooling: str = "mean") -> None:
        self._run, self._pooling = run, pooling

    def embed(self, objects: Sequence[str], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Return a vector for each text; zeros for one without a known word."""
        return self._run.embed(_texts(objects), pooling=self._pooling)


@final
class Bm25:
    """Search by words: Okapi BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework") as in Lucene.

    A word of two letters or more counts, upper and lower case are one, nothing is stemmed. `k1` says how soon more of
    a word counts no more, `b` how much the length of a document does; `stopwords` are left out. Needs bm25s.
    """

    def __init__(
        self, documents: Sequence[str], *, k1: float = 1.5, b: float = 0.75, stopwords: Sequence[str] = ()
    ) -> None:
        try:
            import bm25s
        except ImportError:
            raise MissingExtra("bm25s", "text", "searching by BM25") from None
        if not k1 >= 0 or not 0 <= b <= 1:
            raise OptionError(f"k1 is {k1} and b is {b}: k1 is 0 or more, b from 0 to 1")
        self._cut, self._stopwords, self._count = bm25s.tokenize, list(stopwords), len(documents)
        words = self._words(documents)
        if not any(words):
            raise DataError(f"{len(documents):,} documents hold no word: there is nothing to search in")
        self._index = bm25s.BM25(k1=k1, b=b)
        self._index.index(words, show_progress=False)

    def scores(self, queries: Sequence[str]) -> Float32[Array, "q n"]:
        """Return the score of each document for each query: the higher the better, 0 where they share no word."""
        found = np.zeros((len(queries), self._count), np.float32)
        for row, words in enumerate(self._words(queries)):
            known = [word for word in words if word in self._index.vocab_dict]
            if known:
                found[row] = self._index.get_scores(known)
        return found

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        if not len(texts):
            return []
        cut: list[list[str]] = self._cut(
            _texts(texts), stopwords=self._stopwords, return_ids=False, show_progress=False
        )
        return cut


def _texts(objects: Sequence[str]) -> list[str]:
    wrong = next((row for row, text in enumerate(objects) if not isinstance(text, str)), None)
    if wrong is not None:
        raise DataError(f"text {wrong + 1} is a {type(objects[wrong]).__name__}: give strings")
    return list(objects)
