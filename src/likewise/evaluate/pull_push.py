"""Pull and push: what the doctor counted while a network learned in, how alike views were at start and end out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from likewise.contracts import Array, Number
from likewise.evaluate import page
from likewise.evaluate.charts import hills_png
from likewise.evaluate.figures import hills
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.two_views import BINS, apartness

EDGES = np.linspace(-1, 1, BINS + 1)
_X_LABEL = "cosine"


def pull_and_push(history: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Show how sim(x, x⁺) and sim(x, x⁻) were distributed at the start, the middle and the end of a training."""
    looks = [line["doctor"] for line in history if line.get("doctor", {}).get("pulled")]
    if len(looks) < 2:
        return []
    shown = {name: _groups(look) for name, look in three(looks).items()}
    figures = [
        page.figure(
            hills(
                groups, EDGES, title=name, x_label=_X_LABEL,
                description=f"{name}: the cosines of two views of one item, and of views of two items.",
            ),
            name,
        )
        for name, groups in shown.items()
    ]  # fmt: skip
    rows = tuple(
        (look["step"], *(mean_of(counts) for counts in _groups(look).values()), _apart(look)) for look in looks
    )
    columns = ("step", "mean sim(x, x⁺)", "mean sim(x, x⁻)", "x⁺ more alike than x⁻")
    return [
        Section(
            "Pull and push",
            told(looks[0], looks[-1]),
            (apart_number(looks[0], looks[-1]),),
            (Table(columns, rows, "Of items that were not learned from, at every look of the doctor."),),
            (page.pair(*figures),),
            {"pull-and-push.png": hills_png(shown, EDGES, x_label=_X_LABEL)},
        )
    ]


def three(looks: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the first look, the one nearest to the middle, and the last, by what to call them."""
    first, last = looks[0], looks[-1]
    middle = min(looks, key=lambda look: abs(look["step"] - (first["step"] + last["step"]) / 2))
    chosen = [("Start", first), ("Middle", middle), ("End", last)]
    return {f"{name}, step {look['step']:,}": look for name, look in chosen if name != "Middle" or len(looks) > 2}


def told(first: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """Say what happened between two looks."""
    (pulled, pushed), (pulled_now, pushed_now) = (tuple(map(mean_of, _groups(look).values())) for look in (first, last))
    return (
        f"Two views of one item were alike by {pulled:.2f} at the start and {pulled_now:.2f} at the end, views of "
        f"two items by {pushed:.2f} and {pushed_now:.2f} (mean cosines, not centred, of what the loss compares, "
        "else of the network's vectors). What counts is that they part: a view of the same item is the more alike "
        f"of the two in {_apart(first):.1%} of pairs at the start, in {_apart(last):.1%} at the end."
    )


def apart_number(first: Mapping[str, Any], last: Mapping[str, Any]) -> Number:
    """Return how often x⁺ is more alike than x⁻ at the end, beside chance and the start."""
    return Number(
        "x⁺ more alike than x⁻", _apart(last), n=int(np.sum(last["pulled"])),
        baselines={"chance": 0.5, "at the start": _apart(first)},
        note="from counts in bins of 0.05, so without an interval",
    )  # fmt: skip


def mean_of(counts: Array) -> float:
    """Return the mean cosine of what was counted: bins count as their middles."""
    return float((counts * (EDGES[:-1] + EDGES[1:]) / 2).sum() / max(1, counts.sum()))


def _groups(look: Mapping[str, Any]) -> dict[str, Array]:
    return {"sim(x, x⁺)": np.asarray(look["pulled"]), "sim(x, x⁻)": np.asarray(look["pushed"])}


def _apart(look: Mapping[str, Any]) -> float:
    return apartness(*_groups(look).values())
