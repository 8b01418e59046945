"""Hidden words: what a network guessed at them, at the end and on the way there, in; a section of evidence out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from likewise.contracts import Number
from likewise.evaluate import page
from likewise.evaluate.figures import Bar, Line, bar_chart, line_chart
from likewise.evaluate.intervals import wilson
from likewise.evaluate.markup import Html
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.seen import BACK

LOGGED: Final = "guessed"
"""The name under which a moment stands in a line of the log."""
TITLE: Final = "Hidden words"
FREQUENT: Final = "most frequent token"
_BEST_THEN = 3  # guesses that are shown of each moment on the way


@dataclass(frozen=True)
class Guess:
    """A text with hidden words, "▢", and for each what stood there and the best guesses, learned and untrained."""

    text: str
    hidden: Sequence[tuple[str, Sequence[str], Sequence[str]]]


@dataclass(frozen=True)
class Guessed:
    """Hidden words of texts held out: some to look at, and how many are guessed at first."""

    shown: Sequence[Guess]
    right: Number


@dataclass(frozen=True)
class Moment:
    """What was guessed after a step: of `asked` hidden tokens `right` at first, where `frequent` alone are that often.

    `texts` are some texts with hidden words, "▢", and for each word what stood there and the best guesses.
    """

    step: int
    asked: int
    right: int
    frequent: int
    texts: Sequence[tuple[str, Sequence[tuple[str, Sequence[str]]]]]

    @property
    def share(self) -> float:
        """The share of hidden tokens whose first guess is right."""
        return self.right / max(1, self.asked)

    def as_json(self) -> dict[str, Any]:
        """Return it for a line of the log, where it is read back from."""
        texts = [{"text": text, "hidden": [[word, list(best)] for word, best in hidden]} for text, hidden in self.texts]
        return {"step": self.step, "asked": self.asked, "right": self.right, "frequent": self.frequent, "texts": texts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back."""
        texts = [(one["text"], [(word, best) for word, best in one["hidden"]]) for one in value["texts"]]
        return cls(value["step"], value["asked"], value["right"], value["frequent"], texts)


def moments_of(lines: Iterable[Mapping[str, Any]]) -> list[Moment]:
    """Return the moments that a log tells of, without those of steps that a training went back behind."""
    found: list[Moment] = []
    for line in lines:
        if BACK in line:
            found = [moment for moment in found if moment.step <= line["step"]]
        if LOGGED in line:
            found.append(Moment.from_json(line[LOGGED]))
    return found


def hidden_words(guessed: Guessed | None, history: Sequence[Mapping[str, Any]] = ()) -> list[Section]:
    """Show texts of which words were hidden, and what the network guessed, from the start to the end.

    Where what told is gone, as in a run that was opened, `history` alone tells.
    """
    moments = moments_of(history)
    if guessed is None and not moments:
        return []
    right = _last(moments) if guessed is None else guessed.right
    text = (
        "Texts that were not learned from, with words hidden (▢), and what the network told from the rest: what tells "
        "is thrown away after training. The most frequent token alone would be right in "
        f"{show_value(right.baselines[FREQUENT], percent=True)}."
    )
    bars = [Bar("guessed at first", right.value, right.low, right.high)]
    bars += [Bar(name, value) for name, value in right.baselines.items()]
    chart = bar_chart(
        bars, title="Hidden tokens guessed at first", high=None, percent=True,
        description="The share of hidden tokens whose first guess is right, beside plainer guesses.",
    )  # fmt: skip
    pictures = (page.pair(page.figure(chart), guess_course(moments)) if len(moments) > 1 else page.figure(chart),)
    end = max((int(line["step"]) for line in history if line.get("loss") is not None), default=0)
    return [Section(TITLE, text, (right,), guess_tables(guessed, moments, end=end), pictures)]


def guess_course(moments: Sequence[Moment]) -> Html:
    """Draw the share of hidden tokens that is guessed at first, moment by moment."""
    steps = [float(moment.step) for moment in moments]
    asked = moments[-1].asked
    chart = line_chart(
        [Line("guessed at first", steps, [moment.share for moment in moments])],
        title="Hidden tokens guessed at first, as it learned", x_label="step", y_label="share",
        description="The share of hidden tokens whose first guess is right, after some steps.",
        levels={FREQUENT: moments[-1].frequent / max(1, asked)},
    )  # fmt: skip
    return page.figure(chart, f"The same {asked:,} hidden tokens each time.")


def guess_tables(guessed: Guessed | None, moments: Sequence[Moment], *, end: int = 0) -> tuple[Table, ...]:
    """Return a table for each text: its hidden words, the guesses at each moment before the step `end`, and at it."""
    if guessed is None:
        return tuple(_on_the_way(number, moments) for number in range(len(moments[-1].texts)))
    way = [moment for moment in moments if moment.step < end]
    return tuple(_to_the_end(number, guess, way) for number, guess in enumerate(guessed.shown))


def _to_the_end(number: int, guess: Guess, way: Sequence[Moment]) -> Table:
    """Return the table of one text, with the untrained network's guesses where nobody looked at it on the way."""
    if way and all(number < len(moment.texts) and moment.texts[number][0] == guess.text for moment in way):
        before = _on_the_way(number, way)
        rows = tuple((*row, " · ".join(best)) for row, (_, best, _) in zip(before.rows, guess.hidden, strict=True))
        return Table((*before.columns, "at the end, best first"), rows, guess.text)
    rows = tuple((word, " · ".join(drawn[:2]), " · ".join(best)) for word, best, drawn in guess.hidden)
    return Table(("hidden", "untrained", "at the end, best first"), rows, guess.text)


def _on_the_way(number: int, moments: Sequence[Moment]) -> Table:
    text, hidden = moments[-1].texts[number]
    guesses = [[" · ".join(best[:_BEST_THEN]) for _, best in moment.texts[number][1]] for moment in moments]
    columns = ("hidden", *(f"step {moment.step:,}" for moment in moments))
    return Table(columns, tuple(zip([word for word, _ in hidden], *guesses, strict=True)), text)


def _last(moments: Sequence[Moment]) -> Number:
    first, last = moments[0], moments[-1]
    beside = {FREQUENT: last.frequent / max(1, last.asked)}
    beside |= {} if first.step else {"step 0": first.share}
    low, high = wilson(last.right, last.asked)
    return Number("hidden tokens guessed@1", last.share, low, high, last.asked, beside)
