"""SimCLR on an accelerator: a network and a batch in, pictures a second and the share of the peak out, as JSON.

The network is ResNet-18 with the small stem (11 M), 32 × 32, bf16 and channels last, views made on the device, the
whole step as `likewise learn simclr` takes it. Its operations are counted by torch (one pass forward and backward); the
peak is that of a product of two 8192 × 8192 matrices of bf16, measured beside. The time of 200 epochs of 50,000
pictures is what the steps would take.

    python benchmarks/gpu.py --batches 512 1024 --encoder resnet --size base
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from likewise.encoders.architectures import build
from likewise.objectives.contrastive import SimCLR
from likewise.train.engine import Engine
from likewise.train.loop import Data, Training
from likewise.train.plan import Plan
from likewise.views.augmentation import simclr
from likewise.views.pictures import TwoCrops

_EPOCHS, _PICTURES = 200, 50_000


def seconds_of(work: Callable[[], object], *, rounds: int, warm: int = 3) -> float:
    """Return the median seconds of `work`, each waited for."""
    took = []
    for number in range(rounds + warm):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        if number >= warm:
            took.append(time.perf_counter() - start)
    return statistics.median(took)


def peak_of() -> float:
    """Return the operations a second of a product of large bf16 matrices."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return float(2 * 8192**3 / seconds_of(lambda: a @ b, rounds=10))


def training_of(encoder: str, size: str, batch: int, items: int, precision: str, *, compiled: bool) -> Training:
    network = build(encoder, {"size": size}, seed=1)
    pixels = torch.randint(0, 256, (items, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = Data(items, lambda rows: pixels[torch.from_numpy(rows)])
    plan = Plan(steps=100_000, batch=batch, rate=1e-3)
    engine = Engine(torch.device("cuda", 0), precision, True)
    training = Training(network, SimCLR(network), TwoCrops(simclr((32, 32))), data, plan, engine)
    if compiled:
        training.encoding.compile()
    return training


def measured(encoder: str, size: str, batch: int, precision: str, compiled: bool, rounds: int) -> dict[str, Any]:
    start = time.perf_counter()
    training = training_of(encoder, size, batch, 2 * batch, precision, compiled=compiled)
    pixels = training.data.read(training.order.rows(0))
    training.step(pixels)
    torch.cuda.synchronize()
    first = time.perf_counter() - start
    torch.cuda.reset_peak_memory_stats()
    step = seconds_of(lambda: training.step(pixels), rounds=rounds)
    views = seconds_of(lambda: training.views(pixels, 0), rounds=rounds)
    steady = time.perf_counter()
    for _ in range(rounds):
        training.step(pixels)
    torch.cuda.synchronize()
    steady = (time.perf_counter() - steady) / rounds
    alone = copy.deepcopy(training.network)
    shown = torch.randn(8, 3, 32, 32, device="cuda")
    with FlopCounterMode(display=False) as counter:
        alone(shown).sum().backward()
    operations = counter.get_total_flops() / 8 * 2 * batch
    return {
        "encoder": encoder, "size": size, "batch": batch, "precision": precision, "compiled": compiled,
        "parameters": sum(p.numel() for p in alone.parameters()), "seconds_to_first_step": round(first, 1),
        "milliseconds_a_step": round(steady * 1e3, 2), "milliseconds_alone": round(step * 1e3, 2),
        "pictures_per_second": round(batch / steady),
        "views_share": round(views / step, 3), "gflop_a_picture": round(operations / batch / 1e9, 3),
        "tflop_per_second": round(operations / steady / 1e12, 1),
        "minutes_of_200_epochs": round(_EPOCHS * _PICTURES * steady / batch / 60, 2),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="resnet")
    parser.add_argument("--size", nargs="*", default=["base"])
    parser.add_argument("--batches", nargs="*", type=int, default=[512])
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--compile", nargs="*", type=int, default=[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    peak = peak_of()
    print(json.dumps({
        "device": torch.cuda.get_device_name(), "torch": torch.__version__,
        "driver": subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip(),
        "peak_tflop_per_second": round(peak / 1e12, 1),
    }), flush=True)  # fmt: skip
    for compiled in options.compile:
        for size in options.size:
            for batch in options.batches:
                found = measured(options.encoder, size, batch, options.precision, bool(compiled), options.rounds)
                found["share_of_peak"] = round(found["tflop_per_second"] * 1e12 / peak, 3)
                print(json.dumps(found), flush=True)
    if options.profile:
        profile(options)


def profile(options: argparse.Namespace) -> None:
    """Print which kernels take the time of a step."""
    batch = options.batches[0]
    training = training_of(options.encoder, options.size[0], batch, 2 * batch, options.precision, compiled=False)
    pixels = training.data.read(training.order.rows(0))
    for _ in range(3):
        training.step(pixels)
    from torch.profiler import ProfilerActivity

    with torch.profiler.profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        for _ in range(3):
            training.step(pixels)
        torch.cuda.synchronize()
    print(seen.key_averages().table(sort_by="cuda_time_total", row_limit=40, max_name_column_width=60))


if __name__ == "__main__":
    main()
