"""Faults while learning: whatever happens, a run is the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import likewise as lw
from likewise.cli import run as command

WORDS = "the king and the queen of the river took a crown to the garden by the sea"


def _corpus(folder: Path, lines: int) -> Path:
    rng = random.Random(7)
    words = WORDS.split()
    path = folder / "corpus.txt"
    path.write_text("\n".join(" ".join(rng.choices(words, k=12)) for _ in range(lines)))
    return path


def _learn(corpus: Path, out: Path, *more: str) -> list[str]:
    options = ["--quiet", "--no-report", "--dim", "16", "--epochs", "3", *more]
    return [sys.executable, "-m", "likewise", "learn", "word2vec", str(corpus), "--out", str(out), *options]


def _kill_at(moment: float, arguments: list[str]) -> bool:
    """Start a command and kill it −9 after `moment` seconds; return whether it was still running."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.mark.parametrize("moments", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_leaves_the_old_run_or_the_new(tmp_path: Path, moments: int) -> None:
    corpus, out = _corpus(tmp_path, 20_000), tmp_path / "run"
    start = time.perf_counter()
    subprocess.run(_learn(corpus, out), check=True)
    whole = time.perf_counter() - start
    digests = {lw.open(out).manifest["options"]["seed"]: lw.open(out).space.content_digest()}
    rng, killed = random.Random(moments), 0
    for number in range(moments):
        # half of the moments fall into the last third, where files are written and folders renamed
        share = rng.uniform(0.66, 1.0) if number % 2 else rng.uniform(0.1, 0.66)
        killed += _kill_at(share * whole, _learn(corpus, out, "--overwrite", "--seed", str(number + 2)))
        found = lw.open(out)
        assert found.verify() == []
        assert len(found.space) == len(set(WORDS.split()))
        known = digests.setdefault(found.manifest["options"]["seed"], found.space.content_digest())
        assert known == found.space.content_digest()
    assert killed, "no moment fell into the work: nothing was tested"
    subprocess.run(_learn(corpus, out, "--overwrite"), check=True)  # what a killed run left behind is no obstacle
    assert not (tmp_path / "run.partial").exists()


def test_an_out_that_exists_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, out = _corpus(tmp_path, 50), tmp_path / "run"
    assert command(_learn(corpus, out)[3:]) == 0
    before = (out / "run.json").read_bytes()
    assert command(_learn(corpus, out)[3:]) == 2
    assert "exists: choose another --out, or replace it with --overwrite" in capsys.readouterr().err
    assert (out / "run.json").read_bytes() == before


def test_overwrite_does_not_replace_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, out = _corpus(tmp_path, 50), tmp_path / "letters"
    out.mkdir()
    (out / "love.txt").write_text("keep me")
    assert command(_learn(corpus, out, "--overwrite")[3:]) == 2
    assert "is not a run" in capsys.readouterr().err
    assert (out / "love.txt").read_text() == "keep me"


def test_one_interrupt_keeps_what_was_learned(tmp_path: Path) -> None:
    corpus, out = _corpus(tmp_path, 60_000), tmp_path / "run"
    process = subprocess.Popen(
        _learn(corpus, out, "--epochs", "1000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob("run.partial")):
        time.sleep(0.05)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    kept = lw.open(out)
    assert kept.manifest["status"] == "unfinished"
    assert kept.verify() == []
    assert json.loads((out / "run.json").read_text())["options"]["epochs"] == 1000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_gets_a_sentence_and_leaves_the_old_run(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        corpus, out = _corpus(tmp_path, 2_000), disk / "run"
        subprocess.run(_learn(corpus, out), check=True)
        before = lw.open(out).space.content_digest()
        big = _corpus(tmp_path, 100_000)  # its ids alone are larger than the disk
        done = subprocess.run(_learn(big, out, "--overwrite"), capture_output=True, text=True)
        assert done.returncode == 2, done.stderr
        assert "no room in" in done.stderr
        assert "Traceback" not in done.stderr
        assert lw.open(out).verify() == []
        assert lw.open(out).space.content_digest() == before
        assert not (disk / "run.partial").exists()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # runs that are still open have it mapped
