"""Masking: pictures and the places that are seen in, a loss of what is told of the hidden ones out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likewise.contracts import Loss, PatchNetwork, Views, Z
from likewise.objectives.decoder import Decoder, hidden, patches_of, seen_in_part
from likewise.objectives.objective import Learning, full_precision, traits
from likewise.transformer import taken

_FLAT = 1e-6  # added to a patch's variance, from the paper's code


def cut(x: Float[Tensor, "b c h w"], patch: int) -> Float[Tensor, "b t p"]:
    """Return the patches of pictures row by row, each as one vector."""
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // patch, patch, w // patch, patch)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, patch * patch * c)


def join(patches: Float[Tensor, "b t p"], grid: tuple[int, int], patch: int) -> Float[Tensor, "b c h w"]:
    """Return the pictures that `cut` has cut."""
    x = patches.reshape(len(patches), *grid, patch, patch, -1)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, grid[0] * patch, grid[1] * patch)


@full_precision
def normalised(patches: Float[Tensor, "b t p"]) -> Float[Tensor, "b t p"]:
    """Return each patch less its mean, over √(its variance + 1e-6), the variance dividing by p − 1."""
    variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return (patches - mean) / (variance + _FLAT).sqrt()


@full_precision
def reconstruction_error(told: Float[Tensor, "b h p"], pixels: Float[Tensor, "b h p"]) -> Float[Tensor, ""]:
    """Return the mean over hidden patches and their pixels of (told − pixels)² (He et al. 2022, section 3)."""
    return (told - pixels).square().mean()


@final
class MAE(Learning):
    """He et al. 2022 (arXiv:2111.06377): a network sees some patches, a decoder tells the pixels of all others.

    `views.keep[0]` are the places that are seen. `normalise`: pixels are those of each patch by itself, normalised,
    the better target in the paper; then telling each patch's mean costs 1 − 1/p, p the numbers in a patch.
    """

    embeds = ()

    def __init__(
        self, network: PatchNetwork, *, channels: int = 3, dim: int = 128, depth: int = 2, heads: int = 4,
        normalise: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        network = patches_of(network, "MAE")
        self.numbers = network.patch**2 * channels
        self.decoder = Decoder(network, self.numbers, dim=dim, depth=depth, heads=heads)
        self.normalise = normalise

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z", the mean token of what is seen, and of the hidden patches what is "told" and their "pixels"."""
        patches = cast(PatchNetwork, network)
        x, seen = seen_in_part(views, patches, "MAE", kept=1), views.keep[0]
        tokens = patches.tokens(x, keep=seen)
        asked = hidden(seen, patches.grid[0] * patches.grid[1])
        pixels = taken(cut(x, patches.patch), asked)
        told = self.decoder(tokens, seen, asked)
        return {
            "z": tokens.mean(1, keepdim=True), "told": told, "pixels": normalised(pixels) if self.normalise else pixels
        }  # fmt: skip

    def loss(self, z: Z) -> Loss:
        """Return `reconstruction_error`."""
        total = reconstruction_error(z["told"], z["pixels"])
        return Loss(total, {"reconstruction": total})

    @torch.no_grad()
    def errors(self, network: nn.Module, views: Views) -> Float[Tensor, " b"]:
        """Return `reconstruction_error` picture by picture, for whoever measures."""
        z = self.encode(network, views)
        return torch.stack([reconstruction_error(*pair) for pair in zip(z["told"], z["pixels"], strict=True)])

    @torch.no_grad()
    def reconstruct(
        self, network: nn.Module, x: Float[Tensor, "b c h w"], seen: Int[Tensor, "b k"]
    ) -> Float[Tensor, "b c h w"]:
        """Return pictures with the hidden patches as the decoder tells them, for people to look at.

        With `normalise` a patch's own mean and deviation are put back, as in the authors' pictures: the network did not
        tell those.
        """
        cutter = cast(PatchNetwork, network)
        patches, asked = cut(x, cutter.patch), hidden(seen, cutter.grid[0] * cutter.grid[1])
        told = self.decoder(cutter.tokens(x, keep=seen), seen, asked).to(patches.dtype)
        if self.normalise:
            variance, mean = torch.var_mean(taken(patches, asked), dim=-1, keepdim=True)
            told = told * (variance + _FLAT).sqrt() + mean
        filled = patches.scatter(1, asked[:, :, None].expand(-1, -1, self.numbers), told)
        return join(filled, cutter.grid, cutter.patch)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of telling each patch's mean alone, where pixels are normalised."""
        return {"the mean of each patch": 1 - 1 / self.numbers} if self.normalise else {}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that nothing is compared: what is told are pixels, which cannot collapse."""
        return traits(weights={"reconstruction": 1.0})
