"""The same seed is the same run: every way to learn, at 1, 2 and 4 threads, twice, down to the files written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.recipes import RECIPES, describe
from likewise.words import word2vec


def _lines() -> list[str]:
    """Return 40,000 words of 1,500, some far more often than others: enough for several blocks of words and of text."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abdegiklmnorstu"), rng.integers(3, 8))) for _ in range(1500)]
    text = rng.choice(words, 40_000, p=(share := 1 / np.arange(5, 1505)) / share.sum())
    return [" ".join(text[low : low + 20]) for low in range(0, len(text), 20)]


LINES = _lines()
SMALL: dict[str, Any] = {"dim": 12, "min_count": 1}
WINDOWS: dict[str, dict[str, Any]] = {
    f"{recipe}, {model}, {loss}": {"recipe": recipe, "model": model, "loss": loss, "epochs": 2, "reproducible": True}
    for recipe in ("word2vec", "fasttext")
    for model in ("skipgram", "cbow")
    for loss in ("ns", "hs")
}
WAYS: dict[str, dict[str, Any]] = {
    **WINDOWS,
    "word2vec, cbow, sum": {"recipe": "word2vec", "model": "cbow", "combine": "sum", "epochs": 2, "reproducible": True},
    "word2vec, flat": {"recipe": "word2vec", "weighting": "flat", "epochs": 2, "reproducible": True},
    "fasttext, without n-grams": {"recipe": "fasttext", "max_n": 0, "epochs": 2, "reproducible": True},
    "glove": {"recipe": "glove", "epochs": 4},
    "glove, counts on disk": {"recipe": "glove", "epochs": 4, "memory": 0},
    "glove, one side": {"recipe": "glove", "epochs": 4, "symmetric": False},
    "ppmi": {"recipe": "ppmi"},
    "ppmi, counts on disk": {"recipe": "ppmi", "memory": 0},
    "onehot": {"recipe": "onehot"},
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the text out in small chunks: as one chunk it would never be shared between threads."""
    monkeypatch.setattr(word2vec, "_CHUNK_SECONDS", 1e-5)


def files_of(way: dict[str, Any], out: Path, **more: Any) -> dict[str, str]:
    """Learn and write a run; return the sha256 of each file of its encoder and its space."""
    known = {*describe(RECIPES[way["recipe"]]), "recipe", "overwrite"}
    options = {name: value for name, value in (SMALL | way | more).items() if name in known}
    run = lw.learn(LINES, out=out, report=False, **options)
    assert run.verify() == []
    files = {name: digest for name, digest in run.manifest["files"].items() if name.startswith(("encoder/", "space/"))}
    assert {name.split("/")[0] for name in files} == {"encoder", "space"}
    assert any(name.endswith(".safetensors") for name in files)
    return files


def test_no_recipe_is_left_out() -> None:
    assert {way["recipe"] for way in WAYS.values()} == set(RECIPES)


@pytest.mark.parametrize("name", WAYS)
def test_a_run_is_the_same_at_any_number_of_threads(name: str, tmp_path: Path) -> None:
    """Those that are fast by racing are asked to be reproducible; another seed is another run, where there is one."""
    made = {(threads, again): files_of(WAYS[name], tmp_path / f"{threads}-{again}", threads=threads)
            for threads in (1, 2, 4) for again in (1, 2)}  # fmt: skip
    first = made[1, 1]
    assert [which for which, files in made.items() if files != first] == []
    seeded = "seed" in describe(RECIPES[WAYS[name]["recipe"]])
    assert (files_of(WAYS[name], tmp_path / "other", threads=2, seed=7) != first) == seeded


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nothing runs at once")
def test_a_race_would_be_seen(tmp_path: Path) -> None:
    """The texts and chunks of these tests are such that threads do get in one another's way where they may."""
    racing = WAYS["word2vec, skipgram, ns"] | {"reproducible": False, "threads": 4}
    assert len({str(files_of(racing, tmp_path / str(number))) for number in range(4)}) > 1


@pytest.mark.parametrize("recipe", [name for name in RECIPES if "reproducible" in describe(RECIPES[name])])
def test_one_thread_is_the_same_without_being_asked(recipe: str, tmp_path: Path) -> None:
    way = {"recipe": recipe, "epochs": 2, "threads": 1}
    assert files_of(way, tmp_path / "one") == files_of(way, tmp_path / "two")


@pytest.mark.parametrize("recipe", ["glove", "ppmi"])
def test_counts_on_disk_and_kept_ones_change_no_bit(recipe: str, tmp_path: Path) -> None:
    way = {"recipe": recipe} | ({"epochs": 4} if recipe == "glove" else {})
    plain = files_of(way, tmp_path / "plain")
    assert files_of(way, tmp_path / "disk", memory=0) == plain
    assert files_of(way, tmp_path / "kept", keep_counts=True) == plain
    assert files_of(way, tmp_path / "kept", keep_counts=True, overwrite=True) == plain  # from the counts of before
