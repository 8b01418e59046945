"""The anonymous memory of this process: nothing in, bytes out. Needs the standard library alone."""

from __future__ import annotations

import threading
from pathlib import Path


def anonymous_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


class Peak:
    """Watch the anonymous memory of this process twenty times a second."""

    def __init__(self) -> None:
        self.bytes, self._end = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            self.bytes = max(self.bytes, anonymous_bytes())

    def stop(self) -> int:
        """Return the peak in bytes."""
        self._end.set()
        self._thread.join()
        return self.bytes
