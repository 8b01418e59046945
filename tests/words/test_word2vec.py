"""Skip-gram from an encoded corpus: what is learned, what is told, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError, OptionError
from likewise.kernels import words as kernel
from likewise.session import Estimate, Finished, Logged, Progress, Session
from likewise.words.corpus import Corpus
from likewise.words.huffman import huffman_paths
from likewise.words.losses import FixedPairs, fixed_pairs
from likewise.words.subwords import subwords
from likewise.words.sweep import Pace, Team, chunk_for, sweep
from likewise.words.vocabulary import Vocabulary
from likewise.words.word2vec import Trained, Word2Vec


def of_sentences(sentences: list[np.ndarray]) -> tuple[Corpus, Vocabulary]:
    ids = np.concatenate(sentences).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum([len(s) for s in sentences])]).astype(np.int64)
    return Corpus(ids, starts), vocabulary_of(np.bincount(ids, minlength=1))


def vocabulary_of(counts: np.ndarray) -> Vocabulary:
    return Vocabulary([f"w{i}" for i in range(len(counts))], counts, raw_words=int(counts.sum()))


def topics(seed: int, sentences: int = 1500) -> tuple[Corpus, Vocabulary]:
    """Make a text of two topics: words 0-19 stand with one another, words 20-39 too."""
    rng = np.random.default_rng(seed)
    text = [rng.integers(0, 20, rng.integers(4, 12)) + 20 * (s % 2) for s in range(sentences)]
    text.append(np.arange(40))
    return of_sentences(text)


SMALL = Word2Vec(dim=16, epochs=3, threads=1, sample=0.0, rate=0.05)


def fit(options: Word2Vec = SMALL, *, seed: int = 0, **more: Any) -> Trained:
    corpus, vocabulary = topics(seed)
    return options.fit(corpus, vocabulary, session=more.pop("session", Session()), **more)


def test_words_of_one_topic_come_together() -> None:
    v = fit().vectors
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    cosines = v @ v.T
    inside = (cosines[:20, :20].sum() - 20) / (20 * 19)
    assert inside > cosines[:20, 20:].mean() + 0.5


def test_several_threads_learn_the_same_thing() -> None:
    v = fit(replace(SMALL, threads=3)).vectors
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    assert (v @ v.T)[:20, :20].mean() > (v @ v.T)[:20, 20:].mean() + 0.5


def test_one_thread_and_one_seed_give_the_same_bits() -> None:
    one, two, other = fit(), fit(), fit(replace(SMALL, seed=2))
    assert np.array_equal(one.vectors, two.vectors)
    assert np.array_equal(one.output, two.output)
    assert not np.array_equal(one.vectors, other.vectors)
    assert [e["loss_train"] for e in one.history] == [e["loss_train"] for e in two.history]


def test_the_size_of_chunks_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    one = fit()
    monkeypatch.setattr("likewise.words.word2vec.chunk_for", lambda *a, **k: (77, 1.0))
    assert np.array_equal(one.vectors, fit().vectors)


def test_the_numpy_level_learns_the_same_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    one = fit(replace(SMALL, epochs=1))
    monkeypatch.setenv("LIKEWISE_KERNEL", "numpy")
    twin = fit(replace(SMALL, epochs=1))
    assert twin.level == "numpy"
    np.testing.assert_allclose(twin.vectors, one.vectors, atol=1e-3)


def test_history_starts_at_the_loss_of_chance_and_falls() -> None:
    corpus, vocabulary = topics(0)
    held_out, _ = topics(1, sentences=100)
    trained = SMALL.fit(corpus, vocabulary, held_out=held_out, session=Session())
    epochs = [entry["epoch"] for entry in trained.history]
    assert epochs == [0, 1, 2, 3]
    assert trained.finished
    assert trained.epochs_done == 3
    for name in ("loss_train", "loss_held_out"):
        losses = [entry[name] for entry in trained.history]
        assert losses[0] == pytest.approx(6 * math.log(2), abs=0.1)  # a little below: noise that is the word itself
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < losses[0] - 0.5
    assert trained.history[0]["rate"] == SMALL.rate
    assert trained.history[-1]["rate"] == pytest.approx(SMALL.min_rate)
    assert trained.history[1]["pairs"] > trained.history[1]["centres"] > 0


@pytest.mark.parametrize("dim", [1, 7, 16, 100])
def test_tables_have_the_dimension_that_was_asked_for(dim: int) -> None:
    trained = fit(replace(SMALL, dim=dim, epochs=1))
    assert trained.vectors.shape == trained.output.shape == (40, dim)
    assert trained.vectors.flags.c_contiguous
    assert trained.vectors.dtype == np.float32
    assert (np.abs(trained.output).max(axis=1) > 0).all()


def test_first_vectors_are_uniform_and_outputs_zero() -> None:
    seen: dict[int, np.ndarray] = {}
    fit(replace(SMALL, epochs=2, dim=50), on_epoch=lambda epoch, v: seen.update({epoch: v.copy()}))
    assert list(seen) == [0, 1, 2]
    assert np.abs(seen[0]).max() <= 0.5 / 50
    assert seen[0].std() == pytest.approx(1 / 50 / math.sqrt(12), rel=0.05)
    assert np.abs(seen[1] - seen[0]).max() > 0.01


def test_whoever_looks_cannot_write() -> None:
    def scribble(epoch: int, vectors: np.ndarray) -> None:
        vectors[0] = 0.0

    with pytest.raises(ValueError, match="read-only"):
        fit(on_epoch=scribble)


def test_events_tell_what_happens() -> None:
    events: list[Any] = []
    big, vocabulary = topics(0, sentences=60_000)
    Word2Vec(dim=64, epochs=2, threads=1).fit(big, vocabulary, session=Session(events.append))
    kinds = [type(event) for event in events]
    assert kinds[0] is Estimate, "before it starts"
    assert events[0].seconds > 0
    assert events[0].memory >= 2 * 40 * 64 * 4
    assert kinds.count(Logged) == 3
    assert kinds[-1] is Finished
    progress = [event for event in events if type(event) is Progress]
    for event in progress:
        assert 0 < event.done <= event.total
        assert {"words_per_second", "rate", "loss"} <= event.facts.keys()


def test_stopping_keeps_what_was_learned() -> None:
    def stop(event: object) -> None:
        if type(event) is Progress:
            session.stop()

    session = Session(stop)
    corpus, vocabulary = topics(0, sentences=60_000)
    trained = Word2Vec(epochs=100_000, threads=2, dim=32).fit(corpus, vocabulary, session=session)
    assert not trained.finished
    assert trained.epochs_done < 100_000
    assert np.abs(trained.output).max() > 0
    assert trained.vectors.shape == (40, 32)


def test_stopped_before_it_began() -> None:
    session = Session()
    session.stop()
    trained = fit(session=session)
    assert not trained.finished
    assert trained.epochs_done == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dim", 0),
        ("dim", 2.5),
        ("dim", True),
        ("window", 0),
        ("negative", 0),
        ("epochs", 0),
        ("threads", -1),
        ("seed", -1),
        ("rate", 0.0),
        ("rate", math.nan),
        ("rate", "fast"),
        ("min_rate", -1.0),
        ("min_rate", 0.1),
        ("sample", -1e-3),
        ("power", math.inf),
        ("model", "glove"),
        ("loss", "softmax"),
        ("combine", "max"),
        ("weighting", "harmonic"),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: object) -> None:
    with pytest.raises(OptionError, match=option):
        Word2Vec(**{option: value})  # type: ignore[arg-type]


def test_a_corpus_without_anything_to_learn_is_refused() -> None:
    def learn(*sentences: list[int], words: int = 3) -> None:
        corpus, _ = of_sentences([np.array(s, dtype=np.int32) for s in sentences])
        vocabulary = vocabulary_of(np.ones(words, dtype=np.int64))
        SMALL.fit(corpus, vocabulary, session=Session())

    with pytest.raises(DataError, match="at least two"):
        learn([0, 0, 0], words=1)
    with pytest.raises(DataError, match="is empty"):
        learn([])
    with pytest.raises(DataError, match="no sentence has two words"):
        learn([0], [1], [2])


def test_held_out_text_may_be_empty_or_without_pairs() -> None:
    for sentences in ([[]], [[1], [2]]):
        held_out, _ = of_sentences([np.array(s, dtype=np.int32) for s in sentences])
        assert fit(replace(SMALL, epochs=1), held_out=held_out).history[-1]["loss_held_out"] is None


def task_of(corpus: Corpus, words: int, *, window: int, negative: int, **more: Any) -> kernel.WindowTask:
    return kernel.WindowTask(
        vectors=kernel.table(words, 1),
        output=kernel.table(words, 1),
        ids=corpus.ids,
        starts=corpus.starts,
        keep=kernel.keep_thresholds(np.ones(words)),
        targets=kernel.Noise(kernel.alias_table(np.full(words, 1 / words)), negative),
        window=window,
        key=0,
        rate=0.1,
        **more,
    )


def test_fixed_pairs_are_those_of_the_windows() -> None:
    """Every word stands once, so pairs can be told from their places."""
    corpus, _vocabulary = of_sentences([np.arange(0, 30), np.arange(30, 31), np.arange(31, 60)])
    pairs = fixed_pairs(corpus, task_of(corpus, 60, window=3, negative=4), keep=np.ones(60), seed=0)
    assert pairs is not None
    centres = pairs.targets[:, 0]
    assert np.abs(pairs.contexts - centres).max() == 3
    assert (pairs.contexts != centres).all()
    assert ((pairs.contexts < 30) == (centres < 30)).all()
    assert 30 not in pairs.contexts
    again = fixed_pairs(corpus, task_of(corpus, 60, window=3, negative=4), keep=np.ones(60), seed=0)
    assert again is not None
    assert np.array_equal(pairs.targets, again.targets)


def test_fixed_pairs_of_a_long_text_come_from_all_over_it() -> None:
    corpus, _vocabulary = of_sentences([np.arange(50_000)])
    pairs = fixed_pairs(corpus, task_of(corpus, 50_000, window=5, negative=2), keep=np.ones(50_000), seed=0, most=5000)
    assert pairs is not None
    assert len(pairs.contexts) == 5000
    assert np.abs(pairs.contexts - pairs.targets[:, 0]).max() == 5
    share = np.histogram(pairs.contexts, bins=5, range=(0, 50_000))[0] / 5000
    assert share.min() > 0.05


def test_loss_is_the_formula() -> None:
    corpus, _vocabulary = topics(0, sentences=50)
    pairs = fixed_pairs(corpus, task_of(corpus, 40, window=3, negative=5), keep=np.ones(40), seed=0, most=300)
    assert pairs is not None
    rng = np.random.default_rng(0)
    vectors, output = kernel.table(40, 10), kernel.table(40, 10)
    vectors[:, :10], output[:, :10] = rng.normal(size=(2, 40, 10))
    total = 0.0
    for context, targets in zip(pairs.contexts, pairs.targets, strict=True):
        x = [float(vectors[context].astype(float) @ output[t].astype(float)) for t in targets]
        total -= math.log(1 / (1 + math.exp(-x[0])))
        total -= sum(
            math.log(1 / (1 + math.exp(a))) for a, t in zip(x[1:], targets[1:], strict=True) if t != targets[0]
        )
    assert pairs.loss(vectors, output) == pytest.approx(total / 300, rel=1e-12)
    assert pairs.loss(vectors, output, level="numpy") == pytest.approx(total / 300, rel=1e-12)


def test_fixed_bags_are_those_of_the_windows() -> None:
    corpus, _ = of_sentences([np.arange(0, 30), np.arange(30, 31), np.arange(31, 60)])
    task = task_of(corpus, 60, window=3, negative=4, cbow=True, flat=True)
    bags = fixed_pairs(corpus, task, keep=np.ones(60), seed=0)
    assert bags is not None
    assert bags.bounds is not None
    assert sorted(bags.targets[:, 0]) == [i for i in range(60) if i != 30]
    for i, centre in enumerate(bags.targets[:, 0]):
        low, high = (0, 29) if centre < 30 else (31, 59)
        window = set(range(max(low, centre - 3), min(high, centre + 3) + 1)) - {centre}
        assert set(bags.contexts[bags.bounds[i] : bags.bounds[i + 1]]) == window
    rng = np.random.default_rng(0)
    vectors, output = kernel.table(60, 10), kernel.table(60, 10)
    vectors[:, :10], output[:, :10] = rng.normal(size=(2, 60, 10))
    total = 0.0
    for i, targets in enumerate(bags.targets):
        mean = vectors[bags.contexts[bags.bounds[i] : bags.bounds[i + 1]]].astype(float).mean(axis=0)
        signs = np.where(np.arange(5) == 0, 1.0, -1.0)
        real = (np.arange(5) == 0) | (targets != targets[0])
        total += float((np.log1p(np.exp(-signs * (output[targets] @ mean))) * real).sum())
    assert bags.loss(vectors, output) == pytest.approx(total / len(bags.targets), rel=1e-6)


@pytest.mark.parametrize("words", [2, 3, 7, 100])
def test_probabilities_of_a_tree_sum_to_one(words: int) -> None:
    """Σ over all words of exp(−loss) is 1 for any vectors: hierarchical softmax is a softmax."""
    rng = np.random.default_rng(0)
    counts = np.sort(rng.integers(1, 1000, words))[::-1]
    paths = huffman_paths(counts)
    lengths = np.diff(paths.starts)
    assert (np.diff(lengths) >= 0).all()
    assert (2.0**-lengths).sum() == 1.0
    vectors, output = kernel.table(1, 8), kernel.table(words - 1, 8)
    vectors[:, :8], output[:, :8] = rng.normal(size=8), rng.normal(size=(words - 1, 8))
    total = 0.0
    for word in range(words):
        way = slice(int(paths.starts[word]), int(paths.starts[word + 1]))
        targets, labels = paths.nodes[None, way], paths.turns[None, way] == 1.0
        pair = FixedPairs(np.zeros(1, np.int32), targets, labels, np.ones_like(labels))
        total += math.exp(-pair.loss(vectors, output))
    assert total == pytest.approx(1.0, rel=1e-9)


MODELS = {
    "cbow": replace(SMALL, model="cbow"),
    "cbow, sum, flat": replace(SMALL, model="cbow", combine="sum", weighting="flat", rate=0.02),
    "hs": replace(SMALL, loss="hs"),
    "cbow, hs": replace(SMALL, loss="hs", model="cbow"),
    "reproducible": replace(SMALL, reproducible=True),
    "reproducible hs": replace(SMALL, reproducible=True, loss="hs"),
    "reproducible cbow": replace(SMALL, reproducible=True, model="cbow"),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_brings_words_of_one_topic_together(name: str) -> None:
    trained = fit(replace(MODELS[name], epochs=8))
    v = trained.vectors - trained.vectors.mean(axis=0)
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    assert (v @ v.T)[:20, :20].mean() > (v @ v.T)[:20, 20:].mean() + 0.4
    losses = [entry["loss_train"] for entry in trained.history]
    assert losses[-1] < losses[0] - 0.1
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("reproducible")])
def test_reproducible_means_the_same_bits_at_any_number_of_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [fit(replace(MODELS[name], threads=threads)) for threads in (1, 2, 4, 1, 2, 4)]
    monkeypatch.setattr("likewise.words.word2vec.chunk_for", lambda *a, **k: (77, 1.0))
    runs.append(fit(replace(MODELS[name], threads=2)))
    for run in runs[1:]:
        assert np.array_equal(run.vectors, runs[0].vectors)
        assert np.array_equal(run.output, runs[0].output)


@pytest.mark.parametrize("words", [2, 5, 40, 1000])
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_batches_do_not_overshoot_however_small_the_vocabulary(words: int, loss: str) -> None:
    rng = np.random.default_rng(0)
    corpus, vocabulary = of_sentences([rng.integers(0, words, 50) for _ in range(400)] + [np.arange(words)])
    options = Word2Vec(dim=20, epochs=3, sample=0.0, rate=0.1, reproducible=True, threads=1, loss=loss)
    trained = options.fit(corpus, vocabulary, session=Session())
    assert np.abs(trained.vectors).max() < 20
    losses = [entry["loss_train"] for entry in trained.history]
    assert losses[-1] <= losses[0] + 0.2


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_subwords_learn_the_words_and_their_parts(model: str) -> None:
    """Words of one topic share no letters, so it is the text that brings them together; a word is its rows' mean."""
    corpus, vocabulary = topics(0)
    parts = subwords(vocabulary.words, min_n=2, max_n=3, buckets=1000)
    options = replace(SMALL, model=model, epochs=8)
    seen: dict[int, np.ndarray] = {}
    trained = options.fit(
        corpus, vocabulary, subwords=parts, session=Session(), on_epoch=lambda epoch, v: seen.update({epoch: v.copy()})
    )
    assert trained.rows is not None
    assert trained.rows.shape == (parts.size, 16)
    by_hand = [trained.rows[parts.rows[a:b]].mean(axis=0) for a, b in pairwise(parts.starts)]
    np.testing.assert_allclose(trained.vectors, by_hand, atol=1e-6)
    np.testing.assert_allclose(seen[8], by_hand, atol=1e-6)
    v = trained.vectors - trained.vectors.mean(axis=0)
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    assert (v @ v.T)[:20, :20].mean() > (v @ v.T)[:20, 20:].mean() + 0.4
    losses = [entry["loss_train"] for entry in trained.history]
    assert losses[-1] < losses[0] - 0.1


@pytest.mark.parametrize("words", [3, 10, 40])
@pytest.mark.parametrize("reproducible", [False, True])
def test_words_that_share_letters_do_not_overshoot(words: int, reproducible: bool) -> None:
    """Words of a and b share nearly all n-grams: with 512 tokens at a time they grew without bound."""
    rng = np.random.default_rng(0)
    corpus, vocabulary = of_sentences([rng.integers(0, words, 50) for _ in range(300)] + [np.arange(words)])
    spelled: set[str] = set()
    while len(spelled) < words:
        spelled.add("".join(rng.choice(["a", "b"], rng.integers(2, 9))))
    parts = subwords(sorted(spelled), min_n=2, max_n=4, buckets=1000)
    options = replace(SMALL, dim=20, rate=0.1, reproducible=reproducible)
    whole, spelt = (options.fit(corpus, vocabulary, subwords=s, session=Session()) for s in (None, parts))
    assert spelt.history[-1]["loss_train"] < whole.history[-1]["loss_train"] + 0.03
    assert np.abs(spelt.vectors).max() < 20


def test_the_loss_of_parts_is_that_of_their_means() -> None:
    corpus, vocabulary = topics(0, sentences=50)
    parts = subwords(vocabulary.words, min_n=2, max_n=3, buckets=1000)
    rng = np.random.default_rng(0)
    rows, output = kernel.table(parts.size, 10), kernel.table(40, 10)
    rows[:, :10], output[:, :10] = rng.normal(size=(parts.size, 10)), rng.normal(size=(40, 10))
    whole = kernel.table(40, 10)
    whole[:] = [rows[parts.rows[a:b]].mean(axis=0) for a, b in pairwise(parts.starts)]
    task = task_of(corpus, 40, window=3, negative=5)
    apart = replace(task, parts=kernel.Parts(parts.starts, parts.rows))
    pairs, same = (fixed_pairs(corpus, t, keep=np.ones(40), seed=0) for t in (task, apart))
    assert pairs is not None
    assert same is not None
    assert same.loss(rows, output) == pytest.approx(pairs.loss(whole, output), rel=1e-6)


def test_a_sweep_visits_every_token_once() -> None:
    seen: list[tuple[int, int]] = []

    def learn(begin: int, end: int) -> tuple[int, int]:
        seen.append((begin, end))
        return end - begin, 2 * (end - begin)

    pace = Pace(1003)
    sweep(learn, pace, chunk=10, threads=3, stopped=lambda: False, watch=lambda pace: None)
    assert sorted(seen) == [(a, min(a + 10, 1003)) for a in range(0, 1003, 10)]
    assert pace.complete
    assert (pace.centres, pace.pairs) == (1003, 2006)


def test_a_pass_in_several_sweeps_visits_every_token_once() -> None:
    seen: list[tuple[int, int]] = []

    def learn(begin: int, end: int) -> tuple[int, int]:
        seen.append((begin, end))
        return end - begin, 2 * (end - begin)

    def until(pace: Pace, most: int) -> Pace:
        sweep(learn, pace, chunk=10, threads=3, stopped=lambda: pace.done >= most, watch=lambda pace: None)
        return Pace(1003, **pace.state())

    pace = Pace(1003)
    for most in range(100, 1200, 100):
        pace = until(pace, most)
        assert pace.done >= min(most, 1003)
        assert sorted(seen) == [(a, min(a + 10, 1003)) for a in range(0, pace.done, 10)], "what was done has no gaps"
    assert pace.complete
    assert (pace.centres, pace.pairs) == (1003, 2006)


def test_an_error_in_a_thread_comes_out() -> None:
    def learn(begin: int, end: int) -> tuple[int, int]:
        raise RuntimeError("here")

    with pytest.raises(RuntimeError, match="here"):
        sweep(learn, Pace(10**9), chunk=1, threads=2, stopped=lambda: False, watch=lambda pace: None)


def test_chunks_are_sized_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0

    def learn(begin: int, end: int) -> tuple[int, int]:
        nonlocal clock
        clock += (end - begin) * 1e-5
        return 0, 0

    monkeypatch.setattr("likewise.words.sweep.time.perf_counter", lambda: clock)
    chunk, per_second = chunk_for(learn, 10**6, seconds=0.02)
    assert chunk == pytest.approx(2000, abs=1)
    assert per_second == pytest.approx(1e5)
    assert chunk_for(learn, 10, seconds=0.02)[0] >= 10


def test_a_team_gives_way_to_one_thread_where_that_is_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, faster = 0.0, 0.5  # of the time that one thread takes
    asked: list[int] = []

    def learn(begin: int, end: int, threads: int) -> tuple[int, int]:
        nonlocal clock
        asked.append(threads)
        clock += (end - begin) * 1e-4 * (1 if threads == 1 else faster)
        return 1, 2

    monkeypatch.setattr("likewise.words.sweep.time.perf_counter", lambda: clock)
    team = Team(2)
    for ratio in (0.5, 8.0, 0.5):
        faster = ratio
        asked.clear()
        for stretch in range(2_000):
            assert team.learn(learn, stretch * 100, stretch * 100 + 100) == (1, 2)
        seldom = 1 if ratio < 1 else 2
        assert asked.count(seldom) < 250, "the quicker way is taken"
        assert asked.count(seldom) > 5, "the other is tried again, now and then"
    asked.clear()
    alone = Team(1)
    for stretch in range(10):
        alone.learn(learn, stretch * 100, stretch * 100 + 100)
    assert asked == [1] * 10
