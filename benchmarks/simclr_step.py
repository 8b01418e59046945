"""Steps of SimCLR against the loop of lightly's example: a network and a batch in, ratios of pictures a second out.

The same network (`likewise.encoders.resnet`), batch and pictures of 32 × 32; both sides in one environment, with one
torch, each measurement a process of its own, sides in turn. Ours is what `likewise learn simclr` does, precision chosen
by its own trial (`likewise`), and with float32 asked for (`likewise fp32`); views are made in batches. Theirs is the
published example (rival_lightly.py). Gates on two cores: 2 × by default where the processor has bf16 (1.2 × without),
1.2 × at equal precision below 1 M parameters, never below 1 × at 3 M and 11 M.

    .venv/bin/python benchmarks/simclr_step.py                       # writes benchmarks/results/simclr-step.json
    .venv/bin/python benchmarks/simclr_step.py --sizes tiny --rounds 1

lightly needs torchvision, so it has an environment of its own, made once under `.bench/lightly`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HOME = ROOT / ".bench" / "lightly"
PACKAGES = ["torch==2.14.1", "torchvision==0.29.1", "lightly==1.6.0"]
OURS = [
    "jaxtyping",
    "safetensors",
    "threadpoolctl",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "rich",
    "click",
    "scikit-image",
]
SHAPES = {"tiny": (256, 10), "small": (128, 6), "base": (64, 5)}  # batch, steps
GATES = {
    "likewise": {"tiny": 2.0, "small": 1.0, "base": 1.0},
    "likewise fp32": {"tiny": 1.2, "small": 1.0, "base": 1.0},
}


def environment() -> Path:
    """Make the environment once, and return its Python."""
    python, done = HOME / "bin" / "python", HOME / "installed.json"
    if not done.exists() or json.loads(done.read_text()) != PACKAGES + OURS:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        for some in (PACKAGES[:2], PACKAGES[2:] + OURS):
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *some], check=True)
        done.write_text(json.dumps(PACKAGES + OURS))
    return python


def side(options: argparse.Namespace) -> None:
    """Measure our side, in this process."""
    import torch

    from likewise.encoders.architectures import build
    from likewise.objectives.contrastive import SimCLR
    from likewise.session import Derived, Event, Session
    from likewise.train.choosing import choose_engine
    from likewise.train.loop import Data, Training
    from likewise.train.plan import Plan
    from likewise.views.augmentation import simclr
    from likewise.views.pictures import TwoCrops

    torch.set_num_threads(options.threads)
    items = options.batch * options.steps
    pixels = torch.randint(0, 256, (items, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data, view = Data(items, lambda rows: pixels[torch.from_numpy(rows)]), TwoCrops(simclr((32, 32)))
    told: dict[str, str] = {}

    def listen(event: Event) -> None:
        if isinstance(event, Derived):
            told[event.name] = f"{event.value} ({event.reason})"

    def make() -> tuple[torch.nn.Module, torch.nn.Module]:
        network = build("resnet", {"size": options.size}, seed=1)
        return network, SimCLR(network)

    chosen = choose_engine(
        make, view, data, device="cpu", precision=options.precision, batch=options.batch, session=Session(listen)
    )
    wall = cpu = 0.0
    for steps in (2, options.steps):
        plan = Plan(steps=steps, batch=options.batch, rate=1e-3)
        training = Training(*make(), view, data, plan, chosen.engine)
        wall, cpu = time.perf_counter(), used()
        training.run(Session())
        wall, cpu = time.perf_counter() - wall, used() - cpu
    last = training.history[-1]
    print(json.dumps({
        "pictures_per_second": round(items / wall, 2), "pictures_per_cpu_second": round(items / cpu, 2),
        "torch": torch.__version__, "loss": round(last["loss"], 4), "chosen": told,
        "parameters": sum(p.numel() for p in training.network.parameters()),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }))  # fmt: skip


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(python: Path, script: str, *arguments: object) -> dict[str, Any]:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"}
    command = [python, HERE / script, *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compared(size: str, rounds: int, threads: int, workers: int, python: Path) -> dict[str, Any]:
    batch, steps = SHAPES[size]
    same = ("--size", size, "--batch", batch, "--steps", steps, "--threads", threads)
    sides: dict[str, list[dict[str, Any]]] = {"likewise": [], "likewise fp32": [], "lightly": []}
    loads = []
    for number in range(rounds):
        loads.append(round(os.getloadavg()[0], 2))
        for name, found in sides.items():
            if name == "lightly":
                found.append(run(python, "rival_lightly.py", *same, "--workers", workers))
            else:
                precision = "fp32" if name.endswith("fp32") else "auto"
                found.append(run(python, "simclr_step.py", "--side", *same, "--precision", precision))
            print(size, number + 1, name, json.dumps(found[-1]), file=sys.stderr, flush=True)
    out: dict[str, Any] = {
        "batch": batch,
        "steps": steps,
        "threads": threads,
        "load_average": loads,
        "workers": workers,
    }
    out |= {"parameters": sides["likewise"][0]["parameters"], "torch": sides["lightly"][0]["torch"]}
    for clock in ("pictures_per_second", "pictures_per_cpu_second"):
        theirs = [each[clock] for each in sides["lightly"]]
        for name, found in sides.items():
            out.setdefault(name, {})[clock] = [each[clock] for each in found]
            if name != "lightly":
                ratios = [each[clock] / other for each, other in zip(found, theirs, strict=True)]
                out[name][f"{clock}_ratio"] = round(statistics.median(ratios), 2)
                out[name]["must_reach"] = GATES[name][size]
    out["likewise"]["chosen"] = sides["likewise"][0]["chosen"]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="of lightly's DataLoader")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "simclr-step.json")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--size", default="tiny", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=256, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=10, help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="auto", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side(options)
        return
    from words_sides import machine

    python = environment()
    known = json.loads(options.out.read_text()) if options.out.exists() else {}
    result = known if known.get("machine") == machine() else {"machine": machine(), "packages": PACKAGES, "sizes": {}}
    for size in options.sizes:
        result["sizes"][size] = compared(size, options.rounds, options.threads, options.workers, python)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
