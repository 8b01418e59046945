"""Where a patch is, as a vector: a grid of patches in, sines and cosines of row and column out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from likewise.errors import OptionError


def positions(grid: tuple[int, int], dim: int) -> Float[Tensor, "t d"]:
    """Return sines and cosines of column and row at frequencies 10000^(−i/(d/4)), patches row by row.

    So MAE's code has them (He et al. 2022, arXiv:2111.06377), and I-JEPA's. Raises OptionError.

    >>> positions((2, 2), 4)[3]
    tensor([0.8415, 0.5403, 0.8415, 0.5403])
    """
    if dim % 4:
        raise OptionError(f"a token has {dim} dims: positions in two dimensions take a multiple of 4")
    rates = 10_000 ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in grid), indexing="ij")
    turns = [place.reshape(-1, 1) * rates for place in (columns, rows)]
    return torch.cat([wave(turn) for turn in turns for wave in (torch.sin, torch.cos)], dim=1).float()
