"""The readable twin of the tokeniser and counter: text in, words, their numbers and the ends of paragraphs out.

It defines what a word is; the compiled code (text.cpp) is tested to give the same words, ids, counts and held-out
paragraphs for any text in any chunks. It keeps a whole text in memory and is slow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from likewise.errors import DataError

OTHER, LETTER, IDEOGRAPH, DIGIT, MARK, SPACE = range(6)

_IDEOGRAPHS = (  # Han, Hiragana and Katakana; of these only what is a letter or a number
    *((0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303C), (0x3041, 0x3096), (0x309D, 0x309F)),
    *((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    *((0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFD)),
)
_JOINERS = "\u200c\u200d"  # the zero-width joiners stand inside words of Persian and of Indian scripts
_APOSTROPHES = "'\u2019"


@cache
def class_of(character: str) -> int:
    """Return the class of a character: its general category decides, ideographs are told by their blocks."""
    category, point = unicodedata.category(character), ord(character)
    if character.isspace():
        return SPACE
    if category[0] in "LN" and any(low <= point <= high for low, high in _IDEOGRAPHS):
        return IDEOGRAPH
    if character in _JOINERS:
        return MARK
    return {"L": LETTER, "N": DIGIT, "M": MARK}.get(category[0], OTHER)


@cache
def lower_of(character: str) -> str:
    """Return the simple lower case of one character: one character for one, so İ gives i; ß and ς stay."""
    lowered = character.lower()
    return lowered if len(lowered) == 1 else "i"


def words_of(line: str, *, tokenizer: str = "words", lowercase: bool = True, digits: str = "keep") -> list[str]:
    """Cut one text into words."""
    spans = _runs(line, digits) if tokenizer == "words" else _pieces(line, digits)
    return ["".join(_written(c, tokenizer, lowercase, digits) for c in span) for span in spans]


def _written(character: str, tokenizer: str, lowercase: bool, digits: str) -> str:
    if tokenizer == "words" and character in _APOSTROPHES:
        return "'"
    if digits == "mask" and class_of(character) == DIGIT:
        return "0"
    return lower_of(character) if lowercase else character


def _runs(line: str, digits: str) -> Iterator[str]:
    """Yield runs of letters, digits and marks; a mark begins none, an ideograph stands alone with its marks."""
    word, before = "", OTHER
    for i, character in enumerate(line):
        kind = class_of(character)
        if kind == DIGIT and digits == "drop":
            kind = OTHER
        if character in _APOSTROPHES and before == LETTER and class_of(line[i + 1 : i + 2] or " ") == LETTER:
            word += character
            before = OTHER
            continue
        joined = word and (kind == MARK or (kind in (LETTER, DIGIT) and before != IDEOGRAPH))
        if word and not joined:
            yield word
            word = ""
        if kind in (LETTER, DIGIT, IDEOGRAPH) or joined:
            word += character
            before = before if kind == MARK else kind
        else:
            before = OTHER
    if word:
        yield word


def _pieces(line: str, digits: str) -> Iterator[str]:
    """Yield what stands between spaces."""
    for piece in line.split():
        if digits == "drop":
            yield from "".join(" " if class_of(c) == DIGIT else c for c in piece).split()
        else:
            yield piece


_MASK = 2**64 - 1
_MULTIPLIER = 0x9E3779B97F4A7C15
_SEED = 0x2545F4914F6CDD1D


def hash_of(word: bytes) -> int:
    """Return the 64-bit hash of a word: its 8-byte pieces (little endian, zeros up to 16) mixed by multiplication."""
    h = _SEED ^ len(word)
    padded = word + bytes(-len(word) % 16)
    for i in range(0, len(padded), 8):
        h = ((h ^ int.from_bytes(padded[i : i + 8], "little")) * _MULTIPLIER) & _MASK
        h ^= h >> 32
    return h


def hash_of_paragraph(words: Sequence[bytes]) -> int:
    """Return the 64-bit hash of a paragraph, made from the hashes of its words in order."""
    h = 0
    for word in words:
        h = ((h ^ hash_of(word)) * _MULTIPLIER) & _MASK
        h ^= h >> 29
    return h


class Counter:
    """Count words and number them in order of first appearance; see kernels.text.Counter."""

    def __init__(self, *, tokenizer: str = "words", lowercase: bool = True, digits: str = "keep") -> None:
        self._options = {"tokenizer": tokenizer, "lowercase": lowercase, "digits": digits}
        self._text = b""
        self._numbers: dict[str, int] = {}
        self.counts: list[int] = []
        self.ids: list[int] = []
        self.ends: list[int] = []
        self.hashes: list[int] = []

    @property
    def words(self) -> list[str]:
        """The words by number."""
        return list(self._numbers)

    def feed(self, block: bytes) -> None:
        """Take some bytes of UTF-8."""
        self._text += block

    def finish(self) -> None:
        """Count what was fed; the last paragraph ends here. DataError if it is not UTF-8 or holds a NUL."""
        for line in self._text.decode().replace("\r", "\n").split("\n"):
            if "\0" in line:
                raise DataError("a NUL byte")
            self.feed_words(words_of(line, **self._options))  # type: ignore[arg-type]
        self._text = b""

    def feed_words(self, words: Sequence[str]) -> None:
        """Take one paragraph that is cut already."""
        words = [word for word in words if word]
        for word in words:
            number = self._numbers.setdefault(word, len(self._numbers))
            if number == len(self.counts):
                self.counts.append(0)
            self.counts[number] += 1
            self.ids.append(number)
        if words:
            self.ends.append(len(self.ids))
            self.hashes.append(hash_of_paragraph([word.encode() for word in words]))
