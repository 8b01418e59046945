"""Parquet: a column of keys and a column of vectors (and others beside them) in, rows out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array
from likewise.errors import FormatError
from likewise.space.formats.keys import key_column, read_keys
from likewise.space.formats.rows import Block, Rows, rows_at_once

_VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings")


def open_parquet(path: Path, keys: Path | None) -> Rows:
    """Open a Parquet file; `keys` names the keys where the file has no column of strings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        vector = _vector_column(path, schema)
        count = file.metadata.num_rows
        first = next(file.iter_batches(1, columns=[vector]), None) if count else None
        dim = len(first.column(0)[0] or ()) if first is not None else 0
    except pa.ArrowException as error:
        raise _damaged(path, error) from error
    if not count:
        raise FormatError(f"{path} holds no vectors: give a file with at least one")
    if dim == 0:
        raise FormatError(f"{path}: vectors of column {vector!r} have 0 dims")
    names = read_keys(keys) if keys is not None else None
    if names is not None and len(names) != count:
        raise FormatError(
            f"{keys} has {len(names):,} keys, {path} has {count:,} vectors: give one key for each vector, a line each"
        )
    key = key_column(path, schema) if names is None else None
    others = tuple(field.name for field in schema if field.name not in (key, vector) and _is_plain(field.type))
    blocks = partial(_blocks, path, dim, key, vector, names, others)
    return Rows(path, "parquet", dim, count, blocks, names=others)


def _damaged(path: Path, error: Exception) -> FormatError:
    return FormatError(f"{path} is a damaged or cut-off Parquet file ({error}): fetch it or write it again")


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind))


def _vector_column(path: Path, schema: Any) -> str:
    import pyarrow as pa

    def holds_vectors(kind: Any) -> bool:
        lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        return bool(lists) and bool(pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))

    names = [field.name for field in schema if holds_vectors(field.type)]
    usual = [name for name in _VECTOR_NAMES if name in names]
    if len(names) == 1 or usual:
        return str((usual or names)[0])
    if not names:
        raise FormatError(
            f"{path} has no column of vectors (lists of numbers); its columns are {', '.join(schema.names)}"
        )
    raise FormatError(f"{path}: which column holds the vectors? Name it 'vector'; columns of lists are {names}")


def _blocks(
    path: Path, dim: int, key: str | None, vector: str, names: list[str] | None, others: tuple[str, ...]
) -> Iterator[Block]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    wanted = [name for name in (key, vector, *others) if name is not None]
    try:
        for batch in pq.ParquetFile(path).iter_batches(rows_at_once(dim), columns=wanted):
            n = batch.num_rows
            keys: list[Any] = names[row : row + n] if names is not None else batch.column(key).to_pylist()
            if None in keys:
                raise FormatError(f"{path}, row {row + keys.index(None)}: the key is null: name it or leave it out")
            columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in others}
            yield Block(keys, _vectors(path, batch.column(vector), row, dim), columns)
            row += n
    except pa.ArrowException as error:
        raise _damaged(path, error) from error


def _vectors(path: Path, column: Any, row: int, dim: int) -> Float32[Array, "n d"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(sizes != dim)
    if len(wrong):
        got = int(sizes[wrong[0]])
        what = "null" if got < 0 else f"{got} dims"
        raise FormatError(
            f"{path}, row {row + int(wrong[0])}: the vector is {what} where {dim} dims are due: mend it or leave it out"
        )
    numbers = pc.cast(column.flatten(), pa.float32(), safe=False)
    if numbers.null_count:
        at = int(np.flatnonzero(numbers.is_null().to_numpy(zero_copy_only=False))[0])
        raise FormatError(f"{path}, row {row + at // dim}: a number of the vector is null: mend it or leave it out")
    return np.asarray(numbers.to_numpy(zero_copy_only=False).reshape(-1, dim))


def write(path: Path, dim: int, blocks: Iterable[Block]) -> None:
    """Write `key`, `vector` (lists of one fixed size) and whatever columns came along."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None
    try:
        for block in blocks:
            flat = pa.array(np.ascontiguousarray(block.vectors, np.float32).ravel())
            vectors = pa.FixedSizeListArray.from_arrays(flat, dim)
            columns = {"key": pa.array(block.keys, pa.string()), "vector": vectors}
            table = pa.table(columns | {name: pa.array(column) for name, column in block.columns.items()})
            writer = writer or pq.ParquetWriter(path, table.schema, use_dictionary=False)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
