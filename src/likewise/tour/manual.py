"""Learned against designed: a dictionary of patches beside histograms of gradients and of colours."""

from __future__ import annotations

from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.page import figure
from likewise.evaluate.thumbnails import from_png
from likewise.tour.panel import Panel
from likewise.tour.picture_ground import PictureGround
from likewise.tour.reports import numbers, section

_OPTIONS = {"filters": 200, "samples": 50_000}


def show(ground: PictureGround) -> Panel:
    """Give the same probe learned features, designed ones and raw pixels."""
    run = ground.learned("patches", **_OPTIONS)
    knn, linear = numbers(section(run, "Labels"))
    designed, low = linear.baselines["HOG + colour"], linear.low or 0.0
    beside = knn.baselines["HOG + colour"]
    neighbours = "above" if knn.value > beside else "below"
    bars = [Bar("learned patches", linear.value, linear.low, linear.high, {"chance": linear.baselines["chance"]})]
    bars += [Bar(name, linear.baselines[name]) for name in ("HOG + colour", "raw pixels")]
    seconds = run.manifest["seconds"]["learning"]
    return Panel(
        name="manual",
        statement="A straight line finds more in features that are learned than in those that people designed",
        command=ground.command("patches", **_OPTIONS),
        finding=f"Of {linear.n:,} pictures that were not learned from, a linear probe of {run.space.dim:,} learned "
        f"numbers tells {linear.value:.1%}, of HOG and colour histograms {designed:.1%}, of raw pixels "
        f"{linear.baselines['raw pixels']:.1%}; learning took {seconds:.0f} s and no label.",
        fails=f"A vote of the 20 nearest tells {knn.value:.1%}, {neighbours} the designed features' {beside:.1%}: so "
        "many raw answers are no good distance (see the panel of nearest pictures). On drawings whose shape alone "
        "counts, histograms of gradients are hard to beat.",
        pictures=(
            figure(
                bar_chart(bars, title="Linear accuracy", percent=True,
                          description="Linear accuracy of learned features, designed features and raw pixels."),
                "Linear accuracy on pictures held out, with a 95 % Wilson interval.",
            ),
            figure(
                from_png(run.pictures["filters.png"], name="the filters that were learned", side=480),
                "The filters: patches, whitened and clustered. Nobody told them of edges.",
            ),
        ),
        numbers=(linear, knn),
        holds=low > designed,
    )  # fmt: skip
