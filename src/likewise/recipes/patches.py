"""Pictures without labels and without gradients: a recipe's options and pictures in, a dictionary of patches out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from likewise.contracts import Source
from likewise.recipes.options import Option
from likewise.recipes.shared import Dial
from likewise.recipes.vision import Prepared, need_torch, space_of
from likewise.session import Derived, Progress, Session

if TYPE_CHECKING:
    from likewise.checkpoints import Checkpoints
    from likewise.contracts import OnEpoch
    from likewise.encoders.pictures import PictureEncoder
    from likewise.space import Space

_ROUNDS = 10
_DRAWN = 20_000  # patches that whiten where filters stay as they are drawn
_REDUCED = 10_000  # pictures from which principal components are taken
STAGE = "learning"


def patches(
    *,
    size: Annotated[Dial, Option("the dial: tiny 200, small 400, base 800 filters")] = "tiny",
    filters: Annotated[int | None, Option("filters, instead of the dial's", low=1)] = None,
    dim: Annotated[int, Option("principal components to keep; 0: all, eight for each filter", low=0)] = 0,
    image: Annotated[
        int | None, Option("pictures are scaled and cut to this; else their own size", "pixels", 8, 1024)
    ] = None,
    patch: Annotated[int, Option("side of a patch", "pixels", 2, 64)] = 6,
    samples: Annotated[int, Option("random patches to learn from", "patches", 100)] = 200_000,
    threads: Annotated[int, Option("of the processor; 0: as torch chooses", low=0)] = 0,
    seed: Annotated[int, Option("of everything random; the same bits on one machine", low=0)] = 1,
) -> PatchesRecipe:
    """Learn a dictionary of small patches by clustering, without labels and in seconds (Coates & Ng).

    Coates & Ng 2011, "The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization", and 2012,
    "Learning Feature Representations with K-means"; contrast is added as 10 / 255², whitening as
    0.1, and the threshold is 0.25.
    """
    return PatchesRecipe("patches", dict(locals()))


@dataclass(frozen=True)
class PatchesRecipe:
    """A dictionary of whitened patches."""

    name: str
    options: Mapping[str, Any]

    takes = "image"

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Prepared:
        """Decode every picture once."""
        need_torch(self.name)
        from likewise.encoders.pictures import Seeing
        from likewise.sources.images_prepared import held_out, prepare_pictures

        pictures = prepare_pictures(source, size=self.options["image"], session=session, folder=folder)  # type: ignore[arg-type]
        network = self._network(pictures.channels)
        train, probe = held_out(pictures, dim=network.dim)
        plain = (0.0,) * pictures.channels, (1.0,) * pictures.channels  # contrast is normalised patch by patch
        return Prepared(pictures, train, probe, Seeing(pictures.size, *plain))

    def fit(
        self,
        prepared: Prepared,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> PictureEncoder:
        """Learn the filters; it takes seconds, so nothing is kept on the way."""
        import torch

        from likewise.encoders.dictionary import learn_dictionary
        from likewise.encoders.pictures import PictureEncoder
        from likewise.train.engine import threads

        pictures, train = prepared.pictures, torch.from_numpy(prepared.train)
        network = self._network(pictures.channels)

        def read(rows: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(pictures.batch(train[rows].numpy())).float() / 255

        def told(done: int) -> None:
            if session.stopped:
                raise KeyboardInterrupt  # half learned filters are of no use
            session.tell(Progress(STAGE, done, _ROUNDS, "rounds"))

        with threads(self.options["threads"]) as used, session.stage(STAGE) as facts:
            if not self.options["threads"]:
                session.tell(Derived("threads", used, "as torch chooses"))
            network.take(
                learn_dictionary(
                    read, len(train), network, seed=self.options["seed"] if seed is None else seed,
                    patches=self.options["samples"], rounds=_ROUNDS, told=told,
                )
            )  # fmt: skip
            if network.config["out"]:
                some = torch.from_numpy(pictures.batch(prepared.train[:_REDUCED]))
                with torch.inference_mode():
                    answers = [network.tokens(x.float() / 255).flatten(1) for x in torch.split(some, 256)]
                    network.reduce(torch.cat(answers))
            facts |= {"filters": float(len(network.filters)), "patches": float(self.options["samples"])}
        return PictureEncoder(network, prepared.seeing)

    def embed(self, encoder: Any, prepared: Prepared, session: Session | None = None) -> Space:
        """Return the space of all pictures."""
        return space_of(encoder, prepared, session)

    def beside(self, encoder: Any, prepared: Prepared) -> Mapping[str, Any]:
        """Return the pixels, and what is seen inside, beside the same whitening with filters as they are drawn."""
        import torch

        from likewise.encoders.dictionary import learn_dictionary
        from likewise.encoders.pictures import PictureEncoder
        from likewise.recipes.beside import seen_inside

        seed, pictures = self.options["seed"], prepared.pictures
        network, train = self._network(pictures.channels, whole=True), torch.from_numpy(prepared.train)
        network.take(
            learn_dictionary(
                lambda rows: torch.from_numpy(pictures.batch(train[rows].numpy())).float() / 255,
                len(train), network, seed=seed, patches=min(_DRAWN, self.options["samples"]), rounds=0,
            )
        )  # fmt: skip
        drawn = PictureEncoder(network, prepared.seeing)
        untrained = drawn.embed_pixels(pictures.pixels)
        return {"pixels": pictures.pixels, "untrained": untrained, **seen_inside(encoder, drawn, prepared, seed=seed)}

    def _network(self, channels: int, *, whole: bool = False) -> Any:
        """Return a network without filters; `whole`: all of its answers, not principal components."""
        from likewise.encoders.architectures import build
        from likewise.encoders.dictionary import SIZES

        count = self.options["filters"] or SIZES[self.options["size"]]
        return build(
            "dictionary",
            {
                "filters": count,
                "patch": self.options["patch"],
                "channels": channels,
                "out": 0 if whole else self.options["dim"],
            },
        )
