"""Reports that panels read: a run and the title of a section in, the section and its numbers out."""

from __future__ import annotations

from typing import Any

import likewise as lw
from likewise.contracts import Number
from likewise.tour.panel import NotShown


def section(run: lw.Run, title: str) -> dict[str, Any]:
    """Return one section of a run's report; NotShown where it has none."""
    found = next((each for each in (run.report or {"sections": []})["sections"] if each["title"] == title), None)
    if found is None:
        raise NotShown(f"the report of {run.manifest['recipe']} has no part “{title}” here")
    return dict(found)


def numbers(found: dict[str, Any]) -> tuple[Number, ...]:
    """Return the numbers of a section of a report."""
    return tuple(Number(**number) for number in found["numbers"])
