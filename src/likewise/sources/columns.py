"""A column of text: a JSONL, CSV or Parquet file and a name in, its values with their lines out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from likewise.errors import DataError, nearest_spellings

TABLES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_ROWS = 4096  # of Parquet, at a time
_LONGEST_FIELD = 1 << 30


def table_kind(path: Path, start: bytes) -> str | None:
    """Return jsonl, csv or parquet by a file's first bytes and its name without the ending of a compression."""
    if start.startswith(b"PAR1"):
        return "parquet"
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    return next((TABLES[ending] for ending in reversed(endings) if ending in TABLES), None)


def guessed_kind(path: Path, start: bytes) -> str:
    """Return the kind of a file of which a column was asked for, whatever its name."""
    return table_kind(path, start) or ("jsonl" if start.lstrip().startswith(b"{") else "csv")


def values(kind: str, lines: Iterable[tuple[int, str]], name: str, column: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of one column of JSONL or CSV; values that are missing are passed over."""
    return _of_jsonl(lines, name, column) if kind == "jsonl" else _of_csv(lines, name, column)


def columns_of(kind: str, lines: Iterable[tuple[int, str]], name: str) -> list[str]:
    """Return the names of the columns of JSONL (of its first line) or CSV."""
    if kind == "csv":
        return next(_rows(lines, name), (0, []))[1]
    return next((list(_object(line, name, number)) for number, line in lines), [])


def records(kind: str, lines: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, values by column) of JSONL or CSV."""
    if kind == "jsonl":
        yield from ((number, _object(line, name, number)) for number, line in lines)
        return
    rows = _rows(lines, name)
    _, names = next(rows, (0, []))
    for number, row in rows:
        if len(row) != len(names):
            raise DataError(f"{name}:{number} has {len(row)} fields, its header has {len(names)}: mend that line")
        yield number, dict(zip(names, row, strict=True))


def _of_jsonl(lines: Iterable[tuple[int, str]], name: str, column: str) -> Iterator[tuple[int, str]]:
    found, known = False, dict[str, None]()
    for number, line in lines:
        record = _object(line, name, number)
        if column in record:
            found = True
            if record[column] is not None:
                yield number, _text(record[column], name, number, column)
        elif not found:
            known |= dict.fromkeys(record)
            if len(known) > 1000:
                break
    if not found:
        raise DataError(missing(column, list(known), name))


def _object(line: str, name: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{name}:{number} is not JSON ({error.msg} at column {error.colno}): each line is one object"
        ) from error
    if not isinstance(record, dict):
        raise DataError(f"{name}:{number} is a JSON {type(record).__name__}, not an object: a column needs names")
    return record


def _text(value: Any, name: str, number: int, column: str) -> str:
    if isinstance(value, str):
        return value
    raise DataError(f"{name}:{number}: {column} is {json.dumps(value)[:40]}, not text: name a column of text")


def _of_csv(lines: Iterable[tuple[int, str]], name: str, column: str) -> Iterator[tuple[int, str]]:
    lines = iter(lines)
    first = next(lines, (1, ""))
    names = columns_of("csv", [first], name)
    if column not in names:
        raise DataError(missing(column, names, name))
    for number, record in records("csv", chain([first], lines), name):
        if record[column]:
            yield number, record[column]


def _rows(lines: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, fields); the delimiter is the one of comma, semicolon, tab and bar that the header has most of."""
    numbers = [0]

    def told() -> Iterator[str]:
        for number, line in lines:
            numbers[0] = number
            yield line + "\n"

    texts = told()
    header = next(texts, "")
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        reader = csv.reader(_after(header, texts), delimiter=max(",;\t|", key=header.count), strict=True)
        for row in reader:
            if row:
                yield numbers[0], row
    except csv.Error as error:
        raise DataError(f"{name}:{numbers[0]} is not CSV ({error}): mend that line") from error
    finally:
        csv.field_size_limit(before)


def _after(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def missing(column: str, names: list[str], name: str) -> str:
    """Return the sentence for a column that is not there."""
    if not names:
        return f"{name} has no columns: it is empty"
    if len(names) == 1 and " " in names[0]:
        return f"{name} has no column {column!r}: it looks like plain text, which is read without --column"
    near = nearest_spellings(column, names, most=1)
    hint = f"did you mean {near[0]}?" if near else "name one of them with --column"
    return f"{name} has no column {column!r}: its columns are {', '.join(names[:20])}; {hint}"


def needs_column(name: str, kind: str, names: list[str]) -> str:
    """Return the sentence for a table of which no column was named."""
    what = {"jsonl": "JSONL", "csv": "CSV", "parquet": "Parquet"}[kind]
    return f"{name} is a {what} file: name the column with the text by --column; its columns are {', '.join(names)}"


def parquet_columns(file: BinaryIO, name: str) -> list[str]:
    """Return the names of the columns of a Parquet file."""
    return [str(column) for column in _parquet(file, name).schema_arrow.names]


def parquet_values(file: BinaryIO, name: str, column: str) -> Iterator[tuple[int, str]]:
    """Yield (row from 1, text) of one column of a Parquet file; missing values are passed over."""
    table = _parquet(file, name)
    names = [str(known) for known in table.schema_arrow.names]
    if column not in names:
        raise DataError(missing(column, names, name))
    row = 0
    for batch in table.iter_batches(batch_size=_ROWS, columns=[column]):
        for value in batch.column(0).to_pylist():
            row += 1
            if value is not None:
                if not isinstance(value, str):
                    raise DataError(f"{name}: {column} is {batch.column(0).type}, not text: name a column of text")
                yield row, value


def parquet_batches(file: BinaryIO, name: str, wanted: list[str]) -> Iterator[list[list[Any]]]:
    """Yield the values of some columns of a Parquet file, some rows at a time."""
    for batch in _parquet(file, name).iter_batches(batch_size=_ROWS, columns=wanted):
        yield [batch.column(column).to_pylist() for column in wanted]


def _parquet(file: BinaryIO, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    seekable = file if file.seekable() else io.BytesIO(file.read())
    try:
        return pq.ParquetFile(seekable)
    except pa.ArrowInvalid as error:
        raise DataError(f"{name} is not a whole Parquet file ({error}): fetch it again") from error
