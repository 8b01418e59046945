"""A zoo of forced collapses: members, seeds and actions in; what an independent probe finds and the doctor said out.

Each member is a recipe with the option that prevents its collapse taken away (where the recipe has one), and learns
for about a minute from 2,832 pictures of the shared CIFAR-10 subset, labels unseen, on one thread. Whether it has
collapsed is judged first by the probe in zoo_probe.py, which shares no code with the doctor; then the doctor's course
is judged as it stood at each look. Courses are kept, not verdicts: a change of the doctor's rules is judged again at
once, and only a change of what learns is measured again.

    .venv/bin/python benchmarks/zoo.py                       # every member, and the recipes that must read healthy
    .venv/bin/python benchmarks/zoo.py --epochs 24 --actions rollback rescue --members "byol, no stop-gradient" …
    .venv/bin/python benchmarks/zoo.py --epochs 24 --actions warn rollback --members "simclr, rate 10 later" …
    .venv/bin/python benchmarks/zoo.py --page                # writes the tables of docs/doctor.md from the JSON

Entries are in benchmarks/results/zoo.json, each with the machine and the digest of what learns.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from likewise.evaluate.course import judge
from likewise.evaluate.seen import Seen, Setting
from likewise.recipes import PICTURES
from likewise.session import Event, Note, Session
from likewise.sources.images import ImageSource, open_images
from words_sides import DATA, RESULTS, machine
from zoo_probe import Found, probe

FILE = RESULTS / "zoo.json"
ITEMS, TESTED = 3_600, 1_000  # pictures that come (the doctor holds 768 of them back), and those of the probe
EPOCHS = 8
SHARED: dict[str, Any] = {"batch": 64, "precision": "bf16", "threads": 1, "device": "cpu"}
IMAGE = 16  # pixels a side, so that a member takes about a minute; --image 32 for as they are
SUPPORTED = ("simclr", "moco", "supcon", "byol", "simsiam", "vicreg", "barlow", "lejepa", "mae")
EARLY = 0.2  # of the training: a collapse is to be flagged by then


@dataclass(frozen=True)
class Member:
    """A way to fail, what the doctor should say is the cause, and the data that it learns from."""

    recipe: str
    options: Mapping[str, Any]
    cause: str  # words that the doctor's sentence has where it is right
    data: str = "pictures"
    later: Mapping[str, float] = field(default_factory=dict)  # what breaks when LATE of the training is over


ZOO = {
    "byol, no stop-gradient": Member("byol", {"stop_gradient": False}, "no stop-gradient"),
    "simsiam, no stop-gradient": Member("simsiam", {"stop_gradient": False}, "no stop-gradient"),
    "byol that only pulls": Member("byol", {"stop_gradient": False, "predictor": False}, "Nothing pushes"),
    "vicreg that only pulls": Member("vicreg", {"variance": 0.0, "covariance": 0.0}, "variance term is 0"),
    "vicreg, variance 0": Member("vicreg", {"variance": 0.0}, "variance term is 0"),
    "lejepa, weight 0": Member("lejepa", {"weight": 0.0}, "Gaussian term is 0"),
    "barlow, redundancy 0": Member("barlow", {"redundancy": 0.0}, "redundancy"),
    "simclr, temperature 10": Member("simclr", {"temperature": 10.0}, "temperature 10"),
    "byol, no predictor, momentum 0": Member("byol", {"predictor": False, "momentum": 0.0}, "no predictor"),
    "dino, no centring": Member("dino", {"centring": False, "small_crops": 2, "rate": 1e-3}, "not centred"),
    "simclr, one picture": Member("simclr", {}, "nearly constant", data="one picture"),
    "simclr, black pictures": Member("simclr", {}, "nearly constant", data="black"),
    "simclr, rate 1": Member("simclr", {"rate": 1.0}, "rate 1 is too high"),
    "simclr, rate 10": Member("simclr", {"rate": 10.0}, "rate 10 is too high"),
    "simclr, weight decay 1": Member("simclr", {"weight_decay": 1.0}, "weight decay 1"),
    "simclr, weight decay 300": Member("simclr", {"weight_decay": 300.0}, "weight decay 300"),
}
BROKEN = {  # it learns, until what holds it together breaks
    "simclr, weight decay 300 later": Member("simclr", {"look": 50}, "", later={"weight_decay": 300.0}),
    "vicreg, weight decay 300 later": Member("vicreg", {"look": 50}, "", later={"weight_decay": 300.0}),
    "simclr, rate 10 later": Member("simclr", {"look": 50}, "", later={"rate": 10.0}),
    "vicreg, rate 10 later": Member("vicreg", {"look": 50}, "", later={"rate": 10.0}),
    "moco, rate 10 later": Member("moco", {"look": 50}, "", later={"rate": 10.0}),
    "byol, rate 10 later": Member("byol", {"look": 50}, "", later={"rate": 10.0}),
}
LATE = 0.35  # of the training
HEALTHY = {name: Member(name, {}, "") for name in SUPPORTED}
BESIDE = {"dino": Member("dino", {"small_crops": 2, "rate": 1e-3}, "")}
MEMBERS = HEALTHY | ZOO | BESIDE | BROKEN


@dataclass
class Data:
    """What a member learns from, as a source, and what it is probed with: pixels "n c h w" and labels."""

    source: ImageSource
    reference: np.ndarray
    tested: np.ndarray
    labels: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))


def data_of(kind: str, image: int) -> Data:
    """Return pictures of the shared subset, so many pixels a side, or constant ones with the labels that they had."""
    import os

    from likewise.sources import samples
    from likewise.sources.images_prepared import prepare_pictures

    os.environ.setdefault(samples.VARIABLE, str(DATA))
    found = []
    for split, items in (("train", ITEMS), ("test", TESTED)):
        source = samples.shared_cifar10(split)
        if source is None:
            raise SystemExit(f"{DATA} has no CIFAR-10: set LIKEWISE_DATA to the folder with the shared data")
        made = prepare_pictures(source, size=image, session=Session())
        pixels = np.array(made.pixels[:items])
        if kind == "one picture":
            pixels[:] = pixels[0]
        if kind == "black":
            pixels[:] = 0
        found.append((pixels, list(made.labels or ())[:items]))
    (pixels, labels), (tested, told) = found
    made_of = open_images(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels=labels, name=f"zoo, {kind}")
    return Data(made_of, pixels, tested, (labels, told))


def watched(recipe: Any) -> tuple[Any, list[Any]]:
    """Return the recipe with a list that gets every objective it makes; the last one is that of the training."""
    made: list[Any] = []

    def objective(network: Any, options: Mapping[str, Any]) -> Any:
        made.append(recipe.way.objective(network, options))
        return made[-1]

    return replace(recipe, way=replace(recipe.way, objective=objective)), made


@dataclass
class Breaks:
    """Watches a training, and breaks something in it when LATE of it is over."""

    what: Mapping[str, float]
    # ruff: noqa: D102

    def start(self, training: Any) -> None:
        pass

    def after_step(self, training: Any, stepped: Any) -> None:
        if training.done != round(LATE * training.plan.steps):
            return
        for name, value in self.what.items():
            if name == "rate":
                training.slower = value / training.plan.rate
            elif name == "weight_decay":
                training.optimiser.param_groups[0]["weight_decay"] = value
            else:
                assert hasattr(training.objective, name)
                setattr(training.objective, name, value)


def breaking(what: Mapping[str, float]) -> Any:
    """Return a context in which every training that begins breaks later."""
    from unittest.mock import patch

    from likewise.recipes.fitting import Fit

    watchers = Fit.watchers

    def more(self: Fit, *given: Any) -> list[Any]:
        return [*watchers(self, *given), Breaks(what)]

    return patch.object(Fit, "watchers", more)


def entry(name: str, seed: int, action: str, image: int, epochs: int) -> dict[str, Any]:
    """Learn once; return the course, and what the probe finds before and after."""
    from likewise.encoders.architectures import build
    from likewise.encoders.pictures import PictureEncoder
    from likewise.train.monitor import calibrated

    member = MEMBERS[name]
    data = data_of(member.data, image)
    options = {**SHARED, **member.options, "epochs": epochs, "on_collapse": action}
    recipe, objectives = watched(PICTURES[member.recipe](**options))
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    session = Session(listen)
    prepared = recipe.prepare(data.source, session)
    start = time.perf_counter()
    with breaking(member.later):
        encoder = recipe.fit(prepared, session, seed=seed)
    seconds, trained = time.perf_counter() - start, objectives[-1]
    architecture = recipe.architecture(prepared.pictures)
    network = build(recipe.options["encoder"], architecture, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        fresh = recipe.way.objective(network, recipe.options)
    some = torch.from_numpy(prepared.pictures.batch(prepared.train[:1000]))
    untrained = PictureEncoder(calibrated(network, [prepared.seeing.normalised(some)]), prepared.seeing)
    vectors = torch.from_numpy(untrained.embed_pixels(some.numpy()))
    if "z" in fresh.embeds:
        fresh = calibrated(fresh, [vectors], lambda heads, x: heads.project(x))

    def probed(one: Any, objective: Any) -> dict[str, Any]:
        def heads(x: np.ndarray) -> np.ndarray:
            if "z" not in objective.embeds:
                return x
            with torch.inference_mode():
                return np.asarray(objective.cpu().eval().project(torch.from_numpy(x)).float().numpy())

        return probe(one.embed_pixels, heads, data.reference, data.tested, data.labels).as_json()

    return {
        "recipe": member.recipe, "options": dict(member.options), "data": member.data,
        "seconds": round(seconds, 1), "steps": epochs * (len(prepared.train) // SHARED["batch"]),
        "pictures": len(prepared.train), "notes": notes,
        "setting": next(line["setting"] for line in session.log if "setting" in line),
        "course": [line["doctor"] for line in session.log if "doctor" in line],
        "untrained": probed(untrained, fresh), "trained": probed(encoder, trained),
    }  # fmt: skip


def judged(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the doctor of this version says of a kept course, and when it first said that it was bad."""
    course, setting = [Seen.from_json(seen) for seen in kept["course"]], Setting.from_json(kept["setting"])
    told, stands = [], list[Seen]()
    for seen in course:  # a training that went back leaves what it saw behind
        stands = [*(earlier for earlier in stands if earlier.step < seen.step), seen]
        told.append(judge(stands, setting))
    flagged = next((place for place, one in enumerate(told) if one.bad), None)
    out: dict[str, Any] = {"verdict": told[-1].verdict, "verdicts": [one.verdict for one in told]}
    if flagged is not None:
        first = told[flagged]
        out |= {"kind": first.verdict, "step": course[flagged].step, "share": round(course[flagged].progress, 3)}
        out |= {"evidence": first.evidence, "cause": first.cause, "advice": first.advice}
    return out


def summary(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row: what the probe says, what the doctor says, and whether it is right."""
    before, after = Found(**kept["untrained"]), Found(**kept["trained"])
    kind, said = after.kind_against(before), judged(kept)
    row = {"member": kept["member"], "seed": kept["seed"], "action": kept["action"], "image": kept["image"]}
    row |= {"probe": kind, "doctor": said["verdict"], "flagged at": said.get("step"), "share": said.get("share")}
    collapsed = kind not in ("healthy", "nothing learned")
    if kept["action"] != "warn":
        return row | {"ends well": not collapsed}
    if not collapsed:
        return row | {"right": "step" not in said, "kind": said.get("kind"), "cause": said.get("cause")}
    row |= {"kind": said.get("kind"), "cause": said.get("cause")}
    begins = LATE if kept["member"] in BROKEN else 0.0
    row["in time"] = said.get("share", 1.0) <= begins + EARLY
    row["kind right"] = kind in (said.get("kind"), said["verdict"])
    row["cause right"] = MEMBERS[kept["member"]].cause in said.get("cause", "")
    return row | {"right": row["in time"] and row["kind right"] and row["cause right"]}


def written() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text())) if FILE.exists() else []


def digest(files: Sequence[Path]) -> str:
    """Return a digest of code, without its comments and docstrings."""
    shown = []
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                body[0].value.value = ""
        shown.append(ast.dump(tree))
    return hashlib.sha256("".join(shown).encode()).hexdigest()[:12]


def versions(action: str) -> dict[str, str]:
    """Return digests of what learns: objectives, views, encoders, the loop; where something is done, of the doctor."""
    import likewise

    package = Path(likewise.__file__).parent
    files = [path for folder in ("objectives", "views", "encoders") for path in sorted((package / folder).glob("*.py"))]
    files.remove(package / "objectives" / "rescue.py")
    files += [package / "train" / name for name in ("loop.py", "optim.py", "gradient.py", "engine.py")]
    doctor = [package / part for part in ("evaluate/course.py", "evaluate/seen.py", "train/monitor.py")]
    doctor.append(package / "objectives" / "rescue.py")
    return {"version": digest(files), **({} if action == "warn" else {"doctor": digest(doctor)})}


def measure(options: argparse.Namespace) -> None:
    """Run what is asked for and not known yet, one after the other."""
    asked = [(name, seed, action) for action in options.actions for name in options.members for seed in
             (options.seeds if name in HEALTHY | BESIDE else options.seeds[:1])]  # fmt: skip
    for name, seed, action in asked:
        about = {
            "member": name,
            "seed": seed,
            "action": action,
            "image": options.image,
            "epochs": options.epochs,
            **versions(action),
        }
        if any(all(old.get(key) == value for key, value in about.items()) for old in written()):
            continue
        place = {"machine": f"{machine()}, {torch.backends.cpu.get_cpu_capability()}"}
        found = about | place | entry(name, seed, action, options.image, options.epochs)
        stale = {key: about[key] for key in ("member", "seed", "action", "image", "epochs")}
        kept = [old for old in written() if any(old.get(key) != value for key, value in stale.items())]
        FILE.write_text(json.dumps([*kept, found], indent=1) + "\n")
        print(json.dumps(summary(found) | {"seconds": found["seconds"]}), file=sys.stderr, flush=True)


def main() -> None:
    global FILE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--members",
        nargs="*",
        choices=list(MEMBERS),
        default=list(MEMBERS),
        metavar="MEMBER",
    )
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3], help="of the healthy; others: the first")
    parser.add_argument("--actions", nargs="*", choices=["warn", "stop", "rollback", "rescue"], default=["warn"])
    parser.add_argument("--image", type=int, default=IMAGE, help="pixels a side")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    FILE = options.out
    RESULTS.mkdir(exist_ok=True)
    if not options.page:
        measure(options)
    rows = [summary(kept) for kept in written()]
    print(json.dumps(rows, indent=1))
    if options.page:
        from zoo_page import write_page

        write_page(written(), rows)


if __name__ == "__main__":
    main()
