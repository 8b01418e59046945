"""The tour's panels on pictures: each on few pictures and little time; what turns out against a statement is said."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise.errors import OptionError
from likewise.session import Note, Session
from likewise.sources.images import open_images
from likewise.sources.small_pictures import small_pictures
from likewise.tour import PANELS, PICTURES, TEXTS, WORDS, caught, take_tour
from likewise.tour.panel import Panel
from likewise.tour.picture_ground import PictureGround

pytest.importorskip("torch")
pytest.importorskip("skimage")
HERE = small_pictures(120, seed=4, size=16)


@pytest.fixture(autouse=True)
def _no_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)


def ground(session: Session, labelled: bool = True) -> PictureGround:
    quick = {"epochs": 1, "batch": 32, "precision": "fp32", "threads": 1, "device": "cpu"}
    make = (lambda: HERE.source("colour")) if labelled else (lambda: open_images(HERE.pixels))
    return PictureGround(session, make, collapse_epochs=4, networks=quick)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag in ("img", "svg")
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_panels_of_words_of_texts_and_of_pictures_are_told_apart() -> None:
    assert (*WORDS, *TEXTS, *PICTURES) == PANELS
    assert len(set(PANELS)) == len(PANELS)


@pytest.mark.slow
def test_every_panel_says_what_was_run_found_and_where_it_fails(tmp_path: Path) -> None:
    session = Session()
    panels = take_tour(tmp_path / "t.html", of=PICTURES, session=session, pictures=ground(session))
    assert [panel.name.replace("-", "_") for panel in panels] == list(PICTURES)
    for panel in panels:
        assert panel.command.startswith("likewise learn ")
        assert panel.finding
        assert panel.fails
        assert panel.pictures
        assert panel.seconds > 0
        assert any(number.baselines for number in panel.numbers)
        assert all(np.isfinite(number.value) for number in panel.numbers)
    text = (tmp_path / "t.html").read_text()
    page = _Page(text)
    assert page.images >= len(PICTURES)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links), "the page needs no network"
    assert "Pictures: small pictures, 120." in text
    assert "Text:" not in text


def test_patches_see_colours_and_their_panel_holds(tmp_path: Path) -> None:
    session = Session()
    manual, nearest = take_tour(
        tmp_path / "t.html", of=PICTURES, only=["manual", "nearest"], session=session, pictures=ground(session)
    )
    low = manual.numbers[0].low
    assert low is not None
    assert manual.holds == (low > manual.numbers[0].baselines["HOG + colour"])
    assert nearest.numbers[0].value > nearest.numbers[0].baselines["chance"] + 0.1
    assert ("Against the statement" in (tmp_path / "t.html").read_text()) == (not (manual.holds and nearest.holds))


def test_what_needs_labels_is_left_out_without_them(tmp_path: Path) -> None:
    said: list[str] = []
    session = Session(lambda event: said.append(event.text) if isinstance(event, Note) else None)
    panels = take_tour(
        tmp_path / "t.html", of=PICTURES, only=["nearest", "depth", "masking"], session=session,
        pictures=ground(session, labelled=False),
    )  # fmt: skip
    assert [panel.name for panel in panels] == ["masking"]
    assert any("panel nearest is left out" in text for text in said)
    assert any("panel depth is left out" in text for text in said)


class Shown:
    """A run of which the panel of a collapse needs but the log, the notes and the vectors."""

    def __init__(self, verdicts: list[str], retrieval: list[float], notes: list[str], end: int) -> None:
        from types import SimpleNamespace

        rng = np.random.default_rng(0)
        self.log = [
            {
                "verdict": verdict,
                "doctor": {"step": 10 * i, "items": 100, "retrieval": r, "rank": 50 * r + 1, "spread": 0.5},
            }
            for i, (verdict, r) in enumerate(zip(verdicts, retrieval, strict=True))
        ][:end]
        self.manifest = {"notes": notes}
        labels = np.array(["a", "b"] * 20, object)
        items = {"label": labels, "part": np.array(["train"] * 20 + ["held out"] * 20, object)}
        self.space = SimpleNamespace(vectors=rng.normal(size=(40, 4)), items=items)


def panel_of(notes: list[str], verdicts: list[str], *, end: int = 3) -> Panel:
    shares = [0.5, 0.6, 0.4, 0.1, 0.1]
    runs = {"warn": Shown(verdicts, shares, [], 5), "rollback": Shown(verdicts, shares, notes, end)}
    there: Any = ground(Session())
    there.learned = lambda recipe, **options: runs[options["on_collapse"]]
    return caught.show(there)


def test_a_collapse_that_is_caught_named_and_undone_holds_and_one_that_is_not_does_not() -> None:
    bad = ["warming up", "healthy", "healthy", "dimensional collapse", "dimensional collapse"]
    named = "dimensional collapse: Few directions are left. Nothing pushes vectors apart: there are no negatives."
    rolled = "rolled back from step 30 to step 20, the last that was not bad"
    panel = panel_of([named, rolled, "2 pictures are copies"], bad)
    assert panel.holds
    assert "the verdict stood at step 30" in panel.finding
    assert [row[0] for row in panel.tables[0].rows] == [named, rolled]
    assert panel.numbers[0].baselines == {"chance": 0.01, "left alone": 0.1, "step 0": 0.5}
    assert not panel_of(["dimensional collapse: … Which of the settings did it cannot be told.", rolled], bad).holds
    fine = panel_of([], ["warming up", *["healthy"] * 4], end=5)
    assert not fine.holds
    assert "it was not caught" in fine.finding


def test_a_text_of_ones_own_brings_the_panels_on_words_alone(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no panel is called masking"):
        take_tour(tmp_path / "t.html", data="corpus.txt", only=["masking"])
