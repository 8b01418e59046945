"""Batches: how many items there are in, which of them each step sees out; read ahead in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from likewise.contracts import Array
from likewise.errors import OptionError


@dataclass(frozen=True)
class Order:
    """The order in which `items` are seen: shuffled anew each epoch by `seed`, `batch` at a time, the rest left out.

    A step's rows depend on nothing but its number: so a run that goes on sees what it would have seen. Of `world`
    processes each takes its own part of every batch.
    """

    items: int
    batch: int
    seed: int
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        """Refuse a batch that cannot be filled, or not be parted."""
        if not 1 <= self.batch <= self.items:
            raise OptionError(
                f"a batch of {self.batch} cannot be made of {self.items} items: take {self.items} or fewer"
            )
        if self.batch % self.world:
            raise OptionError(f"a batch of {self.batch} cannot be parted among {self.world} processes: take a multiple")

    @property
    def steps_per_epoch(self) -> int:
        """How many whole batches the items make."""
        return self.items // self.batch

    def rows(self, step: int) -> Int64[Array, " b"]:
        """Return the rows of the items that this process sees in a step."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = _shuffled(self.items, self.seed, epoch)
        low, share = place * self.batch, self.batch // self.world
        return order[low + self.rank * share : low + (self.rank + 1) * share].astype(np.int64)


@lru_cache(2)
def _shuffled(items: int, seed: int, epoch: int) -> Int64[Array, " n"]:
    return np.random.default_rng([seed, 1, epoch]).permutation(items)


def ahead(read: Callable[[int], Tensor], first: int, last: int) -> Iterator[Tensor]:
    """Yield read(first) … read(last − 1), each read by another thread while the one before it is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="likewise-reading") as pool:
        coming = pool.submit(read, first) if first < last else None
        for step in range(first, last):
            assert coming is not None
            batch = coming.result()
            coming = pool.submit(read, step + 1) if step + 1 < last else None
            yield batch
