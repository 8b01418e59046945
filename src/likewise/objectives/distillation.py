"""Distillation: embeddings of views in, a loss by which each view tells what a teacher says of another out.

Nothing pushes apart. What prevents collapse can be taken away piece by piece, to see it happen: `stop_gradient=False`
lets the targets learn too, `predictor=False` compares as is; both together only pull. `momentum=0` makes the teacher
the student of the step before; `centring=False` lets DINO's teacher say one and the same of everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from likewise.contracts import Loss, Network, Views, Z
from likewise.errors import ShapeError
from likewise.objectives.heads import Prototypes, mlp
from likewise.objectives.objective import Learning, encoded, full_precision, pair, traits, unit
from likewise.objectives.teacher import Teacher, momentum_at

GLOBAL = 2
"""How many views, the first ones, show most of a picture: those the teacher sees."""


@full_precision
def swapped_cosine(told: Float[Tensor, "b 2 d"], targets: Float[Tensor, "b 2 d"]) -> Float[Tensor, ""]:
    """Return the mean cosine of what is told of one view with the target of the other, both ways."""
    return (unit(told) * unit(targets.flip(1))).sum(-1).mean()


@full_precision
def self_distillation(
    student: Float[Tensor, "b v k"], teacher: Float[Tensor, "b g k"], centre: Float[Tensor, " k"], *,
    temperature: float, teacher_temperature: float,
) -> Float[Tensor, ""]:  # fmt: skip
    """Return DINO's loss (Caron et al. 2021, arXiv:2104.14294, equation 3): cross-entropy between different views.

    The mean over pairs of −Σ softmax((teacher − centre) / teacher_temperature) · log softmax(student / temperature).
    View i of the teacher is view i of the student, so pairs (i, i) are left out. The paper sums over pairs, its code
    takes the mean, as here.
    """
    targets = ((teacher - centre) / teacher_temperature).softmax(-1)
    logs = (student / temperature).log_softmax(-1)
    crossed = torch.einsum("bgk,bvk->gv", targets, logs) / len(student)
    return -crossed[~torch.eye(*crossed.shape, dtype=torch.bool, device=crossed.device)].mean()


@final
class BYOL(Learning):
    """Grill et al. 2020 (arXiv:2006.07733): a predictor tells a moving-average teacher's projection of the other view.

    The loss is the paper's: the sum over both ways of ‖q̄ − z̄‖² = 2 − 2 cos, from 0 to 8. Views go through the networks
    one after the other, as in the authors' code. The momentum rises from `momentum` to 1 by half a cosine; short runs
    need less than the paper's .996. `last_norm`: BatchNorm at the projector's end, as in solo-learn.
    """

    projects_by = "projector"

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 128, momentum: float = 0.99, last_norm: bool = False,
        predictor: bool = True, stop_gradient: bool = True, norm: str = "batch",
    ) -> None:  # fmt: skip
        super().__init__()
        self.projector = mlp((network.dim, hidden, out), norm=norm, last_norm=last_norm)
        self.predictor = mlp((out, hidden, out), norm=norm) if predictor else nn.Identity()
        self.teacher = Teacher(network, self.projector) if stop_gradient else None
        self.momentum, self.predicts = momentum, predictor

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z", what is "told" of each view, and "targets": the teacher's, or "z" without stop-gradient."""
        inputs = pair(views, "BYOL")
        z = encoded(lambda x: self.projector(network(x)), inputs, together=False)
        told = encoded(self.predictor, z.unbind(1), together=False)
        targets = z if self.teacher is None else encoded(self.teacher, inputs, together=False)
        return {"z": z, "told": told, "targets": targets}

    def loss(self, z: Z) -> Loss:
        """Return the sum over both ways of 2 − 2 cos."""
        total = 4 - 4 * swapped_cosine(z["told"], z["targets"])
        return Loss(total, {"distance": total})

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Let the teacher follow."""
        if self.teacher is not None:
            self.teacher.follow(network, self.projector, momentum=momentum_at(progress, self.momentum))

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors, which is also the least there is, and of unrelated ones."""
        return {"all vectors equal": 0.0, "unrelated": 4.0}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that predictor and stop-gradient prevent collapse."""
        stops = self.teacher is not None
        return traits(stop_gradient=stops, predictor=self.predicts, momentum=self.momentum if stops else None)


@final
class SimSiam(Learning):
    """Chen & He 2021 (arXiv:2011.10566): a predictor tells the network's own projection of the other view.

    The loss is the mean over both ways of −cos, from −1 to 1. Views go through the network one after the other, as in
    the authors' code. Three layers with BatchNorm at the end; the predictor is a bottleneck.
    """

    projects_by = "projector"

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 512, bottleneck: int = 128, predictor: bool = True,
        stop_gradient: bool = True, norm: str = "batch",
    ) -> None:  # fmt: skip
        super().__init__()
        self.projector = mlp((network.dim, hidden, hidden, out), norm=norm, last_norm=True)
        self.predictor = mlp((out, bottleneck, out), norm=norm) if predictor else nn.Identity()
        self.predicts, self.stops = predictor, stop_gradient

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z", what is "told" of each view, and "targets": "z" without its gradient."""
        z = encoded(lambda x: self.projector(network(x)), pair(views, "SimSiam"), together=False)
        told = encoded(self.predictor, z.unbind(1), together=False)
        return {"z": z, "told": told, "targets": z.detach() if self.stops else z}

    def loss(self, z: Z) -> Loss:
        """Return the mean over both ways of −cos."""
        total = -swapped_cosine(z["told"], z["targets"])
        return Loss(total, {"distance": total})

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors, which is also the least there is, and of unrelated ones."""
        return {"all vectors equal": -1.0, "unrelated": 0.0}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that predictor and stop-gradient prevent collapse."""
        return traits(stop_gradient=self.stops, predictor=self.predicts)


@final
class DINO(Learning):
    """Caron et al. 2021 (arXiv:2104.14294): every view tells to which of `prototypes` the teacher gives the first two.

    The first two views show most of a picture and go to both, the others to the student alone; views of one shape go
    through as one batch, as in the authors' code. The teacher's answers are centred by a moving mean (`centring`) and
    sharpened: its temperature rises from the first to the second of `teacher_temperature` over the `warmup` share of
    training. The prototypes do not learn for the `freeze` share.
    """

    projects_by = "projector"
    gather = True  # so that the centre is one and the same in all processes

    def __init__(
        self, network: Network, *, hidden: int = 512, bottleneck: int = 128, prototypes: int = 4096,
        temperature: float = 0.1, teacher_temperature: tuple[float, float] = (0.04, 0.04), warmup: float = 0.3,
        momentum: float = 0.99, centring: bool = True, centre_momentum: float = 0.9, freeze: float = 0.0,
        norm: str = "none",
    ) -> None:  # fmt: skip
        super().__init__()
        self.projector = mlp((network.dim, hidden, hidden, bottleneck), norm=norm, activation=nn.GELU)
        self.prototypes = Prototypes(bottleneck, prototypes)
        self.teacher = Teacher(network, self.projector, self.prototypes)
        self.temperature, self.teacher_temperature, self.warmup = temperature, teacher_temperature, warmup
        self.momentum, self.centring, self.centre_momentum, self.freeze = momentum, centring, centre_momentum, freeze
        self.register_buffer("centre", torch.zeros(prototypes))
        self.register_buffer("progress", torch.zeros(()))
        self.centre: Tensor
        self.progress: Tensor
        self._fresh: Tensor | None = None

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of all views, what is "told" of each, and the "targets" of the first two."""
        if len(views.inputs) < GLOBAL:
            raise ShapeError("DINO compares views of each item, 1 came: use a view that makes two or more")
        z = encoded(lambda x: self.projector(network(x)), views.inputs, together=True)
        told = self.prototypes(z, frozen=float(self.progress) < self.freeze)
        return {"z": z, "told": told, "targets": encoded(self.teacher, views.inputs[:GLOBAL], together=True)}

    def loss(self, z: Z) -> Loss:
        """Return `self_distillation`."""
        if self.training and self.centring:
            self._fresh = z["targets"].detach().float().mean((0, 1))
        total = self_distillation(
            z["told"], z["targets"], self.centre,
            temperature=self.temperature, teacher_temperature=self._sharpness(),
        )  # fmt: skip
        return Loss(total, {"cross-entropy": total})

    def _sharpness(self) -> float:
        """Return the teacher's temperature now."""
        first, last = self.teacher_temperature
        share = min(1.0, float(self.progress) / self.warmup) if self.warmup > 0 else 1.0
        return first + (last - first) * share

    @torch.no_grad()
    def after_step(self, network: nn.Module, progress: float) -> None:
        """Move the centre and the teacher, and remember how far training is."""
        if self._fresh is not None:
            self.centre.lerp_(self._fresh.to(self.centre), 1 - self.centre_momentum)
            self._fresh = None
        momentum = momentum_at(progress, self.momentum)
        self.teacher.follow(network, self.projector, self.prototypes, momentum=momentum)
        self.progress.fill_(progress)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss where teacher and student say the same of all: uniformly, or one prototype."""
        return {"ln K": math.log(len(self.centre)), "one prototype for all": 0.0}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that centring and sharpening prevent collapse."""
        return traits(
            stop_gradient=True, centring=self.centring, temperature=self.teacher_temperature[1], momentum=self.momentum
        )
