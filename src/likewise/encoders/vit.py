"""A Vision Transformer: batches of pictures in, a vector each out, or a vector for each patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likewise.contracts import Field
from likewise.encoders.blocks import run
from likewise.errors import OptionError, ShapeError
from likewise.positions import positions
from likewise.transformer import Block


@dataclass(frozen=True)
class Shape:
    """Dimensions of a token, blocks, and heads of attention."""

    dim: int
    depth: int
    heads: int


SIZES: Final = {
    "tiny": Shape(192, 6, 3),  # 2.7 M parameters
    "small": Shape(256, 8, 4),  # 6.3 M
    "base": Shape(384, 12, 6),  # 21 M: ViT-S
}
"""What the dial means for this network."""


@final
class ViT(nn.Module):
    """Dosovitskiy et al. 2021 (arXiv:2010.11929); `pool` class: the class token is the vector; mean: the patches.

    Positions are fixed sines and cosines in two dimensions, as in MAE (arXiv:2111.06377), so pictures of other sizes
    need no interpolation. Input: normalised float32 "b c h w", height and width multiples of `patch`.
    `tokens` are those of the patches, row by row; the class token is not among them.
    """

    def __init__(
        self, *, size: str = "tiny", image: tuple[int, int] = (32, 32), patch: int = 4, channels: int = 3,
        pool: str = "class",
    ) -> None:  # fmt: skip
        super().__init__()
        height, width = image
        if size not in SIZES or pool not in ("class", "mean"):
            raise OptionError(f"a ViT of size {size!r}, pool {pool!r}: size is {', '.join(SIZES)}, pool class or mean")
        if patch < 1 or height % patch or width % patch:
            raise OptionError(
                f"pictures of {height} × {width} cannot be cut into patches of {patch}: give --patch a divisor"
            )
        shape = SIZES[size]
        self.config: dict[str, Any] = {
            "size": size, "image": [height, width], "patch": patch, "channels": channels, "pool": pool,
        }  # fmt: skip
        self.dim, self.patch, self.pool, self.recompute = shape.dim, patch, pool, False
        self.grid = (height // patch, width // patch)
        self.cut = nn.Conv2d(channels, shape.dim, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, shape.dim))
        self.blocks = nn.ModuleList([Block(shape.dim, shape.heads) for _ in range(shape.depth)])
        self.norm = nn.LayerNorm(shape.dim)
        self.register_buffer("places", positions(self.grid, shape.dim), persistent=False)
        self.places: Tensor
        _initialise(self)

    def _start(self, x: Float[Tensor, "b c h w"], keep: Int[Tensor, "b k"] | None) -> Float[Tensor, "b 1+t d"]:
        """Cut into patches, add where each is, take those to keep, put the class token in front."""
        if x.shape[-2] % self.patch or x.shape[-1] % self.patch:
            raise ShapeError(f"pictures of {x.shape[-2]} × {x.shape[-1]} cannot be cut into patches of {self.patch}")
        maps = self.cut(x)
        grid = (maps.shape[-2], maps.shape[-1])
        places = self.places if grid == self.grid else positions(grid, self.dim).to(self.places)
        tokens = maps.flatten(2).transpose(1, 2) + places
        if keep is not None:
            tokens = tokens.gather(1, keep[:, :, None].expand(-1, -1, self.dim))
        return torch.cat([self.class_token.expand(len(x), -1, -1).to(tokens.dtype), tokens], dim=1)

    def _run(self, x: Tensor, keep: Tensor | None = None, *, causal: bool = False) -> Float[Tensor, "b 1+t d"]:
        y = self._start(x, keep)
        for block in self.blocks:
            y = block(y, causal=True) if causal else run(block, y, recompute=self.recompute)
        return cast(Tensor, self.norm(y))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Encode a batch."""
        y = self._run(x)
        return y[:, 0] if self.pool == "class" else y[:, 1:].mean(1)

    def tokens(
        self, x: Float[Tensor, "b c h w"], *, keep: Int[Tensor, "b k"] | None = None, causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        """Return a vector for each patch, or for those at the places `keep` alone, which then see only one another."""
        return self._run(x, keep, causal=causal)[:, 1:]

    def intermediates(self, x: Float[Tensor, "b c h w"]) -> Mapping[str, Tensor]:
        """Return the patches' tokens after each block, and the vectors."""
        y = self._start(x, None)
        found = {"patches": y[:, 1:]}
        for number, block in enumerate(self.blocks, 1):
            y = block(y)
            found[f"block{number}"] = y[:, 1:]
        y = self.norm(y)
        return found | {"vector": y[:, 0] if self.pool == "class" else y[:, 1:].mean(1)}

    def fields(self) -> Mapping[str, Field]:
        """Return where a token's patch lies; from the first block on it sees all others."""
        found = {"patches": Field(self.patch, self.patch, 0)}
        after = Field(self.patch, self.patch, 0, everything=True)
        return found | {f"block{number}": after for number in range(1, len(self.blocks) + 1)}

    def attention(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b heads h2 w2"]:
        """Return how much the class token looks at each patch in the last block, a map for each head."""
        y = self._start(x, None)
        for block in list(self.blocks)[:-1]:
            y = block(y)
        last = cast(Block, self.blocks[-1])
        weights = last.attention.weights(last.first_norm(y))[:, :, 0, 1:]
        return weights.reshape(*weights.shape[:2], x.shape[-2] // self.patch, x.shape[-1] // self.patch)


def _initialise(network: ViT) -> None:
    """Draw weights as MAE does: Xavier for layers, a normal of .02 for the class token, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(network.cut.weight.view(network.cut.weight.shape[0], -1))
    nn.init.normal_(network.class_token, std=0.02)
