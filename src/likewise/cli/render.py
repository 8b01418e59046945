"""Rendering: events in, a progress bar and sentences on the terminal out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from likewise.session import Derived, Estimate, Event, Finished, Logged, Note, Session
from likewise.session import Progress as Advance

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str = "", **style: Any) -> None:
    """Print a line for a person."""
    out.print(visible(text), markup=False, **style)


def visible(text: str) -> str:
    r"""Return a text whose control characters can be seen: a stranger's key may not steer the terminal.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c in "\n\t" or ord(c) > 0x9F else f"\\x{ord(c):02x}" for c in text)


def say_json(value: Any) -> None:
    """Print a value for a program: one JSON document, nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2 if sys.stdout.isatty() else None))
    sys.stdout.write("\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Print a table; columns whose name ends with `#` are numbers and stand to the right."""
    grid = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        number = name.endswith("#")
        grid.add_column(name.rstrip("#"), justify="right" if number else "left", header_style="dim", no_wrap=number)
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    out.print(grid)


def size(number: float) -> str:
    """Return bytes in a unit that a person can read.

    >>> size(27_300_000)
    '27 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError


def duration(seconds: float) -> str:
    """Return a duration that a person can read.

    >>> duration(0.5), duration(75), duration(7300)
    ('0.5 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _fact(name: str, value: float) -> str:
    if name == "bytes":
        return size(value)
    shown = name.replace("_", " ")
    return f"{value:,.0f} {shown.removesuffix('s') if value == 1 else shown}"


def _short(number: float) -> str:
    if number < 1000:
        return f"{number:.3g}"
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,.0f}"


def _told(fact: float | str) -> str:
    return fact if isinstance(fact, str) else _short(fact)


class _Rate(ProgressColumn):
    """Units per second and the facts of the stage."""

    def render(self, task: Task) -> Text:
        facts = dict(task.fields["facts"])
        speed = facts.pop("words_per_second", None) or task.finished_speed or task.speed
        unit = task.fields["unit"]
        shown = []
        if speed:
            shown.append(f"{size(speed)}/s" if unit == "bytes" else f"{_short(speed)} {unit}/s")
        first = ("loss", "doctor")  # a narrow terminal cuts the end off
        order = sorted(facts, key=lambda name: first.index(name) if name in first else len(first))
        shown += [f"{name.replace('_', ' ')} {_told(facts[name])}" for name in order]
        return Text(" · ".join(shown), style="dim", no_wrap=True, overflow="ellipsis")


class Screen:
    """Render a session's events on standard error: a bar while something runs, a line when it has ended.

    Where standard error is no terminal there is no bar, only the lines; with `quiet` there is neither.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=28 if err.width >= 90 else 10, table_column=Column(no_wrap=True)),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            _Rate(table_column=Column(ratio=1)),
            console=err,
            transient=True,
            disable=quiet or not err.is_terminal,
        )

    def __enter__(self) -> Session:
        self._bar.start()
        return Session(self._on_event)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _on_event(self, event: Event) -> None:
        if self._quiet:
            return
        match event:
            case Advance():
                self._advance(event)
            case Note(text):
                self._line(f"  {text}")
            case Derived(name, value, reason):
                self._line(f"  {name} = {value}: {reason}")
            case Estimate(stage, seconds, memory):
                needed = f" and {size(memory)} of memory" if memory else ""
                self._line(f"  {stage}: about {duration(seconds)}{needed}")
            case Finished(stage, seconds, facts):
                self._finish(stage, seconds, facts)
            case Logged():
                pass

    def _line(self, text: str) -> None:
        err.print(visible(text), markup=False, style="dim")

    def _advance(self, event: Advance) -> None:
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._bar.add_task(event.stage, total=event.total, unit=event.unit, facts={})
        self._bar.update(self._tasks[event.stage], completed=event.done, total=event.total, facts=event.facts)

    def _finish(self, stage: str, seconds: float, facts: dict[str, float]) -> None:
        if stage in self._tasks:
            self._bar.remove_task(self._tasks.pop(stage))
        shown = "".join(f" · {_fact(name, value)}" for name, value in facts.items())
        err.print(f"✓ {stage} {duration(seconds)}{shown}", markup=False)
