"""Relation by relation: where analogies hold and where they fail, for every model."""

from __future__ import annotations

from likewise.contracts import Number
from likewise.evaluate.analogies import Relation
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.family import FEWEST
from likewise.tour.ground import Ground
from likewise.tour.models import TEXT_IS, Model
from likewise.tour.panel import NotShown, Panel

_SHARE = 0.5
_ENDS = 3  # relations that hold best, and worst, with their intervals


def show(ground: Ground) -> Panel:
    """Ask every relation of every model, and say which ones hold."""
    models = ground.models.models
    asked = {model.name: _by_name(model) for model in models}
    names = list(asked[models[0].name])
    if len(names) < 2:
        raise NotShown("it needs questions of two relations or more that this text has the words of")
    best = {name: _best(name, models, asked) for name in names}
    shares = {name: _share(asked[best[name].name][name]) for name in names}
    order = sorted(names, key=lambda name: -shares[name])
    hold = [name for name in order if shares[name] > _SHARE]
    top, bottom = order[0], order[-1]
    numbers = tuple(_number(asked[best[name].name][name], best[name]) for name in order)
    return Panel(
        name="relations",
        statement="Analogies hold for some relations and fail for others",
        command="\n".join(
            [TEXT_IS, *(f"{m.command}\nlikewise evaluate {m.name} --analogies questions-words.txt" for m in models)]
        ),
        finding=f"In {len(hold)} of {len(names)} relations the best model answers more than half. Best is {top} "
        f"({shares[top]:.1%}, {best[top].name}), worst {bottom} ({shares[bottom]:.1%}, {best[bottom].name}).",
        fails="A relation holds where the two sides keep company that differs always in the same way, and where both "
        "words are frequent. Where the nearest word to c alone is right as often (the column beside), the vectors tell "
        "that two words belong together, and nothing of the relation.",
        pictures=(
            figure(
                bar_chart(
                    [_bar(name, models, asked) for name in order],
                    title="Right answers by relation and model",
                    description="Some relations are mostly right, others mostly wrong, and models differ in which.",
                    percent=True,
                    high=1.0,
                ),
                f"Share of right answers, inputs left out. The bar is {models[0].name} with its 95 % Wilson interval; "
                "the ticks are the other models.",
            ),
        ),
        numbers=numbers if len(numbers) <= 2 * _ENDS else numbers[:_ENDS] + numbers[-_ENDS:],
        tables=(
            Table(
                ("relation", "questions", *(model.name for model in models), "nearest to c"),
                tuple(
                    (
                        name,
                        asked[models[0].name][name].asked,
                        *(f"{_share(asked[model.name][name]):.1%}" for model in models),
                        f"{_by_c(asked[models[0].name][name]):.1%}",
                    )
                    for name in order
                ),
                f"Right answers; “nearest to c” is of {models[0].name}.",
            ),
        ),
        holds=_apart(numbers),
    )


def _by_name(model: Model) -> dict[str, Relation]:
    return {r.name: r for r in model.scores.relations if r.asked >= FEWEST} if model.scores else {}


def _best(name: str, models: tuple[Model, ...], asked: dict[str, dict[str, Relation]]) -> Model:
    return max(models, key=lambda model: _share(asked[model.name][name]))


def _share(relation: Relation) -> float:
    return relation.right / relation.asked


def _by_c(relation: Relation) -> float:
    return relation.right_by_c / relation.asked


def _number(relation: Relation, model: Model) -> Number:
    found = relation.number("")
    baselines = {name: found.baselines[name] for name in ("nearest to c", "nearest to b")}
    return Number(f"{relation.name}, {model.name}", found.value, found.low, found.high, found.n, baselines)


def _bar(name: str, models: tuple[Model, ...], asked: dict[str, dict[str, Relation]]) -> Bar:
    first, *others = models
    number = asked[first.name][name].number("")
    return Bar(name, number.value, number.low, number.high, {m.name: _share(asked[m.name][name]) for m in others})


def _apart(numbers: tuple[Number, ...]) -> bool:
    """Return whether the best relation is above chance-like baselines, and above the worst, beyond their intervals."""
    first, last = numbers[0], numbers[-1]
    if first.low is None or last.high is None:
        return False
    return first.low > max(last.high, first.baselines["nearest to c"])
