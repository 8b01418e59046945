"""The tour: the panels in their order in, one offline page out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from likewise.errors import MissingExtra, OptionError
from likewise.files import write_page
from likewise.session import Note, Progress, Session
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel
from likewise.tour.picture_ground import PictureGround

WORDS: Final = ("one_hot", "family", "likeness", "queen", "relations", "letters", "compact", "collapse")
PICTURES: Final = ("manual", "depth", "pull_push", "masking", "prediction", "caught", "nearest")
PANELS: Final = (*WORDS, *PICTURES)
"""The panels, each a file of this folder with a function `show`; those on words first."""


def take_tour(
    out: str | Path,
    *,
    only: Sequence[str] = (),
    of: Sequence[str] = PANELS,
    run: str | Path | None = None,
    data: str | None = None,
    keep: str | Path | None = None,
    session: Session | None = None,
    pictures: PictureGround | None = None,
) -> list[Panel]:
    """Run the panels `of` the tour and write the page `out`; return them.

    `only` picks the panels whose name holds one of these words. `run` is a stored run of words to use, `data` a text
    to learn from: with either the panels are those on words; without both the text is found (see
    `likewise.sources.samples`). `keep` is where to keep the run of words. `pictures` are what the panels on pictures
    stand on, instead of pictures that are found.
    """
    from likewise.evaluate.page import Page

    session = session or Session()
    there = [name for name in of if name in WORDS or (run is None and data is None)]
    names = [name for name in there if not only or any(part.replace("-", "_") in name for part in only)]
    if not names:
        raise OptionError(f"no panel is called {' or '.join(only)}: panels are {', '.join(there)}")
    words = Ground(session, data, None if run is None else Path(run), None if keep is None else Path(keep))
    pictures = pictures or PictureGround(session)
    if any(name in WORDS for name in names):
        words.need(100)
    panels = _shown(names, words, pictures, session)
    if not panels:
        raise OptionError(f"none of the panels {', '.join(names)} can be shown here: give another --data")
    page = Page(
        "What likewise makes good",
        "Each panel is one statement, the command behind it, what was found, and where it fails. "
        + " ".join(_stands_on([panel.name.replace("-", "_") for panel in panels], words, pictures, run)),
        *(panel.as_part() for panel in panels),
        brand="likewise · tour",
    )
    write_page(Path(out), page.to_html())
    session.tell(Note(f"{len(panels)} panel{'s' * (len(panels) > 1)}"))
    return panels


def _shown(names: Sequence[str], words: Ground, pictures: PictureGround, session: Session) -> list[Panel]:
    panels: list[Panel] = []
    for done, name in enumerate(names):
        session.tell(Progress("panels", done, len(names), "panels"))
        start = time.perf_counter()
        try:
            panel = _show(name)(words if name in WORDS else pictures)
        except (NotShown, MissingExtra) as error:
            session.tell(Note(f"panel {name} is left out: {error}"))
            continue
        panels.append(_timed(panel, time.perf_counter() - start))
    return panels


def _stands_on(names: Sequence[str], words: Ground, pictures: PictureGround, run: str | Path | None) -> Iterator[str]:
    if any(name in WORDS for name in names):
        yield f"Text: {words.text_name if run is None else run}; {len(words.space):,} words."
    if any(name in PICTURES for name in names):
        yield f"Pictures: {pictures.source.name}, {len(pictures.source):,}."


def _show(name: str) -> Callable[[Any], Panel]:
    from importlib import import_module

    show: Callable[[Any], Panel] = import_module(f"likewise.tour.{name}").show
    return show


def _timed(panel: Panel, seconds: float) -> Panel:
    from dataclasses import replace

    return replace(panel, seconds=seconds)
