"""Few labels: what a classifier makes of one, ten and a hundred labels a class, by what stands for the texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from likewise.contracts import Array, Number
from likewise.evaluate.few_labels import FEW, Split, few_label_accuracy
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.markup import Html
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.evaluate.text_baselines import TfidfSvd
from likewise.sources.gold import Label
from likewise.sources.gold_texts import Classes, read_subjectivity, read_trec
from likewise.sources.samples import shared
from likewise.tour.panel import NotShown, Panel
from likewise.tour.text_ground import LEARNED, STRONGER, UNTRAINED, TextGround

_SETS: Final[Mapping[str, tuple[str, Callable[..., Classes]]]] = {
    "TREC": ("sentences/trec_qc.zip", read_trec),
    "SUBJ": ("sentences/subjectivity.zip", read_subjectivity),
}
_WHAT = {"TREC": "what a question asks for", "SUBJ": "plots from opinions"}
_TRAIN, _TEST = 1_200, 500  # texts
_DRAWS = 10  # of labels
_JUDGED = 10  # labels a class
_WORDS, _COUNTED = "averaged words", "TF-IDF + SVD"


@dataclass(frozen=True)
class Told:
    """Accuracies on one set: by what stands for the texts, and by labels a class."""

    name: str
    by: Mapping[str, Mapping[int, Number]]

    @property
    def holds(self) -> bool:
        """Whether the network that learned is above itself untrained and above counted words, its interval too."""
        found = self.by[LEARNED][_JUDGED]
        return (found.low or 0.0) > max(self.by[name][_JUDGED].value for name in (UNTRAINED, _COUNTED))


def show(ground: TextGround) -> Panel:
    """Give the same probe few labels and every representation."""
    there = {name: (path, read) for name, (file, read) in _SETS.items() if (path := shared(file)) is not None}
    if not there:
        raise NotShown("no texts with labels are on this machine: it takes TREC or SUBJ of LIKEWISE_DATA")
    sets = [_told(name, read(path), ground) for name, (path, read) in there.items()]
    return Panel(
        name="few-text-labels",
        statement="With few labels, structure that was learned without any is worth more of them",
        command=f"{ground.command}\n# Python: likewise.evaluate.few_labels.few_label_accuracy on run.embed(texts)",
        finding=" ".join(map(_finding, sets)),
        fails=" ".join(map(_fails, sets)) + " One label a class is a matter of luck, whatever stands for the texts.",
        pictures=tuple(_picture(one) for one in sets),
        numbers=tuple(_beside(one, each) for one in sets for each in FEW),
        tables=tuple(_table(one) for one in sets),
        holds=all(one.holds for one in sets),
    )


def _told(name: str, classes: Classes, ground: TextGround) -> Told:
    """Measure every representation on a part of a set, drawn at random; counted words know its texts, not labels."""
    train, test = _some(classes.train, _TRAIN), _some(classes.test, _TEST)
    split = Split([one.label for one in train], [one.label for one in test])
    known, asked = [one.key for one in train], [one.key for one in test]
    sides: dict[str, Callable[[Sequence[str]], Array]] = {
        LEARNED: ground.learned.embed, UNTRAINED: ground.untrained.embed, _WORDS: ground.words.embed,
        _COUNTED: TfidfSvd.learned(known, rarest=1).embed,
    }  # fmt: skip
    if ground.stronger is not None:
        sides[STRONGER] = ground.stronger.embed
    by = {who: _by_labels(embed(known), embed(asked), split) for who, embed in sides.items()}
    return Told(name, by)


def _by_labels(train: Array, test: Array, split: Split) -> dict[int, Number]:
    found = {each: few_label_accuracy(train, test, split, each=each, draws=_DRAWS, at_most=True) for each in FEW}
    return {each: number for each, number in found.items() if number is not None}


def _some(labels: Sequence[Label], count: int) -> list[Label]:
    return [labels[row] for row in np.sort(np.random.default_rng(0).permutation(len(labels))[:count])]


def _finding(told: Told) -> str:
    at = {name: numbers[_JUDGED].value for name, numbers in told.by.items()}
    reached = _labels_for(told.by[_COUNTED], at[LEARNED])
    worth = f"as much as TF-IDF with {reached}" if told.holds else "no more than plainer things"
    stronger = f"; {STRONGER}, which others have trained, {at[STRONGER]:.1%}" if STRONGER in at else ""
    return (
        f"{told.name} ({_WHAT[told.name]}): with {_JUDGED} labels a class the network tells {at[LEARNED]:.1%}, "
        f"{worth}; untrained {at[UNTRAINED]:.1%}, averaged words {at[_WORDS]:.1%}, TF-IDF {at[_COUNTED]:.1%}{stronger}."
    )


def _fails(told: Told) -> str:
    at = {name: numbers[FEW[-1]].value for name, numbers in told.by.items() if name not in (LEARNED, STRONGER)}
    best = max(at, key=at.__getitem__)
    ours = told.by[LEARNED][FEW[-1]].value
    than = "above" if at[best] > ours else "below"
    return f"{told.name}: with {FEW[-1]} labels a class {best} reaches {at[best]:.1%}, {than} the network's {ours:.1%}."


def _labels_for(by: Mapping[int, Number], accuracy: float) -> str:
    """Return with how many labels a class an accuracy is reached, between two that were measured by their logarithm."""
    each = sorted(by)
    if by[each[0]].value >= accuracy:
        return f"{each[0]} or fewer"
    for few, many in pairwise(each):
        low, high = by[few].value, by[many].value
        if low < accuracy <= high:
            share = (accuracy - low) / (high - low)
            return f"about {math.exp(math.log(few) + share * math.log(many / few)):.0f}"
    return f"more than {each[-1]}"


def _beside(told: Told, each: int) -> Number:
    found = told.by[LEARNED][each]
    beside = {name: numbers[each].value for name, numbers in told.by.items() if name != LEARNED}
    return Number(
        f"{told.name}, {each} label{'s' * (each > 1)} a class", found.value, found.low, found.high, found.n,
        {**found.baselines, **beside}, found.note,
    )  # fmt: skip


def _picture(told: Told) -> Html:
    lines = [
        Line("TF-IDF" if name == _COUNTED else name, [float(each) for each in numbers],
             [number.value for number in numbers.values()])
        for name, numbers in told.by.items()
        if name != STRONGER
    ]  # fmt: skip
    bound = told.by.get(STRONGER)
    levels = {"chance": next(iter(told.by[LEARNED].values())).baselines["chance"]}
    levels |= {} if bound is None else {f"{STRONGER}, {_JUDGED} labels": bound[_JUDGED].value}
    drawn = line_chart(
        lines, title=f"{told.name}: accuracy by labels", x_label="labels a class", y_label="accuracy", log_x=True,
        levels=levels, description=f"Accuracy of a linear probe on {told.name} with few labels.",
    )  # fmt: skip
    caption = f"{told.name}, {_WHAT[told.name]}: the mean over {_DRAWS} draws of labels."
    return figure(drawn, f"{caption} TF-IDF is taken in its first singular directions.")


def _table(told: Told) -> Table:
    rows = tuple((name, *(number.value for number in numbers.values())) for name, numbers in told.by.items())
    return Table((told.name, *(f"{each} a class" for each in told.by[LEARNED])), rows)
