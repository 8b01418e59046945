"""Orientation selectivity on filters whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from likewise.contracts import Array
from likewise.errors import ShapeError
from likewise.evaluate.orientation import orientation_selectivity, selectivity_number

RNG = np.random.default_rng(0)


def gabor(side: int, angle: float, *, colour: tuple[float, ...] = (1.0,)) -> Array:
    """Return a Gabor filter of 1.5 cycles, 1 c h w."""
    middle = (side - 1) / 2
    y, x = np.meshgrid(np.arange(side) - middle, np.arange(side) - middle, indexing="ij")
    along = x * np.cos(angle) + y * np.sin(angle)
    plane = np.exp(-(x**2 + y**2) / (2 * (side / 4) ** 2)) * np.sin(2 * np.pi * 1.5 * along / side)
    return np.array(colour)[None, :, None, None] * plane


def blob(side: int) -> Array:
    middle = (side - 1) / 2
    y, x = np.meshgrid(np.arange(side) - middle, np.arange(side) - middle, indexing="ij")
    return np.exp(-(x**2 + y**2) / (2 * (side / 7) ** 2))[None, None]


@pytest.mark.parametrize("angle", [0.0, 0.4, 0.79, 1.57, 2.5])
def test_a_gabor_filter_is_selective_whatever_its_direction_and_colour(angle: float) -> None:
    grey = orientation_selectivity(gabor(9, angle))[0]
    opponent = orientation_selectivity(gabor(9, angle, colour=(1.0, -1.0, 0.2)))[0]
    assert grey > 0.6
    assert opponent == pytest.approx(grey)


def test_a_blob_is_not_selective_and_noise_is_less_so_than_a_gabor_filter() -> None:
    noise = orientation_selectivity(RNG.normal(size=(300, 3, 7, 7)))
    assert orientation_selectivity(blob(9))[0] < 0.05
    assert np.median(noise) < 0.35
    assert np.quantile(noise, 0.99) < orientation_selectivity(gabor(7, 0.3))[0]


def test_scale_does_not_matter_and_a_filter_of_nothing_has_none() -> None:
    some = RNG.normal(size=(4, 3, 5, 5))
    np.testing.assert_allclose(orientation_selectivity(1e-3 * some), orientation_selectivity(some))
    assert orientation_selectivity(np.zeros((1, 3, 5, 5)))[0] == 0


def test_the_number_is_a_median_with_an_interval_beside_the_untrained() -> None:
    number = selectivity_number(np.array([0.2, 0.4, 0.9]), np.array([0.1, 0.3]))
    assert number.value == pytest.approx(0.4)
    assert number.low is not None
    assert number.high is not None
    assert number.low <= 0.4 <= number.high
    assert number.baselines == {"untrained": pytest.approx(0.2)}


@pytest.mark.parametrize("shape", [(4, 3, 2, 2), (4, 5, 5)])
def test_what_has_no_directions_is_a_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="have no directions"):
        orientation_selectivity(np.ones(shape))
