"""Nesting: an objective in, the same out for the first few dims of the vectors by themselves as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from likewise.contracts import Loss, Views, Z
from likewise.errors import OptionError
from likewise.objectives.objective import Learning


def dims_of(text: str) -> tuple[int, ...]:
    """Return the numbers of dims that a text lists; OptionError where it lists none.

    >>> dims_of("64, 128")
    (64, 128)
    """
    try:
        dims = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"dims {text!r}: list whole numbers, such as 64,128") from None
    return _numbers(dims)


def _numbers(dims: Sequence[int]) -> tuple[int, ...]:
    if not dims or min(dims) < 1 or len(set(dims)) < len(dims):
        raise OptionError(f"dims {', '.join(map(str, dims))}: give one or more that differ, each 1 or more")
    return tuple(dims)


@final
class Matryoshka(Learning):
    """Kusupati et al. 2022 (arXiv:2205.13147): the first d dims of a vector are to be worth it by themselves.

    The loss is the mean over `dims`, and the whole, of the objective's loss of vectors whose dims from d on are 0;
    `weights` say how much each of `dims`, in their order, and the whole, the last, counts beside the others. The paper
    sums with weights 1. One of `dims` that is the whole does not count twice. The network runs once; heads, and a
    teacher where there is one, run for each of `dims`: a teacher answers with whole vectors.
    """

    def __init__(self, objective: Learning, *, dims: Sequence[int], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if not objective.embeds:
            raise OptionError(f"{type(objective).__name__} compares no vectors, so there are no dims to take some of")
        _numbers(dims)
        given = [1.0] * (len(dims) + 1) if weights is None else list(weights)
        if len(given) != len(dims) + 1 or min(given) < 0 or given[-1] == 0:
            raise OptionError(
                f"weights {given} for dims {', '.join(map(str, dims))} and the whole: one each, none below 0, and the "
                "whole's above"
            )
        self.objective, self.dims, self.weights = objective, tuple(dims), tuple(given)
        self.gather, self.embeds = objective.gather, objective.embeds

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return what the objective makes of whole vectors, and of shortened ones with "@" and d after each name."""
        once = _Once(network)
        shortened: dict[str, Tensor] = {}
        for dims in self._below(once.dim):
            z = self.objective.encode(once.again(dims), views)
            shortened |= {f"{name}@{dims}": tensor for name, tensor in z.items()}
        # last, so that what an objective keeps of its latest batch is that of whole vectors
        return {**shortened, **self.objective.encode(once.again(once.dim), views)}

    def _below(self, whole: int) -> list[int]:
        """Return the dims that are fewer than the network has; OptionError where there are more."""
        if max(self.dims) > whole:
            raise OptionError(f"dims {', '.join(map(str, self.dims))} of a network of {whole}: give {whole} or fewer")
        return [dims for dims in self.dims if dims < whole]

    def loss(self, z: Z) -> Loss:
        """Return the weighted mean of the losses; parts have "@" and d after their names, but for the whole's."""
        losses: dict[str, tuple[float, Loss]] = {}
        for dims, weight in zip(self.dims, self.weights, strict=False):
            end = f"@{dims}"
            own = {name.removesuffix(end): tensor for name, tensor in z.items() if name.endswith(end)}
            if own:
                losses[end] = (weight, self.objective.loss(own))
        losses[""] = (self.weights[-1], self.objective.loss({n: t for n, t in z.items() if "@" not in n}))
        all_of_it = sum(weight for weight, _ in losses.values())
        parts = {
            name + end: part * (weight / all_of_it)
            for end, (weight, loss) in losses.items()
            for name, part in loss.parts.items()
        }
        total = torch.stack([loss.total * (weight / all_of_it) for weight, loss in losses.values()]).sum()
        return Loss(total, parts)

    def project(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        """Return what the objective makes of the network's whole vectors."""
        return self.objective.project(vectors)

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Let the objective move what it moves."""
        self.objective.after_step(network, progress)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the objective's constants: where nothing is learned of the whole, nothing is of its part."""
        return self.objective.constants(items)

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return the objective's traits."""
        return self.objective.traits


@final
class _Once(nn.Module):
    """A network that runs once: what it gave is given again, call by call, with the last dims 0."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.given = network, list[Tensor]()
        self.kept, self.place = 0, 0

    @property
    def dim(self) -> int:
        """The number of dimensions of the network."""
        return cast(int, self.network.dim)

    @property
    def table(self) -> Tensor:
        """The network's table of tokens."""
        return cast(Tensor, self.network.table)

    def again(self, dims: int) -> _Once:
        """Return itself, about to be asked the same as before, for vectors of so many dims."""
        self.kept, self.place = dims, 0
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return what the network gives in this place of the order of calls."""
        if self.place == len(self.given):
            self.given.append(self.network(x))
        y = self.given[self.place]
        self.place += 1
        return y if self.kept == y.shape[1] else torch.cat([y[:, : self.kept], torch.zeros_like(y[:, self.kept :])], 1)
