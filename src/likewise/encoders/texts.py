"""Texts to vectors: a network of somebody else's and its tokeniser in; an encoder of texts out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from likewise.contracts import Array, State
from likewise.encoders.borrowed import without_pooler
from likewise.errors import DataError, OptionError
from likewise.files import digest_of_arrays

if TYPE_CHECKING:
    from likewise.encoders.checkpoint_folder import CheckpointFolder

POOLS: Final = ("mean", "class", "max")
VERSION = 1
_AT_ONCE = 32  # texts that are encoded together
_MODES: Final = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "class",
    "pooling_mode_max_tokens": "max",
}


@dataclass(frozen=True)
class Reading:
    """How a text becomes a vector: the `pool` of its first `tokens` tokens' vectors, scaled to length 1 or not."""

    pool: str = "mean"
    normalised: bool = False
    tokens: int = 512
    lowercase: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.pool not in POOLS:
            raise OptionError(f"pool is {self.pool!r}: of texts it is one of {', '.join(POOLS)}")


@final
class TextEncoder:
    """An encoder of texts: strings in, one vector each out; an empty text has the vector of no words.

    A vector does not depend on what else is encoded with it, to 1e-5. Evaluation mode and float32.
    """

    kind = "text-network"

    def __init__(
        self, network: nn.Module, tokenizer: Any, reading: Reading, config: dict[str, Any], *, device: str = "cpu"
    ) -> None:
        self.network = without_pooler(network).to(device).eval().requires_grad_(False)
        self.tokenizer, self.reading, self.device = tokenizer, reading, device
        self._config = config

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return int(self.network.config.hidden_size)

    @cached_property
    def fingerprint(self) -> str:
        """Return the digest of weights, architecture, tokeniser and reading."""
        arrays, about = self.state()
        return digest_of_arrays(arrays, {"version": VERSION, **about})

    def embed(self, objects: Sequence[str], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Encode texts, the short ones together."""
        texts = [text.lower() if self.reading.lowercase else text for text in objects]
        found = np.zeros((len(texts), self.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        with torch.inference_mode():
            for low in range(0, len(order), _AT_ONCE):
                rows = order[low : low + _AT_ONCE]
                found[rows] = self._vectors([texts[row] for row in rows]).float().cpu().numpy()
        return found

    def tokens(self, texts: Sequence[str]) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b t 1"]]:
        """Return a vector for each token, and 1 where there is one, 0 where texts are shorter."""
        cut = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.reading.tokens, return_tensors="pt"
        ).to(self.device)
        last = cast(Any, self.network)(**cut, return_dict=True).last_hidden_state
        return last, cut["attention_mask"][:, :, None].to(last.dtype)

    def _vectors(self, texts: Sequence[str]) -> Float[Tensor, "b d"]:
        y, there = self.tokens(texts)
        if self.reading.pool == "class":
            vectors = y[:, 0]
        elif self.reading.pool == "max":
            vectors = y.masked_fill(there == 0, -torch.inf).amax(1)
        else:
            vectors = (y * there).sum(1) / there.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(vectors, dim=1) if self.reading.normalised else vectors

    def state(self) -> State:
        """Return weights as arrays, and the configuration, the tokeniser and how texts are read."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}
        backend = self.tokenizer.backend_tokenizer
        about = {
            "kind": self.kind,
            "architecture": {"name": "borrowed", "options": {"config": self._config}},
            "tokenizer": json.loads(backend.to_str()),
            "reading": asdict(self.reading),
            "dim": self.dim,
        }
        return arrays, about


def layers(folder: CheckpointFolder) -> tuple[str | None, bool]:
    """Return how sentence-transformers pools and whether it normalises, by modules.json; DataError for other layers."""
    told = folder.json("modules.json").get("", [])
    pool, normalised = None, False
    for layer in told:
        kind = str(layer.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Pooling":
            pool = _pool(folder, str(layer.get("path", "")))
        elif kind == "Normalize":
            normalised = True
        elif kind != "Transformer":
            raise DataError(f"{folder.name} has a layer of kind {kind} behind the network, which cannot be read")
    return pool, normalised


def _pool(folder: CheckpointFolder, path: str) -> str:
    if ".." in path.split("/") or path.startswith("/"):
        raise DataError(f"{folder.name} names a file outside of its own folder: {path!r}")
    told = folder.json(f"{path}/config.json")
    chosen = [name for name, value in told.items() if name.startswith("pooling_mode") and value is True]
    if len(chosen) != 1 or chosen[0] not in _MODES:
        raise DataError(f"{folder.name} pools by {', '.join(chosen) or 'nothing'}: mean, cls or max can be read")
    return _MODES[chosen[0]]
