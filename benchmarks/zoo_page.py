"""The page of zoo.py: its entries and their summaries in, the tables of docs/doctor.md out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "doctor.md"
EPOCHS = 8  # unless said
_LATER = " of what breaks later"
BEGIN, END = "<!-- zoo.py --page: begin -->", "<!-- zoo.py --page: end -->"


def write_page(entries: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> None:
    """Put the tables between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables(entries, rows)}\n{END}{after}", encoding="utf-8")


def tables(entries: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what the probe found and the doctor said, then what was done about it."""
    import zoo

    both = list(zip(entries, rows, strict=True))
    watched = [(entry, row) for entry, row in both if row["action"] == "warn"]
    forced = [(entry, row) for entry, row in watched if row["member"] in zoo.ZOO]
    broken = [(entry, row) for entry, row in watched if row["member"] in zoo.BROKEN]
    default = [(entry, row) for entry, row in watched if row["member"] not in zoo.ZOO | zoo.BROKEN]
    acted = [(entry, row) for entry, row in both if row["action"] != "warn"]
    first = entries[0]
    out = [
        f"{first['pictures']:,} pictures of {first['image']} × {first['image']} pixels, {first['steps']} steps of 64, "
        f"one thread, bf16, seed 1 and {EPOCHS} epochs unless said ({first['machine']}). Of each: the untrained "
        "network → after learning.",
        "",
        *_table(forced),
        "",
        _tally(forced),
        "",
        f"What learns, and breaks when {zoo.LATE:.0%} of 24 epochs are over (the doctor looks every 50 steps, and is "
        "to flag it within 20 % of the training from then on; it is not told what broke, so its cause is not judged):",
        "",
        *_table(broken),
        "",
        _tally(broken),
        "",
        "Default options, which must read healthy at every look:",
        "",
        *_table(default),
        "",
        f"Flagged at any look: {sum(row['share'] is not None for _, row in default)} of {len(default)} trainings.",
    ]
    if acted:
        out += [
            "",
            "What `--on-collapse` makes of it; the probe looks at the encoder that is kept:",
            "",
            *_acted(acted),
        ]
    for action, later in dict.fromkeys((row["action"], row["member"] in zoo.BROKEN) for _, row in acted):
        ends = [r for _, r in acted if r["action"] == action and (r["member"] in zoo.BROKEN) == later]
        well, better = sum(row["ends well"] for row in ends), sum(row["probe"] == "healthy" for row in ends)
        out += [
            "",
            f"{action}{_LATER if later else ''}: {well} of {len(ends)} end without a collapse, {better} of them better "
            "than untrained by two standard errors.",
        ]
    return "\n".join(out)


def _table(rows: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[str]:
    out = [
        "| member | directions | views | k-NN | loss: directions, width | the probe | the doctor | flagged at | cause "
        "| right |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entry, row in rows:
        seed = "" if row["seed"] == 1 else f", seed {row['seed']}"
        seed += "" if entry["epochs"] == EPOCHS else f", {entry['epochs']} epochs"
        given = ", ".join(f"{name}={value}" for name, value in entry["options"].items())
        name = f"**{row['member']}**{seed}" + (f"<br>`{entry['recipe']}` {given}" if given else "")
        heads = f"{_pair(entry, 'head_rank', '.0f')}, {_pair(entry, 'head_width', '.2g')}"
        said = row["doctor"] if row.get("kind") in (None, row["doctor"]) else f"{row['kind']}, then {row['doctor']}"
        at = "–" if row["flagged at"] is None else f"{row['flagged at']} ({row['share']:.0%})"
        cells = [name, _pair(entry, "rank", ".0f"), _pair(entry, "retrieval", ".1%"), _pair(entry, "knn", ".1%"), heads]
        cells += [row["probe"], said, at, row.get("cause") or "–", "yes" if row["right"] else "**no**"]
        out.append(f"| {' | '.join(cells)} |")
    return out


def _pair(entry: Mapping[str, Any], name: str, shape: str) -> str:
    return f"{entry['untrained'][name]:{shape}} → {entry['trained'][name]:{shape}}"


def _tally(rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    collapsed = [row for _, row in rows if row["probe"] not in ("healthy", "nothing learned")]
    right = sum(bool(row["right"]) for row in collapsed)
    others = [row for _, row in rows if row not in collapsed]
    healthy = sum(bool(row["right"]) for row in others)
    return (
        f"By the probe {len(collapsed)} of {len(rows)} collapse; {right} of these are flagged in time with the right "
        f"kind and cause. Never flagged of the {len(others)} that do not: {healthy}."
    )


def _acted(rows: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[str]:
    out = [
        "| member | action | where to | directions | views | k-NN | loss: directions, width | the probe | the doctor |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry, row in rows:
        went = next((note for note in entry["notes"] if note.startswith(("rolled back", "rescued"))), "–").split(",")[0]
        heads = f"{_pair(entry, 'head_rank', '.0f')}, {_pair(entry, 'head_width', '.2g')}"
        cells = [
            f"{row['member']}, {entry['epochs']} epochs",
            row["action"],
            went,
            _pair(entry, "rank", ".0f"),
            _pair(entry, "retrieval", ".1%"),
        ]
        cells += [_pair(entry, "knn", ".1%"), heads, row["probe"], row["doctor"]]
        out.append(f"| {' | '.join(cells)} |")
    return out
