"""Text: a file, a folder, a column, standard input or an iterable in; paragraphs by key, or blocks of bytes, out.

A line is a paragraph, whether LF, CR or CR LF ends it.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, final

from likewise.compressed import decompressed
from likewise.contracts import Source
from likewise.errors import DataError, FormatError, OptionError, nearest_spellings
from likewise.sources import columns, streams
from likewise.sources.parts import HEAD, Items, Part, Way, file_at, standard_input, tapped

Data: TypeAlias = str | os.PathLike[str] | Iterable[Any]

_PLAIN_NAMES = {".txt", ".text", ".md", ".rst"}


@final
class TextSource:
    """Paragraphs of text by key, `file:line`.

    `size` is in bytes on disk, None where it cannot be known; `done` is how many of them the last pass has read.
    `notes` are sentences that a person should see. What is not text raises DataError while it is read.

    >>> source = open_text(["one text", "another"])
    >>> list(source)
    [('item 1', 'one text'), ('item 2', 'another')]
    """

    kind = "text"

    def __init__(
        self,
        name: str,
        parts: Callable[[], Iterable[Part]],
        *,
        size: int | None = None,
        restartable: bool = True,
        cut_already: bool = False,
        encoding: str = "utf-8",
        notes: Iterable[str] = (),
    ) -> None:
        self.name, self.size, self.restartable, self.cut_already = name, size, restartable, cut_already
        self.notes = list(notes)
        self._parts, self._encoding = parts, encoding
        self._sha: Any = None
        self._before, self._passes = 0, 0
        self._part: Part | None = None

    @property
    def digest(self) -> str:
        """`sha256:…` of the text of the last pass as UTF-8; without one, a pass is made where that is possible."""
        if self._sha is None:
            if not self.restartable:
                raise DataError(f"{self.name} has not been read: its digest is known afterwards")
            for _ in self if self.cut_already else self.blocks():
                pass
        return f"sha256:{self._sha.hexdigest()}"

    @property
    def done(self) -> int:
        """How many of `size` bytes the last pass has read."""
        return self._before + (self._part.done() if self._part is not None else 0)

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield (name, blocks of UTF-8) of each file, the fast path; blocks are cut anywhere, and not yet validated."""
        for part in self._started():
            yield part.name, tapped(part.blocks(), self._sha.update)

    def blocks(self) -> Iterator[bytes]:
        """Yield the blocks of all files; a line end stands between two files."""
        for _, blocks in self.files():
            yield from blocks
            yield b"\n"

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, paragraph): a string, or a list of words where they came as lists; blank lines are left out."""
        for part in self._started():
            yield from part.items(self._sha.update)

    def complaint(self, name: str, fault: str, line: int, byte: int) -> str:
        """Return the sentence for a fault that a counter found in the bytes of a file."""
        if fault == "nul":
            return streams.with_nul(name, line, byte)
        return streams.not_encoded(name, self._encoding, line, byte)

    def _started(self) -> Iterator[Part]:
        if self._passes and not self.restartable:
            raise DataError(f"{self.name} can be read only once: write it to a file to read it again")
        self._passes += 1
        self._sha, self._before, self._part = hashlib.sha256(), 0, None
        for part in self._parts():
            self._part = part
            yield part
            self._before, self._part = self._before + (part.size or part.done()), None


def open_text(data: Data, *, column: str | None = None, encoding: str = "utf-8", errors: str = "strict") -> TextSource:
    """Open text, whatever form it has.

    `data` is the name of a file (plain, or gzip, xz, bz2, zstd by its content; WikiExtractor's tags are dropped), of a
    folder (all text files in it, sorted), or `-` for standard input; with `column`, of JSONL, CSV or Parquet files.
    Or it is an iterable of texts or of lists of words. `errors` is strict, replace or ignore.

    Raises DataError if there is nothing to read, OptionError for an encoding that does not exist.
    """
    _check(encoding, errors)
    if isinstance(data, bytes | bytearray | Mapping):
        raise DataError(f"a {type(data).__name__} came: give a path, or an iterable of texts or of lists of words")
    if isinstance(data, TextSource):
        return data
    if isinstance(data, Source):
        return _of_source(data)
    if not isinstance(data, str | os.PathLike):
        return _of_iterable(data)
    way = Way(column, encoding, errors)
    if data == "-":
        part = standard_input(way)
        return TextSource(part.name, lambda: [part], restartable=False, encoding=encoding)
    if not str(data):
        raise DataError("an empty name came: give a file, a folder, or - for standard input")
    path = Path(data)
    if not path.exists():
        raise DataError(_no_such(path))
    if path.is_dir():
        return _of_folder(path, way)
    file = file_at(path, path.name, way)
    if file.size == 0:
        raise DataError(f"{path} is empty (0 bytes): give a file with text")
    regular = file.size is not None  # else a pipe: read once
    return TextSource(str(path), lambda: [file], size=file.size, restartable=regular, encoding=encoding)


def _of_folder(folder: Path, way: Way) -> TextSource:
    """Return the text files of a folder, sorted by name; what is not text is passed over with a note."""
    found = _files_in(folder)
    texts = [path for path in found if path.stat().st_size and _is_text(path, way)]
    if not texts:
        held = f"files of other kinds ({len(found)})" if found else "no files"
        raise DataError(
            f"{folder} holds no text: {held} are in it and below; give a folder with text files, or with pictures"
        )
    others = [path for path in found if path.stat().st_size and path not in set(texts)]
    files = [file_at(path, path.relative_to(folder).as_posix(), way) for path in texts]
    notes = []
    if others:
        named = ", ".join(path.relative_to(folder).as_posix() for path in others[:3])
        notes.append(f"{len(others)} of {len(found)} files in {folder} are not text and were passed over: {named}")
    return TextSource(
        str(folder),
        lambda: files,
        size=sum(file.size or 0 for file in files),
        encoding=way.encoding,
        notes=notes,
    )


def _files_in(folder: Path) -> list[Path]:
    """Return the files in a folder and below, sorted; hidden ones and hidden folders are left out."""
    found = []
    for top, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(top, name) for name in names if not name.startswith(".")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).parts)


def _is_text(path: Path, way: Way) -> bool:
    """Whether a file of a folder is meant to be read, by its beginning."""
    try:
        with path.open("rb") as raw, decompressed(raw, str(path)) as file:
            head = file.read(HEAD)
    except FormatError:
        return True  # it will say so when it is read
    if way.column is not None:
        return columns.table_kind(path, head) is not None
    if head.startswith((b"PAR1", b"%PDF", b"PK\3\4")) or columns.table_kind(path, head):
        return False
    if not streams.is_utf8(way.encoding):
        return True
    if b"\0" in head:
        return False
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return way.errors != "strict" or path.suffix.lower() in _PLAIN_NAMES
    return True


def _of_iterable(data: Iterable[Any]) -> TextSource:
    try:
        entries = iter(data)
    except TypeError:
        raise DataError(
            f"a {type(data).__name__} came: give a path, or an iterable of texts or of lists of words"
        ) from None
    once = entries is data
    first = next(entries, None)
    if first is None:
        raise DataError("an empty iterable came: give texts or lists of words")
    if not isinstance(first, str | list | tuple):
        raise DataError(f"item 1 is a {type(first).__name__}: an item is a text, or a list of words")
    cut_already = not isinstance(first, str)
    parts = chain([first], entries) if once else data
    return TextSource(
        "memory", lambda: [Items(parts, cut_already=cut_already)], restartable=not once, cut_already=cut_already
    )


def _of_source(source: Source) -> TextSource:
    """Return somebody's own source of texts as one of ours."""
    if source.kind != "text":
        raise DataError(f"a source of kind {source.kind} came: text is wanted")
    name = getattr(source, "name", type(source).__name__)

    def parts() -> list[Part]:
        return [Items((text for _, text in source), cut_already=False, name=name)]

    return TextSource(name, parts, restartable=source.restartable)


def _check(encoding: str, errors: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise OptionError(
            f"there is no encoding {encoding!r}: utf-8, latin-1, cp1252, utf-16 are common ones"
        ) from None
    if errors not in ("strict", "replace", "ignore"):
        raise OptionError(f"errors {errors!r}: it is strict, replace or ignore")


def _no_such(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path} does not exist, and neither does the folder {folder}"
    near = nearest_spellings(path.name, sorted(entry.name for entry in folder.iterdir()), most=1)
    hint = f"did you mean {folder / near[0]}?" if near else "give a file, a folder, or - for standard input"
    return f"{path} does not exist: {hint}"
