"""Records: a CSV, JSONL or Parquet file and the names of columns in, the values of each row with its line out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from likewise.compressed import decompressed
from likewise.errors import DataError, nearest_spellings
from likewise.sources import columns, streams
from likewise.sources.gold import no_such_file
from likewise.sources.parts import Headed


def read_records(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    """Yield (line, the values of some columns) for each row; a missing value is None. Of Parquet a line is a row.

    What kind of table it is, its first bytes and its name tell. Raises DataError for a file or a column that is not
    there, and for a line that cannot be read.
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
            yield from _of_parquet(file.whole(), name, names)
            return
        lines = list(_lines(file, name))
        if kind == "csv":  # of which a header alone is a table, too
            _refuse_missing(names, columns.columns_of(kind, lines, name), name)
        for number, record in columns.records(kind, lines, name):
            _refuse_missing(names, list(record), f"{name}:{number}")
            yield number, [record[one] for one in names]


def utf8(data: bytes, name: str) -> str:
    """Return text; DataError where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 at byte {error.start:,}: save it as UTF-8") from None


def _lines(file: Headed, name: str) -> Iterator[tuple[int, str]]:
    for number, line in streams.numbered_lines(streams.as_utf8(file.blocks(), name, "utf-8", "strict")):
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{name}:{number} is not UTF-8 at byte {error.start}: save it as UTF-8") from error


def _of_parquet(file: Any, name: str, names: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    _refuse_missing(names, columns.parquet_columns(file, name), name)
    row = 0
    for batch in columns.parquet_batches(file, name, list(names)):
        for values in zip(*batch, strict=True):
            row += 1
            yield row, list(values)


def _refuse_missing(names: Sequence[str], known: list[str], where: str) -> None:
    lacking = next((name for name in names if name not in known), None)
    if lacking is None:
        return
    if not known:
        raise DataError(f"{where} has no columns: it is empty")
    near = nearest_spellings(lacking, known, most=1)
    hint = f"did you mean {near[0]}?" if near else "name one of them"
    raise DataError(f"{where} has no column {lacking!r}: its columns are {', '.join(known[:20])}; {hint}")
