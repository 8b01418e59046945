"""Compact and separable: few numbers a word, all of them used, and categories that a straight line can read."""

from __future__ import annotations

import numpy as np

from likewise.contracts import Number
from likewise.evaluate.baselines import untrained
from likewise.evaluate.collapse import effective_rank, spectrum_of
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.page import figure
from likewise.evaluate.probes import linear_probe
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel

_MOST = 20_000
_FEWEST = 40  # words with a category


def show(ground: Ground) -> Panel:
    """Show the spectrum, and read word categories out with a straight line."""
    space = ground.need(100)
    learned = spectrum_of(space.vectors[:_MOST])
    random = untrained(len(space), space.dim)
    start = spectrum_of(random[:_MOST])
    rows = [space.index(label.key) for label in ground.labels]
    names = [label.label for label in ground.labels]
    if len(set(names)) < 2 or len(names) < _FEWEST:
        raise NotShown("it needs words of two categories, and none are known for this text")
    probe = linear_probe(space.vectors[rows], names, name="categories, linear probe", untrained=random[rows])
    classes = len(set(names))
    kind = "categories" if ground.gold["analogies"] else "kinds of word endings"
    x = list(range(1, space.dim + 1))
    rank = effective_rank(learned)
    return Panel(
        name="compact",
        statement="The space is compact and linearly separable",
        command="likewise evaluate RUN --labels categories.txt",
        finding=f"{space.dim} numbers a word stand for {len(space):,} words; all are in use (effective rank "
        f"{rank:.0f}), and a straight line tells {classes} {kind} apart with {probe.value:.0%} right.",
        fails="A linear probe sees only what lies along straight lines, and finds no fault in a space that is good at "
        "these categories alone; one-hot vectors separate any words that were in training, and none that were not.",
        pictures=(
            figure(
                line_chart(
                    [
                        Line("learned", x, (np.sqrt(learned / max(learned.sum(), 1e-30))).tolist()),
                        Line("untrained", x, (np.sqrt(start / max(start.sum(), 1e-30))).tolist()),
                    ],
                    title="Spectrum of the centred vectors",
                    description="The learned spectrum falls smoothly and does not break off.",
                    x_label="direction",
                    y_label="share of the length",
                    whole_x=True,
                ),
                "Roots of the eigenvalues of the covariance. A collapsed space would break off.",
            ),
        ),
        numbers=(
            probe,
            Number(
                "effective rank, centred",
                rank,
                n=min(len(space), _MOST),
                baselines={"untrained": effective_rank(start)},
            ),
            Number("bytes a word", 4.0 * space.dim, baselines={"one-hot": 4.0 * len(space)}),
        ),
        holds=probe.low is not None and probe.low > probe.baselines["untrained"],
    )
