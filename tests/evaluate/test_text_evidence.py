"""Pairs of texts, senses and few labels where the truth is known: oracles, noise, vectors that are all alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from likewise.contracts import Array
from likewise.errors import DataError, ShapeError
from likewise.evaluate.few_labels import Split, few_label_accuracy
from likewise.evaluate.known_senses import nearest_senses, same_sense, sense_numbers, threshold
from likewise.evaluate.similarity import pearson
from likewise.evaluate.text_pairs import pair_cosines, text_likeness

# --- pairs ---


def _sides(cosines: Array) -> tuple[Array, Array]:
    """Return vectors of any length whose cosines are these."""
    first = np.tile([2.0, 0.0], (len(cosines), 1))
    return first, np.stack([cosines, np.sqrt(1 - cosines**2)], 1) * 3


def test_an_oracle_reaches_one_and_its_opposite_minus_one() -> None:
    scores = np.linspace(0, 5, 40)
    first, second = _sides(scores / 5)
    rank, line = text_likeness(first, second, list(scores))
    assert (rank.name, line.name) == ("pairs of texts spearman cosine", "pairs of texts pearson cosine")
    assert rank.value == pytest.approx(1)
    assert line.value == pytest.approx(1)
    assert (rank.n, rank.baselines) == (40, {"chance": 0.0})
    bent, _ = _sides((scores / 5) ** 3)[0], None
    rank, line = text_likeness(bent, _sides((scores / 5) ** 3)[1], list(scores))
    assert rank.value == pytest.approx(1), "the order is what counts"
    assert line.value < 0.95
    assert text_likeness(first, second, list(-scores))[0].value == pytest.approx(-1)


def test_equal_to_scipy_with_an_interval_around() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 300).astype(float)
    first, second = _sides(np.clip(scores / 6 + rng.normal(0, 0.3, 300), -1, 1))
    found = pair_cosines(first, second)
    rank, line = text_likeness(first, second, list(scores))
    assert rank.value == pytest.approx(stats.spearmanr(found, scores).statistic)
    assert line.value == pytest.approx(stats.pearsonr(found, scores).statistic)
    for number in (rank, line):
        assert number.low is not None
        assert number.high is not None
        assert number.low < number.value < number.high
        assert number.high - number.low < 0.2


def test_vectors_that_tell_nothing_reach_nothing() -> None:
    scores = [0.0, 1.0, 2.0, 3.0, 4.0] * 20
    same = np.tile([0.3, 0.4, 0.5], (100, 1))
    for number in text_likeness(same, same, scores):
        assert (number.value, number.low, number.high) == (0, 0, 0)
    rng = np.random.default_rng(0)
    noise = text_likeness(rng.normal(size=(100, 8)), rng.normal(size=(100, 8)), scores)[0]
    assert noise.low is not None
    assert noise.low < 0
    assert abs(noise.value) < 0.25


def test_a_text_without_a_vector_has_cosine_zero_and_is_counted() -> None:
    first, second = _sides(np.array([0.9, 0.1, -0.5]))
    second[1] = 0
    assert pair_cosines(first, second).tolist() == pytest.approx([0.9, 0, -0.5])
    number, _ = text_likeness(first, second, [3, 2, 1])
    assert number.note == "1 of 3 pairs have a side without a vector: cosine 0"


def test_pairs_that_do_not_fit_are_a_sentence() -> None:
    with pytest.raises(ShapeError, match="each has one"):
        text_likeness(np.ones((2, 3)), np.ones((2, 3)), [1.0])
    with pytest.raises(ShapeError, match="on each"):
        pair_cosines(np.ones((2, 3)), np.ones((3, 3)))
    broken = np.ones((3, 2))
    broken[1, 0] = np.nan
    with pytest.raises(DataError, match="pair 2 has a vector that is not finite, one of 1"):
        pair_cosines(np.ones((3, 2)), broken)


def test_a_constant_has_no_correlation() -> None:
    assert pearson([0.1] * 7, list(range(7))) == 0
    assert pearson([1.0], [2.0]) == 0


# --- senses ---


def _uses(seed: int, sizes: dict[str, int], noise: float) -> tuple[Array, list[str]]:
    rng = np.random.default_rng(seed)
    centres = dict(zip(sizes, np.eye(8), strict=False))
    senses = [name for name, size in sizes.items() for _ in range(size)]
    lengths = rng.uniform(0.5, 20, (len(senses), 1))
    return (np.stack([centres[one] for one in senses]) + rng.normal(0, noise, (len(senses), 8))) * lengths, senses


def test_senses_that_are_apart_come_out_right() -> None:
    train, senses = _uses(0, {"money": 95, "river": 5}, 0.05)
    test, truth = _uses(1, {"money": 38, "river": 2}, 0.05)
    told = nearest_senses(train, senses, test)
    assert told == truth
    numbers = sense_numbers(told, truth, frequent="money", name="bank")
    assert [n.name for n in numbers] == [
        "bank accuracy",
        "bank mean recall",
        "bank recall of money",
        "bank recall of river",
    ]
    assert [n.value for n in numbers] == [1, 1, 1, 1]
    assert [n.n for n in numbers] == [40, 40, 38, 2]
    assert [n.baselines["most frequent sense"] for n in numbers] == [0.95, 0.5, 1.0, 0.0]
    assert numbers[3].low is not None
    assert numbers[3].low < 0.5, "two texts tell little"


def test_one_vector_for_all_tells_the_most_frequent_sense() -> None:
    senses = ["river"] * 3 + ["money"] * 9
    told = nearest_senses(np.ones((12, 4)), senses, np.ones((5, 4)))
    assert told == ["money"] * 5
    numbers = sense_numbers(told, ["money"] * 4 + ["river"], frequent="money")
    assert [n.value for n in numbers] == [0.8, 0.5, 1.0, 0.0]
    assert [n.value for n in numbers] == [n.baselines["most frequent sense"] for n in numbers]


def test_noise_tells_what_drawing_does() -> None:
    rng = np.random.default_rng(0)
    senses = ["a", "b"] * 200
    told = nearest_senses(rng.normal(size=(400, 6)), senses, rng.normal(size=(400, 6)))
    accuracy = sense_numbers(told, senses, frequent="a")[0]
    assert accuracy.value == pytest.approx(0.5, abs=0.1)


def test_a_threshold_is_the_best_there_is() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        cosines = rng.integers(0, 10, 30) / 10
        same = rng.random(30) < 0.2 + 0.6 * cosines
        limit = threshold(cosines, same)
        best = max(((cosines > one) == same).mean() for one in [-np.inf, *np.unique(cosines)])
        assert same_sense(cosines, same, limit=limit).value == pytest.approx(best)


def test_a_threshold_between_and_at_the_ends() -> None:
    assert threshold(np.array([0.2, 0.4, 0.8]), [False, False, True]) == pytest.approx(0.6)
    assert threshold(np.array([0.2, 0.4]), [True, True]) == -np.inf
    assert threshold(np.array([0.2, 0.4]), [False, False]) > 0.4
    number = same_sense(np.ones(4), [True, False, True, False], limit=threshold(np.ones(4), [True, False, True, False]))
    assert (number.value, number.baselines) == (0.5, {"most frequent answer": 0.5})


def test_senses_that_do_not_fit_are_a_sentence() -> None:
    with pytest.raises(ShapeError, match="each has one"):
        nearest_senses(np.ones((2, 3)), ["a"], np.ones((1, 3)))
    with pytest.raises(DataError, match="a vector is not finite"):
        nearest_senses(np.ones((2, 3)), ["a", "b"], np.full((1, 3), np.nan))
    with pytest.raises(ShapeError, match="1 answers came for 0 texts"):
        sense_numbers(["a"], [], frequent="a")
    with pytest.raises(ShapeError, match="one for each"):
        threshold(np.ones(2), [True])
    with pytest.raises(DataError, match="not finite"):
        threshold(np.array([np.nan]), [True])
    with pytest.raises(ShapeError, match="one for each"):
        same_sense(np.ones(2), [True], limit=0.0)


# --- few labels ---


def test_a_class_with_fewer_labels_gives_all_it_has() -> None:
    train, labels = _uses(0, {"a": 30, "b": 4}, 0.05)
    test, truth = _uses(1, {"a": 10, "b": 10}, 0.05)
    split = Split(labels, truth)
    assert few_label_accuracy(train, test, split, each=10) is None
    number = few_label_accuracy(train, test, split, each=10, at_most=True, draws=3)
    assert number is not None
    assert number.value > 0.8
    assert number.note == "3 draws of labels; 1 of 2 classes have fewer"
    enough = few_label_accuracy(train, test, split, each=4, at_most=True)
    assert enough is not None
    assert enough.note == "5 draws of labels"
    assert enough == few_label_accuracy(train, test, split, each=4)
