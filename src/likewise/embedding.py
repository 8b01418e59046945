"""Embedding a file: a run and a file of texts or pictures in; a file of their vectors out, a block at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.embedding_pictures import STAGE, Encoding
from likewise.errors import OptionError, RunExists
from likewise.opening import Run
from likewise.opening import open as open_run
from likewise.session import Progress, Session
from likewise.space import formats
from likewise.space.formats import Block

if TYPE_CHECKING:
    from likewise.sources.text import TextSource

KINDS = ("text", "word", "image")
_TEXTS_AT_ONCE = 4096
_PLAIN = {"kind": "image", "pooling": None, "encoding": "utf-8", "errors": "strict"}  # what pictures leave as it is


@dataclass
class Embedded:
    """What `embed_file` wrote; `empty` counts the texts whose vector is zero because no word of them is known.

    `by_letters` counts the words that were placed by their letters, of words embedded one by one. `fingerprint` is that
    of the vectors, None where the encoder is somebody's own: those of two fingerprints are not to be compared. Of
    pictures `skipped` counts those that could not be decoded, and have no vector.
    """

    path: Path
    dim: int
    pooling: str | None = None
    fingerprint: str | None = None
    texts: int = 0
    empty: int = 0
    by_letters: int = 0
    pictures: int = 0
    skipped: int = 0


def embed_file(
    run: Run | str | os.PathLike[str],
    file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    kind: str | None = None,
    pooling: str | None = None,
    column: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    to: str | None = None,
    overwrite: bool = False,
    session: Session | None = None,
) -> Embedded:
    """Encode each text or picture of `file` with `run` and write the vectors to `out`.

    With a run of words a text is a line, or a value of `column`, and its key is `file:line`. With `kind` word each line
    is one word and its own key; unseen ones are placed by their letters where the run can, and one that comes again is
    left out. `pooling` is as in `Run.embed`. With a run of pictures `file` is a folder, a picture, an array or a table
    of them, as `learn` takes them: a key is the path inside the folder or the number of a row, a label goes along into
    Parquet, and what cannot be decoded is skipped and counted.

    The ending of `out`, or `to`, chooses the format. Memory does not grow with the number of texts or pictures.
    """
    from likewise.sources.text import open_text

    if kind not in (None, *KINDS):
        raise OptionError(
            f"kind {kind!r}: a file holds a text a line (text), a word a line (word), or pictures (image)"
        )
    opened = run if isinstance(run, Run) else open_run(run)
    target, session = Path(out), session or Session()
    name = formats.format_to_write(target, to)
    if name == "run":
        raise OptionError(f"{target} has no ending: vectors go to a file, such as {target}.parquet")
    if target.exists() and Path(file).exists() and target.samefile(file):
        raise OptionError(f"{target} is what is read: choose another --out")
    if target.exists() and not overwrite:
        raise RunExists(f"{target} exists: choose another --out, or replace it with --overwrite")
    said = {"kind": kind, "pooling": pooling, "encoding": encoding, "errors": errors}
    if opened.space.kind == "image":
        return _pictures(opened, file, target, name, said, column, session)
    if kind == "image":
        raise OptionError(f"{opened.path or 'this run'} holds {opened.space.kind}s, and pictures were to be embedded")
    if kind == "word" and opened.space.kind != "word":
        raise OptionError(
            f"{opened.path or 'this run'} holds {opened.space.kind}s, which have no vector of a word by itself: leave "
            "kind out; `likewise senses` has words where they stand in texts"
        )
    source = open_text(file, column=column, encoding=encoding, errors=errors)
    told = _told(opened, kind or "text", pooling)
    made = Embedded(target, opened.space.dim if kind == "word" else opened.encoder.dim, *told)
    blocks = _words if kind == "word" else _blocks
    with session.stage(STAGE):
        formats.write_rows(target, name, _rows(file, name, made.dim, lambda: blocks(opened, source, made, session)))
    return made


def _rows(
    file: str | os.PathLike[str], name: str, dim: int, blocks: Callable[[], Iterator[Block]], count: int | None = None
) -> formats.Rows:
    return formats.Rows(Path(file), name, dim, count, blocks)


def _pictures(
    run: Run,
    file: str | os.PathLike[str],
    target: Path,
    name: str,
    said: dict[str, Any],
    column: str | None,
    session: Session,
) -> Embedded:
    """Encode pictures with a run of pictures."""
    wrong = [f"{word} {value}" for word, value in said.items() if value not in (None, _PLAIN[word])]
    if wrong:
        raise OptionError(f"{run.path or 'this run'} holds pictures, and {wrong[0]} is of texts: leave it out")
    encoding = Encoding(run.encoder, file, column=column, session=session)
    with session.stage(STAGE) as facts, encoding.blocks(twice=name in formats.COUNTED, near=target) as blocks:
        formats.write_rows(target, name, _rows(file, name, run.encoder.dim, blocks))
        facts |= {"pictures": float(encoding.done)}
    encoding.tell_skipped()
    return Embedded(
        target, run.encoder.dim, fingerprint=run.encoder.fingerprint, pictures=encoding.done, skipped=encoding.skipped
    )


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


def _words(run: Run, source: TextSource, made: Embedded, session: Session) -> Iterator[Block]:
    made.texts = made.empty = made.by_letters = 0  # some formats read twice
    entries, told = (text.strip() for _, text in source), set[str]()
    while some := list(islice(entries, _TEXTS_AT_ONCE)):
        new = [word for word in dict.fromkeys(some) if word not in told]
        told.update(new)
        placed = run.place(new)
        made.texts += len(new)
        made.empty += int((~placed.found).sum())
        made.by_letters += int((placed.found & ~placed.seen).sum())
        session.tell(Progress(STAGE, made.texts, None, "words"))
        if session.stopped:
            raise KeyboardInterrupt
        if new:
            yield Block(new, placed.vectors)


def _blocks(run: Run, source: TextSource, made: Embedded, session: Session) -> Iterator[Block]:
    made.texts = made.empty = 0  # some formats read twice
    entries = iter(source)
    while some := list(islice(entries, _TEXTS_AT_ONCE)):
        vectors = run.embed([text for _, text in some], pooling=made.pooling)
        made.texts += len(some)
        made.empty += int(np.count_nonzero(~vectors.any(axis=1)))
        session.tell(Progress(STAGE, made.texts, None, "texts"))
        if session.stopped:
            raise KeyboardInterrupt
        yield Block([key for key, _ in some], vectors)
