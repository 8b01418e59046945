"""One training of a network for pictures: a recipe, pictures and a seed in, a training with those who look on out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from likewise.errors import OptionError
from likewise.session import Derived, Ended, Estimate, Note, Session

if TYPE_CHECKING:
    from torch import Tensor

    from likewise.checkpoints import Checkpoint
    from likewise.contracts import OnEpoch
    from likewise.evaluate.course import Judgement
    from likewise.recipes.vision import PictureRecipe, Prepared
    from likewise.space import Space
    from likewise.train.choosing import Chosen
    from likewise.train.engine import Engine
    from likewise.train.loop import Data, Training
    from likewise.train.plan import Plan

_DECAYS = {"adamw": 0.05, "lars": 1e-6}
TIME = "10m"  # what is spent where neither time nor epochs are given
_AT_ONCE = 256  # pictures of the probe set are made ready at a time
_OTHER_GRADIENT = "the gradient is not that of the whole batch, which --norm group or --encoder vit would give"
MEASURED = 0.95  # of the time is spent in steps: the rest is left for whoever looks on
_RATES = {"adamw": 2e-3, "lars": 0.3}  # for 128 pictures in a step; with AdamW it grows with the root of their number


class Fit:
    """One training of a recipe by one seed: what is built, measured and watched."""

    def __init__(self, recipe: PictureRecipe, prepared: Prepared, session: Session, seed: int) -> None:
        from likewise.recipes.vision import Shown

        self.recipe, self.options, self.prepared, self.session = recipe, recipe.options, prepared, session
        self.seed = seed
        self.architecture = recipe.architecture(prepared.pictures)
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
        if self.architecture.get("stem") == "patches":
            network.take_filters(self._patches)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + 1)
            return network, self.recipe.way.objective(network, self.options)

    @cached_property
    def _patches(self) -> Tensor:
        """Filters for the first layer, clustered from patches of the pictures that are learned from."""
        import torch

        from likewise.encoders.dictionary import Dictionary, learn_dictionary
        from likewise.encoders.resnet import PATCH, SIZES

        pictures, train = self.prepared.pictures, torch.from_numpy(self.prepared.train)
        count = SIZES[self.architecture["size"]].stem
        learned = learn_dictionary(
            lambda rows: torch.from_numpy(pictures.batch(train[rows].numpy())).float() / 255,
            len(train), Dictionary(filters=count, patch=PATCH, channels=pictures.channels), seed=self.seed,
        )  # fmt: skip
        return (
            learned.filters * torch.tensor(self.shown.deviation)[:, None, None]
        )  # the network sees pixels / deviation

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
        from torch.nn.modules.batchnorm import _BatchNorm

        from likewise.train.engine import Engine, as_first
        from likewise.train.keeping import fitting
        from likewise.train.loop import Training
        from likewise.train.plan import Plan

        data, view = self._data(), self.recipe.way.view(self.shown, self.options)
        if kept is not None:
            engine, plan = self._as_before(kept, state, rank, world)
        elif self.prepared.settled:
            engine, plan = self._as_settled(self.prepared.settled, rank, world)
        else:
            chosen = self._chosen(view, data, rank, world)
            engine, plan = chosen.engine, self._plan(chosen, data)
            agreed = as_first({"plan": vars(plan), "engine": chosen.as_json()}, engine.device)
            engine = Engine(engine.device, rank=rank, world=world, **agreed["engine"])
            plan = Plan(**agreed["plan"])
        network, objective = self.make()
        self.about = {"engine": {"precision": engine.precision, "channels_last": engine.channels_last}}
        self.about |= {"plan": vars(plan), "derived": dict(self.session.derived)}
        self.prepared.settled.update(self.about)
        training = Training(network, objective, view, data, plan, engine)
        if plan.at_once < plan.batch and any(isinstance(part, _BatchNorm) for part in network.modules()):
            self.session.tell(Note(f"{plan.at_once} pictures are normalised at a time: {_OTHER_GRADIENT}"))
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
            steps = options["epochs"] * per_epoch
        else:
            time = options["time"] or TIME
            steps = max(1, int(seconds_of(time) * MEASURED / ((chosen.seconds or 1e-3) * self.batch)))
            session.tell(
                Derived("steps", steps, f"as many as {time} is expected to take: {steps / per_epoch:.1f} epochs")
            )
        rate = options["rate"]
        if rate is None:
            rate = self._usual_rate()
            session.tell(Derived("rate", rate, f"{self._rate():g} for 128 pictures, here {self.batch}"))
        decay = options["weight_decay"]
        if decay is None:
            decay = _DECAYS[options["optimiser"]]
        session.tell(Estimate("learning", steps * self.batch * (chosen.seconds or 0.0), 0))
        return Plan(
            steps=steps, batch=self.batch, rate=rate, warmup=int(options["warmup"] * steps), chunk=options["chunk"],
            optimiser=options["optimiser"], weight_decay=decay, clip=options["clip"],
            average=options["average"], seed=self.seed,
        )  # fmt: skip

    def _rate(self) -> float:
        """Return the rate that is usual for 128 pictures."""
        optimiser = self.options["optimiser"]
        return self.recipe.way.rate if self.recipe.way.rate and optimiser == "adamw" else _RATES[optimiser]

    def _usual_rate(self) -> float:
        """Return the rate that is usual for the batch: with AdamW it grows with the root, with LARS in step."""
        share = self.batch / 128
        return self._rate() * (share**0.5 if self.options["optimiser"] == "adamw" else share)

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
            every=self.options["look"],
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
        generator, view = torch.Generator().manual_seed(self.seed), training.view
        if self.recipe.way.needs_tokens:
            view = TwoCrops(light(self.shown.size, mean=self.shown.mean, std=self.shown.deviation))
        seen: tuple[list[Tensor], list[Tensor]] = ([], [])
        for low in range(0, len(rows), _AT_ONCE):  # they stay in memory while it learns: half precision is enough
            batch = torch.from_numpy(pictures.batch(rows[low : low + _AT_ONCE]))
            for one, made in zip(seen, view(batch, generator).inputs[:2], strict=True):
                one.append(made.half())
        a, b = map(torch.cat, seen)
        return Probe(a, b, len(np.unique(pictures.hashes[rows])) / len(rows))

    def _setting(self, training: Training, distinct: float) -> Any:
        """Return what names causes: the objective's traits, and the plan's numbers beside the usual ones."""
        from likewise.evaluate.seen import Setting

        objective: Any = training.objective
        usual = self._usual_rate()
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

        if self.recipe.way.tells is None:
            return {}
        both = (training.network, training.objective), self.make()
        if self.recipe.way.tells == "pixels":
            return {"filled": filled_in(*both, training.view, self.prepared, self.shown, seed=self.seed)}
        return {"predicted": predicted(*both, training.view, self.prepared, seed=self.seed)}

    def tell_end(self, training: Training, judged: Judgement) -> None:
        """Say why it ended early, if it did; OptionError where no number is left that could be kept."""
        if not all(bool(part.isfinite().all()) for part in training.learned.state_dict().values()):
            told = judged if judged.verdict == "diverged" else None
            why = (
                "its weights are no longer numbers." if told is None else f"{told.evidence} {told.cause} {told.advice}"
            )
            raise OptionError(f"it diverged: {why} Nothing can be kept; --on-collapse rollback keeps what was sound")
        if training.ended is not None:
            why = f"ended at step {training.done:,} of {training.plan.steps:,}: {training.ended}"
            self.session.tell(Note(why))
            self.session.tell(Ended(why))


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
