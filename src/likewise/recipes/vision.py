"""Networks that learn from pictures: a recipe's options and pictures in, an encoder out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likewise.contracts import Source
from likewise.errors import DataError, MissingExtra, OptionError
from likewise.recipes.shared import Way
from likewise.session import Derived, Estimate, Note, Progress, Session

if TYPE_CHECKING:
    from jaxtyping import Int64

    from likewise.checkpoints import Checkpoint, Checkpoints
    from likewise.contracts import Array, OnEpoch
    from likewise.encoders.pictures import PictureEncoder, Seeing
    from likewise.sources.images_prepared import Pictures
    from likewise.space import Space
    from likewise.train.choosing import Chosen
    from likewise.train.engine import Engine
    from likewise.train.loop import Data, Training
    from likewise.train.plan import Plan

_TIME = "10m"  # what is spent where neither time nor epochs are given
_LARGE = 64  # pixels above which a resnet gets the large stem
_PATCHES = 8  # of a picture's side, for a vit
_RATES = {"adamw": 2e-3, "lars": 0.3}  # for 128 pictures in a step; with AdamW it grows with the root of their number
_LEAST = 3  # pictures: two to learn from, since one alone has no variance, and one to look at
_MEASURED = 0.95  # of the time is spent in steps: the rest is left for whoever looks on


@dataclass(frozen=True)
class Shown:
    """What an objective and a view need to know of the pictures: how they are seen, and how many patches they have."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    grid: tuple[int, int]


@dataclass(frozen=True)
class Prepared:
    """Pictures made ready, those to learn from, and those that the doctor looks at.

    `settled` is what was measured and derived for the first seed, and holds for the others. `told`: what was told of
    hidden patches by what is thrown away after training, by the encoder's fingerprint.
    """

    pictures: Pictures
    train: Int64[Array, " t"]
    probe: Int64[Array, " p"]
    seeing: Seeing
    settled: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class PictureRecipe:
    """A way to learn from pictures with a network."""

    name: str
    options: Mapping[str, Any]
    way: Way

    takes = "image"

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Prepared:
        """Decode every picture once, and part them into those to learn from and those to look at."""
        need_torch(self.name)
        if self.options["tensorboard"] is not None:
            from likewise.train.board import writer_class

            writer_class()  # what is missing is better said now than after the pictures were read
        from likewise.encoders.architectures import build
        from likewise.encoders.pictures import Seeing
        from likewise.sources.images_prepared import held_out, prepare_pictures

        pictures = prepare_pictures(
            source,  # type: ignore[arg-type]
            size=self.options["image"],
            session=session,
            folder=folder,
            least=_LEAST,
        )
        if self.way.learns_from_labels and not any(pictures.labels or ()):
            raise DataError(
                f"{self.name} learns from labels and {pictures.name} has none: put pictures into a folder for each "
                "class, or take simclr"
            )
        network = build(self.options["encoder"], self._architecture(pictures))
        train, probe = held_out(pictures, dim=network.dim)
        return Prepared(pictures, train, probe, Seeing.of(pictures.pixels[train]))

    def fit(
        self,
        prepared: Prepared,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> PictureEncoder:
        """Learn one network, going on from a checkpoint where there is one."""
        from likewise.checkpoints import Checkpoints
        from likewise.encoders.pictures import PictureEncoder
        from likewise.train.board import boards
        from likewise.train.engine import device_here, joined, threads
        from likewise.train.keeping import Keeper, unpacked
        from likewise.train.loop import STAGE

        checkpoints = checkpoints or Checkpoints()
        with joined(device_here(self.options["device"])) as (rank, world), threads(self.options["threads"]) as used:
            if not self.options["threads"]:
                session.tell(Derived("threads", used, "as torch chooses"))
            learning = _Learning(self, prepared, session, self.options["seed"] if seed is None else seed)
            kept = checkpoints.newest()
            state = None if kept is None else unpacked(kept)
            training = learning.training(rank, world, kept, state)
            with session.stage(STAGE) as facts:
                doctor, *others = learning.watchers(training, state, on_epoch)
                keeper = Keeper(checkpoints, learning.about, doctor)
                with boards(self.options["tensorboard"], inside=learning.place) as written:
                    training.run(session, [doctor, *written, *others], keeper)
                if session.stopped:
                    keeper.keep(training)
                facts |= {"steps": float(training.done), "pictures": float(training.done * training.plan.batch)}
            learning.tell_end(training)
            told = {} if session.stopped else learning.told(training)
        encoder = PictureEncoder(training.learned.cpu(), prepared.seeing)
        prepared.told[encoder.fingerprint] = told
        return encoder

    def embed(self, encoder: Any, prepared: Prepared, session: Session | None = None) -> Space:
        """Return the space of all pictures."""
        return space_of(encoder, prepared, session)

    def beside(self, encoder: Any, prepared: Prepared) -> Mapping[str, Any]:
        """Return pixels, the vectors of the same network as it was drawn, and what is seen inside of both."""
        from likewise.recipes.beside import as_drawn, seen_inside

        seed, pixels = self.options["seed"], prepared.pictures.pixels
        untrained = as_drawn(self.options["encoder"], self._architecture(prepared.pictures), prepared, seed=seed)
        found = {
            "pixels": pixels,
            "untrained": untrained.embed_pixels(pixels),
            **prepared.told.get(encoder.fingerprint, {}),
        }
        return found | seen_inside(encoder, untrained, prepared, seed=seed)

    def _architecture(self, pictures: Pictures) -> dict[str, Any]:
        """Return the options of the network for pictures of this size."""
        options, (height, width) = self.options, pictures.size
        about: dict[str, Any] = {"size": options["size"]}
        if self.way.needs_tokens and options["encoder"] != "vit":
            raise OptionError(f"{self.name} hides patches, which a {options['encoder']} cannot: leave --encoder vit")
        if options["encoder"] == "mlp":
            return about | {"inputs": pictures.channels * height * width}
        about |= {"channels": pictures.channels}
        if options["encoder"] == "vit":
            patch = options["patch"] or _divisor(height, width)
            return about | {
                "image": (height, width),
                "patch": patch,
                "pool": "mean" if self.way.needs_tokens else "class",
            }
        stem = options["stem"]
        return about | {
            "stem": ("large" if height > _LARGE else "small") if stem == "auto" else stem,
            "norm": options["norm"],
        }


class _Learning:
    """One `fit`: what is built, measured and watched."""

    def __init__(self, recipe: PictureRecipe, prepared: Prepared, session: Session, seed: int) -> None:
        self.recipe, self.options, self.prepared, self.session = recipe, recipe.options, prepared, session
        self.seed = seed
        self.architecture = recipe._architecture(prepared.pictures)
        patch = self.architecture.get("patch", 1)
        height, width = prepared.pictures.size
        seeing = prepared.seeing
        self.shown = Shown((height, width), seeing.mean, seeing.deviation, (height // patch, width // patch))
        self.batch = self._batch()

    @property
    def place(self) -> str:
        """Where a further seed writes, inside the folder of the first."""
        return "" if self.seed == self.options["seed"] else f"seed-{self.seed}"

    def make(self) -> tuple[Any, Any]:
        """Return a fresh network and its objective, drawn by the seed."""
        import torch

        from likewise.encoders.architectures import build

        network = build(self.options["encoder"], self.architecture, seed=self.seed)
        if hasattr(network, "recompute"):
            network.recompute = self.options["recompute"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + 1)
            return network, self.recipe.way.objective(network, self.options)

    def _batch(self) -> int:
        wanted, there = self.options["batch"], len(self.prepared.train)
        if wanted <= there:
            return int(wanted)
        self.session.tell(
            Note(f"a batch of {wanted} is more than the {there} pictures to learn from: all of them are taken")
        )
        return there

    def _data(self) -> Data:
        import torch

        from likewise.train.loop import Data

        pictures, train = self.prepared.pictures, self.prepared.train
        labels = None
        if self.recipe.way.learns_from_labels:
            labels = torch.from_numpy(pictures.classes()[1][train])
        return Data(len(train), lambda rows: torch.from_numpy(pictures.batch(train[rows])), labels)

    def training(self, rank: int, world: int, kept: Checkpoint | None, state: Any) -> Training:
        """Return the training, as it begins or as it was kept, in a state."""
        from likewise.train.keeping import fitting
        from likewise.train.loop import Training

        data, view = self._data(), self.recipe.way.view(self.shown, self.options)
        if kept is not None:
            engine, plan = self._as_before(kept, state, rank, world)
        elif self.prepared.settled:
            engine, plan = self._as_settled(self.prepared.settled, rank, world)
        else:
            chosen = self._chosen(view, data, rank, world)
            engine, plan = chosen.engine, self._plan(chosen, data)
        network, objective = self.make()
        self.about = {"engine": {"precision": engine.precision, "channels_last": engine.channels_last}}
        self.about |= {"plan": vars(plan), "derived": dict(self.session.derived)}
        self.prepared.settled.update(self.about)
        training = Training(network, objective, view, data, plan, engine)
        if kept is not None:
            with fitting():
                training.load(state["training"])
        return training

    def _chosen(self, view: Any, data: Data, rank: int, world: int) -> Chosen:
        from likewise.train.choosing import choose_engine

        return choose_engine(
            self.make, view, data, device=self.options["device"], precision=self.options["precision"], batch=self.batch,
            session=self.session, rank=rank, world=world,
        )  # fmt: skip

    def _as_before(self, kept: Checkpoint, state: Any, rank: int, world: int) -> tuple[Engine, Plan]:
        """Return what was chosen and derived when the run was begun."""
        from likewise.train.engine import Engine, device_here
        from likewise.train.keeping import fitting
        from likewise.train.plan import Plan

        with fitting():
            for name, value in kept.values["derived"].items():
                self.session.tell(Derived(name, value["value"], value["reason"]))
            self.session.log.extend(state["training"]["history"])
            plan, engine = Plan(**kept.values["plan"]), dict(kept.values["engine"])
            return Engine(device_here(self.options["device"]), rank=rank, world=world, **engine), plan

    def _as_settled(self, settled: Mapping[str, Any], rank: int, world: int) -> tuple[Engine, Plan]:
        """Return the first seed's engine and plan: two seeds differ in nothing else."""
        from likewise.train.engine import Engine, device_here
        from likewise.train.plan import Plan

        engine = Engine(device_here(self.options["device"]), rank=rank, world=world, **settled["engine"])
        return engine, Plan(**{**settled["plan"], "seed": self.seed})

    def _plan(self, chosen: Chosen, data: Data) -> Plan:
        """Derive steps, rate and warm-up, and tell them."""
        from likewise.train.choosing import seconds_of
        from likewise.train.plan import Plan

        options, session = self.options, self.session
        per_epoch = max(1, data.items // self.batch)
        if options["epochs"] is not None:
            if options["time"] is not None:
                raise OptionError(f"time {options['time']} and epochs {options['epochs']} came: give one of them")
            steps = options["epochs"] * per_epoch
        else:
            time = options["time"] or _TIME
            steps = max(1, int(seconds_of(time) * _MEASURED / ((chosen.seconds or 1e-3) * self.batch)))
            session.tell(
                Derived("steps", steps, f"as many as {time} is expected to take: {steps / per_epoch:.1f} epochs")
            )
        rate = options["rate"]
        if rate is None:
            rate = _usual_rate(options["optimiser"], self.batch)
            session.tell(Derived("rate", rate, f"{_RATES[options['optimiser']]:g} for 128 pictures, here {self.batch}"))
        session.tell(Estimate("learning", steps * self.batch * (chosen.seconds or 0.0), 0))
        return Plan(
            steps=steps, batch=self.batch, rate=rate, warmup=int(options["warmup"] * steps), chunk=options["chunk"],
            optimiser=options["optimiser"], weight_decay=options["weight_decay"], clip=options["clip"],
            average=options["average"], seed=self.seed,
        )  # fmt: skip

    def watchers(self, training: Training, state: Any, on_epoch: OnEpoch | None) -> list[Any]:
        """Return who looks on: the doctor, who remembers what was seen before, and the caller."""
        from likewise.train.keeping import fitting
        from likewise.train.monitor import Doctor

        probe = self._probe(training)
        doctor = Doctor(
            probe,
            self.session,
            setting=self._setting(training, probe.distinct),
            on_collapse=self.options["on_collapse"],
        )
        if state is not None:
            with fitting():
                doctor.load(state["doctor"])
        return [doctor] if on_epoch is None else [doctor, _EachEpoch(self._space_of(training), on_epoch)]

    def _probe(self, training: Training) -> Any:
        """Return two views of the pictures that are held out: the recipe's own where it has two, else light ones."""
        import numpy as np
        import torch

        from likewise.train.monitor import Probe
        from likewise.views.pictures import TwoCrops, light

        pictures, rows = self.prepared.pictures, self.prepared.probe
        batch, generator = torch.from_numpy(pictures.batch(rows)), torch.Generator().manual_seed(self.seed)
        view = training.view
        if self.recipe.way.needs_tokens:
            view = TwoCrops(light(self.shown.size, mean=self.shown.mean, std=self.shown.deviation))
        a, b = view(batch, generator).inputs[:2]
        return Probe(a, b, len(np.unique(pictures.hashes[rows])) / len(rows))

    def _setting(self, training: Training, distinct: float) -> Any:
        """Return what names causes: the objective's traits, and the plan's numbers beside the usual ones."""
        from likewise.evaluate.seen import Setting

        objective: Any = training.objective
        usual = _usual_rate(self.options["optimiser"], self.batch)
        compares = not self.recipe.way.needs_tokens
        return Setting(
            dict(objective.traits), training.plan.rate, usual, training.plan.weight_decay, distinct, compares,
            dict(objective.constants(training.plan.batch)),
        )  # fmt: skip

    def _space_of(self, training: Training) -> Callable[[], Space]:
        import copy

        from likewise.encoders.pictures import PictureEncoder

        def space() -> Space:
            encoder = PictureEncoder(copy.deepcopy(training.learned).cpu(), self.prepared.seeing)
            return self.recipe.embed(encoder, self.prepared)

        return space

    def told(self, training: Training) -> Mapping[str, Any]:
        """Return what the objective tells of hidden patches, while it is still there."""
        from likewise.recipes.beside import filled_in, predicted

        both = (training.network, training.objective), self.make()
        if self.recipe.way.tells == "pixels":
            return {"filled": filled_in(*both, training.view, self.prepared, self.shown, seed=self.seed)}
        if self.recipe.way.tells == "tokens":
            return {"predicted": predicted(*both, training.view, self.prepared, seed=self.seed)}
        return {}

    def tell_end(self, training: Training) -> None:
        """Say why it ended early, if it did."""
        if training.ended is not None:
            self.session.tell(Note(f"ended at step {training.done:,} of {training.plan.steps:,}: {training.ended}"))


@dataclass
class _EachEpoch:
    """Shows the space before the first epoch and after each."""

    space: Callable[[], Space]
    on_epoch: OnEpoch

    def start(self, training: Training) -> None:
        if training.done == 0:
            self.on_epoch(0, self.space())

    def after_step(self, training: Training, stepped: Any) -> None:
        epoch, place = divmod(training.done, training.order.steps_per_epoch)
        if place == 0:
            self.on_epoch(epoch, self.space())


def _usual_rate(optimiser: str, batch: int) -> float:
    """Return the rate that is usual for a batch: with AdamW it grows with the root, with LARS in step."""
    share = batch / 128
    return _RATES[optimiser] * (share**0.5 if optimiser == "adamw" else share)


def _divisor(height: int, width: int) -> int:
    """Return the side of a patch: an eighth of the picture, or the nearest that divides both sides."""
    wanted = max(1, height // _PATCHES)
    fits = [side for side in range(1, min(height, width) + 1) if height % side == 0 and width % side == 0]
    return min(fits, key=lambda side: (abs(side - wanted), side))


def space_of(encoder: PictureEncoder, prepared: Prepared, session: Session | None = None) -> Space:
    """Return the space of all pictures, with their labels and whether they were learned from."""
    import numpy as np

    from likewise.space import Space

    pictures = prepared.pictures

    def told(done: int) -> None:
        if session is not None:
            session.tell(Progress("embedding", done, len(pictures), "pictures"))

    part = np.full(len(pictures), "train", object)
    part[prepared.probe] = "held out"
    items: dict[str, Any] = {"part": part}
    if pictures.labels is not None:
        items["label"] = np.array(pictures.labels, object)
    vectors = encoder.embed_pixels(pictures.pixels, told=told)
    return Space(pictures.keys, vectors, fingerprint=encoder.fingerprint, items=items, kind="image")


def need_torch(recipe: str) -> None:
    """Raise MissingExtra, with the pip command, where torch is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtra("torch", "vision", f"learning with {recipe}")


def is_main_process() -> bool:
    """Whether this is the process that writes, of those that torchrun started; the only one without it."""
    return os.environ.get("RANK", "0") == "0"
