"""The protocols, in one place: what a third party writes to take part, and what the rest relies on.

Source → Encoder → Space: a source yields objects by key, an encoder turns objects into vectors, a space
holds what came out. A recipe joins them. Nothing here does any work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
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
        self, prepared: Any, session: Session, *, seed: int | None = None, on_epoch: OnEpoch | None = None
    ) -> Encoder:
        """Learn, telling `session` how it goes; several seeds may share what was prepared."""

    def embed(self, encoder: Encoder, prepared: Any) -> Space:
        """Return the space of what was learned."""


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
