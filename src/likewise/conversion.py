"""Conversion: a run or a file of vectors in, the same vectors in another format out, a block of rows at a time.

Or a network of texts in, and the folder in which other programs have networks out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from likewise.contracts import Array
from likewise.encoders.text_folder import LAYOUTS, check_place, write_text_folder
from likewise.errors import OptionError, RunExists
from likewise.files import atomic
from likewise.opening import NoEncoder, Run
from likewise.opening import open as open_run
from likewise.run import ITEMS, VECTORS, RunFolder, RunWriter
from likewise.session import Note, Progress, Session
from likewise.space import Space, formats
from likewise.space.content import ContentDigest
from likewise.space.items import read_items, write_items
from likewise.space.tensors import read_matrix, write_matrix
from likewise.text_models import open_model
from likewise.text_runs import KIND as NETWORK
from likewise.words.fasttext_file import fasttext_blocks, size_of_file
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder


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

    `to` sentence-transformers or huggingface writes the encoder of a run of texts, or a checkpoint, as the folder that
    those load (`likewise.encoders.text_folder`).
    """
    source, target, session = Path(src), Path(dst), session or Session()
    if to in LAYOUTS:
        _write_network(source, target, to, keys, overwrite=overwrite, session=session)
        return target
    name = formats.format_to_write(target, to)
    names = None if keys is None else Path(keys)
    told = "run" if source.is_dir() else formats.format_of(source)
    _check_places(source, target, told, name, overwrite=overwrite)
    if name == "fasttext" or (told, name) == ("fasttext", "run"):
        run = open_run(source, keys=names, encoding=encoding, errors=errors)
        with session.stage("convert") as facts:
            facts |= {"dims": run.space.dim, "rows": len(run.space)}
            if name == "run":
                _keep(run, told).save(target, overwrite=overwrite)
            else:
                write_fasttext(target, run, session)
        return target
    rows = _rows_of(source, names, encoding, errors)
    left = [column for column in rows.names if name not in ("parquet", "run")]
    left += ["n-grams (--to fasttext keeps them)"] if _has_ngrams(source, told) else []
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


def _write_network(
    source: Path, target: Path, to: str, keys: str | os.PathLike[str] | None, *, overwrite: bool, session: Session
) -> None:
    if keys is not None:
        raise OptionError(f"{source} is to be written as a network, which has no keys: leave out {keys}")
    if target.exists() and source.exists() and target.samefile(source):
        raise OptionError(f"{target} is what is read: choose another name to write")
    check_place(target, overwrite=overwrite)
    with session.stage("convert") as facts:
        encoder = _network_of(source, to)
        write_text_folder(encoder, target, to=to, overwrite=overwrite)
        weights = sum(weight.numel() for weight in encoder.network.state_dict().values())
        facts |= {"dims": encoder.dim, "weights": weights}
    if to == "huggingface" and (encoder.reading.normalised or encoder.reading.pool != "mean"):
        how = f"pool {encoder.reading.pool}" + (", scaled to length 1" if encoder.reading.normalised else "")
        session.tell(
            Note(f"how its tokens become a text's vector ({how}) is not told there: sentence-transformers tells")
        )


def _network_of(source: Path, to: str) -> TextEncoder:
    """Return the encoder of a run of texts or of a checkpoint's folder; OptionError where it is something else."""
    if source.is_dir():
        encoder: Any = open_model(source).encoder
        if getattr(encoder, "kind", None) == NETWORK:
            return cast("TextEncoder", encoder)
    raise OptionError(
        f"{source} holds no network of texts: --to {to} writes that of a run of texts, or of a checkpoint's folder"
    )


def _check_places(source: Path, target: Path, told: str, name: str, *, overwrite: bool) -> None:
    if (told, name) in (("run", "run"), ("fasttext", "fasttext")):
        what = "run already: copy the folder" if name == "run" else "fastText file already: copy it"
        raise OptionError(f"{source} is a {what}")
    if target.exists() and source.exists() and target.samefile(source):
        raise OptionError(f"{target} is what is read: choose another name to write")
    if name != "run" and target.exists() and (target.is_dir() or not overwrite):
        way = "choose another name" if target.is_dir() else "choose another name, or replace it with --overwrite"
        raise RunExists(f"{target} exists: {way}")


def _has_ngrams(path: Path, told: str) -> bool:
    return told == "fasttext" or (told == "run" and RunFolder(path).manifest.get("encoder") == SubwordTable.kind)


def _rows_of(path: Path, keys: Path | None, encoding: str, errors: str) -> formats.Rows:
    if not path.is_dir():
        if formats.format_of(path) == "fasttext":
            space = open_run(path, keys=keys, encoding=encoding, errors=errors).space
            return formats.mapped_rows(path, "fasttext", list(space.keys), space.vectors, space.items)
        return formats.open_rows(path, keys=keys, encoding=encoding, errors=errors)
    folder = RunFolder(path)
    names, _, items = read_items(folder.file(ITEMS))
    vectors = read_matrix(folder.file(VECTORS), "vectors")
    return formats.mapped_rows(path, "run", names, vectors, items)


def _keep(run: Run, told: str) -> Run:
    """Return what was opened as a run to save, encoder and all; OptionError where a run could not be opened again.

    A run finds its words' n-grams anew by their letters, which those of a word that was not UTF-8 do not give.
    """
    encoder = run.encoder
    if isinstance(encoder, SubwordTable) and not encoder.parts.follow_from(run.space.keys):
        raise OptionError(
            f"{run.path} has words that are not UTF-8, of which a run would make other n-grams: convert it to a file "
            "of vectors instead (--to npz)"
        )
    facts = {"status": f"converted from a {told} file", "fingerprint": run.space.fingerprint}
    return Run(space=run.space, encoder=run.encoder, manifest=run.manifest | facts)


def write_fasttext(path: Path, run: Run, session: Session) -> None:
    """Write a run with its n-grams, or words without any, as a file of fastText's own."""
    table = _subword_table(run)
    parts, size = table.parts, size_of_file(table)
    if parts.max_n == 0:
        session.tell(Note("no n-grams are known: fastText will have vectors for these words only"))
    else:
        rows = f"{parts.words:,} words and {parts.buckets:,} buckets, of which {len(parts.used):,} are in use"
        session.tell(Note(f"{path} will have {size / 1e6:,.0f} MB: {rows}"))
    if table.output is None:
        session.tell(Note("the other side of training was not kept (it is not with hs): it is written as zeros"))
    done = 0
    with formats.writing(path), atomic(path) as file:
        for block in fasttext_blocks(table, run.manifest.get("options")):
            file.write(block)
            done += len(block)
            session.tell(Progress("convert", done, size, "bytes"))
            if session.stopped:
                raise KeyboardInterrupt


def write_vectors(path: Path, space: Space) -> None:
    """Write a space as word2vec text, which fastText calls .vec."""
    formats.write_rows(path, "word2vec", formats.mapped_rows(path, "word2vec", list(space.keys), space.vectors))


def _subword_table(run: Run) -> SubwordTable:
    """Return the run's table of n-grams; where there is none, its words as a table without."""
    try:
        encoder = run.encoder
    except NoEncoder:
        encoder = None
    if isinstance(encoder, SubwordTable):
        return encoder
    space, output = run.space, getattr(encoder, "output", None)
    parts = subwords(space.keys, min_n=0, max_n=0)
    return SubwordTable(space.keys, space.vectors, parts, items=space.items, output=output)


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
