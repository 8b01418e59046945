"""Models of texts: a run, the folder of a checkpoint, or an encoder in; what turns texts into vectors out.

Whoever works on texts (search, duplicates, hard negatives) stands on this, whatever the vectors come from: a network of
texts, one that somebody else has trained, or words whose vectors are taken together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast, final

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array, Encoder
from likewise.errors import DataError, MissingExtra, OptionError
from likewise.evaluate.rows import unit
from likewise.opening import Run
from likewise.opening import open as open_run
from likewise.run import MANIFEST
from likewise.session import Note, Progress, Session
from likewise.text_runs import KIND as NETWORK
from likewise.words.subword_table import SubwordTable
from likewise.words.table import WordTable

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder

Model: TypeAlias = "TextModel | Run | Encoder | str | os.PathLike[str]"
_STAGE: Final = "embed"
_AT_ONCE: Final = 1024  # texts that are encoded between two words of progress


class Block(NamedTuple):
    """Some texts with their keys and vectors."""

    keys: list[str]
    texts: list[str]
    vectors: Float32[Array, "n d"]


@final
class TextModel:
    """What turns texts into vectors, under the name by which people know it.

    `pooling` says how a table of words takes those of a text together; networks have their own way.
    """

    def __init__(self, encoder: Encoder, name: str, *, pooling: str | None = None) -> None:
        self._of_words = isinstance(encoder, WordTable | SubwordTable)
        if pooling is not None and not self._of_words:
            raise OptionError(f"pooling {pooling} is of words, and {name} is a network of texts: leave it out")
        self.encoder, self.name, self.pooling = encoder, name, pooling

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return self.encoder.dim

    def embed(self, texts: Sequence[str], *, task: str | None = None) -> Float32[Array, "n d"]:
        """Return a vector for each text; zeros where none of its words, or tokens, is known.

        `task` is what texts are for, `query` or `document`: a network may have learned to see a prompt before each.
        """
        if self._network is not None:
            vectors = np.array(self._network.embed(self._network.prompted(texts, task)), np.float32)
            vectors[~self._network.known(texts)] = 0
            return vectors
        kind = "text" if self.pooling is None else f"text:{self.pooling}"
        return np.array(self.encoder.embed(texts, kind=kind), np.float32)

    def blocks(
        self, texts: Iterable[tuple[str, Any]], session: Session, stage: str, *, total: int | None = None,
        task: str | None = None,
    ) -> Iterator[Block]:  # fmt: skip
        """Yield texts by key with their vectors, some at a time, and tell how far it is.

        Raises DataError for what is no text, by its key.
        """
        entries, done = iter(texts), 0
        while some := list(islice(entries, _AT_ONCE)):
            keys = [key for key, _ in some]
            said = [checked(key, text) for key, text in some]
            yield Block(keys, said, self.embed(said, task=task))
            done += len(some)
            session.tell(Progress(stage, done, total, "texts"))
            if session.stopped:
                raise KeyboardInterrupt

    def units(self, texts: Sequence[tuple[str, str]], session: Session, *, unknown: str) -> Float32[Array, "n d"]:
        """Return vectors of length 1 of texts by key, zeros where nothing is known: then `unknown` is what follows."""
        x, done, beyond = np.empty((len(texts), self.dim), np.float32), 0, 0
        with session.stage(_STAGE) as facts:
            for block in self.blocks(texts, session, _STAGE, total=len(texts)):
                x[done : done + len(block.keys)] = unit(block.vectors)
                done, beyond = done + len(block.keys), beyond + self._beyond(block.texts)
            facts["texts"] = done
        zeros = len(x) - int(x.any(axis=1).sum())
        if zeros:
            session.tell(Note(f"of {zeros:,} of {len(x):,} texts nothing is known to {self.name}: {unknown}"))
        if beyond:
            what = "texts are longer than what is read of them: their ends are not compared"
            session.tell(Note(f"{beyond:,} of {len(x):,} {what}"))
        return x

    def questions(self, texts: Sequence[str]) -> Float32[Array, "q d"]:
        """Return vectors of what is searched by; OptionError for an empty one, or one of which nothing is known."""
        for number, text in enumerate(texts, 1):
            if not checked(f"question {number}", text).strip():
                raise OptionError("an empty text came: there is nothing to search by")
        vectors = self.embed(texts, task="query")
        for text, vector in zip(texts, vectors, strict=True):
            if not vector.any():
                shown = text if len(text) <= 40 else f"{text[:39]}…"
                raise OptionError(
                    f"no {'word' if self._of_words else 'token'} of {shown!r} is known to {self.name}: nothing to "
                    "search by"
                )
        return vectors

    @property
    def _network(self) -> TextEncoder | None:
        """The encoder where it is a network of texts."""
        return cast("TextEncoder", self.encoder) if getattr(self.encoder, "kind", None) == NETWORK else None

    def _beyond(self, texts: Sequence[str]) -> int:
        """Return how many texts are longer than what a network reads of them."""
        return 0 if self._network is None else int((self._network.count(texts) > self._network.reading.tokens).sum())


def open_model(model: Model, *, pooling: str | None = None) -> TextModel:
    """Return what turns texts into vectors: of a run, in memory or on disk, of a checkpoint's folder, of an encoder.

    Nothing is fetched. Raises OptionError for a run of pictures, RunError for vectors without an encoder.
    """
    if isinstance(model, TextModel):
        return model
    if isinstance(model, Run):
        name = str(model.path) if model.path else "this run"
        return TextModel(_of_run(model, name), name, pooling=pooling)
    if isinstance(model, str | os.PathLike):
        return TextModel(_at(Path(model)), str(model), pooling=pooling)
    return TextModel(model, type(model).__name__, pooling=pooling)


def is_checkpoint(path: Path) -> bool:
    """Whether a folder is that of somebody's network, and no run."""
    return (path / "config.json").is_file() and not (path / MANIFEST).is_file()


def _at(path: Path) -> Encoder:
    if not is_checkpoint(path):
        return _of_run(open_run(path), str(path))
    try:
        from likewise.encoders.pretrained import load
    except ImportError:
        raise MissingExtra("torch", "text", f"encoding texts with {path}") from None
    return load(path, kind="text")


def _of_run(run: Run, name: str) -> Encoder:
    if run.space.kind == "image":
        raise OptionError(f"{name} holds pictures: it cannot embed texts; give a run of words or of texts")
    return run.encoder


def checked(key: str, text: Any) -> str:
    """Return a text; DataError, by its key, for what is none."""
    if not isinstance(text, str):
        raise DataError(f"{key} is a {type(text).__name__}: give strings")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{key} has half a character (a lone surrogate) at place {error.start + 1}: repair it, or leave it out"
        ) from None
    return text
