"""The recipes from counts: counts that are kept and used again, kill −9 while they lie on disk, small texts."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.errors import DataError
from likewise.session import Session
from likewise.sources.small_language import small_language

LINES = small_language(sentences=800).lines
QUICK = {"dim": 8, "report": False, "min_count": 1}


def learn(lines: list[str], recipe: str, session: Session | None = None, **options: object) -> lw.opening.Run:
    epochs = {"epochs": 2} if recipe == "glove" else {}
    return lw.learn(lines, recipe=recipe, session=session, **QUICK, **epochs, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", ["glove", "ppmi"])
def test_same_bits_at_any_number_of_threads_in_memory_and_on_disk(recipe: str, tmp_path: Path) -> None:
    digests = set()
    for threads, memory in ((1, 4.0), (2, 4.0), (4, 4.0), (1, 0.0), (2, 0.0), (4, 0.0)):
        run = learn(LINES, recipe, threads=threads, memory=memory, out=tmp_path / f"{threads}-{memory}")
        digests.add(run.space.content_digest())
    assert len(digests) == 1
    assert len(list(tmp_path.iterdir())) == 6


def test_kept_counts_are_used_again(tmp_path: Path) -> None:
    options = {"window": 4, "keep_counts": True, "weighting": "linear"}
    first = learn(LINES, "glove", out=tmp_path / "run", **options)
    assert {path.name for path in tmp_path.iterdir()} == {"run", "run.counts"}
    assert first.verify() == []
    session = Session()
    again = learn(LINES, "glove", session, out=tmp_path / "run", overwrite=True, **options)
    assert any("used again" in note for note in session.notes)
    assert again.space.content_digest() == first.space.content_digest()
    learn(LINES, "ppmi", session, out=tmp_path / "run", overwrite=True, **options)
    from safetensors.numpy import load_file

    kept = load_file(tmp_path / "run.counts" / "counts.safetensors")
    assert kept["entries"].dtype == np.uint64
    assert kept["ends"][:, -1].sum() == len(kept["entries"])


def test_kept_counts_that_do_not_fit_get_a_sentence(tmp_path: Path) -> None:
    out, options = tmp_path / "run", {"keep_counts": True, "overwrite": True}
    learn(LINES, "glove", out=out, window=4, **options)
    with pytest.raises(DataError, match="window is 4 there and 5 here"):
        learn(LINES, "glove", out=out, window=5, **options)
    with pytest.raises(DataError, match="'harmonic' there and 'flat' here"):
        learn(LINES, "glove", out=out, window=4, weighting="flat", **options)
    with pytest.raises(DataError, match="another vocabulary, they are of another text"):
        learn(LINES[:500], "glove", out=out, window=4, **options)
    arrays = tmp_path / "run.counts" / "counts.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="was changed"):
        learn(LINES, "glove", out=out, window=4, **options)
    (tmp_path / "run.counts" / "counts.json").write_text("[")
    with pytest.raises(DataError, match="cannot be read"):
        learn(LINES, "glove", out=out, window=4, **options)
    assert lw.open(out).verify() == []


@pytest.mark.parametrize("recipe", ["glove", "ppmi"])
@pytest.mark.parametrize("text", [["one two three"], ["a b", "b a"], ["a b c"] * 5])
def test_small_texts_give_numbers(recipe: str, text: list[str]) -> None:
    run = learn(text, recipe, window=100)
    assert np.isfinite(run.space.vectors).all()


@pytest.mark.parametrize("recipe", ["glove", "ppmi"])
def test_texts_without_pairs_get_a_sentence(recipe: str) -> None:
    with pytest.raises(DataError, match="no sentence has two words"):
        learn(["one", "two", "three"], recipe)
    with pytest.raises(DataError, match="at least two are needed"):
        learn(["a a a b"], recipe, max_vocabulary=1)


@pytest.mark.parametrize("moments", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_with_counts_on_disk_leaves_nothing_of_them(tmp_path: Path, moments: int) -> None:
    rng, temporary = random.Random(moments), tmp_path / "temporary"
    temporary.mkdir()
    text, out = tmp_path / "text.txt", tmp_path / "run"
    text.write_text("\n".join(" ".join(rng.choices(LINES, k=3)) for _ in range(8000)))
    command = [sys.executable, "-m", "likewise", "learn", "glove", str(text), "--out", str(out), "--quiet"]
    command += ["--no-report", "--dim", "16", "--epochs", "400", "--memory", "0"]
    surroundings = {"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin"}
    start = time.perf_counter()
    subprocess.run(command, check=True, env=surroundings)
    whole, killed = time.perf_counter() - start, 0
    digest = lw.open(out).space.content_digest()
    for number in range(moments):
        process = subprocess.Popen([*command, "--overwrite", "--seed", str(number + 2)], env=surroundings)
        try:
            process.wait(timeout=rng.uniform(0.2, 0.95) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        found = lw.open(out)
        assert found.verify() == []
        known = found.manifest["options"]["seed"] == 1
        assert (found.space.content_digest() == digest) == known
        assert list(temporary.iterdir()) == []
        partial = tmp_path / "run.partial"
        assert not partial.exists() or not [path for path in partial.rglob("*") if "likewise-" in path.name]
    assert killed, "no moment fell into the work: nothing was tested"
