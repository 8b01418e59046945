"""Blocks that networks are built of: feature maps or tokens in, the same out."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

_CHANNELS_PER_GROUP = 16


def run(module: nn.Module, x: Tensor, *, recompute: bool) -> Tensor:
    """Return module(x); with `recompute` what is inside is forgotten and made again when the gradient needs it.

    Memory for time: a third more work, and only the maps between modules are kept (Chen et al. 2016, arXiv:1604.06174).
    """
    if recompute and torch.is_grad_enabled():
        return cast(Tensor, checkpoint(module, x, use_reentrant=False))
    return cast(Tensor, module(x))


def normalisation(kind: str, channels: int) -> nn.Module:
    """Return the layer that normalises maps of `channels`: `batch` over the batch, `group` over 16 channels of an item.

    With `group` an item's features do not depend on what else is in its batch.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(max(1, channels // _CHANNELS_PER_GROUP), channels)


class Residual(nn.Module):
    """Two 3×3 convolutions and a way around them (He et al. 2016, arXiv:1512.03385, figure 2)."""

    def __init__(self, channels_in: int, channels: int, *, stride: int, norm: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.first_norm = normalisation(norm, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second_norm = normalisation(norm, channels)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or channels_in != channels:
            self.around = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), normalisation(norm, channels)
            )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """Return the maps of the next depth, ReLU taken."""
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        return functional.relu(self.second_norm(self.second(y)) + self.around(x), inplace=True)
