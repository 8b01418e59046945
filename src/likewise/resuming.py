"""Resuming: the name of a run that was cut off in, what it was asked for and how far it came out.

What a call of `learn` is asked for, its order, stands beside the checkpoints from the beginning, so that it can be
carried out to its end by somebody who knows nothing but the name of the run.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from likewise import __version__
from likewise.checkpoints import latest
from likewise.contracts import Recipe
from likewise.errors import DataError, IntegrityError, OptionError, RunError, nearest_spellings
from likewise.files import atomic, digest_of_file
from likewise.kernels.levels import VARIABLE, available
from likewise.opening import Run
from likewise.origin import Origin, Start, TextOrigin
from likewise.recipes import EVERY, PICTURES, RECIPES, TEXTS, check, describe
from likewise.run import CHECKPOINTS, RunFolder

Data: TypeAlias = str | os.PathLike[str] | Iterable[Any]

ORDER = "order.json"
MEMORY = "<memory>"  # where a thing lies that no file holds
FORMAT = 1
_QUICK, _NETWORK = "patches", "simclr"  # what pictures are learned by where nothing was said
_LONG = 3600.0  # seconds on a processor below which no network was measured to be worth more than patches


@dataclass(frozen=True)
class Order:
    """What one call of `learn` is asked for; `options` are those of the recipe that were given.

    `recipe` may be None, as long as nobody has `named` one: then it is that of `start`, or the first, which is the one
    for text.
    """

    data: Data | None
    recipe: str | None
    start: Start | None
    options: Mapping[str, Any]
    reading: Mapping[str, Any]
    gold: Mapping[str, tuple[str | os.PathLike[str], ...]]
    report: bool
    seeds: int
    overwrite: bool
    named: bool

    @property
    def twice(self) -> bool:
        """Whether to learn a second time, which only a report can use."""
        return self.seeds == 2 and self.report

    def make(self) -> tuple[Recipe, Origin | TextOrigin | None]:
        """Return the recipe with its options, and what it begins from; OptionError where these cannot be."""
        if self.recipe in TEXTS:
            return self._of_texts(self.recipe)
        if self.start is not None:
            origin = Origin(self.start)
            return origin.going_on(self.recipe, self.options), origin
        name = recipe_for(self.data, self.options)[0] if self.recipe is None else self.recipe
        if name not in EVERY:
            raise OptionError(no_such_recipe(name))
        options = dict(self.options)
        if not self.named and name == _QUICK:
            options.pop("time", None)  # by which it was chosen, and also one that goes on
        return EVERY[name](**check(EVERY[name], options)), None

    def _of_texts(self, recipe: str) -> tuple[Recipe, TextOrigin | None]:
        """Return a recipe for texts, with the network that it begins with."""
        if self.start is not None:
            origin = TextOrigin(self.start)
            return origin.going_on(recipe, self.options), origin
        return TEXTS[recipe](**check(TEXTS[recipe], self.options)), None

    def write(self, folder: Path, recipe: str) -> None:
        """Write it down in a folder that is made, with the recipe that it came to."""
        folder.mkdir(exist_ok=True)
        value = {
            "format": FORMAT,
            "id": secrets.token_hex(16),
            "likewise": __version__,
            "data": _place(self.data),
            "recipe": recipe,
            "named": self.named,
            "start": _place(self.start.path if isinstance(self.start, Run) and self.start.path else self.start),
            "options": {name: _plain(value) for name, value in self.options.items()},
            "reading": dict(self.reading),
            "gold": {name: [os.path.abspath(path) for path in paths] for name, paths in self.gold.items()},
            "report": self.report,
            "seeds": self.seeds,
            "overwrite": self.overwrite,
        }
        with atomic(folder / ORDER) as file:
            file.write(json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")


@dataclass(frozen=True)
class CutOff:
    """A run that was cut off: its name, its order, and the values of its newest checkpoint, if there is one.

    `replaces` says whether the run of that name is what it had learned when it was interrupted before.
    """

    path: Path
    order: Order
    values: Mapping[str, Any] | None
    replaces: bool
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long the work had taken at the newest checkpoint."""
        return 0.0 if self.values is None else float(self.values.get("seconds", 0.0))

    def agreed(self, asked: Order) -> Order:
        """Return the order to carry out: what is asked for now may fill in data, and otherwise change nothing.

        Raises OptionError for what is another now, DataError where there is nothing to read, and OptionError where the
        machine lacks the kernel level.
        """
        begun, options = self.order, dict(self.order.options)
        if asked.recipe not in (None, begun.recipe):
            raise self._changed("recipe", begun.recipe, asked.recipe)
        given = check(EVERY[str(begun.recipe)], asked.options)
        for name, value in given.items():
            if callable(value) and options.get(name) == _plain(value):
                options[name] = value
        lost = next((name for name, value in options.items() if isinstance(value, dict)), None)
        if lost is not None:
            raise OptionError(
                f"{self.path} was begun with a function of the caller's as {lost}, {options[lost]['callable']}, which "
                f"no file can keep: give it again, lw.learn(resume=…, {lost}=…)"
            )
        whole = replace(begun, options=options, start=self._start(asked.start))
        full = whole.make()[0].options
        for name, value in given.items():
            if value != full[name]:
                raise self._changed(name, full[name], value)
        for name, begun_with, now, default in self._asides(asked):
            if now not in (default, begun_with):
                raise self._changed(name, begun_with, now)
        self._check_level()
        return replace(
            whole, data=self._data(asked.data), overwrite=begun.overwrite or asked.overwrite or self.replaces
        )

    def _start(self, asked: Start | None) -> Start | None:
        """Return the run to begin from, the same as then."""
        begun = self.order.start
        if begun == MEMORY:
            if asked is None:
                raise OptionError(f"{self.path} goes on from a run in memory: give it again, lw.learn(…, start=run)")
            return asked
        path = asked.path if isinstance(asked, Run) else asked
        if path is not None and (begun is None or os.path.abspath(path) != os.path.abspath(str(begun))):
            raise self._changed("start", begun and str(begun), str(path))
        return begun

    def _asides(self, asked: Order) -> list[tuple[str, Any, Any, Any]]:
        """Return what is not an option of the recipe: name, as begun, as asked for now, default."""
        defaults = {"column": None, "encoding": "utf-8", "errors": "strict"}
        begun = self.order
        sides: list[tuple[str, Any, Any, Any]] = [
            (name, begun.reading[name], asked.reading[name], default) for name, default in defaults.items()
        ]
        for name, paths in asked.gold.items():
            now = [os.path.abspath(path) for path in paths]
            sides.append((name, [str(path) for path in begun.gold.get(name, ())], now, []))
        return [*sides, ("report", begun.report, asked.report, True), ("seeds", begun.seeds, asked.seeds, 1)]

    def _changed(self, name: str, begun: Any, now: Any) -> OptionError:
        return OptionError(
            f"{self.path} was begun with {name} {begun!r}, and {now!r} came: nothing can be changed on the way; "
            f"leave {name} out, or learn anew"
        )

    def _check_level(self) -> None:
        """Refuse another level of the kernels than the one it was begun with: its numbers differ in the last digits."""
        if self.values is None:
            return
        level, forced = self.values.get("level"), os.environ.get(VARIABLE)
        if level is None:  # networks have none
            return
        if forced and forced != level:
            raise OptionError(
                f"{VARIABLE} asks for {forced}, and {self.path} was begun with kernel level {level}: leave it unset"
            )
        if level not in available():
            raise OptionError(
                f"{self.path} was begun with kernel level {level}, which this machine cannot run (it can run "
                f"{', '.join(available())}): go on with it on a machine that can"
            )

    def _data(self, given: Data | None) -> Data:
        """Return what to read: what came now, else what was read then."""
        begun = self.order.data
        if given is not None:
            return given
        if begun is None or begun == MEMORY:
            raise DataError(f"{self.path} was begun with data in memory: give them again, lw.learn(data, resume=…)")
        if begun == "-":
            raise DataError(
                f"{self.path} was begun with standard input, which cannot be read again: give a file with the same "
                f"text, likewise learn --resume {self.path} FILE"
            )
        if not Path(str(begun)).exists():
            raise DataError(
                f"{begun}, from which {self.path} was learning, is gone: bring it back, or say where it is now, "
                f"likewise learn --resume {self.path} DATA"
            )
        return begun


def run_of(name: str | os.PathLike[str]) -> Path:
    """Return RUN, also where RUN.partial came."""
    path = Path(name)
    return path.with_name(path.name.removesuffix(".partial")) if path.name != ".partial" else path


def cut_off(name: str | os.PathLike[str]) -> CutOff:
    """Find a run that was killed or interrupted, by its name (RUN, or RUN.partial).

    Raises RunError where there is none, where it is finished, and where nothing is left to go on from.
    """
    path = run_of(name)
    partial = path.with_name(f"{path.name}.partial")
    if (partial / CHECKPOINTS / ORDER).is_file():
        return _read(path, partial, replaces=_same_order(path, partial))
    if not path.exists():
        if partial.exists():
            raise RunError(f"{partial} was cut off before it had begun, there is nothing to go on from: learn again")
        raise RunError(f"there is no run {path} and no {partial.name} beside it: --resume takes the --out of then")
    folder = RunFolder(path)
    if folder.manifest.get("status") != "unfinished":
        raise RunError(f"{path} is finished: there is nothing left to go on with; learn anew with another --out")
    if f"{CHECKPOINTS}/{ORDER}" not in folder.files:
        raise RunError(f"{path} is unfinished and keeps no checkpoint, so nobody can go on with it: learn again")
    folder.file(f"{CHECKPOINTS}/{ORDER}")
    return _read(path, path, replaces=True)


def _same_order(path: Path, partial: Path) -> bool:
    """Whether an unfinished run of that name came of the same order: then it may be replaced by what goes on."""
    order = path / CHECKPOINTS / ORDER
    return order.is_file() and digest_of_file(order) == digest_of_file(partial / CHECKPOINTS / ORDER)


def _read(path: Path, place: Path, *, replaces: bool) -> CutOff:
    file = place / CHECKPOINTS / ORDER
    try:
        value = json.loads(file.read_bytes())
        if value["format"] != FORMAT:
            raise RunError(f"{file} has format {value['format']!r}, this version reads {FORMAT}: use a newer likewise")
        order = Order(
            data=_found(value["data"]),
            start=_found(value["start"]),
            options=dict(value["options"]),
            gold={name: tuple(paths) for name, paths in value["gold"].items()},
            **{name: value[name] for name in ("recipe", "named", "reading", "report", "seeds", "overwrite")},
        )
        version = value["likewise"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{file} was altered after it was written ({error}): learn again") from error
    if order.recipe not in EVERY:
        raise RunError(f"{file} is of the recipe {order.recipe!r}, which this likewise lacks: use that of then")
    found = CutOff(path, order, latest(place / CHECKPOINTS), replaces)
    if found.values is None:
        found.notes.append("nothing had been learned when it was cut off: it begins again")
    if version != __version__:
        found.notes.append(f"begun with likewise {version}, this is {__version__}: bits may differ")
    return found


def recipe_of(name: str | os.PathLike[str]) -> str | None:
    """Return the recipe of a run that was cut off, None where it cannot be told."""
    try:
        return cut_off(name).order.recipe
    except RunError:
        return None


def _plain(value: Any) -> Any:
    return {"callable": getattr(value, "__qualname__", "a callable")} if callable(value) else value


def _place(what: object) -> list[str] | str | None:
    """Return where a thing lies: its name as given and from the root, `-`, or MEMORY; None where there is none."""
    if what is None or (isinstance(what, str) and what == "-"):
        return what
    return [str(what), os.path.abspath(what)] if isinstance(what, str | os.PathLike) else MEMORY


def _found(place: list[str] | str | None) -> str | None:
    """Return the name of a thing from here."""
    if not isinstance(place, list):
        return place
    name, absolute = place
    return str(name if os.path.abspath(name) == absolute else absolute)


def recipe_for(data: Any, options: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """Return the recipe for data of which nothing was said but some options, and what was seen of them.

    Pictures are learned by a dictionary of patches, which takes seconds and on a processor is worth more than a network
    that learns for less than an hour; by a network where there is an accelerator, more time, or an option of networks.
    """
    from likewise.sources.looking import kind_of

    look, options = kind_of(data), dict(options or {})
    if look.kind != "image":
        return next(iter(RECIPES)), f"{look.reason}: this is the recipe for text"
    reason, given = f"{look.reason}: this is the recipe for pictures", set(options) - set(describe(PICTURES[_QUICK]))
    if not given:
        return _QUICK, reason
    if given == {"time"} and options["time"] is not None:
        from likewise.recipes.vision import need_torch

        need_torch(_NETWORK)
        from likewise.train.choosing import seconds_of
        from likewise.train.engine import device_here

        if seconds_of(str(options["time"])) < _LONG and device_here().type == "cpu":
            return (
                _QUICK,
                f"{reason}; it takes seconds, and {options['time']} on a processor make no network worth more",
            )
    return _NETWORK, f"{look.reason}: this is the network for pictures, as {', '.join(sorted(given))} came"


def no_such_recipe(name: str) -> str:
    """Return the sentence for a recipe that does not exist."""
    near = nearest_spellings(name, EVERY)
    hint = f"did you mean {near[0]}?" if near else f"recipes are {', '.join(EVERY)}"
    return f"there is no recipe {name!r}: {hint}"
