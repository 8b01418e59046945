"""Conversion: a run or a file of vectors in, the same vectors in another format out, a block of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from likewise.contracts import Array
from likewise.errors import OptionError, RunExists
from likewise.opening import ITEMS, VECTORS
from likewise.run import RunFolder, RunWriter
from likewise.session import Note, Progress, Session
from likewise.space import formats
from likewise.space.content import ContentDigest
from likewise.space.items import read_items, write_items
from likewise.space.tensors import read_matrix, write_matrix


def convert(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    to: str | None = None,
    keys: str | os.PathLike[str] | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    overwrite: bool = False,
    session: Session | None = None,
) -> Path:
    """Write the vectors of `src` in another format, a block of rows at a time, and return where they are.

    The format is `to`, or told by the ending of `dst` (none: a run folder, without an encoder). Vectors may be
    larger than memory; keys may not. An .npy file gets its keys beside it: vectors.npy, vectors.keys.txt.
    """
    source, target, session = Path(src), Path(dst), session or Session()
    name = formats.format_to_write(target, to)
    rows = _rows_of(source, None if keys is None else Path(keys), encoding, errors)
    if name == "run" and rows.format == "run":
        raise OptionError(f"{source} is a run already: copy the folder")
    if target.exists() and source.exists() and target.samefile(source):
        raise OptionError(f"{target} is what is read: choose another name to write")
    if name != "run" and target.exists() and (target.is_dir() or not overwrite):
        way = "choose another name" if target.is_dir() else "choose another name, or replace it with --overwrite"
        raise RunExists(f"{target} exists: {way}")
    left = [column for column in rows.names if name not in ("parquet", "run")]
    if left:
        session.tell(Note(f"left out, for {name} holds keys and vectors only: {', '.join(left)}"))
    with session.stage("convert") as facts:
        facts["dims"] = rows.dim
        rows = replace(rows, blocks=partial(_telling, rows, session, facts))
        if name == "run":
            _write_run(target, rows, overwrite=overwrite)
        else:
            formats.write_rows(target, name, rows)
    return target


def _rows_of(path: Path, keys: Path | None, encoding: str, errors: str) -> formats.Rows:
    if not path.is_dir():
        return formats.open_rows(path, keys=keys, encoding=encoding, errors=errors)
    folder = RunFolder(path)
    names, _, items = read_items(folder.file(ITEMS))
    vectors = read_matrix(folder.file(VECTORS), "vectors")
    return formats.mapped_rows(path, "run", names, vectors, items)


def _telling(rows: formats.Rows, session: Session, facts: dict[str, float]) -> Iterator[formats.Block]:
    done = 0
    for block in rows.blocks():
        yield block
        done += len(block.keys)
        facts["rows"] = done
        session.tell(Progress("convert", done, rows.count, "rows"))
        if session.stopped:
            raise KeyboardInterrupt


def _write_run(path: Path, rows: formats.Rows, *, overwrite: bool) -> None:
    keys: list[str] = []
    columns: dict[str, list[Array]] = {name: [] for name in rows.names}
    digest = ContentDigest()

    def vectors() -> Iterator[Array]:
        for block in rows.checked():
            digest.add(block.keys, block.vectors)
            keys.extend(block.keys)
            for name, values in columns.items():
                values.append(block.columns[name])
            yield block.vectors

    with RunWriter(path, overwrite=overwrite) as writer:
        with writer.open(VECTORS) as file:
            write_matrix(file, "vectors", rows.dim, vectors())
        items = {name: np.concatenate(values) for name, values in columns.items()}
        writer.write(ITEMS, lambda place: write_items(place, keys, "word", items))
        writer.finish(
            {
                "recipe": None,
                "status": "converted from a file of vectors: it has no encoder and cannot embed",
                "source": {"file": rows.path.name, "format": rows.format},
                "encoder": None,
                "fingerprint": digest.value,
                "space": {"kind": "word", "rows": len(keys), "dim": rows.dim},
            }
        )
