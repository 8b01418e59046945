"""Hidden words: what a network guessed at them, at the end and on the way there, in; a section of evidence out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
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
BEST: Final = 5
"""Guesses that are made at each hidden token."""
FREQUENT: Final = "most frequent token"
FREQUENTS: Final = f"{BEST} most frequent tokens"
_BEST_THEN = 3  # guesses that are shown of each moment on the way


@dataclass(frozen=True)
class Guess:
    """A text with hidden words, "▢", and for each what stood there and the best guesses, learned and untrained."""

    text: str
    hidden: Sequence[tuple[str, Sequence[str], Sequence[str]]]


@dataclass(frozen=True)
class Counts:
    """Of `asked` hidden tokens so many guessed at `first`, and so many `among` the first five guesses.

    `frequent` are the most frequent token itself, `frequents` the five most frequent.
    """

    asked: int
    first: int
    among: int
    frequent: int
    frequents: int

    def share(self, count: int) -> float:
        """Return a count as a share of what was asked; 0 where nothing was."""
        return count / max(1, self.asked)

    def numbers(self, who: str, before: Counts | None) -> tuple[Number, Number]:
        """Return the shares at first and among the first five, beside frequent tokens and who guessed `before`."""
        first = {FREQUENT: self.share(self.frequent)}
        among = {FREQUENTS: self.share(self.frequents)}
        if before is not None:
            first[who], among[who] = before.share(before.first), before.share(before.among)
        return self._number(1, self.first, first), self._number(BEST, self.among, among)

    def _number(self, rank: int, count: int, beside: Mapping[str, float]) -> Number:
        low, high = wilson(count, self.asked)
        return Number(f"hidden tokens guessed@{rank}", self.share(count), low, high, self.asked, beside)


@dataclass(frozen=True)
class Guessed:
    """Hidden words of texts held out: some to look at, and how many are guessed at first and among the first five."""

    shown: Sequence[Guess]
    numbers: tuple[Number, Number]


@dataclass(frozen=True)
class Moment:
    """What was guessed after a step.

    `texts` are some texts with hidden words, "▢", and for each word what stood there and the best guesses.
    """

    step: int
    counts: Counts
    texts: Sequence[tuple[str, Sequence[tuple[str, Sequence[str]]]]]

    def as_json(self) -> dict[str, Any]:
        """Return it for a line of the log, where it is read back from."""
        texts = [{"text": text, "hidden": [[word, list(best)] for word, best in hidden]} for text, hidden in self.texts]
        return {"step": self.step, **vars(self.counts), "texts": texts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back."""
        counts = Counts(**{part.name: int(value[part.name]) for part in fields(Counts)})
        texts = [(one["text"], [(word, best) for word, best in one["hidden"]]) for one in value["texts"]]
        return cls(value["step"], counts, texts)


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
    right, among = _last(moments) if guessed is None else guessed.numbers
    text = (
        "Texts that were not learned from, with words hidden (▢), and what the network told from the rest: what tells "
        "is thrown away after training. The most frequent token alone would be right in "
        f"{show_value(right.baselines[FREQUENT], percent=True)}, one of the {BEST} most frequent in "
        f"{show_value(among.baselines[FREQUENTS], percent=True)}."
    )
    bars = [Bar("guessed at first", right.value, right.low, right.high)]
    bars += [Bar(name, value) for name, value in right.baselines.items()]
    chart = bar_chart(
        bars, title="Hidden tokens guessed at first", high=None, percent=True,
        description="The share of hidden tokens whose first guess is right, beside plainer guesses.",
    )  # fmt: skip
    pictures = (page.pair(page.figure(chart), guess_course(moments)) if len(moments) > 1 else page.figure(chart),)
    end = max((int(line["step"]) for line in history if line.get("loss") is not None), default=0)
    return [Section(TITLE, text, (right, among), guess_tables(guessed, moments, end=end), pictures)]


def guess_course(moments: Sequence[Moment]) -> Html:
    """Draw the share of hidden tokens that is guessed, moment by moment."""
    steps, seen = [float(moment.step) for moment in moments], [moment.counts for moment in moments]
    last = seen[-1]
    chart = line_chart(
        [Line(f"among the first {BEST}", steps, [one.share(one.among) for one in seen]),
         Line("at first", steps, [one.share(one.first) for one in seen])],
        title="Hidden tokens guessed, as it learned", x_label="step", y_label="share",
        description="The share of hidden tokens that are guessed, after some steps.",
        levels={FREQUENTS: last.share(last.frequents), FREQUENT: last.share(last.frequent)},
    )  # fmt: skip
    return page.figure(chart, f"The same {last.asked:,} hidden tokens each time.")


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


def _last(moments: Sequence[Moment]) -> tuple[Number, Number]:
    first, last = moments[0], moments[-1]
    return last.counts.numbers("step 0", None if first.step else first.counts)
