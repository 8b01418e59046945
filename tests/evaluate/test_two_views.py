"""Two views of the same items: retrieval and signal to noise where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from likewise.errors import ShapeError
from likewise.evaluate.two_views import signal_to_noise, view_retrieval

RNG = np.random.default_rng(1)


def test_views_that_are_equal_find_each_other_and_noise_finds_as_chance_does() -> None:
    x, noise = RNG.normal(size=(2, 400, 20))
    assert view_retrieval(x, x).value == 1.0
    found = view_retrieval(x, noise)
    assert found.value < 0.02
    assert found.baselines["chance"] == pytest.approx(1 / 400)
    assert found.low is not None
    assert found.low <= 1 / 400


@pytest.mark.parametrize("x", [np.ones((50, 4)), np.zeros((50, 4)), np.full((50, 4), 1e30)])
def test_a_constant_finds_nothing_and_has_no_signal(x: np.ndarray) -> None:
    assert view_retrieval(x, x).value == 0.0
    assert signal_to_noise(x, x) == 0.0


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0, 9.0])
def test_signal_to_noise_is_the_ratio_of_variances(ratio: float) -> None:
    signal = np.sqrt(ratio) * RNG.normal(size=(4000, 16))
    a, b = signal + RNG.normal(size=(2, 4000, 16))
    assert signal_to_noise(a, b) == pytest.approx(ratio, abs=0.02 + 0.03 * ratio)
    assert signal_to_noise(100 + 7 * a, 100 + 7 * b) == pytest.approx(signal_to_noise(a, b), rel=1e-6)


def test_one_item_and_shapes() -> None:
    assert view_retrieval(np.ones((1, 3)), np.ones((1, 3))).value == 0.0
    with pytest.raises(ShapeError, match="two matrices of the same items"):
        view_retrieval(np.ones((2, 3)), np.ones((3, 3)))
