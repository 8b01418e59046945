"""Words in texts: a word and a text in, the places where it stands out, as people read and not as tokenisers cut."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from likewise.errors import DataError, nearest_spellings

_CLITICS: Final = "s|re|ve|ll|d|m"  # of English, which are words by themselves: she's, we're; but not the t of don't
_APOSTROPHES: Final = "'’"
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""
_WORD: Final = re.compile(rf"\w+(?:[{_APOSTROPHES}]\w+)*")


def places_of(word: str, text: str, *, any_case: bool) -> list[tuple[int, int]]:
    """Return where a word stands in a text: from and to, in characters, from the left.

    It stands by itself: bank is not in banking, embankment or bank_1, but is in river-bank, (bank) and bank's; an
    apostrophe before a letter belongs to the word (can is not in can't), unless it begins one of English's short forms
    (we is in we're). In scripts without spaces it may stand anywhere. Composed and decomposed spellings are one.
    """
    found = (match.span() for match in _pattern(word, any_case).finditer(text))
    inside = _spaced(word[0])  # behind a vowel sign, which is no letter to the pattern, a word goes on
    return [
        (low, high)
        for low, high in found
        if not _is_mark(text[high : high + 1]) and not (inside and low and _is_mark(text[low - 1]))
    ]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter or " ").startswith("M")


def place_of(word: str, text: str, *, which: int, any_case: bool) -> tuple[int, int]:
    """Return one place of a word, the first where `which` is 0; DataError where it is not there."""
    found = places_of(word, text, any_case=any_case)
    if -len(found) <= which < len(found):
        return found[which]
    shown = text if len(text) <= 60 else f"{text[:57]}…"
    if found:
        times = "once" if len(found) == 1 else f"{len(found)} times"
        raise DataError(f"{word!r} stands in {shown!r} {times}: there is no number {which}")
    near = nearest_spellings(word, sorted(set(_WORD.findall(text))), most=1)
    hint = f"did you mean {near[0]!r}?" if near else "give a word as it stands there"
    raise DataError(f"{word!r} does not stand in {shown!r} as a word: {hint}")


@lru_cache(maxsize=4096)
def _pattern(word: str, any_case: bool) -> re.Pattern[str]:
    if not word.strip():
        raise DataError("an empty word came: give one that stands in the text")
    forms = dict.fromkeys([word, *(unicodedata.normalize(form, word) for form in ("NFC", "NFD"))])
    spelt = "|".join(re.escape(form) for form in forms)
    before = r"(?<!\w)" if _spaced(word[0]) else ""
    after = rf"(?!\w)(?![{_APOSTROPHES}](?!(?:{_CLITICS})\b)\w)" if _spaced(word[-1]) else ""
    return re.compile(f"{before}(?:{spelt}){after}", re.IGNORECASE if any_case else 0)


def _spaced(letter: str) -> bool:
    """Whether words that begin or end so are parted from others: letters and digits are, signs and Han are not."""
    return (letter.isalnum() or letter == "_" or _is_mark(letter)) and not _UNSPACED.match(letter)
