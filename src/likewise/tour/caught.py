"""A collapse caught live: a loss that only pulls, the doctor's verdict with its cause, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import likewise as lw
from likewise.contracts import Number
from likewise.evaluate.course import BAD
from likewise.evaluate.few_labels import Split, knn_accuracy
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.intervals import wilson
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.panel import NotShown, Panel
from likewise.tour.picture_ground import PictureGround

_BROKEN: dict[str, Any] = {"stop_gradient": False, "predictor": False, "report": False}
_BROKEN |= {"batch": 64, "rate": 1e-2, "crop": 0.6, "colour": 0.2}  # a high rate, so that it takes few steps
_COMMAND = (
    "likewise learn byol PHOTOS --no-stop-gradient --no-predictor --batch 64 --rate 0.01 --crop 0.6 --colour 0.2 "
    "--epochs {epochs} --on-collapse {what} --out RUN"
)
_SIGNALS = ("step", "retrieval", "rank", "spread")
_CAUSE = "Nothing pushes vectors apart"


def show(ground: PictureGround) -> Panel:
    """Let a loss that only pulls run on to its end, and once more with a doctor who may roll back."""
    epochs = ground.collapse_epochs
    left = ground.learned("byol", epochs=epochs, on_collapse="warn", **_BROKEN)
    back = ground.learned("byol", epochs=epochs, on_collapse="rollback", **_BROKEN)
    course, kept = ([line for line in run.log if "doctor" in line] for run in (left, back))
    if len(course) < 3:
        raise NotShown("the training was so short that the doctor had no two looks to agree")
    said = [note for note in back.manifest["notes"] if any(verdict in note for verdict in (*BAD, "rolled back"))]
    seen, last, good = (line["doctor"] for line in (course[0], course[-1], kept[-1]))
    caught = bool(said) and course[-1]["verdict"] in BAD and good["step"] < last["step"]
    named = any(_CAUSE in note for note in said)
    numbers = (_found_again(seen, last, good), *_by_labels(left, back))
    at = next((line["doctor"]["step"] for line in course if line["verdict"] in BAD), None)
    when = "it was not caught" if at is None else f"the verdict stood at step {at:,}"
    return Panel(
        name="caught",
        statement="A collapse is caught while it happens, its cause is named, and the training goes back",
        command="\n".join(_COMMAND.format(epochs=epochs, what=what) for what in ("warn", "rollback")),
        finding="BYOL without stop-gradient and predictor, at five times the usual rate, only pulls. Of "
        f"{last['step']:,} steps {when}; rolled back, the run ends with the state of step {good['step']:,}. Its views "
        f"find each other in {good['retrieval']:.1%} of cases; left alone, in {last['retrieval']:.1%} (step 0: "
        f"{seen['retrieval']:.1%}).",
        fails="Going back saves what was there before; it does not mend the loss: --on-collapse rescue adds a term "
        "that keeps vectors apart. The cause is the likeliest one that setting and signals speak for, not a proof.",
        pictures=(_picture(course, good["step"]),),
        numbers=numbers,
        tables=(
            Table(("what the doctor said",), tuple((note,) for note in said)),
            Table(
                ("step", "view retrieval@1", "effective rank", "spread", "verdict"),
                tuple((*(line["doctor"][name] for name in _SIGNALS), line["verdict"]) for line in course),
                "Left alone: what the doctor saw.",
            ),
        ),
        holds=caught and named and (numbers[0].low or 0.0) > last["retrieval"],
    )  # fmt: skip


def _picture(course: Sequence[Mapping[str, Any]], good: int) -> Any:
    looks = [line["doctor"] for line in course]
    steps = [float(look["step"]) for look in looks]
    lines = [
        Line(name, steps, [float(look[key]) / max(float(looks[0][key]), 1e-12) for look in looks])
        for name, key in (("view retrieval@1", "retrieval"), ("effective rank", "rank"))
    ]
    drawn = line_chart(
        lines, title="A collapse, left alone", x_label="step", y_label="times step 0", levels={"step 0": 1.0},
        description="View retrieval and effective rank fall while the loss falls as well.",
    )  # fmt: skip
    return figure(
        drawn, f"Left alone, as multiples of step 0. The rolled back run ends with the state of step {good:,}."
    )


def _found_again(seen: dict[str, Any], last: dict[str, Any], good: dict[str, Any]) -> Number:
    n = int(good["items"])
    low, high = wilson(round(good["retrieval"] * n), n)
    beside = {"chance": 1 / n, "left alone": float(last["retrieval"]), "step 0": float(seen["retrieval"])}
    return Number("view retrieval@1, rolled back", float(good["retrieval"]), low, high, n, beside)


def _by_labels(left: lw.Run, back: lw.Run) -> tuple[Number, ...]:
    """Return what a vote of neighbours says of both, as a witness that does not look at views."""
    labels, part = left.space.items.get("label"), left.space.items["part"]
    if labels is None or not any(labels):
        return ()
    train, test = (np.flatnonzero(part == name) for name in ("train", "held out"))
    split = Split(labels[train].tolist(), labels[test].tolist())
    alone, rolled = (knn_accuracy(run.space.vectors[train], run.space.vectors[test], split) for run in (left, back))
    beside = {**rolled.baselines, "left alone": alone.value}
    return (Number(f"{rolled.name}, rolled back", rolled.value, rolled.low, rolled.high, rolled.n, beside),)
