"""Prediction: what a network makes of hidden parts, told from those that are seen, without any pixel."""

from __future__ import annotations

from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.page import figure
from likewise.tour.panel import Panel
from likewise.tour.picture_ground import PictureGround
from likewise.tour.reports import numbers, section

_OPTIONS = {"patch": 4, "time": "120s"}


def show(ground: PictureGround) -> Panel:
    """Ask how much of the hidden tokens is told, and what the vectors are worth."""
    run = ground.learned("ijepa", **_OPTIONS)
    (told,) = numbers(section(run, "Hidden and predicted"))
    knn, linear = numbers(section(run, "Labels"))
    bars = [Bar("predicted", told.value, told.low, told.high)]
    bars += [Bar(name, value) for name, value in told.baselines.items()]
    return Panel(
        name="prediction",
        statement="What a hidden part means can be told from the rest, without telling a single pixel",
        command=ground.command("ijepa", **_OPTIONS),
        finding=f"Of what varies in a teacher's tokens of hidden blocks, {told.value:.1%} is told from the part that "
        f"is seen, by {told.n:,} pictures that were not learned from; by the mean of what is seen "
        f"{told.baselines['mean of what is seen']:.1%}, by the network as it was drawn "
        f"{told.baselines['untrained']:.1%}. A linear probe of the vectors tells {linear.value:.1%} "
        f"(untrained {linear.baselines['untrained network']:.1%}).",
        fails="The teacher is made by the learner: what is easy to tell may be empty, and were all tokens alike there "
        "would be nothing to tell. So the share is of what varies, and the probe stands beside it. I-JEPA "
        "is experimental here: of all ways it needs the longest training.",
        pictures=(
            figure(
                bar_chart(bars, title="Told of hidden tokens", low=min(0.0, *told.baselines.values()), percent=True,
                          description="The share of the variance of hidden tokens that is told."),
                "1 − squared error over variance: 0 is telling the mean of all tokens, 1 is telling everything.",
            ),
        ),
        numbers=(told, linear, knn),
        holds=(told.low or 0.0) > max(told.baselines.values()),
    )  # fmt: skip
