"""Teachers: modules that learn in, copies that follow them and never learn themselves out."""

from __future__ import annotations

import copy
import math
from typing import cast, final

import torch
from torch import Tensor, nn

from likewise.contracts import Network, PatchNetwork
from likewise.errors import OptionError


@final
class Teacher(nn.Module):
    """Copies of modules whose weights are a moving mean of theirs: w ← m w + (1 − m) w_student.

    Weights only: running means of BatchNorm come from what the teacher itself has seen, as in BYOL and DINO.
    None of its parameters asks for a gradient, so no optimiser takes them.
    """

    def __init__(self, *students: nn.Module | Network | PatchNetwork) -> None:
        super().__init__()
        self.parts = nn.ModuleList(cast(nn.Module, copy.deepcopy(student)) for student in students)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Run the parts one after the other, without a gradient."""
        for part in self.parts:
            x = part(x)
        return x

    @torch.no_grad()
    def tokens(self, x: Tensor) -> Tensor:
        """Run the first part on whole pictures, for a vector of each place, without a gradient."""
        return cast(Network, self.parts[0]).tokens(x)

    @torch.no_grad()
    def follow(self, *students: nn.Module, momentum: float) -> None:
        """Move towards the students; momentum 0 makes the teacher equal to them."""
        for part, student in zip(self.parts, students, strict=True):
            torch._foreach_lerp_(list(part.parameters()), list(student.parameters()), 1 - momentum)


def momentum_at(progress: float, start: float, *, shape: str = "cosine") -> float:
    """Return a teacher's momentum at a share of training: from `start` to 1, so that it comes to rest.

    `cosine`: 1 − (1 − start) · (cos π·progress + 1)/2 (BYOL, DINO); `linear` (I-JEPA). A start of 0 stays 0: the
    teacher is then the student of the step before.

    >>> momentum_at(0.0, 0.99), momentum_at(1.0, 0.99), momentum_at(0.5, 0.0)
    (0.99, 1.0, 0.0)
    """
    if not 0 <= start <= 1:
        raise OptionError(f"momentum {start}: it is between 0 (the teacher is the student) and 1 (it never moves)")
    if start == 0:
        return 0.0
    left = (math.cos(math.pi * progress) + 1) / 2 if shape == "cosine" else 1 - progress
    return 1 - (1 - start) * left
