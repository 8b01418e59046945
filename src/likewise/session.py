"""What lasts while something runs: events out, a wish to stop in.

The library prints nothing. It tells a `Session` what happens, and whoever made the session (the command line,
a notebook, a test) renders it. A session also carries the wish to stop: Ctrl-C, or `session.stop()`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should know, in a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A value that was chosen and not given: saved in run.json with its reason."""

    name: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stage will cost, before it starts: seconds on this machine, bytes of memory."""

    stage: str
    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has come; `done` and `total` are in `unit`s, `total` is None while unknown.

    `facts` are numbers, or words.
    """

    stage: str
    done: float
    total: float | None
    unit: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finished:
    """A stage has ended, in `seconds` of wall time."""

    stage: str
    seconds: float
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logged:
    """One line for log.jsonl: an epoch's losses, rates and signals."""

    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """Learning ended before its plan did, of its own: saved in run.json."""

    why: str


Event: TypeAlias = Note | Derived | Estimate | Progress | Finished | Logged | Ended


class Session:
    """Carry events to whoever listens, keep the log, and remember a wish to stop.

    >>> seen = []
    >>> session = Session(seen.append)
    >>> session.tell(Note("hello"))
    >>> seen
    [Note(text='hello')]
    """

    def __init__(self, listen: Callable[[Event], None] | None = None, *, stop: threading.Event | None = None) -> None:
        self._listen = listen
        self._stop = stop or threading.Event()
        self.log: list[dict[str, Any]] = []
        self.derived: dict[str, Any] = {}
        self.notes: list[str] = []
        self.seconds: dict[str, float] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.ended: str | None = None

    def tell(self, event: Event) -> None:
        """Pass an event on; log lines, notes, derived values and durations are also kept."""
        match event:
            case Logged(values):
                self.log.append(values)
            case Derived(name, value, reason):
                self.derived[name] = {"value": value, "reason": reason}
            case Note(text):
                self.notes.append(text)
            case Finished(stage, seconds, facts):
                self.seconds[stage] = round(seconds, 3)
                self.facts[stage] = facts
            case Ended(why):
                self.ended = why
            case _:
                pass
        if self._listen is not None:
            self._listen(event)

    def aside(self, listen: Callable[[Event], None] | None = None) -> Session:
        """Return a session with the same wish to stop, and the same listener or another, whose log is its own."""
        return Session(listen or self._listen, stop=self._stop)

    @contextmanager
    def stage(self, name: str, *, before: float = 0.0) -> Iterator[dict[str, float]]:
        """Time a stage, which took `before` seconds already; what it yields becomes the facts of `Finished`."""
        facts: dict[str, float] = {}
        start = time.perf_counter() - before
        yield facts
        self.tell(Finished(name, time.perf_counter() - start, facts))

    @property
    def stopped(self) -> bool:
        """Whether somebody wishes to stop; long work looks here several times a second."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the work to end soon and to keep what there is."""
        self._stop.set()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Turn the first Ctrl-C inside this block into `stop()`; a second one in it raises KeyboardInterrupt.

        Outside the main thread, where Python allows no signal handlers, it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        asked = False

        def on_interrupt(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if asked:
                raise KeyboardInterrupt
            asked = True
            self.stop()

        before = signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as a JSON-able dictionary, with its kind under `event`."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
