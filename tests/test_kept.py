"""Learning: what was learned is kept, whatever happens after; what is half learned replaces and judges nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import learning
from likewise.errors import OptionError
from likewise.opening import Run
from likewise.recipes.words import WordRecipe
from likewise.run import RunWriter
from likewise.session import Session
from likewise.sklearn import Embedder
from likewise.sources.small_language import small_language

LINES = small_language(sentences=300).lines
QUICK: dict[str, Any] = {"dim": 8, "epochs": 2, "threads": 1, "min_count": 1}


def stopping(session: Session, at: int) -> Any:
    """Return an on_epoch that asks to stop after an epoch."""
    return lambda epoch, space: session.stop() if epoch == at else None


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), np.linalg.LinAlgError("no"), KeyboardInterrupt()])
def test_a_failure_of_measuring_keeps_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*given: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(Run, "evaluate", fail)
    run = lw.learn(LINES, out=tmp_path / "run", **QUICK)
    assert run.report is None
    assert lw.open(tmp_path / "run").verify() == []
    assert "the run is kept without a report" in run.manifest["notes"][-1]


def test_ctrl_c_while_writing_does_not_lose_what_was_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = RunWriter.finish

    def interrupted(self: RunWriter, manifest: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        finish(self, manifest)

    monkeypatch.setattr(RunWriter, "finish", interrupted)
    session = Session(stop=threading.Event())
    session_seen = stopping(session, 1)  # stopped before, so that this is the second wish
    lw.learn(LINES, out=tmp_path / "run", session=session, on_epoch=session_seen, **QUICK)
    assert lw.open(tmp_path / "run").verify() == []


def test_what_is_unfinished_replaces_no_run(tmp_path: Path) -> None:
    lw.learn(LINES, out=tmp_path / "run", report=False, **QUICK)
    before = (tmp_path / "run" / "run.json").read_bytes()
    session = Session()
    run = lw.learn(LINES, out=tmp_path / "run", overwrite=True, session=session, on_epoch=stopping(session, 1), **QUICK)
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert run.path == tmp_path / "run-unfinished-1"
    assert lw.open(tmp_path / "run-unfinished-1").manifest["status"] == "unfinished"


def test_a_second_seed_that_was_stopped_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    session, seen = Session(), []
    fit = WordRecipe.fit

    def stopped_the_second_time(self: Any, *given: Any, seed: int | None = None, **named: Any) -> Any:
        if seed is not None:
            session.stop()
        return fit(self, *given, seed=seed, **named)

    monkeypatch.setattr("likewise.recipes.words.WordRecipe.fit", stopped_the_second_time)
    monkeypatch.setattr(learning, "_measure", lambda run, gold, second, session: seen.append(second))
    run = lw.learn(LINES, seeds=2, session=session, **QUICK)
    assert seen == [None]
    assert run.manifest["status"] == "finished"
    assert run.manifest["seeds"] == 1


@pytest.mark.parametrize("seeds", [0, 3, "two"])
def test_seeds_are_one_or_two(seeds: Any) -> None:
    with pytest.raises(OptionError, match="it is 1, or 2"):
        lw.learn(LINES, seeds=seeds, **QUICK)


def test_the_record_says_how_the_data_were_read(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"body": line}) for line in LINES)
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-16")
    run = lw.learn(tmp_path / "texts.jsonl", column="body", encoding="utf-16", report=False, **QUICK)
    assert (run.manifest["data"]["column"], run.manifest["data"]["encoding"]) == ("body", "utf-16")
    assert run.manifest["versions"]["likewise"] == lw.__version__


def test_an_estimator_that_is_interrupted_stops_the_search_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any, **named: Any) -> Run:
        session = Session()
        return learning.learn(*given, session=session, on_epoch=stopping(session, 1), **named)

    monkeypatch.setattr("likewise.sklearn.learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Embedder(dim=8, epochs=2, min_count=1).fit(LINES)


def test_a_tokeniser_of_the_callers_cuts_new_texts_until_the_run_is_opened_again(tmp_path: Path) -> None:
    run = lw.learn(LINES, tokenizer=str.split, out=tmp_path / "run", report=False, **QUICK)
    assert run.embed(LINES[:3]).any(axis=1).all()
    opened = lw.open(tmp_path / "run")
    with pytest.raises(OptionError, match=r"cut by the caller's str\.split"):
        opened.embed(LINES[:3])
    np.testing.assert_array_equal(opened.embed([line.split() for line in LINES[:3]]), run.embed(LINES[:3]))
    assert Embedder(min_count=1, options={"tokenizer": str.split}).fit_transform(LINES).any(axis=1).all()


def test_embed_never_replaces_what_it_reads(tmp_path: Path) -> None:
    text = tmp_path / "new.txt"
    text.write_text(LINES[0])
    run = lw.learn(LINES, report=False, **QUICK)
    with pytest.raises(OptionError, match="is what is read"):
        lw.embed_file(run, text, text, overwrite=True)
    assert text.read_text() == LINES[0]
