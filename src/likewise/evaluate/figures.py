"""Pictures: series of numbers in, hand-written SVG out that follows the page's colours and has a text for listeners.

A figure is 420 units wide, so that it is legible on a phone and two stand side by side on a desk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from likewise.contracts import Array
from likewise.evaluate.markup import Html, element, join
from likewise.evaluate.scales import Scale, show_value

WIDTH, HEIGHT = 420.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 30.0, 44.0
_MARK_LINE = 15.0
BARS, GUTTER = 470.0, 178.0  # a chart of bars: its width, and the room for names to the left
COLOURS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart; values that are not finite leave a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its value, its interval where there is one, and plainer values to compare by name."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    marks: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def draw(title: str, description: str, *inside: object, width: float = WIDTH, height: float = HEIGHT) -> Html:
    """Return an SVG with its title and description for those who do not see it."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *inside,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    description: str,
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
    whole_x: bool = False,
) -> Html:
    """Draw lines over one pair of axes; `levels` are dashed horizontals with a name.

    `whole_x` is for epochs and ranks: only integers are marked along x.
    """
    levels = dict(levels or {})
    xs = np.concatenate([np.asarray(line.x, float) for line in lines] or [np.empty(0)])
    ys = np.concatenate([*(np.asarray(line.y, float) for line in lines), np.array(list(levels.values()), float)])
    across = Scale.over(xs, LEFT, WIDTH - RIGHT, logarithmic=log_x)
    up = Scale.over(ys, HEIGHT - BOTTOM, TOP, pad=0.08)
    drawn = [_polyline(line, number, across, up) for number, line in enumerate(lines)]
    return draw(
        title,
        description,
        _axes(across, up, x_label, y_label, whole_x=whole_x),
        *_levels(levels, up),
        *drawn,
        legend([line.name for line in lines]),
    )


def bar_chart(
    bars: Sequence[Bar],
    *,
    title: str,
    description: str,
    low: float | None = 0.0,
    high: float | None = None,
    percent: bool = False,
    value_label: str = "",
) -> Html:
    """Draw horizontal bars with 95 % whiskers; the marks of a bar are ticks, named in a legend.

    `low` and `high` fix the ends of the axis; None takes them from the values.
    """
    shown = [v for bar in bars for v in (bar.value, bar.low, bar.high, *bar.marks.values()) if v is not None]
    ends = [end for end in (low, high) if end is not None]
    across = Scale.over(np.array([*shown, *ends, 0.0], float), GUTTER + 8, BARS - 56.0)
    names = list(dict.fromkeys(name for bar in bars for name in bar.marks))
    row, top = 24.0, 8.0 + 20.0 * math.ceil(len(names) / 2)
    height = top + row * len(bars) + 36
    grid = [
        join(
            element("line", x1=across(t), x2=across(t), y1=top, y2=height - 32, class_="zero" if t == 0 else "grid"),
            element("text", show_value(t, percent=percent), x=across(t), y=height - 18, class_="tick",
                    text_anchor="middle"),
        )
        for t in across.ticks(4)
    ]  # fmt: skip
    rows = [_bar_row(bar, top + row * i, across, names, percent) for i, bar in enumerate(bars)]
    axis = element("text", value_label, x=across.end, y=height - 3, class_="axis", text_anchor="end")
    return draw(title, description, _marks_legend(names), *grid, *rows, axis, width=BARS, height=height)


def histogram(
    groups: Mapping[str, Array],
    *,
    title: str,
    description: str,
    bins: int = 40,
    x_label: str = "",
    marks: Mapping[str, float] | None = None,
) -> Html:
    """Draw how often values occur in each group, each group's area being one; `marks` are verticals with a name."""
    marks = dict(marks or {})
    clean = {name: np.asarray(v, float)[np.isfinite(np.asarray(v, float))] for name, v in groups.items()}
    every = np.concatenate([*clean.values(), np.array(list(marks.values()), float)])
    across = Scale.over(every, LEFT, WIDTH - RIGHT)
    edges = np.linspace(across.low, across.high, bins + 1)
    counts = {name: np.histogram(v, edges)[0] for name, v in clean.items()}
    return hills(counts, edges, title=title, description=description, x_label=x_label, marks=marks)


def hills(
    counts: Mapping[str, Array],
    edges: Array,
    *,
    title: str,
    description: str,
    x_label: str = "",
    marks: Mapping[str, float] | None = None,
) -> Html:
    """Draw what was counted in each group between equal steps of `edges`, each group's area being one."""
    marks = dict(marks or {})
    across = Scale(float(edges[0]), float(edges[-1]), LEFT, WIDTH - RIGHT)
    step = edges[1] - edges[0]
    heights = {name: np.asarray(c, float) / max(np.sum(c), 1) / step for name, c in counts.items()}
    room = _MARK_LINE * len(marks)  # their names stand above the hills
    up = Scale.over(np.concatenate([[0.0, 1e-12], *heights.values()]), HEIGHT - BOTTOM, TOP + room)
    shapes = [_steps(edges, h, number, across, up) for number, h in enumerate(heights.values())]
    return draw(
        title,
        description,
        _axes(across, up, x_label, "", values=False),
        *shapes,
        *(_upright(name, value, across, i) for i, (name, value) in enumerate(marks.items())),
        legend(list(counts)),
    )


def scatter(
    x: Array,
    y: Array,
    *,
    title: str,
    description: str,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    lines: Sequence[Line] = (),
) -> Html:
    """Draw a small dot for each pair of values, and lines over them."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    kept = np.isfinite(x) & np.isfinite(y)
    across = Scale.over(x[kept], LEFT, WIDTH - RIGHT, logarithmic=log_x)
    up = Scale.over(y[kept], HEIGHT - BOTTOM, TOP, pad=0.05)
    dots = "".join(f"M{across(a):.1f} {up(b):.1f}h0" for a, b in zip(x[kept], y[kept], strict=True))
    return draw(
        title,
        description,
        _axes(across, up, x_label, y_label),
        element("path", d=Html(dots), class_="stroke s0", stroke_opacity=0.45, stroke_width=3),
        *(_polyline(line, number + 1, across, up) for number, line in enumerate(lines)),
        legend([line.name for line in lines], first=1),
    )


def legend(names: Sequence[str], *, first: int = 0) -> Html | None:
    """Return the names of the colours along the top edge; a single colour needs none."""
    if len(names) + first < 2:
        return None
    wide = sum(30 + 6.6 * len(name) for name in names) - 15
    parts, x = [], max(4.0, min(LEFT, WIDTH - wide))
    for number, name in enumerate(names):
        parts.append(element("rect", x=x, y=8, width=10, height=10, rx=2, class_=f"f{(number + first) % COLOURS}"))
        parts.append(element("text", name, x=x + 15, y=17))
        x += 30 + 6.6 * len(name)
    return join(*parts)


def clip(text: str, most: int) -> str:
    """Return `text` cut to `most` characters, with … where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _axes(across: Scale, up: Scale, x_label: str, y_label: str, *, values: bool = True, whole_x: bool = False) -> Html:
    bottom = max(up.start, up.end)
    parts: list[object] = []
    if values:
        for tick in up.ticks(5):
            parts.append(element("line", x1=across.start, x2=across.end, y1=up(tick), y2=up(tick), class_="grid"))
            parts.append(element("text", show_value(tick), x=across.start - 7, y=up(tick) + 4, class_="tick",
                                 text_anchor="end"))  # fmt: skip
    parts.append(element("line", x1=across.start, x2=across.end, y1=bottom, y2=bottom, class_="zero"))
    for tick in across.ticks(4 if across.logarithmic else 6, whole=whole_x):
        at = across(tick)
        parts.append(element("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="zero"))
        shown = show_value(tick)
        outside = at + 3.3 * len(shown) > WIDTH  # the last number would be cut off
        parts.append(element("text", shown, x=WIDTH if outside else at, y=bottom + 17, class_="tick",
                             text_anchor="end" if outside else "middle"))  # fmt: skip
    parts.append(element("text", x_label, x=across.end, y=bottom + 35, class_="axis", text_anchor="end"))
    if y_label:
        parts.append(element("text", y_label, x=4, y=bottom + 35, class_="axis"))
    return element("g", *parts)


def _polyline(line: Line, number: int, across: Scale, up: Scale) -> Html:
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    path = "M" + "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in points) if points else ""
    colour = number % COLOURS
    dots = [
        element("circle", element("title", f"{line.name}: {show_value(y)} at {show_value(x)}"), cx=across(x), cy=up(y),
                r=3.2, class_=f"f{colour}")
        for x, y in points
        if len(points) <= 40
    ]  # fmt: skip
    return element("g", element("path", d=Html(path), class_=f"stroke s{colour}"), *dots)


def _levels(levels: Mapping[str, float], up: Scale) -> list[Html]:
    """Return the dashed lines; where two are close, the name of the lower one stands at the other end."""
    drawn: list[Html] = []
    left, above = False, -math.inf
    for name, value in sorted(levels.items(), key=lambda level: up(level[1])):
        left = up(value) - above < _MARK_LINE and not left
        above = up(value)
        drawn.append(_level(name, value, up, left=left))
    return drawn


def _level(name: str, value: float, up: Scale, *, left: bool = False) -> Html:
    at = up(value)
    x, anchor = (LEFT + 4, "start") if left else (WIDTH - RIGHT, "end")
    return element(
        "g",
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="level"),
        element("text", f"{name} {show_value(value)}", x=x, y=at - 5, class_="tick halo", text_anchor=anchor),
    )


def _upright(name: str, value: float, across: Scale, number: int) -> Html:
    at, y = across(value), TOP + 10 + _MARK_LINE * number
    left = at + 7 * len(name) > WIDTH - RIGHT
    return element(
        "g",
        element("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="level"),
        element("text", name, x=at - 5 if left else at + 5, y=y, class_="tick halo",
                text_anchor="end" if left else "start"),
    )  # fmt: skip


def _steps(edges: Array, heights: Array, number: int, across: Scale, up: Scale) -> Html:
    ground = up(0.0)
    path = f"M{across(edges[0]):.1f} {ground:.1f}" + "".join(
        f"V{up(h):.1f}H{across(right):.1f}" for h, right in zip(heights, edges[1:], strict=True)
    )
    colour = number % COLOURS
    return join(
        element("path", d=Html(path + f"V{ground:.1f}Z"), class_=f"f{colour} area"),
        element("path", d=Html(path + f"V{ground:.1f}"), class_=f"stroke s{colour}"),
    )


def _bar_row(bar: Bar, y: float, across: Scale, names: Sequence[str], percent: bool) -> Html:
    zero, at, middle = across(0.0), across(bar.value), y + 11
    told = f"{bar.name}: {show_value(bar.value, percent=percent)}"
    if bar.low is not None and bar.high is not None:
        told += f" ({show_value(bar.low, percent=percent)} to {show_value(bar.high, percent=percent)})"
    told += "".join(f"; {name} {show_value(value, percent=percent)}" for name, value in bar.marks.items())
    parts: list[object] = [
        element("title", told + (f"; {bar.note}" if bar.note else "")),
        element("text", clip(bar.name, 24), x=GUTTER, y=y + 15, text_anchor="end"),
        element("rect", x=min(zero, at), y=y + 3, width=max(abs(at - zero), 0.5), height=16, rx=2, class_="bar f0"),
    ]
    if bar.low is not None and bar.high is not None:
        parts.append(element("line", x1=across(bar.low), x2=across(bar.high), y1=middle, y2=middle, class_="whisker"))
    for name, value in bar.marks.items():
        parts.append(_tick(across(value), y, 1 + names.index(name)))
    shown = element("text", show_value(bar.value, percent=percent), x=BARS - 4, y=y + 15, text_anchor="end")
    return element("g", *parts, shown)


def _tick(x: float, y: float, number: int) -> Html:
    return element("line", x1=x, x2=x, y1=y + 1, y2=y + 21, class_=f"s{number % COLOURS}", stroke_width=3)


def _marks_legend(names: Sequence[str]) -> Html | None:
    if not names:
        return None
    parts = []
    for number, name in enumerate(names):
        x, y = GUTTER + 8 + 125 * (number % 2), 1.0 + 20 * (number // 2)
        parts.append(_tick(x, y - 3, number + 1))
        parts.append(element("text", clip(name, 20), x=x + 8, y=y + 12))
    return join(*parts)
