"""`learn` and `recipes`: a recipe's typed signature in, a command with its options out."""

from __future__ import annotations

import inspect
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, gold, quiet, text_file
from likewise.errors import OptionError, nearest_spellings
from likewise.recipes import EVERY, EXPERIMENTAL, RECIPES, Described, describe, unknown
from likewise.recipes.foreign import FOREIGN, plain
from likewise.recipes.measured import measured


class LearnCommand(click.Command):
    """`learn`, whose options are its own and those of the recipe that is named."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the recipe's name first, then parse with its options."""
        recipe = _first_word(args, self.params)
        if recipe not in EVERY:
            recipe = _recipe_of(args) or _seen(recipe, args)
        options = [_as_click(option) for option in describe(EVERY[recipe]).values()]
        command = click.Command(
            self.name,
            callback=self.callback,
            params=[*self.params, *options],
            help=f"{inspect.cleandoc(self.help or '')}\n\n{_about(recipe)}",
            context_settings={"max_content_width": 120},
        )
        try:
            context = command.make_context(info_name, list(args), parent, **extra)
        except click.NoSuchOption as error:
            raise OptionError(self._mistaken(_as_typed(error.option_name, args), recipe)) from None
        context.command = command
        return context

    def _mistaken(self, typed: str, recipe: str) -> str:
        """Return the sentence for an option that is not there as it was typed."""
        name, known = typed.lstrip("-").replace("-", "_"), describe(EVERY[recipe])
        own = [option.name for option in self.params if isinstance(option, click.Option) and option.name]
        if name in known or name in own:
            return f"{typed}: options begin with two dashes here, -{typed}"
        near = nearest_spellings(name, own)
        if near and plain(name) not in FOREIGN:
            return f"learn has no option {typed}: did you mean --{near[0]}?"
        return unknown(name, known, recipe, dashes=True)

    def invoke(self, context: click.Context) -> Any:
        """Run the command that `make_context` built."""
        return context.command.invoke(context) if context.command is not self else super().invoke(context)


def _as_typed(option: str, args: list[str]) -> str:
    """Return an option as it was typed: of the `-x-max` of other programs the parser names `-x` alone."""
    if option.startswith("--"):
        return option
    return next((arg.split("=")[0] for arg in args if len(arg) > 2 and arg[0] == "-" != arg[1]), option)


def _first_word(args: list[str], own: list[click.Parameter]) -> str | None:
    """Return the first argument that is neither an option nor an option's value."""
    flags = {
        name for option in own if getattr(option, "is_flag", False) for name in (*option.opts, *option.secondary_opts)
    }
    for recipe in EVERY.values():
        for described in describe(recipe).values():
            if described.kind is bool:
                name = described.name.replace("_", "-")
                flags |= {f"--{name}", f"--no-{name}"}
    rest = iter(args)
    for arg in rest:
        if not arg.startswith("-") or arg == "-":
            return arg
        if arg == "--":
            return next(rest, None)
        if arg.startswith("--") and "=" not in arg and arg not in flags and arg != "--help":
            next(rest, None)  # its value
    return None


def _recipe_of(args: list[str]) -> str | None:
    """Return the recipe of the run to go on from or with, before the options are parsed."""
    from likewise import origin, resuming

    for flag, recipe_of in (("--resume", resuming.recipe_of), ("--start", origin.recipe_of)):
        joined = [arg.removeprefix(f"{flag}=") for arg in args if arg.startswith(f"{flag}=")]
        apart = [value for arg, value in pairwise(args) if arg == flag]
        for name in (*joined, *apart):
            return recipe_of(name)
    return None


def _about(recipe: str) -> str:
    return f"The options below --seeds are those of {recipe}: {_summary(recipe)}"


def _summary(recipe: str) -> str:
    first = (EVERY[recipe].__doc__ or "").strip().split("\n")[0]
    return f"{first} Experimental." if recipe in EXPERIMENTAL else first


def _seen(data: str | None, args: list[str]) -> str:
    """Return the recipe for what the data hold and what options came, the first where nothing can be seen."""
    from likewise.resuming import recipe_for

    if data is None:
        return next(iter(RECIPES))
    typed = {arg[2:].split("=")[0].replace("-", "_") for arg in args if arg.startswith("--")}
    of_networks = {name: None for name in typed if name in describe(EVERY["simclr"])}
    return recipe_for(data, of_networks)[0]


def _as_click(option: Described) -> click.Option:
    flag = "--" + option.name.replace("_", "-")
    about = option.about
    help_text = about.meaning + (f" [{about.unit}]" if about.unit else "")
    if option.kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=option.default, help=help_text, show_default=True)
    kind: Any = click.Choice(option.choices) if option.choices else option.kind
    default = option.default
    return click.Option([flag], type=kind, default=default, help=help_text, show_default=default is not None)


@click.command(cls=LearnCommand, short_help="Learn embeddings from data; write a run folder with its evidence.")
@click.argument("what", nargs=-1, metavar="[RECIPE] DATA")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write; without it runs/NAME, which is printed.")
@click.option("--overwrite", is_flag=True, help="Replace a run that is there, when the new one is complete.")
@click.option(
    "--start",
    type=FILE,
    help="Run to go on from: its words keep their vectors, those of DATA join them; or a network of texts.",
)
@click.option("--resume", type=FILE, metavar="RUN", help="Go on with a run that was killed or interrupted.")
@text_file
@gold
@click.option(
    "--seeds", type=click.IntRange(1, 2), default=1, show_default=True, help="2: learn twice, and compare neighbours."
)
@click.option("--report/--no-report", default=True, show_default=True, help="Measure what was learned.")
@quiet
@as_json
@click.pass_context
def learn(context: click.Context, /, what: tuple[str, ...], **given: Any) -> None:
    """Learn embeddings from DATA and write a run folder with its evidence.

    DATA is a text file (plain, gzip, xz, bz2, zstd), a folder of them, WikiExtractor output, a CSV, JSONL or
    Parquet file with --column, or - for standard input; or a folder of pictures, an IDX, npy, npz or Parquet file of
    them. Without a RECIPE the data are looked at and one is chosen.
    With --resume RUN neither is needed: it goes on as it was begun, on the data of then.
    """
    import likewise as lw
    from likewise.learning import first_process, free_name

    resume = given["resume"]
    if not what and resume is None:
        raise click.MissingParameter(ctx=context, param_hint="'[RECIPE] DATA'", param_type="argument")
    recipe, data = _recipe_and_data(what, resumed=resume is not None)
    shown = {name: given.pop(name) for name in ("quiet", "json")}
    source = context.get_parameter_source
    chosen = {name: value for name, value in given.items() if source(name) is not click.core.ParameterSource.DEFAULT}
    out = chosen.pop("out", None) or (None if data is None or resume else free_name(data))
    first = first_process()
    with render.Screen(quiet=shown["quiet"] or shown["json"] or not first) as session:
        run = lw.learn(data, recipe=recipe, out=out, session=session, **chosen)
    if not first:
        return
    if shown["json"]:
        render.say_json({"run": str(run.path), "manifest": run.manifest, "report": run.report})
        return
    _show(run)
    sys.stdout.flush()
    if session.stopped:
        context.exit(130)


def _recipe_and_data(what: tuple[str, ...], *, resumed: bool) -> tuple[str | None, str | None]:
    if not what:
        return None, None
    if len(what) > 2:
        raise OptionError(
            f"learn takes [RECIPE] DATA, {len(what)} words came: {' '.join(what)}; quote a name with spaces"
        )
    if len(what) == 2:
        recipe, data = what
        if recipe not in EVERY:
            from likewise.resuming import no_such_recipe

            raise OptionError(no_such_recipe(recipe))
        return recipe, data
    (data,) = what
    if data in EVERY and not Path(data).exists():
        if resumed:
            return data, None
        raise OptionError(f"{data} is a recipe and there is no file of that name: likewise learn {data} DATA")
    return None, data


def _show(run: Any) -> None:
    from likewise.cli.judge import show_report

    if run.report is not None:
        show_report(run.report)
    render.say(f"\nrun     {run.path}")
    name = shlex.quote(str(run.path))
    if run.manifest["status"] == "unfinished":
        render.say(f"go on   likewise learn --resume {name}")
    if run.report is not None:
        render.say(f"report  {run.path / 'report.html'}")
    if run.space.kind == "text":
        render.say(f"next    likewise near {name} --text 'what you look for'")
        return
    keys = run.space.keys
    word = next((key for key in keys[min(200, len(keys) // 2) :] if len(key) > 4), keys[0])
    render.say(f"next    likewise near {name} {shlex.quote(word)}")


@click.command()
@as_json
def recipes(json: bool) -> None:
    """List the recipes: what each learns, and what it was measured to be worth and to cost."""
    if json:
        render.say_json([_as_json(name) for name in EVERY])
        return
    render.table(["recipe", "learns"], [(name, _summary(name)) for name in EVERY])
    _show_measured()
    render.say("\nlikewise learn RECIPE --help lists the options of one.")


def _show_measured() -> None:
    """Print a line for each recipe that was measured, and where that was."""
    found = {name: facts for name in EVERY if (facts := measured(name)) is not None}
    if not found:
        return
    rows = [(name, *_measured_cells(facts)) for name, facts in found.items()]
    render.say()
    render.table(["measured", "analogies#", "WordSim-353#", "time#", "memory#"], rows)
    where: dict[tuple[Any, ...], list[str]] = {}
    for name, facts in found.items():
        where.setdefault((len(facts["seeds"]), facts["text"], facts["machine"]), []).append(name)
    for (seeds, text, machine), names in where.items():
        who = f"{', '.join(names)}: " if len(where) > 1 else ""
        mean = f"means of {seeds} seeds (± half their range)" if seeds > 1 else "one seed"
        render.say(f"{who}{mean} with the defaults, on {text}; {machine}. --json has more.", style="dim")


def _measured_cells(facts: dict[str, Any]) -> tuple[str, str, str, str]:
    quality, cost, several = facts["quality"], facts["cost"], len(facts["seeds"]) > 1
    half = {name: (found["most"] - found["least"]) / 2 for name, found in quality.items()}
    shares = f"{quality['analogy']['mean']:.1%}".replace("%", " %")
    judged = f"{quality['wordsim353']['mean']:.3f}".lstrip("0")
    if several:
        shares += f" ±{100 * half['analogy']:.1f}"
        judged += f" ±{half['wordsim353']:.3f}".replace("0.", ".")
    return shares, judged, render.duration(cost["seconds"]["mean"]), render.size(cost["peak_anonymous"]["mean"])


def _as_json(name: str) -> dict[str, Any]:
    options = [
        {
            "name": o.name,
            "type": o.kind.__name__,
            "default": o.default,
            "unit": o.about.unit,
            "meaning": o.about.meaning,
        }
        for o in describe(EVERY[name]).values()
    ]
    return {"name": name, "learns": _summary(name), "measured": measured(name), "options": options}
