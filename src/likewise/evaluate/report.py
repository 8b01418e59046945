"""Reports: a space and what is known about it in, a verdict and sections of evidence out, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from likewise.evaluate import page
from likewise.evaluate.sections import Section

FORMAT: Final = 1


@final
@dataclass(frozen=True)
class Report:
    """What was found out about a space: the verdict, the evidence in sections, and the facts of how it was made.

    `highlights` are the few figures to see first, name → (value, what to know about it).
    """

    title: str
    verdict: Mapping[str, Any]
    sections: Sequence[Section]
    facts: Mapping[str, Any] = field(default_factory=dict)
    lead: str = ""
    highlights: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for report.json."""
        return {
            "format": FORMAT,
            "title": self.title,
            "verdict": dict(self.verdict),
            "sections": [section.as_json() for section in self.sections],
            "facts": dict(self.facts),
        }

    def to_html(self) -> str:
        """Return it as one page that needs no network."""
        verdict = page.verdict_bar(*(str(self.verdict.get(name, "")) for name in ("verdict", "evidence", "advice")))
        opening = [verdict, page.tiles(self.highlights)] if self.highlights else [verdict]
        return page.Page(
            self.title or "What these vectors are worth",
            self.lead,
            *(section.as_part() for section in self.sections),
            opening=opening,
            footer=page.facts_table(self.facts),
            brand="likewise · report",
        ).to_html()
