"""Batches: how many items there are in, which of them each step sees out; read ahead in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from likewise.contracts import Array
from likewise.errors import OptionError

_POOL = 32  # batches that are put in order of their items' lengths together
_TYPICAL = 256  # batches among which one of typical length is looked for


@dataclass(frozen=True)
class Order:
    """The order in which `items` are seen: shuffled anew each epoch by `seed`, `batch` at a time, the rest left out.

    A step's rows depend on nothing but its number: so a run that goes on sees what it would have seen. Of `world`
    processes each takes its own part of every batch. With `lengths` a batch is of like ones: some batches' worth of the
    shuffled items at a time are put in order of their length, and the batches of an epoch are shuffled again.
    """

    items: int
    batch: int
    seed: int
    rank: int = 0
    world: int = 1
    lengths: Array | None = field(default=None, repr=False, compare=False)
    _epoch: dict[int, Array] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        order = self._order(epoch)
        low, share = place * self.batch, self.batch // self.world
        return order[low + self.rank * share : low + (self.rank + 1) * share].astype(np.int64)

    def typical(self) -> int:
        """Return the step, of the first few, whose batch is as long as theirs are in the mean: one to measure by."""
        if self.lengths is None:
            return 0
        longest = np.array([self.lengths[self.rows(step)].max() for step in range(min(_TYPICAL, self.steps_per_epoch))])
        return int(np.abs(longest - longest.mean()).argmin())

    def _order(self, epoch: int) -> Int64[Array, " n"]:
        found = self._epoch.get(epoch)
        if found is None:
            found = self._epoch[epoch] = self._made(epoch)
            for other in [each for each in list(self._epoch) if abs(each - epoch) > 1]:
                self._epoch.pop(other, None)
        return found  # not looked up again: who reads ahead in another thread is an epoch further, and may drop others

    def _made(self, epoch: int) -> Int64[Array, " n"]:
        rng = np.random.default_rng([self.seed, 1, epoch])
        order = rng.permutation(self.items)
        if self.lengths is None:
            return order
        order = order[: self.steps_per_epoch * self.batch]  # who is left out is drawn, and not by length
        for low in range(0, len(order), _POOL * self.batch):
            pool = order[low : low + _POOL * self.batch]
            order[low : low + len(pool)] = pool[np.argsort(self.lengths[pool], kind="stable")]
        batches = order.reshape(-1, self.batch)
        return rng.permuted(batches[rng.permutation(len(batches))], axis=1).ravel()


def ahead(read: Callable[[int], Tensor], first: int, last: int) -> Iterator[Tensor]:
    """Yield read(first) … read(last − 1), each read by another thread while the one before it is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="likewise-reading") as pool:
        coming = pool.submit(read, first) if first < last else None
        for step in range(first, last):
            assert coming is not None
            batch = coming.result()
            coming = pool.submit(read, step + 1) if step + 1 < last else None
            yield batch
