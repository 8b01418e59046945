"""The decoder of masking and prediction: tokens of the parts that are seen in, what is told of the others out."""

from __future__ import annotations

from typing import cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likewise.contracts import PatchNetwork, Views
from likewise.errors import OptionError, ShapeError
from likewise.positions import positions
from likewise.transformer import Block


@final
class Decoder(nn.Module):
    """A narrow transformer over tokens that are seen and one mask token for each place that is not.

    Each knows its place by fixed sines and cosines (arXiv:2111.06377, section 3; arXiv:2301.08243, section 3), so the
    order of the tokens does not matter.
    """

    def __init__(self, network: PatchNetwork, out: int, *, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise OptionError(f"a decoder of {dim} dims and {heads} heads: dims must be a multiple of heads")
        self.into = nn.Linear(network.dim, dim)
        self.mask = nn.Parameter(torch.zeros(dim))
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.out = nn.LayerNorm(dim), nn.Linear(dim, out)
        self.register_buffer("places", positions(network.grid, dim), persistent=False)
        self.places: Tensor
        nn.init.normal_(self.mask, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(
        self, tokens: Float[Tensor, "b k d"], seen: Int[Tensor, "b k"], asked: Int[Tensor, "b a"]
    ) -> Float[Tensor, "b a out"]:
        """Return what is told of the places `asked`, from tokens of the places `seen`."""
        x = torch.cat([self.into(tokens) + self.places[seen], self.mask + self.places[asked]], dim=1)
        return cast(Tensor, self.out(self.norm(self.blocks(x)[:, seen.shape[1] :])))


def patches_of(network: object, name: str) -> PatchNetwork:
    """Return the network as one of patches.

    Raises OptionError where it is none.
    """
    if isinstance(network, PatchNetwork):
        return network
    raise OptionError(f"{name} hides patches, and a {type(network).__name__} has none: take encoder vit")


def seen_in_part(views: Views, network: PatchNetwork, name: str, *, kept: int) -> Tensor:
    """Return the whole pictures of `views`, where they fit the network and at least `kept` sets of places are given.

    Raises ShapeError.
    """
    high, wide = (n * network.patch for n in network.grid)
    if len(views.keep) < kept:
        raise ShapeError(f"{name} needs {kept} sets of places or more, {len(views.keep)} came: use a view that masks")
    if views.inputs[0].shape[-2:] != (high, wide):
        came = " × ".join(map(str, views.inputs[0].shape[-2:]))
        raise ShapeError(f"pictures of {came} for a network of {high} × {wide}: {name} needs them of one size")
    return views.inputs[0]


def hidden(seen: Int[Tensor, "b k"], places: int) -> Int[Tensor, "b h"]:
    """Return the places, of so many, that are not `seen`, in order."""
    away = torch.ones(len(seen), places, dtype=torch.uint8, device=seen.device).scatter_(1, seen, 0)
    return away.argsort(dim=1, descending=True, stable=True)[:, : places - seen.shape[1]]
