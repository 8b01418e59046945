"""Rankings whose worth is known, and the same figures as scikit-learn and as all orders of ties, one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from likewise.contracts import Array
from likewise.errors import DataError, OptionError, ShapeError
from likewise.evaluate.ranking import average_precision, ndcg, rankings, recall_at, reciprocal_rank, scored

Measure = Callable[..., float]
MEASURES: dict[str, Measure] = {
    "ndcg": lambda ranked, **kw: ndcg(ranked, k=3, **kw),
    "average precision": average_precision,
    "recall": lambda ranked, **kw: recall_at(ranked, k=2, **kw),
    "reciprocal rank": reciprocal_rank,
}


@pytest.mark.parametrize("name", MEASURES)
def test_perfect_is_one_and_nothing_is_zero(name: str) -> None:
    measure = MEASURES[name]
    assert measure(np.array([3.0, 2.0, 0.0, 0.0])) == pytest.approx(1)
    assert measure(np.zeros(4)) == 0
    assert measure(np.array([])) == 0
    assert measure(np.array([-1.0, 0.0])) == 0


def test_reversed_is_what_the_equations_say() -> None:
    worst = np.array([0.0, 0.0, 1.0, 2.0])
    assert ndcg(worst) == pytest.approx((1 / np.log2(4) + 2 / np.log2(5)) / (2 + 1 / np.log2(3)))
    assert ndcg(worst, k=2) == 0
    assert average_precision(worst) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert recall_at(worst, k=3) == pytest.approx(1 / 2)
    assert reciprocal_rank(worst) == pytest.approx(1 / 3)


def test_gains_are_linear() -> None:
    assert ndcg(np.array([1.0, 3.0]), k=2) == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))


def test_what_was_not_found_counts() -> None:
    found = np.array([2.0, 0.0])
    assert ndcg(found, judged=np.array([2.0, 1.0, 1.0])) == pytest.approx(2 / (2 + 1 / np.log2(3) + 1 / 2))
    assert average_precision(found, relevant=4) == pytest.approx(1 / 4)
    assert recall_at(found, k=10, relevant=4) == pytest.approx(1 / 4)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("scores", [[5, 4, 4, 4, 1], [2, 2, 2, 2, 2], [3, 3, 2, 2, 1], [5, 4, 3, 2, 1]])
def test_ties_are_the_mean_of_all_orders(name: str, scores: list[float]) -> None:
    measure, given = MEASURES[name], np.array(scores, float)
    for grades in ([0, 1, 0, 2, 1], [0, 0, 1, 0, 0], [1, 2, 3, 0, 0]):
        ranked = np.array(grades, float)
        every = [
            measure(ranked[list(order)])
            for order in permutations(range(5))
            if all(given[a] >= given[b] for a, b in pairwise(order))
        ]
        assert measure(ranked, scores=given) == pytest.approx(np.mean(every))


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 30).astype(float)
    told = rng.integers(0, 8, 30).astype(float) if seed % 2 else rng.normal(size=30)
    order = np.argsort(-told, kind="stable")
    for k in (1, 5, 10, 100):
        ours = ndcg(truth[order], k=k, scores=told[order])
        assert ours == pytest.approx(ndcg_score([truth], [told], k=k))
    untied = rng.permutation(30).astype(float)  # scikit-learn's curve takes tied documents all at once
    order = np.argsort(-untied)
    assert average_precision(truth[order]) == pytest.approx(average_precision_score(truth > 0, untied))


def test_rankings_by_score_or_order() -> None:
    judged = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}, "none": {"a": 0}}
    by_order = rankings({"q1": ["a", "b", "x"], "q2": ["x", "c"]}, judged)
    by_score = rankings({"q1": {"x": 0.1, "b": 2, "a": 3}, "q2": {"c": -2, "x": -1}}, judged)
    assert [n.name for n in by_order] == ["ndcg@10", "map", "recall@100", "mrr"]
    assert [n.value for n in by_order] == [n.value for n in by_score]
    assert by_order[1].value == pytest.approx((1 + 1 / 2) / 2)
    assert by_order[3].value == pytest.approx((1 + 1 / 2) / 2)
    for number in by_order:
        assert number.low is not None
        assert number.high is not None
        assert number.low <= number.value <= number.high
        assert number.n == 2
        assert number.note == "1 of 3 queries left out: no document is relevant"


def test_a_query_without_a_ranking_counts_zero() -> None:
    judged = {"q1": {"a": 1}, "q2": {"c": 1}}
    number = rankings({"q1": ["a"]}, judged)[0]
    assert number.value == pytest.approx(1 / 2)
    assert number.note == "no ranking, counted 0: 1"


def test_a_ranking_that_says_nothing_is_worth_chance() -> None:
    documents = [f"d{i}" for i in range(50)]
    judged = {f"q{i}": {"d0": 3.0, f"d{i}": 1.0} for i in range(1, 9)}  # the first in the file is the best for all
    same = scored(np.ones((8, 50)), list(judged), documents)
    for number in rankings(same, judged, documents=50):
        assert number.value == pytest.approx(number.baselines["chance"])
    drawn: list[Array] = []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=(8, 50))
        drawn.append(np.array([n.value for n in rankings(scored(noise, list(judged), documents), judged)]))
    chance = np.array([n.baselines["chance"] for n in rankings(same, judged, documents=50)])
    assert np.abs(np.mean(drawn, 0) - chance).max() < 0.03


def test_what_cannot_be_ranked_is_a_sentence() -> None:
    judged = {"q": {"a": 1}}
    with pytest.raises(DataError, match="no number as the score of document 'a'"):
        rankings({"q": {"b": 1.0, "a": float("nan")}}, judged)
    with pytest.raises(DataError, match="'a' twice"):
        rankings({"q": ["a", "b", "a"]}, judged)
    with pytest.raises(DataError, match="name queries as the judgements do"):
        rankings({"other": ["a"]}, judged)
    with pytest.raises(ShapeError, match="a row for each of 1 queries"):
        scored(np.ones((2, 2)), ["q"], ["a", "b"])
    with pytest.raises(ShapeError, match="and fall"):
        ndcg(np.ones(2), scores=np.array([1.0, 2.0]))
    with pytest.raises(OptionError, match="k is 0"):
        ndcg(np.ones(2), k=0)
