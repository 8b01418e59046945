"""PPMI and SVD: co-occurrence counts in, the left half of their truncated singular value decomposition out.

The plain baseline: no gradient, no epochs. Products are made in stretches of rows whose number is fixed, and dense
algebra on one thread, so that threads change no bit. All positive values must fit into memory, 16 bytes each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int32

from likewise.contracts import Array
from likewise.errors import DataError, OptionError
from likewise.session import Logged, Progress, Session
from likewise.words.cooccurrence import Counts
from likewise.words.sweep import threads_here

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

STAGE = "learning"
_STRETCHES = 64  # of rows of a product: threads take them, and a wish to stop is seen between two
_ROUNDS = 5  # power iterations; the hundredth singular value of 100 MB of text: 184 after 2, 207 after 5, 212 after 8
_MORE = 20  # dimensions that are computed and dropped


@dataclass(frozen=True)
class Factored:
    """What was found: `vectors` U Σ^p and `output` V Σ^p, and the singular values, largest first."""

    vectors: Float32[Array, "n d"]
    output: Float32[Array, "n d"]
    singular_values: Float64[Array, " d"]


@dataclass(frozen=True)
class PPMI:
    """Factor the positive pointwise mutual information of words and their contexts.

    max(0, ln(P(w, c) / (P(w) P(c))) − ln `shift`), where P(c) is of counts to the power `smoothing`; a word's vector is
    its row of U Σ^`eigen_power`. Levy, Goldberg and Dagan 2015 (https://aclanthology.org/Q15-1016), sections 2 and 3.
    The decomposition is by random projection and power iterations (Halko, Martinsson and Tropp 2011).
    """

    dim: int = 100
    shift: float = 1.0
    smoothing: float = 0.75
    eigen_power: float = 0.5
    threads: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse options that are out of range, with a sentence."""
        if isinstance(self.dim, bool) or not isinstance(self.dim, int | np.integer) or not 1 <= self.dim <= 2**16:
            raise OptionError(f"dim is {self.dim!r}: it must be a whole number from 1 to {2**16}")
        if not 0 < self.shift < math.inf:
            raise OptionError(f"shift is {self.shift!r}: it must be above 0; 1 shifts nothing, 5 is usual")
        for name in ("smoothing", "eigen_power"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)!r}: it must be from 0 to 1")

    def fit(self, counts: Counts, *, session: Session) -> Factored:
        """Weigh and factor `counts`. A session that is stopped raises KeyboardInterrupt: half of it is of no use."""
        with session.stage(STAGE) as facts:
            matrix = self.matrix(counts)
            vectors, values, contexts = _factored(matrix, self.dim, self.threads, self.seed, session)
            facts |= {"values": float(matrix.nnz)}
        whole = float(matrix.data.astype(np.float64) @ matrix.data)
        session.tell(Logged({"values": matrix.nnz, "share_of_squares": float((values**2).sum()) / whole}))
        scale = (values**self.eigen_power).astype(np.float32) * (values > 0)
        return Factored(vectors * scale, contexts * scale, values)

    def matrix(self, counts: Counts) -> csr_matrix:
        """Return the matrix that is factored, words × contexts, with its positive values only."""
        from scipy.sparse import coo_matrix

        if counts.words < 2:
            raise DataError(
                f"the vocabulary has {counts.words} word: at least two are needed; give more text or a lower min_count"
            )
        rows, columns = np.zeros((2, counts.words))
        for i, j, x in _entries(counts):
            rows += np.bincount(i, x, counts.words)
            columns += np.bincount(j, x, counts.words)
        smoothed = np.where(columns > 0, columns, 1) ** self.smoothing * (columns > 0)
        # ln P(w, c) / (P(w) P(c)) = ln x − ln x(w) − ln x(c)^α + ln Σ x(c)^α: all x sum to that of P(w) too
        per_row = np.log(np.where(rows > 0, rows, 1))
        per_column = np.log(np.where(smoothed > 0, smoothed, 1)) - np.log(smoothed.sum()) + np.log(self.shift)
        parts = [
            _positive(i, j, np.log(x.astype(np.float64)) - per_row[i] - per_column[j]) for i, j, x in _entries(counts)
        ]
        i, j, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if not len(values):
            raise DataError("no two words meet more often than by chance: give more text, or a lower shift")
        return coo_matrix((values, (i, j)), shape=(counts.words, counts.words)).tocsr()


def _entries(counts: Counts) -> Iterator[tuple[Int32[Array, " e"], Int32[Array, " e"], Float32[Array, " e"]]]:
    """Yield words, contexts and counts, each ordered pair once."""
    for block in range(len(counts.rows)):
        i, j, x = counts.block_entries(block)
        yield i, j, x
        if counts.symmetric:
            other = i != j
            yield j[other], i[other], x[other]


def _positive(i: Array, j: Array, values: Float64[Array, " e"]) -> tuple[Array, Array, Float32[Array, " k"]]:
    kept = values > 0
    return i[kept], j[kept], values[kept].astype(np.float32)


def _factored(
    matrix: csr_matrix, dim: int, threads: int, seed: int, session: Session
) -> tuple[Float32[Array, "n d"], Float64[Array, " d"], Float32[Array, "n d"]]:
    """Return U, Σ and V of the `dim` largest singular values; where there are fewer, zeros."""
    from scipy.linalg import qr, svd
    from threadpoolctl import threadpool_limits

    n = matrix.shape[0]
    size = min(n, dim + _MORE)
    turned = matrix.T.tocsr()
    with threadpool_limits(1), ThreadPoolExecutor(threads_here(threads), thread_name_prefix="likewise") as pool:
        product = _Products(pool, session, 2 * _ROUNDS + 3)
        start = np.random.default_rng([seed, 0]).standard_normal((n, size), dtype=np.float32)
        basis = qr(product(matrix, start), mode="economic", overwrite_a=True, check_finite=False)[0]
        for _ in range(_ROUNDS):
            basis = qr(product(turned, basis), mode="economic", overwrite_a=True, check_finite=False)[0]
            basis = qr(product(matrix, basis), mode="economic", overwrite_a=True, check_finite=False)[0]
        small = product(turned, basis)  # (Qᵀ M)ᵀ
        contexts, values, inner = svd(small.astype(np.float64), full_matrices=False)
        vectors = basis @ inner.T.astype(np.float32)
    values = np.where(values > 1e-6 * values[0], values, 0.0)  # what is below is rounding

    missing = dim - min(dim, size)
    sides = (vectors, contexts.astype(np.float32))
    vectors, contexts = (np.pad(side[:, :dim], ((0, 0), (0, missing))) for side in sides)
    return vectors, np.pad(values[:dim], (0, missing)), contexts


class _Products:
    """Products of a sparse matrix and a dense one, by several threads; says how far it has come."""

    def __init__(self, pool: ThreadPoolExecutor, session: Session, total: int) -> None:
        self._pool, self._session = pool, session
        self._done, self._total = 0, total

    def __call__(self, sparse: csr_matrix, dense: Float32[Array, "n s"]) -> Float32[Array, "n s"]:
        dense = np.ascontiguousarray(dense)
        out = np.empty((sparse.shape[0], dense.shape[1]), np.float32)
        shares = np.searchsorted(sparse.indptr, np.linspace(0, sparse.nnz, _STRETCHES + 1))
        shares[0], shares[-1] = 0, sparse.shape[0]

        def multiply(stretch: int) -> None:
            if not self._session.stopped:
                first, last = shares[stretch], shares[stretch + 1]
                out[first:last] = sparse[first:last] @ dense

        list(self._pool.map(multiply, range(_STRETCHES)))
        if self._session.stopped:
            raise KeyboardInterrupt
        self._done += 1
        self._session.tell(Progress(STAGE, self._done, self._total, "products"))
        return out
