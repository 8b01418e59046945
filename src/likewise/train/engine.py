"""The engine: what was asked for in; a device, a precision and several processes that act as one out.

The only file that touches torch.distributed. What a process encodes is gathered with its gradient, so a loss over all
items has the gradient that one process with all of them would have: DistributedDataParallel takes the mean of the
processes' gradients, and the gathering passes each process the sum of them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch import distributed as processes
from torch.distributed.nn import functional as gathering
from torch.nn.parallel import DistributedDataParallel

from likewise.contracts import Z
from likewise.errors import OptionError

TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Engine:
    """Where and how precisely to compute, and which of how many processes this is."""

    device: torch.device
    precision: str = "fp32"
    channels_last: bool = False
    rank: int = 0
    world: int = 1

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the engine's precision inside this block; weights stay float32."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=TYPES[self.precision])

    def place(self, module: nn.Module) -> nn.Module:
        """Move a module to the device and into the engine's order of memory."""
        module.to(self.device)
        if self.channels_last:
            for each in module.modules():
                if isinstance(each, nn.Conv2d):
                    each.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module

    def order(self, x: Tensor) -> Tensor:
        """Return pictures in the engine's order of memory."""
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last and x.ndim == 4 else x

    def distribute(self, module: nn.Module) -> nn.Module:
        """Return a module whose gradients are the mean over all processes; itself where there is one."""
        if self.world == 1:
            return module
        return DistributedDataParallel(module, find_unused_parameters=True)

    def gather(self, z: Z) -> Z:
        """Return what all processes encoded, in the order of the processes, with its gradient."""
        return z if self.world == 1 else {name: _gathered(tensor) for name, tensor in z.items()}

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all processes, without a gradient."""
        if self.world == 1:
            return value.detach()
        total = value.detach().clone()
        processes.all_reduce(total)
        return total / self.world

    def mean_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Make each gradient the mean over all processes, for steps that went around `distribute`."""
        if self.world > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    processes.all_reduce(parameter.grad)
                    parameter.grad /= self.world

    def any(self, here: bool) -> bool:
        """Whether it is so in any of the processes."""
        if self.world == 1:
            return here
        told = torch.tensor([here], dtype=torch.int32, device=self.device)
        processes.all_reduce(told, processes.ReduceOp.MAX)
        return bool(told.item())

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            processes.barrier()


def as_first(value: Any, device: torch.device) -> Any:
    """Return what the first of several processes says, in each of them; it travels as JSON."""
    if not processes.is_initialized():
        return value
    data = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=device)
    length = torch.tensor([len(data)], device=device)
    processes.broadcast(length, 0)
    if processes.get_rank():
        data = torch.empty(int(length.item()), dtype=torch.uint8, device=device)
    processes.broadcast(data, 0)
    return json.loads(bytes(data.tolist()))


def _gathered(tensor: Tensor) -> Tensor:
    if tensor.requires_grad:
        return torch.cat(gathering.all_gather(tensor.contiguous()))  # type: ignore[no-untyped-call]
    parts = [torch.empty_like(tensor) for _ in range(processes.get_world_size())]
    processes.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def device_here(wanted: str = "auto") -> torch.device:
    """Return the device that is asked for; `auto`: the first accelerator, else the processor.

    Raises OptionError where torch has no such device.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).split("\n")[0]
        raise OptionError(
            f"device {wanted!r} cannot be used here ({why}): it is auto, cpu, cuda, cuda:1, mps …"
        ) from None
    return device


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[int, int]]:
    """Join the processes that torchrun started, and leave them at the end; yield (rank, world), (0, 1) without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or processes.is_initialized():
        yield (processes.get_rank(), processes.get_world_size()) if processes.is_initialized() else (0, 1)
        return
    processes.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield processes.get_rank(), world
    finally:
        processes.destroy_process_group()


@contextmanager
def threads(wanted: int) -> Iterator[int]:
    """Use so many threads of the processor inside this block (0: as torch has chosen), and yield how many."""
    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def fastest(
    candidates: Sequence[Engine], step: Callable[[Engine], Callable[[], object]], *, rounds: int = 3
) -> tuple[Engine, dict[str, float]]:
    """Return the engine whose step is quickest, by trying them in turn, and the seconds that each took at best.

    `step(engine)` makes a function that takes one step; its first call does not count.
    """
    steps = [step(engine) for engine in candidates]
    best = [float("inf")] * len(candidates)
    for tried in range(rounds + 1):
        for number, take in enumerate(steps):
            start = time.perf_counter()
            take()
            best[number] = min(best[number], time.perf_counter() - start) if tried else best[number]
    seconds = {named(engine): took for engine, took in zip(candidates, best, strict=True)}
    return candidates[min(range(len(best)), key=best.__getitem__)], seconds


def named(engine: Engine) -> str:
    """Return how a person would call the way in which an engine computes."""
    return engine.precision + (", channels last" if engine.channels_last else "")
