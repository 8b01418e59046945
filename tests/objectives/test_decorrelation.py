"""Decorrelation: VICReg, Barlow Twins and SIGReg against plain NumPy, their constants, and the pull of a rescue."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from likewise.objectives.decorrelation import (
    BarlowTwins,
    LeJEPA,
    VICReg,
    barlow_twins,
    sigreg,
    sigreg_weight,
    slices,
    vicreg,
)  # fmt: skip
from toy_networks import ToyNetwork


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_vicreg_is_the_papers() -> None:
    a, b = _draw(9, 4) * 0.7, _draw(9, 4, seed=1) * 0.5 + 1
    found = vicreg(a, b, invariance=2.0, variance=3.0, covariance=5.0)
    x, y = a.numpy(), b.numpy()
    variance = covariance = 0.0
    for z in (x, y):
        variance += np.mean(np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)))
        c = np.cov(z.T)
        covariance += sum(c[i, j] ** 2 for i in range(4) for j in range(4) if i != j) / 4  # by D, not D (D − 1)
    assert float(found.parts["invariance"]) == pytest.approx(2 * np.mean((x - y) ** 2), rel=1e-12)
    assert float(found.parts["variance"]) == pytest.approx(3 * variance, rel=1e-12)
    assert float(found.parts["covariance"]) == pytest.approx(5 * covariance, rel=1e-12)


def test_barlow_twins_is_the_papers() -> None:
    a, b = _draw(9, 4) * 3 + 1, _draw(9, 4, seed=1)
    x, y = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (a.numpy(), b.numpy()))
    expected = 0.0
    for i in range(4):
        for j in range(4):
            c = sum(x[:, i] * y[:, j]) / 9
            expected += (1 - c) ** 2 if i == j else 0.1 * c**2
    assert float(barlow_twins(a, b, redundancy=0.1).total) == pytest.approx(expected, rel=1e-12)


def _statistic(z: np.ndarray, directions: np.ndarray) -> float:
    """The integral over −3 … 3 in small steps of |φ − φ₀|² φ₀, one direction and one place at a time."""
    places = np.linspace(-3, 3, 33)
    values = []
    for direction in directions.T:
        apart = [
            abs(np.mean(np.exp(1j * t * (z @ direction))) - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2)
            for t in places
        ]
        values.append(sum((apart[i] + apart[i + 1]) / 2 * (places[1] - places[0]) for i in range(32)))
    return float(np.mean(values))


def test_sigreg_is_the_integral() -> None:
    z, directions = _draw(11, 3) * 0.6 + 0.2, slices(3, 5, seed=1).double()
    assert float(sigreg(z, directions)) == pytest.approx(_statistic(z.numpy(), directions.numpy()), rel=1e-10)


def test_sigreg_of_a_normal_sample_is_one_over_n_and_of_anything_else_more() -> None:
    directions = slices(4, 64, seed=0).double()
    normal = np.mean([500 * float(sigreg(_draw(500, 4, seed=s), directions)) for s in range(20)])
    assert normal == pytest.approx(1.05, rel=0.1)  # ∫ (1 − e^(−t²)) e^(−t²/2) dt
    for other in (_draw(500, 4) * 0.3, _draw(500, 4) * 3, _draw(500, 4) + 1, torch.zeros(500, 4).double()):
        assert float(sigreg(other, directions)) > 0.02


def test_the_weight_of_sigreg_does_not_depend_on_the_batch() -> None:
    objective = LeJEPA(ToyNetwork(), out=3, count=8)
    z = (_draw(6, 2, 3) * 0.4).requires_grad_()
    twice = z.detach().repeat(5, 1, 1).requires_grad_()  # the same distribution, five times the items
    small, large = objective.loss({"z": z}), objective.loss({"z": twice})
    torch.testing.assert_close(large.total, small.total, rtol=1e-10, atol=0)
    small.total.backward()
    large.total.backward()
    assert z.grad is not None
    assert twice.grad is not None
    torch.testing.assert_close(5 * twice.grad[:6], z.grad, rtol=1e-8, atol=1e-12)


def test_the_weight_converts_to_the_papers() -> None:
    """(1 − λ) invariance + λ n sigreg, as the authors' code has it, is (1 − λ) times ours."""
    items, share, z = 7, 0.05, _draw(7, 3, 4)
    objective = LeJEPA(ToyNetwork(), out=4, weight=sigreg_weight(share, items), count=6)
    directions = objective._slices(z).numpy()
    views = [z[:, v].numpy() for v in range(3)]
    invariance = np.mean([(view - np.mean(views, axis=0)) ** 2 for view in views])
    theirs = (1 - share) * invariance + share * items * np.mean([_statistic(view, directions) for view in views])
    assert (1 - share) * float(objective.loss({"z": z}).total) == pytest.approx(theirs, rel=1e-9)


def test_global_views_alone_can_be_the_centre() -> None:
    z = _draw(4, 3, 2)
    expected = (z - z[:, :2].mean(1, keepdim=True)).square().mean()
    found = LeJEPA(ToyNetwork(), out=2, centre_views=2).loss({"z": z}).parts["invariance"]
    torch.testing.assert_close(found, expected)


def test_directions_are_drawn_anew_for_each_step_and_again_from_a_checkpoint() -> None:
    network, z = ToyNetwork(), {"z": _draw(8, 2, 4)}
    one, other = LeJEPA(network, out=4, count=3, seed=1), LeJEPA(network, out=4, count=3, seed=2)
    first = one.loss(z).total
    assert torch.equal(one.loss(z).total, first)  # looking does not change what comes
    assert not torch.equal(other.loss(z).total, first)
    one.after_step(network, 0.1)
    assert not torch.equal(one.loss(z).total, first)
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.loss(z).total, one.loss(z).total)


@pytest.mark.parametrize("make", [VICReg, BarlowTwins, LeJEPA])
def test_equal_vectors_give_the_constant(make: type) -> None:
    objective = make(ToyNetwork(), out=4)
    loss = float(objective.loss({"z": torch.zeros(6, 2, 4)}).total)
    assert list(objective.constants(6).values()) == [pytest.approx(loss, rel=1e-5)]
