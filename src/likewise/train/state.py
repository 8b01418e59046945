"""The complete state of a training as plain tensors and JSON: what a module or an optimiser remembers in, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

_TENSOR, _KEYS = "tensor", "keys"


def flattened(value: Any, tensors: dict[str, Tensor], place: str = "") -> Any:
    """Return `value` as JSON whose tensors are put into `tensors`, by where they stand.

    Dictionaries (keys text or whole numbers), lists, numbers, text, True, False and None are kept; others raise
    TypeError.
    """
    if isinstance(value, Tensor):
        tensors[place] = value.detach().contiguous().cpu()
        return {_TENSOR: place}
    if isinstance(value, Mapping):
        inner = {
            str(key): flattened(one, tensors, f"{place}.{key}" if place else str(key)) for key, one in value.items()
        }
        return {_KEYS: "int" if any(isinstance(key, int) for key in value) else "str", "of": inner}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [flattened(one, tensors, f"{place}.{number}") for number, one in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{place or 'the state'} holds a {type(value).__name__}, which no checkpoint can keep")


def restored(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return what `flattened` was given."""
    if isinstance(plain, list):
        return [restored(one, tensors) for one in plain]
    if not isinstance(plain, Mapping):
        return plain
    if _TENSOR in plain:
        return tensors[plain[_TENSOR]]
    make = int if plain[_KEYS] == "int" else str
    return {make(key): restored(one, tensors) for key, one in plain["of"].items()}


def same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two sets of tensors are equal bit by bit, NaN included."""
    return one.keys() == other.keys() and all(
        a.dtype == b.dtype
        and a.shape == b.shape
        and torch.equal(a.contiguous().view(-1).view(torch.uint8), b.contiguous().view(-1).view(torch.uint8))
        for a, b in ((one[name], other[name]) for name in one)
    )
