"""`convert` and `tour`: files in, other files or a page out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, keys_file, quiet
from likewise.encoders.text_folder import LAYOUTS

FORMATS = ["npy", "npz", "parquet", "word2vec", "word2vec-binary", "glove", "fasttext", "run"]


@click.command(short_help="Rewrite vectors in another format, or a network of texts for other programs.")
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@click.option(
    "--to", type=click.Choice([*FORMATS, *LAYOUTS]), help="Format to write; without it the ending of OUT decides."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
@click.option(
    "--encoding", default="utf-8", show_default=True, help="How the keys of a text or binary file are encoded."
)
@click.option(
    "--errors", type=click.Choice(["strict", "replace"]), default="strict", show_default=True, help="Of keys."
)
@keys_file
@quiet
@as_json
def convert(source: Path, target: Path, to: str | None, overwrite: bool, **given: Any) -> None:
    """Rewrite vectors in another format: IN and OUT are run folders or files of vectors.

    With --to sentence-transformers or huggingface IN is a run of texts or the folder of a checkpoint, and OUT becomes
    the folder that those programs load.
    """
    import likewise as lw

    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        coding = {name: given[name] for name in ("keys", "encoding", "errors")}
        lw.convert(source, target, to=to, overwrite=overwrite, session=session, **coding)
    facts = session.facts["convert"]
    if to in LAYOUTS:
        _say_network(target, int(facts["weights"]), int(facts["dims"]), json=given["json"])
        return
    rows, dim = int(facts["rows"]), int(facts["dims"])
    if given["json"]:
        render.say_json({"out": str(target), "keys": rows, "dim": dim})
    else:
        render.say(f"{rows:,} keys × {dim} → {target}")


def _say_network(target: Path, weights: int, dim: int, *, json: bool) -> None:
    if json:
        render.say_json({"out": str(target), "weights": weights, "dim": dim})
    else:
        render.say(f"{weights:,} weights, vectors of {dim} dims → {target}")


@click.command(short_help="Make the page that shows what likewise makes good.")
@click.option("--out", type=FILE, default=Path("tour.html"), show_default=True, help="The page to write.")
@click.option("--only", multiple=True, help="Run only the panels whose name holds this; may be repeated.")
@click.option("--run", type=FILE, help="A run of word vectors to use, instead of learning one.")
@click.option("--data", help="Text to learn from, instead of the one that is found.")
@quiet
@as_json
def tour(out: Path, **given: Any) -> None:
    """Show, on one offline page, each statement that likewise makes good, with its evidence."""
    from likewise.tour import take_tour

    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        panels = take_tour(out, only=given["only"], run=given["run"], data=given["data"], session=session)
    if given["json"]:
        render.say_json([panel.as_json() for panel in panels])
        return
    for panel in panels:
        render.say(f"{panel.statement}\n    {panel.finding}")
    render.say(f"\npage  {out}")
