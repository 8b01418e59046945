"""The plan of a training: how long, how large, how fast; numbers in, checked, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from likewise.errors import OptionError


@dataclass(frozen=True)
class Plan:
    """How a network is to learn.

    `steps` of `batch` items each, the rate rising to `rate` over `warmup` of them and falling as a cosine to `floor`
    times it. `chunk`: so many items are encoded at a time, to save memory; the gradient is that of the whole batch.
    `clip`: the longest gradient (0: any). `average`: how much of the averaged weights stays at a step (0: no average).
    """

    steps: int
    batch: int
    rate: float
    warmup: int = 0
    floor: float = 0.0
    optimiser: str = "adamw"
    weight_decay: float = 0.05
    chunk: int = 0
    clip: float = 3.0
    average: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.steps < 0 or self.batch < 1 or self.chunk < 0 or self.warmup < 0:
            raise OptionError(f"a plan of {self.steps} steps of {self.batch} items cannot be: both are 1 or more")
        if self.chunk == 1:
            raise OptionError(
                "chunk is 1: a picture by itself has no variance to normalise by; take 2 or more, or 0: all"
            )
        if not self.rate > 0:
            raise OptionError(f"rate is {self.rate}: it must be above 0, 0.001 is usual")
        if not 0 <= self.average < 1:
            raise OptionError(f"average is {self.average}: it is a share below 1, such as 0.99; 0 for none")

    @property
    def at_once(self) -> int:
        """How many items are encoded at a time."""
        return min(self.chunk or self.batch, self.batch)
