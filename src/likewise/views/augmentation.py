"""Augmentation: a batch of pictures uint8 "b c h w" and a draw in; the same pictures changed, float32, out.

A crop, its scaling with antialiasing, a flip and a Gaussian blur are linear along each axis, so together they are two
small matrices a picture. Brightness, contrast, saturation, hue and grey are affine in the colours, so together they are
one matrix of 3 × 4 a picture. What a loop over pictures does in ten passes is then three products over the batch.

Two things differ from a chain of single steps: values are clipped to black and white once, at the end, and not
between the steps; and the blur comes before the colours (the two commute where nothing is clipped).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from likewise.errors import OptionError, ShapeError

if TYPE_CHECKING:
    from torch import Generator

_TRIES = 10  # for a crop that fits into the picture, as torchvision has
_SMALL = 64  # pictures up to this side are treated as SimCLR treats CIFAR-10: half the strength, no blur
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow and torchvision have
_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@dataclass(frozen=True)
class Draw:
    """What was drawn for each picture of a batch, a row each.

    `crop`: top, left, height, width in pixels; `flip`, `grey`, `solarise`: bool; `jitter`: factors of brightness,
    contrast and saturation and the turn of the hue (1 is a full circle); `sigma` of the blur
    in pixels of the result, 0 for none.
    """

    crop: Tensor
    flip: Tensor
    jitter: Tensor
    grey: Tensor
    sigma: Tensor
    solarise: Tensor

    def __getitem__(self, rows: Tensor) -> Draw:
        return Draw(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def of(cls, draws: Sequence[Draw]) -> Draw:
        """Return draws one after the other as one."""
        return cls(*(torch.cat([getattr(one, field.name) for one in draws]) for field in fields(cls)))


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """A random crop scaled to `size` (height, width), a flip, colours, a blur, and normalisation, in SimCLR's order.

    `scale` is the share of the area that a crop has, `ratio` its width by its height. `brightness`, `contrast`,
    `saturation` draw factors from 1 − x to 1 + x, `hue` a turn from −x to x of a circle; all four happen with
    probability `jitter`; without clipping between them their order does not matter. `flip`, `grey`,
    `blur`, `solarise` are probabilities.
    `sigma` is the range of the blur as a share of the shorter side. At last `mean` is taken away, and `std` divided by.

    The hue is turned in the plane of YIQ, which keeps the luminance; in HSV, as in Pillow, it would change.

    >>> batch = torch.zeros(5, 3, 40, 40, dtype=torch.uint8)
    >>> Augmentation(size=(32, 32))(batch, torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3, 32, 32])
    """

    size: tuple[int, int]
    scale: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    grey: float = 0.2
    blur: float = 0.0
    sigma: tuple[float, float] = (0.1 / 224, 2.0 / 224)
    solarise: float = 0.0
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)

    def __post_init__(self) -> None:
        for name in ("flip", "jitter", "grey", "blur", "solarise"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name}={getattr(self, name)}: it is a probability, from 0 to 1")
        for name in ("brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name}={getattr(self, name)}: it is how far a factor moves from 1, from 0 to 1")
        if not 0 <= self.hue <= 0.5:
            raise OptionError(f"hue={self.hue}: it is a part of a circle, from 0 to 0.5")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise OptionError(f"scale={self.scale}: it is two shares of the area, above 0 and up to 1, smaller first")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise OptionError(f"ratio={self.ratio}: it is width by height, two numbers above 0, smaller first")
        if min(self.size) < 1:
            raise OptionError(f"size={self.size}: a picture is at least 1 pixel high and wide")
        if not all(value > 0 for value in self.std):
            raise OptionError(f"std={self.std}: it is divided by, so it is above 0")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Draw for each picture of `batch` and change it: uint8 "b c h w" → float32 "b c H W"."""
        return self.apply(batch, self.draw(len(batch), (batch.shape[2], batch.shape[3]), generator))

    def several(self, batch: Tensor, generator: Generator, count: int) -> tuple[Tensor, ...]:
        """Return what `count` calls would, in one go: on an accelerator starting the work costs more than doing it."""
        draws = [self.draw(len(batch), (batch.shape[2], batch.shape[3]), generator) for _ in range(count)]
        if batch.device.type == "cpu":
            return tuple(self.apply(batch, draw) for draw in draws)
        return self.apply(batch.repeat(count, 1, 1, 1), Draw.of(draws)).chunk(count)

    def draw(self, n: int, picture: tuple[int, int], generator: Generator) -> Draw:
        """Draw for `n` pictures of height and width `picture`; the same numbers are drawn whatever is switched off."""
        uniform = torch.rand(n, 10 + 3 * _TRIES, generator=generator, device=generator.device)
        factors = _constant((self.brightness, self.contrast, self.saturation), uniform.device)
        shaken = uniform[:, 0] < self.jitter
        jitter = torch.cat([1 + factors * (2 * uniform[:, 1:4] - 1), self.hue * (2 * uniform[:, 4:5] - 1)], 1)
        still = _constant((1.0, 1.0, 1.0, 0.0), uniform.device)
        low, high = (share * min(self.size) for share in self.sigma)
        return Draw(
            crop=self._crops(uniform[:, 10:].view(n, 3, _TRIES), picture),
            flip=uniform[:, 5] < self.flip,
            jitter=torch.where(shaken[:, None], jitter, still),
            grey=uniform[:, 6] < self.grey,
            sigma=torch.where(uniform[:, 7] < self.blur, low + (high - low) * uniform[:, 8], 0.0),
            solarise=uniform[:, 9] < self.solarise,
        )

    def apply(self, batch: Tensor, draw: Draw) -> Tensor:
        """Change the pictures of `batch` as drawn: uint8 "b c h w" → float32 "b c H W"."""
        check(batch)
        draw = Draw(*(getattr(draw, field.name).to(batch.device) for field in fields(draw)))
        shown = _resampled(batch, draw, self.size, blurred=self.blur > 0)
        if self.jitter > 0 or self.grey > 0:
            shown = _coloured(shown, draw)
        shown = shown.clamp_(0, 1)
        if self.solarise > 0:
            shown = torch.where(draw.solarise[:, None, None, None] & (shown >= 0.5), 1 - shown, shown)
        return normalised(shown, self.mean, self.std)

    def _crops(self, uniform: Tensor, picture: tuple[int, int]) -> Tensor:
        """Return top, left, height and width: of several tries the first that fits, else all that the ratio allows."""
        high, wide = picture
        area = high * wide * (self.scale[0] + (self.scale[1] - self.scale[0]) * uniform[:, 0])
        low, top = math.log(self.ratio[0]), math.log(self.ratio[1])
        ratio = torch.exp(low + (top - low) * uniform[:, 1])
        width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (width >= 1) & (height >= 1) & (width <= wide) & (height <= high)
        first = fits.to(torch.uint8).argmax(1, keepdim=True)
        none = ~fits.any(1)
        height = torch.where(none, min(high, round(wide / self.ratio[0])), height.gather(1, first)[:, 0])
        width = torch.where(none, min(wide, round(high * self.ratio[1])), width.gather(1, first)[:, 0])
        place = uniform[:, 2]
        down = torch.where(none, 0.5, place[:, 0]) * (high - height + 1)
        right = torch.where(none, 0.5, place[:, 1]) * (wide - width + 1)
        top_left = (torch.minimum(down.floor(), high - height), torch.minimum(right.floor(), wide - width))
        return torch.stack([*top_left, height, width], 1)


def simclr(size: tuple[int, int], *, strength: float | None = None, **changes: object) -> Augmentation:
    """Return SimCLR's augmentation (Chen et al. 2020, appendix A) for pictures of `size`.

    `strength` 1 is that for ImageNet: colours .8, hue .2. Up to 64 pixels a side it is .5 as for CIFAR-10, without
    blur, and crops begin at a fifth of the area and not at .08. `changes` are fields of `Augmentation`.
    """
    small = max(size) <= _SMALL
    s = (0.5 if small else 1.0) if strength is None else strength
    if not 0 <= s <= 1.25:
        raise OptionError(
            f"strength={s}: it is from 0 (no change of colour) to 1.25; SimCLR has 1, for small pictures .5"
        )
    colours = {"brightness": 0.8 * s, "contrast": 0.8 * s, "saturation": 0.8 * s, "hue": 0.2 * s}
    made = Augmentation(size=size, scale=(0.2 if small else 0.08, 1.0), blur=0.0 if small else 0.5, **colours)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


def check(batch: Tensor) -> None:
    """Raise ShapeError for what is no batch of pictures."""
    if batch.ndim != 4 or batch.dtype != torch.uint8 or batch.shape[1] not in (1, 3):
        shape = "×".join(map(str, batch.shape))
        raise ShapeError(f"a batch {shape} of {batch.dtype} came: pictures are uint8, b×c×h×w with 1 or 3 channels")


def normalised(shown: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Take the mean away and divide by the deviation, in place; one number, or one a channel."""
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, shown.shape[1]):
            raise ShapeError(f"{name} has {len(values)} numbers for {shown.shape[1]} channels: give one, or one each")
    middle, width = (_constant(tuple(values), shown.device).view(1, -1, 1, 1) for values in (mean, std))
    return shown.sub_(middle).div_(width)


def whole(batch: Tensor, size: tuple[int, int]) -> Tensor:
    """Return pictures as they are, 0 to 1: scaled, with antialiasing, to cover `size`, and cut on both sides alike."""
    check(batch)
    high, wide = int(batch.shape[2]), int(batch.shape[3])
    if (high, wide) == size:
        return batch.to(torch.float32).div_(255)
    scale = min(high / size[0], wide / size[1])
    height, width = size[0] * scale, size[1] * scale
    crop = torch.tensor([[(high - height) / 2, (wide - width) / 2, height, width]], device=batch.device)
    return _products(batch, *(m.expand(len(batch), -1, -1) for m in _matrices(crop, (high, wide), size))).clamp_(0, 1)


def _resampled(batch: Tensor, draw: Draw, size: tuple[int, int], *, blurred: bool) -> Tensor:
    rows, columns = _matrices(draw.crop, (int(batch.shape[2]), int(batch.shape[3])), size)
    if blurred:
        rows = torch.bmm(_blurring(draw.sigma, size[0]), rows)
        columns = torch.bmm(_blurring(draw.sigma, size[1]), columns)
    columns = torch.where(draw.flip[:, None, None], columns.flip(1), columns)
    return _products(batch, rows, columns)


def _products(batch: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return rows · picture / 255 · columnsᵀ of each channel: "b c H W"."""
    b, c, h, w = batch.shape
    pixels = batch.to(torch.float32).reshape(b, c * h, w)
    across = torch.bmm(pixels, (columns / 255).transpose(1, 2)).view(b, c, h, -1)
    return torch.matmul(rows[:, None], across)


def _matrices(crop: Tensor, picture: tuple[int, int], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return "b H h" and "b W w": how each row and column of the result is made of those of the picture."""
    top, left, height, width = crop.to(torch.float32).unbind(1)
    return _triangles(top, height, picture[0], size[0]), _triangles(left, width, picture[1], size[1])


def _triangles(start: Tensor, length: Tensor, old: int, new: int) -> Tensor:
    """Return the weights "b new old" of bilinear scaling with antialiasing of a stretch of each row, as Pillow has."""
    scale = (length / new)[:, None, None]
    begin, end = start[:, None, None], (start + length)[:, None, None]
    centre = begin + scale * (torch.arange(new, device=start.device)[:, None] + 0.5)
    at = torch.arange(old, device=start.device) + 0.5
    weights = (1 - (at - centre).abs() / scale.clamp(min=1)).clamp_(min=0)
    weights = weights * ((at > begin) & (at < end))
    return weights / weights.sum(2, keepdim=True)


def _blurring(sigma: Tensor, n: int) -> Tensor:
    """Return the weights "b n n" of a Gaussian blur along an axis, mirrored at the edges; the identity where σ is 0."""
    i = torch.arange(n, device=sigma.device)
    i, j = i[:, None], i[None, :]
    narrow = sigma.clamp(min=1e-3)[:, None, None]

    def weight(distance: Tensor) -> Tensor:
        return torch.exp(-0.5 * (distance / narrow) ** 2)

    weights = weight(i - j) + (j > 0) * weight(i + j) + (j < n - 1) * weight(2 * (n - 1) - j - i)
    return weights / weights.sum(2, keepdim=True)


def _coloured(shown: Tensor, draw: Draw) -> Tensor:
    """Change the colours of pictures "b c h w", 0 to 1, by one affine map each; nothing is clipped."""
    b, c, h, w = shown.shape
    flat = shown.view(b, c, h * w)
    matrix, offset = _colour_maps(flat.mean(2), draw)
    return torch.baddbmm(offset[:, :, None], matrix, flat).view(b, c, h, w)


def _colour_maps(mean: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Return "b c c" and "b c": all steps of colour of each picture as one affine map.

    `mean` "b c" are the colours in the mean: contrast moves a picture towards its grey in the mean. Brightness scales
    all; contrast scales about that grey; saturation and hue scale and turn what a colour has beside its luminance.
    None of them changes what another one goes by, so their order does not matter.
    """
    c = mean.shape[1]
    identity = torch.eye(c, device=mean.device)
    luma = _constant(_LUMA if c == 3 else (1.0,), mean.device)
    to_grey = luma.expand(c, c)
    bright, contrast, colour = (draw.jitter[:, i, None, None] for i in (BRIGHTNESS, CONTRAST, SATURATION))
    matrix = bright * contrast * torch.bmm(_hue(draw, c), colour * identity + (1 - colour) * to_grey)
    offset = ((1 - contrast) * bright)[:, :, 0] * (mean @ luma)[:, None]
    last = torch.where(draw.grey[:, None, None], to_grey, identity)
    return torch.bmm(last, matrix), offset.expand(-1, c)


def _hue(draw: Draw, c: int) -> Tensor:
    """Return matrices "b c c" that turn the colours by a part of a circle in the plane of I and Q."""
    turn = -2 * math.pi * draw.jitter[:, HUE]  # the sense in which the hue of HSV grows
    if c == 1:
        return torch.ones(len(turn), 1, 1, device=turn.device)
    still, cosine, sine = _turning(turn.device)
    turned = torch.addcmul(still, turn.cos()[:, None, None], cosine)
    return turned.addcmul_(turn.sin()[:, None, None], sine)


@lru_cache(8)
def _turning(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return matrices A, B and C of colours: a turn by φ in the plane of I and Q is A + B cos φ + C sin φ."""
    yiq = torch.tensor(_YIQ, dtype=torch.float64)
    back = torch.linalg.inv(yiq)
    parts = torch.tensor([
        [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
    ], dtype=torch.float64)  # fmt: skip
    still, cosine, sine = (back @ parts @ yiq).to(torch.float32).to(device)
    return still, cosine, sine


@lru_cache(64)
def _constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return numbers on a device, where they were copied once: each copy waits for what runs there."""
    return torch.tensor(values, dtype=torch.float32, device=device)
