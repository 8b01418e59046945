"""Runs that were watched while they learned: a snapshot and the lines of a log in; a diagnosis by its course out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from likewise.contracts import Number
from likewise.evaluate.collapse import Diagnosis
from likewise.evaluate.course import judge
from likewise.evaluate.seen import Seen, course_of, setting_of

_ADVICE: Final = {
    "healthy": "Nothing to do.",
    "warming up": "Learn for longer: so far the network is worth no more than as it was drawn.",
}


def by_course(snapshot: Diagnosis, log: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """Return the diagnosis by the course that a log tells of; the snapshot's own where it tells of none.

    A course has what one snapshot lacks: the same items at step 0, and a second view of each. The numbers of the
    snapshot stand beside those of the last look.
    """
    course = course_of(log)
    if not course:
        return snapshot
    found, last = judge(course, setting_of(log)), course[-1]
    return replace(
        snapshot,
        verdict=found.verdict,
        evidence=found.evidence,
        cause=found.cause,
        advice=found.advice or _ADVICE.get(found.verdict, ""),
        limits=f"Judged by {len(course)} looks at two views of {last.items:,} held-out items, from step "
        f"{course[0].step:,} to step {last.step:,}; what the vectors are worth for a task is measured by `evaluate`.",
        numbers=[*_numbers(course[0], last), *snapshot.numbers],
    )


def _numbers(start: Seen, now: Seen) -> list[Number]:
    """Return the signals of the last look beside those of step 0."""
    found = [
        ("view retrieval@1", now.retrieval, start.retrieval, {"chance": 1 / now.items}),
        ("effective rank of the probe set", now.rank, start.rank, {"dims": float(now.dim)}),
        ("spread of the probe set", now.spread, start.spread, {}),
        ("signal to noise of two views", now.signal, start.signal, {}),
        ("share of dead units", now.dead, start.dead, {}),
    ]
    heads = (
        ("effective rank of what the loss compares", now.projector_rank, start.projector_rank),
        ("view retrieval@1 of what the loss compares", now.projector_retrieval, start.projector_retrieval),
        ("width of what the loss compares", now.projector_width, start.projector_width),
    )
    found += [(name, value, first, {}) for name, value, first in heads if value is not None and first is not None]
    return [Number(name, value, n=now.items, baselines={"step 0": first, **more}) for name, value, first, more in found]
