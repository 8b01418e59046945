"""The words family: three models and two baselines on one text, with what each is worth and costs."""

from __future__ import annotations

from likewise.contracts import Number
from likewise.evaluate.analogies import Relation
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.page import figure
from likewise.evaluate.scales import show_measured
from likewise.evaluate.sections import Table
from likewise.evaluate.similarity import similarity
from likewise.sources.gold import read_pairs
from likewise.tour.ground import Ground
from likewise.tour.models import TEXT_IS, Model, Models
from likewise.tour.panel import NotShown, Panel

DENSE = ("word2vec", "fasttext", "glove")
FEWEST = 20  # questions of a relation, for it to be called the worst


def show(ground: Ground) -> Panel:
    """Learn every model of the family from the same text, and hold them against one another."""
    if not ground.questions:
        raise NotShown("no question that it can ask has all its words in this text")
    models = ground.models
    numbers = [_analogies(model) for model in models.models]
    likeness = _likeness(ground, models)
    best = max(numbers, key=lambda number: number.value)
    dense = [n for model, n in zip(models.models, numbers, strict=True) if model.name in DENSE]
    return Panel(
        name="family",
        statement="Dense word vectors: Word2Vec, FastText and GloVe, beside two plain baselines",
        command="\n".join([TEXT_IS, *(model.command for model in models.models)]),
        finding=f"On the same {models.words:,} words {best.name} answers most analogies, {best.value:.1%} of "
        f"{best.n:,}; one-hot vectors answer none, whatever they are asked. {_against_counts(numbers)}",
        fails=f"Each has relations that it hardly knows: {_worst(models)}. Which model leads depends on the questions: "
        "letters help with endings of words, not with capitals of countries; on a longer text the order may differ.",
        pictures=(
            figure(
                bar_chart(
                    [*(_bar(number) for number in numbers), Bar("one-hot", 0.0)],
                    title="Analogies by model",
                    description="Learned models answer a part of the questions, one-hot vectors none.",
                    percent=True,
                ),
                "Share of analogies answered right, inputs left out, with 95 % Wilson intervals; the tick is what the "
                "word nearest to c alone would get right.",
            ),
        ),
        numbers=tuple(numbers),
        tables=(_table(models, numbers, likeness),),
        holds=all(n.low is not None and n.low > n.baselines["nearest to c"] for n in dense),
    )


def _bar(number: Number) -> Bar:
    return Bar(number.name, number.value, number.low, number.high, {"nearest to c": number.baselines["nearest to c"]})


def _analogies(model: Model) -> Number:
    assert model.scores is not None
    total = model.scores.total.number(model.scores.protocol)
    baselines = {"one-hot": 0.0, **{name: total.baselines[name] for name in ("nearest to c", "inputs left in")}}
    return Number(model.name, total.value, total.low, total.high, total.n, baselines)


def _likeness(ground: Ground, models: Models) -> dict[str, list[Number]]:
    """Return by model how well cosine ranks pairs as people do, for each set that is on this machine."""
    sets = {path.stem: read_pairs(path, lowercase=True) for path in ground.gold["pairs"]}
    return {
        model.name: [
            similarity(model.space.keys, model.space.vectors, pairs, name=name) for name, pairs in sets.items()
        ]
        for model in models.models
    }


def _table(models: Models, numbers: list[Number], likeness: dict[str, list[Number]]) -> Table:
    sets = [number.name.removesuffix(" spearman cosine") for number in likeness[models.models[0].name]]
    rows = [
        (
            model.name,
            _between(number, percent=True),
            *(_between(n) for n in likeness[model.name]),
            f"{model.seconds:.1f}",
            f"{model.bytes / 1e6:,.1f}",
        )
        for model, number in zip(models.models, numbers, strict=True)
    ]
    one_hot = 4 * len(models.one_hot.keys) ** 2
    rows.append(("one-hot", "0.0%", *("0" for _ in sets), "0.0", f"{one_hot / 1e6:,.1f} if written out"))
    return Table(
        ("model", "analogies", *sets, "seconds", "MB"),
        tuple(rows),
        "Quality with 95 % intervals; seconds from text to vectors on this machine; MB that make vectors. "
        f"{models.words:,} words, {len(models.one_hot.keys):,} of them different; options as the commands have them.",
    )


def _between(number: Number, *, percent: bool = False) -> str:
    show = (lambda value: f"{value:.1%}") if percent else show_measured
    shown = [show(value) for value in (number.value, number.low, number.high) if value is not None]
    return shown[0] if len(shown) < 3 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def _against_counts(numbers: list[Number]) -> str:
    """Say which of the learned models do not beat plain counts."""
    counted = next(number for number in numbers if number.name == "ppmi")
    behind = [n.name for n in numbers if n.name in DENSE and n.value < counted.value]
    if not behind:
        return f"All three are above PPMI with SVD, the old way of counting, at {counted.value:.1%}."
    return f"PPMI with SVD, the old way of counting, is at {counted.value:.1%}: above {' and '.join(behind)}."


def _worst(models: Models) -> str:
    return "; ".join(
        f"{model.name} {relation.name} ({relation.right / relation.asked:.0%})"
        for model in models.models
        if (relation := worst_relation(model)) is not None
    )


def worst_relation(model: Model) -> Relation | None:
    """Return the relation that a model answers worst, of those that are asked often enough."""
    relations = [r for r in model.scores.relations if r.asked >= FEWEST] if model.scores else []
    return min(relations, key=lambda relation: relation.right / relation.asked, default=None)
