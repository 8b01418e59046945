"""The doctor while a network learns: a training and items held out in; verdicts, and what is done about them, out.

At a few moments the network and the heads encode two fixed views of the probe set, in evaluation mode and float32. All
formulas are those of `likewise.evaluate`; what is decided here is when to look and what to do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from likewise.contracts import Array
from likewise.evaluate.course import Judgement, judge, sound
from likewise.evaluate.seen import BACK, Seen, Setting, look
from likewise.session import Logged, Note, Session
from likewise.train.loop import Stepped, Training

Encoded: TypeAlias = tuple[Array, Array, tuple[Array, Array] | None]
"""Vectors of two views, and what the loss compares of them."""
ACTIONS: Final = ("warn", "stop", "rollback", "rescue")
LOOKS: Final = (0.04, 0.1, 0.16, 0.2, 0.3, 0.45, 0.65, 0.85, 1.0)
"""When to look, in shares of the training: early, since what collapses does so early.

Each costs a step of 256 items or one and a half, and that before the first twice as much: .88 % of ten minutes on two
threads, 2.1 % on one (benchmarks/doctor_cost.py).
"""
_AT_ONCE = {"cpu": 64}  # items that are encoded at a time: on a processor 64 take .7 of the time that 256 take
_NORMED = 256  # items that batch normalisation of an untrained network sees at a time
_SLOWER = 0.25  # of the rate, after a rescue
_APART = 4.0  # weight of the term that a rescue adds, and at least that of the heaviest term that is there


@dataclass(frozen=True)
class Probe:
    """Two views of the same items as the network takes them, perhaps in half precision; `distinct`: how many differ."""

    a: Tensor
    b: Tensor
    distinct: float = 1.0


@final
class Doctor:
    """Looks at a training, tells when its verdict changes, and acts on a collapse.

    `on_collapse` warn: says so; stop: ends the training; rollback: goes back to the last state that was not bad, and
    ends there; rescue: goes back to it, adds a term that keeps vectors apart, lowers the rate, and goes on. It looks
    every `every` steps, or at `LOOKS`.
    """

    def __init__(
        self,
        probe: Probe,
        session: Session,
        *,
        setting: Setting | None = None,
        on_collapse: str = "warn",
        every: int = 0,
    ) -> None:
        self.probe, self.session, self.setting = probe, session, setting or Setting()
        self.on_collapse, self.every = on_collapse, every
        self.course: list[Seen] = []
        self.judgement = Judgement("warming up", "Nothing was seen yet.")
        self._good: dict[str, Any] | None = None
        self._steps: set[int] = set()
        self._rescued = False

    # --- looking ---

    def start(self, training: Training) -> None:
        """Look at the network as it was drawn; one that goes on brings its course along."""
        plan = training.plan
        marks = range(self.every, plan.steps + 1, self.every) if self.every else (round(s * plan.steps) for s in LOOKS)
        self._steps = {max(1, step) for step in marks}
        if self.course:  # of a training that goes on
            return
        network, objective, found = self._as_drawn(training)
        self._look(training, None, found)
        self._note_start(training)
        # who comes back to the start comes back to a network that can be used
        ready, heads = network.state_dict(), objective.state_dict()
        whole = None if training.averaged is None else ready
        self._keep(training.state() | {"network": ready, "objective": heads, "averaged": whole})

    def state(self) -> dict[str, Any]:
        """Return all that it remembers: what it saw, and the state to go back to where it may have to."""
        return {"course": [seen.as_json() for seen in self.course], "rescued": self._rescued, "good": self._good}

    def load(self, state: Mapping[str, Any]) -> None:
        """Remember what was seen before a training was cut off."""
        self.course = [Seen.from_json(seen) for seen in state["course"]]
        self._rescued, self._good = bool(state["rescued"]), state["good"]
        if self.course:
            self.judgement = judge(self.course, self.setting)

    def _keep(self, state: Mapping[str, Any]) -> None:
        """Remember a state to go back to, where it may have to."""
        if self.on_collapse in ("rollback", "rescue"):
            self._good = copy.deepcopy(dict(state))

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Look if it is time to, and act on what is found."""
        if training.done not in self._steps and np.isfinite(stepped.loss):
            return
        before = self.judgement
        self._look(training, stepped.loss)
        self._tell(before)
        if self.judgement.bad:
            self._act(training)
        elif sound(self.course, self.setting):
            self._keep(training.state())

    def _note_start(self, training: Training) -> None:
        """Put step 0 and the setting into the log: with them a run is judged again without its probe set."""
        line = {"step": 0, **training.signals, "setting": self.setting.as_json()}
        training.signals = {}
        training.history.append(line)
        self.session.tell(Logged(line))

    def _look(self, training: Training, loss: float | None, found: Encoded | None = None) -> None:
        a, b, projector = found or encode(training.network, training.objective, self.probe, training)
        seen = look(
            a,
            b,
            step=training.done,
            progress=training.done / max(1, training.plan.steps),
            projector=projector,
            loss=loss,
            weights=_length(training.network),
        )
        self.course.append(seen)
        self.judgement = judge(self.course, self.setting)
        training.signals = {"doctor": seen.as_json(), "verdict": self.judgement.verdict}
        training.verdict = self.judgement.verdict

    def _as_drawn(self, training: Training) -> tuple[nn.Module, nn.Module, Encoded]:
        """Return copies of an untrained network and its objective that have seen the probe set, and what they see."""
        network, objective = calibrated(training.network, (self.probe.a, self.probe.b)), training.objective
        a, b, projected = encode(network, objective, self.probe, training)
        if projected is None:
            return network, objective, (a, b, None)
        vectors = [torch.from_numpy(x).to(training.engine.device) for x in (a, b)]
        heads = calibrated(objective, vectors, lambda ready, x: ready.project(x)).eval()
        with torch.no_grad():
            one, other = (cast(Any, heads).project(x).float().cpu().numpy() for x in vectors)
        return network, heads, (a, b, (one, other))

    def _tell(self, before: Judgement) -> None:
        now = self.judgement
        if now.verdict != before.verdict and now.verdict != "warming up":
            self.session.tell(
                Note(" ".join(part for part in (f"{now.verdict}:", now.evidence, now.cause, now.advice) if part))
            )

    # --- acting ---

    def _act(self, training: Training) -> None:
        if self.on_collapse == "warn":
            return
        why, at = self.judgement.verdict, training.done
        if self.on_collapse == "stop" or self._rescued or self._good is None:
            training.end(why)
            return
        self._go_back(training, self._good)
        if self.on_collapse == "rollback":
            self.session.tell(Note(f"rolled back from step {at:,} to step {training.done:,}, {_last(training.done)}"))
            training.end(f"{why}, rolled back")
            return
        self._rescue(training)
        self.session.tell(
            Note(
                f"rescued: back from step {at:,} to step {training.done:,}, {_last(training.done)}, the rate a quarter "
                "of what it was, and a term that keeps the vectors apart"
            )
        )

    def _go_back(self, training: Training, good: Mapping[str, Any]) -> None:
        """Restore a state, and let the log say so."""
        why, at = self.judgement.verdict, training.done
        training.put_back(good)
        self.course = [seen for seen in self.course if seen.step <= training.done]
        self.judgement = judge(self.course, self.setting)
        training.verdict = self.judgement.verdict
        line = {"step": training.done, BACK: at, "why": why, "doctor": self.course[-1].as_json()}
        line["verdict"] = self.judgement.verdict
        training.afterwards.append(line)

    def _rescue(self, training: Training) -> None:
        """Add the term that keeps vectors apart, and lower the rate."""
        weights = dict(self.setting.traits.get("weights") or {})
        training.slower *= _SLOWER
        training.keep_apart(max(_APART, *weights.values()) if weights else _APART)
        self._rescued = True
        self._keep(training.state())


def _last(step: int) -> str:
    return "the last that was sound" if step else "the start: no look was sound"


@torch.no_grad()
def encode(network: nn.Module, objective: nn.Module, probe: Probe, training: Training) -> Encoded:
    """Return both views' vectors, and what the loss compares of them if the objective has embeddings, as float32.

    The network runs once for each view, and heads on its vectors; a teacher does not run. Everything is left as it
    was, the mode of the modules and what the objective remembers.
    """
    modes = [(module, module.training) for part in (network, objective) for module in part.modules()]
    network.eval()
    objective.eval()
    watched = cast(Any, objective)
    projects = "z" in watched.embeds
    vectors, projected = [], []
    try:
        for view in (probe.a, probe.b):
            some = _AT_ONCE.get(training.engine.device.type, len(view))
            found = torch.cat([network(_placed(part, training)).float() for part in torch.split(view, some)])
            vectors.append(found.cpu().numpy())
            if projects:
                projected.append(watched.project(found).float().cpu().numpy())
    finally:
        for module, mode in modes:
            module.training = mode
    return vectors[0], vectors[1], (projected[0], projected[1]) if projects else None


def _placed(x: Tensor, training: Training) -> Tensor:
    """Return some of the probe set where the network is, in its order of memory."""
    return training.engine.order(_whole(x.to(training.engine.device)))


def _whole(x: Tensor) -> Tensor:
    """Return numbers that were kept in half precision as float32."""
    return x.float() if x.dtype == torch.float16 else x


@torch.no_grad()
def calibrated(
    module: nn.Module, batches: Sequence[Tensor], run: Callable[[Any, Tensor], object] | None = None
) -> nn.Module:
    """Return a copy whose batch normalisation has seen some items: untrained, it has seen nothing.

    `run(copy, items)` runs what is to see them; the module itself by default.
    """
    ready = copy.deepcopy(module)
    norms = [part for part in ready.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return ready
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean of what comes
    device = next(ready.parameters()).device
    ready.train()
    for x in batches:
        for low in range(0, len(x), _NORMED):
            if len(x) - low > 1:
                some = _whole(x[low : low + _NORMED].to(device))
                ready(some) if run is None else run(ready, some)
    return ready


def _length(network: nn.Module) -> float:
    """Return the root of the sum of all squared weights of matrices: those that decay."""
    return float(sum(float(p.detach().float().square().sum()) for p in network.parameters() if p.ndim > 1) ** 0.5)
