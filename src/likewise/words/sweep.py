"""One pass over a corpus by several threads: a function that learns a stretch of tokens in, what was done out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Learn: TypeAlias = Callable[[int, int], tuple[int, int]]
"""(begin, end) of tokens in, (centres, pairs) out."""

_PATIENCE = 20  # times what a stretch took in the slower way, until that is tried again
_LOOK_EVERY = 0.05  # seconds between two looks at the wish to stop by whoever waits for the threads


@dataclass
class Pace:
    """How much of a pass is given out and done, and how fast; the threads share it.

    A pass may be done in several sweeps: each goes on where the one before ended.
    """

    total: int
    done: int = 0
    centres: int = 0
    pairs: int = 0
    seconds: float = 0.0
    _given: int = 0
    _ended: bool = False
    _start: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Give out from where the last sweep ended, and let the time run on from there."""
        self._given, self._ended, self._start = self.done, False, time.perf_counter() - self.seconds

    def state(self) -> dict[str, Any]:
        """Return what it takes to make it again, as JSON, but for `total`."""
        return {name: getattr(self, name) for name in ("done", "centres", "pairs", "seconds")}

    @property
    def complete(self) -> bool:
        """Whether every token was learned."""
        return self.done == self.total

    def take(self, size: int) -> tuple[int, int]:
        """Give out the next stretch; an empty one when there is no more."""
        with self._lock:
            begin = self.total if self._ended else self._given
            self._given = min(self.total, begin + size)
            return begin, self._given

    def add(self, tokens: int, centres: int, pairs: int) -> None:
        """Note a stretch as done."""
        with self._lock:
            self.done += tokens
            self.centres += centres
            self.pairs += pairs
            self.seconds = time.perf_counter() - self._start

    def end(self) -> None:
        """Give out nothing more."""
        with self._lock:
            self._ended = True


def threads_here(wanted: int) -> int:
    """Return the number of threads to use: `wanted`, or one for each core that this process may use if it is 0."""
    if wanted:
        return wanted
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Team:
    """How many threads a stretch gets where their number changes no bit of what is learned: all of them, or one.

    Threads that work in step wait for the slowest at every step. Where other programs want the cores, or one core is
    far from another, one thread alone is quicker. The quicker way is taken, and the other one is tried again when
    `_PATIENCE` times as long has gone by as it took last.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.now = threads, threads
        self._last: dict[
            int, tuple[float, float, float]
        ] = {}  # threads: seconds a token, when it ended, how long it took

    def learn(self, learn: Callable[[int, int, int], tuple[int, int]], begin: int, end: int) -> tuple[int, int]:
        """Learn a stretch by `learn(begin, end, threads)`."""
        start = time.perf_counter()
        done = learn(begin, end, self.now)
        ended = time.perf_counter()
        self._last[self.now] = ((ended - start) / max(1, end - begin), ended, ended - start)
        if self.threads > 1:
            self.now = self._next(ended)
        return done

    def _next(self, now: float) -> int:
        if len(self._last) < 2:
            return 1 if self.threads in self._last else self.threads
        slower, quicker = sorted(self._last, key=self._last.__getitem__, reverse=True)
        _, ended, took = self._last[slower]
        return slower if now >= ended + _PATIENCE * took else quicker


def sweep(
    learn: Learn,
    pace: Pace,
    *,
    chunk: int,
    threads: int,
    stopped: Callable[[], bool],
    watch: Callable[[Pace], None],
) -> None:
    """Give the tokens that are left to `threads` threads, `chunk` at a time and in order; call `watch` meanwhile.

    It ends early, after the chunks in hand, when `stopped()` says so or a thread fails (then its error is raised).
    Then tokens 0 … `pace.done` were learned, and no other.
    """
    pace.begin()

    def work() -> None:
        while not stopped():
            begin, end = pace.take(chunk)
            if begin == end:
                return
            pace.add(end - begin, *learn(begin, end))

    with ThreadPoolExecutor(threads, thread_name_prefix="likewise") as pool:
        try:
            working = [pool.submit(work) for _ in range(threads)]
            while True:
                ready, waiting = wait(working, timeout=_LOOK_EVERY, return_when=FIRST_EXCEPTION)
                if not waiting or any(future.exception() for future in ready):
                    break
                watch(pace)
        finally:
            pace.end()
    for future in working:
        future.result()


def chunk_for(learn: Learn, total: int, *, seconds: float) -> tuple[int, float]:
    """Return how many tokens take about `seconds` on one thread, and tokens per second, by trying growing stretches."""
    size = min(total, 200)
    while True:
        # the shorter of two: the first touches pages of tables and text that were never touched before
        took = min(_seconds(learn, size), _seconds(learn, size))
        if took >= seconds / 6 or size == total:
            return max(1, int(size * seconds / took)), size / took
        size = min(total, size * 4)


def _seconds(learn: Learn, size: int) -> float:
    start = time.perf_counter()
    learn(0, size)
    return max(time.perf_counter() - start, 1e-6)
