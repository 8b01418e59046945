"""gensim's names for a space: for people and programs that speak to a `KeyedVectors`.

The answers equal gensim 4's to 1e-6 (tests/space/test_keyed_vectors.py). Reading only: nothing here changes
or saves a space; use the space's own methods and `convert` for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Float, Float32, Float64

from likewise.contracts import Array
from likewise.errors import OptionError
from likewise.kernels.neighbours import top_k
from likewise.space.neighbours import cosine, cosine_multiply, unit
from likewise.space.space import Space

Part: TypeAlias = "str | int | Float[Array, ' d'] | tuple[str | int | Float[Array, ' d'], float]"
Parts: TypeAlias = "str | int | Float[Array, ' d'] | Sequence[Part] | None"

_GENSIM_EPSILON = 1e-6  # where Levy & Goldberg, and `Space.analogy`, have .001


@final
class KeyedVectors:
    """A space under gensim's names.

    >>> words = Space(["king", "queen", "cabbage"], np.array([[1, 1], [1, 0.9], [-1, 0]]))
    >>> words.keyed_vectors().most_similar(positive=["king"], topn=1)[0][0]
    'queen'
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    @property
    def vectors(self) -> Float32[Array, "n d"]:
        """The vectors, one row a key."""
        return self.space.vectors

    @property
    def vector_size(self) -> int:
        """The number of dimensions."""
        return self.space.dim

    @property
    def index_to_key(self) -> list[str]:
        """The keys, by row."""
        return list(self.space.keys)

    @property
    def key_to_index(self) -> Mapping[str, int]:
        """The row of each key."""
        return MappingProxyType({key: row for row, key in enumerate(self.space.keys)})

    def __len__(self) -> int:
        return len(self.space)

    def __contains__(self, key: object) -> bool:
        return key in self.space

    def __getitem__(self, key: str | list[str] | tuple[str, ...]) -> Float32[Array, "*q d"]:
        return self.space[key] if isinstance(key, str) else self.space[list(key)]

    def get_vector(self, key: str, norm: bool = False) -> Float32[Array, " d"]:
        """Return the vector of a key, at length one if `norm`."""
        return unit(self.space[key]).astype(np.float32) if norm else self.space[key]

    def get_index(self, key: str) -> int:
        """Return the row of a key."""
        return self.space.index(key)

    def has_index_for(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self.space

    def get_mean_vector(
        self, keys: Sequence[str], *, pre_normalize: bool = True, post_normalize: bool = False
    ) -> Float32[Array, " d"]:
        """Return the mean of some keys' vectors, of their directions only unless `pre_normalize` is False."""
        rows = [unit(self.space[key]) if pre_normalize else self.space[key] for key in _some(keys)]
        mean = np.asarray(np.mean(rows, axis=0, dtype=np.float64))
        return np.asarray(unit(mean) if post_normalize else mean, np.float32)

    def most_similar(
        self, positive: Parts = None, negative: Parts = None, topn: int = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]]:
        """Return the keys with the largest cosine to the weighted sum of the inputs, which are left out.

        Keys count at length one; a vector that is given counts as it is (gensim's rule).
        """
        parts, weights = self._parts(positive, 1.0), self._parts(negative, -1.0)
        given = parts + weights
        together = np.sum([times * (unit(v) if row >= 0 else v) for row, v, times in given], axis=0, dtype=np.float64)
        own = [row for row, _, _ in given]
        return self._best(np.asarray(together), own, topn, restrict_vocab)

    def most_similar_cosmul(
        self, positive: Parts = None, negative: Parts = None, topn: int = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]]:
        """Return the keys with the largest 3CosMul score, with gensim's ε of 1e-6; the inputs are left out."""
        plus, minus = self._parts(positive, 1.0), self._parts(negative, -1.0)
        heads, tails = [vector for _, vector, _ in plus], [vector for _, vector, _ in minus]
        rows = self.vectors[:restrict_vocab]
        scores = cosine_multiply(rows, plus=_matrix(heads, self), minus=_matrix(tails, self), epsilon=_GENSIM_EPSILON)
        scores[[row for row, _, _ in plus + minus if 0 <= row < len(rows)]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:topn]
        return [(self.space.keys[row], float(scores[row])) for row in best if np.isfinite(scores[row])]

    def similar_by_key(self, key: str, topn: int = 10, restrict_vocab: int | None = None) -> list[tuple[str, float]]:
        """Return the nearest keys of one key."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_word = similar_by_key

    def similar_by_vector(
        self, vector: Float[Array, " d"], topn: int = 10, restrict_vocab: int | None = None
    ) -> list[tuple[str, float]]:
        """Return the nearest keys of a vector."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def similarity(self, w1: str, w2: str) -> float:
        """Return the cosine of two keys."""
        return cosine(self.space[w1], self.space[w2])

    def distance(self, w1: str, w2: str) -> float:
        """Return 1 − the cosine of two keys."""
        return 1.0 - self.similarity(w1, w2)

    def distances(self, word_or_vector: str | Float[Array, " d"], other_words: Sequence[str] = ()) -> Array:
        """Return 1 − cosine from one key or vector to some keys, or to all."""
        one = self.space[word_or_vector] if isinstance(word_or_vector, str) else word_or_vector
        others = self.space[list(other_words)] if other_words else self.vectors
        return 1.0 - _cosines(others, one)

    def n_similarity(self, ws1: Iterable[str], ws2: Iterable[str]) -> float:
        """Return the cosine of the means of two lists of keys."""
        means = [self.space[_some(keys)].mean(axis=0, dtype=np.float64) for keys in (ws1, ws2)]
        return cosine(means[0], means[1])

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the key farthest from the mean of all of them; keys that are not there do not count."""
        known = [word for word in words if word in self.space]
        if not known:
            raise OptionError("doesnt_match: none of these words is here")
        rows = self.space[known]
        mean = np.sum([unit(row) for row in rows], axis=0)
        return known[int(np.argmin(_cosines(rows, mean)))]

    def rank(self, key1: str, key2: str) -> int:
        """Return which place key2 has among the neighbours of key1, from 1."""
        return len(self.closer_than(key1, key2)) + 1

    def closer_than(self, key1: str, key2: str) -> list[str]:
        """Return the keys that are nearer to key1 than key2 is."""
        scores = _cosines(self.vectors, self.space[key1])
        nearer = np.flatnonzero(scores > scores[self.space.index(key2)])
        return [self.space.keys[row] for row in nearer if row != self.space.index(key1)]

    def _parts(self, parts: Parts, weight: float) -> list[tuple[int, Float[Array, " d"], float]]:
        """Return (row or −1, vector, weight) of what gensim takes: a key, a row, a vector, or pairs with a weight."""
        if parts is None:
            return []
        if isinstance(parts, (str, int)) or (isinstance(parts, np.ndarray) and parts.ndim == 1):
            parts = [parts]
        out: list[tuple[int, Float[Array, " d"], float]] = []
        for part in parts:
            what, times = part if isinstance(part, tuple) else (part, weight)
            if isinstance(what, str):
                what = self.space.index(what)
            row = int(what) if isinstance(what, (int, np.integer)) else -1
            out.append((row, self.vectors[row] if row >= 0 else np.asarray(what), float(times)))
        return out

    def _best(
        self, query: Float64[Array, " d"], own: list[int], topn: int, restrict: int | None
    ) -> list[tuple[str, float]]:
        if topn < 1:
            return []
        base = self.vectors[:restrict]
        exclude = np.array([row if row < len(base) else -1 for row in own])[None]
        rows, scores = top_k(np.atleast_2d(query).astype(np.float32), base, topn, exclude=exclude)
        return [(self.space.keys[r], float(s)) for r, s in zip(rows[0], scores[0], strict=True) if r >= 0]


def _some(keys: Iterable[str]) -> list[str]:
    given = [keys] if isinstance(keys, str) else list(keys)
    if not given:
        raise OptionError("an empty list of words has no mean: give at least one")
    return given


def _matrix(vectors: list[Float[Array, " d"]], wv: KeyedVectors) -> Float[Array, "n d"]:
    return np.array(vectors, np.float64).reshape(-1, wv.vector_size)


def _cosines(rows: Float[Array, "n d"], one: Float[Array, " d"]) -> Float64[Array, " n"]:
    wide = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    return np.asarray(wide @ unit(one) / np.where(lengths > 0, lengths, 1.0))
