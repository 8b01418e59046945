"""Depth: the same probe at every depth of a network, learned and as it was drawn."""

from __future__ import annotations

from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.panel import Panel
from likewise.tour.picture_ground import PictureGround
from likewise.tour.reports import numbers, section

OPTIONS = {"crop": 0.4, "time": "130s"}


def show(ground: PictureGround) -> Panel:
    """Read the probe off at every depth."""
    run = ground.learned("simclr", **OPTIONS)
    found = section(run, "Depth")
    knn, linear = numbers(found)
    table = found["tables"][0]
    rows = [row for row in table["rows"] if row[4] is not None]
    learned, drawn = ([float(row[at]) for row in rows] for at in (3, 5))
    places = [float(n) for n in range(1, len(rows) + 1)]
    gain = [a - b for a, b in zip(learned, drawn, strict=True)]
    holds = (linear.low or 0.0) > drawn[-1] and gain[-1] > gain[0]
    return Panel(
        name="depth",
        statement="What is learned lies deep: the later a layer, the more it gains over the network as it was drawn",
        command=ground.command("simclr", **OPTIONS),
        finding=f"A linear probe gains {100 * gain[0]:+.1f} points over the untrained network at the first depth and "
        f"{100 * gain[-1]:+.1f} at the last ({learned[-1]:.1%} against {drawn[-1]:.1%}); raw pixels reach "
        f"{linear.baselines['raw pixels']:.1%}, HOG and colour {linear.baselines['HOG + colour']:.1%}.",
        fails="Minutes of learning do not catch up with designed features. Longer trainings often peak before the "
        "last depth, which serves the loss and not the labels; means over places lose what lies where.",
        pictures=(
            figure(
                line_chart(
                    [Line("learned", places, learned), Line("untrained", places, drawn)],
                    title="Linear accuracy by depth", description="Linear accuracy at each depth.",
                    x_label="depth", whole_x=True,
                    levels={name: linear.baselines[name] for name in ("raw pixels", "HOG + colour", "chance")},
                ),
                "From the first layer to the vector; of each the mean over its places.",
            ),
        ),
        numbers=(linear, knn),
        tables=(Table(tuple(table["columns"]), tuple(tuple(row) for row in table["rows"])),),
        holds=holds,
    )  # fmt: skip
