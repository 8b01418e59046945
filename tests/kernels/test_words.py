"""The window kernels against its NumPy twin on every level, and the twin against finite differences."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from likewise.errors import OptionError, ShapeError
from likewise.kernels import available, words, words_twin

LEVELS = ("baseline", "avx2", "avx512")


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    if request.param not in available():
        pytest.skip(f"this machine cannot run the {request.param} kernels")
    return str(request.param)


def corpus(rng: np.random.Generator, vocabulary: int, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    weights = 1.0 / np.arange(1, vocabulary + 1)
    ids = rng.choice(vocabulary, size=starts[-1], p=weights / weights.sum()).astype(np.int32)
    return ids, starts


def make_task(
    *,
    dim: int = 100,
    window: int = 5,
    negative: int = 5,
    vocabulary: int = 40,
    lengths: tuple[int, ...] = (30, 0, 1, 2, 50, 17, 0),
    seed: int = 0,
    scale: float = 0.5,
    keep: float = 0.7,
    **more: object,
) -> words.WindowTask:
    rng = np.random.default_rng(seed)
    ids, starts = corpus(rng, vocabulary, list(lengths))
    tables = [words.table(vocabulary, dim) for _ in range(2)]
    for table in tables:
        table[:, :dim] = rng.normal(0.0, scale, size=(vocabulary, dim))
    noise = rng.random(vocabulary) + 0.05
    task = words.WindowTask(
        vectors=tables[0],
        output=tables[1],
        ids=ids,
        starts=starts,
        keep=words.keep_thresholds(np.clip(keep + (keep < 1.0) * rng.normal(0.0, 0.2, vocabulary), 0.05, 1.0)),
        targets=words.Noise(words.alias_table(noise / noise.sum()), negative),
        window=window,
        key=0x1234567890ABCDEF,
        rate=0.05,
        slope=1e-4,
        floor=0.04,
    )
    return replace(task, **more)


def copied(task: words.WindowTask) -> words.WindowTask:
    fresh = [words.table(*table.shape) for table in (task.vectors, task.output)]
    fresh[0][:], fresh[1][:] = task.vectors, task.output
    return replace(task, vectors=fresh[0], output=fresh[1])


def assert_same_tables(one: words.WindowTask, other: words.WindowTask, *, within: float) -> None:
    np.testing.assert_allclose(one.vectors, other.vectors, rtol=1e-5, atol=within)
    np.testing.assert_allclose(one.output, other.output, rtol=1e-5, atol=within)


def one_window(**options: object) -> words.WindowTask:
    """Make a task of which the middle token is the only centre."""
    return make_task(keep=1.0, flat=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dim", "window", "negative", "vocabulary"),
    [
        (100, 5, 5, 1000),  # the fast path
        (100, 5, 5, 6),  # repeated context words, repeated noise, noise that is the centre word
        (1, 1, 1, 5),
        (7, 2, 3, 50),
        (16, 3, 6, 50),
        (50, 5, 2, 50),
        (64, 4, 4, 50),
        (101, 5, 5, 200),
        (128, 10, 10, 200),
        (200, 7, 13, 200),
        (300, 5, 20, 300),
        (24, 100, 100, 60),
    ],
)
def test_one_update_equals_the_twin(level: str, dim: int, window: int, negative: int, vocabulary: int) -> None:
    task = one_window(
        dim=dim, window=window, negative=negative, vocabulary=vocabulary, lengths=(250,), scale=0.5 / np.sqrt(dim)
    )
    twin = copied(task)
    assert words.learn(task, 120, 121, level=level) == words.learn(twin, 120, 121, level="numpy") == (1, 2 * window)
    assert_same_tables(task, twin, within=1e-5)
    assert not np.array_equal(twin.vectors, make_task(dim=dim, vocabulary=vocabulary).vectors)


@pytest.mark.parametrize(("window", "negative", "dim"), [(1, 1, 3), (5, 5, 100), (3, 8, 20), (20, 5, 33)])
def test_a_text_equals_the_twin(level: str, window: int, negative: int, dim: int) -> None:
    task = make_task(window=window, negative=negative, dim=dim, scale=0.1)
    twin = copied(task)
    done = words.learn(task, 0, task.ids.size, level=level)
    assert done == words.learn(twin, 0, task.ids.size, level="numpy")
    assert done[0] > 40
    assert_same_tables(task, twin, within=1e-5)
    assert not task.vectors[:, dim:].any(), "padding must stay zero"


def test_a_long_text_equals_the_twin(level: str) -> None:
    """Many blocks, long and short sentences: the draws of both must not part anywhere."""
    rng = np.random.default_rng(5)
    task = make_task(dim=4, lengths=(3000, *rng.integers(0, 40, 100), 1500), vocabulary=300, scale=0.1)
    twin = copied(task)
    n = task.ids.size
    assert words.learn(task, 0, n, level=level) == words.learn(twin, 0, n, level="numpy")
    assert_same_tables(task, twin, within=2e-4)


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 10_000])
def test_chunks_change_no_bit(level: str, size: int) -> None:
    task = make_task(lengths=(900, 3, 0, 0, 5, 2000, 1, 40), vocabulary=100)
    whole = copied(task)
    total = words.learn(whole, 0, task.ids.size, level=level)
    cuts = [*range(0, task.ids.size, size), task.ids.size]
    parts = [words.learn(task, a, b, level=level) for a, b in pairwise(cuts)]
    assert tuple(np.sum(parts, axis=0)) == total
    assert np.array_equal(task.vectors, whole.vectors)
    assert np.array_equal(task.output, whole.output)


def test_equal_calls_give_equal_bits(level: str) -> None:
    task = make_task(lengths=(3000,))
    again = copied(task)
    for one in (task, again):
        words.learn(one, 0, one.ids.size, level=level)
    assert np.array_equal(task.vectors, again.vectors)


def test_every_token_of_a_sentence_is_within_its_sentence(level: str) -> None:
    """Words 0-4 and 5-9 alternate by sentence and noise is only word 10: rows of one half never meet the other's."""
    ids = np.concatenate([np.arange(5) + 5 * (s % 2) for s in range(40)]).astype(np.int32)
    task = make_task(vocabulary=11, dim=8)
    noise = np.zeros(11)
    noise[10] = 1.0
    starts = np.arange(0, ids.size + 1, 5).astype(np.int64)
    task = replace(
        task, ids=ids, starts=starts, targets=words.Noise(words.alias_table(noise), 5), rate=1e-4, floor=1e-4
    )
    task.vectors[:], task.output[:] = 0.0, 0.0
    task.vectors[:5, 0], task.vectors[5:10, 1] = 1.0, 1.0
    words.learn(task, 0, ids.size, level=level)
    assert (task.output[:5, 0] > 1e-5).all()
    assert (task.output[5:10, 1] > 1e-5).all()
    assert np.abs(task.output[:5, 1]).max() < 1e-6, "only by way of the noise word's row, at second order"
    assert np.abs(task.output[5:10, 0]).max() < 1e-6


def test_large_products_stay_finite(level: str) -> None:
    task = make_task(scale=50.0, lengths=(200,))
    words.learn(task, 0, task.ids.size, level=level)
    assert np.isfinite(task.vectors).all()
    assert np.isfinite(task.output).all()


def test_sigmoid_is_exact_to_a_millionth(level: str) -> None:
    """With one context, one direction and zero noise rows, the step shows the sigmoid of the product."""
    for product in np.linspace(-30, 30, 121):
        task = one_window(dim=1, window=1, negative=1, vocabulary=3, lengths=(2,))
        noise = np.array([0.0, 0.0, 1.0])
        task = replace(
            task, ids=np.array([0, 1], np.int32), targets=words.Noise(words.alias_table(noise), 1), rate=1.0, floor=1.0
        )
        task.vectors[:], task.output[:] = 0.0, 0.0
        task.vectors[1, 0], task.output[0, 0] = 1.0, product
        words.learn(task, 0, 1, level=level)
        step = float(task.output[0, 0]) - float(np.float32(product))
        truth = 1.0 / (1.0 + np.exp(product))
        assert step == pytest.approx(truth, abs=1e-6 + 3e-7 * abs(product))


def test_pair_products_equal_numpy(level: str) -> None:
    rng = np.random.default_rng(0)
    for dim in (1, 50, 100, 301):
        a, b = words.table(30, dim), words.table(20, dim)
        a[:, :dim], b[:, :dim] = rng.normal(size=(30, dim)), rng.normal(size=(20, dim))
        rows = rng.integers(0, 30, 333).astype(np.int32)
        targets = rng.integers(0, 20, 333).astype(np.int32)
        truth = (a[rows].astype(np.float64) * b[targets]).sum(axis=1)
        for one in (level, "numpy"):
            got = words.pair_products(a, b, rows, targets, level=one)
            np.testing.assert_allclose(got, truth, rtol=0, atol=1e-12 * dim)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_the_twin_is_that_of_the_true_loss(seed: int) -> None:
    task = one_window(dim=4, window=3, negative=4, vocabulary=6, lengths=(9,), seed=seed)
    rng = np.random.default_rng(seed)
    vectors, output = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    (step,) = words_twin.steps(task, 4, 5)
    step = replace(step, rate=1.0)
    moved = [vectors.copy(), output.copy()]
    words_twin.apply(task, moved[0], moved[1], step)
    small = 1e-6
    for which, (table, after) in enumerate(zip((vectors, output), moved, strict=True)):
        for place in np.ndindex(table.shape):
            ends = []
            for sign in (1, -1):
                tables = [vectors.copy(), output.copy()]
                tables[which][place] += sign * small
                ends.append(words_twin.loss(task, tables[0], tables[1], step))
            slope = (ends[0] - ends[1]) / (2 * small)
            assert after[place] - table[place] == pytest.approx(-slope, abs=1e-7)


def test_alias_table_gives_each_word_its_probability() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 1000):
        p = rng.random(n) ** 4 + 1e-6
        p /= p.sum()
        table = words.alias_table(p)
        own = np.minimum((table & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32, 1.0)
        got = own / n
        np.add.at(got, (table >> np.uint64(32)).astype(int), (1.0 - own) / n)
        np.testing.assert_allclose(got, p, rtol=0, atol=1e-9)


def test_draws_have_the_expected_frequencies() -> None:
    task = make_task(lengths=(200_000,), vocabulary=8, window=5, negative=2, keep=0.5)
    tokens = words_twin.kept_tokens(task, 0, 200_000)
    share = np.bincount(task.ids[tokens], minlength=8) / np.bincount(task.ids, minlength=8)
    np.testing.assert_allclose(share, (task.keep + 1.0) / 2**32, atol=0.02)
    reach = np.bincount(words_twin.reaches(task, tokens), minlength=6)[1:] / len(tokens)
    np.testing.assert_allclose(reach, 0.2, atol=0.01)
    rng = np.random.default_rng(0)
    corpus(rng, 8, [200_000])  # the state of make_task before it drew the noise
    own = (task.targets.alias & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32 / 8
    truth = own.copy()
    np.add.at(truth, (task.targets.alias >> np.uint64(32)).astype(int), 1 / 8 - own)
    noise = words_twin.noise_words(task, tokens)
    for k in range(2):
        np.testing.assert_allclose(np.bincount(noise[:, k], minlength=8) / len(tokens), truth, atol=0.01)
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.01


ROWS = 60  # of parts, beyond the words themselves


def models(model: str, loss: str, made: str, *, dim: int = 100, **more: object) -> words.WindowTask:
    """Make a task of one member of the family, with random tables."""
    rng = np.random.default_rng(3)
    task = make_task(dim=dim, scale=0.1, lengths=(30, 0, 1, 2, 700, 17, 0, 900, 5), batch=16, **more)  # type: ignore[arg-type]
    n = len(task.keep)
    if loss == "hs":
        lengths = rng.integers(1, min(14, n), n)
        nodes = np.concatenate([rng.permutation(n - 1)[:k] for k in lengths]).astype(np.int32)
        turns = rng.integers(0, 2, nodes.size).astype(np.float32)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        task = replace(task, targets=words.Paths(starts, nodes, turns), output=random_table(rng, n - 1, dim))
    if made == "parts":
        lengths = rng.integers(1, 9, n)
        rows = rng.integers(0, n + ROWS, lengths.sum()).astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        task = replace(task, parts=words.Parts(starts, rows, span=64), vectors=random_table(rng, n + ROWS, dim))
    return replace(task, cbow=model != "skipgram", mean=model != "sum", slope=1e-5, floor=0.01)


def random_table(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    table = words.table(rows, dim)
    table[:, :dim] = rng.normal(0.0, 0.1, size=(rows, dim))
    return table


@pytest.mark.parametrize("made", ["whole", "parts"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("model", ["skipgram", "cbow", "sum"])
@pytest.mark.parametrize("negative", [5, 9])
def test_every_model_equals_the_twin(level: str, model: str, loss: str, made: str, negative: int) -> None:
    task = models(model, loss, made, vocabulary=60, negative=negative)
    twin = copied(task)
    done = words.learn(task, 0, task.ids.size, level=level)
    assert done == words.learn(twin, 0, task.ids.size, level="numpy")
    assert_same_tables(task, twin, within=2e-5)
    assert not np.allclose(twin.vectors, models(model, loss, made, vocabulary=60).vectors, atol=1e-3)


@pytest.mark.parametrize("made", ["whole", "parts"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("model", ["skipgram", "cbow", "sum"])
def test_batches_have_the_same_bits_with_any_number_of_threads(level: str, model: str, loss: str, made: str) -> None:
    task = models(model, loss, made, vocabulary=60)
    twin, several = copied(task), {threads: copied(task) for threads in (2, 3, 4, 9)}
    n = task.ids.size
    done = words.learn_together(task, 0, n, threads=1, level=level)
    assert done == words.learn_together(twin, 0, n, threads=1, level="numpy")
    assert_same_tables(task, twin, within=2e-5)
    for threads, one in several.items():
        words.learn_together(one, 0, 512, threads=threads, level=level)  # cut where a segment ends
        words.learn_together(one, 512, n, threads=threads, level=level)
        assert np.array_equal(one.vectors, task.vectors)
        assert np.array_equal(one.output, task.output)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_gradient_of_a_bag_is_that_of_the_true_loss(loss: str) -> None:
    """Output rows move by the gradient; context rows by that of the mean, each by all of it."""
    task = replace(models("cbow", loss, "whole", dim=4, vocabulary=12), keep=words.keep_thresholds(np.ones(12)))
    step = next(step for step in words_twin.steps(task, 40, 60) if len(step.contexts) > 2)
    step = replace(step, rate=1.0)
    rng = np.random.default_rng(0)
    vectors, output = rng.normal(size=(12, 4)), rng.normal(size=(len(task.output), 4))
    moved = [vectors.copy(), output.copy()]
    words_twin.apply(task, moved[0], moved[1], step)
    small = 1e-6
    times = np.bincount(step.contexts, minlength=12) * len(step.contexts)
    for which, (table, after) in enumerate(zip((vectors, output), moved, strict=True)):
        for place in np.ndindex(table.shape):
            ends = []
            for sign in (1, -1):
                tables = [vectors.copy(), output.copy()]
                tables[which][place] += sign * small
                ends.append(words_twin.loss(task, tables[0], tables[1], step))
            slope = (ends[0] - ends[1]) / (2 * small)
            once = np.bincount(step.contexts, minlength=12)[place[0]] if which == 0 else 1
            expected = -slope * (times[place[0]] / max(once, 1) if which == 0 else 1)
            assert after[place] - table[place] == pytest.approx(expected, abs=1e-7)


def test_what_does_not_fit_is_refused() -> None:
    task = make_task()
    with pytest.raises(ShapeError, match="table has 40 words"):
        replace(task, ids=task.ids + 1000).check()
    with pytest.raises(ShapeError, match="must go from 0"):
        replace(task, starts=task.starts[:-2]).check()
    with pytest.raises(ShapeError, match="must not fall"):
        replace(task, starts=np.array([0, 50, 20, task.ids.size])).check()
    with pytest.raises(OptionError, match="above 0"):
        words.keep_thresholds(np.array([0.0, 1.0]))
    with pytest.raises(OptionError, match="sum to 1"):
        words.alias_table(np.array([0.5, 1.0]))
    level = available()[-1]
    if level == "numpy":
        pytest.skip("no compiled kernel here")
    with pytest.raises(ValueError, match="64-byte"):
        words.learn(replace(task, vectors=np.zeros((40, 100), np.float32)), 0, 1, level=level)
    with pytest.raises(ValueError, match="between 1 and"):
        words.learn(replace(task, window=0), 0, 1, level=level)
    empty = words.Paths(np.zeros(41, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    with pytest.raises(ValueError, match="no rows"):
        words.learn(replace(task, targets=empty), 0, 1, level=level)
    astray = words.Parts(np.arange(41), np.full(40, 99, np.int32))
    with pytest.raises(ValueError, match="row that is not there"):
        words.learn(replace(task, parts=astray), 0, 1, level=level)
    with pytest.raises(ValueError, match="span must divide"):
        words.learn(
            replace(task, parts=words.Parts(np.arange(41), np.arange(40, dtype=np.int32), span=7)), 0, 1, level=level
        )
    with pytest.raises(ValueError, match="batch must divide"):
        words.learn_together(replace(task, batch=7), 0, 1, threads=1, level=level)
    with pytest.raises(ValueError, match="stretch"):
        words.learn(task, 0, task.ids.size + 1, level=level)
    with pytest.raises(ValueError, match="row that is not there"):
        words.pair_products(task.vectors, task.output, np.array([40], np.int32), np.array([0], np.int32), level=level)
