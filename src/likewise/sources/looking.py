"""Looking at data: a path or what is in memory in; what kind of data it is, and why that is thought, out.

It looks at names and at the first bytes of a few files, and decodes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from likewise.contracts import Source
from likewise.errors import DataError
from likewise.sources.columns import table_kind
from likewise.sources.images import files_below, has_magic, head_of, is_picture
from likewise.sources.images_arrays import array_kind, is_pictures, shape_of
from likewise.sources.images_tables import image_columns

_MOST = 20_000  # names of a folder that are looked at
_HEADS = 64  # files without a telling name that are opened
_FEW = 2  # files of another kind that do not make a folder mixed; above, a tenth
_TEXTS = {".txt", ".text", ".md", ".rst", ".csv", ".tsv", ".jsonl", ".ndjson", ".json"}


class Look(NamedTuple):
    """`kind` is `text` or `image`; `reason` says what was seen, as the beginning of a sentence."""

    kind: str
    reason: str


def kind_of(data: Any, *, column: str | None = None) -> Look:
    """Return what `data` holds, text or pictures, by names and a few first bytes.

    What is neither, or does not exist, counts as text: `open_text` says what is wrong with it. An iterator is not
    touched, and counts as text.

    Raises DataError for a folder of both kinds, or an array that is neither: it says what was counted.

    >>> kind_of(["a text", "another"]).kind, kind_of(np.zeros((5, 8, 8), np.uint8)).kind
    ('text', 'image')
    """
    if isinstance(data, Source):
        return Look(data.kind, f"a source of kind {data.kind} came")
    if isinstance(data, np.ndarray):
        return _of_array("the array", data.shape, data.dtype)
    if not isinstance(data, str | os.PathLike):
        return _of_entries(data)
    if data == "-":
        return Look("text", "standard input is read as text")
    path = Path(data)
    if path.is_dir():
        return _of_folder(path, column)
    return _of_file(path, column) if path.is_file() else Look("text", f"{data} is no file or folder here")


def _of_file(path: Path, column: str | None) -> Look:
    head = head_of(path)
    if head.startswith(b"PAR1"):
        return _of_table(path, column)
    if column is not None:
        return Look("text", f"a column of {path} was named")
    if kind := array_kind(head):
        held = shape_of(path, kind)
        able = [entry for entry in held if is_pictures(*entry[1:])]
        name, shape, dtype = (able or held or [("", (0,), np.uint8)])[0]
        return _of_array(f"{path}:{name}" if name else str(path), shape, dtype)
    if has_magic(head) or is_picture(path, b""):
        return Look("image", f"{path} is a picture" if has_magic(head) else f"{path} is called as a picture is")
    return Look("text", f"{path} holds text")


def _of_table(path: Path, column: str | None) -> Look:
    images, texts = image_columns(path)
    if column is not None:
        return Look("image" if column in images else "text", f"the column {column} of {path} was named")
    if images and not (len(images) == 1 or {"image", "img"} & set(images)) and texts:
        raise DataError(
            f"{path} has columns of bytes ({', '.join(images)}) and of text ({', '.join(texts)}): "
            "name one with --column"
        )
    if images:
        return Look("image", f"{path} holds pictures in its column {images[0]}")
    return Look("text", f"{path} is a table without pictures")


def _of_array(name: str, shape: Sequence[int], dtype: Any) -> Look:
    shown = "×".join(map(str, shape))
    if is_pictures(shape, dtype):
        return Look("image", f"{name} is an array {shown}, as pictures are")
    raise DataError(
        f"{name} is an array {shown} of {np.dtype(dtype)}: pictures are n×h×w, or n×h×w×c with 1, 3 or 4 channels; "
        "rows of vectors are not learned from, `likewise doctor` and `likewise near` take them as they are"
    )


def _of_entries(data: Iterable[Any]) -> Look:
    first = data[0] if isinstance(data, Sequence) and not isinstance(data, bytes | bytearray) and len(data) else None
    if isinstance(data, Mapping) or first is None:
        return Look("text", f"a {type(data).__name__} came")
    if isinstance(first, np.ndarray) or type(first).__module__.partition(".")[0] == "PIL":
        return Look("image", "a list of pictures came")
    if isinstance(first, str | os.PathLike) and _is_path_of_picture(first):
        return Look("image", "a list of files with pictures came")
    return Look("text", "texts came")


def _is_path_of_picture(entry: str | os.PathLike[str]) -> bool:
    return len(str(entry)) < 1024 and "\n" not in str(entry) and is_picture(Path(entry), b"") and Path(entry).is_file()


def _of_folder(folder: Path, column: str | None) -> Look:
    """Return what most files of a folder are; DataError where neither kind is most of them."""
    found = files_below(folder, most=_MOST)
    at_least = "at least " if len(found) >= _MOST else ""
    pictures = [path for path in found if is_picture(path, b"")]
    rest = [path for path in found if not is_picture(path, b"")]
    heads = {path: head_of(path) for path in rest if not _has_telling_name(path)} if len(rest) <= _HEADS else {}
    tables = [path for path, head in heads.items() if head.startswith(b"PAR1")]
    arrays = [path for path, head in heads.items() if array_kind(head)]
    n_pictures = len(pictures) + sum(has_magic(head) for head in heads.values())
    texts = [path for path in rest if _has_telling_name(path)]
    texts += [path for path, head in heads.items() if head and b"\0" not in head and not head.startswith(b"PAR1")]
    if not n_pictures and not texts and (tables or arrays):
        return _of_table(tables[0], column) if tables else Look("image", f"{folder} holds a file of arrays")
    counted = f"{folder} holds {at_least}{_many(n_pictures, 'image')} and {_many(len(texts), 'text')}"
    for kind, own, other in (("image", n_pictures, len(texts)), ("text", len(texts), n_pictures)):
        if own and other <= max(_FEW if own > _FEW else 0, own // 10):
            return Look(kind, counted if other else f"{folder} holds {at_least}{_many(own, kind)}")
    if n_pictures and texts:
        raise DataError(f"{counted}: name a recipe, or give a folder with one of the two")
    return Look("text", f"{folder} holds no pictures")


def _many(number: int, kind: str) -> str:
    one, several = ("picture", "pictures") if kind == "image" else ("file of text", "files of text")
    return f"{number:,} {one if number == 1 else several}"


def _has_telling_name(path: Path) -> bool:
    return path.suffix.lower() in _TEXTS or table_kind(path, b"") in ("csv", "jsonl")
