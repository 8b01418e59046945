"""What going on did to a space: a subject and the space before in, how far old words moved and who joined out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.evaluate import page
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.markup import Html
from likewise.evaluate.retrieval import neighbours
from likewise.evaluate.rows import places
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.stability import BANDS, moved, moved_most, overlap_among, stability
from likewise.evaluate.subject import Before, Subject

TITLE = "How far the old words moved"
_READ = 8  # words to read, and neighbours of each
_ASKED = 1_000  # frequent words among which those that moved most are sought
_FUNCTION_WORDS = 100  # the first ranks are the, of, and: their neighbours teach little


@dataclass(frozen=True)
class _Shared:
    """The words of both spaces, most frequent first: their rows in each, and how often the new text has them."""

    before: Float[Array, "n d"]
    after: Float[Array, "n e"]
    rows: Int[Array, " n"]
    met: Int[Array, " n"] | None


def movement(s: Subject) -> list[Section]:
    """Say how many old neighbours are left and how far vectors moved; nothing where there is no space before."""
    if s.before is None:
        return []
    shared = _shared(s, s.before)
    if len(shared.rows) < 2:
        return [Section(TITLE, f"The words of {s.before.name} are not among these: nothing can be compared.")]
    kept = stability(shared.before, shared.after, seed=s.seed, between="before and after")
    kept = [number for number in _beside(kept, s, s.before, shared) if number.n]
    numbers = [*kept, *_by_text(shared, s.seed), *_moved(shared, s.seed)]
    text = _told(kept, numbers, s.before)
    tables = tuple(table for table in (_moved_table(s, s.before, shared), _joined_table(s, s.before)) if table.rows)
    return [Section(TITLE, text, tuple(numbers), tables, (page.figure(_figure(kept)),))]


def _shared(s: Subject, before: Before) -> _Shared:
    old = places(before.keys)
    rows = np.array([row for row, key in enumerate(s.keys) if key in old], np.int64)
    was = np.array([old[s.keys[row]] for row in rows.tolist()], np.int64)
    met = None
    if s.counts is not None and before.counts is not None:
        met = s.counts[rows] - before.counts[was]
    return _Shared(np.asarray(before.vectors)[was], s.vectors[rows], rows, met)


def _beside(kept: list[Number], s: Subject, before: Before, shared: _Shared) -> list[Number]:
    """Put beside each share what two seeds agree on: of going on, and of the run before, where they are known."""
    known: dict[str, Sequence[float]] = {}
    if s.second is not None:
        seeds = stability(shared.after, s.second[shared.rows], seed=s.seed)
        known["two seeds of going on"] = [number.value for number in seeds]
    if len(before.seeds) == len(kept):
        known["two seeds of the run before"] = before.seeds
    return [
        replace(number, baselines={**number.baselines, **{name: values[i] for name, values in known.items()}})
        for i, number in enumerate(kept)
    ]


def _by_text(shared: _Shared, seed: int) -> list[Number]:
    """Ask apart the words that the new text has and those that it has not: these see only the others move."""
    if shared.met is None or not (shared.met > 0).any() or (shared.met > 0).all():
        return []
    found = [
        overlap_among(shared.before, shared.after, chosen, seed=seed, who=who)
        for who, chosen in (("words of the new text", shared.met > 0), ("words not in it", shared.met <= 0))
    ]
    return [number for number in found if number.n]


def _moved(shared: _Shared, seed: int) -> list[Number]:
    return moved(shared.before, shared.after, seed=seed) if shared.before.shape == shared.after.shape else []


def _told(kept: Sequence[Number], numbers: Sequence[Number], before: Before) -> str:
    first = kept[0]
    text = (
        f"Of the 10 nearest neighbours that an old word had in {before.name}, looking among old words only, "
        f"{show_value(first.value, percent=True)} are still there (chance: "
        f"{show_value(first.baselines['chance'], percent=True)})."
    )
    for name in ("two seeds of the run before", "two seeds of going on"):
        if name in first.baselines:
            text += f" {name.capitalize()} share {show_value(first.baselines[name], percent=True)}."
    found = {number.name: number for number in numbers}
    still = next((n for name, n in found.items() if name.endswith("as they are")), None)
    turned = next((n for name, n in found.items() if name.endswith("turned together")), None)
    if still is not None and turned is not None:
        text += (
            f" A word's vector has cosine {show_value(still.value)} with what it was, "
            f"{show_value(turned.value)} when the space before is turned to fit; another word's would have "
            f"{show_value(still.baselines['another word'])}."
        )
    return text + " Vectors of the two spaces are never mixed: their fingerprints differ."


def _moved_table(s: Subject, before: Before, shared: _Shared) -> Table:
    """List the frequent words that kept the fewest of their neighbours, with those of before and after."""
    n = len(shared.rows)
    first = min(_FUNCTION_WORDS, n // 6)
    asked = np.arange(first, max(first + 1, min(first + _ASKED, n // 3)))
    if shared.met is not None:
        asked = asked[shared.met[asked] > 0]
    if not len(asked):
        return Table(("word",), ())
    most = moved_most(shared.before, shared.after, asked)[:_READ]
    now = neighbours(s.vectors, _READ, rows=shared.rows[most])
    then = neighbours(shared.before, _READ, rows=most)
    rows: list[tuple[Any, ...]] = []
    for i, place in enumerate(most.tolist()):
        was = tuple(s.keys[shared.rows[j]] for j in then[i].tolist())
        rows.append((s.keys[shared.rows[place]], was, tuple(s.keys[j] for j in now[i].tolist())))
    caption = f"Of {len(asked):,} frequent words, those that kept the fewest of their 10 nearest."
    return Table(("moved most", "nearest before", "nearest now"), tuple(rows), caption)


def _joined_table(s: Subject, before: Before) -> Table:
    """List the most frequent new words with their nearest."""
    old = places(before.keys)
    new = np.array([row for row, key in enumerate(s.keys) if key not in old], np.int64)
    near = neighbours(s.vectors, _READ, rows=new[:_READ]) if len(new) else np.zeros((0, 0), np.int64)
    rows: list[tuple[Any, ...]] = []
    for i, row in enumerate(new[:_READ].tolist()):
        count = None if s.counts is None else int(s.counts[row])
        rows.append((s.keys[row], count, tuple(s.keys[j] for j in near[i].tolist())))
    return Table(("new word", "count", "nearest"), tuple(rows), f"The most frequent of {len(new):,} words that joined.")


def _figure(kept: Sequence[Number]) -> Html:
    names = ["all old words", *(f"{band} words" for band in BANDS)]
    bars = [Bar(name, n.value, n.low, n.high, n.baselines) for name, n in zip(names, kept, strict=False)]
    return bar_chart(
        bars,
        title="Old neighbours that are still there",
        description="; ".join(f"{bar.name} {show_value(bar.value, percent=True)}" for bar in bars),
        high=1.0,
        percent=True,
    )
