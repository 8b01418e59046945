"""The doctor at work: when it looks, and what it does about a verdict that is bad."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toys import pixels, training

from likewise.evaluate.course import Judgement
from likewise.evaluate.two_views import similarity_counts
from likewise.session import Note, Session
from likewise.train import monitor
from likewise.train.loop import Training
from likewise.train.monitor import Doctor, Probe


def watched(
    on_collapse: str, monkeypatch: pytest.MonkeyPatch, *, bad_at: int | None = 4
) -> tuple[Training, Doctor, list[str]]:
    """Train for 8 steps with a doctor that looks every second one, and finds a collapse at step `bad_at`, once."""
    said: list[str] = []
    session = Session(lambda event: said.append(event.text) if isinstance(event, Note) else None)
    found: list[int] = []

    def judge(course: Any, setting: Any) -> Judgement:
        if course[-1].step == bad_at and not found:
            found.append(bad_at)
            return Judgement("dimensional collapse", "Few directions are left.", "A cause.", "Do that.")
        return Judgement("healthy", "Fine.")

    monkeypatch.setattr(monitor, "judge", judge)
    some = pixels(40).float() / 255
    doctor = Doctor(Probe(some, some.flip(3)), session, on_collapse=on_collapse, every=2)
    made = training(steps=8)
    made.run(session, [doctor])
    return made, doctor, said


def test_it_looks_at_the_start_and_as_often_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made, doctor, _ = watched("warn", monkeypatch, bad_at=None)
    assert [seen.step for seen in doctor.course] == [0, 2, 4, 6, 8]
    assert [line["doctor"]["step"] for line in made.history if "doctor" in line] == [0, 2, 4, 6, 8]
    assert made.ended is None


def test_looking_changes_nothing_that_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, _ = watched("warn", monkeypatch, bad_at=None)
    alone = training(steps=8)
    alone.run(Session())
    for mine, theirs in zip(made.network.parameters(), alone.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_warn_goes_on_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, said = watched("warn", monkeypatch)
    assert made.done == 8
    assert made.ended is None
    assert any("dimensional collapse: Few directions are left. A cause. Do that." in text for text in said)


def test_stop_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, _ = watched("stop", monkeypatch)
    assert made.done == 4
    assert made.ended == "dimensional collapse"


def test_rollback_ends_with_the_last_state_that_was_not_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, said = watched("rollback", monkeypatch)
    good = training(steps=8)
    for _ in range(2):
        good.step(good.data.read(good.order.rows(good.done)))
    assert made.done == 2
    assert made.ended == "dimensional collapse, rolled back"
    for mine, theirs in zip(made.network.parameters(), good.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert any("rolled back from step 4 to step 2" in text for text in said)


def test_rescue_goes_back_and_on_more_slowly_with_a_term_that_keeps_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, said = watched("rescue", monkeypatch)
    assert made.done == 8
    assert made.ended is None
    assert (made.slower, made.apart) == (0.25, 4.0)
    assert any("rescued: back from step 4 to step 2" in text for text in said)
    plain = training(steps=8)
    plain.run(Session())
    assert made.history[-1]["rate"] == pytest.approx(plain.history[-1]["rate"] / 4)


def test_what_was_seen_before_the_first_step_is_not_lost_in_a_short_training() -> None:
    some = pixels(40).float() / 255
    made = training(steps=3)
    made.run(Session(), [Doctor(Probe(some, some.flip(3)), Session())])
    assert [line["doctor"]["step"] for line in made.history if "doctor" in line] == [0, 1, 2, 3]


def test_similarities_are_those_of_what_the_loss_compares() -> None:
    some = pixels(40).float() / 255
    made = training(steps=2)
    doctor = Doctor(Probe(some, some), Session())
    made.run(Session(), [doctor])
    a, _, z = monitor.encode(made.network, made.objective, doctor.probe, made)
    pulled, pushed = similarity_counts(*z)
    assert list(doctor.course[-1].pulled or ()) == pulled.tolist()
    assert list(doctor.course[-1].pushed or ()) == pushed.tolist()
    assert pushed.tolist() != similarity_counts(a, a)[1].tolist()
