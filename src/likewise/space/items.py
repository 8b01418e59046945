"""The items of a run: keys, their kind and their metadata in, `space/items.parquet` out, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from likewise.contracts import Array
from likewise.errors import FormatError


def write_items(path: Path, keys: Sequence[str], kind: str, items: Mapping[str, Array]) -> None:
    """Write one row a key: `key`, `kind`, and the other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"key": pa.array(keys, pa.string())}
    columns["kind"] = pa.DictionaryArray.from_arrays(np.zeros(len(keys), np.int32), pa.array([kind]))
    columns |= {name: pa.array(column) for name, column in items.items()}
    pq.write_table(pa.table(columns), path)


def read_items(path: Path) -> tuple[list[str], str, Mapping[str, Array]]:
    """Return the keys, their kind (of the first row) and the other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        keys = table.column("key").to_pylist()
        kind = table.column("kind")[0].as_py() if len(keys) else "word"
    except (pa.ArrowException, KeyError) as error:
        raise FormatError(f"{path} is not the item table of a run: {error}") from error
    others = [name for name in table.column_names if name not in ("key", "kind")]
    return keys, kind, {name: table.column(name).to_numpy() for name in others}
