"""Files of keys: one key a line, a JSON list, or a column of a Parquet file in; a list of strings out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from likewise.compressed import plain
from likewise.errors import FormatError

KEY_NAMES = ("key", "keys", "word", "words", "token", "id", "name", "index")


def read_keys(path: Path) -> list[str]:
    """Read keys; what kind of file it is, is told by its content."""
    if not path.is_file():
        raise FormatError(f"there is no file of keys at {path}")
    with plain(path) as file:
        data = file.read()
    if data.startswith(b"PAR1"):
        return _parquet_keys(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FormatError(f"{path}, line {line}: keys must be UTF-8") from error
    if path.suffix == ".json" or _is_json(text):
        return _json_keys(path, text)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _is_json(text: str) -> bool:
    try:
        return text.startswith("[") and isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _json_keys(path: Path, text: str) -> list[str]:
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise FormatError(f"{path}: a JSON file of keys is one list of strings")
    return keys


def _parquet_keys(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        keys: list[Any] = file.read(columns=[key_column(path, file.schema_arrow)]).column(0).to_pylist()
    except pa.ArrowException as error:
        raise FormatError(f"{path} is a damaged Parquet file: {error}") from error
    if None in keys:
        raise FormatError(f"{path}, row {keys.index(None)}: the key is null: name it or leave it out")
    return keys


def key_column(path: Path, schema: Any) -> str:
    """Return the name of the column of keys: the only one of strings, or the one with a usual name."""
    import pyarrow as pa

    names = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    usual = [name for name in KEY_NAMES if name in names]
    if len(names) == 1 or usual:
        return str((usual or names)[0])
    raise FormatError(f"{path}: which column holds the keys? Name it 'key'; columns of strings are {names}")
