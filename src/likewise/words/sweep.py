"""One pass over a corpus by several threads: a function that learns a stretch of tokens in, what was done out."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Learn: TypeAlias = Callable[[int, int], tuple[int, int]]
"""(begin, end) of tokens in, (centres, pairs) out."""

_BUSY = 0.75  # of a team's time is spent on cores where each thread has one
_PATIENCE = 20  # times what a stretch of a team took, until a team is tried again
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
    """How many threads a stretch gets where their number changes no bit of what is learned.

    All of `threads`, as long as each has a core. Threads that work in step wait for the slowest, and where other
    programs want the cores too the slowest is one that does not run: then one thread alone is tried, the quicker way is
    taken, and the other is tried again when `_PATIENCE` times as long has gone by as that took.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.now = threads, threads
        self._pace: dict[int, float] = {}  # seconds a token, by the number of threads
        self._until = 0.0

    def learn(self, learn: Callable[[int, int, int], tuple[int, int]], begin: int, end: int) -> tuple[int, int]:
        """Learn a stretch by `learn(begin, end, threads)`."""
        wall, cpu, used = time.perf_counter(), time.process_time(), self.now
        done = learn(begin, end, used)
        wall, cpu = max(time.perf_counter() - wall, 1e-9), time.process_time() - cpu
        self._pace[used] = wall / max(1, end - begin)
        if self.threads > 1:
            self.now = self._next(used, wall, busy=cpu / (wall * used))
        return done

    def _next(self, used: int, wall: float, *, busy: float) -> int:
        now = time.perf_counter()
        if used == self.threads:
            if busy > _BUSY:
                return self.threads
            self._until = now + _PATIENCE * wall
            return 1 if self._pace.get(1, 0.0) < self._pace[used] else used
        slower = self._pace[1] > self._pace.get(self.threads, math.inf)
        return self.threads if slower or now >= self._until else 1


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
