"""Pictures made ready: a source of pictures in; one uint8 array "n c h w", in memory or mapped, and what was seen out.

Each picture is decoded once, by several threads ahead of the one that writes. What is larger than memory goes to a
temporary file without a name, so that nothing is left behind however the program ends. An array of the right size is
used where it lies.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Int64, UInt8, UInt64

from likewise.contracts import Array
from likewise.errors import DataError
from likewise.files import nameless, room, write_all
from likewise.session import Derived, Note, Progress, Session
from likewise.sources.images import ImageSource, digest_of
from likewise.sources.images_arrays import IN_MEMORY
from likewise.sources.images_decoding import Raw, Size, as_size, bombs_are_errors, content_of, decode, head_size

STAGE = "reading"
_TOLD_EVERY = 0.2  # seconds between two events of progress
_AHEAD = 8  # chunks decoded ahead, a thread
_CHUNK = 16  # pictures that go to a thread together
_LOOKED_AT = 256  # pictures whose size is looked at
_NATIVE = 96  # up to this many pixels a side, pictures of one size stay as they are
_SIDES = (32, 48, 64, 96, 128, 160, 192, 224)
_NAMED = 3  # bad pictures that are named

Chunk: TypeAlias = "list[tuple[int, Raw]]"


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size: `pixels` "n c h w", c = 1 where all are grey, else 3 (RGB).

    `rows` are their places in the source; `hashes` tell equal pixels; `digest` is of pixels in order. `labels` are
    names of classes ("" where unknown), None if there are none. `skipped` pictures could not be decoded, `duplicates`
    are copies of an earlier one; they stay.
    """

    name: str
    pixels: UInt8[Array, "n c h w"]
    keys: Sequence[str]
    labels: Sequence[str] | None
    metadata: Mapping[str, Sequence[Any]]
    rows: Int64[Array, " n"]
    hashes: UInt64[Array, " n"]
    digest: str
    seconds: float
    skipped: int = 0
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> Size:
        """Height and width."""
        return int(self.pixels.shape[2]), int(self.pixels.shape[3])

    def batch(self, rows: Int64[Array, " b"]) -> UInt8[Array, "b c h w"]:
        """Return some pictures, contiguous; from a file they come fastest with `rows` sorted."""
        return np.ascontiguousarray(self.pixels[rows])

    def classes(self) -> tuple[list[str], Int64[Array, " n"]]:
        """Return the names of the classes, sorted, and the number of each picture's: −1 where it is unknown."""
        names = sorted(set(self.labels or ()) - {""})
        places = {name: i for i, name in enumerate(names)}
        labels = self.labels if self.labels is not None else [""] * len(self)
        return names, np.array([places.get(label, -1) for label in labels], np.int64)


def prepare_pictures(
    source: ImageSource,
    *,
    size: int | Size | None = None,
    session: Session,
    folder: Path | None = None,
    threads: int | None = None,
    least: int = 2,
    in_memory: int = IN_MEMORY,
) -> Pictures:
    """Decode each picture once, scale it and cut it to `size` (height and width, or one number for both).

    It is scaled, with antialiasing, to cover `size`, and what sticks out is cut off on both sides alike. Without
    `size` one is chosen from the data and told. Above `in_memory` bytes the pixels go to a temporary file in `folder`
    (the system's by default). What cannot be decoded is skipped, counted and named.

    Raises DataError if fewer than `least` pictures are left; a stopped session raises KeyboardInterrupt.
    """
    start = time.perf_counter()
    for note in source.notes:
        session.tell(Note(note))
    _check_enough(source.name, len(source), least)
    wanted = as_size(size) or source.size or _chosen_size(source, session)
    seen = _Seen(source, session)
    with session.stage(STAGE) as facts, room(folder, f"{len(source):,} pictures of {wanted[0]} × {wanted[1]} pixels"):
        pixels = _in_place(source, wanted)
        if pixels is not None:
            seen.look_at(pixels)
        else:
            pixels = _decoded(source, wanted, seen, folder, threads or _threads(), in_memory)
        facts["pictures"] = len(pixels)
    seen.tell_skipped(least)
    return seen.pictures(pixels, time.perf_counter() - start)


def held_out(pictures: Pictures, *, dim: int) -> tuple[Int64[Array, " t"], Int64[Array, " p"]]:
    """Split into rows to train on and rows to probe with, by content: the same pictures give the same split.

    The probe set has 4·`dim` pictures, or a third of all if that is less. Equal pictures stay on one side, unless
    that would take more than half of all.
    """
    n = len(pictures)
    order = np.lexsort((np.arange(n), pictures.hashes))
    wanted = min(4 * dim, math.ceil(n / 3)) if n > 1 else 0
    end = int(np.searchsorted(pictures.hashes[order], pictures.hashes[order[wanted - 1]], "right")) if wanted else 0
    end = end if end <= n // 2 else wanted
    return np.sort(order[end:]), np.sort(order[:end])


class Decoded(NamedTuple):
    """What a thread makes of one picture: its place in the source, and its pixels, or what is wrong with it."""

    row: int
    content: bytes
    pixels: UInt8[Array, "c h w"] | None
    fault: str | None


@dataclass
class _Seen:
    """What was seen of a source so far."""

    source: ImageSource
    session: Session
    rows: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    told: float = field(default_factory=time.perf_counter)

    def take(self, result: Decoded) -> None:
        """Count one picture."""
        self.contents.append(result.content)
        if result.pixels is None:
            self.faults.append(result.fault or "")
        else:
            self.rows.append(result.row)
            self.hashes.append(hashlib.sha256(result.pixels.data).digest())

    def tell(self) -> None:
        """Tell how far it has come; KeyboardInterrupt where somebody asked to stop."""
        if self.session.stopped:
            raise KeyboardInterrupt  # nothing was learned yet, so there is nothing to keep
        now = time.perf_counter()
        if now - self.told > _TOLD_EVERY:
            facts = {"skipped": float(len(self.faults))} if self.faults else {}
            self.session.tell(Progress(STAGE, len(self.contents), len(self.source), "pictures", facts))
            self.told = now

    def look_at(self, pixels: UInt8[Array, "n c h w"]) -> None:
        """Take in an array that is used where it lies."""
        whole = self.source.holding.whole
        assert whole is not None
        for row in range(len(pixels)):
            self.take(Decoded(row, digest_of(whole[row]), np.ascontiguousarray(pixels[row]), None))
            if row % _LOOKED_AT == 0:
                self.tell()

    def tell_skipped(self, least: int) -> None:
        """Note what was skipped; DataError if too few are left."""
        if not self.faults:
            return
        many = f"{len(self.faults):,} of {len(self.contents):,} pictures of {self.source.name}"
        named = "; ".join(self.faults[:_NAMED]) + ("; …" if len(self.faults) > _NAMED else "")
        if len(self.rows) < max(least, 1):
            left = "none is left" if not self.rows else f"only {len(self.rows)} is left"
            raise DataError(f"{many} cannot be used, {left}: {named}")
        self.session.tell(Note(f"{many} cannot be used and were skipped: {named}"))

    def pictures(self, pixels: UInt8[Array, "n c h w"], seconds: float) -> Pictures:
        """Return all together."""
        source, rows = self.source, self.rows
        source.remember(self.contents)
        sha = hashlib.sha256(repr(pixels.shape[1:]).encode())
        for digest in self.hashes:
            sha.update(digest)
        duplicates = len(rows) - len(set(self.hashes))
        if duplicates:
            self.session.tell(Note(f"{duplicates:,} pictures are copies of others, pixel for pixel: they stay"))
        return Pictures(
            name=source.name,
            pixels=pixels,
            keys=[source.keys[row] for row in rows],
            labels=None if source.labels is None else [source.labels[row] for row in rows],
            metadata={name: [column[row] for row in rows] for name, column in source.metadata.items()},
            rows=np.array(rows, np.int64),
            hashes=np.frombuffer(b"".join(digest[:8] for digest in self.hashes), "<u8").astype(np.uint64),
            digest=f"sha256:{sha.hexdigest()}",
            seconds=seconds,
            skipped=len(self.faults),
            duplicates=duplicates,
        )


def _check_enough(name: str, n: int, least: int) -> None:
    if n < least:
        what = "one picture" if n == 1 else f"{n} pictures"
        raise DataError(f"{name} holds {what}: learning needs at least {least}, better thousands")


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_place(source: ImageSource, size: Size) -> UInt8[Array, "n c h w"] | None:
    """Return the source's own array as "n c h w", if it is uint8 and of this size and number of channels."""
    whole = source.holding.whole
    if whole is None or whole.dtype != np.uint8 or whole.shape[1:3] != size:
        return None
    if whole.ndim == 3:
        return whole[:, None]
    return whole.transpose(0, 3, 1, 2) if whole.shape[3] == source.channels else None


def _decoded(
    source: ImageSource, size: Size, seen: _Seen, folder: Path | None, threads: int, in_memory: int
) -> UInt8[Array, "n c h w"]:
    """Decode all pictures with several threads, in order."""
    shape = (source.channels, *size)
    with _Store(len(source), shape, folder, in_memory) as store:
        for results in decoded(source, size=size, channels=source.channels, threads=threads):
            for result in results:
                seen.take(result)
                if result.pixels is not None:
                    store.add(result.pixels)
            seen.tell()
        return store.array()


def decoded(
    source: ImageSource, *, size: Size | None, channels: int = 3, threads: int | None = None
) -> Iterator[list[Decoded]]:
    """Yield the pictures of a source in order, some at a time, as several threads decode them ahead.

    Without `size` each has its own height and width. Memory does not grow with the source.
    """
    named = source.name_of

    def work(chunk: Chunk) -> list[Decoded]:
        return [_one(row, raw, named(row), size, channels) for row, raw in chunk]

    with bombs_are_errors():
        yield from _ahead(work, _chunks(source), threads or _threads())


def _one(row: int, raw: Raw, name: str, size: Size | None, channels: int) -> Decoded:
    content: Any = b""
    try:
        content = content_of(raw, name)
        pixels = decode(content, name, size=size, channels=channels)
    except DataError as error:
        return Decoded(row, digest_of(content), None, str(error))
    return Decoded(row, digest_of(content), np.ascontiguousarray(pixels.transpose(2, 0, 1)), None)


def _chunks(source: ImageSource) -> Iterator[Chunk]:
    chunk: Chunk = []
    for row, raw in enumerate(source.holding):
        chunk.append((row, raw))
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _ahead(work: Callable[[Chunk], list[Decoded]], chunks: Iterator[Chunk], threads: int) -> Iterator[list[Decoded]]:
    """Yield results in order while a bounded number of chunks is worked on ahead."""
    waiting: deque[Future[list[Decoded]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="likewise-decode")
    try:
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) >= threads * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Store:
    """Pixels on their way to one array: in memory if that is small, else in a file without a name."""

    def __init__(self, n: int, shape: tuple[int, int, int], folder: Path | None, in_memory: int) -> None:
        self._shape, self._n = shape, 0
        small = n * math.prod(shape) <= in_memory
        self._memory: Array | None = np.empty((n, *shape), np.uint8) if small else None
        self._file = None if small else nameless(folder)

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()  # what is mapped stays until the last array is gone

    def add(self, pixels: UInt8[Array, "c h w"]) -> None:
        """Add one picture: a file is written and not mapped, so that a full disk is an error and not a crash."""
        if self._memory is not None:
            self._memory[self._n] = pixels
        else:
            write_all(self._file, pixels.data.cast("B"))
        self._n += 1

    def array(self) -> UInt8[Array, "n c h w"]:
        """Return all that was added."""
        if self._memory is not None:
            return self._memory[: self._n]
        if not self._n:
            return np.empty((0, *self._shape), np.uint8)
        assert self._file is not None
        return np.asarray(np.memmap(self._file, np.uint8, "r", 0, (self._n, *self._shape)))


def _chosen_size(source: ImageSource, session: Session) -> Size:
    """Return the size of the pictures if they are small and of one, else a round one up to 224; tell which, and why."""
    rows = np.unique(np.linspace(0, len(source) - 1, _LOOKED_AT).astype(int))
    sizes = _sizes(source, rows.tolist())
    if not sizes:
        return _SIDES[0], _SIDES[0]  # none can be read: the sentence comes when they are decoded
    every = source.holding.whole is not None or len(rows) == len(source)
    looked = "all pictures" if every else f"the {len(rows)} pictures that were looked at"
    if len(set(sizes)) == 1 and max(sizes[0]) <= _NATIVE:
        session.tell(Derived("size", list(sizes[0]), f"{looked} have this height and width"))
        return sizes[0]
    middle = int(np.median([min(size) for size in sizes]))
    side = max([side for side in _SIDES if side <= middle], default=_SIDES[0])
    reason = f"the shorter side of {looked} is {middle} in the median; they are scaled and cut to squares"
    session.tell(Derived("size", side, reason))
    return side, side


def _sizes(source: ImageSource, rows: Sequence[int]) -> list[Size]:
    whole = source.holding.whole
    if whole is not None:
        return [(int(whole.shape[1]), int(whole.shape[2]))]
    sizes = []
    with bombs_are_errors():
        for row in rows:
            try:
                sizes.append(head_size(source.holding[row], source.name_of(row)))
            except DataError:
                continue  # it is named when it is decoded
    return [size for size in sizes if min(size) > 0]
