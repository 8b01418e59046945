"""TensorBoard: what a training comes to, step by step, in; files that TensorBoard draws out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from likewise.errors import MissingExtra, RunError
from likewise.train.loop import Stepped, Training

_EXTRA = "tensorboard"


@final
class Board:
    """Writes loss, parts, rate, gradient and what the doctor saw into a folder, as TensorBoard reads them.

    A training that goes on takes the place of what was written behind the step that it goes on from. Raises
    MissingExtra without the package tensorboard, RunError where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def start(self, training: Training) -> None:
        """Open the folder; only the main process does."""
        if not training.engine.main:
            return
        try:
            self._writer = writer_class()(str(self._folder), purge_step=training.done + 1 if training.done else None)
        except OSError as error:
            why = error.strerror or error
            raise RunError(
                f"could not write {self._folder} for TensorBoard ({why}): choose another --tensorboard"
            ) from error

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Write what the step came to."""
        if self._writer is None:
            return
        values = {"loss": stepped.loss, "rate": stepped.rate, "gradient": stepped.gradient}
        values |= {f"loss/{name}": part for name, part in stepped.parts.items()}
        seen = {name: one for name, one in training.signals.get("doctor", {}).items() if name != "step"}
        values |= {f"doctor/{name}": one for name, one in seen.items() if isinstance(one, int | float)}
        for name, value in values.items():
            self._writer.add_scalar(name, value, stepped.step + 1)

    def close(self) -> None:
        """Write what is waiting."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def boards(folder: str | None, *, inside: str = "") -> Iterator[list[Board]]:
    """Yield the one who writes into a folder, or into one `inside` it; nobody where there is no folder."""
    if folder is None:
        yield []
        return
    board = Board(Path(folder) / inside)
    try:
        yield [board]
    finally:
        board.close()


def writer_class() -> Any:
    """Return the writer of torch; MissingExtra where the package tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtra("tensorboard", _EXTRA, "writing for TensorBoard") from None
    return SummaryWriter
