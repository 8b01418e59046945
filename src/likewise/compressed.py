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
        return _kind(file.read(6))


def _kind(start: bytes) -> str | None:
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def plain(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading without its compression; FormatError if that is damaged or cut off."""
    with path.open("rb") as raw, decompressed(raw, str(path)) as file:
        yield file


@contextmanager
def decompressed(raw: io.BufferedReader, name: str) -> Iterator[BinaryIO]:
    """Read an open stream without its compression; how far `raw` has come is how much of it was needed."""
    kind = _kind(raw.peek(6)[:6])
    with contextlib.ExitStack() as stack:
        file = raw if kind is None else stack.enter_context(_reader(raw, kind))
        try:
            yield file
        except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
            raise _damaged(name, kind, error) from error
        except OSError as error:
            if kind and error.errno is None:  # bz2 and zstd have no errors of their own
                raise _damaged(name, kind, error) from error
            raise


def _damaged(name: str, kind: str | None, error: Exception) -> FormatError:
    return FormatError(f"{name} is a damaged or cut-off .{kind} file ({error}): fetch it again")


def _reader(raw: io.BufferedReader, kind: str) -> Any:
    match kind:
        case "gz":
            return gzip.GzipFile(fileobj=raw, mode="rb")
        case "bz2":
            return bz2.BZ2File(raw)
        case "xz":
            return lzma.LZMAFile(raw)
        case _:
            import pyarrow as pa

            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            return io.BufferedReader(stream, 1 << 20)


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
