"""Scales: values in, places on the paper and round tick marks out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from values (low … high) to places (start … end), linear or logarithmic.

    >>> Scale(0, 10, 100, 200)(5)
    150.0
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @classmethod
    def over(
        cls, values: Float[Array, " n"], start: float, end: float, *, pad: float = 0.0, logarithmic: bool = False
    ) -> Scale:
        """Make a scale that holds all finite `values`; equal or missing values get some room around them."""
        kept = np.asarray(values, float)
        kept = kept[np.isfinite(kept) & ((kept > 0) | (not logarithmic))]
        low, high = (float(kept.min()), float(kept.max())) if len(kept) else (1.0, 2.0)
        if logarithmic:
            return cls(low, max(high, low * 1.01), start, end, True)
        if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
            room = abs(low) / 2 or 0.5
            low, high = low - room, high + room
        room = pad * (high - low)
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        low, high = (math.log(self.low), math.log(self.high)) if self.logarithmic else (self.low, self.high)
        value = math.log(max(value, 1e-300)) if self.logarithmic else value
        return float(self.start + (value - low) / (high - low) * (self.end - self.start))

    def ticks(self, most: int, *, whole: bool = False) -> list[float]:
        """Return at most about `most` round values between low and high, only integers if `whole`."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            powers = range(first, last + 1, max(1, math.ceil((last - first + 1) / most)))
            return [10.0**power for power in powers] or [self.low, self.high]
        step = max(_round_up((self.high - self.low) / max(most, 1)), 1.0 if whole else 0.0)
        first = math.ceil(self.low / step - 1e-9)
        return [round(i * step, 12) + 0.0 for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def show_value(value: float, *, percent: bool = False) -> str:
    """Return a number as people write it: up to three digits, thousands apart, a real minus.

    >>> show_value(12345), show_value(-0.12345), show_value(0.5, percent=True), show_value(2e-7)
    ('12,345', '−0.123', '50\xa0%', '2e−07')
    """
    if not math.isfinite(value):
        return "–"
    if percent:
        text = f"{100 * value:.0f}" if abs(value) >= 0.0995 or value == 0 else f"{100 * value:.2g}"
        text += "\xa0%"
    elif float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def show_measured(value: float) -> str:
    """Return a number for a column: three digits kept even where they are zeros, whole numbers as they are.

    >>> show_measured(0.38), show_measured(86.29), show_measured(-2.5), show_measured(3), show_measured(4e-5)
    ('0.380', '86.3', '−2.50', '3', '< 0.001')
    """
    size = abs(value)
    if not math.isfinite(value) or float(value).is_integer() or size >= 100:
        return show_value(value)
    if size < 0.0005:
        return "< 0.001" if value > 0 else "0.000"
    return f"{value:.{3 if size < 1 else 2 if size < 10 else 1}f}".replace("-", "−")


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= step * (1 - 1e-9))
