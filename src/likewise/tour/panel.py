"""Panels: a statement and its evidence in, a part of the page out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from likewise.contracts import Number
from likewise.errors import InputError
from likewise.evaluate import page
from likewise.evaluate.markup import Html, element, join
from likewise.evaluate.sections import Table


class NotShown(InputError):
    """This text has not what a panel needs to show its statement; the page leaves the panel out."""


@dataclass(frozen=True)
class Panel:
    """One statement: the command that was run, what was found, a picture, numbers with baselines, and where it fails.

    `holds` is False where the finding turned out against the statement: the page says so.
    """

    name: str
    statement: str
    command: str
    finding: str
    fails: str
    pictures: tuple[Html, ...] = ()
    numbers: tuple[Number, ...] = ()
    tables: tuple[Table, ...] = ()
    holds: bool = True
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it for a program; pictures are on the page only."""
        return {
            "name": self.name,
            "statement": self.statement,
            "command": self.command,
            "holds": self.holds,
            "finding": self.finding,
            "fails": self.fails,
            "numbers": [number.as_json() for number in self.numbers],
            "tables": [table.as_json() for table in self.tables],
            "seconds": round(self.seconds, 2),
        }

    def as_part(self) -> page.Part:
        """Return it as a part of the tour's page."""
        verdict = _said("Found" if self.holds else "Against the statement", self.finding)
        pictures = page.pair(*self.pictures) if len(self.pictures) > 1 else (self.pictures or (None,))[0]
        return page.part(
            self.statement,
            page.code(self.command),
            verdict,
            pictures,
            page.number_table(self.numbers),
            *(page.table(t.columns, t.rows, caption=t.caption) for t in self.tables),
            _said("Where it fails", self.fails),
            page.paragraph(f"{self.seconds:.1f} s for this panel", aside=True),
        )


def _said(what: str, text: str) -> Html:
    return page.paragraph(join(element("strong", f"{what}: "), text))
