"""Parts of a source: one file, a stream or an iterable in, its blocks of UTF-8 and its paragraphs by key out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, final

from likewise.compressed import decompressed
from likewise.errors import DataError
from likewise.sources import columns, streams

Item: TypeAlias = "str | list[str]"
Tap: TypeAlias = Callable[[bytes], None]

HEAD = 1 << 14  # bytes that tell what a file is
_ITEMS = 1 << 10  # texts of an iterable that go on together


class Part(Protocol):
    """One file, or what is like one."""

    name: str
    size: int | None

    def blocks(self) -> Iterator[bytes]:
        """Yield its text as UTF-8; a paragraph may go on in the next block."""

    def items(self, tap: Tap) -> Iterator[tuple[str, Item]]:
        """Yield (key, paragraph); `tap` sees the bytes that `blocks` would yield."""

    def done(self) -> int:
        """Return how many bytes of it have been read."""


@dataclass(frozen=True)
class Way:
    """How files are read."""

    column: str | None
    encoding: str
    errors: str


@final
class File:
    """A file, or standard input; `key` is the short name that its keys begin with."""

    def __init__(
        self, name: str, key: str, way: Way, opened: Callable[[], AbstractContextManager[Any]], size: int | None = None
    ) -> None:
        self.name, self.way, self.size = name, way, size
        self._key, self._raw_opened = key, opened
        self._raw: Any = None
        self._read = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield its text as UTF-8."""
        with self._opened() as (file, kind):
            if kind is not None:
                for _, text in self._values(file, kind):
                    yield line_of(text, self.name)
            else:
                yield from self._text(file)

    def items(self, tap: Tap) -> Iterator[tuple[str, Item]]:
        """Yield (key, paragraph)."""
        with self._opened() as (file, kind):
            numbered = self._lines(file, tap) if kind is None else self._values(file, kind)
            for number, text in numbered:
                if kind is not None:
                    tap(line_of(text, self.name))
                yield f"{self._key}:{number}", text

    def done(self) -> int:
        """Return how many bytes of it have been read; 0 for what has no size."""
        if self._raw is not None and self.size is not None:
            self._read = self._raw.tell()
        return self._read

    @contextmanager
    def _opened(self) -> Iterator[tuple[Headed, str | None]]:
        """Open it; yield its content, and its kind of table if it is one."""
        with self._raw_opened() as raw, decompressed(raw, self.name) as plain:
            self._raw = raw
            file = Headed(plain)
            try:
                yield file, self._kind(file)
            finally:
                self.done()
                self._raw = None

    def _kind(self, file: Headed) -> str | None:
        path, column = Path(self.name), self.way.column
        if column is not None:
            return columns.guessed_kind(path, file.head)
        if kind := columns.table_kind(path, file.head):
            names = (
                columns.parquet_columns(file.whole(), self.name)
                if kind == "parquet"
                else columns.columns_of(kind, self._lines(file), self.name)
            )
            raise DataError(columns.needs_column(self.name, kind, names))
        return None

    def _values(self, file: Headed, kind: str) -> Iterator[tuple[int, str]]:
        assert self.way.column is not None
        if kind == "parquet":
            return columns.parquet_values(file.whole(), self.name, self.way.column)
        return columns.values(kind, self._lines(file), self.name, self.way.column)

    def _text(self, file: Headed) -> Iterator[bytes]:
        blocks = streams.as_utf8(file.blocks(), self.name, self.way.encoding, self.way.errors)
        return streams.without_wiki_tags(blocks) if file.is_wiki else blocks

    def _lines(self, file: Headed, tap: Tap = lambda block: None) -> Iterator[tuple[int, str]]:
        for number, line in streams.numbered_lines(tapped(self._text(file), tap)):
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise DataError(streams.not_encoded(f"{self.name}", "utf-8", number, error.start)) from error
            if "\0" in text:
                raise DataError(streams.with_nul(self.name, number, None))
            yield number, text


def file_at(path: Path, key: str, way: Way) -> File:
    """Return the file of a path."""

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        try:
            file = path.open("rb")
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        with file:
            yield file

    return File(str(path), key, way, opened, path.stat().st_size if path.is_file() else None)


def standard_input(way: Way) -> File:
    """Return standard input, which can be read once."""
    name = "standard input"
    return File(name, name, way, lambda: nullcontext(sys.stdin.buffer))


@final
class Headed:
    """A file of which the first bytes were looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.head = file.read(HEAD)

    @property
    def is_wiki(self) -> bool:
        """Whether this is what WikiExtractor writes."""
        return self.head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<doc id=")

    def blocks(self) -> Iterator[bytes]:
        """Yield all of it."""
        return chain([self.head] if self.head else [], streams.read_blocks(self._file))

    def whole(self) -> BinaryIO:
        """Return the file from its beginning, for a format that is read from its end."""
        if self._file.seekable():
            self._file.seek(0)
            return self._file
        return io.BytesIO(b"".join(self.blocks()))


def tapped(blocks: Iterable[bytes], tap: Tap) -> Iterator[bytes]:
    """Yield blocks after showing them."""
    for block in blocks:
        tap(block)
        yield block


def line_of(text: str, name: str) -> bytes:
    """Return a text as a line of UTF-8."""
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise DataError(f"{name} holds half a surrogate pair at {error.start}: it is not Unicode text") from error


@final
class Items:
    """An iterable in memory: texts, or lists of words."""

    size: int | None = None

    def __init__(self, entries: Iterable[Any], *, cut_already: bool, name: str = "memory") -> None:
        self.name = name
        self._entries, self._cut_already, self._done = entries, cut_already, 0

    def items(self, tap: Tap) -> Iterator[tuple[str, Item]]:
        """Yield (key, paragraph)."""
        for number, entry in enumerate(self._entries, 1):
            if isinstance(entry, str) == self._cut_already or not isinstance(entry, str | list | tuple):
                wanted = "a list of words" if self._cut_already else "a text"
                raise DataError(f"item {number} is a {type(entry).__name__}, not {wanted} as the first one was")
            self._done += len(entry)
            if isinstance(entry, str):
                tap(line_of(entry, f"item {number}"))
                yield f"item {number}", entry
            else:
                tap(repr(list(entry)).encode("utf-8", "replace"))
                yield f"item {number}", list(entry)

    def blocks(self) -> Iterator[bytes]:
        """Yield texts as UTF-8, a line end after each."""
        if self._cut_already:
            raise DataError(f"{self.name} holds lists of words: iterate over it, there are no blocks of text")
        lines: list[bytes] = []
        for _ in self.items(lines.append):
            if len(lines) == _ITEMS:
                yield b"".join(lines)
                lines.clear()
        yield b"".join(lines)

    def done(self) -> int:
        """Return how many characters or words were read."""
        return self._done
