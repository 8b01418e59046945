"""Groups of vectors whose truth is known: as many as there are, one where there are none, in any order alike."""

from __future__ import annotations

import numpy as np
import pytest

from likewise.contracts import Array
from likewise.errors import ShapeError
from likewise.evaluate.senses import groups_of


def around(centres: int, each: int, *, spread: float = 0.25, dim: int = 48, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(centres, dim))
    truth = np.repeat(np.arange(centres), each)
    return means[truth] + spread * np.sqrt(dim) * rng.normal(size=(centres * each, dim)) / np.sqrt(dim) * 2, truth


def agree(labels: Array, truth: Array) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


@pytest.mark.parametrize("centres", [2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_groups_that_are_there_are_found(centres: int, seed: int) -> None:
    x, truth = around(centres, 60, seed=seed)
    found = groups_of(x)
    assert found.count == centres
    assert agree(found.labels, truth) > 0.95
    assert found.silhouette is not None
    assert found.silhouette.value > found.silhouette.baselines["chance"]
    assert found.distances.shape == (centres, centres)
    np.testing.assert_allclose(found.distances.diagonal(), 0, atol=1e-6)
    assert found.distances[0, 1] > found.within.max()


def test_chance_parts_nothing() -> None:
    counts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        scale = np.geomspace(3, 0.1, 32)  # an elongated cloud parts well, and is still one
        counts.append(groups_of(rng.normal(size=(150, 32)) * scale + 5).count)
    assert np.mean(np.array(counts) == 1) >= 0.75, counts


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_a_few_vectors_are_one_group_and_as_many_as_are_asked_for(n: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, 8))
    found = groups_of(x)
    assert found.count == 1
    assert found.silhouette is None
    assert not found.labels.any()
    if n > 2:
        assert groups_of(x, count=2).count == 2


def test_equal_vectors_are_one_group() -> None:
    found = groups_of(np.ones((40, 8)))
    assert found.count == 1
    np.testing.assert_allclose(found.within, 0, atol=1e-6)


def test_the_largest_group_is_first_and_the_seed_gives_the_same() -> None:
    x, truth = around(2, 60)
    some = np.concatenate([np.flatnonzero(truth == 0)[:20], np.flatnonzero(truth == 1)])
    found, again = groups_of(x[some]), groups_of(x[some])
    np.testing.assert_array_equal(found.labels, again.labels)
    assert np.bincount(found.labels).tolist() == [60, 20]


def test_more_groups_than_vectors_is_a_sentence() -> None:
    with pytest.raises(ShapeError, match="3 vectors cannot be 4 groups"):
        groups_of(np.eye(3), count=4)
