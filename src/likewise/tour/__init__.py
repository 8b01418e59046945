"""The tour: the panels in their order in, one offline page out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from likewise.errors import MissingExtra, OptionError
from likewise.files import write_page
from likewise.session import Note, Progress, Session
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel
from likewise.tour.picture_ground import PictureGround
from likewise.tour.text_ground import TextGround

WORDS: Final = ("one_hot", "family", "likeness", "queen", "relations", "letters", "compact", "collapse")
PICTURES: Final = ("manual", "depth", "pull_push", "masking", "prediction", "caught", "nearest")
TEXTS: Final = ("guesses", "contexts", "sense_depth", "few_text_labels")
PANELS: Final = (*WORDS, *TEXTS, *PICTURES)
"""The panels, each a file of this folder with a function `show`; those on words first, then those on texts."""


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
    texts: TextGround | None = None,
) -> list[Panel]:
    """Run the panels `of` the tour and write the page `out`; return them.

    `only` picks the panels whose name holds one of these words. `run` is a stored run of words or of texts to use,
    `data` a text to learn words from: with either the panels are those on it; without both the text is found (see
    `likewise.sources.samples`). `keep` is where to keep the run of words. `pictures` and `texts` are what the panels
    on them stand on, instead of those that are found.
    """
    from likewise.evaluate.page import Page

    session = session or Session()
    on_texts = run is not None and data is None and _is_of_texts(Path(run))
    every = TEXTS if on_texts else PANELS if run is None and data is None else WORDS
    there = [name for name in of if name in every]
    names = [name for name in there if not only or any(part.replace("-", "_") in name for part in only)]
    if not names:
        raise OptionError(f"no panel is called {' or '.join(only)}: panels are {', '.join(there)}")
    stored = None if run is None else Path(run)
    grounds = _Grounds(
        Ground(session, data, stored, None if keep is None else Path(keep)),
        texts or TextGround(session, stored=stored if on_texts else None),
        pictures or PictureGround(session),
    )
    if any(name in WORDS for name in names):
        grounds.words.need(100)
    panels = _shown(names, grounds, session)
    if not panels:
        raise OptionError(f"none of the panels {', '.join(names)} can be shown here: give another --data")
    page = Page(
        "What likewise makes good",
        "Each panel is one statement, the command behind it, what was found, and where it fails. "
        + " ".join(grounds.stand_on([panel.name.replace("-", "_") for panel in panels], run)),
        *(panel.as_part() for panel in panels),
        brand="likewise · tour",
    )
    write_page(Path(out), page.to_html())
    session.tell(Note(f"{len(panels)} panel{'s' * (len(panels) > 1)}"))
    return panels


@dataclass(frozen=True)
class _Grounds:
    """What the panels stand on."""

    words: Ground
    texts: TextGround
    pictures: PictureGround

    def of(self, name: str) -> Ground | TextGround | PictureGround:
        """Return the ground of a panel."""
        return self.words if name in WORDS else self.texts if name in TEXTS else self.pictures

    def stand_on(self, names: Sequence[str], run: str | Path | None) -> Iterator[str]:
        """Yield a sentence for each ground of these panels."""
        if any(name in WORDS for name in names):
            yield f"Text: {self.words.text_name if run is None else run}; {len(self.words.space):,} words."
        if any(name in TEXTS for name in names):
            yield self.texts.stands_on
        if any(name in PICTURES for name in names):
            yield f"Pictures: {self.pictures.source.name}, {len(self.pictures.source):,}."


def _is_of_texts(run: Path) -> bool:
    """Whether this is the folder of a run of texts."""
    if not run.is_dir():
        return False
    from likewise.opening import open as open_run
    from likewise.recipes import TEXTS as RECIPES

    return open_run(run).manifest.get("recipe") in RECIPES


def _shown(names: Sequence[str], grounds: _Grounds, session: Session) -> list[Panel]:
    panels: list[Panel] = []
    for done, name in enumerate(names):
        session.tell(Progress("panels", done, len(names), "panels"))
        start = time.perf_counter()
        try:
            panel = _show(name)(grounds.of(name))
        except (NotShown, MissingExtra) as error:
            session.tell(Note(f"panel {name} is left out: {error}"))
            continue
        panels.append(_timed(panel, time.perf_counter() - start))
    return panels


def _show(name: str) -> Callable[[Any], Panel]:
    from importlib import import_module

    show: Callable[[Any], Panel] = import_module(f"likewise.tour.{name}").show
    return show


def _timed(panel: Panel, seconds: float) -> Panel:
    return replace(panel, seconds=seconds)
