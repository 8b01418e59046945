"""Prediction: what is told of a block against what the teacher makes of it in the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from likewise.contracts import Views
from likewise.errors import OptionError, ShapeError
from likewise.objectives.prediction import IJEPA
from toy_networks import ToyNetwork, ToyPatches

CONTEXT = torch.tensor([[2, 0], [1, 3], [3, 2]])
BLOCKS = (torch.tensor([[1], [0], [0]]), torch.tensor([[3, 1], [2, 0], [1, 0]]))


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _made(**options: object) -> tuple[ToyPatches, IJEPA, Views]:
    torch.manual_seed(0)
    network = ToyPatches()
    objective = IJEPA(network, dim=8, depth=1, heads=2, **options)  # type: ignore[arg-type]
    return network, objective, Views((_draw(3, 3, 8, 8),), (CONTEXT, *BLOCKS))


@pytest.mark.parametrize("distance", ["smooth-l1", "l2"])
def test_ijepa_is_the_papers(distance: str) -> None:
    network, objective, views = _made(distance=distance)
    with torch.no_grad():
        z = objective.encode(network, views)
        whole = network.tokens(views.inputs[0]).numpy()  # at the start the teacher is the network
        tokens = network.tokens(views.inputs[0], keep=CONTEXT)
        told = [objective.predictor(tokens, CONTEXT, block).numpy() for block in BLOCKS]
    losses = []
    for block, said in zip(BLOCKS, told, strict=True):
        for i in range(3):
            for j, place in enumerate(block[i].tolist()):
                target = whole[i, place]
                target = (target - target.mean()) / np.sqrt(target.var() + 1e-5)
                away = np.abs(said[i, j] - target)
                losses += list(away**2 if distance == "l2" else np.where(away < 1, away**2 / 2, away - 0.5))
    assert float(objective.loss(z).total) == pytest.approx(np.mean(losses), rel=1e-5)


def test_each_block_is_told_from_the_context_alone() -> None:
    network, objective, views = _made()
    whole = objective.encode(network, views)["told"]
    alone = objective.encode(network, Views(views.inputs, (CONTEXT, BLOCKS[1])))["told"]
    torch.testing.assert_close(whole[:, 1:], alone)
    moved = views.inputs[0].clone()
    moved[0, :, :, 4:] += 1  # the right half of the first picture, which its context does not show
    told = objective.encode(network, Views((moved,), views.keep))
    assert torch.equal(told["told"], whole)
    assert not torch.allclose(told["targets"][0], objective.encode(network, views)["targets"][0])


def test_targets_have_no_gradient_and_the_teacher_follows_in_a_straight_line() -> None:
    network, objective, views = _made(momentum=0.5)
    assert not objective.encode(network, views)["targets"].requires_grad
    before = objective.teacher.parts[0].cut.weight.clone()
    with torch.no_grad():
        network.cut.weight += 1
    objective.after_step(network, 0.5)  # momentum .75 by then
    torch.testing.assert_close(objective.teacher.parts[0].cut.weight, before + 0.25)


def test_telling_zero_of_normalised_targets_costs_one() -> None:
    network, objective, views = _made(distance="l2")
    z = dict(objective.encode(network, views))
    z["told"] = torch.zeros_like(z["told"])
    assert float(objective.loss(z).total) == pytest.approx(objective.constants(3)["0 everywhere"], rel=1e-3)


def test_what_cannot_be_predicted_is_said() -> None:
    with pytest.raises(OptionError, match="smooth-l1 or l2"):
        IJEPA(ToyPatches(), dim=8, distance="l1")
    with pytest.raises(OptionError, match="encoder vit"):
        IJEPA(ToyNetwork())  # type: ignore[arg-type]
    network, objective, views = _made()
    with pytest.raises(ShapeError, match="2 sets of places"):
        objective.encode(network, Views(views.inputs, (CONTEXT,)))
