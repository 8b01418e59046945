"""Pages: a title and blocks of text, tables and figures in, one HTML file out that needs no network and no script.

The report and the tour are built from the blocks of this file, so they look alike. Every block escapes the text
that it is given; what is `Html` already is taken as it is.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from likewise.contracts import Number
from likewise.errors import ShapeError
from likewise.evaluate.look import SCRIPT, STYLE
from likewise.evaluate.markup import Html, element, join, word
from likewise.evaluate.scales import show_measured

TONES: Final[Mapping[str, tuple[str, str]]] = {
    "healthy": ("good", "✓"),
    "anisotropic": ("warn", "!"),
    "cannot tell": ("warn", "?"),
    "warming up": ("warn", "?"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One section of a page, with the title that the table of contents shows."""

    title: str
    blocks: tuple[Html | None, ...]


class Page:
    """One HTML file, in the look of all pages.

    >>> Page("A title", "What it is about.", part("First", paragraph("1 < 2"))).to_html()[:15]
    '<!doctype html>'
    """

    def __init__(
        self,
        title: str,
        lead: str | Html,
        *parts: Part,
        opening: Sequence[Html] = (),
        footer: Html | None = None,
        brand: str = "likewise",
        language: str = "en",
    ) -> None:
        self.title, self.lead, self.parts = title, lead, parts
        self.opening, self.footer, self.brand, self.language = tuple(opening), footer, brand, language

    def to_html(self) -> str:
        """Return the whole file."""
        body = element(
            "body",
            element("header", element("p", self.brand, class_="brand"), element("h1", self.title), self._lead(),
                    *self.opening),
            self._contents(),
            element("main", *(_section(p, i) for i, p in enumerate(self.parts))),
            element("footer", self.footer) if self.footer is not None else None,
            element("script", Html(SCRIPT)) if self._scripted() else None,
        )  # fmt: skip
        return f"<!doctype html>\n{element('html', self._head(), body, lang=self.language)}\n"

    def _lead(self) -> Html | None:
        return element("p", self.lead, class_="lead") if self.lead else None

    def _head(self) -> Html:
        script = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{script}'"
        return element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", self.title),
            element("style", Html(STYLE)),
        )

    def _contents(self) -> Html | None:
        if len(self.parts) < 4:
            return None
        links = [element("li", element("a", p.title, href=f"#part-{i}")) for i, p in enumerate(self.parts)]
        return element("nav", element("ul", *links), aria_label="Contents")

    def _scripted(self) -> bool:
        return any(block is not None and "data-near=" in block for p in self.parts for block in p.blocks)


def part(title: str, *blocks: Html | None) -> Part:
    """Make one section of a page."""
    return Part(title, blocks)


def heading(text: str | Html) -> Html:
    """Return a small heading inside a section."""
    return element("h3", text)


def paragraph(text: str | Html, *, aside: bool = False) -> Html:
    """Return a paragraph; an `aside` is in the softer colour."""
    return element("p", text, class_="aside" if aside else None)


def code(text: str) -> Html:
    """Return a block of code."""
    return element("pre", element("code", text))


def link(text: str, target: str) -> Html:
    """Return a link; only web addresses, places of this page and relative paths are followed."""
    safe = target.startswith(("https://", "http://", "#")) or ":" not in target
    return element("a", text, href=target if safe else "#")


def details(summary: str, *blocks: Html | None) -> Html:
    """Return blocks that open when the summary is clicked."""
    return element("details", element("summary", summary), *blocks)


def verdict_bar(verdict: str, evidence: str, advice: str) -> Html:
    """Return the bar that says how the space is, why, and what to do."""
    tone, sign = TONES.get(verdict, ("bad", "✕"))
    return element(
        "div",
        element("span", sign, class_="sign", aria_hidden="true"),
        element("strong", verdict),
        element("p", evidence),
        element("p", advice) if advice else None,
        class_=f"verdict {tone}",
        role="status",
    )


def tiles(values: Mapping[str, str | tuple[str, str]]) -> Html:
    """Return the few figures to see first: name → value, or (value, what to know about it)."""
    made = []
    for name, value in values.items():
        shown, note = value if isinstance(value, tuple) else (value, "")
        made.append(element("div", element("dt", name), element("dd", shown, element("small", note) if note else None)))
    return element("dl", *made, class_="tiles")


def figure(picture: Html, caption: str | Html = "", *after: Html, wide: bool = False) -> Html:
    """Return a picture with its caption; a `wide` one can be moved sideways on a phone."""
    shown = element("div", picture, class_="scroll", tabindex=0) if wide else picture
    return element("figure", shown, *after, element("figcaption", caption) if caption else None)


def pair(*figures: Html | None) -> Html:
    """Return figures side by side, one below the other where there is no room."""
    return element("div", *figures, class_="pair")


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    caption: str | Html = "",
    header_column: bool = True,
) -> Html:
    """Return a table; numbers stand to the right, and on a phone each row becomes a small list.

    Lists of words in a cell are shown one after the other, each in its own direction of writing.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ShapeError(f"a row has {len(row)} cells, the table has {len(columns)} columns: give one for each")
    numeric = [bool(rows) and all(_is_number(row[i]) or row[i] is None for row in rows) for i in range(len(columns))]
    numeric[:1] = [n and not header_column for n in numeric[:1]]
    head = element("tr", *(element("th", name, scope="col", class_="n" if n else None)
                           for name, n in zip(columns, numeric, strict=True)))  # fmt: skip
    body = [element("tr", *_cells(row, columns, numeric, header_column)) for row in rows]
    return element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", head),
        element("tbody", *body),
        class_="stack" if len(columns) > 2 else None,
    )


def number_table(numbers: Sequence[Number], *, caption: str | Html = "") -> Html | None:
    """Return a table of measured numbers with intervals, sizes and baselines."""
    if not numbers:
        return None
    rows = [
        (
            join(n.name, element("br"), element("small", n.note)) if n.note else n.name,
            n.value,
            "" if n.low is None or n.high is None else f"{show_measured(n.low)} to {show_measured(n.high)}",
            "" if n.n is None else f"{n.n:,}",
            ", ".join(f"{name} {show_measured(value)}" for name, value in n.baselines.items()),
        )
        for n in numbers
    ]
    shown = table(("measure", "value", "95 % interval", "n", "beside it"), rows, caption=caption)
    return element("div", shown, class_="numbers")


def facts_table(facts: Mapping[str, object]) -> Html | None:
    """Return names and values, two columns; nested values are joined by commas."""
    if not facts:
        return None
    return table(("fact", "value"), [(str(name), _told(value)) for name, value in facts.items()])


def _section(given: Part, number: int) -> Html:
    return element("section", element("h2", given.title), *given.blocks, id=f"part-{number}")


def _cells(row: Sequence[object], columns: Sequence[str], numeric: Sequence[bool], header: bool) -> list[Html]:
    cells = []
    for i, value in enumerate(row):
        shown = _cell(value)
        if i == 0 and header:
            cells.append(element("th", shown, scope="row"))
        else:
            cells.append(element("td", shown, class_="n" if numeric[i] else None, data_name=columns[i] or None))
    return cells


def _cell(value: object) -> Html | str:
    if isinstance(value, Html):
        return value
    if value is None or value == "":
        return ""
    if _is_number(value):
        return show_measured(float(str(value)))
    if isinstance(value, (list, tuple)):
        return join(*(join(", " if i else None, word(v)) for i, v in enumerate(value)))
    return word(value)


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, (str, bool))


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_told(inner) for inner in value)
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
