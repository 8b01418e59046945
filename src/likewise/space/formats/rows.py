"""Rows of vectors on their way: what every reader gives and every writer takes, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float, Float32

from likewise.contracts import Array
from likewise.errors import FormatError
from likewise.space.content import first_not_finite

BLOCK_BYTES = 16 << 20


class Block(NamedTuple):
    """Some consecutive rows: keys, vectors, and the columns of metadata that came with them."""

    keys: list[str]
    vectors: Float32[Array, "n d"]
    columns: Mapping[str, Array] = {}


@dataclass(frozen=True)
class Rows:
    """An opened file of vectors; `blocks` reads it from the start each time it is called.

    `count` is None where only reading tells. `place` says where a row stands in the file ("line 7").
    `mapped` are all vectors where the file can be mapped: no copy is made of them.
    """

    path: Path
    format: str
    dim: int
    count: int | None
    blocks: Callable[[], Iterator[Block]]
    place: Callable[[int], str] = "row {}".format
    mapped: Float[Array, "n d"] | None = None
    names: tuple[str, ...] = field(default=())

    def checked(self) -> Iterator[Block]:
        """Yield the blocks after a look at each: unique keys, finite numbers, and as many rows as promised."""
        rows: dict[str, int] = {}
        for block in self.blocks():
            self._check_numbers(block, len(rows))
            before = len(rows)
            rows.update(zip(block.keys, range(before, before + len(block.keys)), strict=True))
            if len(rows) < before + len(block.keys):
                raise self._twice()
            yield block
        if not rows:
            raise FormatError(f"{self.path} holds no vectors: give a file with at least one")
        if self.count is not None and len(rows) != self.count:
            raise FormatError(
                f"{self.path} holds {len(rows):,} vectors, its header says {self.count:,}: the file is cut off, or its "
                "first line is wrong"
            )

    def _check_numbers(self, block: Block, start: int) -> None:
        bad = first_not_finite(block.vectors)
        if bad is not None:
            raise FormatError(
                f"{self.path}, {self.place(start + bad)}: the vector of {block.keys[bad]!r} holds NaN, infinity "
                "or a number beyond float32: mend it or leave it out"
            )

    def _twice(self) -> FormatError:
        first: dict[str, int] = {}
        row = 0
        for block in self.blocks():
            for key in block.keys:
                if key in first:
                    places = f"{self.place(first[key])} and {self.place(row)}"
                    return FormatError(f"{self.path}: the key {key!r} comes twice, in {places}: keys must be unique")
                first[key] = row
                row += 1
        raise AssertionError("a key came twice, and then did not")


def rows_at_once(dim: int) -> int:
    """Return how many rows make a block of about 16 MB."""
    return max(1, BLOCK_BYTES // (4 * dim))
