"""What is written for TensorBoard is what the log says, also after a stop, and for each seed by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import likewise as lw
from likewise.errors import MissingExtra, RunError
from likewise.session import Logged, Session
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")
PIXELS = small_pictures(48, seed=3, size=8).pixels
QUICK: dict[str, Any] = {
    "recipe": "simclr", "epochs": 3, "batch": 8, "precision": "fp32", "threads": 1, "device": "cpu", "report": False,
}  # fmt: skip


def drawn(folder: Path) -> dict[str, dict[int, float]]:
    """Return what TensorBoard reads in a folder: name → step → value."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder))
    found.Reload()
    return {name: {one.step: one.value for one in found.Scalars(name)} for name in found.Tags()["scalars"]}


def check(folder: Path, run: Any) -> None:
    values = drawn(folder)
    steps = [line for line in run.log if "loss" in line]  # step 0 was looked at and not learned from
    for name in ("loss", "rate", "gradient"):
        assert list(values[name]) == [line["step"] for line in steps]
        assert list(values[name].values()) == pytest.approx([line[name] for line in steps], rel=1e-5)
    seen = {line["step"]: line["doctor"] for line in steps if "doctor" in line}
    assert values["doctor/rank"] == pytest.approx({step: doctor["rank"] for step, doctor in seen.items()}, rel=1e-5)


def test_it_is_what_the_log_says(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    check(tmp_path / "board", lw.learn(PIXELS, tensorboard=str(tmp_path / "board"), **QUICK))


def test_a_training_that_goes_on_goes_on_in_the_same_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    seen: list[Logged] = []

    def hear(event: Any) -> None:
        if isinstance(event, Logged):
            seen.append(event)
            if len(seen) == 5:
                session.stop()

    session = Session(hear)
    given = QUICK | {"tensorboard": str(tmp_path / "board"), "out": tmp_path / "run"}
    lw.learn(PIXELS, session=session, **given)
    rest = lw.learn(PIXELS, resume=tmp_path / "run")
    assert len(rest.log) > 5
    check(tmp_path / "board", rest)


def test_the_second_seed_has_a_folder_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    given = QUICK | {"tensorboard": str(tmp_path / "board"), "report": True}
    run = lw.learn(PIXELS, seeds=2, **given)
    second = drawn(tmp_path / "board" / "seed-2")["loss"]
    first = [line["loss"] for line in run.log if "loss" in line]
    assert len(second) == len(first)
    assert list(second.values()) != pytest.approx(first, rel=1e-3)
    check(tmp_path / "board", run)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"could not write .*board for TensorBoard \(.*\): choose another --tensorboard"):
        lw.learn(PIXELS, tensorboard=str(tmp_path / "file" / "board"), **QUICK)


def test_without_the_package_there_is_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"needs tensorboard: pip install 'likewise\[tensorboard\]'"):
        lw.learn(PIXELS, tensorboard=str(tmp_path / "board"), **QUICK)
    assert not (tmp_path / "board").exists()
