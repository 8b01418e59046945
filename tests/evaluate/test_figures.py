"""Figures place values where they belong and survive odd ones."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.random import default_rng
from page_checks import NASTY, Tags

from likewise.evaluate import figures
from likewise.evaluate.figures import Bar, Line
from likewise.evaluate.scales import Scale, show_value

TOLD = {"title": "<T>", "description": "D & d"}


def coordinates(svg: str) -> list[float]:
    """Return every number of every place in a picture."""
    found = re.findall(r'(?: (?:x|y|x1|x2|y1|y2|cx|cy|width|height|d)=")([^"]*)"', svg)
    return [float(n) for text in found for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", text)]


def every_figure(values: np.ndarray, names: list[str]) -> list[str]:
    x = np.arange(len(values), dtype=float)
    bars = [Bar(name, float(v), float(v), float(v), {"<m>": 0.0}) for name, v in zip(names, values, strict=False)]
    return [
        figures.line_chart([Line(n, list(x), list(values)) for n in names], levels={"<l>": 1.0}, whole_x=True, **TOLD),
        figures.bar_chart([b for b in bars if math.isfinite(b.value)], percent=True, **TOLD),
        figures.histogram(dict.fromkeys(names, values), marks={"<q>": 0.5}, **TOLD),
        figures.scatter(x, values, log_x=True, lines=[Line("fit", [1, 2], [1, 2])], **TOLD),
    ]


@pytest.mark.parametrize(
    "values",
    [[], [1.0], [0.0, 0.0], [math.nan, 1.0], [math.inf, -math.inf], [1e-30, 1e30], [-5.0, 5.0, 0.0], [1e-300]],
    ids=str,
)
def test_figures_hold_any_values(values: list[float]) -> None:
    for svg in every_figure(np.array(values), ["a", "b"]):
        Tags(svg)
        assert all(math.isfinite(n) for n in coordinates(svg))
        assert "nan" not in svg
        assert "inf" not in svg


def test_figures_tell_what_they_show_and_escape_names() -> None:
    for svg in every_figure(np.array([1.0, 2.0, 3.0]), NASTY):
        assert svg.startswith(
            "<svg><title>&lt;T&gt;</title><desc>D &amp; d</desc>".replace("<svg>", svg[: svg.find(">") + 1])
        )
        assert 'role="img"' in svg
        assert "<script" not in svg
        assert "<img" not in svg


def test_a_bar_is_as_long_as_its_value() -> None:
    svg = figures.bar_chart([Bar("a", 0.25), Bar("b", 0.5)], high=1.0, **TOLD)
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="16"', svg)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert "25 %" not in svg
    assert ">0.25<" in svg


def test_lines_go_up_when_values_do() -> None:
    svg = figures.line_chart([Line("a", [0, 1, 2], [1.0, 2.0, math.nan])], **TOLD)
    points = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', svg)
    assert points is not None
    left, low, right, high = map(float, points.groups())
    assert left < right
    assert high < low


def test_histograms_are_densities() -> None:
    rng = default_rng(0)
    svg = figures.histogram({"few": rng.normal(size=50), "many": rng.normal(size=5000)}, **TOLD)
    assert svg.count("area") == 2


def test_scales() -> None:
    scale = Scale.over(np.array([3.0, 7.0, np.nan]), 0, 100)
    assert scale(3) == 0
    assert scale(7) == 100
    assert scale.ticks(4) == [3, 4, 5, 6, 7]
    assert Scale(0, 0.9, 0, 1).ticks(3, whole=True) == [0]
    assert Scale(1, 1e6, 0, 1, logarithmic=True).ticks(7) == [10.0**i for i in range(7)]
    assert Scale(1, 100, 0, 1, logarithmic=True)(10) == pytest.approx(0.5)
    assert Scale(2, 3, 0, 1, logarithmic=True).ticks(3) == [2, 3]


def test_values_are_shown_as_people_write_them() -> None:
    assert [show_value(v) for v in (0.0, 1234.5, -1.0, math.nan, 0.000123)] == ["0", "1,234", "−1", "–", "0.000123"]
    assert [show_value(v, percent=True) for v in (0.0, 0.0123, 0.5, 1.0)] == [
        "0\xa0%",
        "1.2\xa0%",
        "50\xa0%",
        "100\xa0%",
    ]
