"""Views of pictures: a batch uint8 "b c h w" in; crops, or one picture and what of it is seen, out.

Each class is a View: it draws from the generator that it is given and from nothing else, a number of times that does
not depend on what it draws, and treats the whole batch at once on its device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from likewise.contracts import Views
from likewise.errors import OptionError
from likewise.views.augmentation import Augmentation, check, normalised, simclr, whole

if TYPE_CHECKING:
    from torch import Generator

Grid = tuple[int, int]
"""Patches down and across."""


def mean_and_deviation(batch: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of pictures uint8 "b c h w", on the scale from 0 to 1."""
    check(batch)
    pixels = batch.to(torch.float32) / 255
    deviation = pixels.std((0, 2, 3), correction=0).clamp(min=1e-3)
    return tuple(pixels.mean((0, 2, 3)).tolist()), tuple(deviation.tolist())


@dataclass(frozen=True)
class Plain:
    """Pictures as they are, scaled to cover `size` and normalised: to embed and to measure."""

    size: tuple[int, int]
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)

    def __call__(self, batch: Tensor, generator: Generator | None = None, *, labels: Tensor | None = None) -> Views:
        """Return one input; nothing is drawn."""
        return Views((normalised(whole(batch, self.size), self.mean, self.std),), labels=labels)


@dataclass(frozen=True)
class TwoCrops:
    """Two random crops of each picture, changed in colour: what contrast, decorrelation and distillation compare.

    `first` and `second` are the augmentations of the two; one is used for both where `second` is not given.
    """

    first: Augmentation
    second: Augmentation | None = None

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return two inputs."""
        if self.second is None or self.second == self.first:
            return Views(self.first.several(batch, generator, 2), labels=labels)
        return Views((self.first(batch, generator), self.second(batch, generator)), labels=labels)


def two_crops(
    size: tuple[int, int],
    *,
    strength: float | None = None,
    asymmetric: bool = False,
    mean: tuple[float, ...] = (0.5,),
    std: tuple[float, ...] = (0.25,),
) -> TwoCrops:
    """Return SimCLR's two crops; `asymmetric` is BYOL's pair, of which the second is also solarised (.2).

    BYOL blurs the first always and the second with .1 (Grill et al. 2020, appendix B); small pictures are not blurred.
    """
    first = simclr(size, strength=strength, mean=mean, std=std)
    if not asymmetric:
        return TwoCrops(first)
    blurs = first.blur > 0
    return TwoCrops(replace(first, blur=1.0 * blurs), replace(first, blur=0.1 * blurs, solarise=0.2))


@dataclass(frozen=True)
class MultiCrop:
    """Some crops of much of a picture, then more and smaller ones of little of it (SwAV; DINO, Caron et al. 2021).

    The inputs are `globals` crops of `first.size`, then `locals` crops of `local_size`: half of it by default.
    """

    first: Augmentation
    globals: int = 2
    locals: int = 4
    local_size: tuple[int, int] | None = None
    global_scale: tuple[float, float] = (0.4, 1.0)
    local_scale: tuple[float, float] = (0.1, 0.4)

    def __post_init__(self) -> None:
        if self.globals < 1 or self.locals < 0:
            raise OptionError(f"globals={self.globals}, locals={self.locals}: 1 or more, and 0 or more")

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return the large crops, then the small ones; the second large one is also solarised (.2)."""
        wide = replace(self.first, scale=self.global_scale)
        half = (math.ceil(wide.size[0] / 2), math.ceil(wide.size[1] / 2))
        near = replace(self.first, scale=self.local_scale, size=self.local_size or half)
        large = [wide if i != 1 else replace(wide, solarise=0.2) for i in range(self.globals)]
        small = near.several(batch, generator, self.locals) if self.locals else ()
        return Views((*(change(batch, generator) for change in large), *small), labels=labels)


def light(size: tuple[int, int], *, mean: tuple[float, ...] = (0.5,), std: tuple[float, ...] = (0.25,)) -> Augmentation:
    """Return what masking and prediction need of augmentation: a large crop and a flip, no colours."""
    return Augmentation(size=size, scale=(0.3, 1.0), jitter=0, grey=0, mean=mean, std=std)


@dataclass(frozen=True)
class MaskedPatches:
    """One picture, of which `share` of the patches are hidden at random (MAE, He et al. 2022).

    `keep` are the places that are seen "b k", then those that are hidden, each in rising order.
    """

    first: Augmentation
    grid: Grid
    share: float = 0.75

    def __post_init__(self) -> None:
        hidden = round(math.prod(self.grid) * self.share)
        if not 0 < hidden < math.prod(self.grid):
            raise OptionError(
                f"share={self.share} of {math.prod(self.grid)} patches hides {hidden}: hide at least one, and leave one"
            )

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return one input, and the places that are seen and hidden."""
        shown, n = self.first(batch, generator), math.prod(self.grid)
        order = torch.rand(len(batch), n, generator=generator, device=generator.device).argsort(1).to(batch.device)
        left = n - round(n * self.share)
        seen, hidden = order[:, :left], order[:, left:]
        return Views((shown,), (seen.sort(1).values, hidden.sort(1).values), labels)


@dataclass(frozen=True)
class JepaBlocks:
    """One picture, a block of it that is seen, and blocks to be told from it (I-JEPA, Assran et al. 2023).

    `keep` are the places of the context "b k", then those of each of the `targets`. As in the authors' code the size of
    the blocks is drawn once a batch, their places for each picture; what targets cover is taken out of the context, and
    the context is cut to the shortest of the batch. Where too little is left, the last targets may overlap it.
    """

    first: Augmentation
    grid: Grid
    targets: int = 4
    target_scale: tuple[float, float] = (0.15, 0.2)
    target_ratio: tuple[float, float] = (0.75, 1.5)
    context_scale: tuple[float, float] = (0.85, 1.0)

    def __post_init__(self) -> None:
        if min(self.grid) < 2 or math.prod(self.grid) < 8:
            raise OptionError(
                f"grid={self.grid}: blocks need at least 8 patches, 2 or more each way; use smaller patches"
            )
        if self.targets < 1:
            raise OptionError(f"targets={self.targets}: 1 or more")

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return one input, and the places of the context and of each target."""
        shown = self.first(batch, generator)
        sizes = torch.rand(3, generator=generator, device=generator.device).tolist()
        places = torch.rand(len(batch), self.targets + 1, 2, generator=generator, device=generator.device)
        target = self._block(self.target_scale, self.target_ratio, sizes[0], sizes[1])
        context = self._block(self.context_scale, (1.0, 1.0), sizes[2], 0.0)
        blocks = [self._mask(target, places[:, i]) for i in range(self.targets)]
        seen = self._context(self._mask(context, places[:, -1]), torch.stack(blocks, 1))
        keep = (_positions(seen), *(_positions(block) for block in blocks))
        return Views((shown,), tuple(positions.to(batch.device) for positions in keep), labels)

    def _block(self, scale: tuple[float, float], ratio: tuple[float, float], a: float, b: float) -> Grid:
        """Return height and width of a block, in patches: at least 1, and less than the grid where it is a target."""
        area = math.prod(self.grid) * (scale[0] + (scale[1] - scale[0]) * a)
        aspect = ratio[0] + (ratio[1] - ratio[0]) * b
        high, wide = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        return max(1, min(high, self.grid[0])), max(1, min(wide, self.grid[1]))

    def _mask(self, block: Grid, place: Tensor) -> Tensor:
        """Return "b n": the patches of a block that lies at `place` "b 2" (0 to 1 of where it can lie)."""
        top = (place[:, 0] * (self.grid[0] - block[0] + 1)).floor()[:, None]
        left = (place[:, 1] * (self.grid[1] - block[1] + 1)).floor()[:, None]
        down, across = (torch.arange(n, device=place.device) for n in self.grid)
        rows, columns = (down >= top) & (down < top + block[0]), (across >= left) & (across < left + block[1])
        return (rows[:, :, None] & columns[:, None, :]).flatten(1)

    def _context(self, block: Tensor, targets: Tensor) -> Tensor:
        """Return the block without the targets "b t n"; where too few patches are left, the last targets stay in it."""
        least = max(1, round(math.prod(self.grid) / 20))
        seen = block
        for used in range(self.targets + 1):
            without = block & ~targets[:, :used].any(1)
            seen = torch.where((without.sum(1) >= least)[:, None], without, seen)
        return seen


def _positions(mask: Tensor) -> Tensor:
    """Return the places that are set, "b k" in rising order; k is the fewest of the batch, the rest is cut off."""
    k = int(mask.sum(1).min()) if len(mask) else 0
    return torch.sort(mask.to(torch.uint8), dim=1, descending=True, stable=True).indices[:, :k]
