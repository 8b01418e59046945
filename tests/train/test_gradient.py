"""The gradient of a batch: the same at once, in chunks, and in two passes, and what it costs in memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from toys import CPU, Contrast, Means, training

from likewise.contracts import Views
from likewise.train.gradient import accumulate


def gradients(objective: type[Contrast], chunk: int, *, norm: str = "group") -> tuple[float, dict[str, Tensor]]:
    made = training(objective=objective, norm=norm)
    made.network.train()
    views = made.views(made.data.read(made.order.rows(0)), 0)
    loss = accumulate(made.encoding, made.objective, views, CPU, chunk=chunk, scale=1.0)
    return float(loss.total), {
        name: p.grad.clone() for name, p in made.encoding.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("objective", [Contrast, Means])
@pytest.mark.parametrize("chunk", [8, 31, 5])
def test_chunks_have_the_gradient_of_the_whole_batch(objective: type[Contrast], chunk: int) -> None:
    loss, whole = gradients(objective, 32)
    in_chunks, parts = gradients(objective, chunk)
    assert in_chunks == pytest.approx(loss, abs=1e-5)
    assert parts.keys() == whole.keys()
    for name, gradient in whole.items():
        assert gradient.abs().max() > 0
        assert (parts[name] - gradient).abs().max() < 1e-5, name


def test_a_loss_that_compares_items_needs_two_passes() -> None:
    _, whole = gradients(Contrast, 32)

    class Alone(Contrast):
        gather = False  # as if the loss of each chunk by itself were meant

    _, alone = gradients(Alone, 8)
    assert max(float((alone[name] - whole[name]).abs().max()) for name in whole) > 1e-3


@pytest.mark.parametrize("name", ["SimCLR", "VICReg", "BYOL", "SimSiam"])
@pytest.mark.parametrize("chunk", [8, 5])
def test_heads_that_normalise_by_the_batch_see_the_whole_of_it(name: str, chunk: int) -> None:
    """The recipes' own heads, a teacher among them: with chunks' statistics gradients would be others by far."""
    from likewise.encoders.architectures import build
    from likewise.objectives import contrastive, decorrelation, distillation
    from likewise.train.gradient import Encoding
    from likewise.views.augmentation import simclr
    from likewise.views.pictures import TwoCrops

    there = {**vars(contrastive), **vars(decorrelation), **vars(distillation)}
    pixels = torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    changes = simclr((16, 16), mean=(0.5,) * 3, std=(0.25,) * 3)
    views = TwoCrops(changes)(pixels, torch.Generator().manual_seed(1))
    views = Views(tuple(x.double() for x in views.inputs))

    def stepped(chunk: int) -> tuple[float, dict[str, Tensor], dict[str, Tensor]]:
        network = build("resnet", {"norm": "group"}, seed=3)
        torch.manual_seed(4)
        encoding = Encoding(network, there[name](network)).double()
        loss = accumulate(encoding, encoding.objective, views, CPU, chunk=chunk, scale=1.0)
        state = {key: value for key, value in encoding.state_dict().items() if "running" in key or "tracked" in key}
        return float(loss.total), {key: p.grad for key, p in encoding.named_parameters() if p.grad is not None}, state

    (loss, whole, seen), (in_chunks, parts, seen_in_chunks) = stepped(16), stepped(chunk)
    assert in_chunks == pytest.approx(loss, rel=1e-6)
    assert parts.keys() == whole.keys()
    length = torch.cat([gradient.flatten() for gradient in whole.values()]).norm()
    apart = torch.cat([(parts[key] - whole[key]).flatten() for key in whole]).norm()
    assert apart < 1e-5 * length
    assert length > 0
    assert seen
    for key, value in seen.items():
        torch.testing.assert_close(seen_in_chunks[key], value, msg=key)


def test_heads_of_the_same_kind_as_the_network_see_the_whole_batch_too() -> None:
    """A network that is a plain Sequential, as a head is: only the network goes in chunks."""
    from torch import nn

    from likewise.objectives.contrastive import SimCLR
    from likewise.train.gradient import Encoding

    def stepped(chunk: int) -> Tensor:
        torch.manual_seed(0)
        network: Any = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU())
        network.dim = 8
        encoding = Encoding(network, SimCLR(network)).double()
        views = Views(tuple(torch.randn(2, 16, 3, 2, 2, generator=torch.Generator().manual_seed(1)).double()))
        accumulate(encoding, encoding.objective, views, CPU, chunk=chunk, scale=1.0)
        return torch.cat([p.grad.flatten() for p in encoding.parameters() if p.grad is not None])

    whole = stepped(16)
    assert (stepped(4) - whole).norm() < 1e-6 * whole.norm()


def test_two_passes_move_running_means_once() -> None:
    made = training(norm="batch", chunk=8)
    other = training(norm="batch", chunk=8, objective=Means)
    for each in (made, other):
        each.step(each.data.read(each.order.rows(0)))
    counts = [int(each.network.state_dict()["stem.1.num_batches_tracked"]) for each in (made, other)]
    assert counts == [8, 8]  # four chunks of two views
    assert torch.isfinite(made.network.state_dict()["stem.1.running_mean"]).all()
