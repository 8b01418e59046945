"""Compressed files: a path in, its plain bytes out, told by content and not by name; and the other way round."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from likewise.errors import FormatError

_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}


def compression_of(path: Path) -> str | None:
    """Return gz, bz2, xz or zst by the first bytes of a file, None if it is plain."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def plain(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading without its compression; FormatError if that is damaged or cut off."""
    kind = compression_of(path)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_reader(path, kind))
        try:
            yield file
        except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
            raise _damaged(path, kind, error) from error
        except OSError as error:
            if kind and error.errno is None:  # bz2 and zstd have no errors of their own
                raise _damaged(path, kind, error) from error
            raise


def _damaged(path: Path, kind: str | None, error: Exception) -> FormatError:
    return FormatError(f"{path} is a damaged or cut-off .{kind} file ({error}): fetch it again")


def _reader(path: Path, kind: str | None) -> Any:
    match kind:
        case "gz":
            return gzip.open(path, "rb")
        case "bz2":
            return bz2.open(path, "rb")
        case "xz":
            return lzma.open(path, "rb")
        case "zst":
            import pyarrow as pa

            return io.BufferedReader(pa.input_stream(str(path), compression="zstd"), 1 << 20)
        case _:
            return path.open("rb")


@contextmanager
def compressing(path: Path, kind: str | None) -> Iterator[BinaryIO]:
    """Open a file for writing with a compression (None: plain)."""
    with _writer(path, kind) as file:
        yield file


def _writer(path: Path, kind: str | None) -> Any:
    match kind:
        case "gz":
            return gzip.GzipFile(path, "wb", compresslevel=6, mtime=0)
        case "bz2":
            return bz2.open(path, "wb")
        case "xz":
            return lzma.open(path, "wb", preset=1)
        case "zst":
            import pyarrow as pa

            return pa.output_stream(str(path), compression="zstd")
        case _:
            return path.open("wb")
