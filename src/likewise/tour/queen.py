"""King − man + woman: an analogy that emerges from training."""

from __future__ import annotations

import math

from likewise.evaluate.analogies import AnalogyScores, analogies
from likewise.evaluate.figures import Line, line_chart
from likewise.evaluate.markup import Html
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel

_FIRST = 10


def show(ground: Ground) -> Panel:
    """Ask the watched question, and show the answer's place after every epoch."""
    space = ground.need(100)
    if ground.watched is None or not ground.questions:
        raise NotShown("no question that it can ask has all its words in this text")
    scores = analogies(space.keys, space.vectors, ground.questions)
    a, b, c, d = ground.watched
    answer = space.analogy(a, b, c, 5)
    first, last = ground.seen[0], ground.seen[-1]
    start = f"from place {first.left_out:,} of {last.words:,} at the random start " if len(ground.seen) > 1 else ""
    absent = "" if d == "queen" else " “Queen” is not in this text, so another question is asked."
    return Panel(
        name="queen",
        statement=f"{b} − {a} + {c} ≈ {d}: analogies emerge from training",
        command=f"likewise analogy RUN {a} {b} {c}\nlikewise learn … # on_epoch looks at the place of {d}",
        finding=f"“{d}” comes {start}to place {last.left_out:,} when {b}, {a} and {c} are left out, and place "
        f"{last.left_in:,} when they are left in. {_total(scores)}{absent}",
        fails=f"{_worst(scores)} With the inputs left in, the answer is usually {b} or {c} itself; the "
        "baselines that ignore the question's other words show "
        "how much of the score is that.",
        pictures=tuple(picture for picture in (_emergence(ground, d),) if picture is not None),
        numbers=tuple(scores.numbers[:4]),
        tables=(
            Table(
                ("place", "inputs left out", "inputs left in"),
                tuple(
                    (i, f"{out.key} {out.score:.3f}", f"{kept.key} {kept.score:.3f}")
                    for i, (out, kept) in enumerate(zip(answer.excluded, answer.included, strict=False), 1)
                ),
                f"{b} − {a} + {c}, by 3CosAdd",
            ),
        ),
        holds=last.left_out <= _FIRST,
    )


def _total(scores: AnalogyScores) -> str:
    total = scores.total
    if not total.asked:
        return ""
    right, by_c = total.right / total.asked, total.right_by_c / total.asked
    return f"Over {total.asked:,} questions {right:.1%} come out right (nearest to c alone: {by_c:.1%})."


def _worst(scores: AnalogyScores) -> str:
    asked = [relation for relation in scores.relations if relation.asked >= 20]
    if len(asked) < 2:
        return "One relation alone could be asked here, which says nothing of others."
    worst = min(asked, key=lambda relation: relation.right / relation.asked)
    return f"Not every relation is so regular: the worst here is {worst.name} with {worst.right / worst.asked:.1%}."


def _emergence(ground: Ground, answer: str) -> Html | None:
    if len(ground.seen) < 2:
        return None
    epochs = [seen.epoch for seen in ground.seen]
    return figure(
        line_chart(
            [
                Line("inputs left out", epochs, [math.log10(seen.left_out) for seen in ground.seen]),
                Line("inputs left in", epochs, [math.log10(seen.left_in) for seen in ground.seen]),
            ],
            title=f"The place of {answer} after every epoch",
            description="It falls from thousands at the random start towards the first.",
            x_label="epochs",
            y_label="log₁₀ of its place",
            levels={"first": 0.0},
            whole_x=True,
        ),
        f"The place of “{answer}” among {ground.seen[-1].words:,} words: 0 is first, 3 is the thousandth.",
    )
