"""GloVe on texts whose truth is known: same bits at any number of threads, topics apart, never NaN."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from likewise.checkpoints import Checkpoints
from likewise.errors import DataError, OptionError
from likewise.kernels.glove import CONTEXT, SQUARES, VECTOR
from likewise.session import Session
from likewise.sources.small_language import SmallLanguage, small_language
from likewise.sources.text import open_text
from likewise.words import glove
from likewise.words.cooccurrence import Counts, count
from likewise.words.corpus import Reading, read_corpus
from likewise.words.glove import GloVe, State, first_table, groups_of, tournament


def read(lines: list[str], *, min_count: int = 1) -> Reading:
    return read_corpus(open_text(lines), min_count=min_count, held_out=0.0, session=Session())


def counted(lines: list[str], **options: object) -> tuple[Reading, Counts]:
    reading = read(lines)
    given = {"window": 5} | options
    return reading, count(reading.train, len(reading.vocabulary), session=Session(), **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def language() -> SmallLanguage:
    return small_language(sentences=6000)


@pytest.mark.parametrize("symmetric", [True, False])
def test_same_bits_at_any_number_of_threads(language: SmallLanguage, symmetric: bool) -> None:
    bits = set()
    for threads in (1, 2, 4, 1, 2, 4):
        _, counts = counted(language.lines, symmetric=symmetric, threads=threads, block=16)
        trained = GloVe(dim=20, epochs=3, threads=threads, seed=3).fit(counts, session=Session())
        assert trained.finished
        bits.add(trained.vectors.tobytes() + trained.output.tobytes())
    assert len(bits) == 1
    other = GloVe(dim=20, epochs=3, seed=4).fit(counts, session=Session())
    assert other.vectors.tobytes() not in next(iter(bits))


def test_topics_stand_apart_and_the_loss_falls(language: SmallLanguage) -> None:
    reading, counts = counted(language.lines)
    trained = GloVe(dim=20, epochs=30, x_max=20.0).fit(counts, session=Session())
    losses = [entry["loss_train"] for entry in trained.history]
    assert losses[-1] < 0.1 * losses[0]
    rows = [reading.vocabulary.index[label.key] for label in language.labels if label.label != "role"]
    names = np.array([label.label for label in language.labels if label.label != "role"])
    # w alone: in a text of 7-word sentences w + c mixes who is alike with who stands together
    own = (trained.vectors - trained.output)[rows]
    z = own / np.linalg.norm(own, axis=1, keepdims=True)
    cosines = z @ z.T
    np.fill_diagonal(cosines, -1)
    assert (names[cosines.argmax(axis=1)] == names).mean() > 0.9


def test_biases_step_as_in_their_program_without_a_rate() -> None:
    """One count of two words, one epoch: vectors move by rate · f · miss, biases by f · miss (glove.c)."""
    _, counts = counted(["left right"], window=1)
    options = GloVe(dim=4, epochs=1, seed=5, rate=0.05, x_max=2.0)
    before = first_table(2, 4, rate=options.rate, seed=options.seed).astype(np.float64)
    after = options.fit(counts, session=Session()).state.table
    vector, context = before[:, VECTOR, :6], before[:, CONTEXT, :6]  # with both biases and their ones
    for i, j in ((0, 1), (1, 0)):
        step = 0.5**0.75 * (vector[i] @ context[j] - np.log(1.0))
        assert abs(step) > 1e-3
        np.testing.assert_allclose(after[i, VECTOR, 4], before[i, VECTOR, 4] - step, atol=1e-6)
        np.testing.assert_allclose(after[j, CONTEXT, 5], before[j, CONTEXT, 5] - step, atol=1e-6)
        np.testing.assert_allclose(after[i, VECTOR, :4], vector[i, :4] - 0.05 * step * context[j, :4], atol=1e-6)
        # the step after that is g / √(1 + g²): the squares tell it
        np.testing.assert_allclose(after[i, SQUARES, 4], 0.05**2 * (1 + step**2), rtol=1e-4)


class Looks(threading.Event):
    """A wish to stop that comes when somebody has looked for it so often."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_stopped_at_any_moment_it_goes_on_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove, "_PIECE", 4)
    lines = small_language(sentences=400).lines
    _, counts = counted(lines, block=2)
    trainer = GloVe(dim=4, epochs=2, threads=1)
    whole = trainer.fit(counts, session=Session())
    within = set()
    for looks in range(0, 400, 19):
        cut = trainer.fit(counts, session=Session(stop=Looks(looks)))
        within.add((cut.state.rounds > 0, any(tiles for _, tiles in cut.state.places)))
        rest = trainer.fit(counts, state=cut.state, session=Session())
        assert rest.finished
        assert rest.vectors.tobytes() + rest.output.tobytes() == whole.vectors.tobytes() + whole.output.tobytes()
    assert len(within) == 4, "no stop fell inside a round, or inside a stretch of tiles"


def test_going_on_from_a_state_gives_the_same_bits(language: SmallLanguage) -> None:
    _, counts = counted(language.lines[:500], block=16)
    whole = GloVe(dim=8, epochs=4).fit(counts, session=Session())
    half = GloVe(dim=8, epochs=2).fit(counts, session=Session())
    rest = GloVe(dim=8, epochs=4).fit(counts, state=State(half.state.table, half.state.epoch), session=Session())
    np.testing.assert_array_equal(rest.vectors, whole.vectors)
    assert [entry["epoch"] for entry in half.history + rest.history] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("players", [1, 2, 3, 6, 7, 16])
def test_everybody_meets_everybody_once_and_nobody_twice_in_a_round(players: int) -> None:
    rounds = tournament(players)
    for pairs in rounds[:-1]:
        met = [player for pair in pairs for player in pair]
        assert len(set(met)) == len(met)
    pairs = [pair for each in rounds for pair in each]
    assert sorted(pairs) == [(a, b) for a in range(players) for b in range(a, players)]


@pytest.mark.parametrize("symmetric", [True, False])
def test_every_count_is_learned_once(language: SmallLanguage, symmetric: bool) -> None:
    _, counts = counted(language.lines[:200], symmetric=symmetric, block=16)
    training = glove._Training(GloVe(dim=4), counts, Session(), None, Checkpoints(), None)
    groups = groups_of(counts)
    assert groups[0] == 0
    assert groups[-1] == len(counts.rows)
    tiles = np.zeros((len(counts.rows),) * 2, int)
    for pairs in tournament(len(groups) - 1):
        for pair in pairs:
            for row, begin, end in training._of(pair):
                tiles[row, begin:end] += 1
    held = np.diff(counts.ends, axis=1) > 0
    assert (tiles[held] == 1).all()
    assert tiles.max() == 1


@pytest.mark.parametrize("lines", [["one two three"], ["a b"], ["a a a"], ["a b", "c d"]])
def test_the_smallest_texts_give_numbers(lines: list[str]) -> None:
    if lines == ["a a a"]:
        with pytest.raises(DataError, match="only one word"):
            counted(lines)
        return
    _, counts = counted(lines, window=100)
    trained = GloVe(dim=4, epochs=50).fit(counts, session=Session())
    assert np.isfinite(trained.vectors).all()
    assert np.isfinite([entry["loss_train"] for entry in trained.history]).all()


def test_a_vocabulary_of_one_gets_a_sentence() -> None:
    reading = read(["a a a b"], min_count=2)
    counts = count(reading.train, 1, window=2, session=Session())
    with pytest.raises(DataError, match="vocabulary has 1 word"):
        GloVe(dim=4).fit(counts, session=Session())


def test_a_rate_that_is_too_high_gives_numbers_or_a_sentence(language: SmallLanguage) -> None:
    _, counts = counted(language.lines[:300])
    try:
        trained = GloVe(dim=4, rate=10.0).fit(counts, session=Session())
    except OptionError as error:
        said = str(error)
    else:
        said = "lower the rate" if np.isfinite(trained.vectors).all() else "not a number"
    assert "lower the rate" in said


@pytest.mark.parametrize(
    "options", [{"dim": 0}, {"dim": 2.5}, {"epochs": 0}, {"rate": 0.0}, {"rate": 11.0}, {"x_max": 0.0}, {"x_power": -1}]
)
def test_options_out_of_range_get_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="must be|is above"):
        GloVe(**options)  # type: ignore[arg-type]


def test_a_wish_to_stop_keeps_what_was_learned(language: SmallLanguage) -> None:
    _, counts = counted(language.lines)
    session = Session()
    threading.Timer(0.3, session.stop).start()
    start = time.perf_counter()
    trained = GloVe(dim=100, epochs=1_000_000).fit(counts, session=session)
    assert time.perf_counter() - start < 3
    assert not trained.finished
    assert trained.epochs_done > 0
    assert np.isfinite(trained.vectors).all()
