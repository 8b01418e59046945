"""Sections of a report: measured numbers, tables and pictures in, JSON and a part of a page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from likewise.contracts import Number
from likewise.evaluate import page
from likewise.evaluate.markup import Html, join

MANY = 4  # more numbers than this are folded away


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to read, such as the neighbours of a few words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    caption: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for report.json."""
        return {"columns": list(self.columns), "rows": [_plain(row) for row in self.rows], "caption": self.caption}


@dataclass(frozen=True, slots=True)
class Section:
    """One question about a space and what was measured; pictures are for the page only.

    `files` are pictures as PNG by name, for whoever wants them outside of the page.
    """

    title: str
    text: str = ""
    numbers: tuple[Number, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Html, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for report.json."""
        return {
            "title": self.title,
            "text": self.text,
            "numbers": [number.as_json() for number in self.numbers],
            "tables": [table.as_json() for table in self.tables],
        }

    def as_part(self) -> page.Part:
        """Return it as a part of a page."""
        tables = (page.table(t.columns, t.rows, caption=t.caption) for t in self.tables)
        text = page.paragraph(self.text) if self.text else None
        return page.part(self.title, text, *self.pictures, self._numbers(), *tables)

    def _numbers(self) -> Html | None:
        shown = page.number_table(self.numbers[:MANY])
        if len(self.numbers) <= MANY:
            return shown
        return join(shown, page.details(f"All {len(self.numbers)} numbers", page.number_table(self.numbers)))


def _plain(row: Sequence[Any]) -> list[Any]:
    return [list(cell) if isinstance(cell, tuple) else cell.item() if hasattr(cell, "item") else cell for cell in row]
