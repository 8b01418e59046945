"""A bidirectional transformer of texts in the form of BERT: tokens' numbers in, a vector for each token or text out.

Its weights map onto Hugging Face's `BertModel` by name, so that other programs load what is learned here, and what was
learned elsewhere is run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Field
from likewise.encoders.blocks import run
from likewise.errors import OptionError, ShapeError
from likewise.transformer import NOTHING as NOTHING
from likewise.transformer import Attention, dropped, taken

POOLS: Final = ("mean", "class", "max", "last", "layers")


@dataclass(frozen=True)
class Size:
    """How large a network is."""

    dim: int
    depth: int
    heads: int


SIZES: Final[dict[str, Size]] = {"tiny": Size(256, 4, 4), "small": Size(384, 6, 6), "base": Size(768, 12, 12)}
"""The dial: 3, 11 and 85 million weights beside the table of tokens, where tiny learns in an hour on two cores."""


@final
class Bert(nn.Module):
    """Devlin et al. 2019 (arXiv:1810.04805): blocks that normalise last, learned places, GELU.

    `x` are numbers of tokens, "b t", −1 where a text has ended: a text's vectors do not depend on what stands beside
    it. `pool`: a text's vector is the mean or the largest of its tokens' vectors, that of its first token (class), or
    that of its last; layers: the mean of its tokens' vectors, those of all depths weighed by the softmax of weights
    that learn (Peters et al. 2018, arXiv:1802.05365, equation 1). `tokens` counts the vocabulary, `places` the longest
    text. `causal`: each token sees those before it alone, as in GPT.
    """

    def __init__(
        self, *, tokens: int, dim: int = 256, depth: int = 4, heads: int = 4, wide: int | None = None,
        places: int = 512, kinds: int = 2, smallest: float = 1e-12, dropout: float = 0.1, pool: str = "mean",
        causal: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if dim % heads or min(tokens, dim, depth, heads, places, kinds) < 1:
            raise OptionError(f"{heads} heads of {dim} dims, {depth} blocks, {tokens} tokens: dims are parted by heads")
        if pool not in POOLS:
            raise OptionError(f"pool is {pool!r}: of texts it is one of {', '.join(POOLS)}")
        wide = wide or 4 * dim
        self.config: dict[str, Any] = {
            "tokens": tokens, "dim": dim, "depth": depth, "heads": heads, "wide": wide, "places": places,
            "kinds": kinds, "smallest": smallest, "dropout": dropout, "pool": pool, "causal": causal,
        }  # fmt: skip
        self.dim, self.pool, self.dropout, self.causal, self.recompute = dim, pool, dropout, causal, False
        self.words = nn.Embedding(tokens, dim)
        self.places = nn.Embedding(places, dim)
        self.kinds = nn.Embedding(kinds, dim)
        self.norm = nn.LayerNorm(dim, eps=smallest)
        self.blocks = nn.ModuleList([Block(dim, heads, wide, smallest, dropout) for _ in range(depth)])
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

        if pool == "layers":
            self.layers = nn.Parameter(torch.zeros(depth + 1))

    @property
    def depth(self) -> int:
        """How many blocks there are."""
        return len(self.blocks)

    def dropout_to(self, share: float) -> None:
        """Let it drop another share of what it holds, while it learns."""
        self.dropout = self.config["dropout"] = share
        for block in self.blocks:
            block.dropout = share  # type: ignore[assignment]

    def causal_to(self, causal: bool) -> None:
        """Let each token see those before it alone, or all others."""
        self.causal = self.config["causal"] = causal

    @torch.no_grad()
    def take_words(self, table: Float[Tensor, "tokens d"]) -> None:
        """Begin the table of tokens with these vectors; rows that are no numbers stay as they were drawn."""
        known = table.isfinite().all(1)
        self.words.weight[known] = table[known]

    @property
    def table(self) -> Float[Tensor, "v d"]:
        """The vector that each token of the vocabulary begins with, which heads that tell tokens share."""
        return self.words.weight

    def _start(self, x: Int[Tensor, "b t"]) -> tuple[Float[Tensor, "b t d"], Bool[Tensor, "b t"] | None]:
        """Return what goes into the first block, and which tokens are tokens where some are not."""
        if x.shape[1] > self.places.num_embeddings:
            raise ShapeError(f"a text of {x.shape[1]} tokens came: the network has {self.places.num_embeddings} places")
        there = x != NOTHING
        y = self.words(x.clamp(min=0)) + (self.places.weight[: x.shape[1]] + self.kinds.weight[0])
        y = dropped(self.norm(y), self.dropout, training=self.training)
        return y, None if bool(there.all()) else there

    def tokens(
        self, x: Int[Tensor, "b t"], *, keep: Int[Tensor, "b k"] | None = None, causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        """Return a vector for each token, or for those at the places `keep`, which have seen all others.

        The last block then works for those alone: of the others it needs keys and values.
        """
        y, there = self._start(x)
        causal = causal or self.causal
        *before, last = self.blocks
        for block in before:
            y = run(_bound(block, there, causal), y, recompute=self.recompute)
        return run(_bound(last, there, causal, keep), y, recompute=self.recompute)

    def forward(self, x: Int[Tensor, "b t"]) -> Float[Tensor, "b d"]:
        """Encode a batch of texts."""
        return self._vector([self.tokens(x)] if self.pool != "layers" else list(self._depths(x).values()), x)

    def intermediates(self, x: Int[Tensor, "b t"]) -> Mapping[str, Tensor]:
        """Return the tokens' vectors before the first block and after each, and the texts' vectors."""
        found = self._depths(x)
        return found | {"vector": self._vector(list(found.values()), x)}

    def _depths(self, x: Int[Tensor, "b t"]) -> dict[str, Float[Tensor, "b t d"]]:
        y, there = self._start(x)
        found = {"embeddings": y}
        for number, block in enumerate(self.blocks, 1):
            y = run(_bound(block, there, self.causal), y, recompute=self.recompute)
            found[f"block{number}"] = y
        return found

    def _vector(self, depths: list[Tensor], x: Int[Tensor, "b t"]) -> Float[Tensor, "b d"]:
        """Return the texts' vectors of the tokens' vectors at the last depth, or at all where they are weighed."""
        if self.pool != "layers":
            return pooled(depths[-1], x, self.pool)
        weights = torch.softmax(self.layers, 0)
        return sum(
            (weight * pooled(y, x, "mean") for weight, y in zip(weights, depths, strict=True)),
            torch.zeros_like(weights[0]),
        )

    def fields(self) -> Mapping[str, Field]:
        """Return nothing: a text has no pixels."""
        return {}


class Block(nn.Module):
    """A transformer block that normalises last (Vaswani et al. 2017, arXiv:1706.03762): attention, then layers."""

    def __init__(self, dim: int, heads: int, wide: int, smallest: float, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = Attention(dim, heads)
        self.first_norm = nn.LayerNorm(dim, eps=smallest)
        self.wide = nn.Linear(dim, wide)
        self.narrow = nn.Linear(wide, dim)
        self.second_norm = nn.LayerNorm(dim, eps=smallest)

    def forward(
        self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None, causal: bool = False,
        keep: Int[Tensor, "b k"] | None = None,
    ) -> Float[Tensor, "b k d"]:  # fmt: skip
        """Return the tokens of the next depth, or those at the places `keep` alone."""
        share = self.dropout if self.training else 0.0
        y = self.attention(x, causal=causal, there=there, keep=keep, dropout=share)
        x = x if keep is None else taken(x, keep)
        x = self.first_norm(x + dropped(y, share))
        y = self.narrow(functional.gelu(self.wide(x)))
        return cast(Tensor, self.second_norm(x + dropped(y, share)))


def _bound(block: nn.Module, there: Tensor | None, causal: bool, keep: Tensor | None = None) -> Any:
    return lambda y: block(y, there, causal, keep)


def pooled(y: Float[Tensor, "b t d"], x: Int[Tensor, "b t"], pool: str) -> Float[Tensor, "b d"]:
    """Return texts' vectors of their tokens' vectors; `x` says which tokens are tokens."""
    there = (x != NOTHING)[:, :, None]
    if pool == "class":
        return y[:, 0]
    if pool == "last":
        return y[torch.arange(len(y), device=y.device), there.sum((1, 2)) - 1]
    if pool == "max":
        return y.masked_fill(~there, -torch.inf).amax(1)
    return (y * there).sum(1) / there.sum(1).clamp(min=1)


# --- the names that Hugging Face gives ---

_NAMES: Final = (
    (r"words\.weight", "embeddings.word_embeddings.weight"),
    (r"places\.weight", "embeddings.position_embeddings.weight"),
    (r"kinds\.weight", "embeddings.token_type_embeddings.weight"),
    (r"norm\.(\w+)", r"embeddings.LayerNorm.\1"),
    (r"blocks\.(\d+)\.attention\.out\.(\w+)", r"encoder.layer.\1.attention.output.dense.\2"),
    (r"blocks\.(\d+)\.first_norm\.(\w+)", r"encoder.layer.\1.attention.output.LayerNorm.\2"),
    (r"blocks\.(\d+)\.wide\.(\w+)", r"encoder.layer.\1.intermediate.dense.\2"),
    (r"blocks\.(\d+)\.narrow\.(\w+)", r"encoder.layer.\1.output.dense.\2"),
    (r"blocks\.(\d+)\.second_norm\.(\w+)", r"encoder.layer.\1.output.LayerNorm.\2"),
)
_PARTS: Final = ("query", "key", "value")  # of the one layer `into`
_INTO: Final = re.compile(r"blocks\.(\d+)\.attention\.into\.(\w+)")


def to_huggingface(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names of `BertModel`, which has no pooler here."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        into = _INTO.fullmatch(name)
        if into:
            for part, one in zip(_PARTS, tensor.chunk(3), strict=True):
                found[f"encoder.layer.{into[1]}.attention.self.{part}.{into[2]}"] = one.contiguous()
        else:
            found[_renamed(name)] = tensor
    return found


def from_huggingface(state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """Return weights of a `BertModel` under our `names`; what is not asked for (a pooler, heads) is passed over.

    Raises ShapeError for one that is missing.
    """
    plain = {re.sub(r"^bert\.", "", name): tensor for name, tensor in state.items()}
    plain = {re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name): t for name, t in plain.items()}
    plain = {re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name): t for name, t in plain.items()}
    found: dict[str, Tensor] = {}
    for name in names:
        into = _INTO.fullmatch(name)
        wanted = [_renamed(name)]
        if into:
            wanted = [f"encoder.layer.{into[1]}.attention.self.{part}.{into[2]}" for part in _PARTS]
        missing = [one for one in wanted if one not in plain]
        if missing:
            raise ShapeError(f"there are no weights {missing[0]}")
        found[name] = torch.cat([plain[one] for one in wanted]) if into else plain[wanted[0]]
    return found


def _renamed(name: str) -> str:
    return next((re.sub(ours, theirs, name) for ours, theirs in _NAMES if re.fullmatch(ours, name)), name)
