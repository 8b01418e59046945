"""The contract of objectives: one row for each, and what holds for every row. A new objective adds its row here."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from likewise.contracts import Loss, Objective, Views
from likewise.objectives.contrastive import MoCo, Pairs, SimCLR, SimCSE, SupCon
from likewise.objectives.decorrelation import BarlowTwins, LeJEPA, VICReg
from likewise.objectives.distillation import BYOL, DINO, SimSiam
from likewise.objectives.language import Denoising, MaskedLanguage, NextToken
from likewise.objectives.masking import MAE
from likewise.objectives.nested import Matryoshka
from likewise.objectives.prediction import IJEPA
from likewise.objectives.rescue import Rescued
from likewise.views.texts import Columns, MaskedTokens, Noised, SameTwice, Whole
from toy_networks import ToyNetwork, ToyPatches, ToyTexts

SMALL: dict[str, Any] = {"hidden": 7, "out": 5}
OBJECTIVES: dict[str, Callable[..., Any]] = {
    "simclr": lambda network, **o: SimCLR(network, **SMALL, **o),
    "simclr decoupled": lambda network, **o: SimCLR(network, **SMALL, denominator="negatives", **o),
    "supcon": lambda network, **o: SupCon(network, **SMALL, **o),
    "moco": lambda network, **o: MoCo(network, **SMALL, queue=11, **o),
    "moco symmetric": lambda network, **o: MoCo(network, **SMALL, queue=11, symmetric=True, **o),
    "vicreg": lambda network, **o: VICReg(network, **SMALL, **o),
    "barlow": lambda network, **o: BarlowTwins(network, **SMALL, **o),
    "lejepa": lambda network, **o: LeJEPA(network, **SMALL, count=6, **o),
    "byol": lambda network, **o: BYOL(network, **SMALL, **o),
    "byol without stop-gradient": lambda network, **o: BYOL(network, **SMALL, stop_gradient=False, **o),
    "byol, its student as teacher": lambda network, **o: BYOL(network, **SMALL, predictor=False, momentum=0.0, **o),
    "simsiam": lambda network, **o: SimSiam(network, **SMALL, bottleneck=3, **o),
    "dino": lambda network, **o: DINO(network, hidden=7, bottleneck=5, prototypes=9, freeze=0.3, **o),
    "dino without centring": lambda network, **o: DINO(network, hidden=7, prototypes=9, centring=False, **o),
    "mae": lambda network, norm="": MAE(network, dim=8, depth=1, heads=2),
    "mae of plain pixels": lambda network, norm="": MAE(network, dim=8, depth=1, heads=2, normalise=False),
    "ijepa": lambda network, norm="": IJEPA(network, dim=8, depth=1, heads=2),
    "ijepa l2": lambda network, norm="": IJEPA(network, dim=8, depth=1, heads=2, distance="l2"),
    "rescued byol": lambda network, **o: Rescued(BYOL(network, **SMALL, **o)),
    "masked language": lambda network, norm="": MaskedLanguage(network),
    "next token": lambda network, norm="": NextToken(network),
    "denoising": lambda network, norm="": Denoising(network, depth=2, heads=2, places=16),
    "simcse": lambda network, norm="": SimCSE(network),
    "pairs": lambda network, norm="": Pairs(network),
    "pairs one way, with a head": lambda network, norm="": Pairs(network, head=True, symmetric=False),
    "nested simclr": lambda network, **o: Matryoshka(SimCLR(network, **SMALL, **o), dims=(2, 4)),
    "nested moco": lambda network, **o: Matryoshka(MoCo(network, **SMALL, queue=11, **o), dims=(3,)),
    "nested byol": lambda network, **o: Matryoshka(BYOL(network, **SMALL, **o), dims=(4, 6), weights=(2, 1, 1)),
    "nested pairs": lambda network, norm="": Matryoshka(Pairs(network), dims=(2, 5)),
    "nested denoising": lambda network, norm="": Matryoshka(Denoising(network, heads=2, places=16), dims=(4,)),
}
TEXTS: dict[str, Any] = {
    "masked language": MaskedTokens(2, 11, (0, 1), share=0.4),
    "next token": Whole(),
    "denoising": Noised(0.5, (0, 1, 2)),
    "simcse": SameTwice(),
    "pairs": Columns(),
}
"""What each reads of texts; of those with other names, that of the one that is in their name."""
ROWS = pytest.mark.parametrize("name", OBJECTIVES)
TRAITS = {"negatives": bool, "stop_gradient": bool, "predictor": bool, "centring": bool}
WORLD = 2


def made(name: str, **options: Any) -> tuple[nn.Module, Any]:
    """Return a network and the objective of a row, the same weights each time."""
    torch.manual_seed(0)
    network = ToyPatches() if hides_parts(name) else ToyTexts() if text_view(name) else ToyNetwork()
    return network, OBJECTIVES[name](network, **options)


def hides_parts(name: str) -> bool:
    return name.startswith(("mae", "ijepa"))


def tells_parts(name: str) -> bool:
    """Whether it compares no vectors of whole items."""
    return hides_parts(name) or name in ("masked language", "next token")


def text_view(name: str) -> Any:
    return next((view for kind, view in TEXTS.items() if kind in name), None)


def texts(items: int, draw: torch.Generator, *, columns: int = 0) -> Tensor:
    """Return texts of 3 to 9 tokens between 0 and 1, "b t" or "b s t"; of triples every third lacks its negative."""
    shape = (items, columns or 1)
    lengths = torch.randint(3, 10, shape, generator=draw)[:, :, None]
    x, places = torch.randint(3, 11, (*shape, 9), generator=draw), torch.arange(9)
    x = x.masked_fill(places == 0, 0).masked_fill(places == lengths - 1, 1).masked_fill(places >= lengths, -1)
    if columns == 3:
        x[::3, 2] = -1
    return x if columns else x[:, 0]


def views(name: str, items: int = 6, seed: int = 0) -> Views:
    """Return what a row's objective looks at."""
    draw = torch.Generator().manual_seed(seed)
    reads = text_view(name)
    if reads is not None:
        return reads(texts(items, draw, columns=3 if isinstance(reads, Columns) else 0), draw)
    count = 1 if hides_parts(name) else 4 if name.startswith(("dino", "lejepa")) else 2
    inputs = tuple(torch.randn(items, 3, 8, 8, generator=draw) for _ in range(count))
    order = torch.stack([torch.randperm(4, generator=draw) for _ in range(items)])
    keep = (order[:, :2],) if count == 1 else ()
    keep += (order[:, 2:3], order[:, 3:]) if name.startswith("ijepa") else ()
    return Views(inputs, keep, torch.tensor([0, 1, 0, -1, 1, -1] * items)[:items])


def doubled(one: Views) -> Views:
    return Views(tuple(x.double() if x.is_floating_point() else x for x in one.inputs), one.keep, one.labels)


def some(one: Views, rows: Any) -> Views:
    """Return the views of some items, in the order of `rows`."""
    inputs, keep = (tuple(x[rows] for x in batches) for batches in (one.inputs, one.keep))
    return Views(inputs, keep, None if one.labels is None else one.labels[rows])


def _loss(name: str, network: nn.Module, objective: Any, one: Views) -> Loss:
    return objective.loss(objective.encode(network, one))


def _learn(network: nn.Module, objective: Any, name: str, optimiser: Any, steps: range) -> None:
    for step in steps:
        optimiser.zero_grad()
        _loss(name, network, objective, views(name, seed=step)).total.backward()
        optimiser.step()
        objective.after_step(network, step / 10)


def _optimiser(network: nn.Module, objective: nn.Module) -> torch.optim.Optimizer:
    learning = [p for module in (network, objective) for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(learning, lr=1e-2)


@ROWS
def test_it_keeps_the_contract(name: str) -> None:
    network, objective = made(name)
    one: Objective = objective
    z = one.encode(network, views(name))
    assert {len(tensor) for tensor in z.values()} == {6}
    assert z["z"].ndim == 3
    loss = one.loss(z)
    assert loss.total.shape == ()
    assert torch.isfinite(loss.total)
    torch.testing.assert_close(sum(loss.parts.values()), loss.total)
    assert all(isinstance(value, float) for value in one.constants(6).values())
    traits = one.traits
    assert all(isinstance(traits[trait], kind) for trait, kind in TRAITS.items())
    assert {"temperature", "momentum", "weights"} <= set(traits)
    assert isinstance(one.gather, bool)
    assert one.embeds == (() if tells_parts(name) else ("z",))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if not tells_parts(name)])
def test_the_heads_alone_make_the_same_of_the_networks_vectors(name: str) -> None:
    network, objective = made(name)
    network.eval(), objective.eval()
    one = views(name)
    with torch.no_grad():
        torch.testing.assert_close(objective.project(network(one.inputs[0])), objective.encode(network, one)["z"][:, 0])


@ROWS
def test_the_order_of_a_batch_does_not_matter(name: str) -> None:
    network, objective = made(name)
    network.double(), objective.double()
    one, order = doubled(views(name)), torch.tensor([3, 1, 5, 0, 2, 4])
    other = some(one, order)
    torch.testing.assert_close(_loss(name, network, objective, other).total, _loss(name, network, objective, one).total)


@ROWS
def test_its_gradient_is_that_of_finite_differences(name: str) -> None:
    """Of the loss in all that learns: Z's tensors that carry a gradient, the others held."""
    network, objective = made(name)
    network.double(), objective.double()
    z = objective.encode(network, doubled(views(name, items=4)))
    learning = [key for key, tensor in z.items() if tensor.requires_grad]

    def total(*tensors: Tensor) -> Tensor:
        return objective.loss({**z, **dict(zip(learning, tensors, strict=True))}).total

    assert torch.autograd.gradcheck(total, [z[key].detach().clone().requires_grad_() for key in learning])


@ROWS
def test_the_networks_gradient_is_that_of_finite_differences(name: str) -> None:
    """From the loss through heads and network, along a random direction; what is held stays as it was."""
    network, objective = made(name, norm="layer")
    network.double(), objective.double()
    one = doubled(views(name))
    held = {key: tensor for key, tensor in objective.encode(network, one).items() if not tensor.requires_grad}
    total = objective.loss(objective.encode(network, one)).total
    total.backward()
    weights = [p for p in (*network.parameters(), *objective.parameters()) if p.grad is not None]
    directions = [torch.randn(p.shape, generator=torch.Generator().manual_seed(n)).to(p) for n, p in enumerate(weights)]
    slope = sum(float((p.grad * d).sum()) for p, d in zip(weights, directions, strict=True))

    def moved(by: float) -> float:
        with torch.no_grad():
            for p, d in zip(weights, directions, strict=True):
                p += by * d
            value = objective.loss({**objective.encode(network, one), **held}).total.item()
            for p, d in zip(weights, directions, strict=True):
                p -= by * d
        return value

    assert (moved(1e-6) - moved(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-4, abs=1e-7)


@ROWS
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_it_is_finite_and_full_in_half_precision(name: str, kind: torch.dtype) -> None:
    network, objective = made(name)
    with torch.autocast("cpu", dtype=kind):
        loss = _loss(name, network, objective, views(name))
    loss.total.backward()
    assert loss.total.dtype == torch.float32
    assert torch.isfinite(loss.total)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    network, objective = made(name)
    whole = _loss(name, network, objective, views(name)).total.item()
    assert loss.total.item() == pytest.approx(whole, rel=0.1, abs=0.1)


@ROWS
@pytest.mark.parametrize("kind", ["all vectors equal", "all vectors zero"])
def test_an_exact_collapse_has_a_finite_loss_and_gradient(name: str, kind: str) -> None:
    network, objective = made(name)
    for module in (network, objective):
        for parameter in module.parameters():
            if kind == "all vectors zero":
                nn.init.zeros_(parameter)
    one = views(name)
    if kind == "all vectors equal":
        one = Views(tuple(torch.ones_like(x) for x in one.inputs), one.keep, one.labels)
    loss = _loss(name, network, objective, one)
    loss.total.backward()
    assert torch.isfinite(loss.total)
    for module in (network, objective):
        assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


@ROWS
def test_it_goes_on_from_a_checkpoint_bit_by_bit(name: str) -> None:
    network, objective = made(name)
    optimiser = _optimiser(network, objective)
    _learn(network, objective, name, optimiser, range(4))
    states = [{k: v.clone() for k, v in module.state_dict().items()} for module in (network, objective)]
    moments = copy.deepcopy(optimiser.state_dict())
    other_network, other = made(name)
    again = _optimiser(other_network, other)
    other_network.load_state_dict(states[0]), other.load_state_dict(states[1]), again.load_state_dict(moments)
    _learn(network, objective, name, optimiser, range(4, 8))
    _learn(other_network, other, name, again, range(4, 8))
    for mine, theirs in ((network, other_network), (objective, other)):
        for key, tensor in mine.state_dict().items():
            assert torch.equal(tensor, theirs.state_dict()[key]), key


@ROWS
def test_its_loss_falls(name: str) -> None:
    network, objective = made(name, norm="layer")
    optimiser, one = _optimiser(network, objective), views(name)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        total = _loss(name, network, objective, one).total
        total.backward()
        optimiser.step()
        losses.append(total.item())
    assert losses[-1] < losses[0]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def gradients_of_two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    """Return the gradients that each of two processes has, all rows in one go."""
    folder, port = tmp_path_factory.mktemp("processes"), str(_free_port())
    tests = str(Path(__file__).parent.parent)
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder / f"{rank}.safetensors")],
            env=os.environ | {"RANK": str(rank), "WORLD_SIZE": str(WORLD), "MASTER_ADDR": "127.0.0.1",
                              "MASTER_PORT": port, "PYTHONPATH": tests, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(WORLD)
    ]  # fmt: skip
    assert [process.wait(timeout=240) for process in started] == [0] * WORLD
    return [load_file(folder / f"{rank}.safetensors") for rank in range(WORLD)]


@ROWS
def test_two_processes_have_the_gradient_of_one(name: str, gradients_of_two: list[dict[str, Tensor]]) -> None:
    network, objective = made(name, norm="layer")
    network.double(), objective.double()
    _loss(name, network, objective, doubled(views(name))).total.backward()
    objective.after_step(network, 0.1)
    found = 0
    for key, expected in _gradients(name, network, objective).items():
        for process in gradients_of_two:
            torch.testing.assert_close(process[key], expected, rtol=1e-6, atol=1e-9)
        found += bool(expected.abs().max() > 1e-6)
    assert found


def _gradients(name: str, network: nn.Module, objective: nn.Module) -> dict[str, Tensor]:
    """Return gradients by name, and buffers, which must not part between processes."""
    modules = {"network": network, "objective": objective}
    gradients = {
        f"{name}/{which}/{key}": p.grad
        for which, module in modules.items()
        for key, p in module.named_parameters()
        if p.grad is not None
    }
    return gradients | {f"{name}/buffer/{key}": b.double() for key, b in objective.named_buffers()}


def _in_one_of_two_processes(path: str) -> None:
    """Take this process's half of each row's batch, gather what the objective asks for, write the mean gradients."""
    from safetensors.torch import save_file
    from torch import distributed  # noqa: TID251 - what train/engine.py does, here in a few lines
    from torch.distributed.nn.functional import all_gather  # noqa: TID251

    distributed.init_process_group("gloo")
    rank, found = distributed.get_rank(), {}
    for name in OBJECTIVES:
        network, objective = made(name, norm="layer")
        network.double(), objective.double()
        whole = doubled(views(name))
        z = objective.encode(network, some(whole, slice(3 * rank, 3 * rank + 3)))
        if objective.gather:
            z = {key: torch.cat(all_gather(tensor.contiguous())) for key, tensor in z.items()}
        objective.loss(z).total.backward()
        for parameter in (*network.parameters(), *objective.parameters()):
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= WORLD
        objective.after_step(network, 0.1)
        found |= _gradients(name, network, objective)
    save_file({key: tensor.contiguous() for key, tensor in found.items()}, path)
    distributed.destroy_process_group()


if __name__ == "__main__":
    _in_one_of_two_processes(sys.argv[1])
