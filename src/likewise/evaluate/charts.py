"""Charts as files: counts and lines in, a PNG out. In pages the same is drawn by `figures`, in the page's colours."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from likewise.contracts import Array
from likewise.evaluate.figures import Line

_COLOURS = ("#2b5f8f", "#b4511b", "#4d7a33", "#7a4f94")
_EACH = (4.2, 2.8)  # inches of one chart


def hills_png(charts: Mapping[str, Mapping[str, Array]], edges: Array, *, x_label: str) -> bytes:
    """Draw counts between `edges`, each group's area being one, a chart for each name, side by side."""
    figure, axes = _side_by_side(len(charts))
    for axis, (title, groups) in zip(axes, charts.items(), strict=True):
        for colour, (name, counts) in zip(_COLOURS, groups.items(), strict=False):
            heights = counts / max(1, counts.sum()) / (edges[1] - edges[0])
            axis.stairs(heights, edges, fill=True, alpha=0.3, color=colour)
            axis.stairs(heights, edges, color=colour, label=name)
        axis.set(title=title, xlabel=x_label, yticks=[], xticks=[-1, -0.5, 0, 0.5, 1])
        axis.legend(frameon=False)
    return _written(figure)


def lines_png(charts: Mapping[str, tuple[Sequence[Line], Mapping[str, float]]], *, x_label: str) -> bytes:
    """Draw lines and dashed levels, a chart for each name, side by side."""
    figure, axes = _side_by_side(len(charts))
    for axis, (title, (lines, levels)) in zip(axes, charts.items(), strict=True):
        for colour, line in zip(_COLOURS, lines, strict=False):
            axis.plot(line.x, line.y, marker="o", color=colour, label=line.name)
        for name, level in levels.items():
            axis.axhline(level, color="grey", linestyle="--", linewidth=1)
            axis.annotate(name, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
        axis.set(title=title, xlabel=x_label)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(frameon=False)
    return _written(figure)


def _side_by_side(count: int) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_EACH[0] * count, _EACH[1]), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _written(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()
