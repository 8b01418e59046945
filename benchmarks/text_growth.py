"""How a network of texts grows with time: checkpoints in, what it is worth at each as JSON; the curve is on the page.

A run keeps its latest checkpoint alone, so copies are taken while it learns, by a second process:

    .venv/bin/python benchmarks/text_growth.py --copy runs/mlm.partial .bench/growth/mlm --every 150 &
    .venv/bin/likewise learn mlm text.txt --out runs/mlm --time 45m …
    .venv/bin/python benchmarks/text_growth.py --of runs/mlm .bench/growth/mlm     # adds to results/text-growth.json

Of each copy: Spearman's correlation on STS-B (dev and test) of the mean vectors, with the plain baselines' beside
(results/text-quality.json), and the loss. The rate has not fallen yet at a checkpoint, so all but the last are lower
than a shorter training would end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from text_quality import likeness, read_stsb
from text_sides import Side
from words_sides import RESULTS, machine

FILE = RESULTS / "text-growth.json"


def copy(folder: Path, to: Path, every: float) -> None:
    """Copy each checkpoint of a run that learns, until its folder is gone."""
    to.mkdir(parents=True, exist_ok=True)
    while not folder.is_dir():
        time.sleep(1)
    while folder.is_dir():
        for about in sorted((folder / "checkpoints").glob("seed-1-*.json"))[-1:]:
            if not (to / about.name).exists():
                try:
                    for name in (about.with_suffix(".safetensors"), about):
                        shutil.copy(name, to / name.name)
                except FileNotFoundError:  # a newer one has taken its place meanwhile
                    (to / about.with_suffix(".safetensors").name).unlink(missing_ok=True)
        time.sleep(every)


def encoder_at(run: Any, about: Path) -> tuple[Any, int]:
    """Return the encoder of a run with the weights of a checkpoint, and the number of steps it has taken."""
    import torch

    from likewise.checkpoints import Checkpoint
    from likewise.encoders.texts import TextEncoder
    from likewise.space.tensors import map_arrays
    from likewise.train.keeping import unpacked

    values = json.loads(about.read_bytes())
    state = unpacked(Checkpoint(map_arrays(about.with_suffix(".safetensors")), values))["training"]
    arrays, described = run.encoder.state()
    weights = {name: state["network"][name] for name in arrays}
    encoder = TextEncoder.from_state(({name: np.asarray(one) for name, one in weights.items()}, described))
    assert all(torch.isfinite(one).all() for one in weights.values())
    return encoder, int(state["done"])


def measured(run: Path, copies: Path) -> dict[str, Any]:
    import likewise as lw

    opened = lw.open(run)
    loss = {line["step"]: line["loss"] for line in opened.log if "loss" in line}
    points = []
    for about in [*sorted(copies.glob("seed-1-*.json")), None]:
        encoder, step = (opened.encoder, max(loss)) if about is None else encoder_at(opened, about)
        side = Side(run.name, {}, "network", lambda encoder=encoder: encoder)  # type: ignore[misc]
        found = {part: round(likeness(side, read_stsb(part))[0].value, 4) for part in ("dev", "test")}
        near = [value for at, value in loss.items() if abs(at - step) <= 25]
        points.append({"step": step, **found, "loss": round(float(np.mean(near)), 3) if near else None})
        print(run.name, points[-1], file=sys.stderr, flush=True)
    options = opened.manifest["options"]
    return {"run": run.name, "recipe": opened.manifest["recipe"], "machine": machine(), "steps": max(loss),
            "items_a_step": options["batch"], "seconds": opened.manifest.get("seconds"), "points": points}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copy", nargs=2, type=Path, metavar=("FOLDER", "TO"))
    parser.add_argument("--every", type=float, default=150.0, help="seconds")
    parser.add_argument("--of", nargs=2, type=Path, metavar=("RUN", "COPIES"))
    options = parser.parse_args()
    if options.copy:
        copy(*options.copy, options.every)
    if options.of:
        entry = measured(*options.of)
        other = [old for old in json.loads(FILE.read_text()) if old["run"] != entry["run"]] if FILE.exists() else []
        FILE.write_text(json.dumps([*other, entry], indent=1) + "\n")


if __name__ == "__main__":
    main()
