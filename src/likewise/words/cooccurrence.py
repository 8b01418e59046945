"""Co-occurrence counts: a corpus in, how often (and how near) words stand together out, as tiles of a sparse matrix.

For each word, all its places in the text are visited, and its row is added up densely in float64 and kept sparsely.
Rows depend on nothing but the text, so threads change no bit. What does not fit into `memory` goes to a temporary file
without a name, which vanishes with the process however that ends.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt64

from likewise.contracts import Array
from likewise.errors import DataError, OptionError
from likewise.files import append, nameless, room
from likewise.kernels import cooccurrence as kernel
from likewise.session import Progress, Session
from likewise.words.sweep import threads_here

if TYPE_CHECKING:
    from likewise.words.corpus import Corpus

STAGE = "counting"
WEIGHTINGS = ("harmonic", "linear", "flat")
_TOLD_EVERY = 0.2  # seconds between two events of progress
_LOOK_EVERY = 0.05  # seconds between two looks at the wish to stop
_UNIT = 200_000  # places of words that one thread visits at a time
_MOST_TOKENS = 2**32 - 1  # places are numbers of 32 bits


@dataclass(frozen=True)
class Counts:
    """How often words stand together, as tiles: block b of words is `blocks[b]:blocks[b + 1]`.

    The entries of all tiles of row block b lie in `rows[b]`, tile (b, c) from `ends[b, c]` to `ends[b, c + 1]`, in
    random order. If `symmetric`, an entry (i, j) with j < i stands for (j, i) too; else j stood before i.
    """

    blocks: Int64[Array, " b+1"]
    rows: list[UInt64[Array, " e"]]
    ends: Int64[Array, "b b+1"]
    window: int
    weighting: str
    symmetric: bool
    spilled: bool = False

    def __len__(self) -> int:
        """Return the number of entries that are held."""
        return int(self.ends[:, -1].sum())

    @property
    def words(self) -> int:
        """The number of words."""
        return int(self.blocks[-1])

    def block_entries(self, block: int) -> tuple[Int32[Array, " e"], Int32[Array, " e"], Float32[Array, " e"]]:
        """Return rows, columns and counts of one block of rows."""
        entries = np.asarray(self.rows[block])
        home = np.repeat(self.blocks[:-1], np.diff(self.ends[block]))
        rows = self.blocks[block] + (entries & np.uint64(0xFFFF)).astype(np.int64)
        columns = home + (entries >> np.uint64(16) & np.uint64(0xFFFF)).astype(np.int64)
        return rows.astype(np.int32), columns.astype(np.int32), kernel.values_of(entries)


def distance_weights(weighting: str, window: int) -> Float64[Array, " w"]:
    """Return what a word at distance 1 … window counts: 1/d (harmonic, as GloVe), (w + 1 − d)/w (linear), or 1 (flat).

    >>> distance_weights("linear", 4).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    if weighting not in WEIGHTINGS:
        raise OptionError(f"weighting={weighting!r} is not one of {', '.join(map(repr, WEIGHTINGS))}")
    if isinstance(window, bool) or not 1 <= window <= 10_000:
        raise OptionError(f"window is {window!r}: it must be a whole number from 1 to 10000")
    distance = np.arange(1, window + 1, dtype=np.float64)
    return {"harmonic": 1 / distance, "linear": (window + 1 - distance) / window, "flat": np.ones(window)}[weighting]


def count(
    corpus: Corpus,
    words: int,
    *,
    window: int,
    weighting: str = "harmonic",
    symmetric: bool = True,
    memory: float = 4.0,
    block: int = 256,
    threads: int = 0,
    folder: Path | None = None,
    session: Session,
) -> Counts:
    """Count which of the `words` words of a vocabulary stand within `window` words of one another in a sentence.

    `memory` is how many GB of counts are kept in memory before they go to a file without a name in `folder` (the
    system's temporary folder by default). Raises DataError where no two words stand together and where the disk is
    full; a session that is stopped raises KeyboardInterrupt, since half of the counts are of no use.
    """
    weights = distance_weights(weighting, window)
    if not memory >= 0:
        raise OptionError(f"memory is {memory}: it is GB of counts before they go to disk, 0 or more")
    if len(corpus.ids) + len(corpus) >= _MOST_TOKENS:
        raise DataError(f"the text has {len(corpus.ids):,} words: at most {_MOST_TOKENS:,} can be counted at once")
    blocks = np.append(np.arange(0, words, block), words).astype(np.int64)
    with session.stage(STAGE) as facts, room_for_counts(folder), _Store(memory * 1e9, folder) as store:
        text, places, index = _indexed(corpus, words, store)
        stop = np.zeros(1, np.uint8)
        task = kernel.CountTask(text, index, places, weights, symmetric, blocks, stop)
        _count_all(task, store, threads_here(threads), session)
        rows, ends = store.finish()
        counts = Counts(blocks, rows, ends, window, weighting, symmetric, store.spilled)
        facts |= {"counts": float(len(counts)), "words": float(len(corpus.ids))}
    if not len(counts):
        raise DataError(
            "no sentence has two words of the vocabulary, so there is nothing to count: "
            "put longer paragraphs on a line, or lower min_count"
        )
    return counts


def _indexed(corpus: Corpus, words: int, store: _Store) -> tuple[Array, Array, Array]:
    """Return the text with −1 around its sentences, where each word's places are, and the places."""
    text = store.room(len(corpus.ids) + len(corpus) + 1, np.int32)
    index = store.room(len(corpus.ids), np.uint32)
    places = np.zeros(words + 1, np.int64)
    kernel.part(np.asarray(corpus.ids), np.asarray(corpus.starts), text, places)
    kernel.fill_index(text, places, index)
    return text, places, index


def _units(task: kernel.CountTask) -> Iterator[tuple[int, int, int]]:
    """Yield (block, first row, last row): blocks in order, each cut into pieces of about `_UNIT` places."""
    for block, (low, high) in enumerate(zip(task.blocks[:-1], task.blocks[1:], strict=True)):
        first = int(low)
        while first < high:
            last = int(np.searchsorted(task.places, task.places[first] + _UNIT, side="left"))
            last = min(max(last, first + 1), int(high))
            yield block, first, last
            first = last


def _count_all(task: kernel.CountTask, store: _Store, threads: int, session: Session) -> None:
    """Count every row with some threads; what they find is stored in order, a block at a time."""
    waiting: deque[tuple[int, int, Future[tuple[Array, Array]]]] = deque()
    pieces: list[tuple[Array, Array]] = []
    told, total = time.perf_counter(), float(task.places[-1])
    units = _units(task)
    with ThreadPoolExecutor(threads, thread_name_prefix="likewise") as pool:
        try:
            while True:
                while len(waiting) < 2 * threads + 1 and (unit := next(units, None)):
                    waiting.append((unit[0], unit[2], pool.submit(kernel.count_rows, task, *unit)))
                if not waiting:
                    break
                block, last, future = waiting.popleft()
                while not wait([future], timeout=_LOOK_EVERY).done or session.stopped:
                    if session.stopped:
                        raise KeyboardInterrupt
                pieces.append(future.result())
                if last == task.blocks[block + 1]:
                    store.take(*_joined(pieces, block))
                    pieces.clear()
                if time.perf_counter() - told > _TOLD_EVERY:
                    session.tell(Progress(STAGE, float(task.places[last]), total, "words", {"bytes": store.bytes}))
                    told = time.perf_counter()
        finally:
            task.stop[0] = 1  # whoever still counts ends at once
            for _, _, future in waiting:
                future.cancel()


def _joined(pieces: list[tuple[Array, Array]], block: int) -> tuple[Array, Array]:
    """Join the pieces of one row block tile by tile, each in random order; return the entries and where each ends."""
    counts = np.array([counts for _, counts in pieces])
    ends = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    if len(pieces) == 1:
        entries = pieces[0][0]
    else:
        starts = np.cumsum(counts, axis=1) - counts
        parts = [
            piece[0][starts[p, c] : starts[p, c] + counts[p, c]]
            for c in np.flatnonzero(counts.sum(axis=0))
            for p, piece in enumerate(pieces)
        ]
        entries = np.concatenate([np.empty(0, np.uint64), *parts])
    kernel.shuffle_tiles(entries, ends[1:].copy(), block)
    return entries, ends


class _Store:
    """Entries in memory until there are too many, then in a temporary file without a name."""

    def __init__(self, most: float, folder: Path | None) -> None:
        self._most, self._folder = most, folder
        self._opened = ExitStack()
        self._file: BinaryIO | None = None
        self._rows: list[Array] = []
        self._ends: list[Array] = []
        self.bytes = 0.0

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()  # what is mapped stays until the last array is gone

    @property
    def spilled(self) -> bool:
        """Whether the entries are in a file."""
        return self._file is not None

    def room(self, length: int, kind: type) -> Any:
        """Return an array to work in: in memory, or mapped from a file if it is larger than what may be in memory."""
        size = length * np.dtype(kind).itemsize
        if size <= self._most or not size:
            return np.empty(length, kind)
        with nameless(self._folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and a crash in mapped memory
            return np.asarray(np.memmap(file, kind, mode="r+", shape=(length,)))

    def take(self, entries: UInt64[Array, " e"], ends: Int64[Array, " b+1"]) -> None:
        """Keep the entries of the next row block."""
        self.bytes += entries.nbytes
        self._ends.append(ends)
        if self._file is None and self.bytes > self._most:
            self._file = self._opened.enter_context(nameless(self._folder))
            for row in self._rows:
                append(self._file, row)
            self._rows.clear()
        if self._file is None:
            self._rows.append(entries)
        else:
            append(self._file, entries)

    def finish(self) -> tuple[list[Array], Int64[Array, "b b+1"]]:
        """Return the entries of each row block and where its tiles end."""
        ends = np.array(self._ends, np.int64)
        if self._file is None:
            return self._rows, ends
        if not ends[:, -1].any():
            return [np.empty(0, np.uint64) for _ in ends], ends
        mapped = np.asarray(np.memmap(self._file, np.uint64, mode="r"))
        return np.split(mapped, np.cumsum(ends[:, -1])[:-1]), ends


def room_for_counts(folder: Path | None) -> AbstractContextManager[None]:
    """Say what to do when there is no room for what does not fit into memory."""
    what = "the co-occurrence counts (8 bytes for each two words that meet)"
    return room(folder, what, ways="free some, give more --memory, or set TMPDIR or --out to a place with more")
