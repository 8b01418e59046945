"""What can go wrong, as a tree: a mistake or a broken file in, one sentence out.

    LikewiseError                 everything that likewise raises on purpose; the command line exits with 2
    ├── InputError (ValueError)   what was given cannot be used
    │   ├── DataError             text, pictures, tables: unreadable, empty, not what they claim to be
    │   ├── FormatError           a file of vectors that breaks its own format
    │   ├── OptionError           an option that does not exist or is out of range
    │   ├── ShapeError            arrays that do not fit together
    │   └── DirectionError        a direction without a direction
    ├── KeyMissing (KeyError)     a key that the space does not hold; names the nearest spellings
    ├── FingerprintError          arithmetic between vectors of two encoders
    ├── RunError                  a run folder that cannot be written or read
    │   ├── RunExists             the folder to write is already there
    │   └── IntegrityError        a file is missing, altered or foreign
    └── MissingExtra (ImportError)  an optional dependency is not installed; names the pip command

Each message says what came, what is allowed and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LikewiseError(Exception):
    """Everything that likewise raises on purpose."""


class InputError(LikewiseError, ValueError):
    """What was given cannot be used."""


class DataError(InputError):
    """Data that is unreadable, empty, or not what it claims to be."""


class FormatError(InputError):
    """A file of vectors that breaks its own format."""


class OptionError(InputError):
    """An option that does not exist or is out of range."""


class ShapeError(InputError):
    """Arrays that do not fit together."""


class DirectionError(InputError):
    """A direction that has no direction, or the wrong number of dimensions."""


class KeyMissing(LikewiseError, KeyError):
    """A key that the space does not hold."""

    def __init__(self, key: object, near: Iterable[str] = (), *, size: int | None = None) -> None:
        near = list(near)
        self.key, self.near = key, near
        among = f" among {size:,} keys" if size is not None else ""
        hint = f"did you mean {' or '.join(repr(k) for k in near)}?" if near else "and none is spelled like it"
        if isinstance(key, str) and not key.strip():
            hint = "it is empty: give a key"
        shown = repr(key) if len(str(key)) <= 60 else f"{str(key)[:59]!r}… ({len(str(key)):,} letters)"
        super().__init__(f"{shown} is not here{among}{', ' if hint.startswith('and') else ': '}{hint}")

    def __str__(self) -> str:  # KeyError would show the repr of the sentence
        return str(self.args[0])


class FingerprintError(LikewiseError):
    """Arithmetic between vectors of two different encoders."""


class RunError(LikewiseError):
    """A run folder that cannot be written or read."""


class RunExists(RunError):
    """The folder to write is already there."""


class IntegrityError(RunError):
    """A file of a run is missing, altered or foreign."""


class MissingExtra(LikewiseError, ImportError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'likewise[{extra}]'")


def nearest_spellings(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return up to `most` of the `known` names whose spelling is closest to `word`.

    Only names that share the first letter or differ in length by at most two are compared,
    so that it stays quick for hundreds of thousands of names.

    >>> nearest_spellings("quen", ["king", "queen", "queens"])
    ['queen', 'queens']
    """
    lowered = word.lower()
    if not lowered:
        return []
    close = {
        name
        for name in known
        if name
        and abs(len(name) - len(word)) <= 2
        and (name[0].lower() == lowered[0] or name.lower()[1:2] == lowered[1:2])
    }
    by_lower = {name.lower(): name for name in sorted(close, reverse=True)}
    return [by_lower[name] for name in difflib.get_close_matches(lowered, sorted(by_lower), n=most, cutoff=0.6)]
