"""Optimisers and rates: the parameters of a network and its objective in, steps out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from likewise.errors import OptionError


def parameter_groups(modules: Iterable[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Return parameters that learn, in two groups: matrices, which decay, and biases and gains, which do not."""
    learning = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay, "adapted": True},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0, "adapted": False},
    ]


def optimiser(name: str, modules: Iterable[nn.Module], *, rate: float, weight_decay: float) -> Optimizer:
    """Return `adamw` (Loshchilov & Hutter 2019, arXiv:1711.05101; betas .9, .999) or `lars`."""
    groups = parameter_groups(modules, weight_decay)
    if name == "adamw":
        on_gpu = all(p.is_cuda for group in groups for p in group["params"])
        return AdamW(groups, lr=rate, fused=on_gpu)
    if name == "lars":
        return LARS(groups, rate=rate)
    raise OptionError(f"optimiser {name!r}: it is adamw, or lars for large batches")


@final
class LARS(Optimizer):
    """Layer-wise adaptive rates for large batches (You et al. 2017, arXiv:1708.03888), with momentum, as SimCLR has it.

    A layer's step is its rate times `trust` · ‖w‖ / ‖g + λ w‖ times (g + λ w); groups that are not `adapted` (biases,
    gains) take plain steps, as in SimCLR and BYOL.
    """

    def __init__(self, groups: Any, *, rate: float, momentum: float = 0.9, trust: float = 1e-3) -> None:
        super().__init__(
            groups, {"lr": rate, "momentum": momentum, "trust": trust, "weight_decay": 0.0, "adapted": True}
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                step = _adapted(w, w.grad, group) if group["adapted"] else w.grad
                state = self.state[w]
                moving = state.setdefault("moving", torch.zeros_like(w))
                moving.mul_(group["momentum"]).add_(step)
                w.sub_(moving, alpha=group["lr"])


def _adapted(w: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
    step = gradient + group["weight_decay"] * w
    size, length = w.norm(), step.norm()
    ratio = torch.where((size > 0) & (length > 0), group["trust"] * size / length, torch.ones_like(size))
    return cast(Tensor, step * ratio)


def rate_at(step: int, steps: int, *, peak: float, warmup: int, floor: float = 0.0) -> float:
    """Return the rate of a step (0 … steps − 1): linear to `peak` over `warmup` steps, then half a cosine to `floor`.

    >>> [round(rate_at(s, 10, peak=1.0, warmup=2), 2) for s in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.04]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * share))


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Give all groups this rate, times their own `factor` where they have one."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)
