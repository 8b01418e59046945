"""Placeholder."""

from __future__ import annotations

from likewise.space.space import Space


class KeyedVectors:
    """TODO."""

    def __init__(self, space: Space) -> None:
        self.space = space
