"""What a look at a training finds: two views of the probe set in; signals out, each defined for every input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Self

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array
from likewise.evaluate.collapse import duplicate_units, effective_rank, measure, spectrum_of, spread
from likewise.evaluate.two_views import signal_to_noise, similarity_counts, view_retrieval

BACK: Final = "back_from"
"""In a line of the log: the step from which a training went back to the line's own."""


@dataclass(frozen=True)
class Seen:
    """What one look at the probe set found: the network's vectors, and those that the loss compares (`projector_…`).

    `length` is the rms length of a vector, `weights` that of all weights, `projector_width` the rms distance to the
    mean; `dead` and `doubled` are shares of units, `duplicates` of items, `progress` of the training. `pulled` and
    `pushed` count sim(x, x⁺) and sim(x, x⁻) of what the loss compares, else of the network's vectors.
    """

    step: int
    progress: float
    items: int
    dim: int
    rank: float
    spread: float
    length: float
    dead: float
    duplicates: float
    retrieval: float
    signal: float
    finite: bool = True
    doubled: float = 0.0
    weights: float = 0.0
    loss: float | None = None
    projector_rank: float | None = None
    projector_spread: float | None = None
    projector_retrieval: float | None = None
    projector_width: float | None = None
    pulled: Sequence[int] | None = None
    pushed: Sequence[int] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for a line of the log, where it is read back from."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back; what this version does not know is passed over."""
        return cls(**{part.name: value[part.name] for part in fields(cls) if part.name in value})


@dataclass(frozen=True)
class Setting:
    """How the training was set up, as far as it names causes: the objective's traits, and the plan's numbers.

    `constants` are the values of the loss at which nothing is learned, by name.
    """

    traits: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 0.0
    usual_rate: float = 0.0
    weight_decay: float = 0.0
    distinct: float = 1.0  # share of the probe items that differ from one another before they are encoded
    compares: bool = True  # whether the objective compares views; one that fills in what is hidden need not keep them
    constants: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for a line of the log, where it is read back from."""
        return {**vars(self), "traits": dict(self.traits), "constants": dict(self.constants)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back; what this version does not know is passed over."""
        return cls(**{part.name: value[part.name] for part in fields(cls) if part.name in value})


def course_of(lines: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """Return the looks that a log tells of, without those of steps that a training went back behind."""
    course: list[Seen] = []
    for line in lines:
        if BACK in line:
            course = [seen for seen in course if seen.step < line["step"]]
        if "doctor" in line:
            course.append(Seen.from_json(line["doctor"]))
    return course


def setting_of(lines: Iterable[Mapping[str, Any]]) -> Setting:
    """Return how a training was set up, from its log; what an earlier version did not write is not known."""
    return next((Setting.from_json(line["setting"]) for line in lines if "setting" in line), Setting())


def look(
    a: Float[Array, "n d"],
    b: Float[Array, "n d"],
    *,
    step: int,
    progress: float,
    projector: tuple[Float[Array, "n e"], Float[Array, "n e"]] | None = None,
    loss: float | None = None,
    weights: float = 0.0,
) -> Seen:
    """Measure two views of the probe set, and what the loss compares of them; defined for every input, also for NaN."""
    n, dim = a.shape
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    if not finite:
        return Seen(step, progress, n, dim, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, False, weights=weights, loss=loss)
    signals = measure(a)
    compared = projector if projector is not None and np.isfinite(projector).all() else (a, b)
    pulled, pushed = similarity_counts(*compared)
    found = Seen(
        step=step,
        progress=progress,
        items=n,
        dim=dim,
        rank=signals.effective_rank,
        spread=signals.spread,
        length=float(np.sqrt((np.asarray(a, np.float64) ** 2).sum(1).mean())),
        dead=signals.dead / dim,
        doubled=duplicate_units(a),
        duplicates=signals.duplicates,
        retrieval=view_retrieval(a, b).value,
        signal=signal_to_noise(a, b),
        weights=weights,
        loss=loss,
        pulled=pulled.tolist(),
        pushed=pushed.tolist(),
    )
    return found if projector is None else replace(found, **_of_projector(*projector))


def _of_projector(a: Float[Array, "n e"], b: Float[Array, "n e"]) -> dict[str, Any]:
    """Return the signals of what the loss compares, or none where there is a NaN."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return {}
    return {
        "projector_rank": effective_rank(spectrum_of(a)),
        "projector_spread": spread(a),
        "projector_retrieval": view_retrieval(a, b).value,
        "projector_width": float(np.sqrt(np.asarray(a, np.float64).var(0).sum())),
    }
