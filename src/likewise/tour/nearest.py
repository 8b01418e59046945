"""Nearest pictures: what lies beside a picture that was not learned from, and how often it is of the same kind."""

from __future__ import annotations

import numpy as np

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap_mean
from likewise.evaluate.manual import raw
from likewise.evaluate.page import figure
from likewise.evaluate.retrieval import neighbours
from likewise.evaluate.thumbnails import from_png, mosaic, png
from likewise.tour.panel import NotShown, Panel
from likewise.tour.picture_ground import PictureGround

_OPTIONS = {"filters": 200, "samples": 50_000, "dim": 64}
_NEAREST, _SHOWN, _CELL = 8, 8, 48


def show(ground: PictureGround) -> Panel:
    """Ask for the nearest of some pictures, and count those of the same class."""
    run = ground.learned("patches", report=False, **_OPTIONS)
    space, labels = run.space, run.space.items.get("label")
    asked = np.flatnonzero(space.items["part"] == "held out")
    if labels is None or not any(labels):
        raise NotShown("nothing says which pictures are of one kind: they have no labels")
    near = neighbours(space.vectors - space.vectors.mean(0), _NEAREST, rows=asked)
    plain = raw(ground.pixels)
    by_pixels = neighbours(plain - plain.mean(0), _NEAREST, rows=asked)
    number = _same(near, asked, labels, _same(by_pixels, asked, labels, None).value)
    some = np.random.default_rng(0).permutation(len(asked))[:_SHOWN]
    rows = [[ground.pixels[asked[i]], *(ground.pixels[row] for row in near[i])] for i in some]
    shown = mosaic(rows, cell=(_CELL, _CELL))
    best, worst = _kinds(near, asked, labels)
    return Panel(
        name="nearest",
        statement="What lies close looks alike: the nearest of a new picture are often of its kind",
        command=f"{ground.command('patches', **_OPTIONS)}\nlikewise near RUN --file picture.jpg",
        finding=f"Of the {_NEAREST} nearest of {number.n:,} pictures that were not learned from, {number.value:.1%} "
        f"are of the same class; by raw pixels {number.baselines['raw pixels']:.1%}, by chance "
        f"{number.baselines['chance']:.1%}.",
        fails=f"It goes best for {best[0]} ({best[1]:.0%}) and worst for {worst[0]} ({worst[1]:.0%}): colours and "
        "backgrounds make pictures near that show different things.",
        pictures=(
            figure(
                from_png(png(shown), name="pictures and their nearest", side=shown.shape[2]),
                "On the left a picture that was not learned from, drawn at random; then its nearest, best first.",
            ),
        ),
        numbers=(number,),
        holds=(number.low or 0.0) > max(number.baselines.values()),
    )  # fmt: skip


def _same(near: Array, asked: Array, labels: Array, pixels: float | None) -> Number:
    """Return the mean share of the nearest that have the same label."""
    shares = (labels[near] == labels[asked][:, None]).mean(1)
    low, high = bootstrap_mean(shares)
    _, counts = np.unique(labels.astype(str), return_counts=True)
    beside = {"chance": float(((counts / counts.sum()) ** 2).sum())} | (
        {} if pixels is None else {"raw pixels": pixels}
    )
    return Number(f"same class among the {near.shape[1]} nearest", float(shares.mean()), low, high, len(asked), beside)


def _kinds(near: Array, asked: Array, labels: Array) -> tuple[tuple[str, float], tuple[str, float]]:
    """Return the class whose nearest are most often, and least often, of their class."""
    own = labels[asked].astype(str)
    same = (labels[near].astype(str) == own[:, None]).mean(1)
    shares = sorted(((str(name), float(same[own == name].mean())) for name in np.unique(own)), key=lambda kind: kind[1])
    return shares[-1], shares[0]
