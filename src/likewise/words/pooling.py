"""Pooling: the vectors of a text's words in, one vector of the text out; and what SIF learns from a text first.

SIF (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings"): a word weighs
a / (a + p(w)), a text is the mean of its weighed words, and what all texts have in common is taken off: their first
singular vector. Here that vector is learned once, with the words, and kept: a text has the same vector alone and in
any batch. Most public code finds it anew in whatever batch it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from likewise.contracts import Array, State
from likewise.errors import OptionError, ShapeError
from likewise.files import digest_of_bytes, digest_of_json

if TYPE_CHECKING:
    from likewise.space import Space
    from likewise.words.corpus import Corpus

VERSION = 1
A = 1e-3  # of the paper's code; 1e-4 is better for GloVe and PPMI, worse for the others and for telling classes
POOLINGS = ("mean", "weighted", "sif")

_PIECE = 20  # words: about a sentence, and a text that is a single line has many
_MOST_PIECES = 10_000
_MOST_NUMBERS = 1 << 24  # in the matrix of pieces, where there are many dimensions
_ALL = 1 - 1e-6  # of the sum of squares: texts that have all in common would be left with nothing


@dataclass(frozen=True, eq=False)
class Weighing:
    """How the words of a text are weighed, and what is taken off their mean.

    `counts` say how often each word was seen; one that never was weighs 1. `component` is the direction that texts
    have in common, of length 1, or all zeros: then nothing is taken off.
    """

    counts: Float64[Array, " n"]
    component: Float64[Array, " d"]
    a: float = A

    @cached_property
    def weights(self) -> Float64[Array, " n"]:
        """How much each word weighs: a / (a + p), p its share of all words of the vocabulary in the text."""
        return np.asarray(self.a / (self.a + self.counts / max(1.0, self.counts.sum())))

    def fingerprint(self, table: str) -> str:
        """Return the fingerprint of texts that are pooled so, chained to that of the table of words."""
        parts = (self.weights, self.component)
        return digest_of_json(["pooled", VERSION, table, *(digest_of_bytes(p.astype("<f8").tobytes()) for p in parts)])

    def text(self, vectors: Float[Array, "k d"], rows: Sequence[int]) -> Float64[Array, " d"]:
        """Return one text's vector: `vectors` of its words, first those of `rows`, then those that were never seen."""
        weights = np.ones(len(vectors))
        weights[: len(rows)] = self.weights[rows]
        return self._without_common((weights[:, None] * vectors).sum(axis=0) / len(vectors))

    def words(self, vectors: Float32[Array, "n d"]) -> Float32[Array, "n d"]:
        """Return the vectors of all words, each as a text of that word alone."""
        out = np.empty_like(vectors)
        for start in range(0, len(vectors), 4096):
            some = slice(start, start + 4096)
            out[some] = self._without_common(self.weights[some, None] * vectors[some])
        return out

    def _without_common(self, vectors: Float64[Array, "*n d"]) -> Float64[Array, "*n d"]:
        along = (vectors * self.component).sum(axis=-1, keepdims=True)  # no BLAS: the same bits in any batch
        return np.asarray(vectors - along * self.component)


class Poolings:
    """The ways in which a table of words can take the words of a text together.

    `mean` is always there, `weighted` where the words' counts are known, `sif` where the component was learned, too.
    """

    def __init__(
        self, items: Mapping[str, Any], dim: int, *, component: Float[Array, " d"] | None = None, a: float = A
    ) -> None:
        if component is not None and (np.shape(component) != (dim,) or not np.isfinite(component).all()):
            raise ShapeError(f"the component has shape {np.shape(component)}: {dim} finite numbers are needed")
        if not 0 < a < np.inf:
            raise OptionError(f"a is {a!r}: it must be above 0; {A:g} is usual")
        self.component, self.a = None if component is None else np.array(component, np.float32), a
        self._items = items
        self._ways: dict[str, Weighing | None] = {"mean": None}
        counts = _counts(items)
        if counts is not None:
            self._ways["weighted"] = Weighing(counts, np.zeros(dim), a)
            if self.component is not None:
                self._ways["sif"] = Weighing(counts, self.component.astype(np.float64), a)

    @property
    def names(self) -> list[str]:
        """Which of the poolings there are."""
        return list(self._ways)

    @property
    def default(self) -> str:
        """What a text gets that nobody said anything about: `weighted`, without counts `mean`."""
        return "weighted" if "weighted" in self._ways else "mean"

    def of(self, kind: str) -> Weighing | None:
        """Return the weighing of `text`, `text:mean`, `text:weighted` or `text:sif`; None is the plain mean."""
        what, _, name = kind.partition(":")
        if what != "text" or (name or "mean") not in POOLINGS:
            raise OptionError(f"kind {kind!r}: a table of words embeds text (text:{', text:'.join(POOLINGS)}) or word")
        if (name or "mean") not in self._ways:
            raise OptionError(self._lacking(name))
        return self._ways[name or self.default]

    def state(self) -> State:
        """Return what decides all of them, as plain arrays and JSON."""
        arrays = {} if self.component is None else {"component": self.component}
        return arrays | ({"count": self._items["count"]} if "count" in self._items else {}), {"a": self.a}

    def _lacking(self, name: str) -> str:
        if self._ways.keys() == {"mean"}:
            return f"pooling {name} needs the counts of the words, which are not here: use mean"
        return (
            f"pooling {name} needs the component that `learn` keeps since it knows SIF, and a file of vectors never "
            "has: learn again, or use weighted or mean"
        )


def _counts(items: Mapping[str, Any]) -> Float64[Array, " n"] | None:
    """Return the counts of the words, or None where there are none that could be."""
    counts = np.asarray(items.get("count", ()))
    if counts.ndim != 1 or counts.dtype.kind not in "iuf" or not len(counts):
        return None
    counts = counts.astype(np.float64)
    return counts if np.isfinite(counts).all() and (counts >= 0).all() else None


def learn_component(space: Space, corpus: Corpus, *, seed: int, a: float = A) -> Float32[Array, " d"]:
    """Learn what the texts of `corpus` have in common, from 10,000 pieces of 20 words at most, drawn by `seed`.

    `corpus` numbers the words as `space` does, whose `count` column tells their shares. Zeros where the pieces have no
    second direction (a single text, a single dimension, no words at all). The same seed gives the same bits at any
    number of threads.
    """
    from scipy.sparse import csr_matrix

    if not len(corpus.ids):
        return np.zeros(space.dim, np.float32)
    weights = Weighing(np.asarray(space.items["count"], np.float64), np.zeros(space.dim), a).weights
    rows, starts = _pieces(corpus, min(_MOST_PIECES, max(1, _MOST_NUMBERS // space.dim)), seed)
    lengths = np.diff(starts)
    shares = (weights[rows] / np.repeat(lengths, lengths)).astype(np.float32)
    texts = csr_matrix((shares, rows, starts), shape=(len(lengths), len(space))) @ space.vectors
    return _first_direction(texts.astype(np.float64)).astype(np.float32)


def _pieces(corpus: Corpus, most: int, seed: int) -> tuple[Int64[Array, " w"], Int64[Array, " p+1"]]:
    """Draw pieces of sentences, each by its length: words in a row, and where each piece starts among them."""
    drawn = np.random.default_rng([seed, 1]).integers(0, len(corpus.ids), most)
    sentence = np.searchsorted(corpus.starts, drawn, side="right") - 1
    first, last = corpus.starts[sentence], corpus.starts[sentence + 1]
    begin, which = np.unique(first + (drawn - first) // _PIECE * _PIECE, return_index=True)
    lengths = np.minimum(begin + _PIECE, last[which]) - begin
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    at = np.repeat(begin - starts[:-1], lengths) + np.arange(starts[-1])
    return np.asarray(corpus.ids[at], np.int64), starts


def _first_direction(texts: Float64[Array, "p d"]) -> Float64[Array, " d"]:
    """Return the first right singular vector, its largest number positive; zeros where there is no second one."""
    from scipy.linalg import eigh
    from threadpoolctl import threadpool_limits

    wide = texts.shape[0] < texts.shape[1]
    with threadpool_limits(1):  # each number of threads would bring its own bits
        squares = texts @ texts.T if wide else texts.T @ texts
        last = len(squares) - 1
        values, vectors = eigh(squares, subset_by_index=[last, last])
        found = texts.T @ vectors[:, 0] if wide else vectors[:, 0]
    if values[0] >= _ALL * np.trace(squares):  # as it is where all texts are zero
        return np.zeros(texts.shape[1])
    unit = found / np.linalg.norm(found)
    return np.asarray(unit * np.sign(unit[np.argmax(np.abs(unit))]))
