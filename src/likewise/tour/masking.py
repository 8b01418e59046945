"""Masking: pictures of which three quarters were hidden, filled in by what learned from hiding."""

from __future__ import annotations

from likewise.evaluate.page import figure
from likewise.evaluate.thumbnails import from_png
from likewise.tour.panel import Panel
from likewise.tour.picture_ground import PictureGround
from likewise.tour.reports import numbers, section

_OPTIONS = {"mask": 0.75, "patch": 4}
_MEAN = "the mean of each patch"


def show(ground: PictureGround) -> Panel:
    """Hide, fill in, and hold the error against what needs no learning."""
    run = ground.learned("mae", **_OPTIONS)
    (error,) = numbers(section(run, "Hidden and filled in"))
    mean, untrained = error.baselines[_MEAN], error.baselines["untrained"]
    return Panel(
        name="masking",
        statement="What is hidden can be told from what is seen: who fills in has learned how pictures go on",
        command=ground.command("mae", **_OPTIONS),
        finding=f"Three quarters of the patches of {error.n:,} pictures that were not learned from were hidden. Their "
        f"normalised pixels are told with a squared error of {error.value:.3f}; telling each patch's mean alone costs "
        f"{mean:.3f}, the network as it was drawn {untrained:.3f}.",
        fails="Fine detail cannot be told and comes out smooth. Each patch's mean and contrast are put back to show "
        "it; the network told the pattern. Filling in well does not make vectors that neighbours can be read off.",
        pictures=(
            figure(
                from_png(run.pictures["filled-in.png"], name="hidden patches filled in", side=399),
                "The picture; what the network was shown; the hidden patches as it told them.",
            ),
        ),
        numbers=(error,),
        holds=(error.high or error.value) < min(mean, untrained),
    )
