"""The doctor while a network learns: a training and items held out in; verdicts, and what is done about them, out.

At a few moments the network and the heads encode two fixed views of the probe set, in evaluation mode and float32. All
formulas are those of `likewise.evaluate`; what is decided here is when to look and what to do.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from likewise.contracts import Views
from likewise.evaluate.course import Judgement, Seen, Setting, judge, look
from likewise.session import Note, Session
from likewise.train.loop import Stepped, Training

ACTIONS: Final = ("warn", "stop", "rollback", "rescue")
LOOKS: Final = (0.04, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)
"""When to look, in shares of the training: early, since what collapses does so early. Each costs about one step."""
_AT_ONCE = 256
_SLOWER = 0.25  # of the rate, after a rescue
_SCALE = 1.0  # weight of the term that a rescue adds


@dataclass(frozen=True)
class Probe:
    """Two views of the same items, uint8 or float, as the network takes them; `distinct` is the share that differ."""

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
        first = min(2, plan.steps)  # the line of step 1 says what was seen before it
        self._steps = {max(first, step) for step in marks}
        kept = [line["doctor"] for line in training.history if "doctor" in line]
        self.course = [Seen(**seen) for seen in kept]
        if not self.course:
            self._look(training, None, network=calibrated(training.network, (self.probe.a, self.probe.b)))
        self._good = copy.deepcopy(training.state())

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Look if it is time to, and act on what is found."""
        if training.done not in self._steps and np.isfinite(stepped.loss):
            return
        before = self.judgement
        self._look(training, stepped.loss)
        if self.judgement.bad:
            self._tell(before)
            self._act(training)
        else:
            self._good = copy.deepcopy(training.state())
            self._tell(before)

    def _look(self, training: Training, loss: float | None, *, network: nn.Module | None = None) -> None:
        a, b, z = encode(network or training.network, training.objective, self.probe, training)
        seen = look(
            a,
            b,
            step=training.done,
            progress=training.done / max(1, training.plan.steps),
            projector=None if z is None else z[:, 0],
            compared=None if z is None or z.shape[1] < 2 else (z[:, 0], z[:, 1]),
            loss=loss,
            weights=_length(training.network),
        )
        self.course.append(seen)
        self.judgement = judge(self.course, self.setting)
        training.signals = {"doctor": seen.as_json(), "verdict": self.judgement.verdict}
        training.verdict = self.judgement.verdict

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
        if self.on_collapse == "stop" or self._rescued or self._good is None:
            training.end(self.judgement.verdict)
            return
        at = training.done
        good = self._good
        if self.on_collapse == "rollback":
            training.load(good)
            self.session.tell(
                Note(f"rolled back from step {at:,} to step {training.done:,}, the last that was not bad")
            )
            training.end(f"{self.judgement.verdict}, rolled back")
            return
        self._rescue(training, good, at)

    def _rescue(self, training: Training, good: Mapping[str, Any], at: int) -> None:
        """Go back, add the term that keeps vectors apart, lower the rate, and go on."""
        training.load(good)
        training.slower *= _SLOWER
        training.keep_apart(_SCALE)
        self._rescued = True
        self.course = [seen for seen in self.course if seen.step <= training.done] or self.course[:1]
        self.judgement = judge(self.course, self.setting)
        self._good = copy.deepcopy(training.state())
        self.session.tell(
            Note(
                f"rescued: back from step {at:,} to step {training.done:,}, the rate a quarter of what it was, and a "
                "term that keeps the vectors apart"
            )
        )


@torch.no_grad()
def encode(network: nn.Module, objective: nn.Module, probe: Probe, training: Training) -> tuple[Any, Any, Any]:
    """Return both views' vectors, and what the loss compares "n 2 e" if the objective has embeddings, as float32.

    Of an objective that embeds the first view alone it is "n 1 e".

    Everything is left as it was, the mode of the modules and what the objective remembers.
    """
    modes = [(module, module.training) for part in (network, objective) for module in part.modules()]
    network.eval()
    objective.eval()
    found: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    try:
        for low in range(0, len(probe.a), _AT_ONCE):
            views = [
                training.engine.order(x[low : low + _AT_ONCE].to(training.engine.device)) for x in (probe.a, probe.b)
            ]
            for rows, x in zip(found, views, strict=False):
                rows.append(network(x).float().cpu().numpy())
            if "z" in getattr(objective, "embeds", ()):
                z = cast(Any, objective).encode(network, Views(tuple(views)))
                if z["z"].ndim == 3:
                    found[2].append(z["z"][:, :2].float().cpu().numpy())
    finally:
        for module, mode in modes:
            module.training = mode
    a, b, z = (np.concatenate(rows) if rows else None for rows in found)
    return a, b, z


@torch.no_grad()
def calibrated(network: nn.Module, batches: Sequence[Tensor]) -> nn.Module:
    """Return a copy whose batch normalisation has seen some items: untrained, it has seen nothing."""
    ready = copy.deepcopy(network)
    norms = [module for module in ready.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return ready
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean of what comes
    device = next(ready.parameters()).device
    ready.train()
    for x in batches:
        for low in range(0, len(x), _AT_ONCE):
            if len(x) - low > 1:
                ready(x[low : low + _AT_ONCE].to(device))
    return ready


def _length(network: nn.Module) -> float:
    """Return the root of the sum of all squared weights of matrices: those that decay."""
    return float(sum(float(p.detach().float().square().sum()) for p in network.parameters() if p.ndim > 1) ** 0.5)
