"""The exact search: kernel, twin and scikit-learn give the same neighbours, whatever the level and the threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from likewise.errors import OptionError, ShapeError
from likewise.kernels import available
from likewise.kernels._native import compiled_levels
from likewise.kernels.neighbours import METRICS, top_k

LEVELS = ["numpy", *compiled_levels()]


@pytest.fixture(params=LEVELS)
def level(request):
    if request.param not in available():
        pytest.skip(f"this machine cannot run {request.param}")
    return request.param


def data(n, d, q, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(q, d)).astype(np.float32), rng.normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("n", "d", "q"), [(500, 7, 1), (700, 32, 2), (900, 50, 30), (333, 100, 25)])
def test_equals_scikit_learn(level, metric, n, d, q):
    queries, base = data(n, d, q)
    distances, rows = NearestNeighbors(n_neighbors=10, algorithm="brute", metric=metric).fit(base).kneighbors(queries)
    ours, scores = top_k(queries, base, 10, metric=metric, level=level)
    assert np.array_equal(ours, rows)
    assert np.allclose(1 - scores if metric == "cosine" else scores, distances, atol=1e-5)


def test_inner_products_equal_a_full_product(level):
    queries, base = data(2000, 33, 17)
    products = queries.astype(np.float64) @ base.T.astype(np.float64)
    rows, scores = top_k(queries, base, 5, metric="dot", level=level)
    assert np.array_equal(rows, np.argsort(-products, axis=1)[:, :5])
    assert np.allclose(scores, -np.sort(-products, axis=1)[:, :5], rtol=1e-6)


@settings(max_examples=60)
@given(
    n=st.integers(1, 300),
    d=st.integers(1, 70),
    q=st.integers(0, 30),
    k=st.integers(1, 40),
    metric=st.sampled_from(METRICS),
    threads=st.integers(1, 3),
    coarse=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_level_equals_the_twin(n, d, q, k, metric, threads, coarse, seed):
    queries, base = data(n, d, q, seed)
    if coarse:  # many equal scores, zero vectors among them
        queries, base = np.rint(queries), np.rint(base / 2)
    exclude = np.random.default_rng(seed).integers(-1, n, (q, 3))
    rows, scores = top_k(queries, base, k, metric=metric, exclude=exclude, level="numpy")
    for name in available()[1:]:
        ours, our_scores = top_k(queries, base, k, metric=metric, exclude=exclude, level=name, threads=threads)
        assert np.allclose(our_scores, scores, atol=1e-5)
        if coarse and metric != "cosine":  # whole numbers: no rounding, so ties are ties everywhere
            assert np.array_equal(ours, rows)


def test_equal_rows_come_in_their_order(level):
    base = np.tile(data(10, 16, 1)[1], (40, 1))
    rows, scores = top_k(base[:10], base, 40, level=level, threads=2)
    assert np.array_equal(rows, np.arange(10)[:, None] + 10 * np.arange(40))
    assert np.allclose(scores, 1)


def test_threads_and_repetition_change_no_bit(level):
    queries, base = data(4000, 96, 9)
    first = top_k(queries, base, 10, level=level, threads=1)
    for threads in (1, 2, 3):
        again = top_k(queries, base, 10, level=level, threads=threads)
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])


def test_zero_vectors_have_cosine_zero(level):
    base = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    rows, scores = top_k(base[:2], base, 3, level=level)
    assert scores.tolist() == [[0, 0, 0], [1, 0, -1]]
    assert rows.tolist() == [[0, 1, 2], [1, 0, 2]]


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e18])
@pytest.mark.parametrize("q", [1, 5])
def test_lengths_beyond_the_square_root_of_float32_do_no_harm(level, scale, q):
    queries, base = data(300, 20, q)
    rows, scores = top_k(queries, base, 5, level=level)
    far, far_scores = top_k(queries, base * np.float32(scale), 5, level=level)
    assert np.array_equal(rows, far)
    assert np.allclose(scores, far_scores, atol=1e-5)


def test_close_points_have_exact_distances(level):
    base = np.full((50, 3), 1000, np.float32)
    base[:, 0] += np.arange(50, dtype=np.float32) / 100
    rows, scores = top_k(base[:1], base, 3, metric="euclidean", level=level)
    assert rows[0, 0] == 0
    assert scores[0, 0] == 0
    assert np.allclose(scores[0], base[rows[0], 0] - base[0, 0])


def test_k_is_cut_and_exclusion_leaves_gaps(level):
    queries, base = data(4, 3, 2)
    rows, scores = top_k(queries, base, 9, level=level)
    assert rows.shape == (2, 4)
    exclude = np.array([[0, 1, 2], [3, -1, -1]])
    rows, scores = top_k(queries, base, 4, exclude=exclude, level=level)
    assert rows[0].tolist() == [3, -1, -1, -1]
    assert scores[0, 1:].tolist() == [-np.inf] * 3
    assert 3 not in rows[1]
    far = top_k(queries, base, 4, exclude=exclude, level=level, metric="euclidean")[1]
    assert far[0, 1:].tolist() == [np.inf] * 3


def test_rows_of_nan_are_never_found(level):
    base = np.array([[1, 0], [np.nan, 1], [0, 1]], np.float32)
    for q in (1, 3):
        rows, _ = top_k(np.tile(base[:1], (q, 1)), base, 3, level=level if level != "numpy" else "baseline")
        assert 1 not in rows


def test_many_queries_in_groups():
    queries, base = data(50, 2, 9000)
    rows, _ = top_k(queries, base, 1)
    assert np.array_equal(rows, top_k(queries, base, 1, level="numpy")[0])


def test_what_does_not_fit_is_said():
    queries, base = data(10, 4, 2)
    with pytest.raises(OptionError, match=r"metric 'cos'.*cosine, dot, euclidean"):
        top_k(queries, base, 1, metric="cos")
    with pytest.raises(OptionError, match="k is 0"):
        top_k(queries, base, 0)
    with pytest.raises(ShapeError, match="equal dims"):
        top_k(queries[:, :3], base, 1)
    with pytest.raises(ShapeError, match="one line for each"):
        top_k(queries, base, 1, exclude=np.zeros((1, 1), int))
