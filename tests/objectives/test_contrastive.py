"""Contrast: the one equation against loops, its constants, and what SimCLR, SupCon and MoCo make of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from likewise.contracts import Views
from likewise.errors import OptionError, ShapeError
from likewise.objectives.contrastive import MoCo, SimCLR, SupCon, info_nce
from toy_networks import ToyNetwork


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _loops(queries, keys, positive, valid, bias, temperature, denominator):
    """The equation as the papers write it, one fraction at a time."""
    losses = []
    for i, query in enumerate(queries):
        scores = [math.exp(query @ key / temperature + bias[i, j]) for j, key in enumerate(keys)]
        mine = [j for j in range(len(keys)) if positive[i, j] and valid[i, j]]
        below = [j for j in range(len(keys)) if valid[i, j] and (denominator == "all" or j not in mine)]
        if mine and below:
            total = sum(scores[j] for j in below)
            losses.append(-sum(math.log(scores[j] / total) for j in mine) / len(mine))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("denominator", ["all", "negatives"])
def test_info_nce_is_the_equation_of_the_papers(denominator: str) -> None:
    queries, keys, bias = _draw(5, 4), _draw(7, 4, seed=1), _draw(5, 7, seed=2)
    rng = np.random.default_rng(3)
    positive, valid = rng.random((5, 7)) < 0.3, rng.random((5, 7)) < 0.8
    positive[0] = False  # a query without a positive does not count
    expected = _loops(queries.numpy(), keys.numpy(), positive, valid, bias.numpy(), 0.7, denominator)
    found = info_nce(
        queries, keys, torch.from_numpy(positive), valid=torch.from_numpy(valid), bias=bias, temperature=0.7,
        denominator=denominator,
    )  # fmt: skip
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_a_place_for_each_query_is_a_mask_with_one_positive() -> None:
    queries, keys, places = _draw(5, 4), _draw(7, 4, seed=1), torch.tensor([3, 0, 6, 6, 2])
    mask = torch.zeros(5, 7, dtype=torch.bool)
    mask[torch.arange(5), places] = True
    assert torch.equal(info_nce(queries, keys, places), info_nce(queries, keys, mask))
    assert float(info_nce(queries, keys, places, temperature=1.0)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(queries @ keys.T, places)), rel=1e-12
    )


@pytest.mark.parametrize(("denominator", "left_out"), [("all", 1), ("negatives", 2)])
@pytest.mark.parametrize("items", [2, 8])
def test_identical_vectors_give_the_logarithm_of_the_keys_below(denominator: str, left_out: int, items: int) -> None:
    objective = SimCLR(ToyNetwork(), denominator=denominator)
    loss = objective.loss({"z": torch.ones(items, 2, 5)}).total
    assert float(loss) == pytest.approx(math.log(2 * items - left_out), rel=1e-6)
    assert objective.constants(items) == {f"ln(2N − {left_out})": pytest.approx(float(loss), rel=1e-6)}


def test_simclr_is_nt_xent() -> None:
    z = _draw(4, 2, 3)
    rows = [z[i, v] / z[i, v].norm() for i in range(4) for v in range(2)]
    expected = 0.0
    for i, row in enumerate(rows):
        others = [j for j in range(8) if j != i]
        total = sum(math.exp(row @ rows[j] / 0.2) for j in others)
        expected -= math.log(math.exp(row @ rows[i ^ 1] / 0.2) / total) / 8
    assert float(SimCLR(ToyNetwork()).loss({"z": z}).total) == pytest.approx(expected, rel=1e-12)


def test_the_decoupled_form_differs_by_the_positive_below_the_fraction() -> None:
    z = {"z": _draw(4, 2, 3)}
    whole, decoupled = (float(SimCLR(ToyNetwork(), denominator=d).loss(z).total) for d in ("all", "negatives"))
    assert decoupled < whole


def test_supcon_pulls_what_has_one_label_and_is_simclr_without_labels() -> None:
    z, labels = _draw(6, 2, 3), torch.tensor([0, 1, 0, -1, -1, 1])
    unknown = torch.full((6,), -1)
    supcon, simclr = SupCon(ToyNetwork(), temperature=0.2), SimCLR(ToyNetwork(), temperature=0.2)
    assert torch.equal(supcon.loss({"z": z, "labels": unknown}).total, simclr.loss({"z": z}).total)
    rows, classes = z.flatten(0, 1), labels.repeat_interleave(2).tolist()
    rows, expected = (rows / rows.norm(dim=1, keepdim=True)).numpy(), 0.0
    for i in range(12):
        others = [j for j in range(12) if j != i]
        mine = [j for j in others if j == i ^ 1 or (classes[i] >= 0 and classes[j] == classes[i])]
        total = sum(math.exp(rows[i] @ rows[j] / 0.2) for j in others)
        expected -= sum(math.log(math.exp(rows[i] @ rows[j] / 0.2) / total) for j in mine) / len(mine) / 12
    assert float(supcon.loss({"z": z, "labels": labels}).total) == pytest.approx(expected, rel=1e-12)


def test_moco_asks_its_own_key_and_the_queue() -> None:
    objective = MoCo(ToyNetwork(), out=3, queue=5).double()
    z, keys = _draw(4, 1, 3), _draw(4, 1, 3, seed=1)
    expected = 0.0
    for query, key in zip(z[:, 0], keys[:, 0], strict=True):
        query, key = query / query.norm(), key / key.norm()
        below = [math.exp(query @ other / 0.2) for other in (key, *objective.queue)]
        expected -= math.log(below[0] / sum(below)) / 4
    assert float(objective.loss({"z": z, "keys": keys}).total) == pytest.approx(expected, rel=1e-9)


def test_moco_replaces_its_oldest_keys_and_reaches_its_constant_when_all_are_equal() -> None:
    network = ToyNetwork()
    objective = MoCo(network, out=3, queue=5)
    before = objective.queue.clone()
    along = torch.zeros(3, 1, 3)
    along[:, :, 0] = 2.0
    objective.loss({"z": along, "keys": along})
    assert torch.equal(objective.queue, before)  # the step has not been taken yet
    objective.after_step(network, 0.0)
    assert torch.equal(objective.queue[:3], along[:, 0] / 2)
    assert torch.equal(objective.queue[3:], before[3:])
    objective.loss({"z": along, "keys": along})
    objective.after_step(network, 0.0)
    assert int(objective.place) == 1
    loss = objective.loss({"z": along, "keys": along}).total
    assert objective.constants(3) == {"ln(K + 1)": pytest.approx(float(loss), rel=1e-6)}


def test_moco_keeps_the_last_keys_of_a_batch_larger_than_the_queue() -> None:
    network, keys = ToyNetwork(), _draw(9, 1, 3).float()
    objective = MoCo(network, out=3, queue=4)
    objective.loss({"z": keys, "keys": keys})
    objective.after_step(network, 0.0)
    torch.testing.assert_close(objective.queue, keys[-4:, 0] / keys[-4:, 0].norm(dim=1, keepdim=True))


def test_judging_a_batch_leaves_the_queue_alone() -> None:
    network, keys = ToyNetwork(), _draw(3, 1, 3).float()
    objective = MoCo(network, out=3, queue=4).eval()
    before = objective.queue.clone()
    objective.loss({"z": keys, "keys": keys})
    objective.after_step(network, 0.0)
    assert torch.equal(objective.queue, before)


def test_what_does_not_fit_is_said() -> None:
    keys = _draw(3, 2)
    with pytest.raises(OptionError, match="all or negatives"):
        info_nce(keys, keys, torch.arange(3), denominator="positives")
    with pytest.raises(OptionError, match="all or negatives"):
        SimCLR(ToyNetwork(), denominator="none")
    with pytest.raises(ShapeError, match="3 queries"):
        info_nce(keys, keys, torch.arange(2))
    with pytest.raises(ShapeError, match="mask"):
        info_nce(keys, keys, torch.ones(2, 2, dtype=torch.bool))
    one = Views((torch.zeros(2, 3, 8, 8),))
    with pytest.raises(ShapeError, match="two views"):
        SimCLR(ToyNetwork()).encode(ToyNetwork(), one)
