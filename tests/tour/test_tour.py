"""The tour: each panel on a text whose truth is known, and the page that holds them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.session import Session
from likewise.sources.gold import Question
from likewise.space import Space
from likewise.tour import WORDS, take_tour
from likewise.tour.collapse import broken
from likewise.tour.ground import endings, forms, place

ROLES = [("king", "queen"), ("man", "woman"), ("prince", "princess"), ("uncle", "aunt"), ("actor", "actress")]


def _text(seed: int = 0) -> str:
    """Make sentences in which roles have two forms, and nouns, their plurals and endings in company of their own."""
    rng = np.random.default_rng(seed)
    stems = [
        f"{a}{b}{c}"
        for a in ("tab", "riv", "mon", "gar", "lid", "pon")
        for b in ("e", "o", "i")
        for c in ("l", "n", "rt", "sk", "mp")
    ]
    lines = []
    for _ in range(4_000):
        male, female = ROLES[rng.integers(len(ROLES))]
        gender = int(rng.integers(2))
        own = (["he", "his", "sir"], ["she", "her", "lady"])[gender]
        lines.append(f"the {(male, female)[gender]} {own[0]} took {own[1]} {male}{female} to {own[2]}")
        stem = stems[rng.integers(len(stems))]
        lines.append(f"one {stem} is here" if rng.random() < 0.5 else f"many {stem}s are there")
        lines.append(f"to {stem}ing is to have {stem}ed and {stem}ly so as a {stem}ness")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tour") / "text.txt"
    path.write_text(_text())
    return path


@pytest.fixture(autouse=True)
def _no_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_every_panel_says_what_was_run_found_and_where_it_fails(text: Path, tmp_path: Path) -> None:
    panels = take_tour(tmp_path / "tour.html", data=str(text), keep=tmp_path / "run", session=Session())
    assert [panel.name.replace("-", "_") for panel in panels] == list(WORDS)
    for panel in panels:
        assert panel.command
        assert panel.finding
        assert panel.fails
        assert panel.pictures
        assert panel.numbers
        assert any(number.baselines for number in panel.numbers)
    page = (tmp_path / "tour.html").read_text()
    seen = _Seen()
    seen.feed(page)
    assert seen.tags.count("svg") >= len(WORDS)
    assert all(link.startswith("#") for link in seen.links), "the page needs no network"
    assert lw.open(tmp_path / "run").verify() == []


def test_the_answer_is_seen_to_emerge(text: Path, tmp_path: Path) -> None:
    (panel,) = take_tour(tmp_path / "t.html", data=str(text), only=["queen"])
    assert "king − man + woman ≈ queen" in panel.statement
    assert "at the random start" in panel.finding
    assert panel.holds
    assert {"nearest to c", "nearest to b", "inputs left in"} <= set(panel.numbers[0].baselines)


def test_a_stored_run_is_used_as_it_is(text: Path, tmp_path: Path) -> None:
    lw.learn(text, out=tmp_path / "run", report=False, epochs=1, threads=1, dim=16)
    before = (tmp_path / "run" / "run.json").read_bytes()
    (panel,) = take_tour(tmp_path / "t.html", run=tmp_path / "run", only=["queen"])
    assert "random start" not in panel.finding
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_a_panel_can_turn_out_against_its_statement(text: Path, tmp_path: Path) -> None:
    run = lw.learn(text, report=False, epochs=1, threads=1, dim=8)
    shuffled = np.random.default_rng(0).permutation(run.space.vectors)
    wrong = Space(run.space.keys, shuffled, items=run.space.items)
    lw.Run(space=wrong, encoder=run.encoder, manifest={"recipe": None})
    path = tmp_path / "wrong.parquet"
    from likewise.space import formats

    rows = formats.mapped_rows(path, "parquet", wrong.keys, wrong.vectors, {})
    formats.write_rows(path, "parquet", rows)
    (panel,) = take_tour(tmp_path / "t.html", run=path, only=["compact"])
    assert not panel.holds
    assert "Against the statement" in (tmp_path / "t.html").read_text()


def test_places_count_from_one() -> None:
    keys = ["man", "king", "woman", "queen", "river"]
    space = Space(keys, np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0]], np.float32))
    left_out, left_in = place(space, ("man", "king", "woman", "queen"))
    assert left_out == 1
    assert left_in >= 1
    assert place(space, ("man", "king", "woman", "river")) == (2, 5)


def test_questions_and_categories_of_a_text_of_ones_own() -> None:
    keys = ["value", "values", "class", "table", "tables", "is", "iss", "running"]
    assert forms(keys) == [
        Question("gram: the same with -s", "value", "values", "table", "tables"),
        Question("gram: the same with -s", "table", "tables", "value", "values"),
    ]
    assert endings([*keys, "quickly", "ing"]) == [("running", "-ing"), ("quickly", "-ly")]


def test_broken_spaces_have_their_verdicts() -> None:
    vectors = np.random.default_rng(0).normal(size=(1_000, 40)).astype(np.float32)
    from likewise.evaluate.collapse import diagnose

    for made, verdict in broken(vectors).values():
        assert diagnose(made).verdict == verdict
