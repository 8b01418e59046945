"""Steps of masked language modelling against Hugging Face's training example: tokens a second of both sides out.

The same architecture (BERT, 256 dims, 4 blocks, a vocabulary of 8,192 tokens), the same batch of 64 rows of 128 tokens,
15 % of them hidden; each measurement a process of its own, sides in turn, both in one environment with one torch. Ours
is what `likewise learn mlm` does: logits only where tokens are hidden, and of the last block what they need. Theirs is
rival_mlm.py. The gate is 1.3 × at equal precision.

    .venv/bin/python benchmarks/mlm_step.py --rounds 3           # writes benchmarks/results/mlm-step.json

`Trainer` needs accelerate, which has a folder of its own under `.bench/accelerate`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HOME = ROOT / ".bench" / "accelerate"
SHAPE = {"tokens": 8192, "dim": 256, "depth": 4, "heads": 4, "length": 128, "batch": 64}
GATE = 1.3


def accelerate() -> Path:
    """Install accelerate once, into a folder that stands behind the environment's own packages."""
    if not (HOME / "accelerate").is_dir():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", HOME, "accelerate>=1.1"], check=True
        )
    return HOME


def side(o: argparse.Namespace) -> None:
    """Measure our side, in this process."""
    import numpy as np
    import torch

    from likewise.encoders.architectures import build
    from likewise.objectives.language import MaskedLanguage
    from likewise.session import Session
    from likewise.train.engine import Engine
    from likewise.train.loop import Data, Training
    from likewise.train.plan import Plan
    from likewise.views.texts import MaskedTokens

    torch.set_num_threads(o.threads)
    rows = torch.from_numpy(np.random.default_rng(0).integers(5, o.tokens, (o.batch * (o.steps + 2), o.length)))
    about = {"tokens": o.tokens, "dim": o.dim, "depth": o.depth, "heads": o.heads, "places": o.length}
    network = build("bert", about, seed=1)
    objective = MaskedLanguage(network)
    view = MaskedTokens(4, o.tokens, (0, 1, 2, 3, 4), share=0.15)
    data = Data(len(rows), lambda some: rows[torch.from_numpy(some)], unit="rows")
    plan = Plan(steps=o.steps + 2, batch=o.batch, rate=1e-3, clip=1.0)
    training = Training(network, objective, view, data, plan, Engine(torch.device("cpu"), o.precision))

    class Clock:
        """Looks at the clock after each step."""

        seen: list[float] = []  # noqa: RUF012

        def start(self, training: Any) -> None:
            """Do nothing."""

        def after_step(self, training: Any, stepped: Any) -> None:
            """Note the time."""
            self.seen.append(time.perf_counter())

    clock = Clock()
    training.run(Session(), [clock])
    wall = clock.seen[-1] - clock.seen[1]
    print(json.dumps({
        "tokens_per_second": round(o.batch * o.length * o.steps / wall), "loss": round(training.history[-1]["loss"], 3),
        "parameters": sum(p.numel() for p in {*network.parameters(), *objective.parameters()}),
        "torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(),
    }))  # fmt: skip


def run(script: str, *arguments: object) -> dict[str, Any]:
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(accelerate())]),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, HERE / script, *map(str, arguments)], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compared(precision: str, rounds: int, steps: int, threads: int) -> dict[str, Any]:
    shape = [part for name, value in SHAPE.items() for part in (f"--{name}", value)]
    same = [*shape, "--steps", steps, "--threads", threads, "--precision", precision]
    sides: dict[str, list[dict[str, Any]]] = {"likewise": [], "Trainer": []}
    loads = []
    for number in range(rounds):
        loads.append(round(os.getloadavg()[0], 2))
        for name, found in sides.items():
            found.append(run("mlm_step.py", "--side", *same) if name == "likewise" else run("rival_mlm.py", *same))
            print(precision, number + 1, name, json.dumps(found[-1]), file=sys.stderr, flush=True)
    speed = {name: [each["tokens_per_second"] for each in found] for name, found in sides.items()}
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*speed.values(), strict=True))
    return {"tokens_per_second": speed, "ratio": round(ratio, 2), "must_reach": GATE, "load_average": loads,
            "parameters": {name: found[0]["parameters"] for name, found in sides.items()}, "steps": steps,
            "torch": sides["likewise"][0]["torch"], "cpu": sides["likewise"][0]["cpu"]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precisions", nargs="*", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--out", type=Path, default=HERE / "results" / "mlm-step.json")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="fp32", help=argparse.SUPPRESS)
    for name, value in SHAPE.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side(options)
        return
    from words_sides import machine

    result: dict[str, Any] = {"machine": machine(), "shape": SHAPE, "threads": options.threads}
    for precision in options.precisions:
        result[precision] = compared(precision, options.rounds, options.steps, options.threads)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
