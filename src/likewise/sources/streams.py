"""Streams of text: an open file in, blocks of its UTF-8 bytes and its lines out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from likewise.errors import DataError

BLOCK = 1 << 18
_BOM = b"\xef\xbb\xbf"
_WIKI = re.compile(rb"<(?:doc [^<\r\n]*>|/doc>)[ \t]*(?=[\r\n]|\Z)")


def read_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file, a quarter of a megabyte or less at a time."""
    while block := file.read(BLOCK):
        yield block


def as_utf8(blocks: Iterable[bytes], name: str, encoding: str, errors: str) -> Iterator[bytes]:
    """Yield the text of `blocks` as UTF-8 without a byte order mark.

    Strict UTF-8 passes as it is, whoever counts it checks it. DataError where another encoding does not fit.
    """
    if is_plain_utf8(encoding, errors):
        yield from _without_mark(blocks)
        return
    decoder = codecs.getincrementaldecoder("utf-8-sig" if is_utf8(encoding) else encoding)(errors)
    done, lines = 0, 1
    for block, final in _with_last(blocks):
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as error:
            at = done - waiting + error.start
            line = lines + block[: max(0, error.start - waiting)].count(b"\n")
            raise DataError(not_encoded(name, encoding, line, at)) from error
        done += len(block)
        lines += text.count("\n")
        if "\0" in text:
            if errors == "strict":
                where = lines - text.count("\n") + text[: text.index("\0")].count("\n")
                raise DataError(with_nul(name, where, None))
            text = text.replace("\0", "\ufffd" if errors == "replace" else "")
        yield text.encode("utf-8", "strict" if errors == "strict" else "replace")


def is_utf8(encoding: str) -> bool:
    """Whether this is a name of UTF-8, which ASCII is part of."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def is_plain_utf8(encoding: str, errors: str) -> bool:
    """Whether the bytes can go to the counter as they are, which checks them."""
    return is_utf8(encoding) and errors == "strict"


def not_encoded(name: str, encoding: str, line: int, byte: int) -> str:
    """Return the sentence for bytes that are not of an encoding."""
    shown = "UTF-8" if is_utf8(encoding) else encoding
    if shown == "UTF-8" and line == 1 and byte == 0:
        return f"{name} is not UTF-8 from its first byte: give --encoding (UTF-16 begins so), or --errors replace"
    other = "latin-1" if shown == "UTF-8" else "utf-8"
    return (
        f"{name} is not {shown} at line {line}, byte {byte}: give --encoding (for example {other}) or --errors replace"
    )


def with_nul(name: str, line: int, byte: int | None) -> str:
    """Return the sentence for a NUL byte."""
    where = f"line {line}" if byte is None else f"line {line}, byte {byte}"
    return (
        f"{name} holds a NUL byte at {where}: it is not plain text. If it is UTF-16, give --encoding utf-16; "
        "to read past it, --errors replace"
    )


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes, cut at the ends of lines."""
    waiting: list[bytes] = []
    for block in blocks:
        cut = max(block.rfind(b"\n"), block.rfind(b"\r", 0, len(block) - 1)) + 1
        if not cut:
            waiting.append(block)
            continue
        yield b"".join((*waiting, block[:cut]))
        waiting = [block[cut:]] if cut < len(block) else []
    if waiting:
        yield b"".join(waiting)


def without_wiki_tags(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks with the lines `<doc …>` and `</doc>` of WikiExtractor emptied, so that lines keep their number."""

    def at_start(tag: re.Match[bytes]) -> bytes:  # asked of the few tags: to look for line starts is five times slower
        return b"" if tag.start() == 0 or tag.string[tag.start() - 1] in b"\r\n" else tag.group()

    for block in whole_lines(blocks):
        yield _WIKI.sub(at_start, block)


def numbered_lines(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line without its end) of lines that are not blank; LF, CR and CR LF end one."""
    number = 0
    for block in whole_lines(blocks):
        for line in block.splitlines():
            number += 1
            if line and not line.isspace():
                yield number, line


def _without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    head, blocks = b"", iter(blocks)
    for block in blocks:
        head += block
        if len(head) >= len(_BOM):
            break
    if head := head.removeprefix(_BOM):
        yield head
    yield from blocks


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield (block, whether nothing follows it); an empty one at the end."""
    for block in blocks:
        yield block, False
    yield b"", True
