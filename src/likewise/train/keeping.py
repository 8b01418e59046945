"""Keeping: a training in, checkpoints from which it goes on bit by bit out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, final

import numpy as np
import torch

from likewise.checkpoints import Checkpoint, Checkpoints
from likewise.errors import LikewiseError, RunError
from likewise.train.loop import Training
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


class Remembers(Protocol):
    """Whoever looks on and must know, when it goes on, what was seen before: the doctor."""

    def state(self) -> Mapping[str, Any]:
        """Return what is to be known, as `flattened` takes it."""


@final
class Keeper:
    """Writes a checkpoint before the first step, and whenever one is due; only the main process does."""

    def __init__(self, checkpoints: Checkpoints, about: Mapping[str, Any], doctor: Remembers | None = None) -> None:
        self._checkpoints, self._about, self._doctor = checkpoints, dict(about), doctor

    def start(self, training: Training) -> None:
        """Keep the state before the first step, so that what was measured then is never measured again."""
        if training.engine.main:
            self._write(training)

    def between_steps(self, training: Training) -> None:
        """Keep the state if a checkpoint is due."""
        if training.engine.main and self._checkpoints.due:
            self._write(training)

    def keep(self, training: Training) -> None:
        """Keep the state now: somebody wishes to stop."""
        if training.engine.main:
            self._write(training)

    def _write(self, training: Training) -> None:
        doctor = None if self._doctor is None else self._doctor.state()
        arrays, values = packed({"training": training.state(), "doctor": doctor})
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
    """Return the state that was packed; RunError where it is of another version."""
    with fitting():
        values = checkpoint.values["training"]
        tensors = {}
        for name, (kind, shape) in values["kinds"].items():
            raw = torch.from_numpy(np.array(checkpoint.arrays[name], np.uint8))
            tensors[name] = raw.view(_KINDS[kind]).reshape(shape)
        return restored(values["plain"], tensors)


@contextmanager
def fitting() -> Iterator[None]:
    """Turn what goes wrong while a checkpoint is read into a sentence: its files are whole, so it is another's."""
    try:
        yield
    except LikewiseError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise RunError(
            f"the checkpoint does not fit this version of likewise ({type(error).__name__}: {why[:200]}): go on with "
            "the version that began it, or learn again with --overwrite"
        ) from error
