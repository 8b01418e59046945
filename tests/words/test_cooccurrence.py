"""Co-occurrence counts against counting by hand, whatever the threads and wherever they lie."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from likewise.errors import DataError, OptionError
from likewise.session import Session
from likewise.words import cooccurrence
from likewise.words.cooccurrence import Counts, count, distance_weights
from likewise.words.corpus import Corpus


def corpus(lengths: list[int], *, words: int = 40, seed: int = 0) -> Corpus:
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shares = 1 / np.arange(1, words + 1)
    return Corpus(rng.choice(words, size=starts[-1], p=shares / shares.sum()).astype(np.int32), starts)


def by_hand(text: Corpus, words: int, window: int, weighting: str, symmetric: bool) -> np.ndarray:
    table = np.zeros((words, words))
    for first, end in zip(text.starts[:-1], text.starts[1:], strict=True):
        sentence = text.ids[first:end]
        for i, word in enumerate(sentence):
            for d in range(1, min(window, i) + 1):
                weight = {"harmonic": 1 / d, "linear": (window + 1 - d) / window, "flat": 1.0}[weighting]
                table[word, sentence[i - d]] += weight
                if symmetric:
                    table[sentence[i - d], word] += weight
    return table


def dense(counts: Counts) -> np.ndarray:
    table = np.zeros((counts.words, counts.words))
    for block in range(len(counts.rows)):
        rows, columns, values = counts.block_entries(block)
        table[rows, columns] = values
        if counts.symmetric:
            table[columns, rows] = values
    return table


def same(one: Counts, other: Counts) -> bool:
    rows = zip(one.rows, other.rows, strict=True)
    return np.array_equal(one.ends, other.ends) and all(np.array_equal(a, b) for a, b in rows)


@pytest.mark.parametrize("weighting", ["harmonic", "linear", "flat"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("window", "block"), [(1, 40), (4, 7), (60, 16)])
def test_counts_equal_counting_by_hand(weighting: str, symmetric: bool, window: int, block: int) -> None:
    text = corpus([30, 0, 1, 2, 50, 17, 0, 200])
    given = {"window": window, "weighting": weighting, "symmetric": symmetric}
    counts = count(text, 40, block=block, session=Session(), **given)  # type: ignore[arg-type]
    np.testing.assert_allclose(dense(counts), by_hand(text, 40, window, weighting, symmetric), rtol=1e-6)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_kernel_equals_its_twin(symmetric: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = corpus([30, 0, 1, 2, 50, 17])
    made = [count(text, 40, window=3, symmetric=symmetric, block=9, session=Session())]
    monkeypatch.setenv("LIKEWISE_KERNEL", "numpy")
    made.append(count(text, 40, window=3, symmetric=symmetric, block=9, session=Session()))
    assert same(*made)


def test_neither_threads_nor_disk_change_a_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "_UNIT", 100)
    text = corpus([20] * 300)
    whole = count(text, 40, window=5, block=16, threads=1, session=Session())
    assert not whole.spilled
    for threads, memory in ((2, 4.0), (4, 4.0), (1, 0.0), (2, 0.0), (3, 1e-6)):
        other = count(text, 40, window=5, block=16, threads=threads, memory=memory, folder=tmp_path, session=Session())
        assert other.spilled == (memory < 1)
        assert same(whole, other)
        assert not list(tmp_path.iterdir())


def test_entries_of_a_tile_are_shuffled() -> None:
    counts = count(corpus([2000]), 40, window=5, block=40, session=Session())
    rows, _, _ = counts.block_entries(0)
    assert (np.diff(rows) < 0).mean() > 0.3


def test_what_cannot_be_counted_gets_a_sentence() -> None:
    text = corpus([1, 1, 0, 1])
    with pytest.raises(DataError, match="no sentence has two words"):
        count(text, 40, window=2, session=Session())
    with pytest.raises(DataError, match="no sentence has two words"):
        count(text, 40, window=2, memory=0, session=Session())
    with pytest.raises(OptionError, match="memory is -1"):
        count(text, 40, window=2, memory=-1, session=Session())
    with pytest.raises(OptionError, match="not one of 'harmonic'"):
        distance_weights("squared", 2)
    with pytest.raises(OptionError, match="whole number from 1"):
        distance_weights("flat", 0)


def test_a_wish_to_stop_ends_the_counting_at_once() -> None:
    text = corpus([200_000], words=2)
    session = Session()
    threading.Timer(0.2, session.stop).start()
    with pytest.raises(KeyboardInterrupt):
        count(text, 2, window=10_000, session=session)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_gets_a_sentence(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        for lengths, words in (([100_000], 40), ([3000], 3000)):  # the index, then the counts
            with pytest.raises(DataError, match="no room in .*--memory"):
                count(corpus(lengths, words=words), words, window=9, memory=0.0, folder=tmp_path, session=Session())
            assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
