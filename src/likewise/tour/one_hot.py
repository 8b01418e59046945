"""One-hot fails: every two words are equally far apart."""

from __future__ import annotations

import numpy as np

from likewise.contracts import Number
from likewise.evaluate.calibration import calibrate
from likewise.evaluate.figures import histogram
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.ground import Ground
from likewise.tour.panel import Panel
from likewise.words.onehot import OneHot

_ASKED = 6


def show(ground: Ground) -> Panel:
    """Compare the distances, bytes and neighbours of one-hot vectors with those of learned ones."""
    space = ground.need(100)
    one_hot = OneHot(space.keys)
    learned = np.sqrt(np.maximum(0, 2 - 2 * calibrate(space.vectors).random))
    words = [word for word in ("king", "water", "paris", "function", "array", "file") if word in space]
    words = (words + [key for key in space.keys[100:] if key not in words])[:_ASKED]
    rows = tuple(
        (word, tuple(key for key, _ in one_hot.near(word, 4)), tuple(n.key for n in space.near(word, 4)))
        for word in words
    )
    bytes_learned = 4.0 * space.dim
    return Panel(
        name="one-hot",
        statement="One-hot vectors fail: they know that words differ, and nothing else",
        command=f"from likewise.words.onehot import OneHot\nOneHot(run.space.keys).near({words[0]!r})",
        finding=f"All {len(space) * (len(space) - 1) // 2:,} pairs of words are √2 apart, so “nearest” is whichever "
        f"word stands first; a vector takes {one_hot.bytes_per_word:,} bytes instead of {bytes_learned:,.0f}.",
        fails="One-hot is exact: it never mistakes one word for another and cannot collapse. For counting, and as the "
        "input of a table, it is right.",
        pictures=(
            figure(
                histogram(
                    {"learned": learned},
                    title="Distances of random pairs of words",
                    description="Learned distances spread; every one-hot distance is the square root of two.",
                    x_label="distance of two unit vectors",
                    marks={"one-hot: all pairs": float(np.sqrt(2))},
                ),
                "Distances of 20,000 random pairs. One-hot has one distance for all of them.",
            ),
        ),
        numbers=(
            Number(
                "spread of distances (standard deviation)",
                float(learned.std()),
                n=len(learned),
                baselines={"one-hot": 0.0},
            ),
            Number("bytes a word", bytes_learned, baselines={"one-hot": float(one_hot.bytes_per_word)}),
        ),
        tables=(Table(("word", "nearest by one-hot (arbitrary)", "nearest, learned"), rows),),
    )
