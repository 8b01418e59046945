"""Records: a CSV, JSONL or Parquet file and the names of columns in, the values of each row with its line out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from likewise.compressed import decompressed
from likewise.errors import DataError, nearest_spellings
from likewise.sources import columns, streams
from likewise.sources.gold import no_such_file
from likewise.sources.parts import Headed

Chosen: TypeAlias = Callable[[list[str], str], list[str]]
"""The columns of a table, and where it is, to those that are read of it; it may refuse them."""


def read_records(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    """Yield (line, the values of some columns) for each row; a missing value is None. Of Parquet a line is a row.

    What kind of table it is, its first bytes and its name tell. Raises DataError for a file or a column that is not
    there, and for a line that cannot be read.
    """

    def choose(known: list[str], where: str) -> list[str]:
        _refuse_missing(names, known, where)
        return list(names)

    for number, record in read_table(path, choose):
        choose(list(record), f"{path}:{number}")  # of JSONL each line has columns of its own
        yield number, [record[one] for one in names]


def read_table(
    path: Path, choose: Chosen, *, encoding: str | None = None, errors: str = "strict"
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, values by column) of a CSV, JSONL or Parquet file; of Parquet those that `choose` takes are read.

    `choose` also sees the header of CSV. Without an `encoding` it must be UTF-8. Raises DataError, as `read_records`.
    """
    if not path.is_file():
        raise DataError(
            f"{path} is a folder: a CSV, JSONL or Parquet file is needed" if path.is_dir() else no_such_file(path)
        )
    name = str(path)
    with path.open("rb") as raw, decompressed(raw, name) as plain:
        file = Headed(plain)
        kind = columns.guessed_kind(path, file.head)
        if kind == "parquet":
            whole = file.whole()
            yield from _of_parquet(whole, name, choose(columns.parquet_columns(whole, name), name))
            return
        lines = _lines(file, name, encoding, errors)
        if kind == "csv":  # of which a header alone is a table, too
            header = next(lines, (1, ""))
            choose(columns.columns_of(kind, [header], name), name)
            lines = chain([header], lines)
        yield from columns.records(kind, lines, name)


def utf8(data: bytes, name: str) -> str:
    """Return text; DataError where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 at byte {error.start:,}: save it as UTF-8") from None


def _lines(file: Headed, name: str, encoding: str | None, errors: str) -> Iterator[tuple[int, str]]:
    for number, line in streams.numbered_lines(streams.as_utf8(file.blocks(), name, encoding or "utf-8", errors)):
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            if encoding is None:
                raise DataError(f"{name}:{number} is not UTF-8 at byte {error.start}: save it as UTF-8") from error
            raise DataError(streams.not_encoded(name, encoding, number, error.start)) from error


def _of_parquet(file: Any, name: str, names: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    row = 0
    for batch in columns.parquet_batches(file, name, names):
        for values in zip(*batch, strict=True):
            row += 1
            yield row, dict(zip(names, values, strict=True))


def _refuse_missing(names: Sequence[str], known: list[str], where: str) -> None:
    lacking = next((name for name in names if name not in known), None)
    if lacking is None:
        return
    if not known:
        raise DataError(f"{where} has no columns: it is empty")
    near = nearest_spellings(lacking, known, most=1)
    hint = f"did you mean {near[0]}?" if near else "name one of them"
    raise DataError(f"{where} has no column {lacking!r}: its columns are {', '.join(known[:20])}; {hint}")
