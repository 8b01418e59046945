"""Keeping: a training in, checkpoints from which it goes on bit by bit out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np
import torch

from likewise.checkpoints import Checkpoint, Checkpoints
from likewise.train.loop import Stepped, Training
from likewise.train.state import flattened, restored

_KINDS: Final = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
    )
}


@final
class Keeper:
    """Writes a checkpoint before the first step, and whenever one is due; only the main process does."""

    def __init__(self, checkpoints: Checkpoints, about: Mapping[str, Any]) -> None:
        self._checkpoints, self._about = checkpoints, dict(about)

    def start(self, training: Training) -> None:
        """Keep the state before the first step, so that what was measured then is never measured again."""
        if training.engine.main:
            self._write(training)

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Keep the state if a checkpoint is due."""
        if training.engine.main and self._checkpoints.due:
            self._write(training)

    def keep(self, training: Training) -> None:
        """Keep the state now: somebody wishes to stop."""
        if training.engine.main:
            self._write(training)

    def _write(self, training: Training) -> None:
        arrays, values = packed(training.state())
        self._checkpoints.write(arrays, {**self._about, "training": values})


def packed(state: Any) -> tuple[dict[str, Any], Any]:
    """Return arrays by name and JSON; what is not of floats goes as bytes, with its type and shape beside."""
    tensors: dict[str, torch.Tensor] = {}
    plain = flattened(state, tensors)
    arrays, kinds = {}, {}
    for name, tensor in tensors.items():
        kinds[name] = [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
        arrays[name] = tensor.reshape(-1).contiguous().view(torch.uint8).numpy()
    return arrays, {"plain": plain, "kinds": kinds}


def unpacked(checkpoint: Checkpoint) -> Any:
    """Return the state that was packed."""
    values = checkpoint.values["training"]
    tensors = {}
    for name, (kind, shape) in values["kinds"].items():
        raw = torch.from_numpy(np.array(checkpoint.arrays[name], np.uint8))
        tensors[name] = raw.view(_KINDS[kind]).reshape(shape)
    return restored(values["plain"], tensors)
