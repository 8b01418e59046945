"""Distillation: cosines and cross-entropies against loops, teachers that follow, and what can be taken away."""

from __future__ import annotations

import math

import pytest
import torch

from likewise.contracts import Views
from likewise.errors import OptionError, ShapeError
from likewise.objectives.distillation import BYOL, DINO, SimSiam, self_distillation
from likewise.objectives.heads import Prototypes, mlp
from likewise.objectives.teacher import Teacher, momentum_at
from toy_networks import ToyNetwork


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _views(count: int = 2) -> Views:
    return Views(tuple(_draw(4, 3, 8, 8, seed=s).float() for s in range(count)))


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a @ b / (a.norm() * b.norm())).item()


def test_byol_and_simsiam_are_the_papers() -> None:
    told, targets = _draw(5, 2, 3), _draw(5, 2, 3, seed=1)
    z = {"z": targets, "told": told, "targets": targets}
    squared = cosine = 0.0
    for i in range(5):
        for v in range(2):
            q, t = told[i, v] / told[i, v].norm(), targets[i, 1 - v] / targets[i, 1 - v].norm()
            squared += float((q - t).square().sum()) / 5
            cosine += _cosine(q, t) / 10
    assert float(BYOL(ToyNetwork()).loss(z).total) == pytest.approx(squared, rel=1e-12)
    assert float(SimSiam(ToyNetwork()).loss(z).total) == pytest.approx(-cosine, rel=1e-12)


@pytest.mark.parametrize("make", [BYOL, SimSiam])
def test_equal_vectors_give_the_least_loss(make: type) -> None:
    same = torch.ones(6, 2, 4)
    objective = make(ToyNetwork())
    loss = float(objective.loss({"z": same, "told": same, "targets": same}).total)
    assert loss == pytest.approx(objective.constants(6)["all vectors equal"], abs=1e-6)
    across = torch.zeros(6, 2, 4)
    across[:, 0, 0] = across[:, 1, 1] = 1
    loss = float(objective.loss({"z": across, "told": across, "targets": across}).total)
    assert loss == pytest.approx(objective.constants(6)["unrelated"], abs=1e-6)


def test_dino_is_the_papers() -> None:
    student, teacher, centre = _draw(3, 4, 5), _draw(3, 2, 5, seed=1), _draw(5, seed=2)
    expected, pairs = 0.0, 0
    for g in range(2):
        for v in range(4):
            if g != v:
                pairs += 1
                for i in range(3):
                    told = torch.softmax((teacher[i, g] - centre) / 0.3, 0)
                    expected -= float((told * torch.log(torch.softmax(student[i, v] / 0.7, 0))).sum()) / 3
    found = self_distillation(student, teacher, centre, temperature=0.7, teacher_temperature=0.3)
    assert pairs == 6
    assert float(found) == pytest.approx(expected / pairs, rel=1e-12)


def test_a_uniform_answer_costs_ln_k_and_one_prototype_nothing() -> None:
    objective = DINO(ToyNetwork(), prototypes=4096, bottleneck=4)
    even = torch.zeros(2, 2, 4096)
    assert float(objective.loss({"told": even, "targets": even}).total) == pytest.approx(8.3178, abs=1e-3)
    assert objective.constants(2)["ln K"] == pytest.approx(math.log(4096))
    one = even.clone()
    one[:, :, 7] = 5.0
    assert float(objective.loss({"told": one, "targets": one}).total) == pytest.approx(0, abs=1e-4)


def test_dinos_centre_follows_the_teacher_only_where_it_should() -> None:
    network, targets = ToyNetwork(), _draw(3, 2, 5).float()
    centred, bare = (DINO(network, prototypes=5, centring=c) for c in (True, False))
    for objective in (centred, bare):
        objective.loss({"told": _draw(3, 4, 5).float(), "targets": targets})
        assert not objective.centre.any()
        objective.after_step(network, 0.0)
    torch.testing.assert_close(centred.centre, 0.1 * targets.mean((0, 1)))
    assert not bare.centre.any()


def test_dino_shows_its_teacher_the_first_two_views_and_its_student_all() -> None:
    network, views = ToyNetwork(), _views(4)
    found = DINO(network, prototypes=5).encode(network, views)
    assert found["z"].shape[1] == found["told"].shape[1] == 4
    assert found["targets"].shape == (4, 2, 5)
    torch.testing.assert_close(found["targets"], found["told"][:, :2])  # at the start the teacher is the student
    assert not found["targets"].requires_grad
    with pytest.raises(ShapeError, match="two or more"):
        DINO(network).encode(network, _views(1))


def test_crops_of_several_sizes_keep_their_places() -> None:
    class Mean(torch.nn.Module):
        dim = 3

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3))

    sizes = [8, 8, 4, 6, 4]
    views = Views(tuple(_draw(4, 3, s, s, seed=n).float() for n, s in enumerate(sizes)))
    objective = DINO(Mean(), hidden=4, bottleneck=3, prototypes=5)
    found = objective.encode(Mean(), views)["z"]
    for place, x in enumerate(views.inputs):
        torch.testing.assert_close(found[:, place], objective.projector(x.mean((2, 3))))


def test_the_teacher_of_dino_sharpens_on_its_way() -> None:
    network = ToyNetwork()
    objective = DINO(network, prototypes=5, teacher_temperature=(0.04, 0.07), warmup=0.2)
    for progress, expected in [(0.0, 0.04), (0.1, 0.055), (0.2, 0.07), (1.0, 0.07)]:
        objective.after_step(network, progress)
        assert objective._sharpness() == pytest.approx(expected)


def test_frozen_prototypes_have_no_gradient_and_then_learn() -> None:
    network = ToyNetwork()
    objective = DINO(network, prototypes=5, freeze=0.1)
    for progress, learns in [(0.0, False), (0.1, True)]:
        objective.after_step(network, progress)
        objective.zero_grad()
        objective.loss(objective.encode(network, _views(3))).total.backward()
        assert (objective.prototypes.directions.grad is not None) is learns
        assert objective.projector[0].weight.grad is not None


def test_a_teacher_is_a_moving_mean_that_never_learns_itself() -> None:
    student = torch.nn.Linear(3, 2)
    teacher = Teacher(student)
    before = teacher.parts[0].weight.clone()
    assert torch.equal(before, student.weight)
    assert not any(p.requires_grad for p in teacher.parameters())
    with torch.no_grad():
        student.weight += 1
    teacher.follow(student, momentum=0.75)
    torch.testing.assert_close(teacher.parts[0].weight, before + 0.25)
    teacher.follow(student, momentum=0.0)
    assert torch.equal(teacher.parts[0].weight, student.weight)


def test_a_teacher_comes_to_rest_at_the_end() -> None:
    assert [momentum_at(p, 0.9) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.9, 0.95, 1.0])
    assert [momentum_at(p, 0.9, shape="linear") for p in (0.0, 0.25, 1.0)] == pytest.approx([0.9, 0.925, 1.0])
    assert momentum_at(0.7, 0.0) == 0
    with pytest.raises(OptionError, match="between 0"):
        momentum_at(0.5, 1.5)


def test_without_stop_gradient_the_targets_learn_too() -> None:
    network = ToyNetwork()
    for make in (BYOL, SimSiam):
        assert not make(network).encode(network, _views())["targets"].requires_grad
        found = make(network, stop_gradient=False).encode(network, _views())
        assert found["targets"].requires_grad
        assert make(network, stop_gradient=False).traits["stop_gradient"] is False


def test_what_only_pulls_collapses_and_the_whole_objective_does_not() -> None:
    """The zoo's plainest case: neither predictor nor stop-gradient; then projections of different items are alike."""
    likeness = {}
    for whole in (True, False):
        torch.manual_seed(0)
        network = ToyNetwork()
        objective = SimSiam(network, hidden=16, out=8, bottleneck=4, predictor=whole, stop_gradient=whole, norm="none")
        step = torch.optim.SGD([*network.parameters(), *objective.parameters()], lr=0.2)
        picture = _draw(32, 3, 8, 8).float()
        for n in range(80):
            noisy = Views(tuple(picture + 0.5 * _draw(32, 3, 8, 8, seed=2 * n + v).float() for v in (1, 2)))
            step.zero_grad()
            objective.loss(objective.encode(network, noisy)).total.backward()
            step.step()
        z = torch.nn.functional.normalize(objective.projector(network(picture)).detach(), dim=1)
        likeness[whole] = float((z @ z.T).mean())
    assert likeness[False] > 0.9
    assert likeness[True] < likeness[False] - 0.2


def test_prototypes_are_cosines() -> None:
    layer, z = Prototypes(3, 4).double(), _draw(2, 3)
    expected = [[_cosine(row, direction) for direction in layer.directions] for row in z]
    torch.testing.assert_close(layer(z), torch.tensor(expected, dtype=torch.float64))


def test_heads_say_what_norms_there_are() -> None:
    assert sum(isinstance(m, torch.nn.LayerNorm) for m in mlp((2, 3, 3, 2), norm="layer", last_norm=True)) == 3
    assert mlp((2, 3, 2), norm="none")[0].bias is not None
    assert mlp((2, 3, 2), last_bias=False)[-1].bias is None
    with pytest.raises(OptionError, match="batch, layer, none"):
        mlp((2, 3), norm="group")
