"""GloVe: co-occurrence counts in, word vectors whose products tell the logarithm of the counts out.

The words are cut into groups of about equal work. In each round of a tournament every group meets one other, so that
the meetings of a round share no row of the table: threads take them without locks, and change no bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Float32, Int64

from likewise.checkpoints import Checkpoint, Checkpoints
from likewise.contracts import Array
from likewise.errors import DataError, OptionError
from likewise.kernels import glove as kernel
from likewise.kernels import level as level_here
from likewise.session import Estimate, Logged, Note, Progress, Session
from likewise.words.cooccurrence import Counts
from likewise.words.sweep import threads_here

OnEpoch: TypeAlias = Callable[[int, Float[Array, "n d"]], None]
Meeting: TypeAlias = tuple[int, int]
"""Two groups of words; or one twice, which means the counts inside it."""

STAGE = "learning"
_GROUPS = 16  # up to 8 threads find work in every round; the number decides the order of steps, so it is fixed
_TOLD_EVERY = 0.2  # seconds between two events of progress
_LOOK_EVERY = 0.05  # seconds between two looks at the wish to stop
_JUDGED = 500_000  # counts that the loss is measured on
_POSITION = ("epoch", "rounds", "places", "seconds")  # of a State, in a checkpoint
_PIECE = 200_000  # counts that one call of the kernel takes at most, unless a single tile has more


@dataclass
class State:
    """Where learning stands: what is kept to go on later. `table` as `kernels.glove` has it.

    After `epoch` epochs, `rounds` of the next one are done, and of the round in hand, for each of its meetings, some
    stretches and some tiles of the stretch after them (`places`).
    """

    table: Float32[Array, "n 4 p"]
    epoch: int = 0
    rounds: int = 0
    places: list[list[int]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Trained:
    """What was learned.

    `vectors` are w + c, `output` the context vectors c. `history` has one entry per epoch, 0 before the first: epoch,
    loss_train (mean of f(x) (w·c + b + b − ln x)² over a fixed sample of the counts), loss_held_out (None: the counts
    of a few paragraphs are no smaller picture of those of a text), rate, seconds, counts_per_second.
    """

    vectors: Float32[Array, "n d"]
    output: Float32[Array, "n d"]
    history: list[dict[str, Any]]
    finished: bool
    level: str
    threads: int
    epochs_done: int
    state: State


@dataclass(frozen=True)
class GloVe:
    """Learn word vectors whose products tell how often words stand together.

    Pennington, Socher and Manning 2014 (https://aclanthology.org/D14-1162), equation 8, by AdaGrad as in their program:
    squares start at 1, all parameters from U(−.5, .5)/dim, biases move without `rate`.
    The same seed gives the same bits at any number of threads, on one kernel level and make of processor.
    """

    dim: int = 100
    epochs: int = 25
    rate: float = 0.05
    x_max: float = 100.0
    x_power: float = 0.75
    threads: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse options that are out of range, with a sentence."""
        for name, (least, most) in {"dim": (1, 2**16), "epochs": (1, 2**31), "threads": (0, 4096)}.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
                raise OptionError(f"{name} is {value!r}: it must be a whole number from {least} to {most}")
        if not 0 < self.rate <= 10:
            raise OptionError(f"rate is {self.rate!r}: it must be above 0 and at most 10, 0.05 is usual")
        if not (0 < self.x_max <= 1e12 and 0 <= self.x_power <= 10):
            raise OptionError(
                f"x_max is {self.x_max!r} and x_power {self.x_power!r}: x_max is above 0 (100 is usual), "
                "x_power from 0 to 10 (0.75 is usual)"
            )

    def fit(
        self,
        counts: Counts,
        *,
        session: Session,
        on_epoch: OnEpoch | None = None,
        state: State | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Learn from `counts`; `on_epoch` sees w + c before the first epoch (0) and after each.

        `state` is where an earlier `fit` with the same options and counts stood: it goes on from there, to the same
        bits as without the break; so it does from the newest of `checkpoints`, if they hold one. A stopped session ends
        within a fraction of a second, `finished` False.
        """
        if counts.words < 2:
            raise DataError(
                f"the vocabulary has {counts.words} word: at least two are needed; give more text or a lower min_count"
            )
        checkpoints = checkpoints or Checkpoints()
        kept = checkpoints.newest()
        with session.stage(STAGE, before=0.0 if kept is None else kept.values["learning"]) as facts:
            training = _Training(self, counts, session, state, checkpoints, kept)
            training.estimate()
            finished = training.run(on_epoch)
            facts |= {"epochs": float(training.state.epoch), "counts": float(len(counts))}
        table, dim = training.state.table, self.dim
        return Trained(
            vectors=_sums(table, dim),
            output=np.ascontiguousarray(table[:, kernel.CONTEXT, :dim]),
            history=training.history,
            finished=finished,
            level=training.level,
            threads=training.threads,
            epochs_done=training.state.epoch,
            state=training.state,
        )


def first_table(words: int, dim: int, *, rate: float, seed: int) -> Float32[Array, "n 4 p"]:
    """Make the table that learning starts from: vectors and biases from U(−.5, .5)/dim.

    The squares of the biases begin at `rate`²: rate · g / √(rate² + Σ (rate · g)²) = g / √(1 + Σ g²), the step without
    a rate that biases take in stanfordnlp/GloVe. Those of rare words hardly move otherwise.
    """
    table = kernel.table(words, dim)
    table[:, kernel.SQUARES, dim] = table[:, kernel.CONTEXT_SQUARES, dim + 1] = np.float32(rate) ** 2
    rng = np.random.default_rng([seed, 0])
    for side, bias in ((kernel.VECTOR, dim), (kernel.CONTEXT, dim + 1)):
        for word in range(0, words, 4096):
            rows = table[word : word + 4096, side]
            drawn = (rng.random((len(rows), dim + 1), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
            rows[:, :dim], rows[:, bias] = drawn[:, :dim], drawn[:, dim]
    return table


def groups_of(counts: Counts, most: int = _GROUPS) -> Int64[Array, " g+1"]:
    """Cut the blocks into an even number of neighbouring groups of about equal work (2 if there are few blocks).

    The work of a block is the number of entries in its rows and columns.
    """
    tiles = np.diff(counts.ends, axis=1)
    work = np.cumsum(tiles.sum(axis=1) + tiles.sum(axis=0) + 1)
    wanted = work[-1] * np.arange(1, most) / most
    cuts = np.unique([0, *(np.searchsorted(work, wanted) + 1), len(work)])
    cuts = cuts[cuts <= len(work)]
    return cuts.astype(np.int64)


def tournament(players: int) -> list[list[Meeting]]:
    """Return rounds in which every player meets every other once, none twice in a round; last, each meets itself.

    >>> tournament(4)
    [[(0, 3), (1, 2)], [(0, 2), (1, 3)], [(0, 1), (2, 3)], [(0, 0), (1, 1), (2, 2), (3, 3)]]
    """
    circle = list(range(players)) + ([-1] if players % 2 else [])
    half = len(circle) // 2
    rounds = []
    for _ in range(len(circle) - 1):
        pairs = [(circle[k], circle[-1 - k]) for k in range(half)]
        rounds.append(sorted((min(pair), max(pair)) for pair in pairs if min(pair) >= 0))
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return [*rounds, [(player, player) for player in range(players)]]


class _Training:
    """The table of one `fit`, and how it goes."""

    def __init__(
        self,
        options: GloVe,
        counts: Counts,
        session: Session,
        state: State | None,
        checkpoints: Checkpoints,
        kept: Checkpoint | None,
    ) -> None:
        self.options, self.counts, self.session, self.checkpoints = options, counts, session, checkpoints
        self.level, self.threads = level_here(), threads_here(options.threads)
        self.state = state or State(first_table(counts.words, options.dim, rate=options.rate, seed=options.seed))
        self.task = kernel.GloveTask(
            table=self.state.table,
            blocks=counts.blocks,
            rate=options.rate,
            x_max=options.x_max,
            x_power=options.x_power,
            both=counts.symmetric,
        )
        self.groups = groups_of(counts)
        self.sample = _sample(counts)
        self.history: list[dict[str, Any]] = []
        self._told, self._done = 0.0, 0
        if kept is not None:
            self._restore(kept)

    def _restore(self, kept: Checkpoint) -> None:
        """Take up the state of a checkpoint."""
        values = kept.values
        kept.restore("table", self.state.table)
        self.level, self.threads = level_here(values["level"]), values["threads"]
        for entry in values["history"]:
            self.history.append(entry)
            self.session.tell(Logged(entry))
        for name in _POSITION:
            setattr(self.state, name, values[name])
        self.session.tell(Note(f"going on in epoch {self.state.epoch + 1} of {self.options.epochs}"))

    def _keep(self) -> None:
        """Write a checkpoint: all from which the next step depends."""
        values = {name: getattr(self.state, name) for name in _POSITION}
        values |= {"level": self.level, "threads": self.threads, "history": self.history}
        values["learning"] = sum(entry["seconds"] for entry in self.history) + self.state.seconds
        self.checkpoints.write({"table": self.state.table}, values)

    def estimate(self) -> None:
        """Say what it will cost: about a nanosecond for each count and 4 numbers that it moves."""
        visits = len(self.counts) * (2 if self.counts.symmetric else 1) * (self.options.epochs - self.state.epoch)
        seconds = visits * self.task.table.shape[2] * 4e-10 / self.threads
        memory = self.task.table.nbytes + (0 if self.counts.spilled else 8 * len(self.counts))
        self.session.tell(Estimate(STAGE, seconds, memory))
        self.checkpoints.expect(self.task.table.nbytes)

    def run(self, on_epoch: OnEpoch | None) -> bool:
        """Learn every epoch that is left; return whether it came to its end."""
        if not self.state.epoch and not self.history:
            self._note(0.0)
            self._show(on_epoch)
        while self.state.epoch < self.options.epochs and self._epoch(self.state.epoch + 1):
            state = self.state
            seconds, state.seconds, state.rounds = state.seconds, 0.0, 0
            state.epoch += 1
            self._note(seconds)
            self._show(on_epoch)
        if self.session.stopped:
            self._keep()
        return self.state.epoch >= self.options.epochs

    def _show(self, on_epoch: OnEpoch | None) -> None:
        if on_epoch is not None:
            on_epoch(self.state.epoch, _sums(self.state.table, self.options.dim))

    def _epoch(self, epoch: int) -> bool:
        """Hold what is left of a tournament, whose order of rounds is drawn from (seed, epoch); return if it ended."""
        rounds = tournament(len(self.groups) - 1)
        rng = np.random.default_rng([self.options.seed, epoch])
        self._done, start = 0, time.perf_counter() - self.state.seconds
        with ThreadPoolExecutor(self.threads, thread_name_prefix="likewise") as pool:
            for place, number in enumerate(rng.permutation(len(rounds))):
                meetings = sorted(rounds[number], key=self._work, reverse=True)
                seeds = rng.integers(2**32, size=len(meetings))
                if place < self.state.rounds:  # of an epoch that was cut off
                    self._done += sum(self._work(meeting) for meeting in meetings)
                    continue
                while not self._round(pool, epoch, meetings, seeds):
                    self.state.seconds = time.perf_counter() - start
                    if self.session.stopped:
                        return False
                    self._keep()
                self.state.rounds, self.state.places = place + 1, []
        self.state.seconds = time.perf_counter() - start
        return True

    def _round(self, pool: ThreadPoolExecutor, epoch: int, meetings: list[Meeting], seeds: Int64[Array, " m"]) -> bool:
        """Hold the meetings of a round, or what is left of them; return whether they came to their ends."""
        places = self.state.places = self.state.places or [[0, 0] for _ in meetings]
        working = [pool.submit(self._meet, *pair) for pair in zip(meetings, seeds, places, strict=True)]
        while True:
            ready, waiting = wait(working, timeout=_LOOK_EVERY, return_when=FIRST_EXCEPTION)
            self._tell(epoch)
            if not waiting or any(future.exception() for future in ready):
                break
        ended = [future.result() for future in working]  # each, for an error of any of them comes out here
        return all(ended)

    def _work(self, meeting: Meeting) -> int:
        return sum(
            int(self.counts.ends[row, end] - self.counts.ends[row, begin]) for row, begin, end in self._of(meeting)
        )

    def _of(self, meeting: Meeting) -> list[tuple[int, int, int]]:
        """Return the stretches of tiles of a meeting: (block of rows, first block of columns, end)."""
        (a, b), groups = meeting, self.groups
        lows, highs = range(groups[a], groups[a + 1]), range(groups[b], groups[b + 1])
        if a == b:
            return [(row, lows.start, row + 1 if self.counts.symmetric else lows.stop) for row in lows]
        below = [(row, lows.start, lows.stop) for row in highs]
        if self.counts.symmetric:
            return below
        return below + [(row, highs.start, highs.stop) for row in lows]

    def _meet(self, meeting: Meeting, seed: int, place: list[int]) -> bool:
        """Take one step for each count of a meeting, its stretches in an order drawn from `seed`.

        It begins at `place` and moves it along; return False if it ended early because somebody wishes to stop or a
        checkpoint is due.
        """
        stretches = self._of(meeting)
        for number in np.random.default_rng(seed).permutation(len(stretches))[place[0] :]:
            row, begin, end = stretches[number]
            ends = self.counts.ends[row]
            begin += place[1]
            while begin < end:
                if self.session.stopped or self.checkpoints.due:
                    return False
                stop = max(begin + 1, min(end, int(np.searchsorted(ends, ends[begin] + _PIECE))))
                kernel.learn(self.task, self.counts.rows[row], ends, row, begin, stop, level=self.level)
                self._done += int(ends[stop] - ends[begin])  # only for people: two threads may lose one another's
                place[1] += stop - begin
                begin = stop
            place[:] = [place[0] + 1, 0]
        return True

    def _tell(self, epoch: int) -> None:
        now = time.perf_counter()
        if now - self._told < _TOLD_EVERY or not self._done:
            return
        done = (epoch - 1) * len(self.counts) + self._done
        facts = {"rate": self.options.rate, "epoch": float(epoch)}
        facts |= {"loss": self.history[-1]["loss_train"]} if self.history else {}
        self.session.tell(Progress(STAGE, done, self.options.epochs * len(self.counts), "counts", facts))
        self._told = now

    def _note(self, seconds: float) -> None:
        loss = kernel.loss(self.task, *self.sample, level=self.level) / len(self.sample[0])
        if not math.isfinite(loss):
            raise OptionError(
                f"it diverged: after {self.state.epoch} epochs the loss is no longer a number; "
                f"lower the rate, which is {self.options.rate:g} (0.05 is usual)"
            )
        entry = {
            "epoch": self.state.epoch,
            "loss_train": loss,
            "loss_held_out": None,
            "rate": self.options.rate,
            "counts_per_second": len(self.counts) / seconds if seconds else None,
            "seconds": seconds,
            "loss_unit": "weighted squared miss per count",
            "loss_sample": "counts",
        }
        self.history.append(entry)
        self.session.tell(Logged(entry))


def _sample(counts: Counts) -> tuple[Array, Array, Array]:
    """Return rows, columns and counts of every k-th entry, about `_JUDGED`; tiles are in random order already."""
    step = -(-len(counts) // _JUDGED)
    parts, skip = [], 0
    for block, entries in enumerate(counts.rows):
        if skip < len(entries):
            parts.append(tuple(array[skip::step] for array in counts.block_entries(block)))
        skip = (skip - len(entries)) % step
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return rows, columns, values


def _sums(table: Float32[Array, "n 4 p"], dim: int) -> Float32[Array, "n d"]:
    return np.asarray(table[:, kernel.VECTOR, :dim] + table[:, kernel.CONTEXT, :dim])
