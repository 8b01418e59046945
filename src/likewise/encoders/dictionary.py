"""A dictionary of patches: pictures in, filters learned without labels and without gradients, a vector each out.

Coates & Ng 2011 and 2012 ("The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization",
ICML; "Learning Feature Representations with K-means"): patches are normalised, whitened and clustered; a picture is how
much each cluster's filter answers in each part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Field
from likewise.errors import DataError, OptionError

SIZES: Final = {"tiny": 200, "small": 400, "base": 800}
"""What the dial means for a dictionary: filters; a vector has 8 dimensions for each."""
CONTRAST: Final = 10 / 255**2  # added to a patch's variance, so that flat patches do not become noise
WHITENING: Final = 0.1  # added to the variance along each principal direction
THRESHOLD: Final = 0.25  # answers below are none
_PARTS = 2  # a picture is taken in 2 × 2 parts
_MAPS = 2**21  # numbers of maps that exist at a time: they stay in the cache
_LEAST = 2  # patches for each filter, fewer cannot be clustered


@dataclass(frozen=True)
class Learned:
    """Filters "k c p p" to take products with, and what is taken off each."""

    filters: Float[Tensor, "k c p p"]
    offsets: Float[Tensor, " k"]


@final
class Dictionary(nn.Module):
    """The answers max(0, ±a − .25) of whitened patches to `filters` filters, averaged over four quarters of a picture.

    a = d · W ((p − mean p) / √(var p + 10 / 255²) − m) for a patch p is found for all patches of a picture by one
    convolution with the filters d · W, and the mean and deviation of each patch. Input: "b c h w" between 0 and 1.
    Order of a vector: quarter by quarter, each the filters' positive answers, then the negative ones; with `out`, so
    many principal components of that, each divided by the root of its deviation, so that the first do not drown the
    others.
    """

    def __init__(self, *, filters: int = 200, patch: int = 6, channels: int = 3, out: int = 0) -> None:
        super().__init__()
        if filters < 1 or patch < 2:
            raise OptionError(
                f"{filters} filters of {patch} × {patch} pixels: take 1 filter or more, patches of 2 or more"
            )
        self.config: dict[str, Any] = {"filters": filters, "patch": patch, "channels": channels, "out": out}
        self.answers, self.patch = _PARTS**2 * 2 * filters, patch
        if not 0 <= out <= self.answers:
            raise OptionError(f"{out} dims of {self.answers} answers: take 0 for all, or fewer than there are")
        self.dim = out or self.answers
        self.register_buffer("mean", torch.zeros(self.answers if out else 0))
        self.register_buffer("components", torch.zeros(self.answers if out else 0, out))
        self.mean: Tensor
        self.components: Tensor
        self.register_buffer("filters", torch.zeros(filters, channels, patch, patch))
        self.register_buffer("offsets", torch.zeros(filters))
        self.filters: Tensor
        self.offsets: Tensor

    def take(self, learned: Learned) -> None:
        """Take filters that were learned."""
        self.filters.copy_(learned.filters)
        self.offsets.copy_(learned.offsets)

    def maps(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        """Return a, the answer of each filter to each patch, with its sign."""
        mean, deviation = _statistics(x, self.patch)
        answers = functional.conv2d(x, self.filters)
        sums = self.filters.sum((1, 2, 3))[:, None, None]
        return answers.addcmul_(mean, sums, value=-1).div_(deviation).sub_(self.offsets[:, None, None])

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Encode a batch; only so many maps exist at a time as fit into the cache."""
        answers = self.tokens(x).flatten(1)
        return (answers - self.mean) @ self.components if self.config["out"] else answers

    def reduce(self, answers: Float[Tensor, "n a"]) -> None:
        """Take the components of some pictures' answers, for `out`; DataError if there are too few."""
        out = self.config["out"]
        if len(answers) <= out:
            raise DataError(
                f"{len(answers):,} pictures have no {out} components: give more pictures, or a smaller --dim"
            )
        mean = answers.double().mean(0)
        centred = answers.double() - mean
        values, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
        kept, scale = directions.flip(1)[:, :out], values.flip(0)[:out].clamp(min=1e-12).sqrt()
        self.mean.copy_(mean)
        self.components.copy_(kept / scale.sqrt())

    def tokens(
        self, x: Float[Tensor, "b c h w"], *, keep: Tensor | None = None, causal: bool = False
    ) -> Float[Tensor, "b 4 e"]:
        """Return a vector for each quarter."""
        if keep is not None or causal:
            raise OptionError(
                "a dictionary sees whole pictures: masking needs a network of tokens, such as encoder vit"
            )
        if min(x.shape[-2:]) < self.patch + 1:
            raise DataError(f"pictures of {x.shape[-2]} × {x.shape[-1]} are too small for patches of {self.patch}")
        places = (x.shape[-2] - self.patch + 1) * (x.shape[-1] - self.patch + 1)
        at_once = max(1, _MAPS // (places * len(self.filters)))
        return torch.cat([self._quarters(x[low : low + at_once]) for low in range(0, len(x), at_once)])

    def _quarters(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 4 e"]:
        """Return the mean answers by quarter.

        With s = a shrunk towards 0 by the threshold, max(0, a − t) = (|s| + s) / 2 and max(0, −a − t) = (|s| − s) / 2:
        two passes over the maps instead of four.
        """
        shrunk = functional.softshrink(self.maps(x), THRESHOLD)
        signed = functional.adaptive_avg_pool2d(shrunk, _PARTS).flatten(2)
        size = functional.adaptive_avg_pool2d(shrunk.abs_(), _PARTS).flatten(2)
        return torch.cat([(size + signed) / 2, (size - signed) / 2], dim=1).transpose(1, 2).contiguous()

    def intermediates(self, x: Float[Tensor, "b c h w"]) -> Mapping[str, Tensor]:
        """Return the filters' answers and the vectors."""
        return {"maps": self.maps(x), "vector": self(x)}

    def fields(self) -> Mapping[str, Field]:
        """Return that a filter sees a patch."""
        return {"maps": Field(self.patch, 1, 0)}


def _statistics(x: Float[Tensor, "b c h w"], patch: int) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each patch, over its pixels and channels alike: "b 1 h2 w2" each."""
    mean = functional.avg_pool2d(x.mean(1, keepdim=True), patch, 1)
    square = functional.avg_pool2d((x * x).mean(1, keepdim=True), patch, 1)
    return mean, (square - mean * mean).clamp(min=0).add_(CONTRAST).sqrt_()


def learn_dictionary(
    read: Callable[[Tensor], Tensor],
    items: int,
    dictionary: Dictionary,
    *,
    seed: int,
    patches: int = 200_000,
    rounds: int = 10,
    told: Callable[[int], None] | None = None,
) -> Learned:
    """Learn filters from random patches; `read(rows)` gives pictures "b c h w" between 0 and 1.

    ZCA whitening, then k-means on the sphere in which a patch belongs to the filter whose answer is the largest,
    whatever its sign. `told` hears how many of the rounds are done. Raises DataError if all patches are flat.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = _normalised(_random_patches(read, items, dictionary, patches, generator))
    mean, whitening = _whitening(drawn)
    white = (drawn - mean) @ whitening.T
    k = len(dictionary.filters)
    if len(white) < _LEAST * k:
        raise DataError(f"{len(white):,} patches are too few for {k} filters: give more pictures, or fewer --filters")
    filters = functional.normalize(torch.randn(k, white.shape[1], generator=generator), dim=1)
    for done in range(rounds):
        filters = _round(white, filters, generator)
        if told is not None:
            told(done + 1)
    products = filters @ whitening
    return Learned(products.view_as(dictionary.filters), products @ mean)


def _random_patches(
    read: Callable[[Tensor], Tensor], items: int, dictionary: Dictionary, count: int, generator: torch.Generator
) -> Float[Tensor, "n e"]:
    """Draw patches from random places of random pictures, many from each, so that few pictures need be read."""
    patch, each = dictionary.patch, 16
    found = []
    for _ in range(0, count, each * 500):
        pictures = read(torch.randint(items, (min(500, max(1, count // each)),), generator=generator))
        b, _, height, width = pictures.shape
        if min(height, width) < patch + 1:
            raise DataError(f"pictures of {height} × {width} are too small for patches of {patch}: give --patch")
        rows, columns = (torch.randint(n - patch + 1, (b, each), generator=generator) for n in (height, width))
        windows = pictures.unfold(2, patch, 1).unfold(3, patch, 1)
        found.append(windows[torch.arange(b)[:, None], :, rows, columns].flatten(0, 1).flatten(1))
    return torch.cat(found)[:count].contiguous()


def _normalised(patches: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
    centred = patches - patches.mean(1, keepdim=True)
    if not bool((centred != 0).any()):
        raise DataError("all pictures are flat, each patch of one colour: there is nothing to learn filters from")
    return centred / (patches.var(1, keepdim=True, correction=0) + CONTRAST).sqrt()


def _whitening(x: Float[Tensor, "n e"]) -> tuple[Tensor, Tensor]:
    """Return the mean, and the symmetric matrix after which all directions vary alike (ZCA)."""
    mean = x.mean(0)
    centred = (x - mean).double()
    values, directions = torch.linalg.eigh(centred.T @ centred / len(x))
    return mean, ((directions / (values + WHITENING).sqrt()) @ directions.T).float()


def _round(x: Float[Tensor, "n e"], filters: Float[Tensor, "k e"], generator: torch.Generator) -> Float[Tensor, "k e"]:
    """Move each filter to the sum of its patches, each by its answer; one that has none becomes a random patch."""
    new = filters.clone()
    for rows in torch.split(x, 20_000):
        answers = rows @ filters.T
        best = answers.abs().argmax(1)
        strength = answers.gather(1, best[:, None])
        new.index_add_(0, best, rows * strength)
    alone = (new - filters).norm(dim=1) == 0
    if bool(alone.any()):
        new[alone] = x[torch.randint(len(x), (int(alone.sum()),), generator=generator)]
    return functional.normalize(new, dim=1)
