"""A large batch in two passes: memory, time and gradient of one SimCLR step whole and in chunks, as JSON.

One step of SimCLR of 1,024 pictures of 32 × 32 (2,048 views, each against all others), a ResNet with group
normalisation (with batch normalisation the statistics are a chunk's, and the gradient another), float32. Each side is a
process of its own; memory is the most that it has while it steps, above what it had with network and pictures made.
Gate: the gradient to 1e-5 of its length, at a quarter of the memory or less.

    .venv/bin/python benchmarks/two_pass.py            # writes benchmarks/results/two-pass.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from words_sides import RESULTS, machine

SIZES, CHUNKS, BATCH = ("tiny", "small"), (0, 256, 64), 1024


def side(size: str, chunk: int, batch: int, threads: int, out: Path) -> None:
    """Step once, and leave the gradient in a file."""
    import numpy as np
    import torch

    from likewise.encoders.architectures import build
    from likewise.objectives.contrastive import SimCLR
    from likewise.train.engine import Engine, device_here
    from likewise.train.gradient import Encoding, accumulate
    from likewise.views.augmentation import simclr
    from likewise.views.pictures import TwoCrops
    from peak import Peak, anonymous_bytes

    torch.set_num_threads(threads)
    network = build("resnet", {"size": size, "norm": "group"}, seed=1)
    torch.manual_seed(2)
    objective = SimCLR(network)
    engine = Engine(device_here("cpu"), "fp32", False)
    encoding = Encoding(network, objective)
    pixels = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (batch, 3, 32, 32), np.uint8))
    plain = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    views = TwoCrops(simclr((32, 32), **plain))(pixels, torch.Generator().manual_seed(4))
    accumulate(encoding, objective, views.part(0, 32), engine, chunk=32, scale=1.0)  # what a first step allocates
    encoding.zero_grad(set_to_none=False)
    before, peak, start = anonymous_bytes(), Peak(), time.perf_counter()
    loss = accumulate(encoding, objective, views, engine, chunk=chunk or batch, scale=1.0)
    seconds = time.perf_counter() - start
    most = peak.stop()
    np.save(out, torch.cat([p.grad.flatten() for p in encoding.parameters()]).numpy())
    print(json.dumps({"MB": round((most - before) / 2**20, 1), "seconds": round(seconds, 2),
                      "loss": float(loss.total)}))  # fmt: skip


def compared(size: str, threads: int, rounds: int) -> dict[str, Any]:
    """Return each side's memory and seconds, the least of its rounds, and how far its gradient is from the whole's."""
    import numpy as np

    found: dict[int, list[dict[str, Any]]] = {chunk: [] for chunk in CHUNKS}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            for chunk in CHUNKS:
                out = Path(place) / f"{chunk}.npy"
                command = [sys.executable, __file__, "--side", size, str(chunk), str(threads), str(out)]
                told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                found[chunk].append(json.loads(told))
        gradients = {chunk: np.load(Path(place) / f"{chunk}.npy").astype(np.float64) for chunk in CHUNKS}
    whole = gradients[0]
    least = {
        chunk: {key: min(one[key] for one in sides) for key in ("MB", "seconds")} for chunk, sides in found.items()
    }
    return {
        "size": size, "parameters": len(whole), "batch": BATCH,
        "sides": [
            {"chunk": chunk or BATCH, **least[chunk], "loss": found[chunk][0]["loss"],
             "memory, share": round(least[chunk]["MB"] / least[0]["MB"], 3),
             "time, times": round(least[chunk]["seconds"] / least[0]["seconds"], 2),
             "gradient, difference": float(np.linalg.norm(gradients[chunk] - whole) / np.linalg.norm(whole))}
            for chunk in CHUNKS
        ],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        size, chunk, threads, out = options.side
        return side(size, int(chunk), BATCH, int(threads), Path(out))
    about = {"machine": machine(), "threads": options.threads, "rounds": options.rounds}
    about |= {"sizes": [compared(size, options.threads, options.rounds) for size in SIZES]}
    (RESULTS / "two-pass.json").write_text(json.dumps(about, indent=1) + "\n")
    print(json.dumps(about, indent=1))
    return None


if __name__ == "__main__":
    main()
