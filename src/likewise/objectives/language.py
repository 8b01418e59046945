"""Language: texts in, a loss of what is told of their tokens out: hidden ones, each next one, all of them.

The layer that tells tokens shares the network's table of tokens (Press & Wolf 2017, arXiv:1608.05859).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, TextNetwork, Views, Z
from likewise.errors import OptionError, ShapeError
from likewise.objectives.objective import Learning, full_precision, traits
from likewise.transformer import NOTHING, Block

_DRAWN: Final = 0.02  # the deviation of weights as they are drawn, as in BERT


@full_precision
def surprise(logits: Float[Tensor, "n v"], tokens: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return −ln of the chance that softmax(logits) gives to each token: ln v where all are alike."""
    return functional.cross_entropy(logits, tokens, reduction="none")


@full_precision
def mean_of_each(costs: Float[Tensor, "b k"], counted: Bool[Tensor, "b k"]) -> Float[Tensor, " b"]:
    """Return the mean over what counts of each item; 0 where nothing does."""
    return (costs * counted).sum(1) / counted.sum(1).clamp(min=1)


@final
class TokenHead(nn.Module):
    """A layer, GELU, LayerNorm, then products with the network's table and a bias: the head of `BertForMaskedLM`."""

    def __init__(self, dim: int, tokens: int, *, smallest: float = 1e-12) -> None:
        super().__init__()
        self.layer = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim, eps=smallest)
        self.bias = nn.Parameter(torch.zeros(tokens))
        nn.init.normal_(self.layer.weight, std=_DRAWN)
        nn.init.zeros_(self.layer.bias)

    def forward(self, y: Float[Tensor, "... d"], table: Float[Tensor, "v d"]) -> Float[Tensor, "... v"]:
        """Return the logits of all tokens of the vocabulary."""
        return functional.linear(self.norm(functional.gelu(self.layer(y))), table, self.bias)


class Telling(Learning):
    """What tells tokens: a head, and a loss of how surprising the tokens are that stood there.

    The loss is the mean over texts of the mean over the tokens that each is asked for, 0 where it is asked for none: so
    a batch in parts, or in several processes, adds up to the whole. BERT's code takes one mean over all tokens, in
    which long texts count for more. Logits are made for what is asked for alone.
    """

    embeds: tuple[str, ...] = ()
    part: ClassVar[str]

    def __init__(self, network: TextNetwork) -> None:
        super().__init__()
        network = texts_of(network, type(self).__name__)
        self.head = TokenHead(network.dim, len(network.table))

    @abstractmethod
    def told(
        self, network: nn.Module, views: Views
    ) -> tuple[Float[Tensor, "b 1 d"], Float[Tensor, "b k"], Bool[Tensor, "b k"]]:
        """Return vectors of the texts, `surprise` of each token that was asked for, and which of them are tokens."""

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z", vectors of the texts, and "nll", the mean over what each was asked for of `surprise`."""
        z, costs, counted = self.told(network, views)
        return {"z": z, "nll": mean_of_each(costs, counted)}

    def loss(self, z: Z) -> Loss:
        """Return the mean over texts."""
        total = z["nll"].mean()
        return Loss(total, {self.part: total})

    def _costs(self, y: Float[Tensor, "b k d"], table: Float[Tensor, "v d"], asked: Int[Tensor, "b k"]) -> Tensor:
        """Return `surprise` of the tokens `asked`, told from `y`, 0 where −1 stands for none."""
        counted = asked != NOTHING
        costs = surprise(self.head(y[counted], table), asked[counted])
        return costs.new_zeros(asked.shape).masked_scatter(counted, costs)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss where every token is as likely as any other."""
        return {"ln(tokens)": math.log(len(self.head.bias))}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that nothing is compared: what is told are the texts themselves, a reconstruction."""
        return traits(weights={"reconstruction": 1.0})


@final
class MaskedLanguage(Telling):
    """Masked language modelling (Devlin et al. 2019, arXiv:1810.04805, section 3.1), without telling next sentences.

    `views.keep[0]` are places, `views.labels` the tokens that stood there, both "b k" and −1 where there is none.
    """

    part = "masked"

    def told(self, network: nn.Module, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean vectors of the places asked for, and what it costs to tell what stood there."""
        texts = cast(TextNetwork, network)
        keep, asked = _asked(views)
        y, counted = texts.tokens(views.inputs[0], keep=keep.clamp(min=0)), asked != NOTHING
        return _mean(y, counted), self._costs(y, texts.table, asked), counted

    @torch.no_grad()
    def guesses(
        self, network: nn.Module, x: Int[Tensor, "b t"], keep: Int[Tensor, "b k"], *, best: int = 5
    ) -> tuple[Int[Tensor, "b k n"], Float[Tensor, "b k n"]]:
        """Return the likeliest tokens at the places `keep` of texts and their chances, for people to look at.

        Where a place is −1 the tokens are −1 and the chances 0.
        """
        texts = cast(TextNetwork, network)
        logits = self.head(texts.tokens(x, keep=keep.clamp(min=0)), texts.table)
        chances, tokens = logits.float().softmax(-1).topk(min(best, logits.shape[-1]))
        nothing = (keep == NOTHING)[:, :, None]
        return tokens.masked_fill(nothing, NOTHING), chances.masked_fill(nothing, 0)


@final
class NextToken(Telling):
    """Language modelling: each token, and all before it, tells the next (Radford et al. 2018).

    "Improving Language Understanding by Generative Pre-Training", equation 1. The first token of a text is not told.
    """

    part = "next"

    def told(self, network: nn.Module, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean vectors of the tokens, and what it costs to tell all but the first."""
        texts, x = cast(TextNetwork, network), views.inputs[0]
        y, there = texts.tokens(x, causal=True), x != NOTHING
        return _mean(y, there), self._costs(y[:, :-1], texts.table, x[:, 1:]), there[:, 1:]


@final
class Denoising(Telling):
    """TSDAE (Wang et al. 2021, arXiv:2104.06979): the vector of what is left of a text tells the whole of it.

    A small transformer that is thrown away tells each token from those before it and from the vector, added at every
    place before each block through a layer of its own: attention to one key is a softmax over one number, so what the
    paper calls cross-attention is that addition. Like the paper's, it shares the network's table of tokens, at both
    ends. The first token is told from the vector alone. `views.labels` are the whole texts, "b t"; `places` is the
    longest.
    """

    embeds = ("z",)
    part = "denoising"

    def __init__(self, network: TextNetwork, *, depth: int = 1, heads: int = 4, places: int = 512) -> None:
        super().__init__(network)
        dim = network.dim
        if dim % heads or depth < 1:
            raise OptionError(f"{depth} blocks of {dim} dims and {heads} heads: one or more, and dims parted by heads")
        self.start = nn.Parameter(torch.randn(dim) * _DRAWN)
        self.places = nn.Parameter(torch.randn(places, dim) * _DRAWN)
        self.into = nn.ModuleList(nn.Linear(dim, dim) for _ in range(depth))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))

    def told(self, network: nn.Module, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Return the vectors of the texts as they came, and what it costs to tell the whole ones."""
        texts, whole = cast(TextNetwork, network), views.labels
        if whole is None or whole.ndim != 2 or whole.shape[1] > len(self.places):
            raise ShapeError(
                f'Denoising tells whole texts, labels "b t" of up to {len(self.places)} tokens, and '
                f"{None if whole is None else tuple(whole.shape)} came: use a view that makes noise, or more places"
            )
        vectors = network(views.inputs[0])
        y = self._decoded(vectors, whole, texts.table)
        return vectors[:, None], self._costs(y, texts.table, whole), whole != NOTHING

    def _decoded(
        self, vectors: Float[Tensor, "b d"], whole: Int[Tensor, "b t"], table: Float[Tensor, "v d"]
    ) -> Float[Tensor, "b t d"]:
        """Return what is known at each place: the tokens before it, and the vector of what is left of the text."""
        before = functional.embedding(whole[:, :-1].clamp(min=0), table)
        y = torch.cat([self.start.expand(len(whole), 1, -1), before], dim=1) + self.places[: whole.shape[1]]
        for into, block in zip(self.into, self.blocks, strict=True):
            y = block(y + into(vectors)[:, None], causal=True)
        return y

    def project(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Return the vectors: the network's own are what is told from."""
        return vectors


def texts_of(network: object, name: str) -> TextNetwork:
    """Return the network as one of texts.

    Raises OptionError where it is none.
    """
    if isinstance(network, TextNetwork):
        return network
    raise OptionError(f"{name} tells tokens, and a {type(network).__name__} has no table of them: take encoder bert")


def _asked(views: Views) -> tuple[Tensor, Tensor]:
    """Return the places that are asked for and the tokens that stood there; ShapeError where there are none."""
    if not views.keep or views.labels is None or views.labels.shape != views.keep[0].shape:
        raise ShapeError("MaskedLanguage needs places and the tokens that stood there: use a view that masks tokens")
    return views.keep[0], views.labels


def _mean(y: Float[Tensor, "b k d"], counted: Bool[Tensor, "b k"]) -> Float[Tensor, "b 1 d"]:
    """Return the mean of the vectors that count, 0 where none does."""
    return ((y * counted[:, :, None]).sum(1) / counted.sum(1, keepdim=True).clamp(min=1))[:, None]


# --- the names that Hugging Face gives ---

_NAMES: Final = {
    "head.layer.weight": "cls.predictions.transform.dense.weight",
    "head.layer.bias": "cls.predictions.transform.dense.bias",
    "head.norm.weight": "cls.predictions.transform.LayerNorm.weight",
    "head.norm.bias": "cls.predictions.transform.LayerNorm.bias",
    "head.bias": "cls.predictions.bias",
}


def to_huggingface(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a head under the names of `BertForMaskedLM`, which ties its decoder to the table itself."""
    return {theirs: state[ours] for ours, theirs in _NAMES.items()}
