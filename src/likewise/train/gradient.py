"""The gradient of one batch: a network, an objective and views in; gradients in the parameters and the loss out.

A batch that does not fit into memory at once goes through the network in chunks, and there are two ways to the gradient
of the whole. Where the loss is a mean over items and no head normalises by the batch, the chunks' gradients add up.
Else it is found in two passes (Gao et al. 2021, arXiv:2101.06983): the network encodes without keeping what its
gradient needs, heads and loss see the whole batch and give the gradient of each vector, and each chunk is encoded again
to pass its own on. Gao et al. keep what the loss compares; here what the network gives is kept, so that heads with
batch normalisation see the whole batch, too. Exact where the network sees items one by one; batch normalisation inside
it uses the statistics of a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from likewise.contracts import Loss, Views, Z
from likewise.objectives.teacher import Teacher
from likewise.train.engine import Engine


class Encoding(nn.Module):
    """The network and the heads as the one module that the engine distributes."""

    def __init__(self, network: nn.Module, objective: nn.Module) -> None:
        super().__init__()
        self.network, self.objective = network, objective

    def forward(self, views: Views) -> Z:
        """Encode views as the objective does."""
        return cast(Z, cast(Any, self.objective).encode(self.network, views))


def accumulate(encoding: Any, objective: Any, views: Views, engine: Engine, *, chunk: int, scale: float) -> Loss:
    """Add the gradient of the loss of `views`, times `scale`, to the parameters; return the loss, without gradient.

    `encoding` is an `Encoding` or what the engine made of it; of several processes each has views of its own.
    """
    if chunk >= len(views):
        with engine.autocast():
            z = encoding(views)
        loss = objective.loss(engine.gather(z) if objective.gather else z)
        (loss.total * scale).backward()
        return _plain(loss)
    apart = not objective.gather and not any(map(_normalises, objective.modules()))
    alone = encoding if isinstance(encoding, Encoding) else encoding.module
    loss = (_in_parts if apart else _in_two_passes)(alone, objective, views, engine, chunk=chunk, scale=scale)
    engine.mean_gradients(list(alone.parameters()))
    return loss


def _in_parts(encoding: Any, objective: Any, views: Views, engine: Engine, *, chunk: int, scale: float) -> Loss:
    total, parts = torch.zeros((), device=engine.device), dict[str, Tensor]()
    for low, high in _stretches(len(views), chunk):
        share = (high - low) / len(views)
        with engine.autocast():
            z = encoding(views.part(low, high))
        loss = objective.loss(z)
        (loss.total * (scale * share)).backward()
        total = total + loss.total.detach() * share
        for name, part in loss.parts.items():
            parts[name] = parts.get(name, torch.zeros_like(total)) + part.detach() * share
    return Loss(total, parts)


def _in_two_passes(encoding: Any, objective: Any, views: Views, engine: Engine, *, chunk: int, scale: float) -> Loss:
    with _in_chunks(encoding, len(views), chunk), engine.autocast():
        z = encoding(views)
    loss = objective.loss(engine.gather(z) if objective.gather else z)
    (loss.total * scale).backward()
    return _plain(loss)


@contextmanager
def _in_chunks(encoding: Any, items: int, chunk: int) -> Iterator[None]:
    """Let the network, and a teacher's copy of it, see at most so many of the `items` at a time inside this block.

    What the learner's maps were is forgotten, and made again, chunk by chunk, when the gradient asks.
    """
    teachers = [each for each in encoding.objective.modules() if isinstance(each, Teacher)]
    networks: list[Any] = [encoding.network, *(teacher.parts[0] for teacher in teachers)]
    for network in networks:
        network.forward = partial(_chunked, network, network.forward, items, chunk)
    try:
        yield
    finally:
        for network in networks:
            del network.forward


def _chunked(network: nn.Module, forward: Callable[[Tensor], Tensor], items: int, chunk: int, x: Tensor) -> Tensor:
    rows = chunk * max(1, len(x) // items)  # of all views of so many items
    parts = [x[low:high] for low, high in _stretches(len(x), rows)]
    if not torch.is_grad_enabled():
        return torch.cat([forward(part) for part in parts])

    def twice(part: Tensor, _: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return forward(part)
        with _statistics_kept(network):
            return forward(part)

    handle = torch.zeros((), requires_grad=True)  # checkpoint asks for an input that has a gradient
    return torch.cat([cast(Tensor, checkpoint(twice, part, handle, use_reentrant=True)) for part in parts])


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Leave the running means of batch normalisation alone inside this block: the second pass moves them."""
    norms = [each for each in module.modules() if _normalises(each)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None if norm.num_batches_tracked is None else norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked


def _normalises(module: nn.Module) -> TypeGuard[nn.modules.batchnorm._BatchNorm]:
    """Whether a layer normalises an item by others of its batch."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def _stretches(items: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last row of each chunk; the last one is never of a single item, which has no variance."""
    edges = [*range(0, items, chunk), items]
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    yield from pairwise(edges)


def _plain(loss: Loss) -> Loss:
    parts: Mapping[str, Tensor] = {name: part.detach() for name, part in loss.parts.items()}
    return Loss(loss.total.detach(), parts)
