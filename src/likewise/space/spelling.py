"""Spelling: an unknown key in, the keys that it may have meant out, fast on hundreds of thousands of keys."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

_COMMON = "abcdefghijklmnopqrstuvwxyz0123456789-'_"


def nearest_keys(word: str, index: Mapping[str, int], keys: Sequence[str], *, most: int = 3) -> list[str]:
    """Return up to `most` keys spelled like `word`: other cases first, then one edit away, then about alike.

    Within each step keys with the same first letter come first, then those with the lower row: in a vocabulary
    those are the more frequent words.

    >>> nearest_keys("quene", {"queen": 0, "king": 1}, ["queen", "king"])
    ['queen']
    """
    found: dict[str, None] = {}
    for step in (_cases, _edits):
        known = {index[s] for s in step(word) if s in index and s != word}
        by_row = sorted(known, key=lambda row: (keys[row][:1].lower() != word[:1].lower(), row))
        found.update(dict.fromkeys(keys[row] for row in by_row))
        if len(found) >= most:
            return list(found)[:most]
    found.update(dict.fromkeys(_alike(word, keys)))
    return list(found)[:most]


def _cases(word: str) -> Iterator[str]:
    for form in (word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word), word.strip()):
        yield from (form, form.lower(), form.capitalize(), form.title(), form.upper())


def _edits(word: str) -> Iterator[str]:
    """Yield everything one deletion, swap, replacement or insertion away, in the letters of common words."""
    word = word.lower()[:40]
    letters = set(_COMMON) | set(word)
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in letters)


def _alike(word: str, keys: Sequence[str], *, cutoff: float = 0.7, most: int = 500) -> list[str]:
    """Return keys that begin with the same two letters and differ little in length, by likeness of spelling."""
    start, length = word[:2], len(word)
    near = [key for key in keys if key.startswith(start) and abs(len(key) - length) <= 2 and key != word][:most]
    scored = [(difflib.SequenceMatcher(None, word, key).ratio(), -row, key) for row, key in enumerate(near)]
    return [key for ratio, _, key in sorted(scored, reverse=True) if ratio >= cutoff]
