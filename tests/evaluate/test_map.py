"""Maps keep neighbours where there are any, say how many, and repeat."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.random import default_rng
from page_checks import NASTY, Tags

from likewise.errors import OptionError, ShapeError
from likewise.evaluate.map import affinities, draw_map, lay_out, principal_plane, tsne
from likewise.evaluate.rows import unit


def clusters(n: int = 200, of: int = 10) -> np.ndarray:
    rng = default_rng(0)
    return rng.normal(size=(of, 30))[np.arange(n) % of] + 0.1 * rng.normal(size=(n, 30))


def test_clusters_stay_together() -> None:
    found = lay_out(clusters(), k=15)
    assert found.method == "t-SNE"
    assert found.kept > 0.7  # chance: .08
    centres = np.stack([found.places[i::10].mean(0) for i in range(10)])
    nearest = np.linalg.norm(found.places[:, None] - centres, axis=2).argmin(1)
    assert (nearest == np.arange(200) % 10).mean() > 0.99


def test_noise_keeps_little() -> None:
    assert lay_out(default_rng(0).normal(size=(400, 100))).kept < 0.5


def test_the_same_seed_gives_the_same_map() -> None:
    one, two, other = (lay_out(clusters(60), seed=seed).places for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_what_is_flat_already_is_kept() -> None:
    angle = np.linspace(0, 2 * np.pi, 15, endpoint=False) ** 1.1
    found = lay_out(np.stack([np.cos(angle), np.sin(angle)], 1), k=3)
    assert found.method == "PCA"
    assert found.kept == 1.0


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((0, 3)), np.ones((1, 3)), np.eye(3), np.ones((50, 3)), np.zeros((50, 1)), np.full((30, 2), np.nan)],
    ids=lambda v: str(v.shape),
)
def test_odd_spaces_have_a_map(vectors: np.ndarray) -> None:
    found = lay_out(vectors)
    assert found.places.shape == (len(vectors), 2)
    assert np.isfinite(found.places).all()
    assert 0 <= found.kept <= 1
    svg = draw_map([f"<{i}>" for i in range(len(vectors))], found, title="<")
    Tags(svg)
    assert "nan" not in svg


def test_affinities_have_the_perplexity_asked_for() -> None:
    rows = unit(default_rng(0).normal(size=(100, 5)))
    joint = affinities(rows, 10)
    assert joint.sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(joint, joint.T)
    assert (np.diag(joint) == 0).all()


def test_the_gradient_is_that_of_the_divergence() -> None:
    from likewise.evaluate.map import _slope

    rng = default_rng(0)
    close = affinities(unit(rng.normal(size=(12, 4))), 3).astype(np.float32)
    y = rng.normal(size=(2, 12)).astype(np.float32)

    def divergence(y: np.ndarray) -> float:
        kernel = 1 / (1 + ((y[:, :, None] - y[:, None]) ** 2).sum(0))
        np.fill_diagonal(kernel, 0)
        q, p = kernel / kernel.sum(), close.astype(float)
        return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())

    slope, wide = _slope(y, close, np.empty((12, 12), np.float32)), y.astype(float)
    for axis, i in ((0, 0), (1, 3), (0, 11)):
        step = np.zeros_like(wide)
        step[axis, i] = 1e-5
        numeric = (divergence(wide + step) - divergence(wide - step)) / 2e-5
        assert slope[axis, i] == pytest.approx(numeric, abs=1e-5)


def test_principal_plane_of_a_known_ellipse() -> None:
    places, spread = principal_plane(np.array([[3.0, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]]))
    assert np.allclose(np.abs(places), [[3, 0], [3, 0], [0, 1], [0, 1]])
    assert spread == pytest.approx(np.sqrt(18 / 4))


def test_points_name_their_true_neighbours() -> None:
    keys = [*NASTY, *(f"w{i}" for i in range(200 - len(NASTY)))]
    svg = draw_map(keys, lay_out(clusters(), k=5), title="Map")
    near = re.findall(r'data-near="([^"]*)"', svg)
    assert len(near) == 200
    assert all(int(j) % 10 == i % 10 for i, line in enumerate(near) for j in line.split())
    assert "<script" not in svg


def test_options_are_checked() -> None:
    with pytest.raises(ShapeError, match=r"vectors are \(3,\)"):
        lay_out(np.zeros(3))
    with pytest.raises(OptionError, match="k is 0"):
        lay_out(np.eye(3), k=0)
    with pytest.raises(ValueError):
        tsne(np.eye(3), np.zeros((2, 2)))
