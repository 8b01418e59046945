"""Causes of a collapse: a verdict, a course and how the training was set up in; a cause and an advice out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from likewise.evaluate.seen import Seen, Setting

CONSTANT = 0.5  # of the items differ from one another: fewer, and the data are nearly constant
TOO_FAST = 20  # times the usual rate
DECAYED = 0.5  # of the length of the weights at the start
HEAVY = 0.5  # weight decay: usual is .05
NEAR = 0.02  # of a constant of the objective, or of 1: the loss is at it
FLAT = 2  # a temperature above which near and far count alike

_UNKNOWN = (
    "Which of the settings did it cannot be told from the signals.",
    "Learn again with a lower rate, or --on-collapse rescue, which adds a term that keeps the vectors apart.",
)
_TERMS = (  # of a loss, what a person calls them, what goes wrong at weight 0, and the option that is missing
    ("variance", "variance", "nothing keeps a dimension from shrinking", "--variance 25"),
    ("sigreg", "Gaussian", "nothing keeps the vectors from becoming one point", "--weight 5"),
    ("redundancy", "redundancy", "nothing keeps the dimensions from all being alike", "--redundancy 0.005"),
)


def cause_of(verdict: str, course: Sequence[Seen], setting: Setting) -> tuple[str, str]:
    """Return the likeliest cause of a bad verdict, and what to do: the first that setting and course speak for.

    Where the loss stands at one of the objective's constants, the cause says so.
    """
    cause, advice = next(_causes(verdict, course[0], course[-1], setting), _UNKNOWN)
    return cause + _at_a_constant(course[-1].loss, setting), advice


def _at_a_constant(loss: float | None, setting: Setting) -> str:
    """Return a sentence on the constant that the loss is at, or nothing."""
    if loss is None:
        return ""
    near = [name for name, value in setting.constants.items() if abs(loss - value) <= NEAR * max(1.0, abs(value))]
    return f" The loss, {loss:.3g}, is that of nothing learned: {near[0]}." if near else ""


def _causes(verdict: str, start: Seen, now: Seen, setting: Setting) -> Iterator[tuple[str, str]]:
    """Yield what the data and the plan explain, then what the objective does, then what is merely unusual."""
    if setting.distinct < CONSTANT:
        yield (
            f"Only {setting.distinct:.1%} of the items differ from one another: the data are nearly constant.",
            "Look at the data: files that are copies, or were read wrongly; learn from items that differ.",
        )
    usual = f" ({setting.usual_rate:g} is usual)" if setting.usual_rate else ""
    if setting.usual_rate > 0 and setting.rate > TOO_FAST * setting.usual_rate:
        yield (
            f"The rate {setting.rate:g} is too high for this network and batch{usual}.",
            f"Learn again with --rate {setting.usual_rate:g}.",
        )
    if verdict == "diverged":
        yield (
            f"The rate {setting.rate:g} is too high for this network and these data{usual}.",
            f"Learn again with --rate {setting.rate / 10:g}.",
        )
    shrinks = f"The weight decay {setting.weight_decay:g} shrinks the weights faster than learning renews them"
    lengths = f" (length {now.weights:.3g}, {start.weights:.3g} at the start)" if start.weights else ""
    decay = (f"{shrinks}{lengths}.", "Learn again with --weight-decay 0.05.")
    if 0 < now.weights < DECAYED * start.weights:
        yield decay
    yield from _of_objective(setting)
    if setting.weight_decay >= HEAVY:
        yield decay


def _of_objective(setting: Setting) -> Iterator[tuple[str, str]]:
    """Yield what the objective lacks: nothing pushes apart, or what stands in for it was taken away."""
    traits, weights = setting.traits, dict(setting.traits.get("weights") or {})
    temperature = traits.get("temperature")
    if "reconstruction" in weights:  # what is told are the items themselves, which cannot collapse
        return
    if traits.get("negatives"):
        if (temperature or 0) > FLAT:
            yield (
                f"The temperature {temperature:g} makes all pairs count alike: near and far no longer differ.",
                "Learn again with --temperature 0.2.",
            )
        return
    for term, called, missing, option in _TERMS:
        if term in weights and not weights[term]:
            yield f"The weight of the {called} term is 0: {missing}.", f"Learn again with {option}."
    if any(weights.get(term) for term, *_ in _TERMS):
        return
    if temperature is not None and not traits.get("centring"):
        yield (
            "The teacher's answers are not centred, so that one class takes everything.",
            "Learn again with --centring.",
        )
    if not traits.get("stop_gradient"):
        yield (
            "Nothing pushes vectors apart: there are no negatives, no variance term and no stop-gradient.",
            "Learn again with --stop-gradient, or with simclr or vicreg.",
        )
    if not traits.get("predictor") and not traits.get("centring"):
        yield "There is no predictor, and nothing else keeps the two sides apart.", "Learn again with --predictor."
    if traits.get("momentum") == 0:
        yield (
            "The teacher follows the network at once (momentum 0), so it holds nothing against it.",
            "Learn again with --momentum 0.95.",
        )
