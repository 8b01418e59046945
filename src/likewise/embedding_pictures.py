"""Embedding pictures: an encoder and data of pictures in; blocks of keys and vectors out, and what was skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from likewise.contracts import Array, Encoder
from likewise.errors import DataError
from likewise.files import append, nameless, room
from likewise.session import Note, Progress, Session
from likewise.sources.images import open_images
from likewise.sources.images_decoding import Size
from likewise.sources.images_prepared import Decoded, decoded
from likewise.space.formats import Block

if TYPE_CHECKING:
    from jaxtyping import Float

STAGE = "embedding"
_AT_ONCE = 256  # pictures that are encoded together
_NAMED = 3  # bad pictures that are named

Encode: TypeAlias = "Callable[[Sequence[Array]], Float[Array, 'n d']]"


@final
class Encoding:
    """Pictures on their way to vectors; `done` and `skipped` count them. Memory does not grow with their number.

    `data` is as `open_images` takes it. Raises DataError where there is no picture that can be decoded.
    """

    def __init__(
        self, encoder: Encoder, data: str | os.PathLike[str], *, column: str | None = None, session: Session
    ) -> None:
        self.source = open_images(data, column=column)
        self.done, self.skipped = 0, 0
        self._encoder, self._session = encoder, session
        self._faults: list[str] = []
        for note in self.source.notes:
            session.tell(Note(note))

    @contextmanager
    def blocks(self, *, twice: bool, near: Path) -> Iterator[Callable[[], Iterator[Block]]]:
        """Yield what makes the blocks, each time that it is called.

        If that is `twice`, the second time they come from a temporary file without a name in the folder that `near`
        is in: nothing is encoded again.
        """
        if not twice:
            yield self._made
            return
        near.parent.mkdir(parents=True, exist_ok=True)
        what = f"the vectors of {len(self.source):,} pictures"
        with room(near.parent, what, ways="free some, or choose another --out"), nameless(near.parent) as file:
            yield _Kept(self._made, self._encoder.dim, file)

    def tell_skipped(self) -> None:
        """Note what was skipped, if anything was."""
        if self.skipped:
            self._session.tell(Note(f"{self._skips()} and were skipped: {self._named()}"))

    def _skips(self) -> str:
        return f"{self.skipped:,} of {len(self.source):,} pictures of {self.source.name} cannot be used"

    def _named(self) -> str:
        return "; ".join(self._faults) + ("; …" if self.skipped > len(self._faults) else "")

    def _made(self) -> Iterator[Block]:
        self.done, self.skipped, self._faults = 0, 0, []
        size, channels, encode = _way(self._encoder)
        waiting: list[Decoded] = []
        for results in decoded(self.source, size=size, channels=channels):
            waiting += [one for one in results if self._taken(one)]
            if waiting and (size is None or len(waiting) >= _AT_ONCE):
                yield self._block(waiting, encode)
                waiting = []
            self._tell(results[-1].row + 1)
        if waiting:
            yield self._block(waiting, encode)
        if not self.done:
            raise DataError(f"{self._skips()}, none is left to embed: {self._named()}")

    def _taken(self, one: Decoded) -> bool:
        """Count a picture; return whether there is anything to encode."""
        if one.pixels is not None:
            self.done += 1
            return True
        self.skipped += 1
        if len(self._faults) < _NAMED:
            self._faults.append(one.fault or "")
        return False

    def _block(self, pictures: Sequence[Decoded], encode: Encode) -> Block:
        rows = [one.row for one in pictures]
        vectors = encode([one.pixels for one in pictures if one.pixels is not None])
        labels = self.source.labels
        columns = {} if labels is None else {"label": np.array([labels[row] for row in rows], object)}
        return Block([self.source.keys[row] for row in rows], np.asarray(vectors, np.float32), columns)

    def _tell(self, looked_at: int) -> None:
        facts = {"skipped": float(self.skipped)} if self.skipped else {}
        self._session.tell(Progress(STAGE, looked_at, len(self.source), "pictures", facts))
        if self._session.stopped:
            raise KeyboardInterrupt


def _way(encoder: Any) -> tuple[Size | None, int, Encode]:
    """Return size and channels that an encoder wants, and what encodes; somebody's own gets pictures as they are."""
    from likewise.encoders.pictures import PictureEncoder

    if isinstance(encoder, PictureEncoder):
        return encoder.seeing.wanted, encoder.seeing.channels, encoder.embed_pixels
    return None, 3, lambda pixels: encoder.embed([picture.transpose(1, 2, 0) for picture in pixels])


@final
class _Kept:
    """Blocks that are made once; asked for again, they are read from a file."""

    def __init__(self, make: Callable[[], Iterator[Block]], dim: int, file: Any) -> None:
        self._make, self._dim, self._file = make, dim, file
        self._known: list[Block] | None = None

    def __call__(self) -> Iterator[Block]:
        return self._made() if self._known is None else self._again(self._known)

    def _made(self) -> Iterator[Block]:
        known = []
        for block in self._make():
            append(self._file, np.ascontiguousarray(block.vectors))
            known.append(Block(block.keys, np.zeros((0, self._dim), np.float32), block.columns))
            yield block
        self._known = known

    def _again(self, known: Sequence[Block]) -> Iterator[Block]:
        rows = sum(len(block.keys) for block in known)
        vectors, row = np.memmap(self._file, np.float32, "r", 0, (rows, self._dim)), 0
        for block in known:
            yield Block(block.keys, vectors[row : row + len(block.keys)], block.columns)
            row += len(block.keys)
