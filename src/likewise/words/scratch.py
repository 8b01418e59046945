"""Scratch files: arrays in, temporary files without a name out, which vanish with the process however that ends."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from likewise.contracts import Array
from likewise.errors import DataError


def scratch_file(folder: Path | None) -> Any:
    """Open a file without a name in `folder`, or in the system's temporary folder."""
    return tempfile.TemporaryFile(dir=folder, prefix="likewise-", buffering=0)


def append(file: Any, array: Array) -> None:
    """Write an array behind what is there."""
    rest = array.data.cast("B") if len(array) else b""
    while rest:  # a disk that becomes full takes a part first
        rest = rest[file.write(rest) :]


@contextmanager
def room_for(what: str, folder: Path | None, *, ways: str) -> Iterator[None]:
    """Say what to do, `ways`, where there is no room in `folder` for `what`: DataError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(f"no room in {folder or Path(tempfile.gettempdir())} for {what}: {ways}") from error
