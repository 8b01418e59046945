"""Collapse: a healthy space and three broken ones before the doctor."""

from __future__ import annotations

import numpy as np

from likewise.contracts import Array, Number
from likewise.evaluate.collapse import diagnose, effective_rank, spectrum_of
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.intervals import wilson
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel

_ROWS = 10_000


def show(ground: Ground) -> Panel:
    """Break the learned space in three ways and ask the doctor about each."""
    space = ground.need(100).top(_ROWS)
    if len(space) < 4 * space.dim:
        raise NotShown(f"the doctor needs {4 * space.dim} words for {space.dim} dims, here are {len(space)}")
    cases = {"as learned": (space.vectors, "healthy"), **broken(space.vectors)}
    verdicts = {name: diagnose(vectors) for name, (vectors, _) in cases.items()}
    accepted = {name: _accepts(wanted, verdicts[name].verdict) for name, (_, wanted) in cases.items()}
    right = sum(accepted.values())
    rows = tuple(
        (name, verdicts[name].verdict, verdicts[name].evidence, f"{effective_rank(spectrum_of(vectors)):.0f}")
        for name, (vectors, _) in cases.items()
    )
    low, high = wilson(right, len(cases))
    return Panel(
        name="collapse",
        statement="A collapsed representation is told from a good one, in words",
        command="likewise doctor RUN",
        finding=f"The doctor names {right} of {len(cases)} spaces rightly. The centred rank alone would call the first "
        "broken one healthy, and the mean cosine alone the second.",
        fails="One snapshot cannot tell a uniform shrinking, nor noise from signal: both need a look at the start of "
        "training, or two views of the same items.",
        pictures=(
            figure(
                line_chart(
                    [_line(name, vectors) for name, (vectors, _) in cases.items()],
                    title="Spectra of a healthy and three broken spaces",
                    description="Two of the broken spectra break off; the constant one only looks healthy.",
                    x_label="direction",
                    y_label="log₁₀ of the share",
                    whole_x=True,
                ),
                "Each space's eigenvalues as a share of the largest; cut off at 10⁻⁸.",
            ),
        ),
        numbers=(
            Number("verdicts right", right / len(cases), low, high, len(cases), {"always healthy": 1 / len(cases)}),
        ),
        tables=(Table(("space", "verdict", "evidence", "centred rank"), rows),),
        holds=right == len(cases),
    )


def broken(vectors: Array) -> dict[str, tuple[Array, str]]:
    """Return three broken versions of some vectors, each with the verdict that is right."""
    rng = np.random.default_rng(0)
    n, dim = vectors.shape
    scale = float(np.sqrt((vectors.astype(np.float64) ** 2).mean()))
    constant = np.full((n, dim), scale) + rng.normal(0, scale * 1e-3, (n, dim))
    few = vectors.astype(np.float64) @ rng.normal(size=(dim, 5)) @ rng.normal(size=(5, dim))
    dead = vectors.copy()
    dead[:, : dim // 2] = 0
    return {
        "one point": (constant, "complete collapse"),
        "5 directions": (few, "dimensional collapse"),
        "half dead": (dead, "partial collapse"),
    }


def _accepts(wanted: str, verdict: str) -> bool:
    return verdict == wanted or (wanted == "healthy" and verdict == "anisotropic")


def _line(name: str, vectors: Array) -> Line:
    shares = spectrum_of(vectors)
    shares = np.maximum(shares / max(float(shares[0]), 1e-300), 1e-8)
    return Line(name, list(range(1, len(shares) + 1)), np.log10(shares).tolist())
