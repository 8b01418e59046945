"""What the doctor costs: one look against the steps of a training of the default length, as JSON.

Looks are at fixed shares of a training (`LOOKS`, and step 0, which counts twice: batch normalisation sees the items),
so there are as many in a short run as in a long one: a short run with and without the doctor would say nothing of ten
minutes. So a look and a step are timed by themselves, alternately in one process, on a training that goes on. In a run
of the default length of 10 minutes

    share = looks · seconds of a look / (looks · seconds of a look + seconds of its steps)

where the steps are as many as the recipe derives from `--time`. On a machine that is shared with other work both are
slower; the same from processor seconds (the least of each) is the share of threads that have nothing else to do.
`--whole` also runs two short trainings alternately, with the doctor and without, whose difference must be the looks'
time: a check of the sum, not of the share.

    .venv/bin/python benchmarks/doctor_cost.py --recipe simclr --threads 2
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import torch

from likewise.recipes import PICTURES
from likewise.recipes.fitting import MEASURED, TIME, Fit
from likewise.recipes.picture_material import PictureMaterial
from likewise.session import Session
from likewise.train.choosing import seconds_of
from likewise.train.engine import threads
from likewise.train.monitor import LOOKS, Doctor
from words_sides import machine
from zoo import data_of


def prepared(options: argparse.Namespace) -> Fit:
    """Return a learning of the recipe with its default options on pictures as they are."""
    recipe = PICTURES[options.recipe](device="cpu", threads=options.threads, precision=options.precision, time=TIME)
    session = Session()
    made = recipe.prepare(data_of("pictures", 32).source, session)
    return Fit(PictureMaterial(recipe, made, 1), recipe.options, session, 1)


def timed(learning: Fit, rounds: int) -> dict[str, Any]:
    """Time steps and looks in turn; return the seconds of each and what they come to in ten minutes."""
    training = learning.training(0, 1, None, None)
    doctor = next(one for one in learning.watchers(training, None, None) if isinstance(one, Doctor))
    doctor.start(training)
    steps, looks, cpu = [], [], {"step": [], "look": []}
    for number in range(rounds + 1):
        batch = training.data.read(training.order.rows(training.done))
        start, first = time.perf_counter(), time.process_time()
        stepped = training.step(batch)
        middle, second = time.perf_counter(), time.process_time()
        doctor._look(training, stepped.loss)
        end, third = time.perf_counter(), time.process_time()
        if number:
            steps.append(middle - start)
            looks.append(end - middle)
            cpu["step"].append(second - first)
            cpu["look"].append(third - second)
    step, look, count = statistics.median(steps), statistics.median(looks), len(LOOKS) + 2
    length = seconds_of(TIME) * MEASURED
    taken = {name: round(min(found), 4) for name, found in cpu.items()}
    own = count * taken["look"]
    return {
        "engine": f"{training.engine.precision}{', channels last' if training.engine.channels_last else ''}",
        "batch": training.plan.batch, "probe items": len(doctor.probe.a),
        "seconds of a step": round(step, 4), "seconds of a look": round(look, 4), "looks (step 0 twice)": count,
        "a look in steps": round(look / step, 2), "steps in 10 minutes": int(length / step),
        "share of 10 minutes": round(count * look / (count * look + length), 5),
        "processor seconds": taken,
        "share of 10 minutes with the threads to itself": round(own / (own + length * torch.get_num_threads()), 5),
    }  # fmt: skip


def whole(options: argparse.Namespace) -> dict[str, Any]:
    """Run short trainings with the doctor and without, alternately; return their seconds."""
    found: dict[str, list[float]] = {"with": [], "without": []}
    for side in ("with", "without", "without", "with"):
        learning = prepared(options)
        learning.options = {**learning.options, "epochs": 4, "time": None}
        training = learning.training(0, 1, None, None)
        watchers = learning.watchers(training, None, None) if side == "with" else []
        start = time.perf_counter()
        training.run(Session(), watchers)
        found[side].append(round(time.perf_counter() - start, 2))
    more = statistics.mean(found["with"]) - statistics.mean(found["without"])
    return {"steps": training.plan.steps, "seconds": found, "a look costs": round(more / (len(LOOKS) + 1), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=[name for name in PICTURES if name != "patches"], default="simclr")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    with threads(options.threads):
        out = {"recipe": options.recipe, "threads": torch.get_num_threads()}
        out |= {"machine": f"{machine()}, {torch.backends.cpu.get_cpu_capability()}"}
        out |= timed(prepared(options), options.rounds)
        if options.whole:
            out["whole"] = whole(options)
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
