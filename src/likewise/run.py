"""The run folder: files and a manifest in, checked files out.

    RUN/
      run.json      everything that was chosen, the sha256 of each file, and its own digest
      encoder/      enough to encode a new object elsewhere
      space/        the vectors and their keys
      report.json   the evidence;  report.html the same for a person;  pictures/ what was seen in a network
      log.jsonl     one line per report interval
      checkpoints/  while it learns, and in a run that was interrupted: what it takes to go on

While it is written it is called `RUN.partial`; each file is written under a temporary name, synced and renamed,
and at the end the folder is renamed: whatever happens, a RUN is the old one or the new one, never half of either. A
`RUN.partial` with checkpoints stays where a writer fails or is killed, and is cleared away only on demand.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from likewise.errors import InputError, IntegrityError, RunError, RunExists
from likewise.files import atomic, digest_of_file, digest_of_json, sync_folder, whole

MANIFEST, CHECKPOINTS = "run.json", "checkpoints"
VECTORS, ITEMS, ENCODER = "space/vectors.safetensors", "space/items.parquet", "encoder/encoder.json"
FORMAT = 1
_COMPLETE = "seed-*.json"  # what a checkpoint that is whole has


def _pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def exchange(one: Path, other: Path) -> bool:
    """Let two paths swap their names in one step; False where the system cannot (then nothing has happened)."""
    try:
        swap = ctypes.CDLL(None, use_errno=True).renameat2  # Linux ≥ 3.15 with glibc ≥ 2.28
    except (AttributeError, OSError):
        return False
    here, both_ways = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return int(swap(here, os.fsencode(one), here, os.fsencode(other), both_ways)) == 0


class RunWriter:
    """Write a run folder; use it in a `with` block and call `finish` last.

    With `resume` it goes on in the `RUN.partial` that is there, or in one made of the checkpoints of an unfinished RUN.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> with RunWriter(folder) as writer:
    ...     writer.write_json("report.json", {"numbers": []})
    ...     writer.finish({"recipe": "word2vec"})
    >>> RunFolder(folder).manifest["recipe"]
    'word2vec'
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, resume: bool = False) -> None:
        self.path = Path(path)
        if not self.path.name:
            raise RunError(f"{str(path)!r} is no name for a run: give --out the name of a new folder")
        self.partial = self.path.with_name(self.path.name + ".partial")
        self._lock: int | None = None
        self._overwrite, self._resume = overwrite, resume
        self.cleared = False  # whether what another had learned was thrown away
        self._found, self._with_checkpoints = False, False
        self._written: dict[str, str] = {}
        self._finished = False

    def check(self) -> None:
        """Raise RunExists or RunError if the folder could not be written, before any work is done."""
        _restore(self.path)
        if self.path.exists() and not self._overwrite:
            raise RunExists(f"{self.path} exists: choose another --out, or replace it with --overwrite")
        if self.path.exists() and not (self.path / MANIFEST).is_file():
            raise RunExists(
                f"{self.path} exists and is not a run: --overwrite replaces runs only; choose another --out"
            )
        parent = self.path.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make the folder {parent}: {error.strerror}") from error
        if not os.access(parent, os.W_OK):
            raise RunError(
                f"cannot write into {parent}: it is read-only or belongs to somebody else; choose another --out"
            )

    def __enter__(self) -> Self:
        self.check()
        try:
            if self.partial.exists():
                self._lock = _lock(self.partial)  # whoever left it is gone
                self._clear()
            elif self._resume:
                self._begin_with(RunFolder(self.path))
            self.partial.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.partial) if self._lock is None else self._lock
        except OSError as error:
            self._unlock()
            raise RunError(f"cannot make the folder {self.partial}: {error.strerror}") from error
        except BaseException:
            self._unlock()
            raise
        return self

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _clear(self) -> None:
        """Clear away what a writer left that was killed, but never checkpoints that nobody wants to lose."""
        whole = (self.partial / MANIFEST).is_file() and not self.path.exists()  # all but its name
        worth = can_go_on(self.partial) or whole
        if worth and not (self._resume or self._overwrite):
            raise RunExists(
                f"{self.partial} holds what a run had learned when it was cut off: go on with it by "
                f"`likewise learn --resume {self.path}`, or throw it away with --overwrite"
            )
        self._found, self.cleared = self._resume, worth and not self._resume
        for entry in self.partial.iterdir():
            if self._resume and entry.name == CHECKPOINTS:
                continue
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def _begin_with(self, unfinished: RunFolder) -> None:
        """Make the partial folder, whole or not at all, of the checkpoints of a run that was interrupted."""
        fresh = self.path.with_name(f".{self.path.name}.resumed")
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / CHECKPOINTS).mkdir(parents=True)
        for name in unfinished.files:
            if name.startswith(f"{CHECKPOINTS}/"):
                shutil.copyfile(unfinished.file(name), fresh / name)
        fresh.rename(self.partial)

    def step_aside(self) -> None:
        """Take a free name beside `path` if a run is there: what is unfinished replaces nothing."""
        number, wanted = 1, self.path
        while self.path.exists():
            self.path = wanted.with_name(f"{wanted.name}-unfinished-{number}")
            number += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # what cannot be learned cannot be gone on with either; but what was there before stays whatever happens
        kept = self._found or (can_go_on(self.partial) and not isinstance(error, InputError))
        if not self._finished and not kept:
            shutil.rmtree(self.partial, ignore_errors=True)
        self._unlock()
        if isinstance(error, OSError) and not isinstance(error, RunError):
            raise RunError(
                f"could not write {self.path}: {error.strerror or error}; "
                + (f"`likewise learn --resume {self.path}` goes on later" if kept else "nothing of it was kept")
                + (", the run that was there is untouched" if self.path.exists() else "")
            ) from error

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open `name` (a path inside the run, with /) for writing; it is complete or it is not there."""
        target = self.partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic(target) as file:
            yield file
        self._written[name] = digest_of_file(target)

    def write(self, name: str, save: Callable[[Path], None]) -> None:
        """Let `save` write the file `name`, for libraries that insist on a path."""
        target = self.partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as temporary:
            save(temporary)
        self._written[name] = digest_of_file(target)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file, indented, without NaN."""
        with self.open(name) as file:
            file.write(_pretty(value))

    def write_lines(self, name: str, values: Iterable[Mapping[str, Any]]) -> None:
        """Write JSON lines."""
        with self.open(name) as file:
            for value in values:
                file.write(json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    def keep_checkpoints(self) -> None:
        """Make the checkpoints part of the run; without this they go at the end."""
        self._with_checkpoints = True
        for file in sorted((self.partial / CHECKPOINTS).glob("[!.]*")):
            self._written[f"{CHECKPOINTS}/{file.name}"] = digest_of_file(file)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write run.json with the digests of all files, then give the folder its name."""
        whole = {"format": FORMAT, **manifest, "files": dict(sorted(self._written.items()))}
        whole["digest"] = digest_of_json(whole)
        self.write_json(MANIFEST, whole)
        if not self._with_checkpoints:  # from here on they are not needed: the run is whole
            shutil.rmtree(self.partial / CHECKPOINTS, ignore_errors=True)
        sync_folder(self.partial)
        if self.path.exists() and not (self._overwrite and (self.path / MANIFEST).is_file()):
            self.step_aside()  # somebody made it meanwhile
        if self.path.exists():
            self._swap()
        else:
            self.partial.rename(self.path)
        sync_folder(self.path.parent)
        self._finished = True

    def _swap(self) -> None:
        old = self.partial
        if not exchange(self.partial, self.path):  # two steps: between them `_restore` puts the old one back
            old = _replaced(self.path)
            shutil.rmtree(old, ignore_errors=True)
            self.path.rename(old)
            self.partial.rename(self.path)
        if old.is_symlink():
            old.unlink()
        shutil.rmtree(old, ignore_errors=True)


def _lock(folder: Path) -> int:
    """Return a handle that locks a partial folder until it is closed or its process ends, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise RunExists(f"{folder} is being written by another process: choose another --out") from None
    except OSError:
        pass  # a file system without locks
    return handle


def give_name(path: Path) -> bool:
    """Give a run its name that was whole when its writer was killed and had not got it; return whether there was one.

    Raises RunError where another run has that name, RunExists where its writer is still at work.
    """
    partial = path.with_name(path.name + ".partial")
    if not (partial / MANIFEST).is_file():
        return False
    handle = _lock(partial)
    try:
        folder = RunFolder(partial)
        for name in folder.files:
            folder.file(name)
        if path.exists():
            raise RunError(
                f"{path} is a whole run, and so is {partial}: one was to replace the other; look at both and delete one"
            )
        if not any(name.startswith(CHECKPOINTS) for name in folder.files):
            shutil.rmtree(partial / CHECKPOINTS, ignore_errors=True)
        partial.rename(path)
        sync_folder(path.parent)
    finally:
        os.close(handle)
    return True


def can_go_on(folder: Path) -> bool:
    """Whether a folder holds a complete checkpoint."""
    return next((folder / CHECKPOINTS).glob(_COMPLETE), None) is not None


def _replaced(path: Path) -> Path:
    """Return what a run is called in the moment in which another takes its name."""
    return path.with_name(f".{path.name}.replaced")


def _restore(path: Path) -> None:
    """Put a run back whose replacement was cut off between two renames."""
    if not path.exists() and path.name and (_replaced(path) / MANIFEST).is_file():
        _replaced(path).rename(path)


class RunFolder:
    """A run on disk: its manifest, and its files after their digest was checked.

    Opening it reads run.json and checks its own digest; a file is checked once, the first time it is asked for.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._checked: set[str] = set()
        if not self.path.exists():
            _restore(self.path)
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> dict[str, Any]:
        file = self.path / MANIFEST
        if not self.path.exists():
            raise RunError(f"there is no run and no file of vectors at {self.path}")
        if not file.is_file():
            partial = " (an unfinished one is called RUN.partial)" if self.path.name.endswith(".partial") else ""
            raise RunError(f"{self.path} is not a run: it has no {MANIFEST}{partial}")
        data = file.read_bytes()
        try:
            manifest = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise IntegrityError(f"{file} is not JSON: {error}; it was altered after it was written") from error
        if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
            raise IntegrityError(f"{file} is not the manifest of a run: 'files' is missing")
        outside = [name for name in manifest["files"] if name.startswith("/") or ".." in name.split("/")]
        if outside:
            raise IntegrityError(f"{file} names a file outside of its own folder: {outside[0]!r}")
        same = data == _pretty(manifest)  # a changed space would leave the digest as it is
        stated = manifest.pop("digest", None)
        if not same or stated != digest_of_json(manifest):
            raise IntegrityError(f"{file} was altered after it was written: its own digest does not match")
        if manifest.get("format") != FORMAT:
            raise RunError(
                f"{file} has format {manifest.get('format')!r}, this version reads {FORMAT}: use a newer likewise"
            )
        return manifest

    @property
    def files(self) -> dict[str, str]:
        """The files that belong to the run, with their digests."""
        return dict(self.manifest["files"])

    def file(self, name: str) -> Path:
        """Return the path of one of the run's files after checking its content against run.json."""
        path = self.path / name
        if name not in self._checked:
            problem = self._problem(name)
            if problem:
                raise IntegrityError(f"{problem}; `likewise verify {self.path}` lists all that is wrong")
            self._checked.add(name)
        return path

    def json(self, name: str) -> Any:
        """Return the content of a JSON file of the run."""
        return json.loads(self.file(name).read_bytes())

    def _problem(self, name: str) -> str | None:
        path = self.path / name
        stated = self.manifest["files"].get(name)
        if stated is None:
            return f"{path} does not belong to this run: {MANIFEST} does not name it"
        if not path.is_file():
            return f"{path} is missing"
        if digest_of_file(path) != stated:
            return f"{path} was altered after it was written: its sha256 does not match {MANIFEST}"
        return None

    def verify(self) -> list[str]:
        """Check every file; return a sentence for each that is missing, altered or foreign."""
        problems = [problem for name in self.files if (problem := self._problem(name))]
        present = {
            str(path.relative_to(self.path).as_posix())
            for path in self.path.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }
        foreign = sorted(present - set(self.files) - {MANIFEST})
        return problems + [f"{self.path / name} does not belong to this run" for name in foreign]
