"""Networks small enough to differentiate by hand: pictures of 8 × 8, or short texts, in, vectors or tokens out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ToyNetwork(nn.Module):
    """One layer without BatchNorm, so that an item's vector depends on nothing else in its batch."""

    dim = 6

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, self.dim)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.layer(x.flatten(1)[:, : 3 * 8 * 8]))


class ToyPatches(nn.Module):
    """Patches of 4 × 4 in a grid of 2 × 2; a token sees the mean of the tokens that are kept."""

    dim, grid, patch = 8, (2, 2), 4

    def __init__(self) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, self.dim, 4, 4)
        self.place = nn.Parameter(0.02 * torch.randn(4, self.dim))
        self.mix = nn.Linear(self.dim, self.dim)

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Tensor:
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.place
        if keep is not None:
            tokens = tokens.gather(1, keep[:, :, None].expand(-1, -1, self.dim))
        return tokens + torch.tanh(self.mix(tokens.mean(1, keepdim=True)))

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x).mean(1)


class ToyTexts(nn.Module):
    """Eleven tokens; each sees the mean of those of its text, or of those up to itself, through one layer."""

    dim = 8

    def __init__(self, tokens: int = 11) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, self.dim)
        self.places = nn.Embedding(16, self.dim)
        self.mix = nn.Linear(self.dim, self.dim)

    @property
    def table(self) -> Tensor:
        return self.words.weight

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Tensor:
        there = (x >= 0)[:, :, None]
        y = (self.words(x.clamp(min=0)) + self.places.weight[: x.shape[1]]) * there
        sums, counts = (y.cumsum(1), there.cumsum(1)) if causal else (y.sum(1, True), there.sum(1, True))
        y = y + torch.tanh(self.mix(sums / counts.clamp(min=1)))
        return y if keep is None else y.gather(1, keep[:, :, None].expand(-1, -1, self.dim))

    def forward(self, x: Tensor) -> Tensor:
        there = (x >= 0)[:, :, None]
        return (self.tokens(x) * there).sum(1) / there.sum(1).clamp(min=1)
