"""One training of a network: options, what is learned from and a seed in, an encoder and those who looked on out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from likewise.errors import OptionError
from likewise.session import Derived, Ended, Estimate, Note, Session

if TYPE_CHECKING:
    from torch import nn

    from likewise.checkpoints import Checkpoint, Checkpoints
    from likewise.contracts import Encoder, OnEpoch, View
    from likewise.evaluate.course import Judgement
    from likewise.space import Space
    from likewise.train.choosing import Chosen
    from likewise.train.engine import Engine
    from likewise.train.loop import Data, Training, Watcher
    from likewise.train.monitor import Probe
    from likewise.train.plan import Plan

_DECAYS = {"adamw": 0.05, "lars": 1e-6}
TIME = "10m"  # what is spent where neither time nor epochs are given
_OTHER_GRADIENT = "the gradient is not that of the whole batch, which --norm group or --encoder vit would give"
MEASURED = 0.95  # of the time is spent in steps: the rest is left for whoever looks on
_RATES = {"adamw": 2e-3, "lars": 0.3}  # for 128 items in a step; with AdamW it grows with the root of their number


def refuse_training(options: Mapping[str, Any]) -> None:
    """Raise for options of a training that do not fit together or cannot be had here, before anything is read.

    Raises OptionError, and MissingExtra where TensorBoard is asked for and not installed.
    """
    from likewise.train.board import writer_class
    from likewise.train.choosing import seconds_of
    from likewise.train.engine import device_here

    if options["time"] is not None:
        seconds_of(options["time"])
        if options["epochs"] is not None:
            raise OptionError(f"time {options['time']} and epochs {options['epochs']} came: give one of them")
    if options["precision"] == "fp16" and device_here(options["device"]).type == "cpu":
        raise OptionError("precision fp16 needs an accelerator: take bf16, fp32 or auto")
    device_here(options["device"])
    if options["tensorboard"] is not None:
        writer_class()


class Material(ABC):
    """What one training learns from and with: items, their views, networks for them, and what is held out."""

    unit: str  # what an item is called, of many
    rate: float | None = None  # what is usual with AdamW for 128 items in a step, where it is not that of most
    compares: bool = True  # whether the objective compares views of items
    goes_on: bool = False  # whether weights are about to be replaced by those of a checkpoint

    @property
    @abstractmethod
    def items(self) -> int:
        """How many there are to learn from."""

    @property
    @abstractmethod
    def settled(self) -> dict[str, Any]:
        """What was measured and derived for the first seed, and holds for the others; to be written to."""

    @abstractmethod
    def make(self) -> tuple[nn.Module, nn.Module]:
        """Return a fresh network and its objective, drawn by the seed."""

    @abstractmethod
    def view(self) -> View:
        """Return what makes views of a batch."""

    @abstractmethod
    def data(self) -> Data:
        """Return the items to learn from."""

    @abstractmethod
    def probe(self, view: View) -> Probe:
        """Return two views of what is held out."""

    @abstractmethod
    def encoder(self, network: nn.Module, *, device: str) -> Encoder:
        """Return the encoder that a network makes."""

    @abstractmethod
    def space(self, encoder: Encoder) -> Space:
        """Return the space of the items."""

    def told(self, training: Training) -> Mapping[str, Any]:
        """Return what the objective tells that evidence needs, while it is still there; here nothing."""
        return {}

    def watchers(self, session: Session) -> list[Watcher]:
        """Return who else looks on while it learns; here nobody."""
        return []


@dataclass(frozen=True)
class Fitted:
    """An encoder that has learned, and what was told by what is thrown away after training."""

    encoder: Encoder
    told: Mapping[str, Any]


def fitted(
    material: Material,
    options: Mapping[str, Any],
    session: Session,
    *,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Learn one network, going on from a checkpoint where there is one."""
    from likewise.checkpoints import Checkpoints
    from likewise.train.board import boards
    from likewise.train.engine import device_here, joined, threads
    from likewise.train.keeping import Keeper, unpacked
    from likewise.train.loop import STAGE

    checkpoints = checkpoints or Checkpoints()
    with joined(device_here(options["device"])) as (rank, world), threads(options["threads"]) as used:
        if not options["threads"]:
            session.tell(Derived("threads", used, "as torch chooses"))
        kept = checkpoints.newest()
        material.goes_on = kept is not None
        learning = Fit(material, options, session, seed, world=world)
        state = None if kept is None else unpacked(kept)
        training = learning.training(rank, world, kept, state)
        with session.stage(STAGE) as facts:
            doctor, *others = learning.watchers(training, state, on_epoch)
            keeper = Keeper(checkpoints, learning.about, doctor)
            with boards(options["tensorboard"], inside=learning.place) as written:
                training.run(session, [doctor, *written, *others], keeper)
            if session.stopped:
                keeper.keep(training)
            facts |= {"steps": float(training.done), material.unit: float(training.done * training.plan.batch)}
        learning.tell_end(training, doctor.judgement)
        told = {} if session.stopped else material.told(training)
    return Fitted(material.encoder(training.learned, device=str(training.engine.device)), told)


class Fit:
    """One training by one seed: what is built, measured and watched."""

    def __init__(
        self, material: Material, options: Mapping[str, Any], session: Session, seed: int, *, world: int = 1
    ) -> None:
        self.material, self.options, self.session, self.seed = material, options, session, seed
        self.batch = self._batch(world)

    @property
    def place(self) -> str:
        """Where a further seed writes, inside the folder of the first."""
        return "" if self.seed == self.options["seed"] else f"seed-{self.seed}"

    def _batch(self, world: int) -> int:
        wanted, there = self.options["batch"], self.material.items // world * world
        if wanted <= there or not there:
            return int(wanted)
        self.session.tell(
            Note(f"a batch of {wanted} is more than the {there} {self.material.unit} to learn from: all are taken")
        )
        return there

    def training(self, rank: int, world: int, kept: Checkpoint | None, state: Any) -> Training:
        """Return the training, as it begins or as it was kept, in a state."""
        from torch.nn.modules.batchnorm import _BatchNorm

        from likewise.train.engine import Engine, as_first
        from likewise.train.keeping import fitting
        from likewise.train.loop import Training
        from likewise.train.plan import Plan

        data, view, settled = self.material.data(), self.material.view(), self.material.settled
        if kept is not None:
            engine, plan = self._as_before(kept, state, rank, world)
        elif settled:
            engine, plan = self._as_settled(settled, rank, world)
        else:
            chosen = self._chosen(view, data, rank, world)
            engine, plan = chosen.engine, self._plan(chosen, data)
            agreed = as_first({"plan": vars(plan), "engine": chosen.as_json()}, engine.device)
            engine = Engine(engine.device, rank=rank, world=world, **agreed["engine"])
            plan = Plan(**agreed["plan"])
        network, objective = self.material.make()
        self.about = {"engine": {"precision": engine.precision, "channels_last": engine.channels_last}}
        self.about |= {"plan": vars(plan), "derived": dict(self.session.derived)}
        settled.update(self.about)
        training = Training(network, objective, view, data, plan, engine)
        if plan.at_once < plan.batch and any(isinstance(part, _BatchNorm) for part in network.modules()):
            self.session.tell(Note(f"{plan.at_once} {self.material.unit} are normalised at a time: {_OTHER_GRADIENT}"))
        if kept is not None:
            with fitting():
                training.load(state["training"])
        return training

    def _chosen(self, view: Any, data: Data, rank: int, world: int) -> Chosen:
        from likewise.train.choosing import choose_engine

        return choose_engine(
            self.material.make, view, data, device=self.options["device"], precision=self.options["precision"],
            batch=self.batch, session=self.session, rank=rank, world=world,
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
            session.tell(Derived("rate", rate, f"{self._rate():g} for 128 {self.material.unit}, here {self.batch}"))
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
        """Return the rate that is usual for 128 items."""
        optimiser = self.options["optimiser"]
        return self.material.rate if self.material.rate and optimiser == "adamw" else _RATES[optimiser]

    def _usual_rate(self) -> float:
        """Return the rate that is usual for the batch: with AdamW it grows with the root, with LARS in step."""
        share = self.batch / 128
        return self._rate() * (share**0.5 if self.options["optimiser"] == "adamw" else share)

    def watchers(self, training: Training, state: Any, on_epoch: OnEpoch | None) -> list[Any]:
        """Return who looks on: the doctor, who remembers what was seen before, whom the material adds, the caller."""
        from likewise.train.keeping import fitting
        from likewise.train.monitor import Doctor

        probe = self.material.probe(training.view)
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
        caller = [] if on_epoch is None else [_EachEpoch(self._space_of(training), on_epoch)]
        return [doctor, *self.material.watchers(self.session), *caller]

    def _setting(self, training: Training, distinct: float) -> Any:
        """Return what names causes: the objective's traits, and the plan's numbers beside the usual ones."""
        from likewise.evaluate.seen import Setting

        objective: Any = training.objective
        return Setting(
            dict(objective.traits), training.plan.rate, self._usual_rate(), training.plan.weight_decay, distinct,
            self.material.compares, dict(objective.constants(training.plan.batch)),
        )  # fmt: skip

    def _space_of(self, training: Training) -> Callable[[], Space]:
        import copy

        def space() -> Space:
            return self.material.space(self.material.encoder(copy.deepcopy(training.learned).cpu(), device="cpu"))

        return space

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
