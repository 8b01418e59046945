"""Contrast: embeddings of views in, a loss that pulls positives together and pushes all others apart out.

SimCLR, MoCo, SupCon, SimCSE and pairs are one function, `info_nce`; they differ in its rows: whose keys, which
positives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from likewise.contracts import Loss, Network, Views, Z
from likewise.errors import OptionError, ShapeError
from likewise.objectives.heads import mlp
from likewise.objectives.objective import Learning, encoded, full_precision, pair, traits, unit
from likewise.objectives.teacher import Teacher
from likewise.transformer import named

DENOMINATORS: Final = ("all", "negatives")
"""Over what the sum below the fraction goes: all valid keys, or those that are not positive."""


@full_precision
def info_nce(
    queries: Float[Tensor, "q d"],
    keys: Float[Tensor, "k d"],
    positives: Int[Tensor, " q"] | Bool[Tensor, "q k"],
    *,
    valid: Bool[Tensor, "#q k"] | None = None,
    bias: Float[Tensor, "#q k"] | None = None,
    temperature: float | Tensor = 0.1,
    denominator: str = "all",
) -> Float[Tensor, ""]:
    """Return the mean over queries of −log(exp(s⁺) / Σ exp(s)), s = query · key / temperature + bias.

    Σ goes over all valid keys (`all`: van den Oord et al. 2018, arXiv:1807.03748; NT-Xent of SimCLR) or over the valid
    keys that are not positive (`negatives`: decoupled, Yeh et al. 2022, arXiv:2110.06848). `positives` is a key's place
    for each query, or a mask: with several, the mean over them stands outside the logarithm (L_out of Khosla et al.
    2020, arXiv:2004.11362). Vectors of length 1 make s a cosine over the temperature: normalise them before.
    A key that is not valid is no positive either. Queries without a positive, or without a key to compare with, do not
    count. Identical vectors give ln(number of keys in Σ).

    Raises OptionError, ShapeError.
    """
    if denominator not in DENOMINATORS:
        raise OptionError(f"denominator {denominator!r}: it is {' or '.join(DENOMINATORS)}")
    scores = queries @ keys.T / temperature
    if bias is not None:
        scores = scores + bias
    allowed = torch.ones_like(scores, dtype=torch.bool) if valid is None else valid.expand_as(scores)
    positive = _mask(positives, scores) & allowed
    below = allowed if denominator == "all" else allowed & ~positive
    pull = scores.masked_fill(~positive, 0).sum(1) / positive.sum(1).clamp(min=1)
    push = scores.masked_fill(~below, torch.finfo(scores.dtype).min).logsumexp(1)
    counted = positive.any(1) & below.any(1)
    return (push - pull).masked_fill(~counted, 0).sum() / counted.sum().clamp(min=1)


def _mask(positives: Tensor, scores: Tensor) -> Bool[Tensor, "q k"]:
    """Return the mask of positives, from a mask or from a place for each query."""
    if positives.dtype == torch.bool:
        if positives.shape != scores.shape:
            raise ShapeError(f"a mask of positives of {tuple(positives.shape)} for {tuple(scores.shape)} scores")
        return positives
    if positives.shape != scores.shape[:1]:
        raise ShapeError(f"places of positives of {tuple(positives.shape)} for {len(scores)} queries: one for each")
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(1, positives[:, None], True)


def all_against_all(
    z: Float[Tensor, "b v d"], same: Bool[Tensor, "b b"], *, temperature: float, denominator: str = "all"
) -> Float[Tensor, ""]:
    """Return `info_nce` of each view of each item against every other: positive is what belongs to the `same`."""
    views = z.shape[1]
    rows = unit(z).flatten(0, 1)
    itself = torch.eye(len(rows), dtype=torch.bool, device=z.device)
    positives = same.repeat_interleave(views, 0).repeat_interleave(views, 1) & ~itself
    return info_nce(rows, rows, positives, valid=~itself, temperature=temperature, denominator=denominator)


def _itself(z: Tensor) -> Bool[Tensor, "b b"]:
    return torch.eye(len(z), dtype=torch.bool, device=z.device)


@final
class SimCLR(Learning):
    """Chen et al. 2020 (arXiv:2002.05709): the other view of an item among all views of a batch.

    Both views go through the network as one batch, as in Google's code. Two layers, 128 dims; the paper's best
    temperature on CIFAR-10 after 1,000 epochs is .5, shorter runs and solo-learn use .2.
    """

    gather = True

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 128, temperature: float = 0.2,
        denominator: str = "all", norm: str = "batch",
    ) -> None:  # fmt: skip
        super().__init__()
        if denominator not in DENOMINATORS:
            raise OptionError(f"denominator {denominator!r}: it is {' or '.join(DENOMINATORS)}")
        self.head = mlp((network.dim, hidden, out), norm=norm)
        self.temperature, self.denominator = temperature, denominator

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of both views."""
        return {"z": encoded(lambda x: self.head(network(x)), pair(views, "SimCLR"), together=True)}

    def loss(self, z: Z) -> Loss:
        """Return NT-Xent, or its decoupled form."""
        same = _itself(z["z"])
        total = all_against_all(z["z"], same, temperature=self.temperature, denominator=self.denominator)
        return Loss(total, {"contrast": total})

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors: the logarithm of how many keys stand below the fraction."""
        left_out = 1 if self.denominator == "all" else 2
        return {f"ln(2N − {left_out})": math.log(max(1, 2 * items - left_out))}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that negatives prevent collapse."""
        return traits(negatives=True, temperature=self.temperature)


@final
class SupCon(Learning):
    """Khosla et al. 2020 (arXiv:2004.11362), L_out: all views of the same class are positive.

    A label of −1 is unknown: then only the item's own other view is positive, as it is for every item without labels.
    Both views go through the network as one batch, as in the authors' code.
    """

    gather = True

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 128, temperature: float = 0.1, norm: str = "batch"
    ) -> None:
        super().__init__()
        self.head = mlp((network.dim, hidden, out), norm=norm)
        self.temperature = temperature

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of both views, and "labels"."""
        z = encoded(lambda x: self.head(network(x)), pair(views, "SupCon"), together=True)
        return {"z": z, "labels": z.new_full((len(z),), -1, dtype=torch.long) if views.labels is None else views.labels}

    def loss(self, z: Z) -> Loss:
        """Return L_out."""
        labels = z["labels"]
        same = ((labels[:, None] == labels) & (labels >= 0)) | _itself(z["z"])
        total = all_against_all(z["z"], same, temperature=self.temperature)
        return Loss(total, {"contrast": total})

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors, whatever their labels."""
        return {"ln(2N − 1)": math.log(max(1, 2 * items - 1))}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that negatives prevent collapse."""
        return traits(negatives=True, temperature=self.temperature)


@final
class MoCo(Learning):
    """He et al. 2020 (arXiv:1911.05722), head of v2 (arXiv:2003.04297): keys of a teacher, negatives of a queue.

    The first view asks, the teacher's second view answers; `symmetric` asks both ways and keeps both keys. Views go
    through the networks one after the other. The queue begins as random directions and holds the teacher's last keys.
    BatchNorm is not shuffled, which the authors do between GPUs to hide which items share a batch.
    """

    gather = True  # so that the queue is one and the same in all processes

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 128, queue: int = 4096, momentum: float = 0.99,
        temperature: float = 0.2, symmetric: bool = False, norm: str = "none", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.head = mlp((network.dim, hidden, out), norm=norm)
        self.teacher = Teacher(network, self.head)
        self.momentum, self.temperature, self.symmetric = momentum, temperature, symmetric
        noise = torch.randn(queue, out, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("queue", unit(noise))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.queue: Tensor
        self.place: Tensor
        self._fresh: Tensor | None = None

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of the views that ask, and "keys", the teacher's answers to each."""
        first, second = pair(views, "MoCo")
        asking, answering = ((first, second), (second, first)) if self.symmetric else ((first,), (second,))
        z = encoded(lambda x: self.head(network(x)), asking, together=False)
        return {"z": z, "keys": encoded(self.teacher, answering, together=False)}

    def loss(self, z: Z) -> Loss:
        """Return `info_nce` of each query among its own key and the queue."""
        keys, queries = unit(z["keys"]), unit(z["z"])
        if self.training:
            self._fresh = keys.detach().transpose(0, 1).flatten(0, 1)
        queue = self.queue.to(keys.dtype)
        valid = torch.cat([_itself(keys), keys.new_ones(len(keys), len(queue), dtype=torch.bool)], dim=1)
        places = torch.arange(len(keys), device=keys.device)
        losses = [
            info_nce(query, torch.cat([key, queue]), places, valid=valid, temperature=self.temperature)
            for query, key in zip(queries.unbind(1), keys.unbind(1), strict=True)
        ]
        total = torch.stack(losses).mean()
        return Loss(total, {"contrast": total})

    @torch.no_grad()
    def after_step(self, network: nn.Module, progress: float) -> None:
        """Put the step's keys into the queue in place of the oldest, and let the teacher follow."""
        self.teacher.follow(network, self.head, momentum=self.momentum)
        if self._fresh is None:
            return
        fresh, size = self._fresh[-len(self.queue) :].to(self.queue), len(self.queue)
        places = (self.place + torch.arange(len(fresh), device=fresh.device)) % size
        self.queue[places] = fresh
        self.place.copy_((self.place + len(fresh)) % size)
        self._fresh = None

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors once the queue is full of them."""
        return {"ln(K + 1)": math.log(len(self.queue) + 1)}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that negatives prevent collapse, and that keys have no gradient."""
        return traits(negatives=True, stop_gradient=True, temperature=self.temperature, momentum=self.momentum)


# --- texts ---

_MISSING: Final = 0


def ranking(
    z: Float[Tensor, "b v d"], texts: Int[Tensor, "b v"], *, temperature: float, symmetric: bool = False
) -> Float[Tensor, ""]:
    """Return the loss of finding each positive by its anchor (Henderson et al. 2017, arXiv:1705.00652, section 4.4).

    `z` are vectors of anchors, positives, and given negatives. Each anchor is compared with all positives and all given
    negatives of the batch, by `info_nce` of cosines; `symmetric`: the mean of that and of finding each anchor by its
    positive among all anchors. `texts` are numbers, the same for equal texts, 0 for a missing one. What says the same
    as the anchor or its positive, or is the positive of an equal anchor, is no negative.
    """
    rows = unit(z)
    anchors, keys = rows[:, 0], rows[:, 1:].transpose(0, 1).flatten(0, 1)
    asks, answers = texts[:, 0], texts[:, 1:].T.flatten()
    asked = torch.cat([asks, asks.new_full((len(answers) - len(asks),), _MISSING)])
    there = _found(anchors, keys, asks, answers, asked, temperature)
    if not symmetric:
        return there
    back = _found(rows[:, 1], anchors, texts[:, 1], asks, texts[:, 1], temperature)
    return (there + back) / 2


def _found(
    queries: Float[Tensor, "b d"], keys: Float[Tensor, "k d"], asks: Int[Tensor, " b"], answers: Int[Tensor, " k"],
    asked: Int[Tensor, " k"], temperature: float,
) -> Float[Tensor, ""]:  # fmt: skip
    """Return `info_nce` where key i is the right one of query i: texts of queries, of keys, and what keys answer."""
    places = torch.arange(len(asks), device=asks.device)
    right = answers[: len(asks), None]
    alike = (answers == asks[:, None]) | (answers == right) | (asked == asks[:, None])
    alike[places, places] = False
    valid = ~alike & (answers != _MISSING) & (asks != _MISSING)[:, None]
    return info_nce(queries, keys, places, valid=valid, temperature=temperature)


def _encoded_texts(network: nn.Module, head: nn.Module, inputs: tuple[Tensor, ...]) -> Z:
    """Return "z" and "texts" of texts; one that is missing is encoded as a single token, so that it is a number."""
    some = [torch.cat([x[:, :1].clamp(min=0), x[:, 1:]], dim=1) for x in inputs]
    z = encoded(lambda x: head(network(x)), some, together=True)
    return {"z": z, "texts": torch.stack([named(x) for x in inputs], dim=1)}


def _layer(dim: int, wanted: bool) -> nn.Module:
    """Return the head of SimCSE, a layer and tanh, or nothing."""
    return nn.Sequential(nn.Linear(dim, dim), nn.Tanh()) if wanted else nn.Identity()


@final
class Pairs(Learning):
    """Texts that belong together among all others of a batch (multiple negatives ranking): see `ranking`.

    Inputs are anchors, positives, and given hard negatives (Karpukhin et al. 2020, arXiv:2004.04906), −1 throughout
    where one is missing. `head`: compare them after a layer and tanh that is thrown away.
    """

    gather = True

    def __init__(
        self, network: Network, *, temperature: float = 0.05, head: bool = False, symmetric: bool = True
    ) -> None:
        super().__init__()
        self.head = _layer(network.dim, head)
        self.temperature, self.symmetric = temperature, symmetric

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of all columns, and "texts", a number for each text."""
        if len(views.inputs) < 2:
            raise ShapeError(f"Pairs compares anchors and positives, {len(views.inputs)} input came: use view Columns")
        return _encoded_texts(network, self.head, views.inputs)

    def loss(self, z: Z) -> Loss:
        """Return `ranking`."""
        total = ranking(z["z"], z["texts"], temperature=self.temperature, symmetric=self.symmetric)
        return Loss(total, {"contrast": total})

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors of different texts, where no negatives are given."""
        return {"ln(N), without given negatives": math.log(items)}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that negatives prevent collapse."""
        return traits(negatives=True, temperature=self.temperature)


@final
class SimCSE(Learning):
    """Gao et al. 2021 (arXiv:2104.08821), equation 4: a text under two dropout masks, among all texts of a batch.

    Both go through the network as one batch. `head`: a layer and tanh that are thrown away, as in the paper. Texts that
    are equal are not pushed apart; the authors' code does push them. `views.labels`, where there are any, are numbers
    of the texts that both views are made of, by which equal ones are known though their views differ.
    """

    gather = True

    def __init__(self, network: Network, *, temperature: float = 0.05, head: bool = True) -> None:
        super().__init__()
        self.head = _layer(network.dim, head)
        self.temperature = temperature

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of both views, and "texts", a number for each."""
        z = _encoded_texts(network, self.head, pair(views, "SimCSE"))
        return z if views.labels is None else {**z, "texts": views.labels[:, None].expand(-1, 2)}

    def loss(self, z: Z) -> Loss:
        """Return `ranking` one way."""
        total = ranking(z["z"], z["texts"], temperature=self.temperature)
        return Loss(total, {"contrast": total})

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors of different texts."""
        return {"ln(N)": math.log(items)}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that negatives prevent collapse."""
        return traits(negatives=True, temperature=self.temperature)
