"""The tour: the panels in their order in, one offline page out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from likewise.errors import OptionError
from likewise.files import write_page
from likewise.session import Note, Progress, Session
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel

PANELS: Final = ("one_hot", "family", "likeness", "queen", "relations", "letters", "compact", "collapse")
"""The panels, each a file of this folder with a function `show`."""


def take_tour(
    out: str | Path,
    *,
    only: Sequence[str] = (),
    run: str | Path | None = None,
    data: str | None = None,
    keep: str | Path | None = None,
    session: Session | None = None,
) -> list[Panel]:
    """Run the panels and write the page `out`; return them.

    `only` picks the panels whose name holds one of these words. `run` is a stored run of words to use, `data` a text
    to learn from; without both the text is found (see `likewise.sources.samples`). `keep` is where to keep the run.
    """
    from likewise.evaluate.page import Page

    session = session or Session()
    names = [name for name in PANELS if not only or any(part.replace("-", "_") in name for part in only)]
    if not names:
        raise OptionError(f"no panel is called {' or '.join(only)}: panels are {', '.join(PANELS)}")
    ground = Ground(session, data, None if run is None else Path(run), None if keep is None else Path(keep))
    ground.need(100)
    panels: list[Panel] = []
    for done, name in enumerate(names):
        session.tell(Progress("panels", done, len(names), "panels"))
        start = time.perf_counter()
        try:
            panel = _show(name)(ground)
        except NotShown as error:
            session.tell(Note(f"panel {name} is left out: {error}"))
            continue
        panels.append(_timed(panel, time.perf_counter() - start))
    if not panels:
        raise OptionError(f"none of the panels {', '.join(names)} can be shown on this text: give another --data")
    page = Page(
        "What likewise makes good",
        f"Each panel is one statement, the command behind it, what was found, and where it fails. "
        f"Text: {ground.text_name if run is None else run}; {len(ground.space):,} words.",
        *(panel.as_part() for panel in panels),
        brand="likewise · tour",
    )
    write_page(Path(out), page.to_html())
    session.tell(Note(f"{len(panels)} panel{'s' * (len(panels) > 1)}"))
    return panels


def _show(name: str) -> Callable[[Ground], Panel]:
    from importlib import import_module

    show: Callable[[Ground], Panel] = import_module(f"likewise.tour.{name}").show
    return show


def _timed(panel: Panel, seconds: float) -> Panel:
    from dataclasses import replace

    return replace(panel, seconds=seconds)
