"""Learning: data and the name of a recipe in, a run with its evidence out."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from likewise import __version__
from likewise.checkpoints import Checkpoints
from likewise.errors import OptionError
from likewise.kernels.text import VERSION
from likewise.opening import Run
from likewise.opening import open as open_run
from likewise.origin import Origin, Start, TextOrigin
from likewise.recipes import EVERY, EXPERIMENTAL, PICTURES, TEXTS, UNSHOWN
from likewise.resuming import CutOff, Data, Order, cut_off, recipe_for, run_of
from likewise.run import CHECKPOINTS, RunFolder, RunWriter, can_go_on, give_name
from likewise.session import Derived, Note, Session
from likewise.sources.gold import Files, read_gold, several

if TYPE_CHECKING:
    from likewise.contracts import Recipe, Source
    from likewise.space import Space

OnEpoch: TypeAlias = "Callable[[int, Space], None]"

_STOPPED = "stopped early: the run keeps what was learned until then, its status is unfinished"


def learn(
    data: Data | None = None,
    *,
    recipe: str | None = None,
    start: Start | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    resume: str | os.PathLike[str] | None = None,
    report: bool = True,
    seeds: int = 1,
    analogies: Files = (),
    pairs: Files = (),
    labels: Files = (),
    column: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    session: Session | None = None,
    on_epoch: OnEpoch | None = None,
    **options: Any,
) -> Run:
    """Learn embeddings from `data`, measure them, and return the run.

    `data` is a path (see `likewise learn --help`), `"-"` for standard input, or an iterable of texts or of lists of
    words. Without `out` the run stays in memory; `run.save(path)` writes it. `start` is a run of word2vec or fasttext
    to go on from: its words keep their vectors, those that `data` has often join them, and its options hold, but for
    `likewise.origin.CHANGEABLE`; or, with a recipe for texts, a run or a folder whose network it begins with. With
    `seeds=2` it learns a second time and reports how many neighbours agree.
    `analogies`, `pairs` and `labels` are files of gold answers; `report` False leaves the evidence for later.
    `on_epoch(epoch, space)` sees the space before the first epoch (0) and after each one. `options` are the recipe's.

    Of several processes that torchrun started each calls this with the same arguments: they learn as one, and the
    first writes and measures.

    `resume` is the `out` of a call that was killed or interrupted: it is carried out to its end, from where it stood.
    Its data are read again (give `data` where they were in memory or have moved), and nothing else may change.

    Raises OptionError for an option that the recipe does not have, DataError for data that it cannot use, RunExists
    when `out` is there and `overwrite` is not given, RunError when there is nothing to `resume`. A session that is
    stopped while it learns ends it with what was learned so far (status unfinished), beside `out` if a run is there;
    stopped before that, there is nothing to keep: KeyboardInterrupt.

    >>> run = learn([["a", "rose", "is", "a", "rose"]] * 50, dim=8, min_count=1, epochs=1, threads=1)
    >>> "rose" in run.space
    True
    """
    session = session or Session()
    if seeds not in (1, 2):
        raise OptionError(f"seeds={seeds!r}: it is 1, or 2 to see which neighbours a second seed keeps")
    gold = {"analogies": several(analogies), "pairs": several(pairs), "labels": several(labels)}
    reading = {"column": column, "encoding": encoding, "errors": errors}
    order = Order(data, recipe, start, options, reading, gold, report, seeds, overwrite, named=recipe is not None)
    if seeds == 2 and _processes() > 1:
        raise OptionError("seeds=2 learns twice in one process: start it without torchrun, or leave seeds out")
    if resume is not None and _processes() > 1:
        raise OptionError("learn --resume goes on in one process: start it without torchrun")
    if not first_process():
        return _carry_out(replace(order, report=False, seeds=1), None, session.aside(), None)
    if resume is not None:
        return _resume(resume, order, out, session, on_epoch)
    if data is None:
        raise OptionError("nothing came to learn from: give data, or resume=RUN to go on with a run that was cut off")
    return _carry_out(order, None if out is None else RunWriter(out, overwrite=overwrite), session, on_epoch)


def _resume(
    resume: str | os.PathLike[str],
    asked: Order,
    out: str | os.PathLike[str] | None,
    session: Session,
    on_epoch: OnEpoch | None,
) -> Run:
    """Find what was cut off and carry it out to its end."""
    if out is not None:
        raise OptionError(f"out {str(out)!r} came with resume {str(resume)!r}: a run goes on under its own name")
    if give_name(run_of(resume)):
        session.tell(Note("the run was whole already, and only its name was missing"))
        return open_run(run_of(resume))
    found = cut_off(resume)
    order = found.agreed(asked)
    for note in found.notes:
        session.tell(Note(note))
    writer = RunWriter(found.path, overwrite=order.overwrite, resume=True)
    return _carry_out(order, writer, session, on_epoch, found)


def first_process() -> bool:
    """Whether this process writes and tells: the first of those that torchrun started, or the only one."""
    return _processes() == 1 or os.environ.get("RANK", "0") == "0"


def _processes() -> int:
    """How many processes torchrun started; a RANK alone, as some schedulers set it, means nothing."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _carry_out(
    order: Order, writer: RunWriter | None, session: Session, on_epoch: OnEpoch | None, found: CutOff | None = None
) -> Run:
    """Do what is asked for: read, learn, measure, write."""
    made, origin = order.make()
    if order.seeds == 2 and "seed" not in made.options:
        raise OptionError(f"seeds=2: nothing in {made.name} is drawn, a second time would be the same; leave seeds out")
    _check_gold(made.name, order.gold)
    assert order.data is not None
    source = _opened(made.takes, order)
    with writer or nullcontext():
        begin = time.perf_counter() - (found.seconds if found else 0.0)
        if not order.named and origin is None:
            session.tell(Derived("recipe", made.name, recipe_for(order.data, order.options)[1]))
        if made.name in EXPERIMENTAL:
            session.tell(Note(f"{made.name} is experimental: {UNSHOWN[made.name]}"))
        if writer is not None and writer.cleared:
            session.tell(Note(f"{writer.partial} held what a run had learned when it was cut off: thrown away"))
        if writer is not None and found is None:
            order.write(writer.partial / CHECKPOINTS, made.name)
        with session.interruptible():
            folder = writer.partial if writer else None
            series = _series(source, session, folder, origin, begin)
            learned = _learn(made, source, session, folder, on_epoch, series, twice=order.twice)
        learned.reading = dict(order.reading)
        learned.origin = origin
        if isinstance(origin, Origin) and source.digest in origin.digests():
            session.tell(Note(f"{origin.name} was learned from this text already: its words are counted twice now"))
        if not learned.finished:
            how = "; `likewise learn --resume RUN` goes on" if writer and can_go_on(writer.partial) else ""
            session.tell(Note(f"{_STOPPED}{how}"))
        run = learned.run(order.options, time.perf_counter() - begin)
        if order.report and learned.finished:
            known = {**order.gold, "start": origin and origin.before, "beside": learned.beside}
            evidence = _measure(run, known, learned.second, session)
            run = learned.run(order.options, time.perf_counter() - begin, evidence)
        if writer is None:
            return run
        if not learned.finished:
            writer.keep_checkpoints()
            if found is None or not found.replaces:
                writer.step_aside()
        with session.interruptible():  # a late Ctrl-C must not throw away what was learned
            run.write(writer)
    return Run(
        space=run.space,
        encoder=run.encoder,
        manifest=RunFolder(writer.path).manifest,
        report=None if run.report is None else (lambda: run.report),
        log=run.log,
        path=Path(writer.path),
    )


@dataclass
class _Learned:
    """What one call of `learn` has in its hands."""

    recipe: Recipe
    source: Source
    session: Session
    encoder: Any
    space: Space
    second: Space | None
    finished: bool
    prepared: Any
    origin: Origin | TextOrigin | None = None
    reading: dict[str, Any] = field(default_factory=dict)

    def beside(self) -> Mapping[str, Any] | None:
        """Return what the recipe knows that evidence needs and a run does not keep."""
        return self.recipe.beside(self.encoder, self.prepared)

    def run(self, given: Mapping[str, Any], seconds: float, report: Any = None) -> Run:
        """Return the run in memory, with its record."""
        session = self.session
        manifest = {
            "recipe": self.recipe.name,
            "fingerprint": self.space.fingerprint,
            "options": _plain(self.recipe.options),
            "given": sorted(given),
            "derived": session.derived,
            "status": "finished" if self.finished else "unfinished",
            **({} if session.ended is None else {"ended": session.ended}),
            "data": {"name": getattr(self.source, "name", "memory"), "digest": self.source.digest, **self.reading},
            **({} if self.origin is None else {"start": self.origin.lineage()}),
            "seeds": 1 if self.second is None else 2,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": {**session.seconds, "all": round(seconds, 3)},
            "notes": session.notes,
            "versions": {name: version(name) for name in ("numpy", "pyarrow", "safetensors")}
            | {"likewise": __version__, "python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        }
        return Run(space=self.space, encoder=self.encoder, manifest=manifest, report=report, log=session.log)


def _learn(
    recipe: Recipe,
    source: Source,
    session: Session,
    folder: Path | None,
    on_epoch: OnEpoch | None,
    series: Callable[[str], Checkpoints],
    *,
    twice: bool,
) -> _Learned:
    """Read once, then learn, and once more if `twice`; the first seed's space is the run's."""
    prepared = recipe.prepare(source, session, folder=folder)
    if session.stopped:
        raise KeyboardInterrupt  # nothing was learned yet, so there is nothing to keep
    encoder = recipe.fit(prepared, session, on_epoch=on_epoch, checkpoints=series("seed-1"))
    finished, second = not session.stopped, None
    if finished and twice:
        seed = recipe.options["seed"] + 1
        session.tell(Note(f"once more with seed {seed}, to see which neighbours stay"))
        again = recipe.fit(prepared, session.aside(), seed=seed, checkpoints=series("seed-2"))
        second = None if session.stopped else recipe.embed(again, prepared)  # half learned, it would mislead
    return _Learned(recipe, source, session, encoder, recipe.embed(encoder, prepared), second, finished, prepared)


def _check_gold(recipe: str, gold: Mapping[str, Files]) -> None:
    """Read files of gold answers: a bad one is better named now than after hours of work."""
    if recipe not in TEXTS:
        read_gold(analogies=gold["analogies"], pairs=gold["pairs"], labels=gold["labels"])
        return
    from likewise.sources.gold_texts import read_text_labels, read_text_pairs

    if gold["analogies"]:
        raise OptionError(f"analogies are of words, and {recipe} learns vectors of texts: leave them out")
    for path in several(gold["pairs"]):
        read_text_pairs(path)
    for path in several(gold["labels"]):
        read_text_labels(path)


def _opened(kind: str, order: Order) -> Source:
    """Open the data as what a recipe takes."""
    if kind == "image":
        from likewise.sources.images import open_images

        return open_images(order.data, column=order.reading["column"])  # type: ignore[arg-type]
    if kind == "pair":
        from likewise.sources.text_pairs import open_pairs

        return open_pairs(order.data, **order.reading)  # type: ignore[arg-type]
    from likewise.sources.text import open_text

    return open_text(order.data, **order.reading)  # type: ignore[arg-type]


def _series(
    source: Source, session: Session, folder: Path | None, origin: Origin | TextOrigin | None, since: float
) -> Callable[[str], Checkpoints]:
    """Return what makes a series of checkpoints in the folder of a run, once the source has been read."""

    def made(name: str) -> Checkpoints:
        about = {"data": source.digest, "tokenizer": VERSION}
        about["start"] = None if origin is None else origin.fingerprint
        place = None if folder is None else folder / CHECKPOINTS
        return Checkpoints(place, name, about=about, session=session, since=since)

    return made


def _measure(run: Run, gold: Mapping[str, Any], second: Space | None, session: Session) -> Any:
    """Return the evidence, or None with a note: what was learned is kept whatever happens here."""
    try:
        return run.evaluate(**{**gold, "beside": gold["beside"]()}, second=second, session=session)
    except KeyboardInterrupt:
        session.stop()
        why = "interrupted while measuring"
    except Exception as error:  # hours of learning outweigh any fault of a measure
        why = f"measuring failed: {type(error).__name__}: {error}"
    how = "`likewise evaluate RUN` makes one"
    if run.space.kind in ("image", "text"):
        how = "`likewise evaluate RUN --data DATA` makes one"
    session.tell(Note(f"{why}; the run is kept without a report, {how}"))
    return None


def beside(run: Run, data: Data, *, session: Session | None = None) -> Mapping[str, Any] | None:
    """Return what evidence needs and a run does not keep, made again of the data that it was learned from.

    Raises OptionError for data that are not those, by their digest, and for a run of words.
    """
    name, title = str(run.manifest.get("recipe")), run.path or "this run"
    if name not in PICTURES | TEXTS:
        raise OptionError(f"{title} was learned by {name}: data are needed beside runs of pictures and texts alone")
    session = session or Session()
    recipe: Any = EVERY[name](**run.manifest["options"])
    reading = {part: run.manifest["data"].get(part) for part in ("column", "encoding", "errors")}
    order = Order(data, name, None, {}, reading, {}, False, 1, False, named=True)
    what = "pictures"
    if name in TEXTS:
        recipe, what = replace(recipe, tokenizer=cast(Any, run.encoder).tokenizer), "texts"
    begun = name in TEXTS and run.manifest.get("start")  # with what it began is not known any more
    source = _opened(recipe.takes, order)
    prepared = None if begun else recipe.prepare(source, session)
    if source.digest != run.manifest["data"]["digest"]:
        raise OptionError(
            f"{data} are not the {what} that {title} was learned from ({run.manifest['data']['name']}): their digest "
            "is another"
        )
    found: Mapping[str, Any] | None = {} if begun else recipe.beside(run.encoder, prepared)
    return found


def free_name(data: str, folder: str | os.PathLike[str] = "runs") -> Path:
    """Return a name under `runs/` that is not taken: the data's name and a number.

    >>> free_name("texts/corpus.txt.gz", "no-such-folder").as_posix()
    'no-such-folder/corpus-1'
    """
    stem = re.sub(r"[^\w-]+", "-", Path(data).name.split(".")[0]).strip("-") or "run"
    number = 1
    while (path := Path(folder) / f"{stem}-{number}").exists() or path.with_name(f"{path.name}.partial").exists():
        number += 1
    return path


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as JSON: a callable by its name."""
    return {name: getattr(value, "__qualname__", value) for name, value in options.items()}
