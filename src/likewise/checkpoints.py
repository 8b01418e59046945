"""Checkpoints: the state of learning in, files from which it goes on after a kill out.

    checkpoints/
      order.json                 what was asked for (`likewise.resuming`)
      seed-1-000007.safetensors  the tables as they stood
      seed-1-000007.json         all else that it takes to go on, and the digest of the tables

The tables are written before the .json, which makes a checkpoint complete; only then the one before is removed. Each
file is written under a temporary name, synced and renamed: the newest complete one survives a kill at any moment.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast, final

from likewise.contracts import Array
from likewise.errors import DataError, IntegrityError, RunError
from likewise.files import atomic, digest_of_file
from likewise.session import Note, Session
from likewise.space.tensors import map_arrays, write_arrays

FORMAT = 1
SHARE = 50  # a checkpoint is due when learning has taken this many times as long as writing the last one took
LEAST = 1.0  # seconds between two checkpoints, however small they are
_BYTES_PER_SECOND = 1e8  # of a slow disk: what the first one is thought to cost
_CHANGED = {
    "data": "the data have changed since the run was begun (their digest is another)",
    "start": "the run from which this one goes on is another than when it was begun (by its fingerprint)",
}


@dataclass(frozen=True)
class Checkpoint:
    """Where learning stood: its arrays, mapped, and its other values."""

    arrays: Mapping[str, Array]
    values: Mapping[str, Any]

    def restore(self, name: str, into: Array) -> None:
        """Copy an array into the table it was written from; RunError if that has another shape now."""
        array = self.arrays[name]
        if array.shape != into.shape:
            raise RunError(
                f"the checkpoint's {name} has shape {array.shape} and learning needs {into.shape}: it is of another "
                "version of likewise; go on with that version"
            )
        into[...] = array


@final
class Checkpoints:
    """A series of checkpoints in a folder; without a folder none is ever due and nothing is written.

    `about` are values that stand in each and must be the same when learning goes on. What has been learned is worth
    more than a checkpoint: where one cannot be written, the session is told and the one before stays.
    """

    def __init__(
        self,
        folder: Path | None = None,
        name: str = "seed-1",
        *,
        about: Mapping[str, Any] | None = None,
        session: Session | None = None,
        since: float | None = None,
    ) -> None:
        self._folder, self._name, self._session = folder, name, session
        self._about = dict(about or {}) | {"format": FORMAT}
        self._since = time.perf_counter() if since is None else since
        self._next, self._told = math.inf, False

    def newest(self) -> Checkpoint | None:
        """Return the newest complete checkpoint, or None; IntegrityError if there are only damaged ones."""
        problem = ""
        for path in reversed(_complete(self._folder, self._name)):
            values = _values(path)
            tables = path.with_suffix(".safetensors")
            if values is None or not tables.is_file() or digest_of_file(tables) != values.get("sha256"):
                problem = problem or f"{tables} was altered after it was written, or is missing"
                continue
            self._check(values, path)
            return Checkpoint(map_arrays(tables), values)
        if problem:
            raise IntegrityError(f"{problem}: there is nothing to go on from; learn again with --overwrite")
        return None

    def _check(self, values: Mapping[str, Any], path: Path) -> None:
        for name, value in self._about.items():
            if values.get(name) == value:
                continue
            if name in _CHANGED:
                raise DataError(f"{_CHANGED[name]}: bring it back as it was, or learn again with --overwrite")
            raise RunError(f"{path} has {name} {values.get(name)!r}, here it is {value!r}: use the likewise of then")

    def expect(self, size: int) -> None:
        """Say how many bytes a checkpoint will have, when learning begins: the first is due when that is cheap."""
        if self._folder is not None:
            self._plan(size / _BYTES_PER_SECOND)

    @property
    def due(self) -> bool:
        """Whether so much was learned since the last one that another costs little; looked at all the time."""
        return time.perf_counter() >= self._next

    def write(self, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        """Write a checkpoint, then remove the ones before."""
        if self._folder is None:
            return
        start = time.perf_counter()
        try:
            self._write(self._folder, arrays, {**values, **self._about, "seconds": round(start - self._since, 3)})
        except OSError as error:
            if not self._told and self._session is not None:
                why = error.strerror or error
                self._session.tell(Note(f"no checkpoint could be written ({why}): a kill now costs more"))
            self._told = True
        self._plan(time.perf_counter() - start)

    def _write(self, folder: Path, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
        for unfinished in folder.glob(".*.tmp"):  # of a process that was killed while it wrote
            unfinished.unlink(missing_ok=True)
        before = _complete(folder, self._name)
        number = 1 + max((int(path.stem.rsplit("-", 1)[1]) for path in before), default=0)
        tables = folder / f"{self._name}-{number:06d}.safetensors"
        with atomic(tables) as file:
            hashed = _Hashing(file)
            write_arrays(cast(BinaryIO, hashed), {name: [array] for name, array in arrays.items()})
        with atomic(tables.with_suffix(".json")) as file:
            text = json.dumps({**values, "sha256": hashed.digest}, indent=1, ensure_ascii=False)
            file.write(text.encode() + b"\n")
        for path in before:
            path.unlink()
        for path in folder.glob(f"{self._name}-*.safetensors"):
            if path != tables:
                path.unlink()

    def _plan(self, cost: float) -> None:
        self._next = time.perf_counter() + max(LEAST, SHARE * cost)


class _Hashing:
    """A file that is written to and digested in one go."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sha = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self._sha.update(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"


def latest(folder: Path) -> Mapping[str, Any] | None:
    """Return the values of the checkpoint of any series that is newest, its tables unread; None if there is none."""
    found = [values for path in _complete(folder, "seed-*") if (values := _values(path)) is not None]
    return max(found, key=lambda values: float(values.get("seconds", 0.0)), default=None)


def _complete(folder: Path | None, name: str) -> list[Path]:
    return [] if folder is None else sorted(folder.glob(f"{name}-[0-9]*.json"))


def _values(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
