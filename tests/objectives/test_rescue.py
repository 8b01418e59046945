"""What a rescue adds to a loss: its equations, and what it sees that a scale alone does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from likewise.objectives.contrastive import SimCLR
from likewise.objectives.decorrelation import vicreg
from likewise.objectives.rescue import Rescued, kept_apart, scale_pull
from toy_networks import ToyNetwork


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_pull_is_the_same_at_every_scale_and_leaves_what_is_wide_alone() -> None:
    z = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))

    def gradient(scale: float, equation: Callable[[Tensor], Tensor]) -> float:
        narrow = (scale * z).requires_grad_()
        equation(narrow).backward()
        return narrow.grad.norm().item()

    ours = [gradient(scale, scale_pull) for scale in (1e-1, 1e-2, 1e-3, 1e-4)]
    assert min(ours) > 0.8 * max(ours)
    hinge = [gradient(scale, lambda y: vicreg(y, y).parts["variance"]) for scale in (1e-1, 1e-4)]
    assert hinge[1] < 0.02 * hinge[0]  # VICReg's epsilon ends its pull
    assert gradient(3.0, scale_pull) == 0


def test_scale_pull_is_the_equation() -> None:
    z = _draw(7, 3, 4) * 0.5
    expected = np.mean([max(0, 1 - z[:, v, d].numpy().std()) ** 2 for v in range(3) for d in range(4)])
    assert float(scale_pull(z)) == pytest.approx(expected, rel=1e-12)


def test_a_rescue_adds_its_pull_and_says_so() -> None:
    inner = SimCLR(ToyNetwork(), out=4)
    rescued = Rescued(inner, weight=2.0)
    z = {"z": 0.1 * torch.randn(6, 2, 4, generator=torch.Generator().manual_seed(0))}
    loss = rescued.loss(z)
    torch.testing.assert_close(loss.total, inner.loss(z).total + 2 * kept_apart(z["z"]))
    assert set(loss.parts) == {"contrast", "rescue"}
    assert rescued.gather
    assert rescued.traits["weights"] == {"rescue": 2.0}
    same = float(rescued.loss({"z": torch.ones(6, 2, 4)}).total)
    assert list(rescued.constants(6).values()) == [pytest.approx(same, rel=1e-5)]


def test_what_a_rescue_adds_sees_a_line_behind_a_batch_norm_and_leaves_what_is_apart_alone() -> None:
    wide, line = _draw(4000, 1, 8), _draw(4000, 1, 1).expand(-1, -1, 8)
    assert float(scale_pull(line)) < 1e-3  # every dim is as wide as it should be
    assert float(kept_apart(line)) == pytest.approx(0.04 * 7, rel=0.1)  # 7 dims beside each, r = 1
    assert float(kept_apart(wide)) < 2e-3
    assert float(kept_apart(0.01 * line) - scale_pull(0.01 * line)) < 1e-6  # what is narrow is to widen first
    x = _draw(6, 2, 3)
    expected = 0.0
    for view in x.unbind(1):
        c = np.cov(view.numpy().T)
        r = c / np.sqrt(np.outer(wide_enough := np.maximum(1, np.diag(c)), wide_enough))
        expected += 0.04 * sum(r[i, j] ** 2 for i in range(3) for j in range(3) if i != j) / 3 / 2
    assert float(kept_apart(x) - scale_pull(x)) == pytest.approx(expected, rel=1e-9)
