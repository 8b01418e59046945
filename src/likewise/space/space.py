"""A Space: keys and vectors in, likeness out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeAlias, final, overload

import numpy as np
from jaxtyping import Float, Float32, Float64

from likewise.contracts import Array
from likewise.errors import DataError, FingerprintError, KeyMissing, OptionError, ShapeError
from likewise.files import digest_of_bytes, digest_of_json
from likewise.kernels.neighbours import top_k
from likewise.space import directions
from likewise.space.content import checked_items, checked_vectors, digest_of_content, index_of
from likewise.space.neighbours import Analogy, Neighbour, cosine_add, cosine_multiply, distance
from likewise.space.spelling import nearest_keys

if TYPE_CHECKING:
    from likewise.space.keyed_vectors import KeyedVectors

Query: TypeAlias = "str | Sequence[str] | Float[Array, '*q d']"
_BLOCK = 65536


@final
class Space:
    """Keys × vectors, never changed: each operation returns a new space.

    `fingerprint` names the encoder whose vectors these are, chained with each operation that changes vectors;
    without one it is the digest of the content. `items` are columns of metadata, one value a key.

    >>> space = Space(["king", "queen", "cabbage"], np.array([[1, 1], [1, 0.9], [-1, 0]]))
    >>> space.near("king", 1)[0].key
    'queen'
    """

    def __init__(
        self,
        keys: Sequence[str],
        vectors: Float[Array, "n d"],
        *,
        fingerprint: str | None = None,
        items: Mapping[str, Sequence[Any] | Array] | None = None,
        kind: str = "word",
    ) -> None:
        self._keys = tuple(keys)
        self._vectors = checked_vectors(vectors, self._keys)
        self._index = index_of(self._keys)
        self._fingerprint = fingerprint
        self.kind = kind
        self.items = checked_items(items or {}, len(self._keys))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, by row."""
        return self._keys

    @property
    def vectors(self) -> Float32[Array, "n d"]:
        """The vectors, read-only, one row a key."""
        return self._vectors

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return int(self._vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """`sha256:…` of the encoder and of what was done since, or of the content where no encoder is known."""
        return self._fingerprint or self.content_digest()

    def content_digest(self) -> str:
        """Return the digest of keys and vectors alone, whoever made them."""
        return digest_of_content(self._keys, self._vectors)

    def labelled(self, fingerprint: str) -> Self:
        """Return the same space as the work of the encoder of this fingerprint."""
        return self._with(self._vectors, fingerprint)

    def _with(self, vectors: Float32[Array, "n d"], fingerprint: str) -> Self:
        """Return a space with the same keys, which were checked already, and the same items."""
        new = object.__new__(type(self))
        new._keys, new._index, new._fingerprint = self._keys, self._index, fingerprint
        new._vectors, new.items, new.kind = checked_vectors(vectors, self._keys), self.items, self.kind
        return new

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __repr__(self) -> str:
        return f"Space({len(self):,} {self.kind}s × {self.dim} dims)"

    def index(self, key: str) -> int:
        """Return the row of a key; KeyMissing names the nearest spellings."""
        try:
            return self._index[key]
        except (KeyError, TypeError):
            near = nearest_keys(key, self._index, self._keys) if isinstance(key, str) else []
            raise KeyMissing(key, near, size=len(self)) from None

    def row(self, key: str) -> int | None:
        """Return the row of a key, or None where it is unknown."""
        return self._index.get(key)

    @overload
    def __getitem__(self, key: str) -> Float32[Array, " d"]: ...
    @overload
    def __getitem__(self, key: list[str] | tuple[str, ...]) -> Float32[Array, "q d"]: ...
    def __getitem__(self, key: str | Sequence[str]) -> Float32[Array, "*q d"]:
        if isinstance(key, str):
            row: Array = self._vectors[self.index(key)]
            return row
        rows: Array = self._vectors[self._rows(key)]
        return rows

    def _rows(self, keys: Iterable[str]) -> Array:
        return np.fromiter((self.index(key) for key in keys), np.int64)

    @overload
    def near(
        self, query: str, k: int = 10, *, metric: str = "cosine", exclude: Iterable[str] = ()
    ) -> list[Neighbour]: ...
    @overload
    def near(
        self, query: list[str] | tuple[str, ...], k: int = 10, *, metric: str = "cosine", exclude: Iterable[str] = ()
    ) -> list[list[Neighbour]]: ...
    @overload
    def near(
        self, query: Float[Array, "*q d"], k: int = 10, *, metric: str = "cosine", exclude: Iterable[str] = ()
    ) -> Any: ...
    def near(self, query: Query, k: int = 10, *, metric: str = "cosine", exclude: Iterable[str] = ()) -> Any:
        """Return the k nearest keys of one query, or a list of such lists for several.

        A query is a key (which is not among its own neighbours) or a vector of this space. `metric` is cosine,
        dot or euclidean; for the last a score is a distance, and less is nearer. Fewer than k come only when
        the space has no more.
        """
        vectors, own, single = self._queries(query)
        without = self._rows(exclude)
        excluded = np.concatenate([own[:, None], np.tile(without, (len(own), 1))], axis=1)
        rows, scores = top_k(vectors, self._vectors, k, metric=metric, exclude=excluded)
        found = [self._neighbours(r, s) for r, s in zip(rows, scores, strict=True)]
        return found[0] if single else found

    def _neighbours(self, rows: Array, scores: Array) -> list[Neighbour]:
        return [Neighbour(self._keys[r], float(s)) for r, s in zip(rows, scores, strict=True) if r >= 0]

    def _queries(self, query: Query) -> tuple[Float32[Array, "q d"], Array, bool]:
        """Return the query's vectors, the row of each that is a key (else −1), and whether it was a single one."""
        if isinstance(query, str):
            row = self.index(query)
            return self._vectors[row : row + 1], np.array([row]), True
        if not isinstance(query, np.ndarray) and all(isinstance(part, str) for part in query):
            rows = self._rows(query)
            return self._vectors[rows], rows, False
        vectors = np.asarray(query, np.float32)
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != self.dim:
            raise ShapeError(
                f"the query has shape {vectors.shape}, this space has {self.dim} dims: encode it with the same encoder"
            )
        if not np.isfinite(vectors).all():
            raise DataError("the query holds NaN or infinity")
        rows = np.full(len(vectors) if vectors.ndim == 2 else 1, -1)
        return np.atleast_2d(vectors), rows, vectors.ndim == 1

    def analogy(self, a: str, b: str, c: str, k: int = 10, *, method: str = "3cosadd") -> Analogy:
        """Answer "a is to b as c is to ?", with and without a, b and c among the candidates.

        3cosadd ranks x by cos(x, b̂ − â + ĉ) on unit vectors, 3cosmul by s(x,b) · s(x,c) / (s(x,a) + .001) with
        s = (cos + 1) / 2; both from Levy & Goldberg (2014).
        """
        inputs = [self.index(key) for key in (a, b, c)]
        minus, plus = self._vectors[inputs[:1]], self._vectors[inputs[1:]]
        if method == "3cosadd":
            rows, scores = top_k(cosine_add(plus=plus, minus=minus)[None], self._vectors, k + 3)
            ranked = self._neighbours(rows[0], scores[0])
        elif method == "3cosmul":
            ranked = self._ranked(cosine_multiply(self._vectors, plus=plus, minus=minus), k + 3)
        else:
            raise OptionError(f"method {method!r}: methods are 3cosadd and 3cosmul")
        return Analogy([found for found in ranked if found.key not in (a, b, c)][:k], ranked[:k])

    def _ranked(self, scores: Float64[Array, " n"], k: int) -> list[Neighbour]:
        best = np.argsort(-scores, kind="stable")[:k]
        return self._neighbours(best, scores[best])

    def distance(self, a: str, b: str, metric: str = "cosine", *, other: Space | None = None) -> float:
        """Return 1 − cosine or the Euclidean distance of two keys; b may come from `other` of one fingerprint."""
        other = other or self
        self._same_encoder(other, "measure a distance to")
        return distance(self[a], other[b], metric)

    def _same_encoder(self, other: Space, verb: str) -> None:
        if other.fingerprint != self.fingerprint:
            raise FingerprintError(
                f"cannot {verb} vectors of another encoder (this space is {_short(self.fingerprint)}, the other "
                f"{_short(other.fingerprint)}): encode both with the same run, and do the same operations on both"
            )

    def normalise(self) -> Self:
        """Return the space with every vector at length one; zero vectors stay zero."""
        out = np.empty_like(self._vectors)
        for start in range(0, len(self), _BLOCK):
            rows = np.asarray(self._vectors[start : start + _BLOCK], np.float64)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            out[start : start + _BLOCK] = rows / np.where(lengths > 0, lengths, 1.0)
        return self._changed(out, "normalise", None)

    def project_onto(self, subspace: Float[Array, "*r d"]) -> Self:
        """Return the space with only what lies in the span of one direction (d,) or several (r, d)."""
        return self._projected(subspace, away=False)

    def project_away(self, subspace: Float[Array, "*r d"]) -> Self:
        """Return the space without what lies in the span of one direction (d,) or several (r, d).

        Lengths change: normalise afterwards if you compare by inner product.

        >>> space = Space(["he", "she"], np.array([[1.0, 2.0], [1.0, -2.0]]))
        >>> space.project_away(space["she"] - space["he"])["he"].tolist()
        [1.0, 0.0]
        """
        return self._projected(subspace, away=True)

    def _projected(self, subspace: Float[Array, "*r d"], *, away: bool) -> Self:
        basis = directions.orthonormal(subspace, self.dim)
        vectors = directions.along(self._vectors, basis, away=away)
        return self._changed(vectors, "project_away" if away else "project_onto", digest_of_bytes(basis.tobytes()))

    def _changed(self, vectors: Float32[Array, "n d"], operation: str, argument: str | None) -> Self:
        """Return this space with other vectors; the operation is chained into the fingerprint."""
        fingerprint = digest_of_json([self.fingerprint, operation, argument])
        return self._with(vectors, fingerprint)

    def select(self, keys: Iterable[str]) -> Self:
        """Return the space of these keys, in this order; the fingerprint stays, for the vectors do."""
        return self._taken(self._rows(keys))

    def top(self, n: int) -> Self:
        """Return the first n rows: in a vocabulary, the most frequent words."""
        if n < 1:
            raise OptionError(f"top {n}: ask for at least one row")
        return self._taken(np.arange(min(n, len(self))))

    def _taken(self, rows: Array) -> Self:
        items = {name: column[rows] for name, column in self.items.items()}
        keys = [self._keys[row] for row in rows]
        return type(self)(keys, self._vectors[rows], fingerprint=self.fingerprint, items=items, kind=self.kind)

    def join(self, other: Space) -> Self:
        """Return one space with the rows of both; they must come from one encoder and share no key.

        Metadata columns that only one of the two has are left out.
        """
        self._same_encoder(other, "join")
        if self.dim != other.dim:
            raise ShapeError(f"cannot join {self.dim} dims with {other.dim} dims")
        shared = next((key for key in other.keys if key in self), None)
        if shared is not None:
            raise DataError(f"both spaces hold {shared!r}: select() other keys in one of them first")
        vectors = np.concatenate([self._vectors, other.vectors])
        items = {
            name: np.concatenate([column, other.items[name]])
            for name, column in self.items.items()
            if name in other.items
        }
        return type(self)(self.keys + other.keys, vectors, fingerprint=self.fingerprint, items=items, kind=self.kind)

    def keyed_vectors(self) -> KeyedVectors:
        """Return a view of this space with the names of gensim's KeyedVectors."""
        from likewise.space.keyed_vectors import KeyedVectors

        return KeyedVectors(self)


def _short(fingerprint: str) -> str:
    return fingerprint.removeprefix("sha256:")[:12]
