"""Orientation: filters in, how selective each is for the direction of a grating out.

The measure of physiology: a unit is shown gratings of many directions at the frequency that it answers most to, and
its circular variance is taken (Ringach, Shapley & Hawken 2002, "Orientation selectivity in macaque V1: diversity and
laminar dependence", J. Neurosci. 22:5639). Of a linear filter the answers follow without showing anything: the largest
answer to a grating, over its phases, is the modulus of the filter's Fourier transform.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.errors import ShapeError
from likewise.evaluate.intervals import bootstrap

DIRECTIONS: Final = 24  # from 0 to below π
FREQUENCIES: Final = 8  # from one cycle a filter to half a cycle a pixel, equal steps
_LEAST = 3  # pixels a side, fewer have no direction


def orientation_selectivity(filters: Float[Array, "k c h w"]) -> Float[Array, " k"]:
    """Return 1 − circular variance of each filter, |Σ r e^(2iθ)| / Σ r: 1 answers one direction, 0 all alike.

    r(θ) is the largest answer to a grating of direction θ over its phases, at the frequency with the largest of all.
    A grating has the colour in which the filter varies most (its first singular vector); a filter that is 0 has 0.
    Raises ShapeError for filters of fewer than 3 pixels a side.
    """
    w = np.asarray(filters, np.float64)
    if w.ndim != 4 or min(w.shape[2:]) < _LEAST:
        raise ShapeError(f"filters of shape {w.shape} have no directions: k × channels × height × width, from 3 pixels")
    k, channels, height, width = w.shape
    _, strength, plane = np.linalg.svd(w.reshape(k, channels, -1), full_matrices=False)
    flat = strength[:, :1] * plane[:, 0]
    answers = np.abs(flat @ _gratings(height, width)).reshape(k, FREQUENCIES, DIRECTIONS)
    best = answers.max(2).argmax(1)
    r = answers[np.arange(k), best]
    turned = np.exp(2j * np.pi * np.arange(DIRECTIONS) / DIRECTIONS)
    total = r.sum(1)
    found: Array = np.abs(r @ turned) / np.where(total > 1e-12, total, np.inf)
    return found


def selectivity_number(selectivity: Float[Array, " k"], untrained: Float[Array, " u"] | None) -> Number:
    """Return the median over filters with its bootstrap interval, beside that of the network as it was drawn."""
    low, high = bootstrap(lambda rows: float(np.median(selectivity[rows])), len(selectivity))
    beside = {} if untrained is None else {"untrained": float(np.median(untrained))}
    return Number(
        "orientation selectivity (1 − circular variance), median", float(np.median(selectivity)), low, high,
        len(selectivity), beside,
    )  # fmt: skip


def _gratings(height: int, width: int) -> Array:
    """Return complex gratings "(h w) (f θ)": the modulus of a product is the largest answer over phases."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    frequency = np.linspace(1 / min(height, width), 0.5, FREQUENCIES)
    angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    along = x.reshape(-1, 1) * np.cos(angle) + y.reshape(-1, 1) * np.sin(angle)
    waves: Array = np.exp(-2j * np.pi * along[:, None, :] * frequency[None, :, None])
    return waves.reshape(height * width, -1)
