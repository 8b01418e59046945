"""Hidden tokens of texts held out: what is hidden is hidden, guesses are noted as it learns, nobody is disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.contracts import Number
from likewise.evaluate.hidden_words import Counts, Guess, Guessed, Moment, hidden_words, moments_of
from likewise.session import Logged, Session
from likewise.sources.small_language import small_language

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

LINES = small_language(sentences=600).lines
QUICK: dict[str, Any] = {"batch": 24, "precision": "fp32", "threads": 1, "device": "cpu", "length": 16, "epochs": 2}


def learned(**given: Any) -> Any:
    return lw.learn(LINES, recipe="mlm", **{"report": False, **QUICK, **given})


def material() -> Any:
    from likewise.recipes import EVERY
    from likewise.recipes.text_material import TextMaterial
    from likewise.sources.text import open_text

    recipe: Any = EVERY["mlm"](**QUICK)
    session = Session()
    return TextMaterial(recipe, recipe.prepare(open_text(LINES), session), 1, session)


class Knows:
    """An objective that knows what stands at each place that is asked for."""

    training = True

    def __init__(self, hidden: Any) -> None:
        self.truth = {tuple(x.tolist()): y for x, y in zip(hidden.views.inputs[0], hidden.truth, strict=True)}

    def modules(self) -> list[Any]:
        return [self]

    def eval(self) -> None:
        self.training = False

    def guesses(self, network: Any, x: Any, keep: Any, *, best: int) -> tuple[Any, None]:
        right = torch.stack([self.truth[tuple(row.tolist())] for row in x])
        return right[:, :, None].expand(-1, -1, best), None


def test_what_is_hidden_cannot_be_seen_and_all_else_can() -> None:
    found = material()
    hidden, again = found.hidden, material().hidden
    whole, shown = hidden.whole, hidden.views.inputs[0]
    places = torch.zeros_like(whole, dtype=torch.bool)
    for row, each in enumerate(hidden.places.tolist()):
        places[row, [place for place in each if place >= 0]] = True
    assert (shown[places] == found.marks.mask).all()
    assert torch.equal(shown[~places], whole[~places])
    assert int(places.sum()) == int((hidden.truth >= 0).sum()) > 40
    assert torch.equal(again.views.inputs[0], shown)
    special = set(found.marks.special)
    assert not special & set(whole[places].tolist())
    assert not special & set(hidden.frequents.tolist())
    assert hidden.frequents.shape == (5,)


def test_who_knows_everything_guesses_everything_and_the_untrained_next_to_nothing() -> None:
    from likewise.recipes.beside_texts import guessed

    found = material()
    network, objective = found.make()
    knows: Any = Knows(found.hidden)
    network.train()
    first, among = guessed((network, knows), (network, objective), found.hidden).numbers
    assert (first.name, among.name) == ("hidden tokens guessed@1", "hidden tokens guessed@5")
    assert first.value == among.value == 1
    assert first.n == among.n == int((found.hidden.truth >= 0).sum())
    assert first.baselines["untrained"] <= among.baselines["untrained"] < 0.2
    assert 0.02 < first.baselines["most frequent token"] < among.baselines["5 most frequent tokens"] < 0.6
    assert network.training
    assert knows.training


def test_guesses_are_noted_at_the_start_on_the_way_and_at_the_end() -> None:
    run = learned(report=True)
    moments = moments_of(run.log)
    steps = [line["step"] for line in run.log if line.get("loss") is not None]
    assert [moment.step for moment in moments] == sorted({0, 1, round(0.2 * steps[-1]), steps[-1] // 2, steps[-1]})
    assert moments[-1].counts.asked == moments[0].counts.asked
    assert all("▢" in text for text, _ in moments[0].texts)
    assert [text for text, _ in moments[0].texts] == [text for text, _ in moments[-1].texts]
    (section,) = (part for part in run.report["sections"] if part["title"] == "Hidden words")
    assert section["tables"][0]["columns"][:2] == ["hidden", "step 0"]
    assert section["tables"][0]["columns"][-1] == "at the end, best first"
    assert section["numbers"][0]["value"] > section["numbers"][0]["baselines"]["untrained"]
    later = hidden_words(None, run.log)[0]
    assert later.numbers[0].value == moments[-1].counts.first / moments[-1].counts.asked
    assert later.numbers[1].value == moments[-1].counts.among / moments[-1].counts.asked
    assert later.numbers[0].baselines.keys() == {"most frequent token", "step 0"}


def test_who_looks_on_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    from likewise.recipes.text_material import TextMaterial

    watched = learned()
    monkeypatch.setattr(TextMaterial, "watchers", lambda self, session: [])
    alone = learned()
    assert moments_of(watched.log)
    assert not moments_of(alone.log)
    np.testing.assert_array_equal(watched.space.vectors, alone.space.vectors)


@pytest.mark.parametrize("lines", [2, 5])
def test_what_was_cut_off_has_the_same_moments(lines: int, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(LINES))
    left = [lines]

    def listen(event: Any) -> None:
        if isinstance(event, Logged):
            left[0] -= 1
            if not left[0]:
                session.stop()

    session = Session(listen)
    whole = lw.learn(tmp_path / "texts.txt", recipe="mlm", out=tmp_path / "whole", report=False, **QUICK)
    lw.learn(tmp_path / "texts.txt", recipe="mlm", out=tmp_path / "cut", report=False, session=session, **QUICK)
    again = lw.learn(resume=tmp_path / "cut")
    assert again.manifest["status"] == "finished"
    assert len(moments_of(whole.log)) > 3
    assert [moment.as_json() for moment in moments_of(again.log)] == [m.as_json() for m in moments_of(whole.log)]
    np.testing.assert_array_equal(again.space.vectors, whole.space.vectors)


def moment(step: int, right: int = 0) -> dict[str, Any]:
    return {
        "guessed": Moment(step, Counts(10, right, right, 3, 4), [("a ▢", [("b", ["c", "b"])])]).as_json(),
        "step": step,
    }


def test_moments_that_a_training_went_back_behind_do_not_count() -> None:
    log = [moment(0), moment(5, 2), moment(10, 9), {"step": 5, "back_from": 10}, moment(10, 4)]
    assert [(found.step, found.counts.first) for found in moments_of(log)] == [(0, 0), (5, 2), (10, 4)]


def test_a_section_shows_the_way_where_it_is_known() -> None:
    right = Number("hidden tokens guessed@1", 0.4, 0.2, 0.6, 10, {"most frequent token": 0.3, "untrained": 0.0})
    among = Number("hidden tokens guessed@5", 0.5, 0.2, 0.8, 10, {"5 most frequent tokens": 0.4, "untrained": 0.0})
    found = Guessed([Guess("a ▢", [("b", ["b", "d"], ["x", "y", "z"])])], (right, among))
    (plain,) = hidden_words(found)
    assert plain.tables[0].columns == ("hidden", "untrained", "at the end, best first")
    assert plain.tables[0].rows == (("b", "x · y", "b · d"),)
    log = [moment(0), moment(5, 2), {"loss": 1.0, **moment(10, 4)}]
    (watched,) = hidden_words(found, log)
    assert watched.tables[0].columns == ("hidden", "step 0", "step 5", "at the end, best first")
    assert watched.tables[0].rows == (("b", "c · b", "c · b", "b · d"),)
    assert hidden_words(None, []) == []
    stopped = hidden_words(found, [*log[:2], {"step": 7, "loss": 1.0}])[0].tables[0]  # it ended before its plan did
    assert stopped.columns == ("hidden", "step 0", "step 5", "at the end, best first")
