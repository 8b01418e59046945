"""Runs opened and saved: a run folder or a file of vectors in, a `Run` with its space and its encoder out.

The kinds of encoder are the fixed table `KINDS` here: opening a stranger's run executes nothing of theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, final

import numpy as np
from jaxtyping import Float32

from likewise.contracts import Array, Encoder
from likewise.errors import FingerprintError, IntegrityError, OptionError, RunError
from likewise.picture_runs import KIND, read_picture_encoder, report_on_pictures, write_picture_encoder
from likewise.run import ENCODER, ITEMS, VECTORS, RunFolder, RunWriter
from likewise.session import Session
from likewise.sources.gold import Files, read_gold
from likewise.space import Space, formats
from likewise.space.items import read_items, write_items
from likewise.space.tensors import read_matrix, write_matrix
from likewise.text_runs import KIND as TEXT_KIND
from likewise.text_runs import read_text_encoder, report_on_texts, write_text_encoder
from likewise.word_runs import read_subword_table, read_word_table, write_word_encoder
from likewise.words import unseen
from likewise.words.fasttext_file import FastTextFile
from likewise.words.subword_table import Placed, SubwordTable
from likewise.words.table import WordTable

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder
    from likewise.evaluate.collapse import Diagnosis
    from likewise.evaluate.report import Report
    from likewise.evaluate.subject import Before
    from likewise.sentence_transformer import SentenceTransformer

REPORT, PAGE, LOG = "report.json", "report.html", "log.jsonl"
PICTURES = "pictures"


class Evidence(Protocol):
    """A report, as `evaluate` makes it."""

    def as_json(self) -> Any:
        """Return it for report.json."""

    def to_html(self) -> str:
        """Return it as one page."""

    def files(self) -> Mapping[str, bytes]:
        """Return pictures of it by name, as PNG."""


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
        log: Sequence[Mapping[str, Any]] | Callable[[], Sequence[Mapping[str, Any]]] = (),
        path: Path | None = None,
    ) -> None:
        self._space, self._encoder, self._report, self._log = space, encoder, report, log
        self.manifest = dict(manifest)
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

    @cached_property
    def log(self) -> list[Mapping[str, Any]]:
        """The lines of log.jsonl: an epoch's losses, rates and signals each."""
        return list(self._log() if callable(self._log) else self._log)

    @cached_property
    def pictures(self) -> Mapping[str, bytes]:
        """The pictures of the evidence as PNG, by name: what was seen in a network; of words there are none."""
        if self.path is not None:
            if not self.path.is_dir():
                return {}
            folder, begin = RunFolder(self.path), f"{PICTURES}/"
            names = [name for name in folder.files if name.startswith(begin)]
            return {name.removeprefix(begin): folder.file(name).read_bytes() for name in names}
        return {} if self._report is None or callable(self._report) else self._report.files()

    def __repr__(self) -> str:
        return f"Run({str(self.path) if self.path else 'in memory'}, {self.space!r})"

    def embed(
        self, objects: Sequence[Any], *, kind: str | None = None, pooling: str | None = None
    ) -> Float32[Array, "n d"]:
        """Encode new objects; `pooling` says how the words of a text are taken together: mean, weighted or sif.

        None leaves it to the encoder. Texts of two poolings are not comparable: `fingerprint_of` tells them apart.
        """
        return np.asarray(self.encoder.embed(objects, kind=_kind(kind, pooling)), np.float32)

    def fingerprint_of(self, *, kind: str | None = None, pooling: str | None = None) -> str:
        """Return the fingerprint of what `embed` makes: vectors of two fingerprints are never to be compared."""
        return _table(self.encoder).fingerprint_of(_kind(kind, pooling) or "text")

    def sentence_transformer(self, *, prompts: Mapping[str, str] | None = None) -> SentenceTransformer:
        """Return the encoder of texts under the names of sentence-transformers; OptionError for a run of others."""
        if getattr(self.encoder, "kind", None) != TEXT_KIND:
            raise OptionError(f"{self._title()} holds {self.space.kind}s: that is for a run of texts")
        from likewise.sentence_transformer import SentenceTransformer

        return SentenceTransformer(cast("TextEncoder", self.encoder), prompts=prompts)

    def words_as_texts(self, pooling: str | None = None) -> Space:
        """Return the words as texts of one word each: what a text is to be compared with.

        A mean of words, weighed or not, lies among the words as they are; SIF takes something off, so off these, too.
        """
        space, weighing = self.space, _table(self.encoder).poolings.of(f"text:{pooling}") if pooling else None
        if weighing is None or not weighing.component.any():
            return space
        made, fingerprint = weighing.words(space.vectors), self.fingerprint_of(pooling=pooling)
        return Space(space.keys, made, fingerprint=fingerprint, items=space.items, kind=space.kind)

    def place(self, words: Sequence[str]) -> Placed:
        """Return the vectors of words, seen or not: a run with n-grams places unseen ones by their letters."""
        return unseen.place(self.space, self.encoder_or_none, words)

    def with_words(self, words: Iterable[str]) -> Space:
        """Return the space with those of `words` that it lacks, placed by their letters; KeyMissing if they cannot be.

        So unseen words can be compared like any other: `run.with_words(["kingg"]).near("kingg")`.
        """
        return unseen.with_words(self.space, lambda: self.encoder_or_none, words)

    def doctor(self) -> Diagnosis:
        """Say in words whether the vectors have collapsed: by the course of the training where it was logged."""
        from likewise.evaluate.collapse import diagnose
        from likewise.evaluate.watched import by_course

        return by_course(diagnose(self.space.vectors), self.log)

    def evaluate(
        self,
        *,
        analogies: Files = (),
        pairs: Files = (),
        labels: Files = (),
        answers: Files = (),
        second: Space | None = None,
        start: Run | str | os.PathLike[str] | None = None,
        beside: Mapping[str, Any] | None = None,
        session: Session | None = None,
    ) -> Report:
        """Measure what the vectors are worth; `analogies`, `pairs` and `labels` are files of gold answers.

        `answers` are folders of documents and questions (`likewise.sources.gold_texts.read_answers`), for texts alone.
        `second` is the space of another seed on the same keys, `start` the run from which learning went on. `beside`
        is what a recipe knows and a run does not keep (pixels, vectors of the untrained network).
        Words of the gold files are lower-cased where the space holds lower-case keys only.
        """
        from likewise.evaluate.report import word_report

        session = session or Session()
        if answers not in ((), []) and not (self.space.kind == "text" and "text" in self.space.items):
            raise OptionError(
                f"{self._title()} holds {self.space.kind}s: answers to questions are texts, leave them out"
            )
        if self.space.kind == "image" or (self.space.kind == "text" and "text" in self.space.items):
            given: dict[str, Any] = {"title": self._title(), "facts": self._facts(), "session": session}
            given |= {"history": self.log, "second": second}
            of_texts = self.space.kind == "text"
            if any(files not in ((), []) for files in ((analogies,) if of_texts else (analogies, pairs, labels))):
                what = "texts: analogies are" if of_texts else "pictures: gold answers in files are"
                raise OptionError(f"{self._title()} holds {what} of words, leave them out")
            with session.stage("measuring"):
                if not of_texts:
                    return report_on_pictures(self.space, beside=beside, **given)
                encoder = self.encoder_or_none
                known = {} if encoder is None else {"encode": encoder.embed}
                beside = {**known, **(beside or {})}
                return report_on_texts(self.space, beside=beside, pairs=pairs, labels=labels, answers=answers, **given)
        gold = read_gold(analogies=analogies, pairs=pairs, labels=labels, lowercase=self._lowercase())
        with session.stage("measuring"):
            return word_report(
                list(self.space.keys),
                self.space.vectors,
                counts=self.space.items.get("count"),
                history=self.log or None,
                second=None if second is None else second[list(self.space.keys)],
                title=self._title(),
                facts=self._facts(),
                session=session,
                analogies=gold["analogies"],
                pairs=gold["pairs"],
                labels=gold["labels"],
                by_letters=self._by_letters() if gold["pairs"] else None,
                before=None if start is None else self._before(start),
            )

    def _before(self, start: Run | str | os.PathLike[str]) -> Before:
        """Return what this run went on from, for its report; OptionError where it did not."""
        from likewise.evaluate.subject import Before

        run = start if isinstance(start, Run) else open(start)
        at = self.manifest.get("start")
        while at and at.get("fingerprint") != run.space.fingerprint:
            at = at.get("start")
        if not at:
            raise OptionError(
                f"{self._title()} did not go on from {run.path or 'that run'}: its run.json says from what"
            )
        sections = (run.report or {}).get("sections", [])
        numbers = [number for section in sections for number in section.get("numbers", [])]
        first = next((i for i, number in enumerate(numbers) if number["name"] == "overlap@10 between two seeds"), None)
        seeds = [] if first is None else [number["value"] for number in numbers[first : first + 4]]
        name = "the run before" if run.path is None else run.path.name
        return Before(name, run.space.keys, run.space.vectors, run.space.items.get("count"), seeds)

    def _by_letters(self) -> Any:
        """Return what places unseen words, where there are n-grams to do it by."""
        encoder = self.encoder_or_none
        return encoder.by_letters if isinstance(encoder, SubwordTable) and encoder.parts.max_n else None

    def _lowercase(self) -> bool:
        options = self.manifest.get("options") or {}
        some = self.space.keys[:20_000]
        return bool(options.get("lowercase", all(key == key.lower() for key in some)))

    def _title(self) -> str:
        recipe, data = self.manifest.get("recipe"), self.manifest.get("data") or {}
        if recipe and data.get("name"):
            before = (self.manifest.get("start") or {}).get("name")
            return f"{recipe} on {Path(data['name']).name}" + (f", going on from {before}" if before else "")
        return self.path.resolve().name if self.path else recipe or "vectors"

    def _facts(self) -> dict[str, Any]:
        names = "recipe options data level seconds versions machine fingerprint status start".split()
        return {name: self.manifest[name] for name in names if self.manifest.get(name) is not None}

    def verify(self) -> list[str]:
        """Check every file of the run against run.json; return a sentence for each problem."""
        if self.path is None or not self.path.is_dir():
            raise RunError(f"{self.path or 'this run'} is not a run folder: only those carry the digests to verify")
        return verify(self.path)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the run as a folder; RunExists if the place is taken."""
        with RunWriter(path, overwrite=overwrite) as writer:
            self.write(writer)
        return Path(path)

    def write(self, writer: RunWriter) -> None:
        """Write all parts of the run with a writer that is open, and finish it."""
        manifest = dict(self.manifest)
        manifest.pop("files", None)
        manifest |= write_space(writer, self.space)
        encoder = self.encoder_or_none
        manifest["encoder"] = None if encoder is None else write_encoder(writer, encoder, self.space)
        if self.report is not None:
            writer.write_json(REPORT, self.report)
        page = self._page()
        if page is not None:
            with writer.open(PAGE) as file:
                file.write(page.encode())
        for name, data in self.pictures.items():
            with writer.open(f"{PICTURES}/{name}") as file:
                file.write(data)
        if self.log:
            writer.write_lines(LOG, self.log)
        writer.finish(manifest)

    @property
    def encoder_or_none(self) -> Encoder | None:
        """The encoder, or None where there is none."""
        try:
            return self.encoder
        except NoEncoder:
            return None

    def _page(self) -> str | None:
        if self.path is not None:
            folder = RunFolder(self.path)
            return folder.file(PAGE).read_text(encoding="utf-8") if PAGE in folder.files else None
        return None if self._report is None or callable(self._report) else self._report.to_html()


def _kind(kind: str | None, pooling: str | None) -> str | None:
    """Return the encoder's entrance; OptionError where words would be pooled."""
    if pooling is None:
        return kind
    if kind not in (None, "text"):
        raise OptionError(f"pooling {pooling} came with kind {kind!r}: only the words of texts are pooled")
    return f"text:{pooling}"


def _table(encoder: Encoder) -> WordTable | SubwordTable:
    if not isinstance(encoder, WordTable | SubwordTable):
        raise OptionError(f"an encoder of type {type(encoder).__name__} does not pool words: leave pooling out")
    return encoder


def verify(path: str | os.PathLike[str]) -> list[str]:
    """Check every file of a run folder, run.json first; return a sentence for each problem."""
    try:
        return RunFolder(path).verify()
    except IntegrityError as error:  # without run.json nothing else can be told
        return [str(error)]


class NoEncoder(RunError):
    """A run that has vectors but nothing that could make more of them."""


def open(
    path: str | os.PathLike[str],
    *,
    keys: str | os.PathLike[str] | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> Run:
    """Open a run folder or a file of vectors; nothing is read before it is asked for, except run.json.

    `keys` names the keys of an .npy file: a text file (one a line), a JSON list or a Parquet column. Without it
    they are looked for beside it (vectors.keys.txt), else rows are numbered. `encoding` and `errors` are for
    keys in text and binary files.
    """
    place = Path(path)
    if not place.is_file():
        if keys is not None:
            raise OptionError(f"{place} is a run and holds its own keys: leave out {keys}")
        return _open_folder(place)
    names = None if keys is None else Path(keys)
    if formats.format_of(place) == "fasttext":
        return _open_fasttext(place, names, encoding, errors)
    return Run(
        space=lambda: formats.read_space(place, keys=names, encoding=encoding, errors=errors),
        encoder=lambda: _no_encoder(place),
        manifest={"recipe": None, "encoder": None, "source": {"file": place.name, "format": formats.format_of(place)}},
        path=place,
    )


def _open_fasttext(path: Path, keys: Path | None, encoding: str, errors: str) -> Run:
    if keys is not None:
        raise OptionError(f"{path} is a fastText file, which holds its own keys: leave out {keys}")
    file = FastTextFile(path, encoding=encoding, errors=errors)
    return Run(
        space=lambda: file.table.space,
        encoder=lambda: file.table,
        manifest={"recipe": None, "encoder": "subword-table", "options": file.options, "source": file.about},
        path=path,
    )


def _no_encoder(path: Path) -> Encoder:
    raise NoEncoder(f"{path} holds vectors and no encoder, so it cannot embed anything new: that takes a run")


def open_space(path: str | os.PathLike[str], *, keys: str | os.PathLike[str] | None = None) -> Space:
    """Open the space of a run folder or of a file of vectors."""
    return open(path, keys=keys).space


def _open_folder(path: Path) -> Run:
    folder = RunFolder(path)
    run = Run(
        space=lambda: read_space(folder),
        encoder=lambda: read_encoder(folder, run.space),
        manifest=folder.manifest,
        report=(lambda: folder.json(REPORT)) if REPORT in folder.files else None,
        log=(lambda: _lines(folder.file(LOG))) if LOG in folder.files else (),
        path=path,
    )
    return run


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_space(writer: RunWriter, space: Space) -> dict[str, Any]:
    """Write a run's space/ and return what run.json says about it."""
    with writer.open(VECTORS) as file:
        write_matrix(file, "vectors", space.dim, [space.vectors])
    writer.write(ITEMS, lambda path: write_items(path, space.keys, space.kind, space.items))
    return {"fingerprint": space.fingerprint, "space": {"kind": space.kind, "rows": len(space), "dim": space.dim}}


def read_space(folder: RunFolder) -> Space:
    """Read a run's space/, with its vectors mapped."""
    vectors = read_matrix(folder.file(VECTORS), "vectors")
    keys, kind, items = read_items(folder.file(ITEMS))
    return Space(keys, vectors, fingerprint=folder.manifest.get("fingerprint"), items=items, kind=kind)


def write_encoder(writer: RunWriter, encoder: Encoder, space: Space) -> str:
    """Write a run's encoder/ and return its kind; what the space holds already is pointed to."""
    kind = getattr(encoder, "kind", None)
    if kind not in KINDS:
        raise RunError(f"an encoder of type {type(encoder).__name__} cannot be saved: kinds are {', '.join(KINDS)}")
    if encoder.fingerprint != space.fingerprint:
        raise FingerprintError(
            "the space to save was not made by the encoder beside it (or was changed since): "
            "save the encoder's own space, and change it after opening"
        )
    if isinstance(encoder, WordTable | SubwordTable):
        return write_word_encoder(writer, encoder)
    return (write_text_encoder if kind == TEXT_KIND else write_picture_encoder)(writer, encoder)


def read_encoder(folder: RunFolder, space: Space) -> Encoder:
    """Read a run's encoder/ by its kind."""
    if folder.manifest.get("encoder") is None:
        raise NoEncoder(f"{folder.path} has no encoder: it was made from a file of vectors, so it cannot embed")
    about = folder.json(ENCODER)
    kind = about.get("kind") if isinstance(about, dict) else None
    if kind not in KINDS:
        raise RunError(f"{folder.path / ENCODER} is of kind {kind!r}; this version reads {', '.join(KINDS)}")
    return KINDS[kind](folder, space, about)


KINDS: dict[str, Callable[[RunFolder, Space, Mapping[str, Any]], Encoder]] = {
    "word-table": read_word_table,
    "subword-table": read_subword_table,
    KIND: read_picture_encoder,
    TEXT_KIND: read_text_encoder,
}
