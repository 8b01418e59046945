"""Prediction: pictures and places that are seen or asked for in, a loss in what a teacher makes of the latter out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, PatchNetwork, Views, Z
from likewise.errors import OptionError
from likewise.objectives.decoder import Decoder, patches_of, seen_in_part
from likewise.objectives.objective import Learning, full_precision, traits
from likewise.objectives.teacher import Teacher, momentum_at
from likewise.transformer import taken

DISTANCES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "smooth-l1": functional.smooth_l1_loss,
    "l2": functional.mse_loss,
}
"""How far what is told is from what is: as I-JEPA's code has it, and as its paper has it over D."""


@full_precision
def latent_distance(
    told: Float[Tensor, "b k d"], targets: Float[Tensor, "b k d"], *, distance: str = "smooth-l1"
) -> Float[Tensor, ""]:
    """Return the mean over places and dims of the distance (Assran et al. 2023, arXiv:2301.08243, section 3).

    The paper sums ‖told − target‖² over dims; its code, followed here, takes smooth L1 (d²/2 below 1, |d| − ½ above)
    and the mean.
    """
    return DISTANCES[distance](told, targets)


@final
class IJEPA(Learning):
    """Assran et al. 2023 (arXiv:2301.08243): from a context, a predictor tells what a teacher makes of other blocks.

    `views.keep` are the places of the context, then those of each block, predicted one block at a time. The teacher
    sees whole pictures; its tokens are normalised over their dims, without gain. Its momentum rises to 1 in a straight
    line; short runs need less than the paper's .996.
    """

    embeds = ()

    def __init__(
        self, network: PatchNetwork, *, dim: int = 96, depth: int = 3, heads: int = 4, momentum: float = 0.99,
        distance: str = "smooth-l1",
    ) -> None:  # fmt: skip
        super().__init__()
        if distance not in DISTANCES:
            raise OptionError(f"distance {distance!r}: it is {' or '.join(DISTANCES)}")
        network = patches_of(network, "I-JEPA")
        self.predictor = Decoder(network, network.dim, dim=dim, depth=depth, heads=heads)
        self.teacher = Teacher(network)
        self.momentum, self.distance = momentum, distance

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z", the mean token of the context, what is "told" of all blocks, and the teacher's "targets"."""
        patches = cast(PatchNetwork, network)
        x = seen_in_part(views, patches, "I-JEPA", kept=2)
        context, *blocks = views.keep
        tokens, whole = patches.tokens(x, keep=context), self.teacher.tokens(x)
        told = torch.cat([self.predictor(tokens, context, block) for block in blocks], dim=1)
        targets = functional.layer_norm(taken(whole, torch.cat(blocks, dim=1)), whole.shape[-1:])
        return {"z": tokens.mean(1, keepdim=True), "told": told, "targets": targets}

    @torch.no_grad()
    def told(self, network: nn.Module, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is told, the targets, and the mean target of the context "b 1 d", for whoever measures."""
        z = self.encode(network, views)
        whole = self.teacher.tokens(views.inputs[0])
        context = functional.layer_norm(taken(whole, views.keep[0]), whole.shape[-1:])
        return z["told"], z["targets"], context.mean(1, keepdim=True)

    def loss(self, z: Z) -> Loss:
        """Return `latent_distance`."""
        total = latent_distance(z["told"], z["targets"], distance=self.distance)
        return Loss(total, {"distance": total})

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Let the teacher follow."""
        self.teacher.follow(network, momentum=momentum_at(progress, self.momentum, shape="linear"))

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss where all tokens are equal, and of telling 0 everywhere where it is known."""
        return {"all tokens equal": 0.0} | ({"0 everywhere": 1.0} if self.distance == "l2" else {})

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that predictor and stop-gradient prevent collapse."""
        return traits(stop_gradient=True, predictor=True, momentum=self.momentum, weights={"distance": 1.0})
