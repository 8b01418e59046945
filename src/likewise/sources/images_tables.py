"""Parquet files with pictures: files and a column in; their bytes row by row, keys, labels and other columns out.

The layout is that of Hugging Face: a column of structs {bytes, path}, or of plain binary; labels are numbers or text
in a column `label`, and the names of numbered classes stand in the schema.
"""

from __future__ import annotations

import bisect
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, final

from likewise.compressed import compression_of, plain
from likewise.errors import DataError, nearest_spellings

_USUAL = ("image", "img", "images", "picture", "photo", "bytes", "jpg", "png")
_LABELS = ("label", "labels", "y", "class", "target", "fine_label", "category")
_ROWS = 64  # read at a time
_HELD = 2  # row groups kept for those who ask in any order


@final
class Table:
    """Pictures of one or several Parquet files of one layout; an entry is the bytes of a picture file."""

    channels = 3
    whole = None

    def __init__(self, paths: Sequence[Path], name: str, column: str | None = None) -> None:
        self._files = [_opened(path) for path in paths]
        self._lock = threading.Lock()
        self._held: OrderedDict[int, list[bytes]] = OrderedDict()
        schema = self._files[0].schema_arrow
        self.column = _chosen(schema, name, column)
        for path, file in zip(paths, self._files, strict=True):
            if self.column not in file.schema_arrow.names:
                raise DataError(f"{path} has no column {self.column!r} as {paths[0]} has: give one of them")
        self._groups = [(file, group) for file in self._files for group in range(file.num_row_groups)]
        sizes = [file.metadata.row_group(group).num_rows for file, group in self._groups]
        self._starts: list[int] = [0, *accumulate(sizes)]
        others = [self._column(other) for other in _others(schema, self.column)]
        self.metadata = dict(zip(_others(schema, self.column), others, strict=True))
        self.labels = self._labels(schema)

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> bytes:
        row = range(len(self))[row]
        group = bisect.bisect_right(self._starts, row) - 1
        with self._lock:
            if group not in self._held:
                file, number = self._groups[group]
                self._held[group] = _bytes_of(file.read_row_group(number, columns=[self.column]).column(0))
                while len(self._held) > _HELD:
                    self._held.popitem(last=False)
            return self._held[group][row - self._starts[group]]

    def __iter__(self) -> Iterator[bytes]:
        for file in self._files:
            for batch in file.iter_batches(batch_size=_ROWS, columns=[self.column]):
                yield from _bytes_of(batch.column(0))

    def keys(self) -> list[str]:
        """Return the paths that the structs name, or the numbers of the rows."""
        import pyarrow as pa

        kind = self._files[0].schema_arrow.field(self.column).type
        if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
            paths = self._column(f"{self.column}.path")
            if all(paths) and len(set(paths)) == len(paths):
                return [str(path) for path in paths]
        return [str(row) for row in range(len(self))]

    def _column(self, name: str) -> list[Any]:
        values: list[Any] = []
        for file in self._files:
            column = file.read(columns=[name]).column(0)
            rows = column.to_pylist()
            values += [row["path"] if isinstance(row, dict) else row for row in rows]
        return values

    def _labels(self, schema: Any) -> list[str] | None:
        name = next((label for label in _LABELS if label in self.metadata), None)
        if name is None:
            return None
        names = _class_names(schema, name)
        values = self.metadata.pop(name)
        return ["" if value is None else _named(value, names) for value in values]


def image_columns(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the columns that can hold pictures, and of those that hold text; reads the schema alone."""
    import pyarrow as pa

    schema = _opened(path).schema_arrow
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    return _able(schema), texts


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if compression_of(path) is None:
            return pq.ParquetFile(path, memory_map=True)
        with plain(path) as file:
            return pq.ParquetFile(io.BytesIO(file.read()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a whole Parquet file ({error}): fetch it again") from error


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _able(schema: Any) -> list[str]:
    import pyarrow as pa

    def holds_bytes(kind: Any) -> bool:
        if not pa.types.is_struct(kind):
            return _is_binary(kind)
        place = kind.get_field_index("bytes")
        return place >= 0 and _is_binary(kind.field(place).type)

    return [str(field.name) for field in schema if holds_bytes(field.type)]


def _others(schema: Any, column: str) -> list[str]:
    """Return the columns of one number or text a row."""
    import pyarrow as pa

    simple = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_boolean,
    )
    return [str(f.name) for f in schema if f.name != column and any(test(f.type) for test in simple)]


def _chosen(schema: Any, name: str, column: str | None) -> str:
    able, names = _able(schema), [str(field) for field in schema.names]
    if column is not None:
        if column in able:
            return column
        if column in names:
            raise DataError(
                f"{name}: {column} is {schema.field(column).type}, not pictures (binary, or {{bytes, path}})"
            )
        near = nearest_spellings(column, names, most=1)
        hint = f"did you mean {near[0]}?" if near else f"its columns are {', '.join(names[:20])}"
        raise DataError(f"{name} has no column {column!r}: {hint}")
    if not able:
        raise DataError(
            f"{name} has no column of pictures (binary, or {{bytes, path}}): it has {', '.join(names[:20])}"
        )
    usual = [known for known in able if known.lower() in _USUAL]
    if len(able) > 1 and len(usual) != 1:
        raise DataError(f"{name} has several columns that may be pictures, {', '.join(able)}: name one with --column")
    return (usual or able)[0]


def _class_names(schema: Any, column: str) -> list[str] | None:
    """Return the names of numbered classes that Hugging Face writes into the schema."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][column]
        names = described["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _named(value: Any, names: list[str] | None) -> str:
    known = names is not None and isinstance(value, int) and 0 <= value < len(names)
    return names[value] if known and names is not None else str(value)


def _bytes_of(column: Any) -> list[bytes]:
    rows = column.to_pylist()
    return [(row.get("bytes") if isinstance(row, dict) else row) or b"" for row in rows]
