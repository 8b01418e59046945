"""The protocols, in one place: what a third party writes to take part, and what the rest relies on.

Source → View → Encoder → Space: a source yields objects by key, a view makes what an objective compares or hides, an
encoder turns objects into vectors, a space holds what came out. A recipe joins them. Nothing here does any work, and
torch is imported for its types only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from likewise.checkpoints import Checkpoints
    from likewise.session import Session
    from likewise.space import Space

    OnEpoch: TypeAlias = Callable[[int, Space], None]

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
else:
    Array = np.ndarray

State: TypeAlias = tuple[dict[str, Array], dict[str, Any]]
"""What an encoder is made of: plain arrays by name, and a JSON-able description."""


@runtime_checkable
class Source(Protocol):
    """Objects by key, in a fixed order."""

    @property
    def kind(self) -> str:
        """What an object is: `text`, `image`, `pair`, `event`."""

    @property
    def digest(self) -> str:
        """`sha256:…` of the content, known at the latest when it has been read once."""

    @property
    def restartable(self) -> bool:
        """Whether it can be iterated over again (standard input cannot)."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, object)."""


@runtime_checkable
class IndexedSource(Source, Protocol):
    """Objects that can be asked for by their place, in any order."""

    @property
    def keys(self) -> Sequence[str]:
        """Return the key of each object."""

    def __len__(self) -> int:
        """Return how many objects there are."""

    def __getitem__(self, row: int) -> Any:
        """Return one object."""


@runtime_checkable
class Encoder(Protocol):
    """A representation: object → ℝⁿ."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions of its vectors."""

    @property
    def fingerprint(self) -> str:
        """`sha256:…` of state and preprocessing: equal fingerprints make comparable vectors."""

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float[Array, "n d"]:
        """Encode `objects` into one float32 row each; `kind` picks the entrance where there are several."""

    def state(self) -> State:
        """Return all that is needed to make it again, as plain arrays and JSON."""


@dataclass(frozen=True, slots=True)
class Views:
    """What an objective compares or hides, a batch at a time, on the device.

    `inputs` are batches for the network, row i of each made from item i (two crops; one whole picture). `keep` are
    positions of tokens, "b k" each: of a picture seen in part, the parts that are seen first, then those to be told.
    `labels` are numbers of classes, −1 where unknown, for the objectives that learn from them.
    """

    inputs: tuple[Tensor, ...]
    keep: tuple[Tensor, ...] = ()
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def part(self, low: int, high: int) -> Views:
        """Return the views of items low … high."""
        inputs, keep = (tuple(batch[low:high] for batch in batches) for batches in (self.inputs, self.keep))
        return Views(inputs, keep, None if self.labels is None else self.labels[low:high])


class View(Protocol):
    """Makes what an objective compares or hides, of a whole batch at once and on its device."""

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return views of `batch` (pictures: uint8 "b c h w"), drawing from `generator` alone."""


Z: TypeAlias = "Mapping[str, Tensor]"
"""What `encode` makes for `loss`: tensors by name, each with the items of the batch along its first dimension.

So whoever holds them can gather them from several processes, or keep them and encode again, without knowing what
they are.
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """`total` is what is minimised; `parts` are its terms by name, weighted as in the sum, for people to read."""

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """Which pixels a unit of a depth sees: at place i those from start + i·stride on, `size` of them, each way alike.

    The first and the last may lie outside of the picture. `everything`: through attention it sees the rest as well, and
    the field says where it stands.
    """

    size: int
    stride: int
    start: int
    everything: bool = False

    def then(self, kernel: int, stride: int = 1, padding: int = 0) -> Field:
        """Return the field after one more convolution or pooling.

        >>> Field(1, 1, 0).then(3, 2, 1).then(3, 1, 1)
        Field(size=7, stride=2, start=-3, everything=False)
        """
        size, start = self.size + (kernel - 1) * self.stride, self.start - padding * self.stride
        return Field(size, self.stride * stride, start, self.everything)


class Network(Protocol):
    """A representation that can learn: a torch module; every intermediate has a name, so a probe needs no hook."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions of `forward`."""

    def __call__(self, x: Tensor) -> Tensor:
        """Encode a batch into "b d"."""

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Tensor:
        """Encode a batch into "b t d", a vector for each place, of the places `keep` ("b k") alone where given."""

    def intermediates(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return what each depth makes of a batch, by name, from the first to the last: "b d", "b t d" or "b c h w"."""

    def fields(self) -> Mapping[str, Field]:
        """Return what the units see, for each of `intermediates` whose places are places of a picture."""


@runtime_checkable
class PatchNetwork(Protocol):
    """A network of pictures cut into patches, whose `tokens` are theirs alone, row by row: what masking needs."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions of a token."""

    @property
    def grid(self) -> tuple[int, int]:
        """Return how many patches a picture is high and wide."""

    @property
    def patch(self) -> int:
        """Return how many pixels a patch is high and wide."""

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Tensor:
        """Encode pictures into "b t d", or into "b k d" the places `keep` alone, which then see only one another."""


@runtime_checkable
class TextNetwork(Protocol):
    """A network of texts, which begins with a table of tokens."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions of its vectors."""

    @property
    def table(self) -> Tensor:
        """Return the vector of each token of the vocabulary before the first block, "v d"."""

    def __call__(self, x: Tensor) -> Tensor:
        """Encode texts "b t" into "b d"."""

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Tensor:
        """Encode texts into "b t d", or into "b k d" the places `keep`, which have seen all others."""


class Objective(Protocol):
    """A way of learning, a torch module whose parameters are its heads, thrown away after training.

    It is written for one process and one batch: the engine distributes `encode`, and gathers what it returns where
    `gather` says that the loss compares items with one another. `embeds` names what `encode` makes of whole views that
    is worth watching: "z", "b v d", where views need no `keep`.
    """

    gather: bool

    def project(self, vectors: Any) -> Any:
        """Return "z" of the network's vectors, "n d" to "n e", without running it; asked where it embeds "z" alone."""

    @property
    def embeds(self) -> tuple[str, ...]:
        """Return the names in Z of what is worth watching."""

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Run the network, and the heads, on the views."""

    def loss(self, z: Z) -> Loss:
        """Return the loss of what was encoded; a mean over items, so it does not depend on their number."""

    def after_step(self, network: nn.Module, progress: float) -> None:
        """Move what follows the network (a teacher, a centre, a queue); `progress` is the share of training done."""

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the values of the loss at which nothing is learned from `items` in a batch, by name (such as ln K)."""

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return what prevents collapse and how strongly, for whoever names causes.

        negatives, stop_gradient, predictor, centring: bool; temperature, momentum: float; weights: by term.
        """


@runtime_checkable
class Recipe(Protocol):
    """A named way to learn: options in, an encoder and its space out."""

    @property
    def name(self) -> str:
        """The name that people type."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Every option, given or default, as JSON-able values."""

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Any:
        """Read `source` once into what `fit` needs; `folder` takes what does not fit into memory."""

    def fit(
        self,
        prepared: Any,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Encoder:
        """Learn, telling `session` how it goes; several seeds may share what was prepared.

        It goes on from the newest of `checkpoints` if they hold one, and writes others where they are due.
        """

    def embed(self, encoder: Encoder, prepared: Any) -> Space:
        """Return the space of what was learned."""

    @property
    def takes(self) -> str:
        """Return the kind of source that it learns from: `text` or `image`."""

    def beside(self, encoder: Encoder, prepared: Any) -> Mapping[str, Any] | None:
        """Return what evidence needs and a run does not keep, such as pixels; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Number:
    """One measured value, with everything that a reader needs to believe it.

    `name` carries the protocol (`knn@20`, `ndcg@10 time-split`); `low` and `high` bound the 95 % interval
    and are None where none can be made (then `note` says why); `n` is the size of the sample;
    `baselines` hold the same measure of something plainer, by name (`chance`, `one-hot`, `untrained`).
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    baselines: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        values = [self.value, *(v for v in (self.low, self.high) if v is not None), *self.baselines.values()]
        if not all(np.isfinite(values)):
            raise ValueError(f"{self.name}: a number must be finite, these came: {values}")

    def as_json(self) -> dict[str, Any]:
        """Return a dictionary for report.json; empty fields are left out."""
        out: dict[str, Any] = {"name": self.name, "value": float(self.value)}
        if self.low is not None and self.high is not None:
            out |= {"low": float(self.low), "high": float(self.high)}
        if self.n is not None:
            out["n"] = int(self.n)
        if self.baselines:
            out["baselines"] = {name: float(value) for name, value in self.baselines.items()}
        if self.note:
            out["note"] = self.note
        return out


class Metric(Protocol):
    """Arrays in, numbers out: the shape of every function in `evaluate`."""

    def __call__(self, *arrays: Array) -> Iterable[Number]:
        """Measure."""
