"""Gold answers: files that people have judged in, questions, scored pairs and labels out.

Each reader takes the usual layouts of the public sets, and names file and line of what it cannot use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from likewise.errors import DataError, nearest_spellings

Place: TypeAlias = str | os.PathLike[str]
Files: TypeAlias = Place | Iterable[Place]
Entry = TypeVar("Entry")


class Question(NamedTuple):
    """`a` is to `b` as `c` is to `d`, in a relation such as `capital-common-countries`."""

    relation: str
    a: str
    b: str
    c: str
    d: str


class Pair(NamedTuple):
    """Two words and how alike people find them, on any scale that grows with likeness."""

    first: str
    second: str
    score: float


class Label(NamedTuple):
    """A key and the class that it belongs to."""

    key: str
    label: str


def read_analogies(path: Place, *, lowercase: bool = False) -> list[Question]:
    """Read questions in the layout of questions-words.txt: `: relation`, then lines of four words.

    Questions before the first `: relation` belong to the relation `all`.
    """
    relation, questions = "all", []
    for number, line in _lines(path):
        if line.startswith(":"):
            relation = line[1:].strip() or "all"
            continue
        words = line.split()
        if len(words) != 4:
            raise DataError(f"{path}:{number}: four words A B C D are needed, {len(words)} came: {_shown(line)}")
        questions.append(Question(relation, *_folded(words, lowercase)))
    return _some(questions, path, "questions")


def read_pairs(path: Place, *, lowercase: bool = False) -> list[Pair]:
    """Read scored pairs: WORD WORD SCORE with tabs, commas, semicolons or blanks between; a header may come first."""
    pairs = []
    for number, line in _lines(path):
        cells = _cells(line)
        score = _number(cells[2]) if len(cells) >= 3 else None
        if score is None:
            if number == 1 and len(cells) >= 3:
                continue  # a header
            raise DataError(f"{path}:{number}: WORD WORD SCORE is needed, this came: {_shown(line)}")
        first, second = _folded(cells[:2], lowercase)
        pairs.append(Pair(first, second, score))
    return _some(pairs, path, "scored pairs")


def read_labels(path: Place, *, lowercase: bool = False) -> list[Label]:
    """Read labelled keys: KEY LABEL with a tab, comma, semicolon or blank between (a tab, if a key holds blanks)."""
    labels = []
    for number, line in _lines(path):
        cells = _cells(line)
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}:{number}: KEY LABEL is needed, this came: {_shown(line)}")
        labels.append(Label(_folded(cells[:1], lowercase)[0], cells[1]))
    return _some(labels, path, "labels")


def section_labels(questions: Sequence[Question]) -> list[Label]:
    """Return the words of analogy questions with their category: the relation, and which side of it they stand on.

    `capital-common-countries` gives Athens the label `capital-common-countries a` and Greece `… b`. A word that
    stands on two sides of something belongs to none, and is left out.
    """
    sides: dict[str, set[str]] = {}
    for relation, a, b, c, d in questions:
        for word, side in ((a, "a"), (b, "b"), (c, "a"), (d, "b")):
            sides.setdefault(word, set()).add(f"{relation} {side}")
    return [Label(word, next(iter(label))) for word, label in sides.items() if len(label) == 1]


def _lines(path: Place) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) for each line that is neither empty nor a comment."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(no_such_file(file)) from None
    except IsADirectoryError:
        raise DataError(f"{file} is a folder: a file of gold answers is needed") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 at byte {error.start:,}: save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip(" \r\n")
        if line and not line.startswith("#"):
            yield number, line


def no_such_file(file: Path) -> str:
    """Return the sentence for a file that is not there, naming its nearest sibling."""
    folder = file.parent if file.parent.is_dir() else None
    near = nearest_spellings(file.name, sorted(p.name for p in folder.iterdir())) if folder else []
    hint = f": did you mean {near[0]}?" if near else ""
    return f"there is no file {file}{hint}"


def _cells(line: str) -> list[str]:
    for mark in ("\t", ",", ";"):
        if mark in line:
            return [cell.strip() for cell in line.split(mark)]
    return line.split()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _folded(words: Sequence[str], lowercase: bool) -> list[str]:
    return [word.lower() for word in words] if lowercase else list(words)


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "…")


def _some(entries: list[Entry], path: Place, what: str) -> list[Entry]:
    if not entries:
        raise DataError(f"{path} holds no {what}: is it the right file?")
    return entries


def several(files: Files) -> tuple[Place, ...]:
    """Return one name or many as many."""
    return (files,) if isinstance(files, str | os.PathLike) else tuple(files)


def read_gold(
    *, analogies: Files = (), pairs: Files = (), labels: Files = (), lowercase: bool = False
) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    """Read files of gold answers; each kind is a dictionary by the file's name without its ending."""

    def by_name(read: Callable[..., Iterable[tuple[Any, ...]]], paths: Files) -> dict[str, list[tuple[Any, ...]]]:
        return {Path(path).stem: [tuple(entry) for entry in read(path, lowercase=lowercase)] for path in several(paths)}

    return {
        "analogies": by_name(read_analogies, analogies),
        "pairs": by_name(read_pairs, pairs),
        "labels": by_name(read_labels, labels),
    }
