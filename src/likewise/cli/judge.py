"""`evaluate`, `doctor`, `verify`: a run or a file of vectors in, a judgement out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, gold, keys_file, quiet
from likewise.files import write_page

NOT_MEASURED = "This could not be measured"  # as `likewise.evaluate.report` has it, which is not imported for that

_MOST_ROWS, _FIRST_ROWS = 9, 4
BAD = ("partial collapse", "dimensional collapse", "complete collapse", "noise", "diverged")


@click.command(short_help="Measure what the vectors are worth, beside honest baselines.")
@click.argument("run", type=FILE)
@gold
@click.option(
    "--answers",
    type=FILE,
    multiple=True,
    help="Folder of documents and questions (corpus.jsonl, queries.jsonl, qrels/test.tsv, as BEIR), of a run of texts.",
)
@click.option("--start", type=FILE, help="Run from which learning went on: how far its words moved is measured.")
@click.option(
    "--data", type=FILE, help="The pictures or texts that RUN was learned from: baselines are made of them again."
)
@click.option("--html", type=FILE, help="Also write the report as a page.")
@keys_file
@quiet
@as_json
def evaluate(run: Path, data: Path | None, html: Path | None, **given: Any) -> None:
    """Measure what the vectors of RUN are worth, beside honest baselines.

    RUN is a run folder or a file of vectors, whoever made it. A run of pictures does not keep them: give them by --data
    for pixels, manual features and the untrained network beside.
    """
    import likewise as lw
    from likewise.learning import beside

    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        opened = lw.open(run, keys=given["keys"])
        report = opened.evaluate(
            **{kind: given[kind] for kind in ("analogies", "pairs", "labels", "answers", "start")},
            beside=None if data is None else beside(opened, str(data), session=session),
            session=session,
        )
    if html is not None:
        write_page(html, report.to_html())
    if given["json"]:
        render.say_json(report.as_json())
        return
    show_report(report.as_json())
    if html is not None:
        render.say(f"\nreport  {html}")


def show_report(report: dict[str, Any]) -> None:
    """Print a report's verdict and its numbers."""
    show_verdict(report["verdict"])
    for section in report["sections"]:
        numbers = section.get("numbers", [])
        if numbers:
            render.say()
            shown = numbers if len(numbers) <= _MOST_ROWS else numbers[:_FIRST_ROWS]
            columns = [section["title"], "value#", "95 % interval#", "n#", "  baselines"]
            render.table(columns, [_row(number) for number in shown])
            if len(shown) < len(numbers):
                render.say(f"… and {len(numbers) - len(shown)} more: see the report", style="dim")
        elif section.get("text", "").startswith(NOT_MEASURED):
            render.say(f"\n{section['title']}: {section['text']}")


def _row(number: dict[str, Any]) -> tuple[str, ...]:
    if number.get("n") == 0:
        return (number["name"], "–", "", "0", "  nothing of it is among the keys")
    interval = f"{number['low']:.3f} – {number['high']:.3f}" if "low" in number else ""
    baselines = ", ".join(f"{name} {value:.3g}" for name, value in number.get("baselines", {}).items())
    return (
        number["name"],
        f"{number['value']:.4g}",
        interval,
        f"{number['n']:,}" if "n" in number else "",
        "  " + baselines,
    )


def show_verdict(diagnosis: dict[str, Any]) -> None:
    """Print a diagnosis: the verdict, a sentence of evidence, one of its cause where it is known, one of advice."""
    verdict = diagnosis["verdict"]
    colour = "green" if verdict == "healthy" else "red" if verdict in BAD else "yellow"
    render.say(verdict, style=f"bold {colour}")
    for sentence in ("evidence", "cause", "advice"):
        if diagnosis.get(sentence):
            render.say(diagnosis[sentence])


@click.command(short_help="Tell in words whether the vectors have collapsed.")
@click.argument("run", type=FILE)
@keys_file
@as_json
@click.pass_context
def doctor(context: click.Context, /, run: Path, **given: Any) -> None:
    """Tell in words whether the vectors of RUN have collapsed. Exit code 1 if they have.

    RUN is a run folder or a file of vectors, whoever made it. Verdicts: healthy, anisotropic, partial collapse,
    dimensional collapse, complete collapse, cannot tell. A network was watched while it learned: its log has step 0
    and second views, so warming up, noise and diverged are told too, and the likely cause.
    """
    import likewise as lw

    diagnosis = lw.open(run, keys=given["keys"]).doctor().as_json()
    if given["json"]:
        render.say_json(diagnosis)
    else:
        show_verdict(diagnosis)
    context.exit(1 if diagnosis["verdict"] in BAD else 0)


@click.command(short_help="Check every file of a run against its sha256.")
@click.argument("run", type=FILE)
@as_json
@click.pass_context
def verify(context: click.Context, /, run: Path, json: bool) -> None:
    """Check every file of RUN against its sha256. Exit code 1 if one is missing, altered or foreign."""
    from likewise.opening import verify as check

    problems = check(run)
    if json:
        render.say_json({"run": str(run), "intact": not problems, "problems": problems})
    else:
        for problem in problems:
            render.say(problem)
        render.say(f"{run}: {'intact' if not problems else f'{len(problems)} wrong'}")
    context.exit(1 if problems else 0)
