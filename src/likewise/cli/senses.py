"""`senses`: a word and a file of texts in; what the word means in them, in groups, out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, quiet, text_file
from likewise.errors import DataError, MissingExtra, OptionError

if TYPE_CHECKING:
    from likewise.senses import Senses


@click.command(short_help="Tell what a word means in each of some texts.")
@click.argument("model", type=FILE)
@click.argument("word")
@click.option("--in", "texts", type=FILE, required=True, help="File of texts, one a line, or a table with --column.")
@click.option("--layer", help="Number of the block whose vectors are taken, 0 before the first; without it the last.")
@click.option("--count", type=click.IntRange(1), help="How many senses there are; without it the vectors tell.")
@click.option("--examples", type=FILE, help="File of NAME, a tab, and a text with the word: they name the senses.")
@text_file
@quiet
@as_json
def senses(model: Path, word: str, texts: Path, **given: Any) -> None:
    """Tell what WORD means in each text where it stands: its senses as groups of occurrences, with typical contexts.

    MODEL is a run of texts, or the folder of a checkpoint in the form of Hugging Face (BERT, MiniLM …). A table of
    words has one vector for all occurrences of a word; a network reads it with what stands around.
    """
    from likewise.senses import read_examples
    from likewise.senses import senses as found_senses
    from likewise.sources.text import open_text

    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        encoder = _reader(model)
        reading = {name: given[name] for name in ("column", "encoding", "errors")}
        read, count = [], 0  # what holds the word: the others may be many
        for _, text in open_text(str(texts), **reading):
            count += 1
            if encoder.occurrences(word, [text]):
                read.append(text)
        if not read:
            raise DataError(f"{word!r} stands in none of the {count:,} texts as a word")
        layer = given["layer"]
        found = found_senses(
            encoder, word, read,
            layer=int(layer) if layer is not None and layer.lstrip("-").isdigit() else layer,
            count=given["count"],
            examples=() if given["examples"] is None else read_examples(given["examples"]),
            session=session,
        )  # fmt: skip
    if given["json"]:
        render.say_json(found.as_json())
        return
    _show(found)


def _reader(model: Path) -> Any:
    """Return a network that reads words in texts; OptionError for a run of anything else."""
    from likewise.run import MANIFEST

    if (model / MANIFEST).is_file():
        from likewise.opening import open as open_run
        from likewise.text_runs import KIND

        run = open_run(model)
        if run.manifest.get("encoder") != KIND:
            raise OptionError(
                f"{model} holds {run.space.kind}s: that takes a network of texts, to which a word is another one in "
                "another text"
            )
        return run.encoder
    try:
        from likewise.encoders.pretrained import load
    except ImportError:
        raise MissingExtra("torch", "pretrained", "reading words in texts") from None
    return load(model, kind="text")


def _show(found: Senses) -> None:
    many = len(found.senses)
    what = "one sense" if many == 1 else f"{many} senses"
    times = "once" if found.met == 1 else f"{found.met:,} times"
    render.say(f"{found.word} stands there {times}, in {what}", style="bold")
    render.say(f"two occurrences differ by {found.unlike:.3f} (1 − cosine); in a table of words by 0", style="dim")
    if found.silhouette is not None:
        parted = found.silhouette
        beside = "".join(f", for two groups by chance up to {value:.3f}" for value in parted.baselines.values())
        render.say(f"silhouette {parted.value:.3f}{beside}", style="dim")
    elif found.met >= 8:
        render.say("no parting is better than chance would make it", style="dim")
    for number, sense in enumerate(found.senses):
        name = f" {sense.name} ({sense.named_by:.0%} of it)" if sense.name else ""
        apart = [
            f"{number + 1}–{other + 1}: {found.distances[number, other]:.2f}"
            for other in range(many)
            if other != number
        ]
        far = f" · apart {', '.join(apart)}" if apart else ""
        render.say(f"\n{number + 1}.{name}  {sense.size:,} ({sense.share:.0%}) · within {sense.within:.2f}{far}")
        if sense.words:
            render.say(f"   around it: {', '.join(sense.words)}", style="dim")
        for context in sense.contexts:
            render.say(f"   {context}")
