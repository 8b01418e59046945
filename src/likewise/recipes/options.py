"""Options of recipes: a function with typed keyword arguments in, a checked dictionary of values out.

A recipe's signature is the one place where an option is written down: its name, type, default, meaning, unit and
range. The command line, `likewise.learn(...)` and the docs all read it from there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from likewise.errors import OptionError, nearest_spellings
from likewise.recipes.foreign import FOREIGN, Foreign, meaning


@dataclass(frozen=True, slots=True)
class Option:
    """What a person needs to know about one option; stands in `Annotated[type, Option(...)]`."""

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """One option of one recipe, ready for a help page or a check."""

    name: str
    kind: type
    default: Any
    choices: tuple[str, ...]
    about: Option

    @property
    def optional(self) -> bool:
        """Whether None is a value ("no limit", "choose for me")."""
        return self.default is None


def describe(recipe: Callable[..., Any]) -> dict[str, Described]:
    """Return the options of a recipe function by name, in the order of its signature."""
    hints = get_type_hints(recipe, include_extras=True)
    return {
        name: _described(name, hints[name], parameter.default)
        for name, parameter in inspect.signature(recipe).parameters.items()
    }


def _described(name: str, hint: Any, default: Any) -> Described:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"option {name!r} has no Annotated[type, Option(...)]")
    kind, about = get_args(hint)[:2]
    members = [member for member in get_args(kind) if member is not type(None)]
    if get_origin(kind) is Literal:
        return Described(name, str, default, get_args(kind), about)
    if members:  # a union such as `int | None`
        kind = members[0]
    return Described(name, kind, default, (), about)


def check(recipe: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options with their right types; OptionError for an unknown name or a value out of range."""
    known = describe(recipe)
    return {name: _checked(known, recipe.__name__, name, value) for name, value in given.items()}


def unknown(name: str, known: Mapping[str, Described], recipe: str, *, dashes: bool = False) -> str:
    """Return the sentence for an option that a recipe does not have."""

    def shown(option: str) -> str:
        return "--" + option.replace("_", "-") if dashes and option != "DATA" else option

    foreign = meaning(name, known, recipe)
    if foreign is not None:
        return _translated(shown(name), foreign, shown(foreign.ours), recipe, known)
    near = nearest_spellings(name, known) or _meant(name, known, recipe)
    hint = f"did you mean {' or '.join(shown(n) for n in near)}?" if near else f"it has {', '.join(map(shown, known))}"
    return f"{recipe} has no option {shown(name)}: {hint}"


def _translated(theirs: str, foreign: Foreign, ours: str, recipe: str, known: Collection[str]) -> str:
    if not foreign.ours:
        return f"{theirs} is an option of {foreign.library} that there is not here: {foreign.how}"
    calls = f"what {foreign.library} calls" if foreign.library else "what other libraries call"
    if foreign.ours not in known and foreign.ours not in ("DATA", "out"):
        return f"{theirs} is {calls} {ours}, which {recipe} does not have"
    how = f" ({foreign.how})" if foreign.how else ""
    return f"{theirs} is {calls} it: here it is {ours}{how}"


def _meant(name: str, known: Collection[str], recipe: str) -> list[str]:
    """Return our name for the option of another library that `name` is nearly spelled like."""
    found = [meaning(theirs, known, recipe) for theirs in nearest_spellings(name, FOREIGN, most=1)]
    return [foreign.ours for foreign in found if foreign is not None and foreign.ours in known]


def _checked(known: Mapping[str, Described], recipe: str, name: str, value: Any) -> Any:
    if name not in known:
        raise OptionError(unknown(name, known, recipe))
    option = known[name]
    if value is None and option.optional:
        return None
    if option.choices:
        return _checked_choice(option, value)
    value = _of_kind(option, value)
    about = option.about
    too_low = about.low is not None and value < about.low
    if too_low or (about.high is not None and value > about.high):
        bounds = f"from {about.low:g}" + (f" to {about.high:g}" if about.high is not None else " up")
        raise OptionError(f"{name}={value!r} is out of range: it is {bounds} ({about.meaning})")
    return value


def _checked_choice(option: Described, value: Any) -> Any:
    if callable(value) and option.name == "tokenizer":
        return value
    if value not in option.choices:
        raise OptionError(f"{option.name}={value!r} is not one of {', '.join(map(repr, option.choices))}")
    return value


def _of_kind(option: Described, value: Any) -> Any:
    wanted = {int: "a whole number", float: "a number", bool: "True or False"}.get(
        option.kind, f"a {option.kind.__name__}"
    )
    wrong = OptionError(f"{option.name}={value!r}: it must be {wanted} ({option.about.meaning})")
    if isinstance(value, bool) != (option.kind is bool):
        raise wrong
    try:
        converted = option.kind(value)
    except (TypeError, ValueError):
        raise wrong from None
    if converted != value or converted != converted:
        raise wrong
    return converted
