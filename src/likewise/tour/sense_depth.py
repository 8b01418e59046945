"""Senses by depth: how often what a word means is told by its vectors, from a network's first depth to its last."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from likewise.contracts import Array, Number
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.intervals import wilson
from likewise.evaluate.markup import Html
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.contexts import TABLE
from likewise.tour.panel import Panel
from likewise.tour.text_ground import LEARNED, UNTRAINED, TextGround
from likewise.tour.uses import Uses, known_uses

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder

_FIRST = "before the first block"


def show(ground: TextGround) -> Panel:
    """Tell senses by the vectors of every depth."""
    uses = known_uses()
    told = {name: _by_depth(uses, encoder) for name, encoder in ground.encoders.items()}
    table = float(uses.told(uses.static(ground)).mean())
    means = {name: [float(right.mean()) for right in depths] for name, depths in told.items()}
    numbers = tuple(
        _number(name, depths, {TABLE: table, _FIRST: means[name][0]})
        for name, depths in told.items()
    )  # fmt: skip
    by = dict(zip(told, numbers, strict=True))
    learned = {name: number for name, number in by.items() if name != UNTRAINED}
    grew = {name: (number.low or 0.0) > means[name][0] for name, number in learned.items()}
    return Panel(
        name="sense-depth",
        statement="Meaning in context grows with depth: a word's own vector has none of it",
        command=f"{ground.command}\n# Python: run.encoder.word(“bank”, in_text=…, layer=0 … {len(told[LEARNED]) - 1})",
        finding=_finding(uses, by, means, table, grew),
        fails="The last depth serves what is filled in, not senses: in longer trainings sense is often best told some "
        "depths before it. A network untrained also mixes in what stands around a word, so growth alone is no proof.",
        pictures=(_picture(means, table),),
        numbers=numbers,
        tables=(_table(means),),
        holds=all(grew.values()) and (by[LEARNED].low or 0.0) > max(table, by[UNTRAINED].value),
    )


def _by_depth(uses: Uses, encoder: TextEncoder) -> list[Array]:
    return [uses.told(vectors) for vectors in uses.depths(encoder)]


def _number(name: str, depths: list[Array], beside: dict[str, float]) -> Number:
    last = depths[-1]
    low, high = wilson(int(last.sum()), len(last))
    return Number(f"sense told at the last depth, {name}", float(last.mean()), low, high, len(last), beside)


def _finding(
    uses: Uses, by: Mapping[str, Number], means: Mapping[str, list[float]], table: float, grew: Mapping[str, bool]
) -> str:
    parts = [
        f"{name} {means[name][0]:.0%} before the first block, {means[name][-1]:.0%} after the last"
        f"{'' if grew.get(name, True) else ' (no more than the interval allows)'}"
        for name in by
    ]
    n = by[LEARNED].n
    return (
        f"Of {n:,} uses ({uses.name}) the nearest mean of a sense tells: {'; '.join(parts)}. A table of words, which "
        f"has one vector for all uses, tells {table:.0%}."
    )


def _picture(means: Mapping[str, list[float]], table: float) -> Html:
    lines = [Line(name, [float(n) for n in range(len(values))], values) for name, values in means.items()]
    drawn = line_chart(
        lines, title="Sense told, by depth", x_label="block", y_label="share", whole_x=True, levels={TABLE: table},
        description="The share of uses whose sense the nearest mean tells, at each depth of each network.",
    )  # fmt: skip
    return figure(drawn, "0 is what stands before the first block: the word's own vector and its place.")


def _table(means: Mapping[str, list[float]]) -> Table:
    columns = zip_longest(*means.values())  # one network may be deeper than another
    rows = tuple((f"block {depth}" if depth else _FIRST, *row) for depth, row in enumerate(columns))
    return Table(("depth", *means), rows)
