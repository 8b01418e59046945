"""Embedding a file: a run and a file of texts in, a file of their vectors out, a block of texts at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from likewise.errors import OptionError, RunExists
from likewise.opening import Run
from likewise.opening import open as open_run
from likewise.session import Progress, Session
from likewise.space import formats

if TYPE_CHECKING:
    from likewise.sources.text import TextSource

_TEXTS_AT_ONCE = 4096


@dataclass
class Embedded:
    """What `embed_file` wrote; `empty` counts the texts whose vector is zero because no word of them is known.

    `by_letters` counts the words that were placed by their letters, of words embedded one by one. `fingerprint` is that
    of the vectors, None where the encoder is somebody's own: those of two fingerprints are not to be compared.
    """

    path: Path
    dim: int
    pooling: str | None = None
    fingerprint: str | None = None
    texts: int = 0
    empty: int = 0
    by_letters: int = 0


def embed_file(
    run: Run | str | os.PathLike[str],
    file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    kind: str = "text",
    pooling: str | None = None,
    column: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    to: str | None = None,
    overwrite: bool = False,
    session: Session | None = None,
) -> Embedded:
    """Encode each text of `file` (a line, or a value of `column`) with `run` and write the vectors to `out`.

    A key is `file:line`. With `kind` word each line is one word and its own key; unseen ones are placed by their
    letters where the run can, and one that comes again is left out. `pooling` is as in `Run.embed`. The ending of
    `out`, or `to`, chooses the format. Memory does not grow with a file of texts.
    """
    from likewise.sources.text import open_text

    if kind not in ("text", "word"):
        raise OptionError(f"kind {kind!r}: a file holds a text a line (text) or a word a line (word)")
    opened = run if isinstance(run, Run) else open_run(run)
    if opened.space.kind == "image":
        raise OptionError(
            f"{opened.path or 'this run'} holds pictures, and embed reads texts: in Python run.embed([paths]) encodes "
            "pictures, and `likewise near RUN --file PICTURE` searches by one"
        )
    target, session = Path(out), session or Session()
    name = formats.format_to_write(target, to)
    if name == "run":
        raise OptionError(f"{target} has no ending: vectors of texts go to a file, such as {target}.parquet")
    if target.exists() and Path(file).exists() and target.samefile(file):
        raise OptionError(f"{target} is what is read: choose another --out")
    if target.exists() and not overwrite:
        raise RunExists(f"{target} exists: choose another --out, or replace it with --overwrite")
    source = open_text(file, column=column, encoding=encoding, errors=errors)
    told = _told(opened, kind, pooling)
    made = Embedded(target, opened.space.dim if kind == "word" else opened.encoder.dim, *told)
    blocks = _words if kind == "word" else _blocks
    rows = formats.Rows(Path(file), name, made.dim, None, lambda: blocks(opened, source, made, session))
    with session.stage("embedding"):
        formats.write_rows(target, name, rows)
    return made


def _told(run: Run, kind: str, pooling: str | None) -> tuple[str | None, str | None]:
    """Return by what the words of texts are pooled, and the fingerprint of what is made."""
    if kind == "word" and pooling is None:
        return None, run.space.fingerprint
    if pooling is None:
        poolings = getattr(run.encoder, "poolings", None)
        if poolings is None:
            return None, None
        pooling = poolings.default
    return pooling, run.fingerprint_of(kind=kind, pooling=pooling)


def _words(run: Run, source: TextSource, made: Embedded, session: Session) -> Iterator[formats.Block]:
    made.texts = made.empty = made.by_letters = 0  # some formats read twice
    entries, told = (text.strip() for _, text in source), set[str]()
    while some := list(islice(entries, _TEXTS_AT_ONCE)):
        new = [word for word in dict.fromkeys(some) if word not in told]
        told.update(new)
        placed = run.place(new)
        made.texts += len(new)
        made.empty += int((~placed.found).sum())
        made.by_letters += int((placed.found & ~placed.seen).sum())
        session.tell(Progress("embedding", made.texts, None, "words"))
        if session.stopped:
            raise KeyboardInterrupt
        if new:
            yield formats.Block(new, placed.vectors)


def _blocks(run: Run, source: TextSource, made: Embedded, session: Session) -> Iterator[formats.Block]:
    made.texts = made.empty = 0  # some formats read twice
    entries = iter(source)
    while some := list(islice(entries, _TEXTS_AT_ONCE)):
        vectors = run.embed([text for _, text in some], pooling=made.pooling)
        made.texts += len(some)
        made.empty += int(np.count_nonzero(~vectors.any(axis=1)))
        session.tell(Progress("embedding", made.texts, None, "texts"))
        if session.stopped:
            raise KeyboardInterrupt
        yield formats.Block([key for key, _ in some], vectors)
