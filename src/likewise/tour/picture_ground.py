"""The ground of the panels on pictures: pictures that are on this machine in, networks that learned from them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

import likewise as lw
from likewise.contracts import Array
from likewise.session import Note, Session
from likewise.sources import samples
from likewise.sources.images import ImageSource, open_images
from likewise.sources.small_pictures import small_pictures

COUNT, SIDE = 3_000, 16  # pictures, and pixels a side of those that are rendered
LEARNING = "60s"  # for each network
COLLAPSE = 5  # passes over the pictures in which a loss that only pulls collapses


@dataclass
class PictureGround:
    """What the panels on pictures share; a run is learned when the first panel asks for it.

    `networks` are options that all networks have beside those of their panels, such as a device.
    """

    session: Session
    make: Callable[[], ImageSource] | None = None
    learning: str = LEARNING
    collapse_epochs: int = COLLAPSE
    networks: Mapping[str, Any] = field(default_factory=dict)
    runs: dict[str, lw.Run] = field(default_factory=dict)

    @cached_property
    def source(self) -> ImageSource:
        """The pictures: those that were given, CIFAR-10 where it is on this machine, else rendered shapes."""
        if self.make is not None:
            return self.make()
        found = samples.shared_cifar10()
        if found is None:
            return small_pictures(COUNT, size=SIDE).source("shape")
        some = np.stack([found[row] for row in range(COUNT)])
        labels = None if found.labels is None else list(found.labels[:COUNT])
        return open_images(some, labels=labels, keys=list(found.keys[:COUNT]), name=f"{COUNT:,} pictures of CIFAR-10")

    @cached_property
    def pixels(self) -> Array:
        """The pictures as "n c h w"."""
        return np.stack([self.source[row] for row in range(len(self.source))]).transpose(0, 3, 1, 2)

    def learned(self, recipe: str, **options: Any) -> lw.Run:
        """Return what a recipe learned; networks have `learning` time unless another, or epochs, are given."""
        options = self._timed(options)
        wanted = self._shared(recipe, options)
        key = " ".join([recipe, *(f"--{name.replace('_', '-')} {value}" for name, value in options.items())])
        if key not in self.runs:
            self.session.tell(Note(f"learning {key}"))
            self.runs[key] = lw.learn(self.source, recipe=recipe, session=self.session.aside(), **(wanted | options))
            if self.session.stopped:
                raise KeyboardInterrupt  # panels of half a training would be no evidence
        return self.runs[key]

    def command(self, recipe: str, **options: Any) -> str:
        """Return the command that learns the same; PHOTOS is a folder of pictures."""
        options = self._timed(options)
        every = self._shared(recipe, options) | options
        words = [f"--{name.replace('_', '-')} {value}" for name, value in every.items()]
        return " ".join(["likewise learn", recipe, "PHOTOS", *words, "--out RUN"])

    def _timed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return a panel's options, without its time where all networks have epochs instead."""
        return {name: value for name, value in options.items() if name != "time" or "epochs" not in self.networks}

    def _shared(self, recipe: str, options: Mapping[str, Any]) -> dict[str, Any]:
        if recipe == "patches":
            return {}
        timed = {} if {"epochs", "time"} & {*options, *self.networks} else {"time": self.learning}
        return {**self.networks, **timed}
