"""Contexts: one word in twenty sentences, in which it means two things, and its vector in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.evaluate.figures import HEIGHT, WIDTH, draw, legend
from likewise.evaluate.intervals import wilson
from likewise.evaluate.map import principal_plane
from likewise.evaluate.markup import Html, element
from likewise.evaluate.page import figure
from likewise.evaluate.rows import unit
from likewise.evaluate.scales import Scale
from likewise.tour.panel import Panel
from likewise.tour.text_ground import LEARNED, UNTRAINED, TextGround
from likewise.tour.uses import Uses, twenty

TABLE = "table of words"
_MEAN = "mean of the sentence's words"
_EDGE = 26.0


def show(ground: TextGround) -> Panel:
    """Let networks read the twenty sentences, and tell each by the vectors of the others."""
    uses = twenty()
    found = {name: uses.vectors(encoder) for name, encoder in ground.encoders.items()}
    one = uses.static(ground)
    beside = {TABLE: uses.told(one), UNTRAINED: uses.told(found[UNTRAINED]), _MEAN: uses.told(_means(uses, ground))}
    plain = {name: float(right.mean()) for name, right in beside.items()}
    numbers = tuple(
        _number(name, uses.told(vectors), plain if name == LEARNED else {TABLE: plain[TABLE]})
        for name, vectors in found.items()
        if name != UNTRAINED
    )
    first = numbers[0]
    drawn = {LEARNED: found.pop(LEARNED), TABLE: one} | {name: x for name, x in found.items() if name != UNTRAINED}
    return Panel(
        name="contexts",
        statement="The same word has another vector in another sentence",
        command=f"{ground.command}\nlikewise senses RUN bank --in sentences.txt",
        finding=_finding(drawn[LEARNED], one, numbers, plain),
        fails="Twenty sentences are few, and the interval is wide. A sense that a text hardly has is not learned from "
        f"it. {_by_words(first, plain)}",
        pictures=tuple(figure(_plane(name, uses, x), _caption(name, x)) for name, x in drawn.items()),
        numbers=numbers,
        holds=(first.low or 0.0) > plain[TABLE] and first.value > plain[UNTRAINED],
    )


def _finding(learned: Array, table: Array, numbers: Sequence[Number], plain: dict[str, float]) -> str:
    first, *others = numbers
    told = (
        f"In ten sentences of a river and ten of money two vectors of “bank” differ by {_unlike(learned):.2f} in the "
        f"mean (1 − cosine), in a table of words by {_unlike(table):.2f}: there it has one. By the means of the other "
        f"sentences its sense is told in {first.value:.0%}; from one vector in {plain[TABLE]:.0%}, by the same network "
        f"untrained in {plain[UNTRAINED]:.0%}."
    )
    for other in others:
        told += f" {other.name.partition(', ')[2]}, which others have trained, tells it in {other.value:.0%}."
    return told


def _by_words(first: Number, plain: dict[str, float]) -> str:
    more = "no less" if plain[_MEAN] >= first.value else "less"
    return (
        f"The plain mean of the vectors of a sentence's words tells it in {plain[_MEAN]:.0%}, {more}: what a sentence "
        "is about says much of one such word, and nothing of two of them in one sentence."
    )


def _number(name: str, right: Array, beside: dict[str, float]) -> Number:
    low, high = wilson(int(right.sum()), len(right))
    note = "one of each sense left out in turn; nearest mean of a sense"
    return Number(f"sense of “bank” told, {name}", float(right.mean()), low, high, len(right), beside, note)


def _means(uses: Uses, ground: TextGround) -> Float[Array, "n d"]:
    return ground.words.embed(uses.texts)


def _unlike(vectors: Float[Array, "n d"]) -> float:
    """Return the mean 1 − cosine of two of the vectors; 0 where there are none."""
    x = unit(vectors).astype(np.float64)
    n = int(x.any(axis=1).sum())
    return 0.0 if n < 2 else max(0.0, 1 - (float((x.sum(0) ** 2).sum()) - n) / (n * (n - 1)))


def _caption(name: str, vectors: Float[Array, "n d"]) -> str:
    x = unit(vectors)
    spread = float(x.var(0).sum())
    if spread < 1e-9:
        return "A table of words has one vector for it: all twenty sentences lie on one place."
    held = float(principal_plane(x)[0].var(0).sum()) / spread
    return f"{name}: the first two principal components of the twenty vectors, which hold {held:.0%} of their spread."


def _plane(name: str, uses: Uses, vectors: Float[Array, "n d"]) -> Html:
    """Draw the vectors of a word on their first two principal components; each is named by its sentence."""
    places, _ = principal_plane(unit(vectors))
    alike = float(np.ptp(places, axis=0).max()) < 1e-5
    places = np.zeros_like(places) if alike else places
    across, up = Scale.over(places[:, 0], _EDGE, WIDTH - _EDGE), Scale.over(places[:, 1], HEIGHT - _EDGE, _EDGE + 20)
    senses = list(dict.fromkeys(uses.senses))
    dots = [
        element(
            "circle", element("title", text), cx=across(float(x)), cy=up(float(y)), r=7.0 if alike else 5.0,
            class_=f"f{senses.index(sense)}", fill_opacity=0.85,
        )
        for text, sense, (x, y) in zip(uses.texts, uses.senses, places, strict=True)
    ]  # fmt: skip
    frame = element("rect", x=0.5, y=26.5, width=WIDTH - 1, height=HEIGHT - 27, rx=8, class_="frame")
    shown = dots[-1:] if alike else dots
    return draw(
        f"“bank” in twenty sentences, {name}",
        "A dot for each sentence, coloured by what the word means in it.",
        frame,
        *shown,
        legend([f"of {'a river' if sense == 'river' else sense}" for sense in senses]),
    )
