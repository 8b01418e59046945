"""Small pictures: a seed in, rendered pictures whose factors are known out.

They serve the tests and the demo, which need pictures whose truth is known and that every machine can make. A shape
of one colour and texture stands somewhere, turned and scaled, before a background. Its class is the shape, which raw
pixels tell badly: place, turn, colours and the background move them more.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8

from likewise.contracts import Array
from likewise.sources.images import ImageSource, open_images

SHAPES = ("disc", "square", "triangle", "cross", "ring", "bar")
COLOURS = ("red", "yellow", "green", "cyan", "blue", "magenta")
TEXTURES = ("plain", "stripes", "checks", "dots")
BACKGROUNDS = ("plain", "gradient", "waves", "patches")
_BLOCK = 512  # pictures rendered at a time


@dataclass(frozen=True)
class SmallPictures:
    """`pixels` and, for each picture, the number of its class by factor; `names` are those of the classes."""

    pixels: UInt8[Array, "n h w 3"]
    factors: dict[str, Int64[Array, " n"]]
    names: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.pixels)

    def labels(self, factor: str = "shape") -> list[str]:
        """Return the name of each picture's class."""
        return [self.names[factor][number] for number in self.factors[factor]]

    def source(self, factor: str = "shape") -> ImageSource:
        """Return them as a source, labelled by a factor; the others are metadata."""
        source = open_images(self.pixels, labels=self.labels(factor), name="small pictures")
        source.metadata.update({other: self.labels(other) for other in self.factors if other != factor})
        return source


def small_pictures(n: int = 2000, *, seed: int = 0, size: int = 32) -> SmallPictures:
    """Render `n` pictures of `size` × `size` pixels; the same seed makes the same.

    >>> pictures = small_pictures(3)
    >>> pictures.pixels.shape, bool((pictures.pixels == small_pictures(3).pixels).all())
    ((3, 32, 32, 3), True)
    """
    rng = np.random.default_rng(seed)
    names = {"shape": SHAPES, "colour": COLOURS, "texture": TEXTURES, "background": BACKGROUNDS}
    factors = {name: rng.integers(len(classes), size=n) for name, classes in names.items()}
    blocks = []
    for start in range(0, n, _BLOCK):
        block = {name: numbers[start : start + _BLOCK] for name, numbers in factors.items()}
        blocks.append(_rendered(block, size, rng))
    pixels = np.concatenate(blocks) if blocks else np.empty((0, size, size, 3), np.uint8)
    return SmallPictures(pixels, factors, names)


def _rendered(factors: dict[str, Int64[Array, " b"]], size: int, rng: np.random.Generator) -> UInt8[Array, "b h w 3"]:
    n = len(factors["shape"])
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    background = _background(factors["background"], x, y, rng)
    centre = rng.uniform(-0.25, 0.25, (2, n, 1, 1))
    scale, turn = rng.uniform(0.45, 0.7, (n, 1, 1)), rng.uniform(-0.5, 0.5, (n, 1, 1))
    dx, dy = (x - centre[0]) / scale, (y - centre[1]) / scale
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    edge = 2 / size / scale  # a pixel, in units of the shape
    inside = np.clip(0.5 - _distance(factors["shape"], u, v) / edge, 0, 1)[..., None]
    colour = _colours(factors["colour"] / len(COLOURS) + rng.uniform(-0.06, 0.06, n), rng)
    shade = 1 - 0.55 * _texture(factors["texture"], u, v, rng)
    shown = colour[:, None, None] * shade[..., None] * inside + background * (1 - inside)
    shown = shown * rng.uniform(0.6, 1.1, (n, 1, 1, 1)) + rng.normal(0, 0.03, shown.shape)
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def _distance(shape: Int64[Array, " b"], u: Array, v: Array) -> Float[Array, "b h w"]:
    """Return how far each place is outside the outline of its shape; below 0 inside. Areas are much alike."""
    r, au, av = np.hypot(u, v), np.abs(u), np.abs(v)
    outlines = [
        r - 0.9,
        np.maximum(au, av) - 0.8,
        np.maximum(au * 0.866 + v * 0.5, -v) - 0.6,
        np.maximum(np.minimum(au, av) - 0.32, np.maximum(au, av) - 1),
        np.abs(r - 0.75) - 0.24,
        np.maximum(au - 1.1, av - 0.4),
    ]
    return _picked(shape, outlines)


def _texture(texture: Int64[Array, " b"], u: Array, v: Array, rng: np.random.Generator) -> Float[Array, "b h w"]:
    """Return how dark the texture is at each place, 0 to 1."""
    rate = rng.uniform(7, 10, (len(texture), 1, 1))
    a, b = np.sin(rate * u), np.sin(rate * v)
    return _picked(texture, [np.zeros_like(a), (a > 0) * 1.0, (a * b > 0) * 1.0, (a * b > 0.4) * 1.0])


def _background(kind: Int64[Array, " b"], x: Array, y: Array, rng: np.random.Generator) -> Float[Array, "b h w 3"]:
    """Return backgrounds between two colours of any hue, paler and darker than shapes are."""
    n = len(kind)
    turn = rng.uniform(0, 2 * np.pi, (2, n, 1, 1))
    phase, rate = rng.uniform(0, 6, (n, 1, 1)), rng.uniform(3, 8, (n, 1, 1))
    along = x * np.cos(turn[0]) + y * np.sin(turn[0])
    across = x * np.cos(turn[1]) + y * np.sin(turn[1])
    waves = 0.5 + 0.5 * np.sin(rate * along + phase)
    patches = 1 / (1 + np.exp(-6 * np.sin(rate * along + phase) * np.sin(rate * across)))
    mixed = _picked(kind, [np.zeros_like(along), (along + 1.5) / 3, waves, patches])[..., None]
    one, other = (0.1 + 0.5 * _colours(rng.uniform(0, 1, n), rng) for _ in range(2))
    shown: Array = one[:, None, None] * (1 - mixed) + other[:, None, None] * mixed
    return shown


def _colours(hue: Float[Array, " b"], rng: np.random.Generator) -> Float[Array, "b 3"]:
    saturation, value = rng.uniform(0.5, 1, len(hue)), rng.uniform(0.55, 1, len(hue))
    colours = [colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in zip(hue, saturation, value, strict=True)]
    return np.array(colours).reshape(-1, 3)


def _picked(numbers: Int64[Array, " b"], choices: list[Array]) -> Float[Array, "b h w"]:
    """Return for each picture its row of the choice with its number."""
    picked: Array = np.stack(choices)[numbers, np.arange(len(numbers))]
    return picked
