"""Learning: data and the name of a recipe in, a run with its evidence out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from likewise.recipes import RECIPES, check
from likewise.run import RunWriter
from likewise.session import Session

if TYPE_CHECKING:
    from likewise.opening import Run
    from likewise.space import Space

Files = Iterable[str | os.PathLike[str]]
Data = str | os.PathLike[str] | Iterable[Any]


def learn(
    data: Data,
    *,
    recipe: str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    seeds: int = 1,
    analogies: Files = (),
    pairs: Files = (),
    labels: Files = (),
    column: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    session: Session | None = None,
    on_epoch: Callable[[int, Space], None] | None = None,
    **options: Any,
) -> Run:
    """Learn embeddings from `data`, measure them, and return the run.

    `data` is a path (see `likewise learn --help`), `"-"` for standard input, or an iterable of texts or of lists of
    words. Without `out` the run stays in memory; `run.save(path)` writes it. With `seeds` above one it learns that
    often and reports how many neighbours agree. `analogies`, `pairs` and `labels` are files of gold answers.
    `on_epoch(epoch, space)` sees the space before the first epoch (0) and after each one. `options` are the recipe's.

    Raises OptionError for an option that the recipe does not have, DataError for data that it cannot use, RunExists
    when `out` is there and `overwrite` is not given.

    >>> run = learn([["a", "rose", "is", "a", "rose"]] * 50, dim=8, min_count=1, epochs=1, threads=1)
    >>> "rose" in run.space
    True
    """
    from likewise.opening import read_gold
    from likewise.sources.text import open_text

    session = session or Session()
    name = _choose(recipe, data, session)
    made = RECIPES[name](**check(RECIPES[name], options))
    gold = read_gold(analogies=analogies, pairs=pairs, labels=labels)  # before hours of work, not after
    source = open_text(data, column=column, encoding=encoding, errors=errors)
    with RunWriter(out, overwrite=overwrite) if out is not None else nullcontext() as writer, session.interruptible():
        start = time.perf_counter()
        folder = writer.partial if writer is not None else None
        run = _learn(made, source, session, folder=folder, seeds=seeds, on_epoch=on_epoch, given=options, gold=gold)
        run.manifest["seconds"] = {**session.seconds, "all": round(time.perf_counter() - start, 3)}
        if writer is None:
            return run
        return run.write_with(writer)
