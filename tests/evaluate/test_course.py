"""The course of a training: runs that were measured before the first line of code, matrices whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from likewise.contracts import Array
from likewise.evaluate.collapse import duplicate_units
from likewise.evaluate.course import BAD, judge, sound, votes_of
from likewise.evaluate.seen import Seen, Setting, course_of, look, setting_of

RNG = np.random.default_rng(0)

# centred effective rank and view retrieval@1 in %, at steps 0, 20, 50, 100, 200 and the end; 1,024 items, 192 dims
MEASURED = {
    "simclr": ((147, 130, 111, 105, 102, 107), (5.0, 6.7, 11, 18, 26, 45)),
    "vicreg": ((147, 88, 83, 83, 88, 97), (5.0, 6.1, 12, 20, 31, 45)),
    "byol, slow": ((147, 87, 51, 48, 55, 76), (5.0, 3.6, 4.4, 6.0, 9.1, 17)),
    "no stop-gradient": ((147, 90, 39, 29, 23, 22), (5.0, 3.8, 2.2, 2.1, 2.3, 2.4)),
    "pull only": ((147, 76, 33, 24, 18, 17), (5.0, 3.1, 2.8, 2.5, 2.1, 2.2)),
    "no variance": ((147, 85, 32, 22, 17, 17), (5.0, 3.6, 2.6, 1.9, 1.8, 1.8)),
}
STEPS = (0, 20, 50, 100, 200, 500)


def course(name: str, **changes: Any) -> list[Seen]:
    ranks, found = MEASURED[name]
    usual = {"items": 1024, "dim": 192, "spread": 0.5, "length": 1.0, "dead": 0.0, "duplicates": 0.0, "signal": 1.0}
    return [
        Seen(step=step, progress=step / 500, rank=float(rank), retrieval=share / 100, **(usual | changes))
        for step, rank, share in zip(STEPS, ranks, found, strict=True)
    ]


@pytest.mark.parametrize("name", MEASURED)
def test_the_runs_that_were_measured_are_told_apart(name: str) -> None:
    seen = course(name)
    verdicts = [judge(seen[: end + 1]).verdict for end in range(len(seen))]
    if name in ("simclr", "vicreg", "byol, slow"):
        assert not set(verdicts) & set(BAD), verdicts
        assert verdicts[-1] == "healthy"
    else:
        assert verdicts[3] == "dimensional collapse", verdicts  # by step 100, a fifth of the training
        assert verdicts[-1] == "dimensional collapse"
    assert verdicts[0] == "warming up"


def test_one_look_is_not_enough_and_one_better_look_does_not_clear() -> None:
    good, bad = course("simclr"), course("pull only")
    once = [*good[:3], bad[3]]
    assert judge(once).verdict == "healthy"
    assert judge([*once, bad[4]]).verdict in BAD
    back = [*bad[:5], good[5]]
    assert judge(back).verdict in BAD
    assert judge([*back, good[5]]).verdict == "healthy"


def still(items: int, retrieval: list[float], **changes: Any) -> list[Seen]:
    """Return a course in which nothing but retrieval changes."""
    usual = {"dim": 192, "rank": 100.0, "spread": 0.5, "length": 1.0, "dead": 0.0, "duplicates": 0.0, "signal": 1.0}
    return [
        Seen(step=100 * i, progress=i / (len(retrieval) - 1), items=items, retrieval=r, **(usual | changes))
        for i, r in enumerate(retrieval)
    ]


@pytest.mark.parametrize("items", [1, 4, 20, 49])
def test_a_few_items_tell_neither_a_collapse_nor_that_something_was_learned(items: int) -> None:
    for end in (0.0, 0.3, 0.375, 0.6, 1.0):
        found = judge(still(items, [0.375, 0.375, 0.375, end, end]))
        assert found.verdict == "warming up"
        assert f"{items} items are held out" in found.evidence
        assert "it takes 50" in found.advice
    assert judge(still(items, [0.4, 0.4, 0.4], spread=1e-4)).verdict == "warming up"  # nor was it wider at the start


@pytest.mark.parametrize("share", [1.0, 0.97, 0.91])
def test_where_all_views_are_found_from_the_start_nothing_is_left_to_gain(share: float) -> None:
    assert judge(still(500, [share] * 6)).verdict == "healthy"
    assert judge(still(500, [share, share, share, 0.05, 0.04, 0.04], signal=0.1)).verdict in BAD


def test_what_chance_alone_would_find_is_neither_gained_nor_lost() -> None:
    assert judge(still(100, [0.10, 0.10, 0.11, 0.12])).verdict == "warming up"
    assert judge(still(3000, [0.10, 0.10, 0.12, 0.13])).verdict == "healthy"
    assert "views lost" not in votes_of(still(60, [0.05, 0.03]), Setting())
    assert "views lost" in votes_of(still(3000, [0.05, 0.03]), Setting())


def test_the_rank_is_held_against_its_peak() -> None:
    ranks = [30.0, 100.0, 100.0, 25.0]
    seen = [replace(one, rank=rank) for one, rank in zip(still(500, [0.5] * 4), ranks, strict=True)]
    assert "rank" in votes_of(seen, Setting())
    assert "rank" not in votes_of([seen[0], seen[3]], Setting())


def test_units_that_say_what_another_says_are_counted() -> None:
    x = RNG.normal(size=(300, 6))
    copied = np.column_stack([x, x[:, :3], -2 * x[:, 3] + 1, np.zeros(300), np.ones(300)])
    assert duplicate_units(copied) == pytest.approx(4 / 12)
    assert duplicate_units(x) == 0.0
    assert duplicate_units(np.ones((50, 4))) == 0.0
    seen = [look(x, x + 0.1 * RNG.normal(size=x.shape), step=0, progress=0.0)]
    doubled = x[:, :1] @ np.ones((1, 6)) + 1e-3 * x
    seen.append(look(doubled, doubled + 0.1 * RNG.normal(size=x.shape), step=60, progress=0.2))
    assert seen[0].doubled == 0.0
    assert seen[1].doubled == pytest.approx(5 / 6)
    assert "duplicate units" in votes_of(seen, Setting())
    some = [replace(one, doubled=share) for one, share in zip(seen, (0.0, 0.4), strict=True)]
    assert "duplicate units" not in votes_of(some, Setting())  # as in a healthy I-JEPA


def test_numbers_that_are_none_count_at_once() -> None:
    found = judge([*course("simclr")[:2], look(np.full((9, 3), np.nan), np.zeros((9, 3)), step=3, progress=0.1)])
    assert found.verdict == "diverged"
    assert "rate" in found.cause


def views(kind: str, n: int = 512, d: int = 32) -> tuple[Array, Array]:
    """Return two views of n items as a network that has learned, or collapsed in some way, makes them."""
    signal, noise = RNG.normal(size=(n, d)), RNG.normal(size=(2, n, d))
    if kind == "noise":
        return noise[0], noise[1]
    if kind == "constant":
        return np.ones((n, d)) + 1e-4 * noise[0], np.ones((n, d)) + 1e-4 * noise[1]
    if kind == "one point":
        return np.ones((n, d)), np.ones((n, d))
    if kind == "rank 1":
        line = signal[:, :1] * np.ones(d)
        return line + 0.01 * noise[0], line + 0.01 * noise[1]
    if kind == "cone":
        return 20 + signal + 0.2 * noise[0], 20 + signal + 0.2 * noise[1]
    strength = {"start": 1.0, "learned": 0.2}[kind]
    return signal + strength * noise[0], signal + strength * noise[1]


@pytest.mark.parametrize(
    ("kind", "verdicts"),
    [
        ("learned", {"healthy"}),
        ("noise", {"noise"}),
        ("constant", {"complete collapse"}),
        ("one point", {"complete collapse"}),
        ("rank 1", {"dimensional collapse"}),
        ("cone", {"anisotropic"}),
    ],
)
def test_matrices_whose_truth_is_known(kind: str, verdicts: set[str]) -> None:
    seen = [look(*views("start"), step=0, progress=0.0)]
    seen += [look(*views(kind), step=step, progress=step / 100) for step in (60, 70, 80)]
    found = judge(seen)
    assert found.verdict in verdicts, (found, seen[-1])
    assert found.evidence


CAUSES = [
    ({"traits": {"negatives": False, "stop_gradient": False}}, "no negatives"),
    ({"traits": {"negatives": True, "temperature": 10.0}}, "temperature 10"),
    ({"traits": {"weights": {"variance": 0.0, "covariance": 1.0}}}, "variance term is 0"),
    ({"traits": {"negatives": True, "temperature": 0.2}, "weight_decay": 1.0}, "weight decay 1"),
    ({"traits": {"negatives": True, "temperature": 0.2}, "rate": 1.0, "usual_rate": 1e-3}, "rate 1 is too high"),
    ({"traits": {"negatives": True, "temperature": 0.2}, "distinct": 0.01}, "data are nearly constant"),
    ({"traits": {"stop_gradient": True, "predictor": False, "momentum": 0.0}}, "no predictor"),
    ({"traits": {"stop_gradient": True, "predictor": True, "momentum": 0.0}}, "momentum 0"),
    (
        {
            "traits": {
                "stop_gradient": True,
                "predictor": False,
                "momentum": 0.99,
                "centring": False,
                "temperature": 0.1,
            }
        },
        "not centred",
    ),
    ({"traits": {"negatives": True, "temperature": 0.2}}, "cannot be told"),
]


@pytest.mark.parametrize(("setting", "named"), CAUSES)
def test_the_cause_is_named_and_something_is_advised(setting: dict[str, Any], named: str) -> None:
    found = judge(course("pull only"), Setting(**setting))
    assert named in found.cause
    assert "Learn again" in found.advice or "Look at the data" in found.advice
    assert not judge(course("simclr"), Setting(**setting)).cause  # a healthy run has no cause


def test_a_loss_at_a_constant_of_the_objective_is_told() -> None:
    constants = {"all vectors equal": 0.0, "unrelated": 4.0}
    at, off = (judge(course("pull only", loss=loss), Setting(constants=constants)).cause for loss in (0.01, 0.4))
    assert "The loss, 0.01, is that of nothing learned: all vectors equal." in at
    assert "The loss" not in off


FLAT_TERMS = [
    ({"traits": {"weights": {"invariance": 1.0, "sigreg": 0.0}}}, "Gaussian term is 0", "--weight 5"),
    ({"traits": {"weights": {"invariance": 1.0, "redundancy": 0.0}}}, "redundancy term is 0", "--redundancy 0.005"),
    ({"traits": {"weights": {"reconstruction": 1.0}}}, "cannot be told", "rescue"),
    ({"traits": {"negatives": True, "temperature": 0.2}, "weight_decay": 0.6}, "weight decay 0.6", "--weight-decay"),
]


@pytest.mark.parametrize(("setting", "named", "advised"), FLAT_TERMS)
def test_terms_are_known_by_the_names_that_objectives_give_them(
    setting: dict[str, Any], named: str, advised: str
) -> None:
    found = judge(course("pull only"), Setting(**setting))
    assert named in found.cause
    assert advised in found.advice


def heads(ranks: tuple[float, ...], widths: tuple[float, ...], views: tuple[float, ...]) -> list[Seen]:
    """Return a course whose encoder keeps its rank, with what the loss compares beside it."""
    usual = {"items": 768, "dim": 192, "spread": 0.7, "length": 7.0, "dead": 0.0, "duplicates": 0.0, "signal": 0.5}
    return [
        Seen(step=step, progress=step / 352, rank=100.0, retrieval=found, projector_rank=rank, projector_width=width,
             projector_retrieval=found, **usual)
        for step, rank, width, found in zip((0, 28, 56, 70, 352), ranks, widths, views, strict=True)
    ]  # fmt: skip


HEADS = [  # measured by benchmarks/zoo.py
    ("byol, no stop-gradient", (91, 15, 5.0, 4.3, 1.7), (11, 24, 24, 24, 24), (0.040, 0.035, 0.034, 0.036, 0.034)),
    ("vicreg, variance 0", (255, 150, 185, 205, 258), (8.1, 2.1, 0.5, 0.3, 0.1), (0.040, 0.027, 0.028, 0.027, 0.030)),
    ("simsiam", (258, 85, 34, 32, 23), (23, 23, 23, 23, 23), (0.040, 0.038, 0.037, 0.042, 0.047)),
    ("simclr, temperature 10", (89, 23, 17, 15, 9.6), (3.9, 20, 24, 24, 24), (0.040, 0.042, 0.044, 0.046, 0.050)),
]


@pytest.mark.parametrize(("name", "ranks", "widths", "views"), HEADS)
def test_what_the_loss_compares_tells_by_a_fifth_and_only_where_nothing_is_gained(
    name: str, ranks: tuple[float, ...], widths: tuple[float, ...], views: tuple[float, ...]
) -> None:
    seen = heads(ranks, widths, views)
    early, late = judge(seen[:4]).verdict, judge(seen).verdict
    if name in ("simsiam", "simclr, temperature 10"):
        assert early not in BAD
        assert late in ("healthy", "warming up")
    else:
        kind = "dimensional collapse" if name.startswith("byol") else "complete collapse"
        assert (early, late) == (kind, kind)


def test_a_log_in_which_a_training_went_back_gives_the_course_that_counts() -> None:
    seen = course("pull only")
    lines = [{"step": one.step, "doctor": one.as_json(), "verdict": "…"} for one in seen[:4]]
    back = {"step": 20, "back_from": 100, "doctor": seen[1].as_json(), "verdict": "…"}
    again = [{"step": one.step, "doctor": one.as_json(), "verdict": "…"} for one in course("simclr")[2:]]
    assert course_of([*lines, back, {"step": 21, "loss": 1.0}, *again]) == [*seen[:2], *course("simclr")[2:]]
    known = Setting({"negatives": True}, rate=0.1, constants={"ln(2N − 1)": 4.8})
    assert setting_of([{"step": 0, "setting": known.as_json() | {"of a later version": 1}}]) == known
    assert setting_of(lines) == Setting()


def test_only_a_look_that_nothing_speaks_against_is_one_to_come_back_to() -> None:
    good, bad = course("simclr"), course("pull only")
    assert sound(good, Setting())
    assert not sound(bad[:2], Setting())  # fewer views are found than at the start
    assert not sound([*good, bad[5]], Setting())
    assert sound(good[:1], Setting())


def test_it_goes_to_the_log_and_back() -> None:
    seen = course("vicreg")
    assert [Seen(**one.as_json()) for one in seen] == seen
