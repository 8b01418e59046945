"""Guesses: sentences with hidden words, and what a network told of them at the start, on the way and at the end."""

from __future__ import annotations

from likewise.evaluate.hidden_words import BEST, FREQUENT, FREQUENTS, TITLE, guess_course, moments_of
from likewise.evaluate.sections import Table
from likewise.tour.panel import NotShown, Panel
from likewise.tour.reports import numbers, section
from likewise.tour.text_ground import TextGround

_SHOWN = 4  # sentences


def show(ground: TextGround) -> Panel:
    """Show the guesses that were noted while the network learned."""
    run = ground.run
    found, moments = section(run, TITLE), moments_of(run.log)
    if len(moments) < 2:
        raise NotShown("nobody looked at its guesses while the network learned")
    right, among = numbers(found)
    untrained = max(value for name, value in right.baselines.items() if name != FREQUENT)
    first, last = (moment.counts.share(moment.counts.first) for moment in (moments[0], moments[-1]))
    tables = [
        Table(tuple(one["columns"]), tuple(tuple(row) for row in one["rows"]), one["caption"])
        for one in found["tables"][:_SHOWN]
    ]
    return Panel(
        name="guesses",
        statement="A network that fills in hidden words learns what goes where",
        command=f"{ground.command}\n# the report's part “{TITLE}”; log.jsonl has the guesses on the way",
        finding=f"Of {right.n:,} tokens that were hidden in texts that were not learned from, {right.value:.1%} are "
        f"guessed at first; the most frequent token alone would be right in {right.baselines[FREQUENT]:.1%}, the "
        f"network untrained in {untrained:.1%}. Among its first {BEST} guesses are {among.value:.1%}, among the {BEST} "
        f"most frequent tokens {among.baselines[FREQUENTS]:.1%}.",
        fails="Little words and endings come first: they are told by what stands beside them. What a sentence is about "
        "comes late, and a guess that another reader would call as good counts as wrong.",
        pictures=(guess_course(moments),),
        numbers=(right, among),
        tables=tuple(tables),
        holds=(right.low or 0.0) > max(right.baselines[FREQUENT], untrained) and last > first,
    )
