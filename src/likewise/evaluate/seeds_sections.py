"""What another seed makes of the same pictures: a subject with a second set of vectors in; a section out."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Bool, Float

from likewise.contracts import Array, Number
from likewise.errors import DataError
from likewise.evaluate import page
from likewise.evaluate.few_labels import knn_accuracy, linear_accuracy
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.picture_sections import Pictured
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.stability import overlap_among

TITLE = "Which neighbours to trust"
START = "before learning"
DOUBTFUL = 0.3  # of ten neighbours shared by two seeds, as with words


def agreement(s: Pictured) -> list[Section]:
    """Say how many neighbours a second seed agrees on, and what its probes reach; nothing where there is none."""
    if s.second is None or len(s) < 3:
        return []
    numbers = [_shared(s, s.second, "pictures learned from", ~s.held_out)]
    if s.held_out.any():
        numbers.insert(0, _shared(s, s.second, "pictures held out", s.held_out))
    first = numbers[0]
    chance = first.baselines["chance"]
    text = (
        f"The same pictures learned with a second seed agree on {show_value(first.value, percent=True)} of the 10 "
        f"nearest neighbours of each of the {first.name.split(', ')[1]} (chance: {show_value(chance, percent=True)}). "
        "A neighbour that another seed does not find is an accident."
    )
    if first.value < DOUBTFUL:
        text += " Here that is most of them: more pictures or a longer training would help."
    bars = [Bar(n.name.split(", ")[1], n.value, n.low, n.high, {"chance": chance}) for n in numbers]
    if START in first.baselines:
        bars.append(Bar(START, first.baselines[START], marks={"chance": chance}))
    figure = bar_chart(
        bars,
        title="Neighbours that two seeds share",
        description="; ".join(f"{bar.name} {show_value(bar.value, percent=True)}" for bar in bars),
        high=1.0,
        percent=True,
    )
    return [Section(TITLE, text, tuple(numbers), _probes(s, s.second), (page.figure(figure),))]


def _shared(s: Pictured, second: Float[Array, "n d"], who: str, chosen: Bool[Array, " n"]) -> Number:
    """Return the share of neighbours that both seeds find, beside the share that its own start found."""
    number = overlap_among(s.vectors, second, chosen, seed=s.seed, who=f"{who}, two seeds")
    if s.untrained is None:
        return number
    untrained = overlap_among(s.vectors, s.untrained, chosen, seed=s.seed, who=who).value
    return replace(number, baselines={**number.baselines, START: untrained})


def _probes(s: Pictured, second: Float[Array, "n d"]) -> tuple[Table, ...]:
    """Return what the same probes find in the vectors of both seeds; nothing where they cannot be."""
    try:
        split, (train, test) = s.split(), s.parts
    except DataError:  # no labels, or of one class alone
        return ()
    rows = []
    for name, x in (("this seed", s.vectors), ("second seed", second)):
        knn, linear = knn_accuracy(x[train], x[test], split), linear_accuracy(x[train], x[test], split)
        rows.append((name, knn.value, linear.value))
    return (Table(("vectors", "k-NN@20", "linear"), tuple(rows), "The same probes on the vectors of both seeds."),)
