"""The gradient of one batch: a network, an objective and views in; gradients in the parameters and the loss out.

A batch that does not fit into memory at once is encoded in chunks. A loss that does not compare items is a mean over
them, so the chunks' gradients add up. One that does (`gather`) is found in two passes (Gao et al. 2021,
arXiv:2101.06983): everything is encoded without keeping what the gradient needs, the loss gives the gradient of each
vector, and each chunk is encoded again to pass its own on. Both give the gradient of the whole batch, where the
network sees items one by one; batch normalisation uses the statistics of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from likewise.contracts import Loss, Views, Z
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
    in_chunks = _in_two_passes if objective.gather else _in_parts
    alone = encoding if isinstance(encoding, Encoding) else encoding.module
    loss = in_chunks(alone, objective, views, engine, chunk=chunk, scale=scale)
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
    stretches = list(_stretches(len(views), chunk))
    with torch.no_grad(), _statistics_kept(encoding), engine.autocast():
        found = [encoding(views.part(*stretch)) for stretch in stretches]
    learns = _what_learns(encoding, views.part(0, min(2, len(views))), engine)
    z = {name: torch.cat([one[name] for one in found]).requires_grad_(name in learns) for name in found[0]}
    loss = objective.loss(engine.gather(z))
    (loss.total * scale).backward()
    for low, high in stretches:
        with engine.autocast():
            again = encoding(views.part(low, high))
        gradients = [cast(Tensor, z[name].grad)[low:high] for name in learns]
        torch.autograd.backward([again[name] for name in learns], gradients)
    return _plain(loss)


def _what_learns(encoding: Any, some: Views, engine: Engine) -> list[str]:
    """Return the names of what is encoded with a gradient: labels and what a teacher says have none."""
    with _statistics_kept(encoding), engine.autocast():
        return [name for name, tensor in encoding(some).items() if tensor.requires_grad]


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Leave the running means of batch normalisation alone inside this block: the second pass moves them."""
    norms = [each for each in module.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None if norm.num_batches_tracked is None else norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked


def _stretches(items: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last row of each chunk; the last one is never of a single item, which has no variance."""
    edges = [*range(0, items, chunk), items]
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    yield from pairwise(edges)


def _plain(loss: Loss) -> Loss:
    parts: Mapping[str, Tensor] = {name: part.detach() for name, part in loss.parts.items()}
    return Loss(loss.total.detach(), parts)
