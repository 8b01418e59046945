"""Two processes that torchrun started learn as one: one run is written, and each does what the first has chosen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.errors import OptionError
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def both(*arguments: str) -> list[subprocess.Popen[str]]:
    port = str(free_port())
    return [
        subprocess.Popen(
            [sys.executable, "-m", "likewise", *arguments],
            env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
                              "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in (0, 1)
    ]  # fmt: skip


@pytest.mark.slow
def test_the_command_line_learns_in_two_processes(tmp_path: Path) -> None:
    made = small_pictures(120, seed=2, size=16)
    np.savez(tmp_path / "data.npz", images=made.pixels, labels=np.array(made.labels("colour")))
    out = tmp_path / "run"
    learning = both("learn", "simclr", str(tmp_path / "data.npz"), "--out", str(out), "--time", "3s", "--batch", "32")
    told = [process.communicate(timeout=240) for process in learning]
    assert [process.returncode for process in learning] == [0, 0], told
    assert str(out) in told[0][0]
    assert not told[1][0]  # the second writes and tells nothing
    run = lw.open(out)
    assert not run.verify()
    assert run.manifest["status"] == "finished"
    assert run.report is not None
    assert np.isfinite(run.space.vectors).all()
    assert not list(tmp_path.glob("*.partial"))


def test_going_on_is_for_one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(OptionError, match="goes on in one process: start it without torchrun"):
            lw.learn(resume=tmp_path / "run")


def test_a_rank_without_other_processes_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    lw.learn([["a", "rose", "is", "a", "rose"]] * 50, dim=8, min_count=1, epochs=1, out=tmp_path / "run", report=False)
    assert not lw.open(tmp_path / "run").verify()
