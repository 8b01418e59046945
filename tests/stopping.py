"""A session that stops itself: so many lines of a log in, a wish to stop out."""

from __future__ import annotations

from typing import Any

from likewise.session import Logged, Session


class Stops(Session):
    """Stops itself when so many lines were logged."""

    def __init__(self, lines: int) -> None:
        super().__init__(self.hear)
        self.left = lines

    def hear(self, event: Any) -> None:
        self.left -= isinstance(event, Logged)
        if self.left <= 0:
            self.stop()
