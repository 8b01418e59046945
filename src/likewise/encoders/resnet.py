"""A residual network of convolutions: batches of pictures in, a vector each out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Field
from likewise.encoders.blocks import Residual, normalisation, run
from likewise.errors import OptionError, ShapeError


@dataclass(frozen=True)
class Shape:
    """Widths of the stem and of the stages, residual blocks in each stage, and by how much each shrinks the maps."""

    stem: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    strides: tuple[int, ...]


SIZES: Final = {
    "tiny": Shape(32, (48, 96, 192), (1, 1, 1), (2, 2, 2)),  # 0.7 M parameters, a quarter of the work of small
    "small": Shape(32, (32, 64, 128, 256), (2, 2, 2, 2), (1, 2, 2, 2)),  # 2.8 M: ResNet-18 of half the width
    "base": Shape(64, (64, 128, 256, 512), (2, 2, 2, 2), (1, 2, 2, 2)),  # 11 M: ResNet-18
}
"""What the dial means for this network."""
PATCH: Final = 5
"""Side of the filters of the stem that is clustered from patches."""
_STEMS: Final = {"small": (3, 1, 1), "patches": (PATCH, 1, PATCH // 2), "large": (7, 2, 3)}  # side, stride, padding


@final
class ResNet(nn.Module):
    """He et al. 2016 (arXiv:1512.03385) with basic blocks; a vector is the mean over the last maps.

    `stem` small: a 3×3 convolution that keeps the size, for pictures of 64 pixels or less; patches: a 5×5 one that
    does, too, and is made to begin with filters that were clustered (`take_filters`); large: the paper's 7×7
    convolution and pooling, which shrink it by 4. Input: normalised float32 "b c h w".
    """

    def __init__(self, *, size: str = "tiny", channels: int = 3, stem: str = "small", norm: str = "batch") -> None:
        super().__init__()
        if size not in SIZES or stem not in _STEMS or norm not in ("batch", "group"):
            raise OptionError(
                f"a ResNet of size {size!r}, stem {stem!r}, norm {norm!r}: size is {', '.join(SIZES)}, stem "
                f"{', '.join(_STEMS)}, norm batch or group"
            )
        shape = SIZES[size]
        self.config: dict[str, Any] = {"size": size, "channels": channels, "stem": stem, "norm": norm}
        self.dim, self.recompute = shape.widths[-1], False
        self.stem = nn.Sequential(
            nn.Conv2d(channels, shape.stem, *_STEMS[stem], bias=False),
            normalisation(norm, shape.stem),
            nn.ReLU(inplace=True),
        )
        self.shrink = nn.MaxPool2d(3, 2, 1) if stem == "large" else nn.Identity()
        stages, width = [], shape.stem
        for wanted, count, stride in zip(shape.widths, shape.blocks, shape.strides, strict=True):
            blocks = [Residual(width if i == 0 else wanted, wanted, stride=stride if i == 0 else 1, norm=norm)
                      for i in range(count)]  # fmt: skip
            stages.append(nn.Sequential(*blocks))
            width = wanted
        self.stages = nn.ModuleList(stages)
        _initialise(self)

    def take_filters(self, filters: Float[Tensor, "k c p p"]) -> None:
        """Begin with these first filters, each as long as those that were drawn are on average; they learn on.

        Raises ShapeError where their shape is another.
        """
        first = cast(nn.Conv2d, self.stem[0]).weight
        if filters.shape != first.shape:
            raise ShapeError(f"filters {tuple(filters.shape)} came for a first layer of {tuple(first.shape)}")
        with torch.no_grad():
            length = first.flatten(1).norm(dim=1).mean()
            first.copy_(functional.normalize(filters.flatten(1), dim=1).view_as(first) * length)

    def maps(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """Return the last maps."""
        x = self.shrink(self.stem(x))
        for stage in self.stages:
            x = run(stage, x, recompute=self.recompute)
        return x

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Encode a batch."""
        return functional.adaptive_avg_pool2d(self.maps(x), 1).flatten(1)

    def tokens(
        self, x: Float[Tensor, "b c h w"], *, keep: Tensor | None = None, causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        """Return a vector for each place of the last maps, row by row."""
        if keep is not None or causal:
            raise OptionError("a ResNet sees whole pictures: masking needs a network of tokens, such as encoder vit")
        return self.maps(x).flatten(2).transpose(1, 2)

    def intermediates(self, x: Float[Tensor, "b c h w"]) -> Mapping[str, Tensor]:
        """Return the maps after the stem and after each stage, and the vectors."""
        found = {"stem": self.shrink(self.stem(x))}
        for number, stage in enumerate(self.stages, 1):
            found[f"stage{number}"] = stage(next(reversed(found.values())))
        return found | {"vector": next(reversed(found.values())).mean((2, 3))}

    def fields(self) -> Mapping[str, Field]:
        """Return what a unit of the stem and of each stage sees; with group normalisation the mean of all places, too.

        Of two ways through a block the wider counts.
        """
        first = cast(nn.Conv2d, self.stem[0])
        field = Field(1, 1, 0).then(first.kernel_size[0], first.stride[0], int(first.padding[0]))
        found = {"stem": field.then(3, 2, 1) if isinstance(self.shrink, nn.MaxPool2d) else field}
        for number, stage in enumerate(self.stages, 1):
            field = next(reversed(found.values()))
            for block in cast(nn.Sequential, stage):
                field = field.then(3, cast(Residual, block).first.stride[0], 1).then(3, 1, 1)
            found[f"stage{number}"] = field
        return found


def _initialise(network: nn.Module) -> None:
    """Draw the weights as He et al. 2015 (arXiv:1502.01852), and let each residual branch begin as nothing.

    The last normalisation of a branch starts at 0 (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for module in network.modules():
        if isinstance(module, Residual):
            nn.init.zeros_(module.second_norm.weight)  # type: ignore[arg-type]
