"""The loop: a network, an objective, views and a plan in; step after step, a network that has learned out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, final

import torch
from torch import Tensor, nn

from likewise.contracts import Array, View
from likewise.objectives.rescue import Rescued
from likewise.session import Logged, Progress, Session
from likewise.train.batches import Order, ahead
from likewise.train.engine import Engine
from likewise.train.gradient import Encoding, accumulate
from likewise.train.optim import optimiser, rate_at, set_rate
from likewise.train.plan import Plan

STAGE = "learning"
_TOLD_EVERY = 0.2  # seconds between two events of progress
_LINES = 200  # of log.jsonl, about
_BAD_STEPS = 5  # losses in a row that are no numbers, and the training has diverged


@dataclass(frozen=True)
class Data:
    """What is learned from: `read(rows)` gives a batch on the processor, `labels` the class of each item, or −1.

    With `lengths` items of like length come together, so that little of a batch is padding.
    """

    items: int
    read: Callable[[Any], Tensor]
    labels: Tensor | None = None
    unit: str = "pictures"
    lengths: Array | None = None


@dataclass
class Stepped:
    """What a step came to."""

    step: int
    loss: float
    parts: dict[str, float]
    rate: float
    gradient: float


class Watcher(Protocol):
    """Looks on while a network learns: a doctor, somebody who draws."""

    def start(self, training: Training) -> None:
        """Look before the first step, also of a training that goes on."""

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Look after a step; it may end the training, or put it back, by the training's own methods."""


class Keeping(Protocol):
    """Keeps the state of a training where it is whole: between two steps, when all that came of one is noted."""

    def start(self, training: Training) -> None:
        """Keep the state before the first step."""

    def between_steps(self, training: Training) -> None:
        """Keep the state if that is due."""


@final
class Training:
    """One run of the loop: everything that changes, and how to keep and to restore it.

    What a step draws comes from the seed and the step's number alone, so a training that is restored goes on as if
    it had never stopped: on the processor, with the same number of threads, bit by bit.
    """

    def __init__(
        self, network: nn.Module, objective: nn.Module, view: View, data: Data, plan: Plan, engine: Engine
    ) -> None:
        self.network, self.objective, self.view, self.data = network, objective, view, data
        self.plan, self.engine = plan, engine
        engine.place(network)
        engine.place(objective)
        self.encoding = engine.distribute(Encoding(network, objective))
        self.order = Order(data.items, plan.batch, plan.seed, engine.rank, engine.world, data.lengths)
        self.optimiser = optimiser(plan.optimiser, (network, objective), rate=plan.rate, weight_decay=plan.weight_decay)
        self.scaler = torch.amp.GradScaler(engine.device.type, enabled=engine.precision == "fp16")
        self.averaged = copy.deepcopy(network).requires_grad_(False) if plan.average else None
        self.done = 0
        self.slower = 1.0  # what a rescue makes of the rate
        self.apart = 0.0  # the weight of the term that a rescue adds
        self.history: list[dict[str, Any]] = []
        self.signals: dict[str, Any] = {}  # what watchers found, for the next line of the log
        self.afterwards: list[dict[str, Any]] = []  # lines of watchers for the log, after that of the step in hand
        self.verdict = ""
        self.ended: str | None = None
        self._bad = 0

    # --- one step ---

    def step(self, batch: Tensor) -> Stepped:
        """Learn from one batch, as it was read."""
        step, plan = self.done, self.plan
        rate = self.slower * rate_at(step, plan.steps, peak=plan.rate, warmup=plan.warmup, floor=plan.floor * plan.rate)
        set_rate(self.optimiser, rate)
        self.network.train()
        self.objective.train()
        views = self.views(batch, step)
        self.optimiser.zero_grad(set_to_none=True)
        with self._drawing(step):
            loss = accumulate(
                self.encoding, self.compared, views, self.engine, chunk=plan.at_once,
                scale=float(self.scaler.get_scale()),
            )  # fmt: skip
        length = self._length()
        value, gradient, *parts = _numbers(self.engine.mean(loss.total), length, *loss.parts.values())
        if self.scaler.is_enabled() or (math.isfinite(value) and math.isfinite(gradient)):
            self.scaler.step(self.optimiser)
        self.scaler.update()
        self.done += 1
        if math.isfinite(value):
            cast(Any, self.objective).after_step(self.network, self.done / max(1, plan.steps))
            self._average()
        self._bad = 0 if math.isfinite(value) and math.isfinite(gradient) else self._bad + 1
        if self._bad >= _BAD_STEPS and self.engine.precision != "fp16":
            self.end("diverged")
        return Stepped(step, value, dict(zip(loss.parts, parts, strict=True)), rate, gradient)

    def views(self, batch: Tensor, step: int) -> Any:
        """Return the views of a batch in a step: equal each time they are asked for."""
        generator = torch.Generator(self.engine.device).manual_seed(_seed(self.plan.seed, step, self.engine.rank))
        labels = None
        if self.data.labels is not None:
            labels = self.data.labels[torch.from_numpy(self.order.rows(step))].to(self.engine.device)
        moved = batch.to(self.engine.device, non_blocking=True)
        views = self.view(moved, generator, labels=labels)
        return type(views)(tuple(self.engine.order(x) for x in views.inputs), views.keep, views.labels)

    @contextmanager
    def _drawing(self, step: int) -> Iterator[None]:
        """Let what draws from torch's own generator, such as dropout, draw by the step's number inside this block."""
        place = self.engine.device
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            torch.manual_seed(_seed(self.plan.seed, step, self.engine.rank) ^ 1)
            yield

    def _length(self) -> Tensor:
        """Return the gradient's length, and clip the gradient where it is too long."""
        self.scaler.unscale_(self.optimiser)
        learning = [p for group in self.optimiser.param_groups for p in group["params"] if p.grad is not None]
        length = torch.nn.utils.get_total_norm([cast(Tensor, p.grad) for p in learning])
        if self.plan.clip:
            torch.nn.utils.clip_grads_with_norm_(learning, self.plan.clip, length)
        return length

    @torch.no_grad()
    def _average(self) -> None:
        if self.averaged is None:
            return
        kept = min(self.plan.average, self.done / (self.done + 10))  # the first weights are soon forgotten
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - kept)
        for buffer, latest in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            buffer.copy_(latest)

    # --- all steps ---

    def run(self, session: Session, watchers: Sequence[Watcher] = (), keeping: Keeping | None = None) -> bool:
        """Take every step that is left; return whether the plan came to its end."""
        for watcher in watchers:
            watcher.start(self)
        if keeping is not None:
            keeping.start(self)
        while self.done < self.plan.steps and self.ended is None:
            if not self._steps(session, watchers, keeping):
                return False
        return self.ended is None

    def _steps(self, session: Session, watchers: Sequence[Watcher], keeping: Keeping | None) -> bool:
        """Take steps until the plan ends or a watcher puts the training back; return False on a wish to stop."""
        pace, wanted = _Pace(self.done), self.done
        for batch in ahead(lambda step: self.data.read(self.order.rows(step)), self.done, self.plan.steps):
            if self.engine.any(session.stopped):
                session.stop()
                return False
            stepped = self.step(batch)
            wanted += 1
            for watcher in watchers:
                watcher.after_step(self, stepped)
            self._note(stepped, session, pace)
            if keeping is not None:
                keeping.between_steps(self)
            pace.tell(self, stepped, session)
            if self.done != wanted or self.ended is not None:
                break
        return True

    def _note(self, stepped: Stepped, session: Session, pace: _Pace) -> None:
        every = max(1, self.plan.steps // _LINES)
        done = stepped.step + 1  # a watcher may have put the training back since
        if not stepped.step % every or done == self.plan.steps or self.signals:
            self._line(stepped, session, pace)
        for line in self.afterwards:  # at once: a checkpoint may come before the next line of a step
            self.history.append(line)
            session.tell(Logged(line))
        self.afterwards = []

    def _line(self, stepped: Stepped, session: Session, pace: _Pace) -> None:
        done = stepped.step + 1
        line = {
            "step": done,
            "epoch": round(done / self.order.steps_per_epoch, 4),
            "loss": _number(stepped.loss),
        }
        line |= {name: _number(part) for name, part in stepped.parts.items()}
        line |= {"rate": stepped.rate, "gradient": _number(stepped.gradient)} | self.signals
        self.signals = {}
        self.history.append(line)
        session.tell(Logged(line | {f"{self.data.unit}_per_second": round(pace.per_second(self), 1)}))

    def keep_apart(self, weight: float) -> None:
        """Add the term that keeps embeddings apart to the loss, so heavy; 0 takes it away."""
        self.apart = weight

    @property
    def compared(self) -> nn.Module:
        """The objective whose loss is taken: with the term of a rescue, if there was one."""
        return Rescued(cast(Any, self.objective), weight=self.apart) if self.apart else self.objective

    def end(self, why: str) -> None:
        """End the training after this step."""
        self.ended = why

    @property
    def learned(self) -> nn.Module:
        """The network to keep: the average of its weights where the plan has one."""
        return self.network if self.averaged is None else self.averaged

    # --- what there is to keep ---

    def state(self) -> dict[str, Any]:
        """Return everything that changes, as tensors in dictionaries and lists (they are the training's own)."""
        return {
            "done": self.done,
            "slower": self.slower,
            "apart": self.apart,
            "verdict": self.verdict,
            "bad": self._bad,
            "history": list(self.history),
            "signals": dict(self.signals),
            "network": self.network.state_dict(),
            "objective": self.objective.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that was kept."""
        self.history, self.signals = list(state["history"]), dict(state["signals"])
        self.put_back(state)

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Go back to an earlier state; the history stays, since it tells what happened."""
        self.done, self._bad = int(state["done"]), int(state["bad"])
        self.slower, self.apart = float(state["slower"]), float(state["apart"])
        self.verdict = str(state["verdict"])
        self.network.load_state_dict(state["network"])
        self.objective.load_state_dict(state["objective"])
        self.optimiser.load_state_dict(copy.deepcopy(dict(state["optimiser"])))
        self.scaler.load_state_dict(dict(state["scaler"]))
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.ended = None


@dataclass
class _Pace:
    """How fast it goes since this process began."""

    first: int
    _start: float = field(default_factory=time.perf_counter)
    _told: float = 0.0

    def per_second(self, training: Training) -> float:
        """Return items per second, of all processes."""
        return (training.done - self.first) * training.plan.batch / max(1e-9, time.perf_counter() - self._start)

    def tell(self, training: Training, stepped: Stepped, session: Session) -> None:
        """Tell how far it is, five times a second at the most."""
        if time.perf_counter() - self._told < _TOLD_EVERY:
            return
        batch, unit = training.plan.batch, training.data.unit
        facts: dict[str, Any] = {f"{unit}_per_second": self.per_second(training), "loss": stepped.loss}
        facts |= {"doctor": training.verdict} if training.verdict else {}
        facts |= stepped.parts | {"epoch": training.done / training.order.steps_per_epoch}
        session.tell(Progress(STAGE, training.done * batch, training.plan.steps * batch, unit, facts))
        self._told = time.perf_counter()


def _seed(seed: int, step: int, rank: int) -> int:
    """Return a seed for what one process draws in one step."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB + 1) & (2**63 - 1)
    return mixed ^ (mixed >> 31)


def _numbers(*values: Tensor) -> list[float]:
    """Return tensors of one number each as numbers: in one go, since to ask an accelerator is to wait for it."""
    found: list[float] = torch.stack([value.detach().to(torch.float32) for value in values]).tolist()
    return found


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
