"""Pairs of texts that belong together: a JSONL, CSV or Parquet file, or an iterable, in; (anchor, positive, …) out.

Columns are anchor and positive, and negative_1, negative_2 … where there are texts that look alike and do not belong to
the anchor. Other names for the first two are known: question and answer, query and passage, sentence1 and sentence2.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, final

from likewise.contracts import Source
from likewise.errors import DataError
from likewise.sources import columns
from likewise.sources.parts import line_of
from likewise.sources.records import read_table

Data: TypeAlias = str | os.PathLike[str] | Iterable[Any]
_NAMES: Final = (
    ("anchor", "positive"), ("query", "positive"), ("question", "answer"), ("query", "passage"), ("query", "answer"),
    ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("text1", "text2"), ("first", "second"),
)  # fmt: skip
_NEGATIVE: Final = re.compile(r"negative(_\d+)?")
_LEAST = "a pair is two texts, and any number of hard negatives behind them"


@final
class PairSource:
    """Items of two texts or more by key, `file:line`; those with an empty side come as they are.

    >>> source = open_pairs([("how high is it?", "8,849 m"), ("where is it?", "in Nepal")])
    >>> list(source)[0]
    ('item 1', ('how high is it?', '8,849 m'))
    """

    kind = "pair"

    def __init__(self, name: str, items: Callable[[], Iterator[tuple[str, tuple[str, ...]]]]) -> None:
        self.name, self.restartable = name, True
        self._items = items
        self._sha: Any = None

    @property
    def digest(self) -> str:
        """`sha256:…` of all texts in their order."""
        if self._sha is None:
            for _ in self:
                pass
        return f"sha256:{self._sha.hexdigest()}"

    def __iter__(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        sha = hashlib.sha256()
        for key, texts in self._items():
            for text in texts:
                sha.update(line_of(text, key)[:-1] + b"\0")
            sha.update(b"\n")
            yield key, texts
        self._sha = sha


def open_pairs(data: Data, *, column: str | None = None, encoding: str = "utf-8", errors: str = "strict") -> PairSource:
    """Open pairs of texts, whatever form they have.

    `column` names the columns where their own names do not tell: anchor,positive or anchor,positive,negative. Raises
    DataError for a file without such columns, and for items that are no pairs of texts.
    """
    if isinstance(data, PairSource):
        return data
    if isinstance(data, Source):
        raise DataError(f"a source of kind {data.kind} came: {_LEAST}")
    wanted = None if column is None else [name.strip() for name in column.split(",")]
    if not isinstance(data, str | os.PathLike):
        return _of_iterable(data, wanted)
    path = Path(data)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{path} {what}: pairs are read from one JSONL, CSV or Parquet file")

    def items() -> Iterator[tuple[str, tuple[str, ...]]]:
        for number, values in _rows(path, wanted, encoding, errors):
            yield f"{path.name}:{number}", values

    return PairSource(str(path), items)


def _of_iterable(data: Iterable[Any], wanted: list[str] | None) -> PairSource:
    try:
        kept = [_item(one, number, wanted) for number, one in enumerate(data, 1)]
    except TypeError:
        raise DataError(f"a {type(data).__name__} came: give a path, or an iterable of pairs of texts") from None
    return PairSource("memory", lambda: ((f"item {number}", texts) for number, texts in enumerate(kept, 1)))


def _item(one: Any, number: int, wanted: list[str] | None) -> tuple[str, ...]:
    if isinstance(one, Mapping):
        names = _chosen(list(one), wanted, f"item {number}")
        one = [one.get(name) or "" for name in names]
    if isinstance(one, str) or not isinstance(one, Sequence) or len(one) < 2:
        raise DataError(f"item {number} is {str(one)[:40]!r}: {_LEAST}")
    other = next((type(text).__name__ for text in one if not isinstance(text, str)), None)
    if other is not None:
        raise DataError(f"item {number} has a side that is a {other}: {_LEAST}")
    return tuple(one)


def _rows(path: Path, wanted: list[str] | None, encoding: str, errors: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (line, texts) of a file; of JSONL negatives may stand in later lines alone."""
    chosen: list[str] = []

    def choose(names: list[str], where: str) -> list[str]:
        return _chosen(names, wanted, where)

    for number, record in read_table(path, choose, encoding=encoding, errors=errors):
        chosen = chosen or _chosen(list(record), wanted, str(path))
        later = [] if wanted else [name for name in record if _NEGATIVE.fullmatch(name) and name not in chosen]
        where = f"{path}:{number}"
        yield number, tuple(_text(record.get(name), where, name) for name in (*chosen, *later))


def _text(value: Any, where: str, column: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: {column} is {json.dumps(value, default=str)[:40]}, not text: name columns of text")
    return value


def _chosen(names: list[str], wanted: list[str] | None, where: str) -> list[str]:
    """Return the names of the columns to read, anchor first."""
    if wanted is not None:
        lacking = next((name for name in wanted if name not in names), None)
        if lacking is not None:
            raise DataError(columns.missing(lacking, names, where))
        if len(set(wanted)) < max(2, len(wanted)):
            raise DataError(f"column {','.join(wanted)!r} came: {_LEAST}, name both, as anchor,positive")
        return wanted
    found = next((pair for pair in _NAMES if set(pair) <= set(names)), None)
    if found is None:
        raise DataError(
            f"{where} has no columns anchor and positive: its columns are {', '.join(names[:20])}; name them with "
            "--column anchor,positive"
        )
    return [*found, *(name for name in names if _NEGATIVE.fullmatch(name))]
