"""Runs opened and saved: a run folder or a file of vectors in, a `Run` with its space and its encoder out.

The kinds of encoder are the fixed table `KINDS` here: opening a stranger's run executes nothing of theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array, Encoder
from likewise.errors import FingerprintError, IntegrityError, RunError
from likewise.run import RunFolder, RunWriter
from likewise.space import Space
from likewise.space.items import read_items, write_items
from likewise.space.tensors import read_matrix, write_matrix
from likewise.words.table import WordTable

VECTORS, ITEMS = "space/vectors.safetensors", "space/items.parquet"
ENCODER, TOKENIZER, OUTPUT = "encoder/encoder.json", "encoder/tokenizer.json", "encoder/output.safetensors"
REPORT, PAGE, LOG = "report.json", "report.html", "log.jsonl"


class Evidence(Protocol):
    """A report, as `evaluate` makes it."""

    def as_json(self) -> Any:
        """Return it for report.json."""

    def to_html(self) -> str:
        """Return it as one page."""


@final
class Run:
    """What was learned: a space, the encoder that made it, the evidence, and the record of how.

    It comes from `open` (then everything is read when it is first asked for, and checked against run.json)
    or from memory, and goes to disk with `save`.
    """

    def __init__(
        self,
        *,
        space: Space | Callable[[], Space],
        encoder: Encoder | Callable[[], Encoder],
        manifest: Mapping[str, Any],
        report: Evidence | Callable[[], Any] | None = None,
        log: Sequence[Mapping[str, Any]] = (),
        path: Path | None = None,
    ) -> None:
        self._space, self._encoder, self._report = space, encoder, report
        self.manifest = dict(manifest)
        self.log = list(log)
        self.path = path

    @cached_property
    def space(self) -> Space:
        """The keys and vectors."""
        return self._space if isinstance(self._space, Space) else self._space()

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder; RunError where there is none, as in a bare file of vectors."""
        return self._encoder if isinstance(self._encoder, Encoder) else self._encoder()

    @cached_property
    def report(self) -> Any:
        """The evidence as in report.json, or None where none was made."""
        return self._report() if callable(self._report) else self._report and self._report.as_json()

    def __repr__(self) -> str:
        return f"Run({str(self.path) if self.path else 'in memory'}, {self.space!r})"

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Encode new objects into the space of this run."""
        return np.asarray(self.encoder.embed(objects, kind=kind), np.float32)

    def verify(self) -> list[str]:
        """Check every file of the run against run.json; return a sentence for each problem."""
        if self.path is None or not self.path.is_dir():
            raise RunError(f"{self.path or 'this run'} is not a run folder: only those carry the digests to verify")
        return RunFolder(self.path).verify()

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the run as a folder; RunExists if the place is taken."""
        with RunWriter(path, overwrite=overwrite) as writer:
            manifest = dict(self.manifest)
            manifest.pop("files", None)
            manifest |= write_space(writer, self.space)
            encoder = self._encoder_or_none()
            manifest["encoder"] = None if encoder is None else write_encoder(writer, encoder, self.space)
            if self.report is not None:
                writer.write_json(REPORT, self.report)
            page = self._page()
            if page is not None:
                with writer.open(PAGE) as file:
                    file.write(page.encode())
            if self.log:
                writer.write_lines(LOG, self.log)
            writer.finish(manifest)
        return Path(path)

    def _encoder_or_none(self) -> Encoder | None:
        try:
            return self.encoder
        except NoEncoder:
            return None

    def _page(self) -> str | None:
        if self.path is not None:
            folder = RunFolder(self.path)
            return folder.file(PAGE).read_text() if PAGE in folder.files else None
        return None if self._report is None or callable(self._report) else self._report.to_html()


class NoEncoder(RunError):
    """A run that has vectors but nothing that could make more of them."""


def open(path: str | os.PathLike[str], *, keys: str | os.PathLike[str] | None = None) -> Run:
    """Open a run folder or a file of vectors; `keys` names the keys of an .npy file.

    Nothing is read before it is asked for, except run.json.
    """
    place = Path(path)
    return _open_folder(place)


def open_space(path: str | os.PathLike[str], *, keys: str | os.PathLike[str] | None = None) -> Space:
    """Open the space of a run folder or of a file of vectors."""
    return open(path, keys=keys).space


def _open_folder(path: Path) -> Run:
    folder = RunFolder(path)
    lines = folder.file(LOG).read_text().splitlines() if LOG in folder.files else []
    run = Run(
        space=lambda: read_space(folder),
        encoder=lambda: read_encoder(folder, run.space),
        manifest=folder.manifest,
        report=(lambda: folder.json(REPORT)) if REPORT in folder.files else None,
        log=[json.loads(line) for line in lines],
        path=path,
    )
    return run


def write_space(writer: RunWriter, space: Space) -> dict[str, Any]:
    """Write a run's space/ and return what run.json says about it."""
    with writer.open(VECTORS) as file:
        write_matrix(file, "vectors", space.dim, [space.vectors])
    writer.write(ITEMS, lambda path: write_items(path, space))
    return {"fingerprint": space.fingerprint, "space": {"kind": space.kind, "rows": len(space), "dim": space.dim}}


def read_space(folder: RunFolder) -> Space:
    """Read a run's space/, with its vectors mapped."""
    vectors = read_matrix(folder.file(VECTORS), "vectors")
    keys, kind, items = read_items(folder.file(ITEMS))
    return Space(keys, vectors, fingerprint=folder.manifest.get("fingerprint"), items=items, kind=kind)


def write_encoder(writer: RunWriter, encoder: Encoder, space: Space) -> str:
    """Write a run's encoder/ and return its kind; what the space holds already is pointed to."""
    if not isinstance(encoder, WordTable):
        raise RunError(f"an encoder of type {type(encoder).__name__} cannot be saved: kinds are {', '.join(KINDS)}")
    if encoder.fingerprint != space.fingerprint:
        raise FingerprintError(
            "the space to save was not made by the encoder beside it (or was changed since): "
            "save the encoder's own space, and change it after opening"
        )
    arrays, about = encoder.state()
    writer.write_json(TOKENIZER, about.pop("tokenizer"))
    about |= {"words": {"file": ITEMS, "column": "key"}, "vectors": {"file": VECTORS, "tensor": "vectors"}}
    if "output" in arrays:
        with writer.open(OUTPUT) as file:
            write_matrix(file, "output", encoder.dim, [arrays["output"]])
        about["output"] = {"file": OUTPUT, "tensor": "output"}
    writer.write_json(ENCODER, about | {"fingerprint": encoder.fingerprint})
    return encoder.kind


def read_encoder(folder: RunFolder, space: Space) -> Encoder:
    """Read a run's encoder/ by its kind."""
    if folder.manifest.get("encoder") is None:
        raise NoEncoder(f"{folder.path} has no encoder: it was made from a file of vectors, so it cannot embed")
    about = folder.json(ENCODER)
    kind = about.get("kind") if isinstance(about, dict) else None
    if kind not in KINDS:
        raise RunError(f"{folder.path / ENCODER} is of kind {kind!r}; this version reads {', '.join(KINDS)}")
    return KINDS[kind](folder, space, about)


def _read_word_table(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Encoder:
    if about.get("fingerprint") != space.fingerprint:
        raise IntegrityError(f"{folder.path / ENCODER} belongs to another run: its fingerprint is not the space's")
    output = read_matrix(folder.file(OUTPUT), "output") if OUTPUT in folder.files else None
    return WordTable(space, output=output, tokenizer=folder.json(TOKENIZER), fingerprint=space.fingerprint)


KINDS: dict[str, Callable[[RunFolder, Space, Mapping[str, Any]], Encoder]] = {"word-table": _read_word_table}
