"""Architectures: a name and its options in, a network out. The fixed table of what a run may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

from likewise.encoders.bert import Bert
from likewise.encoders.borrowed import Borrowed, BorrowedTexts
from likewise.encoders.dictionary import Dictionary
from likewise.encoders.mlp import MLP
from likewise.encoders.resnet import ResNet
from likewise.encoders.vit import ViT
from likewise.errors import OptionError

ARCHITECTURES: Final[dict[str, Callable[..., nn.Module]]] = {
    "dictionary": Dictionary,
    "resnet": ResNet,
    "vit": ViT,
    "mlp": MLP,
    "bert": Bert,
    "borrowed": Borrowed,
    "borrowed-texts": BorrowedTexts,
}


def build(name: str, options: Mapping[str, Any], *, seed: int | None = None) -> Any:
    """Return a network, its weights drawn by `seed`; the state of torch's own generator stays as it was.

    Without a seed the weights are those of a network that is about to be filled.
    """
    if name not in ARCHITECTURES:
        raise OptionError(f"there is no architecture {name!r}: there are {', '.join(ARCHITECTURES)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if seed is None else seed)
        return ARCHITECTURES[name](**{key: tuple(v) if isinstance(v, list) else v for key, v in options.items()})


def name_of(network: nn.Module) -> str:
    """Return the name of a network's architecture."""
    return next(name for name, made in ARCHITECTURES.items() if type(network) is made)
