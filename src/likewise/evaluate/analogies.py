"""Analogies: questions "a is to b as c is to ?" in, the share answered right out, relation by relation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from likewise.contracts import Array, Number
from likewise.errors import OptionError
from likewise.evaluate.intervals import bootstrap_mean, wilson
from likewise.evaluate.rows import places, unit

Question = tuple[str, str, str, str, str]
TOP = 30_000
METHODS = ("3cosadd", "3cosmul")
_EPSILON = 0.001  # of 3CosMul, Levy & Goldberg 2014
_QUESTIONS_AT_ONCE = 256


@dataclass(frozen=True)
class Relation:
    """How one relation, or all of them, came out: counts of right answers among `asked` questions."""

    name: str
    asked: int
    right: int
    right_with_inputs: int
    right_by_b: int
    right_by_c: int

    def number(self, protocol: str) -> Number:
        """Return accuracy with a Wilson interval, and the baselines that use only b and only c."""
        n = max(self.asked, 1)
        low, high = wilson(self.right, self.asked)
        return Number(
            f"{self.name} {protocol}",
            self.right / n,
            low,
            high,
            self.asked,
            {
                "inputs left in": self.right_with_inputs / n,
                "nearest to c": self.right_by_c / n,
                "nearest to b": self.right_by_b / n,
            },
        )


@dataclass(frozen=True)
class AnalogyScores:
    """All relations, their totals, and what was not asked because a word is unknown or too rare."""

    relations: list[Relation]
    total: Relation
    semantic: Relation
    syntactic: Relation
    macro: float
    left_out: int
    protocol: str

    @property
    def numbers(self) -> list[Number]:
        """Return the totals, the macro average, then each relation."""
        note = f"{self.left_out:,} questions left out: a word is unknown or rarer" if self.left_out else ""
        totals = [r.number(self.protocol) for r in (self.total, self.semantic, self.syntactic) if r.asked]
        if totals:
            first = totals[0]
            totals[0] = Number(first.name, first.value, first.low, first.high, first.n, first.baselines, note)
        shares = np.asarray([r.right / r.asked for r in self.relations])
        low, high = bootstrap_mean(shares) if len(shares) > 1 else (None, None)  # of one relation nothing is known
        macro = Number(f"mean over relations {self.protocol}", self.macro, low, high, len(shares))
        return [*totals, macro, *(relation.number(self.protocol) for relation in self.relations)]


def analogies(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    questions: Sequence[Question],
    *,
    top: int = TOP,
    method: str = "3cosadd",
) -> AnalogyScores:
    """Ask each question of the `top` first keys, which are the most frequent ones.

    3CosAdd answers with the word nearest to b − a + c on unit vectors (Mikolov et al. 2013), 3CosMul with the one
    that maximises cos(x, b) · cos(x, c) / (cos(x, a) + .001), cosines shifted to [0, 1] (Levy & Goldberg 2014,
    equation 4). The answer counts with a, b and c left out, as the field does, and also with them left in.
    Relations whose name starts with `gram` are syntactic.
    """
    if method not in METHODS:
        raise OptionError(f"method {method!r}: {' and '.join(METHODS)} are known")
    kept = min(top, len(keys))
    rows = places(keys[:kept])
    known = [question for question in questions if all(word in rows for word in question[1:])]
    table = np.asarray([[rows[word] for word in question[1:]] for question in known], np.int64).reshape(-1, 4)
    right = _answers(unit(vectors[:kept]), table, method)
    by_relation: dict[str, list[int]] = defaultdict(list)
    for i, question in enumerate(known):
        by_relation[question[0]].append(i)
    relations = [_counted(name, right[members]) for name, members in by_relation.items()]
    syntactic = np.asarray([question[0].startswith("gram") for question in known], bool)
    return AnalogyScores(
        relations=relations,
        total=_counted("all", right),
        semantic=_counted("semantic", right[~syntactic]),
        syntactic=_counted("syntactic", right[syntactic]),
        macro=float(np.mean([r.right / r.asked for r in relations])) if relations else 0.0,
        left_out=len(questions) - len(known),
        protocol=f"{method} top-{kept}",
    )


def _counted(name: str, right: Bool[Array, "q 4"]) -> Relation:
    return Relation(name, len(right), *(int(count) for count in right.sum(axis=0)))


def _answers(x: Float32[Array, "n d"], table: Int[Array, "q 4"], method: str) -> Bool[Array, "q 4"]:
    """Return for each question whether it is right: left out, left in, by b alone, by c alone."""
    right = np.zeros((len(table), 4), bool)
    used, where = np.unique(table[:, :3], return_inverse=True)
    where = where.reshape(-1, 3)
    best = _nearest_other(x, used)
    for start in range(0, len(table), _QUESTIONS_AT_ONCE):
        some = slice(start, start + _QUESTIONS_AT_ONCE)
        a, b, c, wanted = table[some].T
        scores = _scores(x, a, b, c, method)
        right[some, 1] = scores.argmax(axis=1) == wanted
        at = np.arange(len(wanted))
        for column in (a, b, c):
            scores[at, column] = -np.inf
        right[some, 0] = scores.argmax(axis=1) == wanted
    for side, place in ((1, 2), (2, 3)):
        right[:, place] = _first_allowed(best[where[:, side]], table[:, :3]) == table[:, 3]
    return right


def _scores(x: Float32[Array, "n d"], a: Array, b: Array, c: Array, method: str) -> Float32[Array, "q n"]:
    if method == "3cosadd":
        target = x[b] - x[a] + x[c]
        result: Array = target @ x.T
        return result
    near_a, near_b, near_c = ((x[word] @ x.T + 1) / 2 for word in (a, b, c))
    product: Array = near_b * near_c / (near_a + _EPSILON)
    return product


def _nearest_other(x: Float32[Array, "n d"], words: Int[Array, " w"]) -> Int[Array, "w 4"]:
    """Return the four nearest rows of each word: enough to find the nearest one outside three inputs."""
    from likewise.kernels.neighbours import top_k

    near, _ = top_k(x[words], x, min(4, len(x)), metric="dot")
    return np.asarray(near)


def _first_allowed(near: Int[Array, "q 4"], inputs: Int[Array, "q 3"]) -> Int[Array, " q"]:
    allowed = (near[:, :, None] != inputs[:, None, :]).all(axis=2)
    first = near[np.arange(len(near)), allowed.argmax(axis=1)]
    return np.where(allowed.any(axis=1), first, -1)
