"""The course of a training: what was seen of it from step 0 on in; a verdict, its evidence, cause and advice out.

Collapse is judged against the run's own start, never by absolute numbers: an untrained network already has cosine .99.
The rank of the vectors falls at first in every run, also in healthy ones; what tells is whether two views of an item
still find each other. So a collapse takes votes of several signals, in two looks one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array
from likewise.evaluate.collapse import COMPLETE_SPREAD, CONE_SPREAD, measure
from likewise.evaluate.two_views import signal_to_noise, similarity_counts, view_retrieval

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
SHRUNK_RANK = 0.3  # times step 0: a healthy BYOL falls to .33
SHRUNK_SPREAD = 0.2  # times step 0
SHRUNK_SIGNAL = 0.5  # times step 0: variance between items over that between views
DEAD_UNITS = 0.3  # of all units, beyond those that were dead at step 0
GROWN = 100.0  # times step 0: vectors or weights that are so much longer
CHANCE = 5  # views found among n are fewer than this over n where nothing but chance finds them
IN_A_ROW = 2  # looks that agree before a bad verdict stands, or falls
KEPT = 0.2  # times step 0, for an objective that compares no views: an untrained network finds pixels again
_FIRST = 50  # steps before which only numbers that are none, or one point, count: every run falls at first
_PATIENCE = 0.5  # of the training: whoever has not learned anything by then is not warming up any more


@dataclass(frozen=True)
class Seen:
    """What one look at the probe set found: the network's vectors, and those that the loss compares (`projector_…`).

    `length` is the rms length of a vector, `weights` that of all weights; `progress` the share of the training.
    `pulled` and `pushed` count sim(x, x⁺) and sim(x, x⁻) of what the loss compares, else of the network's vectors.
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
    weights: float = 0.0
    loss: float | None = None
    projector_rank: float | None = None
    projector_spread: float | None = None
    pulled: Sequence[int] | None = None
    pushed: Sequence[int] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for a line of the log, where it is read back from."""
        return {name: value for name, value in vars(self).items() if value is not None}


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


@dataclass(frozen=True)
class Setting:
    """How the training was set up, as far as it names causes: the objective's traits, and the plan's numbers."""

    traits: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 0.0
    usual_rate: float = 0.0
    weight_decay: float = 0.0
    distinct: float = 1.0  # share of the probe items that differ from one another before they are encoded
    compares: bool = True  # whether the objective compares views; one that fills in what is hidden need not keep them


def look(
    a: Float[Array, "n d"],
    b: Float[Array, "n d"],
    *,
    step: int,
    progress: float,
    projector: Float[Array, "n e"] | None = None,
    compared: tuple[Float[Array, "n e"], Float[Array, "n e"]] | None = None,
    loss: float | None = None,
    weights: float = 0.0,
) -> Seen:
    """Measure two views of the probe set; every signal is defined for every input, also for NaN.

    `compared` are both views as the loss compares them.
    """
    n, dim = a.shape
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    if not finite:
        return Seen(step, progress, n, dim, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, False, weights, loss)
    signals = measure(a)
    head = None if projector is None or not np.isfinite(projector).all() else measure(projector)
    views = (a, b) if compared is None or not np.isfinite(compared).all() else compared
    pulled, pushed = similarity_counts(*views)
    return Seen(
        step=step,
        progress=progress,
        items=n,
        dim=dim,
        rank=signals.effective_rank,
        spread=signals.spread,
        length=float(np.sqrt((np.asarray(a, np.float64) ** 2).sum(1).mean())),
        dead=signals.dead / dim,
        duplicates=signals.duplicates,
        retrieval=view_retrieval(a, b).value,
        signal=signal_to_noise(a, b),
        weights=weights,
        loss=loss,
        projector_rank=None if head is None else head.effective_rank,
        projector_spread=None if head is None else head.spread,
        pulled=pulled.tolist(),
        pushed=pushed.tolist(),
    )


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
    if now.spread < min(COMPLETE_SPREAD, 0.5 * start.spread) or now.duplicates > 0.9 > start.duplicates:
        return Judgement(
            "complete collapse", f"All vectors are nearly one point (spread {now.spread:.2g}): {found}.", votes=votes
        )
    if now.step < _FIRST:
        return Judgement("warming up", f"Too early to tell: {found}.", votes=votes)
    if "views lost" in votes and len(votes) > 1:
        return _collapsed(now, start, votes, found)
    if "not learning" in votes:
        noisy = now.rank > 0.5 * start.rank and now.signal < SHRUNK_SIGNAL * start.signal
        return Judgement(
            "noise" if noisy else "partial collapse",
            f"Nothing that tells items apart is learned: {found}.",
            votes=votes,
        )
    if "dead units" in votes and "rank" in votes:
        return Judgement("partial collapse", f"{now.dead:.0%} of the units are dead: {found}.", votes=votes)
    if now.retrieval > min(FOUND_AGAIN * start.retrieval, (1 + start.retrieval) / 2):
        if now.spread < CONE_SPREAD and now.spread < SHRUNK_SPREAD * start.spread:
            return Judgement(
                "anisotropic",
                f"The vectors lie in a cone: {found}.",
                advice="Subtract the mean before comparing.",
                votes=votes,
            )
        return Judgement("healthy", f"Views find each other more often than at the start: {found}.", votes=votes)
    if not setting.compares and now.progress > _PATIENCE:
        return Judgement("healthy", f"What the pictures differ in is kept: {found}.", votes=votes)
    return Judgement("warming up", f"No better than at the start so far: {found}.", votes=votes)


def votes_of(course: Sequence[Seen], setting: Setting) -> tuple[str, ...]:
    """Return what speaks for a collapse in the latest look: each signal against its own step 0."""
    start, now = course[0], course[-1]
    votes = []
    if now.retrieval < (LOST if setting.compares else KEPT) * start.retrieval:
        votes.append("views lost")
    if now.rank < SHRUNK_RANK * start.rank:
        votes.append("rank")
    if now.spread < SHRUNK_SPREAD * start.spread:
        votes.append("spread")
    if now.signal < SHRUNK_SIGNAL * start.signal:
        votes.append("signal")
    if now.dead > start.dead + DEAD_UNITS:
        votes.append("dead units")
    if now.length > GROWN * max(start.length, 1e-12) or now.length < start.length / GROWN:
        votes.append("length")
    head, first = now.projector_rank, start.projector_rank
    if head is not None and first is not None and head < SHRUNK_RANK * first:
        votes.append("projector's rank")
    if setting.compares and now.progress > _PATIENCE and now.retrieval <= start.retrieval:
        votes.append("not learning")
    return tuple(votes)


def _collapsed(now: Seen, start: Seen, votes: tuple[str, ...], found: str) -> Judgement:
    """Name the kind of a collapse: what is left of the rank tells it."""
    if now.retrieval <= CHANCE / now.items and now.rank > 0.8 * start.rank:
        return Judgement(
            "noise", f"Vectors use as many directions as before, and none tells items apart: {found}.", votes=votes
        )
    if now.rank < SHRUNK_RANK * start.rank or "projector's rank" in votes:
        return Judgement("dimensional collapse", f"Few directions are left: {found}.", votes=votes)
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


def cause_of(verdict: str, course: Sequence[Seen], setting: Setting) -> tuple[str, str]:
    """Return the likeliest cause of a bad verdict, and what to do: the first that setting and course speak for."""
    traits, weights = setting.traits, dict(setting.traits.get("weights") or {})
    start, now = course[0], course[-1]
    pushes = traits.get("negatives") or weights.get("variance") or weights.get("redundancy") or weights.get("gaussian")
    asymmetric = traits.get("stop_gradient") or traits.get("momentum")
    causes = (
        (
            setting.distinct < 0.5,
            f"Only {setting.distinct:.0%} of the items differ from one another: the data are nearly constant.",
            "Look at the data: files that are copies, or were read wrongly; learn from items that differ.",
        ),
        (
            verdict == "diverged" or (setting.usual_rate > 0 and setting.rate > 20 * setting.usual_rate),
            f"The rate {setting.rate:g} is too high for this network and batch"
            + (f" ({setting.usual_rate:g} is usual)." if setting.usual_rate else "."),
            f"Learn again with --rate {setting.usual_rate or setting.rate / 10:g}.",
        ),
        (
            setting.weight_decay >= 0.5 or (0 < now.weights < 0.3 * start.weights),
            f"The weight decay {setting.weight_decay:g} shrinks the weights faster than learning renews them (length "
            f"{now.weights:.3g}, {start.weights:.3g} at the start).",
            "Learn again with --weight-decay 0.05.",
        ),
        (
            bool(traits.get("negatives")) and (traits.get("temperature") or 0) > 2,
            f"The temperature {traits.get('temperature')} makes all pairs count alike: near and far no longer differ.",
            "Learn again with --temperature 0.2.",
        ),
        (
            traits.get("centring") is False
            and traits.get("momentum") is not None
            and not pushes
            and "predictor" in traits
            and not traits.get("predictor")
            and traits.get("temperature") is not None,
            "The teacher's answers are not centred, so that one class takes everything.",
            "Learn again with --centring.",
        ),
        (
            "variance" in weights and not weights["variance"],
            "The weight of the variance term is 0: nothing keeps a dimension from shrinking.",
            "Learn again with --variance 25.",
        ),
        (
            not pushes and not asymmetric,
            "Nothing pushes vectors apart: there are no negatives, no variance term and no stop-gradient.",
            "Learn again with --stop-gradient, or with simclr or vicreg.",
        ),
        (
            not pushes and not traits.get("predictor") and not traits.get("centring"),
            "There is no predictor, and nothing else keeps the two sides apart.",
            "Learn again with --predictor.",
        ),
        (
            not pushes and traits.get("momentum") == 0,
            "The teacher follows the network at once (momentum 0), so it holds nothing against it.",
            "Learn again with --momentum 0.95.",
        ),
    )
    for holds, cause, advice in causes:
        if holds:
            return cause, advice
    return (
        "Which of the settings did it cannot be told from the signals.",
        "Learn again with a lower rate, or --on-collapse rescue, which adds a term that keeps the vectors apart.",
    )
