"""How a network learned: the lines of its log in; the loss and what the doctor saw, step by step, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float

from likewise.contracts import Array
from likewise.evaluate import page
from likewise.evaluate.collapse import Diagnosis
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.geometry import hubness, isotropy
from likewise.evaluate.markup import Html
from likewise.evaluate.sections import Section, Table


def learning_course(history: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Show the loss and what the doctor saw, step by step."""
    lines = [line for line in history if "step" in line and line.get("loss") is not None]
    if not lines:
        return []
    steps = [float(line["step"]) for line in lines]
    loss = line_chart(
        [Line("loss", steps, [float(line["loss"]) for line in lines])],
        title="Loss", description="The loss of each step on its own batch.", x_label="step", y_label="loss",
    )  # fmt: skip
    text = f"The loss went from {lines[0]['loss']:.3g} to {lines[-1]['loss']:.3g}. A falling loss does not show that a "
    text += "representation is good, nor that it has not collapsed: the doctor reads the vectors."
    seen = [line["doctor"] for line in history if "doctor" in line]
    pictures = [page.figure(loss)]
    tables: tuple[Table, ...] = ()
    if seen:
        pictures.append(page.figure(_doctor_figure(seen)))
        columns = ("step", "view retrieval@1", "effective rank", "spread", "signal to noise", "verdict")
        verdicts = [line["verdict"] for line in history if "doctor" in line]
        rows = tuple(
            (x["step"], x["retrieval"], x["rank"], x["spread"], x["signal"], verdict)
            for x, verdict in zip(seen, verdicts, strict=True)
        )
        tables = (Table(columns, rows, "What the doctor saw, on items that were not learned from."),)
    return [Section("Learning", text, tables=tables, pictures=(page.pair(*pictures),))]


def _doctor_figure(seen: Sequence[Mapping[str, Any]]) -> Html:
    steps = [float(x["step"]) for x in seen]
    return line_chart(
        [Line("view retrieval@1", steps, [float(x["retrieval"]) for x in seen]),
         Line("rank / dims", steps, [float(x["rank"]) / float(x["dim"]) for x in seen])],
        title="What the doctor saw", x_label="step", y_label="share", levels={"chance": 1 / float(seen[0]["items"])},
        description="How often the other view is the nearest, and the effective rank as a share of the dimensions.",
    )  # fmt: skip


def shape(vectors: Float[Array, "n d"], diagnosis: Diagnosis) -> list[Section]:
    """Show the variance along each direction, and how evenly vectors lie."""
    values = diagnosis.spectrum[: max(1, int((diagnosis.spectrum > 0).sum()))]
    figure = line_chart(
        [Line("variance", [float(i + 1) for i in range(len(values))], [float(v) for v in values])],
        title="Spectrum", description="The variance along each principal direction.", x_label="direction",
        y_label="variance", log_x=True,
    )  # fmt: skip
    numbers = (*diagnosis.numbers, isotropy(vectors), *hubness(vectors))
    return [Section("Shape of the space", diagnosis.evidence, numbers, pictures=(page.figure(figure),))]
