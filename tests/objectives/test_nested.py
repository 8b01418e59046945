"""Nesting: an objective of the first few dims is that objective, by hand, of vectors cut off there."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from likewise.contracts import Views
from likewise.errors import OptionError
from likewise.objectives.contrastive import MoCo, Pairs, SimCLR, all_against_all, ranking
from likewise.objectives.distillation import BYOL
from likewise.objectives.language import Denoising, MaskedLanguage
from likewise.objectives.nested import Matryoshka, dims_of
from likewise.train.engine import Engine
from likewise.train.gradient import Encoding, accumulate
from likewise.transformer import named
from likewise.views.texts import Noised
from toy_networks import ToyNetwork, ToyTexts

HEAD: dict[str, Any] = {"hidden": 7, "out": 5, "norm": "layer"}


def two(items: int = 6) -> Views:
    draw = torch.Generator().manual_seed(0)
    return Views(tuple(torch.randn(items, 3, 8, 8, generator=draw) for _ in range(2)))


def texts(items: int = 6) -> Tensor:
    return torch.randint(3, 11, (items, 7), generator=torch.Generator().manual_seed(1))


def first(y: Tensor, dims: int) -> Tensor:
    return torch.cat([y[:, :dims], torch.zeros_like(y[:, dims:])], 1)


def test_pairs_of_shortened_vectors_are_pairs_by_hand() -> None:
    torch.manual_seed(0)
    network, x = ToyTexts(), (texts(), texts().flip(0))
    objective = Matryoshka(Pairs(network, symmetric=False, temperature=0.1), dims=(2, 5), weights=(2.0, 1.0, 1.0))
    z = torch.stack([network(each) for each in x], 1)
    numbers = torch.stack([named(each) for each in x], 1)
    by_hand = [ranking(z[:, :, :d], numbers, temperature=0.1) for d in (2, 5, 8)]
    loss = objective.loss(objective.encode(network, Views(x)))
    torch.testing.assert_close(loss.total, (2 * by_hand[0] + by_hand[1] + by_hand[2]) / 4)
    assert list(loss.parts) == ["contrast@2", "contrast@5", "contrast"]
    torch.testing.assert_close(loss.parts["contrast@2"], by_hand[0] / 2)
    torch.testing.assert_close(sum(loss.parts.values()), loss.total)


def test_heads_see_shortened_vectors_with_zeros_behind() -> None:
    torch.manual_seed(0)
    network, views = ToyNetwork(), two()
    inner = SimCLR(network, **HEAD)
    objective = Matryoshka(inner, dims=(1, 4))
    by_hand = []
    for dims in (1, 4, 6):
        z = torch.stack([inner.head(first(network(x), dims)) for x in views.inputs], 1)
        by_hand.append(all_against_all(z, torch.eye(6, dtype=torch.bool), temperature=0.2))
    z = objective.encode(network, views)
    torch.testing.assert_close(objective.loss(z).total, torch.stack(by_hand).mean())
    torch.testing.assert_close(z["z"][:, 0], objective.project(network(views.inputs[0])))


def test_the_network_runs_once_and_the_whole_counts_once() -> None:
    network, views, calls = ToyNetwork(), two(), list[int]()
    network.register_forward_hook(lambda _module, inputs, _out: calls.append(len(inputs[0])))
    inner = SimCLR(network, **HEAD)
    loss = {dims: Matryoshka(inner, dims=dims).loss(Matryoshka(inner, dims=dims).encode(network, views)).total
            for dims in ((2, 4), (2, 4, 6), (6,))}  # fmt: skip
    assert calls == [12] * 3
    torch.testing.assert_close(loss[2, 4], loss[2, 4, 6])
    torch.testing.assert_close(loss[6,], inner.loss(inner.encode(network, views)).total)


def test_a_loss_of_the_first_dims_teaches_those_alone() -> None:
    torch.manual_seed(0)
    network, views = ToyNetwork(), two()
    inner = Matryoshka(SimCLR(network, **HEAD), dims=(2,), weights=(1.0, 1e-9))
    inner.loss(inner.encode(network, views)).total.backward()
    assert network.layer.weight.grad is not None
    lengths = network.layer.weight.grad.norm(dim=1)
    assert float(lengths[2:].max()) < 1e-6 * float(lengths[:2].min())


def test_identical_vectors_cost_the_objectives_constant() -> None:
    network, views = ToyNetwork(), two()
    nn.init.zeros_(network.layer.weight)
    objective = Matryoshka(SimCLR(network, **HEAD), dims=(2, 4), weights=(3.0, 1.0, 1.0))
    loss = objective.loss(objective.encode(network, views)).total
    assert objective.constants(6) == {"ln(2N − 1)": pytest.approx(math.log(11))}
    assert float(loss.detach()) == pytest.approx(math.log(11), rel=1e-5)


def test_it_is_the_objective_to_whoever_asks() -> None:
    network = ToyNetwork()
    inner = BYOL(network, **HEAD)
    objective = Matryoshka(inner, dims=(3,))
    assert objective.traits == inner.traits
    assert objective.gather is inner.gather is False
    assert objective.embeds == ("z",)
    assert Matryoshka(SimCLR(network, **HEAD), dims=(3,)).gather
    assert {name for name, _ in objective.named_parameters()} == {f"objective.{n}" for n, _ in inner.named_parameters()}
    before = [p.clone() for p in inner.teacher.parameters()]  # type: ignore[union-attr]
    nn.init.ones_(network.layer.weight)
    objective.after_step(network, 0.5)
    assert not all(torch.equal(a, b) for a, b in zip(before, inner.teacher.parameters(), strict=True))  # type: ignore[union-attr]


def test_a_queue_takes_the_keys_of_whole_vectors() -> None:
    torch.manual_seed(0)
    network, views = ToyNetwork(), two()
    inner = MoCo(network, **HEAD, queue=9)
    objective = Matryoshka(inner, dims=(2,))
    z = objective.encode(network, views)
    objective.loss(z)
    objective.after_step(network, 0.0)
    keys = z["keys"][:, 0]
    torch.testing.assert_close(inner.queue[:6], keys / keys.norm(dim=1, keepdim=True))


def test_shortened_vectors_tell_texts_too() -> None:
    torch.manual_seed(0)
    network = ToyTexts()
    inner = Denoising(network, heads=2, places=8)
    views = Noised(0.5, (0,))(texts(), torch.Generator().manual_seed(2))
    loss = Matryoshka(inner, dims=(4,)).loss(Matryoshka(inner, dims=(4,)).encode(network, views))
    assert list(loss.parts) == ["denoising@4", "denoising"]
    assert network.words.weight.grad is None
    loss.total.backward()
    assert network.words.weight.grad is not None
    torch.testing.assert_close(2 * loss.parts["denoising"], inner.loss(inner.encode(network, views)).total)


def test_chunks_have_the_gradient_of_the_whole_batch() -> None:
    found = []
    for chunk in (6, 2):
        torch.manual_seed(0)
        network: Any = ToyTexts().double()
        encoding = Encoding(network, Matryoshka(Pairs(network), dims=(2, 4)).double())
        views = Views((texts(), texts().flip(0)[:, :5]))
        accumulate(encoding, encoding.objective, views, Engine(torch.device("cpu")), chunk=chunk, scale=1.0)
        found.append({key: p.grad for key, p in encoding.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for key, gradient in found[0].items():
        torch.testing.assert_close(found[1][key], gradient, rtol=1e-6, atol=1e-9)


def test_dims_as_people_write_them() -> None:
    assert dims_of("64,128") == dims_of(" 64 , 128") == (64, 128)
    for text in ("", "64;128", "64,,128", "many"):
        with pytest.raises(OptionError, match="list whole numbers, such as 64,128"):
            dims_of(text)


@pytest.mark.parametrize("dims", [(), (0,), (-2, 4), (4, 4)])
def test_dims_that_are_none(dims: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match="give one or more that differ, each 1 or more"):
        Matryoshka(SimCLR(ToyNetwork()), dims=dims)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_weights_that_do_not_fit(weights: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="dims 2 and the whole"):
        Matryoshka(SimCLR(ToyNetwork()), dims=(2,), weights=weights)


def test_what_cannot_be_nested_is_said() -> None:
    with pytest.raises(OptionError, match="MaskedLanguage compares no vectors"):
        Matryoshka(MaskedLanguage(ToyTexts()), dims=(2,))
    network = ToyNetwork()
    with pytest.raises(OptionError, match="dims 4, 9 of a network of 6: give 6 or fewer"):
        Matryoshka(SimCLR(network), dims=(4, 9)).encode(network, two())
