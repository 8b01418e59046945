"""Files that are whole or absent, and their digests: bytes in, a name on disk or `sha256:…` out.

Both the run folder and the files of vectors stand on this, and neither may import the other.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from likewise.errors import DataError, InputError

_BLOCK = 1 << 20


def digest_of_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return `sha256:<hex>` of a file's content."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return "sha256:" + sha.hexdigest()


def digest_of_arrays(arrays: Mapping[str, Any], about: Any) -> str:
    """Return `sha256:<hex>` of arrays by name (type, shape and numbers) and of a JSON value that belongs to them."""
    sha = hashlib.sha256(digest_of_json(about).encode())
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        sha.update(array.tobytes())
    return "sha256:" + sha.hexdigest()


def digest_of_json(value: Any) -> str:
    """Return `sha256:<hex>` of a JSON value in canonical form (sorted keys, no spaces, UTF-8)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_of_bytes(text.encode())


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its name only when the block ends well.

    At the end the file is synced to disk and renamed; when the block fails it is removed, and an older file
    of that name stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when the block ends well."""
    with whole(path) as temporary, temporary.open("wb") as file:
        yield file


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all; InputError where that cannot be."""
    if not path.name or path.is_dir():
        raise InputError(f"could not write {path} (it is a folder): name a file, such as {path / 'page.html'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as file:
            file.write(page.encode())
    except OSError as error:
        raise InputError(f"could not write {path} ({error.strerror or error}): choose another place") from error


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def nameless(folder: Path | None) -> Any:
    """Open a temporary file without a name, unbuffered: nothing of it is left behind however the program ends."""
    return tempfile.TemporaryFile(dir=folder, prefix="likewise-", buffering=0)


def write_all(file: Any, data: memoryview | bytes) -> None:
    """Write to an unbuffered file until all is written: a disk that becomes full takes a part first."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def append(file: Any, array: Any) -> None:
    """Write an array behind what is in an unbuffered file."""
    write_all(file, array.data.cast("B") if len(array) else b"")


@contextmanager
def room(
    folder: Path | None, what: str, *, ways: str = "free some, or set TMPDIR or --out to a place with more"
) -> Iterator[None]:
    """Say what to do, `ways`, where there is no room for a temporary file of `what`: DataError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(f"no room in {folder or Path(tempfile.gettempdir())} for {what}: {ways}") from error
