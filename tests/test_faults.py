"""Faults while learning: whatever happens, a run is the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import likewise as lw
from likewise.cli import run as command

WORDS = "the king and the queen of the river took a crown to the garden by the sea"


def _corpus(folder: Path, lines: int, words: int = 0) -> Path:
    """Write a text of `lines` lines, of the words above and of `words` others."""
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    known = WORDS.split() + ["".join(rng.choices(letters, k=7)) for _ in range(words)]
    path = folder / "corpus.txt"
    path.write_text("\n".join(" ".join(rng.choices(known, k=12)) for _ in range(lines)))
    return path


def _learn(corpus: Path, out: Path, *more: str, recipe: str = "word2vec") -> list[str]:
    options = ["--quiet", "--no-report", "--dim", "16"] + ([] if recipe == "ppmi" else ["--epochs", "3"])
    return [sys.executable, "-m", "likewise", "learn", recipe, str(corpus), "--out", str(out), *options, *more]


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


def _timed(arguments: list[str], partial: Path) -> tuple[float, float]:
    """Run a command to its end; return after how many seconds `partial` was there, and after how many it ended."""
    start, begun = time.perf_counter(), 0.0
    process = subprocess.Popen(arguments)
    while process.poll() is None:
        if not begun and partial.exists():
            begun = time.perf_counter() - start
        time.sleep(0.002)
    assert process.returncode == 0
    return begun, time.perf_counter() - start


WAYS = {
    "word2vec": ["word2vec"],
    "fasttext": ["fasttext", "--threads", "1"],
    "glove": ["glove"],
    "glove, counts on disk": ["glove", "--memory", "0"],
    "ppmi, counts on disk": ["ppmi", "--memory", "0"],
}
FEW = 3  # moments while one works on likewise; the slow tests take twenty


@pytest.mark.parametrize("moments", [FEW, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", WAYS)
def test_kill_9_leaves_the_old_run_or_the_new(
    way: str, moments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    corpus, out, partial = _corpus(tmp_path, 10_000, 3000), tmp_path / "run", tmp_path / "run.partial"
    recipe, *options = WAYS[way]
    begun, whole = _timed(_learn(corpus, out, *options, recipe=recipe), partial)
    shutil.copytree(out, tmp_path / "tmp" / "run")
    words = len(lw.open(out).space)
    seeds = {lw.open(out).manifest["options"]["seed"]: lw.open(out).space.content_digest()}
    rng, killed = random.Random(moments), 0
    for number in range(moments):
        there = number % 4 != 3  # else none is there before, and none or a whole one after
        if not there:
            shutil.rmtree(out, ignore_errors=True)
        elif not out.exists():
            shutil.copytree(tmp_path / "tmp" / "run", out)
        # half of the moments fall into the last third, where files are written and folders renamed
        share = rng.uniform(0.66, 1.0) if number % 2 else rng.uniform(0.0, 0.66)
        again = ["--overwrite", "--seed", str(number + 2)]
        killed += _kill_at(begun + share * (whole - begun), _learn(corpus, out, *options, *again, recipe=recipe))
        assert {path.name for path in tmp_path.iterdir()} <= {"corpus.txt", "tmp", "run", "run.partial"}
        assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["run"]
        if there or out.exists():
            found = lw.open(out)
            assert found.verify() == []
            assert len(found.space) == words
            digest = found.space.content_digest()
            assert seeds.setdefault(found.manifest["options"]["seed"], digest) == digest
    assert killed, "no moment fell into the work: nothing was tested"
    last = _learn(corpus, out, *options, "--overwrite", recipe=recipe)
    subprocess.run(last, check=True)  # what was left behind is no obstacle
    assert lw.open(out).verify() == []
    assert not partial.exists()


def test_kill_9_leaves_whole_counts_or_none(tmp_path: Path) -> None:
    """Counts that are kept beside a run: whole ones are used again, half ones are counted anew."""
    corpus, out = _corpus(tmp_path, 10_000, 3000), tmp_path / "run"
    options = ["--keep-counts", "--overwrite", "--epochs", "1"]
    begun, whole = _timed(_learn(corpus, out, *options, recipe="glove"), tmp_path / "run.partial")
    wanted = lw.open(out).space.content_digest()
    rng, killed = random.Random(1), 0
    for number in range(5):
        if number % 2 == 0:
            shutil.rmtree(tmp_path / "run.counts", ignore_errors=True)
        moment = begun + rng.uniform(0.2, 1.0) * (whole - begun)
        killed += _kill_at(moment, _learn(corpus, out, *options, recipe="glove"))
        assert lw.open(out).verify() == []
    assert killed, "no moment fell into the work: nothing was tested"
    subprocess.run(_learn(corpus, out, *options, recipe="glove"), check=True)
    assert lw.open(out).space.content_digest() == wanted
    assert sorted(path.name for path in (tmp_path / "run.counts").iterdir()) == ["counts.json", "counts.safetensors"]


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
