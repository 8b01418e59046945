"""Pictures without labels: recipes and seeds in, what their vectors tell of classes beside baselines out, as JSON.

Each learns from the 15,000 training pictures of the shared CIFAR-10 subset (1,500 a class), labels unseen; then its
vectors of them and of the 5,000 test pictures go through one and the same probe (`likewise.evaluate.few_labels`):
ridge regression and 20 nearest neighbours, as they are and after PCA to 128, and with 1, 10 and 100 labels a class.
Beside them: pixels, their principal components, manual features, the same network untrained, one that was told labels.

    .venv/bin/python benchmarks/pictures.py --recipes simclr vicreg --seeds 1 2 3 --set time=10m
    .venv/bin/python benchmarks/pictures.py --recipes mae --seeds 1 --set epochs=200 --device cuda
    .venv/bin/python benchmarks/pictures.py --baselines
    .venv/bin/python benchmarks/pictures.py --recipes simclr --seeds 1 --set epochs=20 --items 1500 5000 15000
    .venv/bin/python benchmarks/pictures.py --page               # writes docs/pictures-measured.md from the JSON

Every entry is kept in benchmarks/results/pictures.json with the machine and the digest of what learns, and is not
measured again. Quality at shares of a training is read off its checkpoints, where the rate has not come to its end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from likewise.contracts import Number
from likewise.evaluate.few_labels import Split, everything, knn_accuracy, linear_accuracy
from likewise.evaluate.manual import hog_and_colour, principal, raw
from likewise.recipes import PICTURES
from likewise.session import Derived, Event, Note, Session
from pictures_page import write_page
from words_rounds import locked
from words_sides import BENCH, DATA, RESULTS, digest_of, machine

FILE = RESULTS / "pictures.json"
SHARES = (0.1, 0.2, 0.4, 0.7)  # of a training, at which its network is looked at
KINDS = {"cifar10": ("train", "test"), "fashion": ("train", "t10k")}


def pictures_of(name: str, split: str, items: int | None = None) -> tuple[Any, np.ndarray, list[str]]:
    """Return a source, its pixels "n c h w", and its labels."""
    import os

    from likewise.sources import samples
    from likewise.sources.images import open_images
    from likewise.sources.images_prepared import prepare_pictures

    os.environ.setdefault(samples.VARIABLE, str(DATA))
    source = {"cifar10": samples.shared_cifar10, "fashion": samples.shared_fashion}[name](split)
    if source is None:
        raise SystemExit(f"{DATA} has no {name}: set LIKEWISE_DATA to the folder with the shared data")
    made = prepare_pictures(source, session=Session())
    if items is not None and items < len(made):
        pixels, labels = made.pixels[:items], list(made.labels or ())[:items]
        source = open_images(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels=labels, name=f"{name} {items}")
        return source, pixels, labels
    return source, np.asarray(made.pixels), list(made.labels or ())


class Moments:
    """Stands where checkpoints go: keeps the weights of the network at shares of the training, in memory."""

    # ruff: noqa: D102

    def __init__(self) -> None:
        self.kept: list[tuple[int, float, dict[str, torch.Tensor]]] = []
        self._marks: list[int] = []
        self._steps, self._asked, self._start = 0, 0, time.perf_counter()

    def newest(self) -> None:
        return None

    @property
    def due(self) -> bool:
        self._asked += 1
        return self._asked in self._marks

    def write(self, arrays: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        from likewise.checkpoints import Checkpoint
        from likewise.train.keeping import unpacked

        if not self._steps:
            self._steps, self._start = values["plan"]["steps"], time.perf_counter()
            self._marks = [round(share * self._steps) for share in SHARES]
            return
        state = unpacked(Checkpoint(arrays, values))["training"]
        network = {name: tensor.cpu().clone() for name, tensor in state["network"].items()}
        self.kept.append((int(state["done"]), time.perf_counter() - self._start, network))


def plain(number: Number) -> dict[str, Any]:
    low, high = number.low, number.high
    return {"value": round(number.value, 4), "low": None if low is None else round(low, 4),
            "high": None if high is None else round(high, 4)}  # fmt: skip


def numbers(train: np.ndarray, test: np.ndarray, split: Split) -> dict[str, Any]:
    return {name: plain(number) for name, number in everything(train, test, split).items()}


def entry(
    name: str, seed: int, options: dict[str, Any], device: str, items: int | None, data: str, growth: bool
) -> dict[str, Any]:
    """Learn once, and measure what came of it."""
    from likewise.encoders.architectures import build
    from likewise.encoders.pictures import PictureEncoder

    first, second = KINDS[data]
    source, pixels, labels = pictures_of(data, first, items)
    _, test_pixels, test_labels = pictures_of(data, second)
    split = Split(labels, test_labels)
    notes: list[str] = []
    derived: dict[str, Any] = {}

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
        if isinstance(event, Derived):
            derived[event.name] = {"value": event.value, "reason": event.reason}

    given = {**options, **({} if name == "patches" else {"device": device})}
    recipe = PICTURES[name](**given)
    session, moments = Session(listen), Moments()
    prepared = recipe.prepare(source, session)
    wall = time.perf_counter()
    encoder: Any = recipe.fit(prepared, session, seed=seed, checkpoints=moments if growth else None)  # type: ignore[arg-type]
    wall = time.perf_counter() - wall
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device

    def vectors(network: Any) -> tuple[np.ndarray, np.ndarray]:
        made = PictureEncoder(network, encoder.seeing, device=place)
        return made.embed_pixels(pixels), made.embed_pixels(test_pixels)

    train, test = vectors(encoder.network)
    last = next((line for line in reversed(session.log) if "loss" in line), {})
    steps = int(last.get("step", 0))
    batch = int(recipe.options.get("batch", 0))
    out: dict[str, Any] = {
        "seconds": round(wall, 1), "dim": encoder.dim,
        "parameters": sum(p.numel() for p in encoder.network.parameters()),
        "steps": steps, "epochs": round(float(last.get("epoch", 0.0)), 2), "notes": notes, "derived": derived,
        "pictures_per_second": round(steps * batch / wall, 1), "loss": last.get("loss"),
        "verdict": next((line["verdict"] for line in reversed(session.log) if "verdict" in line), None),
        "numbers": numbers(train, test, split), "growth": [],
    }  # fmt: skip
    for done, seconds, weights in moments.kept:
        network = build(*_architecture(encoder))
        network.load_state_dict(weights)
        a, b = vectors(network.eval())
        out["growth"].append({"step": done, "seconds": round(seconds, 1),
                              "k-NN": round(knn_accuracy(a, b, split).value, 4),
                              "linear": round(linear_accuracy(a, b, split).value, 4)})  # fmt: skip
    return out


def _architecture(encoder: Any) -> tuple[str, dict[str, Any]]:
    about = encoder.state()[1]["architecture"]
    return about["name"], dict(about["options"])


def untrained(encoder: str, seed: int, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, Split]:
    """Return the vectors of a network as it was drawn, its batch normalisation having seen pictures."""
    from likewise.encoders.architectures import build
    from likewise.encoders.pictures import PictureEncoder, Seeing
    from likewise.train.monitor import calibrated

    _, pixels, labels = pictures_of("cifar10", "train")
    _, test, test_labels = pictures_of("cifar10", "test")
    seeing = Seeing.of(pixels)
    network = build(encoder, options, seed=seed)
    network = calibrated(network, [seeing.normalised(torch.from_numpy(pixels[:1000]))])
    made = PictureEncoder(network, seeing, device="cuda" if torch.cuda.is_available() else "cpu")
    return made.embed_pixels(pixels), made.embed_pixels(test), Split(labels, test_labels)


def supervised(seed: int, epochs: int, device: str) -> dict[str, Any]:
    """Return what the tiny ResNet reaches that is told all labels: the bound of any network of its size and time."""
    from likewise.contracts import Loss, Views, Z
    from likewise.encoders.architectures import build
    from likewise.encoders.pictures import PictureEncoder, Seeing
    from likewise.objectives.objective import Learning, traits
    from likewise.train.engine import Engine, device_here
    from likewise.train.loop import Data, Training
    from likewise.train.plan import Plan
    from likewise.views.augmentation import simclr
    from likewise.views.pictures import TwoCrops

    _, pixels, labels = pictures_of("cifar10", "train")
    _, test, test_labels = pictures_of("cifar10", "test")
    seeing, names = Seeing.of(pixels), sorted(set(labels))
    classes = torch.tensor([names.index(label) for label in labels])

    class CrossEntropy(Learning):
        gather = False

        def __init__(self, dim: int) -> None:
            super().__init__()
            self.head = torch.nn.Linear(dim, len(names))

        def encode(self, network: torch.nn.Module, views: Views) -> Z:
            assert views.labels is not None
            return {"told": torch.stack([self.head(network(x)) for x in views.inputs], 1), "labels": views.labels}

        def loss(self, z: Z) -> Loss:
            told = z["told"].float()
            total = torch.nn.functional.cross_entropy(told.flatten(0, 1), z["labels"].repeat_interleave(told.shape[1]))
            return Loss(total, {})

        @property
        def traits(self) -> Mapping[str, Any]:
            return traits()

    network, place = build("resnet", {"size": "tiny"}, seed=seed), device_here(device)
    data = Data(len(pixels), lambda rows: torch.from_numpy(pixels[rows]), classes)
    steps = epochs * (len(pixels) // 256)
    plan = Plan(steps=steps, batch=256, rate=2e-3, warmup=steps // 20, seed=seed)
    changes = simclr(seeing.size, mean=seeing.mean, std=seeing.deviation)
    engine = Engine(place, "bf16", True)
    training = Training(network, CrossEntropy(network.dim), TwoCrops(changes), data, plan, engine)
    wall = time.perf_counter()
    training.run(Session())
    wall = time.perf_counter() - wall
    made = PictureEncoder(training.learned, seeing, device=str(place))
    found = numbers(made.embed_pixels(pixels), made.embed_pixels(test), Split(labels, test_labels))
    return {"seconds": round(wall, 1), "epochs": epochs, "dim": network.dim, "numbers": found}


def baselines(options: argparse.Namespace) -> None:
    """Measure what is plainer, and the bound."""
    _, pixels, labels = pictures_of("cifar10", "train")
    _, test, test_labels = pictures_of("cifar10", "test")
    split = Split(labels, test_labels)
    plainer = {
        "pixels": lambda: (raw(pixels), raw(test)),
        "PCA of pixels": lambda: principal(raw(pixels), raw(test)),
        "HOG + colour": lambda: (hog_and_colour(pixels), hog_and_colour(test)),
    }
    for name, make in plainer.items():
        about = {"baseline": name, "seed": 0}
        if not known(about):
            a, b = make()
            keep(about | {"dim": a.shape[1], "numbers": numbers(a, b, split)})
    for encoder, architecture in (("resnet", {"size": "tiny"}), ("vit", {"size": "tiny", "pool": "mean"})):
        for seed in options.seeds:
            about = {"baseline": f"untrained {encoder}", "seed": seed}
            if not known(about):
                a, b, _ = untrained(encoder, seed, architecture)
                keep(about | {"dim": a.shape[1], "numbers": numbers(a, b, split)})
    for seed in options.seeds if options.bound_epochs else ():
        about = {"baseline": "supervised resnet", "seed": seed, "set": {"epochs": options.bound_epochs}}
        if not known(about):
            place = {"machine": place_of(options.device)}
            keep(about | place | supervised(seed, options.bound_epochs, options.device))


def written() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text())) if FILE.exists() else []


def known(about: Mapping[str, Any]) -> bool:
    return any(all(old.get(key) == value for key, value in about.items()) for old in written())


def keep(found: Mapping[str, Any]) -> None:
    BENCH.mkdir(exist_ok=True)
    with locked(BENCH / "pictures.lock", alone=True):
        FILE.write_text(json.dumps([*written(), found], indent=1) + "\n")
    short = {key: value["value"] for key, value in found["numbers"].items()}
    told = {key: found.get(key) for key in ("recipe", "baseline", "seed", "set", "seconds", "epochs", "verdict")}
    print(json.dumps(told | short), file=sys.stderr, flush=True)


def version() -> str:
    """Return a digest of what learns: objectives, views, encoders, the loop, recipes."""
    import hashlib

    import likewise

    package = Path(likewise.__file__).parent
    folders = ("objectives", "views", "encoders", "train")
    files = [path for folder in folders for path in sorted((package / folder).glob("*.py"))]
    return hashlib.sha256("".join(map(digest_of, files)).encode()).hexdigest()[:12]


def value_of(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def place_of(device: str) -> str:
    on_gpu = device != "cpu" and torch.cuda.is_available()
    return torch.cuda.get_device_name() if on_gpu else f"{machine()}, {torch.backends.cpu.get_cpu_capability()}"


def learned(options: argparse.Namespace) -> None:
    given: dict[str, Any] = dict(part.split("=", 1) for part in options.set)
    given = {name: value if name == "time" else value_of(value) for name, value in given.items()}
    for seed in options.seeds:
        for name in options.recipes:
            for items in options.items or [None]:
                about = {"recipe": name, "seed": seed, "set": given, "machine": place_of(options.device)}
                about |= {"items": items, "data": options.data}
                if known(about):
                    continue
                told = about | {"version": version()}
                keep(told | entry(name, seed, given, options.device, items, options.data, options.growth))


def main() -> None:
    global FILE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", choices=list(PICTURES), default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1])
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE", help="options of the recipe")
    parser.add_argument("--items", nargs="*", type=int, help="learn from so many of the pictures")
    parser.add_argument("--data", choices=list(KINDS), default="cifar10")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--growth", action="store_true", help="also look at checkpoints on the way")
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument(
        "--bound-epochs", type=int, default=30, help="of the network that is told labels; 0: without it"
    )
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    FILE = options.out
    RESULTS.mkdir(exist_ok=True)
    if options.baselines:
        baselines(options)
    learned(options)
    if options.page:
        write_page(written())


if __name__ == "__main__":
    main()
