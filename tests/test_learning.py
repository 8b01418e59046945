"""Learning: checked before any work, kept whatever happens after it, and recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import opening
from likewise.errors import DataError, OptionError, RunExists
from likewise.session import Note, Session
from likewise.sources.small_language import small_language

LINES = small_language(sentences=800).lines
QUICK: dict[str, Any] = {"dim": 12, "epochs": 2, "threads": 1, "min_count": 2}


def test_in_memory_and_on_disk_are_the_same_run(tmp_path: Path) -> None:
    kept = lw.learn(LINES, **QUICK, report=False)
    written = lw.learn(LINES, **QUICK, report=False, out=tmp_path / "run")
    assert kept.path is None
    assert written.path == tmp_path / "run"
    np.testing.assert_array_equal(kept.space.vectors, written.space.vectors)
    kept.save(tmp_path / "saved")
    assert lw.open(tmp_path / "saved").manifest["fingerprint"] == written.manifest["fingerprint"]
    np.testing.assert_array_equal(lw.open(tmp_path / "saved").embed(LINES[:3]), kept.embed(LINES[:3]))


def test_run_json_records_what_was_chosen(tmp_path: Path) -> None:
    lw.learn(LINES, dim=12, epochs=1, report=False, out=tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["given"] == ["dim", "epochs"]
    assert record["options"]["window"] == 5
    assert {"level", "threads", "recipe"} <= set(record["derived"])
    assert all(choice["reason"] for choice in record["derived"].values())
    assert {"likewise", "numpy", "python"} <= set(record["versions"])
    assert set(record["files"]) >= {"space/vectors.safetensors", "encoder/encoder.json", "log.jsonl"}
    assert record["seconds"]["all"] >= record["seconds"]["learning"]


def test_on_epoch_sees_the_start_and_every_epoch() -> None:
    seen: list[tuple[int, np.ndarray]] = []
    run = lw.learn(LINES, **QUICK, report=False, on_epoch=lambda epoch, space: seen.append((epoch, space.vectors)))
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert not np.array_equal(seen[0][1], seen[1][1])
    np.testing.assert_array_equal(seen[2][1], run.space.vectors)


def test_two_seeds_are_compared() -> None:
    run = lw.learn(LINES, **QUICK, seeds=2)
    numbers = {n["name"]: n for section in run.report["sections"] for n in section["numbers"]}
    found = next(n for name, n in numbers.items() if name.startswith("overlap@10"))
    assert 0 < found["value"] < 1
    assert len(run.log) == 3, "the second seed's epochs are not the run's"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"dim": 0}, OptionError),
        ({"vector_size": 5}, OptionError),
        ({"seeds": 0}, OptionError),
        ({"recipe": "glvoe"}, OptionError),
        ({"pairs": ["nowhere.tsv"]}, DataError),
    ],
)
def test_mistakes_are_found_before_any_work(options: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    def texts() -> Any:
        raise AssertionError("the text was read")
        yield

    with pytest.raises(error):
        lw.learn(texts(), out=tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_found_before_any_work(tmp_path: Path) -> None:
    lw.learn(LINES, **QUICK, report=False, out=tmp_path / "run")
    with pytest.raises(RunExists):
        lw.learn(iter(LINES), **QUICK, out=tmp_path / "run")


def test_what_was_learned_is_kept_when_measuring_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **named: object) -> None:
        raise DataError("no such luck")

    monkeypatch.setattr(opening.Run, "evaluate", fail)
    seen: list[object] = []
    run = lw.learn(LINES, **QUICK, out=tmp_path / "run", session=Session(seen.append))
    assert run.report is None
    assert run.verify() == []
    assert any(isinstance(event, Note) and "no such luck" in event.text for event in seen)


def test_stopping_keeps_what_there_is(tmp_path: Path) -> None:
    session = Session()
    run = lw.learn(
        LINES,
        **{**QUICK, "epochs": 500},
        out=tmp_path / "run",
        session=session,
        on_epoch=lambda epoch, _: session.stop(),
    )
    assert run.manifest["status"] == "unfinished"
    assert run.report is None
    assert len(run.log) < 10
    assert lw.open(tmp_path / "run").verify() == []


def test_embedding_a_file_in_any_format(tmp_path: Path) -> None:
    run = lw.learn(LINES, **QUICK, report=False)
    (tmp_path / "new.txt").write_text("\n".join(LINES[:5]) + "\n")
    for name in ("v.parquet", "v.npz", "v.npy"):
        made = lw.embed_file(run, tmp_path / "new.txt", tmp_path / name)
        assert (made.texts, made.dim, made.empty) == (5, 12, 0)
        np.testing.assert_allclose(lw.open(tmp_path / name).space.vectors, run.embed(LINES[:5]), rtol=1e-6)
    with pytest.raises(RunExists):
        lw.embed_file(run, tmp_path / "new.txt", tmp_path / "v.npz")
    with pytest.raises(OptionError, match="has no ending"):
        lw.embed_file(run, tmp_path / "new.txt", tmp_path / "v")
