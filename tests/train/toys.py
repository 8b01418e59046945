"""A small contrast, small pictures and a view, for tests of the loop that must not depend on any objective of ours."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, Views
from likewise.encoders.architectures import build
from likewise.encoders.blocks import Residual
from likewise.train.engine import Engine
from likewise.train.loop import Data, Training
from likewise.train.plan import Plan

CPU = Engine(torch.device("cpu"))


class Contrast(nn.Module):
    """InfoNCE between two views: every item of the batch matters to every other."""

    gather = True
    embeds = ("z",)

    def __init__(self, dim: int, *, normalised: bool = False) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(dim, 16), nn.BatchNorm1d(16) if normalised else nn.Identity())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def encode(self, network: nn.Module, views: Views) -> dict[str, Tensor]:
        return {
            "z": torch.stack([self.head(network(x)) for x in views.inputs], 1),
            "number": views.inputs[0].mean((1, 2, 3)),
        }

    def project(self, vectors: Tensor) -> Tensor:
        return self.head(vectors)

    def loss(self, z: Any) -> Loss:
        a, b = functional.normalize(z["z"].float(), dim=-1).unbind(1)
        total = functional.cross_entropy(a @ b.T / 0.2, torch.arange(len(a), device=a.device))
        return Loss(total, {"contrast": total})

    def after_step(self, network: nn.Module, progress: float) -> None:
        self.steps += 1

    def constants(self, items: int) -> dict[str, float]:
        return {}

    @property
    def traits(self) -> dict[str, Any]:
        return {"negatives": True}


class Means(Contrast):
    """A loss that is a mean over items, none of which matters to another."""

    gather = False

    def loss(self, z: Any) -> Loss:
        total = (z["z"][:, 0] - z["z"][:, 1]).square().mean() - 0.1 * z["z"].abs().mean()
        return Loss(total, {"apart": total})


def noisy(batch: Tensor, generator: torch.Generator, *, labels: Tensor | None = None) -> Views:
    x = batch.float() / 255
    return Views(tuple(x + 0.1 * torch.randn(x.shape, generator=generator) for _ in range(2)), labels=labels)


def pixels(items: int = 96) -> Tensor:
    return torch.randint(0, 256, (items, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def training(
    *,
    objective: type[Contrast] = Contrast,
    norm: str = "group",
    encoder: str = "resnet",
    engine: Engine = CPU,
    **plan: Any,
) -> Training:
    """Return a small training that is the same each time."""
    options: dict[str, Any] = {"resnet": {"norm": norm}, "vit": {"image": (16, 16)}}[encoder]
    network = build(encoder, options, seed=3)
    for module in network.modules():
        if isinstance(module, Residual):  # which begins as nothing, and then no gradient passes
            nn.init.constant_(cast(Tensor, module.second_norm.weight), 0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        made = objective(network.dim, normalised=norm == "batch")
    there = pixels()
    data = Data(len(there), lambda rows: there[torch.from_numpy(rows)])
    return Training(
        network, made, noisy, data, Plan(**{"steps": 6, "batch": 32, "rate": 1e-3, "warmup": 2} | plan), engine
    )
