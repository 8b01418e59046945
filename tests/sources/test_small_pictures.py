"""Small pictures: their factors are in them, and raw pixels tell their class badly."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from likewise.sources.small_pictures import small_pictures


def test_the_same_seed_makes_the_same() -> None:
    one, same, other = small_pictures(600, seed=4), small_pictures(600, seed=4), small_pictures(600, seed=5)
    assert one.pixels.tobytes() == same.pixels.tobytes()
    assert one.pixels.tobytes() != other.pixels.tobytes()
    assert all((one.factors[name] == same.factors[name]).all() for name in one.factors)
    assert (one.pixels.dtype, one.pixels.shape) == (np.uint8, (600, 32, 32, 3))
    assert small_pictures(3, size=20).pixels.shape == (3, 20, 20, 3)
    assert len(small_pictures(0)) == 0


def test_every_class_occurs_and_names_itself() -> None:
    pictures = small_pictures(600)
    for factor, names in pictures.names.items():
        assert set(pictures.labels(factor)) == set(names)
    source = pictures.source("colour")
    assert source.labels == pictures.labels("colour")
    assert set(source.metadata) == {"shape", "texture", "background"}


@pytest.mark.slow
def test_raw_pixels_tell_the_shape_badly_and_the_colour_well() -> None:
    pictures = small_pictures(4000)
    x = pictures.pixels.reshape(4000, -1) / 255
    knn = {name: _accuracy(KNeighborsClassifier(20), x, y) for name, y in pictures.factors.items()}
    linear = {name: _accuracy(RidgeClassifier(100), x, y) for name, y in pictures.factors.items()}
    assert 0.22 < knn["shape"] < 0.45  # chance is .17
    assert 0.22 < linear["shape"] < 0.45
    assert knn["colour"] > 0.7
    assert linear["colour"] > 0.7


def _accuracy(model: object, x: np.ndarray, y: np.ndarray) -> float:
    return float(model.fit(x[:3000], y[:3000]).score(x[3000:], y[3000:]))  # type: ignore[attr-defined]
