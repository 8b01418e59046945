"""Heads: layers between a network's vectors and what is compared. They belong to the objective and go with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.errors import OptionError
from likewise.objectives.objective import unit

NORMS: Final = ("batch", "layer", "none")
"""What may stand between layers: over the batch, over the dimensions of an item, nothing."""


def mlp(
    dims: Sequence[int], *, norm: str = "batch", last_norm: bool = False, last_bias: bool = True,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:  # fmt: skip
    """Return layers from dims[0] to dims[-1], each but the last followed by `norm` and an activation.

    A layer before a norm has no bias: the norm would take it away. `last_norm` puts a norm without gain and bias at the
    end, as SimSiam's and solo-learn's BYOL have it.

    Raises OptionError.

    >>> [type(layer).__name__ for layer in mlp((8, 16, 4))]
    ['Linear', 'BatchNorm1d', 'ReLU', 'Linear']
    """
    if norm not in NORMS or len(dims) < 2:
        raise OptionError(f"a head {dims} with norm {norm!r}: it takes two widths or more, and norm {', '.join(NORMS)}")
    layers: list[nn.Module] = []
    *before, last = pairwise(dims)
    for wide, narrow in before:
        layers += [nn.Linear(wide, narrow, bias=norm == "none"), *_norm(norm, narrow), activation()]
    layers.append(nn.Linear(*last, bias=last_bias and not last_norm))
    if last_norm:
        layers += _norm(norm, last[1], affine=False)
    return nn.Sequential(*layers)


def _norm(kind: str, dim: int, *, affine: bool = True) -> list[nn.Module]:
    if kind == "none":
        return []
    return [nn.BatchNorm1d(dim, affine=affine) if kind == "batch" else nn.LayerNorm(dim, elementwise_affine=affine)]


@final
class Prototypes(nn.Module):
    """The last layer of DINO's head: cosines with `count` directions that learn (Caron et al. 2021, arXiv:2104.14294).

    A linear layer whose rows are normalised, with their gain fixed at 1, after an input that is normalised.
    """

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(count, dim))

    def forward(self, z: Float[Tensor, "... d"], *, frozen: bool = False) -> Float[Tensor, "... k"]:
        """Return the cosines of each vector with each direction; `frozen` directions do not learn."""
        directions = self.directions.detach() if frozen else self.directions
        return functional.linear(unit(z), unit(directions))
