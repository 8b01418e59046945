"""What every objective is made of: the abstract class, a network run on views, and equations in full precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar, Final, ParamSpec, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, Views, Z
from likewise.errors import ShapeError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_HALVES: Final = (torch.float16, torch.bfloat16)
_SHORTEST = 1e-8  # of a vector that is made to have length 1: at 0 its gradient stays finite


class Learning(nn.Module, ABC):
    """The contract `Objective` as a torch module: parameters are heads, buffers are what it remembers.

    Everything with a parameter is run in `encode`; `loss` reads tensors and buffers alone and changes neither. What a
    step leaves behind (keys, a centre) waits until `after_step`.
    Z holds "z", the embeddings that are compared, "b v d" with a view along the second dimension.
    """

    gather: bool = False
    embeds: tuple[str, ...] = ("z",)
    projects_by: ClassVar[str] = "head"

    @abstractmethod
    def encode(self, network: nn.Module, views: Views) -> Z:
        """Run the network, and the heads, on the views."""

    @abstractmethod
    def loss(self, z: Z) -> Loss:
        """Return the loss of what was encoded."""

    def project(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        """Return "z" of the network's own vectors, by the part called `projects_by`; only where `embeds` has "z"."""
        return cast(Tensor, self.get_submodule(self.projects_by)(vectors))

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Move what follows the network; here nothing does."""

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the values of the loss at which nothing is learned, by name; here none is known."""
        return {}

    @property
    @abstractmethod
    def traits(self) -> Mapping[str, Any]:
        """Return what prevents collapse and how strongly."""


def traits(
    *, negatives: bool = False, stop_gradient: bool = False, predictor: bool = False, centring: bool = False,
    temperature: float | None = None, momentum: float | None = None, weights: Mapping[str, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the traits of an objective under the names that the contract gives; None is what it has not."""
    return {
        "negatives": negatives, "stop_gradient": stop_gradient, "predictor": predictor, "centring": centring,
        "temperature": temperature, "momentum": momentum, "weights": dict(weights or {}),
    }  # fmt: skip


def full_precision(equation: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let an equation compute in float32 where half precision comes in, whatever autocast is on around it."""

    @wraps(equation)
    def computed(*args: _P.args, **options: _P.kwargs) -> _R:
        device = next(a.device.type for a in (*args, *options.values()) if isinstance(a, Tensor))
        with torch.autocast(device, enabled=False):
            return equation(*map(_full, args), **{name: _full(value) for name, value in options.items()})  # type: ignore[arg-type]

    return computed


def _full(value: object) -> object:
    return value.float() if isinstance(value, Tensor) and value.dtype in _HALVES else value


@full_precision
def unit(z: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
    """Return vectors of length 1; those shorter than 1e-8 stay shorter, so 0 stays 0."""
    return functional.normalize(z, dim=-1, eps=_SHORTEST)


def pair(views: Views, name: str) -> tuple[Tensor, Tensor]:
    """Return the two views that `name` compares.

    Raises ShapeError where there are more or fewer.
    """
    if len(views.inputs) != 2:
        raise ShapeError(f"{name} compares two views of each item, {len(views.inputs)} came: use a view that makes two")
    return views.inputs[0], views.inputs[1]


def encoded(run: Callable[[Tensor], Tensor], inputs: Sequence[Tensor], *, together: bool) -> Float[Tensor, "b v d"]:
    """Run something on each view; `together`: views of one shape as one batch, as BatchNorm then sees them."""
    if not together:
        return torch.stack([run(x) for x in inputs], dim=1)
    found: dict[int, Tensor] = {}
    for shape in dict.fromkeys(x.shape[1:] for x in inputs):
        places = [place for place, x in enumerate(inputs) if x.shape[1:] == shape]
        outputs = run(torch.cat([inputs[place] for place in places])).chunk(len(places))
        found |= dict(zip(places, outputs, strict=True))
    return torch.stack([found[place] for place in range(len(inputs))], dim=1)
