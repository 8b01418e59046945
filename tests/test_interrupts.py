"""Learning that is interrupted: what is kept, and when there is nothing to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import likewise as lw
from likewise.opening import Run
from likewise.session import Event, Finished
from likewise.tour import take_tour

TEXTS = [f"the king and the queen of river {i % 60} met the man and the woman of town {i % 50}" for i in range(3000)]
QUICK: dict[str, Any] = {"dim": 16, "threads": 1, "epochs": 3, "min_count": 1}


def stopping_after(stage: str) -> lw.Session:
    """Return a session that is stopped when a stage has ended."""

    def look(event: Event) -> None:
        if isinstance(event, Finished) and event.stage == stage:
            session.stop()

    session = lw.Session(look)
    return session


def test_stopped_before_anything_was_learned_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        lw.learn(TEXTS, out=tmp_path / "run", session=stopping_after("reading"), **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_stopped_while_learning_the_run_is_unfinished_and_says_so(tmp_path: Path) -> None:
    session = lw.Session()

    def stop_after_one(epoch: int, space: lw.Space) -> None:
        if epoch == 1:
            session.stop()

    run = lw.learn(TEXTS, out=tmp_path / "run", session=session, on_epoch=stop_after_one, **QUICK)
    assert run.manifest["status"] == "unfinished"
    assert any(note.startswith("stopped early: the run keeps what was learned") for note in run.manifest["notes"])
    assert lw.open(tmp_path / "run").report is None


def test_interrupted_while_measuring_the_run_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "evaluate", interrupted)
    session = lw.Session()
    run = lw.learn(TEXTS, out=tmp_path / "run", session=session, **QUICK)
    assert session.stopped
    assert run.manifest["status"] == "finished"
    assert lw.open(tmp_path / "run").space.keys == run.space.keys


@pytest.mark.parametrize("stage", ["reading", "learning"])
def test_a_tour_that_is_stopped_writes_no_page(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)
    (tmp_path / "t.txt").write_text("\n".join(TEXTS))
    with pytest.raises(KeyboardInterrupt):
        take_tour(tmp_path / "t.html", data=str(tmp_path / "t.txt"), session=stopping_after(stage))
    assert [path.name for path in tmp_path.iterdir()] == ["t.txt"]
