"""The course of a training: what was seen of it from step 0 on in; a verdict, its evidence, cause and advice out.

Collapse is judged against the run's own start, never by absolute numbers: an untrained network already has cosine .99.
The rank of the vectors falls at first in every run, also in healthy ones; what tells is whether two views of an item
still find each other. So a collapse takes votes of several signals, in two looks one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from likewise.evaluate.causes import CONSTANT, cause_of
from likewise.evaluate.collapse import COMPLETE_SPREAD, CONE_SPREAD
from likewise.evaluate.seen import Seen, Setting

VERDICTS: Final = (
    "healthy",
    "warming up",
    "anisotropic",
    "partial collapse",
    "dimensional collapse",
    "complete collapse",
    "noise",
    "diverged",
)
"""From best to worst; the last five are bad."""
BAD: Final = VERDICTS[3:]

FOUND_AGAIN = 1.1  # times step 0: views that find each other more often than this have learned something
LOST = 0.7  # times step 0: views that find each other less often than this; a healthy BYOL falls to .72 and recovers
SHRUNK_RANK = 0.3  # times its peak: a healthy BYOL falls to .33
SHRUNK_SPREAD = 0.2  # times step 0
SHRUNK_HEAD = 0.1  # times step 0, the rank of what the loss compares: a healthy SimSiam falls to .08, BYOL to .29
FEW_LEFT = 10  # and fewer directions than this: a healthy SimSiam keeps 21, one without stop-gradient 3
NARROW = 0.1  # times step 0, the width of what the loss compares: a healthy SimCLR falls to .37
SHRUNK_SIGNAL = 0.5  # times step 0: variance between items over that between views
DEAD_UNITS = 0.3  # of all units, beyond those that were dead at step 0
DOUBLED_UNITS = 0.5  # of all units say what another says, beyond those of step 0: a healthy I-JEPA comes to .37
GROWN = 100.0  # times step 0: vectors or weights that are so much longer
ENOUGH = 50  # items: of fewer, shares that differ by a tenth cannot be told apart
CEILING = 0.9  # of the views find each other: there is little left to gain
CERTAIN = 2.0  # standard errors of the difference of two shares, for what is lost
LIKELY = 1.0  # of them, for what is gained: where more is found in each look after another, one is enough
CHANCE = 5  # views found among n are fewer than this over n where nothing but chance finds them
_HEADS: Final = ("projector's rank", "projector's width")
IN_A_ROW = 2  # looks that agree before a bad verdict stands, or falls
KEPT = 0.2  # times step 0, for an objective that compares no views: an untrained network finds pixels again
_FIRST = 50  # steps before which only numbers that are none, or one point, count: every run falls at first
_PATIENCE = 0.5  # of the training: whoever has not learned anything by then is not warming up any more


@dataclass(frozen=True)
class Judgement:
    """A verdict with one sentence of evidence, one that names the likely cause, and one of advice."""

    verdict: str
    evidence: str
    cause: str = ""
    advice: str = ""
    votes: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether something must be done."""
        return self.verdict in BAD

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {"verdict": self.verdict, "evidence": self.evidence, "cause": self.cause, "advice": self.advice}


def judge(course: Sequence[Seen], setting: Setting | None = None) -> Judgement:
    """Return the verdict on a course whose first entry is step 0.

    A bad verdict stands when two looks in a row agree that something is bad, and falls when two agree that nothing is;
    numbers that are none count at once.
    """
    setting = setting or Setting()
    if not course:
        return Judgement("warming up", "Nothing was seen yet.")
    if len(course) == 1 and course[0].finite:
        return Judgement("warming up", f"Step 0: {_found(course[0])}.")
    standing = "warming up"
    current = Judgement(standing, "")
    for end in range(2 if len(course) > 1 else 1, len(course) + 1):
        lately = [_one_look(course[:stop], setting) for stop in range(max(1, end - IN_A_ROW + 1), end + 1)]
        current = _held(standing, lately)
        standing = current.verdict
    if not current.bad:
        return current
    cause, advice = cause_of(current.verdict, course, setting)
    return Judgement(current.verdict, current.evidence, cause, advice, current.votes)


def _held(standing: str, lately: Sequence[Judgement]) -> Judgement:
    """Return the verdict after the latest look, given the one that stood before it."""
    now = lately[-1]
    if now.verdict == "diverged" or (len(lately) >= IN_A_ROW and len({one.bad for one in lately}) == 1):
        return now
    if now.bad == (standing in BAD):
        return now
    if now.bad:
        return Judgement(
            "warming up" if standing == "warming up" else standing, f"{now.evidence} One more look will tell."
        )
    return Judgement(standing, f"{now.evidence} One more look will tell.", votes=now.votes)


def _one_look(course: Sequence[Seen], setting: Setting) -> Judgement:
    """Return what the latest look says by itself, against step 0."""
    start, now = course[0], course[-1]
    if not now.finite or (now.loss is not None and not np.isfinite(now.loss)):
        return Judgement("diverged", f"At step {now.step:,} the vectors hold NaN or infinity.", votes=("not finite",))
    votes = votes_of(course, setting)
    found = _found(now, start)
    if _one_point(now, start, setting):
        return Judgement(
            "complete collapse", f"All vectors are nearly one point (spread {now.spread:.2g}): {found}.", votes=votes
        )
    if setting.distinct < CONSTANT and now.retrieval <= CHANCE / now.items:
        return Judgement("complete collapse", f"The items are one and the same to the network: {found}.", votes=votes)
    if now.step < _FIRST:
        return Judgement("warming up", f"Too early to tell: {found}.", votes=votes)
    if now.items < ENOUGH:
        few = f"{now.items} items are held out to look at, too few to tell more than that they are not one point"
        return Judgement("warming up", f"{few}: {found}.", advice=f"Give more items: it takes {ENOUGH}.")
    gained = now.retrieval > min(FOUND_AGAIN * start.retrieval, (1 + start.retrieval) / 2)
    if ("views lost" in votes and len(votes) > 1) or (not (gained and kept(course)) and set(votes) & set(_HEADS)):
        return _collapsed(now, start, votes, found)
    if "not learning" in votes:
        noisy = now.rank > 0.5 * start.rank and now.signal < SHRUNK_SIGNAL * start.signal
        return Judgement(
            "noise" if noisy else "partial collapse",
            f"Nothing that tells items apart is learned: {found}.",
            votes=votes,
        )
    if {"dead units", "duplicate units"} & set(votes) and "rank" in votes:
        units = f"{now.dead:.0%} of the units are dead, {now.doubled:.0%} say what another says"
        return Judgement("partial collapse", f"{units}: {found}.", votes=votes)
    if gained and _less(start.retrieval, now.retrieval, now.items, LIKELY):
        if now.spread < CONE_SPREAD and now.spread < SHRUNK_SPREAD * start.spread:
            return Judgement(
                "anisotropic",
                f"The vectors lie in a cone: {found}.",
                advice="Subtract the mean before comparing.",
                votes=votes,
            )
        return Judgement("healthy", f"Views find each other more often than at the start: {found}.", votes=votes)
    if now.progress > _PATIENCE and min(now.retrieval, start.retrieval) >= CEILING:
        return Judgement("healthy", f"Nearly all views find each other, as at the start: {found}.", votes=votes)
    if not setting.compares and now.progress > _PATIENCE:
        return Judgement("healthy", f"What the items differ in is kept: {found}.", votes=votes)
    return Judgement("warming up", f"No better than at the start so far, beyond chance: {found}.", votes=votes)


def votes_of(course: Sequence[Seen], setting: Setting) -> tuple[str, ...]:
    """Return what speaks for a collapse in the latest look: each signal against its own step 0."""
    start, now = course[0], course[-1]
    votes = []
    lost = now.retrieval < (LOST if setting.compares else KEPT) * start.retrieval
    if lost and _less(now.retrieval, start.retrieval, now.items):
        votes.append("views lost")
    if now.rank < SHRUNK_RANK * max(seen.rank for seen in course):
        votes.append("rank")
    if now.spread < SHRUNK_SPREAD * start.spread:
        votes.append("spread")
    if now.signal < SHRUNK_SIGNAL * start.signal:
        votes.append("signal")
    if now.dead > start.dead + DEAD_UNITS:
        votes.append("dead units")
    if now.doubled > start.doubled + DOUBLED_UNITS:
        votes.append("duplicate units")
    if now.length > GROWN * max(start.length, 1e-12) or now.length < start.length / GROWN:
        votes.append("length")
    shrunk = _share(now.projector_rank, start.projector_rank) < SHRUNK_HEAD
    if setting.compares and shrunk and (now.projector_rank or 0) < FEW_LEFT:
        votes.append("projector's rank")
    if setting.compares and _share(now.projector_width, start.projector_width) < NARROW:
        votes.append("projector's width")
    late = setting.compares and now.progress > _PATIENCE
    room = start.retrieval < CEILING or not kept(course)
    if late and now.retrieval <= start.retrieval and room and now.items >= ENOUGH:
        votes.append("not learning")
    return tuple(votes)


def _less(share: float, than: float, items: int, by: float = CERTAIN) -> bool:
    """Return whether one share of the items' views is less than another `by` so many standard errors."""
    error = np.sqrt((share * (1 - share) + than * (1 - than)) / (2 * items))
    return bool(than - share > by * error)


def kept(course: Sequence[Seen]) -> bool:
    """Return whether views still find each other about as often as in the best look so far."""
    return course[-1].retrieval >= LOST * max(seen.retrieval for seen in course)


def sound(course: Sequence[Seen], setting: Setting) -> bool:
    """Return whether the latest look is one to come back to.

    That is: no vote against it, no less found than at the start, and no less than lately, by more than chance.
    """
    start, now = course[0], course[-1]
    if not now.finite or votes_of(course, setting):
        return False
    return (
        now.retrieval >= start.retrieval and kept(course)
        if setting.compares
        else now.retrieval >= KEPT * start.retrieval
    )


def _one_point(now: Seen, start: Seen, setting: Setting) -> bool:
    """Return whether all vectors are one point, and were not one at the start, unless the data are."""
    if setting.distinct < CONSTANT and start.spread < COMPLETE_SPREAD:
        return now.spread < COMPLETE_SPREAD
    return now.spread < min(COMPLETE_SPREAD, 0.5 * start.spread) or now.duplicates > 0.9 > start.duplicates


def _share(now: float | None, start: float | None) -> float:
    """Return a signal of what the loss compares as a share of step 0; 1 where it was not seen."""
    return 1.0 if now is None or not start else now / start


def _collapsed(now: Seen, start: Seen, votes: tuple[str, ...], found: str) -> Judgement:
    """Name the kind of a collapse: what is left of the rank tells it."""
    if now.retrieval <= CHANCE / now.items and now.rank > 0.8 * start.rank:
        return Judgement(
            "noise", f"Vectors use as many directions as before, and none tells items apart: {found}.", votes=votes
        )
    if "rank" in votes:
        return Judgement("dimensional collapse", f"Few directions are left: {found}.", votes=votes)
    if "projector's width" in votes:
        width = _share(now.projector_width, start.projector_width)
        return Judgement(
            "complete collapse",
            f"What the loss compares has shrunk to {width:.1%} of its width at the start, nearly one point, and "
            f"nothing is gained by it: {found}.",
            votes=votes,
        )
    if "projector's rank" in votes:
        return Judgement(
            "dimensional collapse",
            f"What the loss compares uses {now.projector_rank:.1f} directions (step 0 {start.projector_rank:.0f}), and "
            f"nothing is gained by it: {found}.",
            votes=votes,
        )
    return Judgement("partial collapse", f"Part of what told items apart is lost: {found}.", votes=votes)


def _found(now: Seen, start: Seen | None = None) -> str:
    """Return the signals of a look as a clause, beside those of step 0."""
    chance = f"chance {100 / now.items:.2g} %"
    if start is None:
        return (
            f"view retrieval@1 {now.retrieval:.1%} ({chance}), effective rank {now.rank:.0f} of {now.dim}, "
            f"spread {now.spread:.2f}"
        )
    return (
        f"view retrieval@1 {now.retrieval:.1%} (step 0 {start.retrieval:.1%}, {chance}), effective rank {now.rank:.0f} "
        f"(step 0 {start.rank:.0f}), spread {now.spread:.2g} (step 0 {start.spread:.2g}), at step {now.step:,}"
    )
