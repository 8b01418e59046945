"""The GloVe kernels against their NumPy twins on every level, and the twin against finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from likewise.kernels import available, glove, glove_twin


@pytest.fixture(params=("baseline", "avx2", "avx512"))
def level(request: pytest.FixtureRequest) -> str:
    if request.param not in available():
        pytest.skip(f"this machine cannot run the {request.param} kernels")
    return str(request.param)


def make_task(*, words: int = 30, dim: int = 50, both: bool = True, seed: int = 0) -> glove.GloveTask:
    rng = np.random.default_rng(seed)
    table = glove.table(words, dim)
    table[:, :, :dim] += rng.normal(0, 0.3, size=(words, 4, dim)) * np.array([1, 0, 1, 0])[:, None]
    table[:, [1, 3], :dim] += rng.random((words, 2, dim)) * 3
    table[:, 0, dim], table[:, 2, dim + 1] = rng.normal(size=(2, words))
    blocks = np.array([0, 7, 19, words], np.int64)
    return glove.GloveTask(table=table, blocks=blocks, rate=0.05, x_max=10.0, x_power=0.75, both=both)


def copied(task: glove.GloveTask) -> glove.GloveTask:
    table = glove.table(len(task.table), task.table.shape[2] - 2)
    table[:] = task.table
    return replace(task, table=table)


def entry(row: int, column: int, x: float) -> int:
    return row | column << 16 | int(np.float32(x).view(np.uint32)) << 32


@pytest.mark.parametrize("dim", [1, 14, 15, 50, 100, 126, 300])
@pytest.mark.parametrize("x", [1e-3, 0.5, 1.0, 9.99, 10.0, 5e6])
def test_one_update_equals_the_twin(level: str, dim: int, x: float) -> None:
    task = make_task(dim=dim, both=False)
    twin = copied(task)
    entries, ends = np.array([entry(3, 2, x)], np.uint64), np.array([0, 0, 1, 1])
    glove.learn(task, entries, ends, 1, 1, 2, level=level)
    glove.learn(twin, entries, ends, 1, 1, 2, level="numpy")
    moved = np.argwhere((task.table != make_task(dim=dim).table).any(axis=2))
    assert moved.tolist() == [[9, 2], [9, 3], [10, 0], [10, 1]]
    np.testing.assert_allclose(task.table, twin.table, rtol=1e-5, atol=1e-5)
    assert (task.table[:, 0, dim + 1] == 1).all()
    assert (task.table[:, 2, dim] == 1).all()


@pytest.mark.parametrize("both", [True, False])
def test_tiles_equal_the_twin(level: str, both: bool) -> None:
    task = make_task(both=both)
    twin, rng = copied(task), np.random.default_rng(1)
    counts = [60, 130, 1]
    widths = np.diff(task.blocks)
    entries = [
        entry(int(rng.integers(widths[1])), int(rng.integers(widths[b])), float(rng.lognormal()))
        for b, many in enumerate(counts)
        for _ in range(many)
    ]
    ends = np.array([0, 60, 190, 191])
    for each, name in ((task, level), (twin, "numpy")):
        glove.learn(each, np.array(entries, np.uint64), ends, 1, 0, 3, level=name)
    np.testing.assert_allclose(task.table, twin.table, rtol=1e-3, atol=1e-3)
    rows, columns = rng.integers(30, size=(2, 50)).astype(np.int32)
    x = rng.lognormal(size=50).astype(np.float32)
    losses = [glove.loss(task, rows, columns, x, level=name) for name in (level, "numpy")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


@pytest.mark.parametrize("x", [0.5, 40.0])
def test_the_twin_steps_along_the_gradient(x: float) -> None:
    task = make_task(dim=5)
    i, j, small = 4, 11, 1e-6
    exact = replace(task, table=task.table.astype(np.float64))
    one = (np.array([i]), np.array([j]), np.array([x]))
    after = copied(task)
    glove_twin.step(after, i, j, x)
    for word, side, columns in ((i, 0, range(6)), (j, 2, (0, 1, 2, 3, 4, 6))):
        for column in columns:
            ends = []
            for sign in (1, -1):
                table = exact.table.copy()
                table[word, side, column] += sign * small
                ends.append(glove_twin.loss(replace(exact, table=table), *one))
            slope = (ends[0] - ends[1]) / (2 * small) / 2  # the loss has no ½
            squares = task.table[word, side + 1, column]
            step = after.table[word, side, column] - task.table[word, side, column]
            assert step == pytest.approx(-0.05 * slope / np.sqrt(squares), abs=2e-6)
            grown = after.table[word, side + 1, column] - squares
            assert grown == pytest.approx((0.05 * slope) ** 2, rel=1e-2, abs=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    level = available()[-1]
    if level == "numpy":
        pytest.skip("no compiled kernel here")
    task, ends = make_task(), np.array([0, 0, 1, 1])
    one = np.array([entry(3, 2, 1.0)], np.uint64)
    with pytest.raises(ValueError, match="outside its tile"):
        glove.learn(task, np.array([entry(12, 2, 1.0)], np.uint64), ends, 1, 1, 2, level=level)
    with pytest.raises(ValueError, match="past the entries"):
        glove.learn(task, one, ends + 1, 1, 1, 2, level=level)
    with pytest.raises(ValueError, match="no such tiles"):
        glove.learn(task, one, ends, 3, 1, 2, level=level)
    with pytest.raises(ValueError, match="from 0 to all words"):
        glove.learn(replace(task, blocks=task.blocks[:-1]), one, ends, 1, 1, 2, level=level)
    with pytest.raises(ValueError, match="64-byte"):
        glove.learn(replace(task, table=np.zeros((30, 4, 52), np.float32)), one, ends, 1, 1, 2, level=level)
    with pytest.raises(ValueError, match="not there"):
        glove.loss(task, np.array([30], np.int32), np.array([0], np.int32), np.ones(1, np.float32), level=level)
