"""Networks that learn from pictures: a recipe's options and pictures in, an encoder out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likewise.contracts import Source
from likewise.errors import DataError, MissingExtra, OptionError
from likewise.recipes.shared import Way
from likewise.session import Progress, Session

if TYPE_CHECKING:
    from jaxtyping import Int64

    from likewise.checkpoints import Checkpoints
    from likewise.contracts import Array, OnEpoch
    from likewise.encoders.pictures import PictureEncoder, Seeing
    from likewise.sources.images_prepared import Pictures
    from likewise.space import Space

_LARGE = 64  # pixels above which a resnet gets the large stem
_PATCHES = 8  # of a picture's side, for a vit
_TAKEN = ("key", "kind", "part", "label")  # columns of a run's own
_MOST_PATCHES = 400  # of a picture, unless their side is given
_LEAST = 3  # pictures: two to learn from, since one alone has no variance, and one to look at


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
        self._refuse()
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
        network = build(self.options["encoder"], self.architecture(pictures))
        train, probe = held_out(pictures, dim=network.dim)
        return Prepared(pictures, train, probe, Seeing.of(pictures.pixels, rows=train))

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
        from likewise.recipes.fitting import fitted
        from likewise.recipes.picture_material import PictureMaterial

        material = PictureMaterial(self, prepared, self.options["seed"] if seed is None else seed)
        made = fitted(material, self.options, session, seed=material.seed, on_epoch=on_epoch, checkpoints=checkpoints)
        encoder: Any = made.encoder
        prepared.told[encoder.fingerprint] = made.told
        return encoder  # type: ignore[no-any-return]

    def embed(self, encoder: Any, prepared: Prepared, session: Session | None = None) -> Space:
        """Return the space of all pictures."""
        return space_of(encoder, prepared, session)

    def beside(self, encoder: Any, prepared: Prepared) -> Mapping[str, Any]:
        """Return pixels, the vectors of the same network as it was drawn, and what is seen inside of both."""
        from likewise.recipes.beside import as_drawn, seen_inside

        seed, pixels = self.options["seed"], prepared.pictures.pixels
        untrained = as_drawn(
            self.options["encoder"], self.architecture(prepared.pictures), prepared, seed=seed, device=encoder.device
        )
        found = {
            "pixels": pixels,
            "untrained": untrained.embed_pixels(pixels),
            **prepared.told.get(encoder.fingerprint, {}),
        }
        return found | seen_inside(encoder, untrained, prepared, seed=seed)

    def _refuse(self) -> None:
        """Raise OptionError for options that do not fit together or cannot be had here, before anything is read."""
        from likewise.recipes.fitting import refuse_training

        options, encoder = self.options, self.options["encoder"]
        refuse_training(options)
        if self.way.needs_tokens and encoder != "vit":
            raise OptionError(f"{self.name} hides patches, which a {encoder} cannot: leave --encoder vit")
        of = {"patch": ("vit", None), "stem": ("resnet", "auto"), "norm": ("resnet", "batch")}
        for name, (whose, left) in of.items():
            if encoder != whose and options[name] != left:
                raise OptionError(f"{name} is {options[name]!r}: it is of a {whose}, and the encoder is a {encoder}")
        if encoder == "mlp" and options["recompute"]:
            raise OptionError("recompute saves the maps of a resnet or a vit, and the encoder is a mlp: leave it out")

    def architecture(self, pictures: Pictures) -> dict[str, Any]:
        """Return the options of the network for pictures of this size; OptionError for what does not fit together."""
        options, (height, width) = self.options, pictures.size
        about: dict[str, Any] = {"size": options["size"]}
        if options["encoder"] == "mlp":
            return about | {"inputs": pictures.channels * height * width}
        about |= {"channels": pictures.channels}
        if options["encoder"] == "vit":
            patch = options["patch"] or _patch_of(height, width)
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


def _patch_of(height: int, width: int) -> int:
    """Return the side of a patch: an eighth of the picture, or the nearest that divides both sides.

    Raises OptionError where that makes so many patches that learning would take hours and the memory of a machine.
    """
    wanted = max(1, height // _PATCHES)
    fits = [side for side in range(1, min(height, width) + 1) if height % side == 0 and width % side == 0]
    side = min(fits, key=lambda side: (abs(side - wanted), side))
    count = (height // side) * (width // side)
    if count > _MOST_PATCHES:
        raise OptionError(
            f"pictures of {height} × {width} can only be cut into {count:,} patches of {side}: give --image "
            f"{min(height, width) // _PATCHES * _PATCHES}, or --patch {side} if that is meant"
        )
    return side


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
    for name, column in pictures.metadata.items():
        plain = all(isinstance(value, int | float) and not isinstance(value, bool) for value in column)
        items[f"{name} (data)" if name in _TAKEN else name] = np.array(column) if plain else np.array(column, object)
    vectors = encoder.embed_pixels(pictures.pixels, told=told)
    return Space(pictures.keys, vectors, fingerprint=encoder.fingerprint, items=items, kind="image")


def need_torch(recipe: str) -> None:
    """Raise MissingExtra, with the pip command, where torch is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtra("torch", "vision", f"learning with {recipe}")
