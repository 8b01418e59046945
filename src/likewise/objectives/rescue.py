"""Rescue: an objective in, the same with a term that keeps embeddings apart out, for a run that begins to collapse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, Views, Z
from likewise.objectives.decorrelation import covariance_of, off_diagonal
from likewise.objectives.objective import Learning, full_precision

_NARROWEST = 1e-12  # of a variance whose root has a gradient
_TOGETHER = 0.04  # VICReg's weight of the covariance over that of the variance


@full_precision
def scale_pull(z: Float[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """Return the mean over dims of max(0, 1 − σ)², σ the deviation over the batch (dividing by n).

    The scale term of VISReg (Wu et al. 2026, arXiv:2606.02572), one side of it: what is wide enough is left alone.
    There is no constant under the root, so the pull on a narrow batch does not fade as it narrows, where VICReg's 1e-4
    ends it below σ = .01; at exactly 0 no direction is better than another and there is none.
    """
    variance = (z - z.mean(0)).square().mean(0)
    return functional.relu(1 - variance.clamp(min=_NARROWEST).sqrt()).square().mean()


@full_precision
def kept_apart(z: Float[Tensor, "b v d"]) -> Float[Tensor, ""]:
    """Return `scale_pull`, and .04 times how far dims vary together: what a rescue adds, VICReg's terms in its ratio.

    The second is the mean over views of Σ over dims i ≠ j of rᵢⱼ², divided by D, with rᵢⱼ = Covᵢⱼ over the
    deviations that are above 1: a covariance where dims are narrow, a correlation where they are wide. The first alone
    cannot tell a collapse onto one line behind a BatchNorm, where every dim is as wide as it should be.
    """
    together = []
    for view in z.unbind(1):
        covariance = covariance_of(view)
        scale = covariance.diagonal().clamp(min=1).sqrt()
        together.append(off_diagonal(covariance / scale / scale[:, None]) / view.shape[1])
    return scale_pull(z) + _TOGETHER * torch.stack(together).mean()


RESCUE: Final = "rescue"
"""The part of the loss that a rescue adds."""


@final
class Rescued(Learning):
    """Another objective and `weight` times `kept_apart` of its embeddings, for a run that begins to collapse."""

    gather = True

    def __init__(self, objective: Learning, *, weight: float = 1.0) -> None:
        super().__init__()
        self.objective, self.weight, self.embeds = objective, weight, objective.embeds

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return what the objective makes of the views."""
        return self.objective.encode(network, views)

    def project(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        """Return what the objective makes of the network's vectors."""
        return self.objective.project(vectors)

    def loss(self, z: Z) -> Loss:
        """Return the objective's loss with the pull added."""
        loss, pull = self.objective.loss(z), self.weight * kept_apart(z["z"])
        return Loss(loss.total + pull, {**loss.parts, RESCUE: pull})

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Let the objective move what it moves."""
        self.objective.after_step(network, progress)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the objective's constants with the pull on equal vectors added."""
        most = self.weight * (1 - math.sqrt(_NARROWEST)) ** 2
        return {f"{name} + {RESCUE}": value + most for name, value in self.objective.constants(items).items()}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return the objective's traits with the pull among its weights."""
        found = dict(self.objective.traits)
        return found | {"weights": {**found["weights"], RESCUE: self.weight}}
