"""`duplicates`, `negatives`, and what `near --in` finds: a model and files of texts in; groups, pairs, answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, quiet, text_file

if TYPE_CHECKING:
    from likewise.duplicates import Duplicates
    from likewise.text_search import Found

_LONGEST = 100  # letters of a text that are shown
_GROUPS, _TEXTS = 10, 5  # groups that are shown, and texts of each

how = click.option(
    "--pooling",
    type=click.Choice(["mean", "weighted", "sif"]),
    help="How the words of a text are taken together. [weighted, or mean where a run of words has no counts of them]",
)


def one_line(text: str) -> str:
    """Return a text as one line that is not too long to be shown."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"


def show_found(answers: Mapping[str, Sequence[Found]], metric: str, *, json: bool) -> None:
    """Print what was found for each question."""
    if json:
        rows = [{"query": query, "near": [found._asdict() for found in row]} for query, row in answers.items()]
        render.say_json(rows)
        return
    for query, row in answers.items():
        render.say(one_line(query), style="bold")
        render.table([f"{metric}#", "text", "where"], [(f"{f.score:.3f}", one_line(f.text), f.key) for f in row])
        render.say()


@click.command(short_help="Find texts that hardly differ.")
@click.argument("model", type=FILE)
@click.option("--in", "texts", type=FILE, required=True, help="File of texts, one a line, or a table with --column.")
@click.option(
    "--at-least", type=float, default=0.95, show_default=True, help="Cosine from which two texts hardly differ."
)
@how
@text_file
@quiet
@as_json
def duplicates(model: Path, texts: Path, **given: Any) -> None:
    """Group the texts of a file that hardly differ, with the lowest likeness inside of each group.

    MODEL is a run that encodes texts (of words, of texts), or the folder of a checkpoint (BERT, MiniLM …). Every pair
    of texts is compared. A chain of pairs is one group.
    """
    from likewise.duplicates import duplicates as found_duplicates
    from likewise.sources.text import open_text

    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        source = open_text(str(texts), **{name: given[name] for name in ("column", "encoding", "errors")})
        found = found_duplicates(model, source, at_least=given["at_least"], pooling=given["pooling"], session=session)
    if given["json"]:
        render.say_json(found.as_json())
        return
    _show_groups(found)


def _show_groups(found: Duplicates) -> None:
    equal = (
        f", {found.count - found.distinct:,} of them equal to an earlier one" if found.count > found.distinct else ""
    )
    render.say(f"{found.count:,} texts{equal}")
    if not found.groups:
        render.say(f"no two of them have a cosine of {found.at_least:g}")
        return
    many = len(found.groups)
    groups = "1 group" if many == 1 else f"{many:,} groups"
    spare = f"{found.grouped - many:,} could go, and one of each stays"
    render.say(f"{groups} of texts that hardly differ: {spare}", style="bold")
    for group in found.groups[:_GROUPS]:
        alike = "equal" if len(set(group.texts)) == 1 else f"cosine {group.lowest:.3f} or more"
        render.say(f"\n{len(group.keys):,} texts, {alike}")
        rows = list(zip(group.keys, group.texts, strict=True))
        for key, text in rows[:_TEXTS]:
            render.say(f"   {key}  {one_line(text)}")
        if len(rows) > _TEXTS:
            render.say(f"   … and {len(rows) - _TEXTS:,} more", style="dim")
    if many > _GROUPS:
        render.say(f"\n… and {many - _GROUPS:,} more groups: --json has all of them", style="dim")


@click.command(short_help="Add hard negatives to pairs of texts, to learn from.")
@click.argument("model", type=FILE)
@click.argument("pairs", type=FILE)
@click.option("--out", type=FILE, required=True, help="JSONL file to write: anchor, positive, negative_1 …")
@click.option("--count", type=click.IntRange(1), default=3, show_default=True, help="Negatives of a pair, at most.")
@click.option(
    "--margin",
    type=float,
    default=0.95,
    show_default=True,
    help="Share of the positive's likeness below which a negative's is to be.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file to write if it is there.")
@how
@text_file
@quiet
@as_json
def negatives(model: Path, pairs: Path, out: Path, **given: Any) -> None:
    """Add to each of PAIRS texts that are like its anchor and belong to others: hard negatives to learn from.

    PAIRS is a JSONL, CSV or Parquet file with columns anchor and positive (others by --column question,answer). Of the
    positives of other anchors those are taken that are most like the anchor and yet clearly less than its own positive:
    what is about as like may be another right answer. MODEL is as in duplicates.
    """
    from likewise.negatives import write_negatives

    options = ("count", "margin", "pooling", "column", "encoding", "errors", "overwrite")
    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        made = write_negatives(model, pairs, out, **{name: given[name] for name in options}, session=session)
    if given["json"]:
        facts = {"pairs": made.pairs, "negatives": made.negatives, "short": made.short}
        render.say_json({"out": str(made.path), **facts})
        return
    render.say(f"{made.pairs:,} pairs, {made.negatives:,} hard negatives → {made.path}")
    if made.short:
        render.say(
            f"{made.short:,} pairs have fewer than {given['count']}: nothing else is far enough from their positive"
        )
