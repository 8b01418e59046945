"""Choices that are measured: candidates in, the quickest way to compute here and how many steps fit into a time out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from likewise.contracts import View
from likewise.errors import OptionError
from likewise.session import Derived, Session
from likewise.train.engine import Engine, device_here, fastest, named
from likewise.train.loop import Data, Training
from likewise.train.plan import Plan

PRECISIONS: Final = ("auto", "fp32", "bf16", "fp16")
_TRIED = 64  # items in a step that is tried


@dataclass(frozen=True)
class Chosen:
    """How to compute, and the seconds of one item while learning, or None where nothing was measured."""

    engine: Engine
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for a checkpoint: who goes on computes as whoever began."""
        return {"precision": self.engine.precision, "channels_last": self.engine.channels_last}


def choose_engine(
    make: Callable[[], tuple[nn.Module, nn.Module]],
    view: View,
    data: Data,
    *,
    device: str,
    precision: str,
    batch: int,
    session: Session,
    rank: int = 0,
    world: int = 1,
) -> Chosen:
    """Choose precision and order of memory by trying a few steps of each; tell what was chosen, and why.

    On an accelerator bf16 is taken where there is hardware for it, and only the speed is measured. `make()` gives a
    fresh network and its objective.
    """
    place = device_here(device)
    if precision not in PRECISIONS:
        raise OptionError(f"precision {precision!r}: it is {', '.join(PRECISIONS)}")
    if precision == "fp16" and place.type == "cpu":
        raise OptionError("precision fp16 needs an accelerator: take bf16, fp32 or auto")
    tried = min(_TRIED if place.type == "cpu" else batch, batch, data.items)
    network, objective = make()
    candidates = _candidates(
        place, precision, rank, world, maps=any(isinstance(m, nn.Conv2d) for m in network.modules())
    )

    def step(engine: Engine) -> Callable[[], object]:
        plan = Plan(steps=1000, batch=tried, rate=1e-9, clip=0.0)
        alone = Engine(engine.device, engine.precision, engine.channels_last)
        training = Training(copy.deepcopy(network), copy.deepcopy(objective), view, data, plan, alone)
        some = data.read(training.order.rows(training.order.typical()))
        return lambda: training.step(some)

    engine, seconds = fastest(candidates, step)
    shown = "; ".join(f"{name}: {tried / took:.0f} {data.unit}/s" for name, took in seconds.items())
    why = "the quickest of those tried for a second" if len(candidates) > 1 else "asked for"
    session.tell(Derived("precision", named(engine), f"{why} ({shown})"))
    session.tell(Derived("device", str(place), _device_reason(place)))
    return Chosen(engine, min(seconds.values()) / tried)


def _candidates(place: torch.device, precision: str, rank: int, world: int, *, maps: bool) -> list[Engine]:
    """Return the ways to compute; an order of memory is a matter of networks that make `maps`."""
    if place.type == "cuda":
        wide = precision if precision != "auto" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return [Engine(place, wide, maps, rank, world)]
    if precision != "auto":  # whoever names it wants the same bits each time, and a measurement may fall either way
        return [Engine(place, precision, maps, rank, world)]
    precisions = ["fp32", "bf16"] if place.type == "cpu" else ["fp32"]
    return [
        Engine(place, each, last, rank, world) for each in precisions for last in ((False, True) if maps else (False,))
    ]


def _device_reason(place: torch.device) -> str:
    if place.type == "cuda":
        return torch.cuda.get_device_name(place)
    return f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"


def seconds_of(text: str) -> float:
    """Return the seconds of a duration such as 90s, 10m or 1.5h.

    >>> seconds_of("1.5h")
    5400.0
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = text.strip()[:-1], text.strip()[-1:]
    try:
        seconds = float(number) * units[unit]
    except (ValueError, KeyError):
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise OptionError(f"time {text!r}: it is a number and s, m or h, such as 10m")
    return seconds
