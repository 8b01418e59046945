"""What a network learns pictures from and with: a recipe and pictures in, networks, views, batches and a probe out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from likewise.recipes.fitting import Material

if TYPE_CHECKING:
    from torch import Tensor, nn

    from likewise.contracts import Encoder, View
    from likewise.encoders.pictures import PictureEncoder
    from likewise.recipes.vision import PictureRecipe, Prepared
    from likewise.space import Space
    from likewise.train.loop import Data, Training
    from likewise.train.monitor import Probe

_AT_ONCE = 256  # pictures of the probe set are made ready at a time


@final
class PictureMaterial(Material):
    """Pictures that were made ready, as one recipe learns from them by one seed."""

    unit = "pictures"

    def __init__(self, recipe: PictureRecipe, prepared: Prepared, seed: int) -> None:
        from likewise.recipes.vision import Shown

        self.recipe, self.options, self.prepared, self.seed = recipe, recipe.options, prepared, seed
        self.rate, self.compares = recipe.way.rate, not recipe.way.needs_tokens
        self.architecture = recipe.architecture(prepared.pictures)
        patch = self.architecture.get("patch", 1)
        height, width = prepared.pictures.size
        seeing = prepared.seeing
        self.shown = Shown((height, width), seeing.mean, seeing.deviation, (height // patch, width // patch))

    @property
    def items(self) -> int:
        """How many pictures there are to learn from."""
        return len(self.prepared.train)

    @property
    def settled(self) -> dict[str, Any]:
        """What holds for all seeds."""
        return self.prepared.settled

    def make(self) -> tuple[nn.Module, nn.Module]:
        """Return a fresh network and its objective, drawn by the seed."""
        import torch

        from likewise.encoders.architectures import build

        network: Any = build(self.options["encoder"], self.architecture, seed=self.seed)
        if hasattr(network, "recompute"):
            network.recompute = self.options["recompute"]
        if self.architecture.get("stem") == "patches":
            network.take_filters(self._patches)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + 1)
            objective: Any = self.recipe.way.objective(network, self.options)
            return network, objective

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

    def view(self) -> View:
        """Return what the recipe makes of a batch."""
        return self.recipe.way.view(self.shown, self.options)

    def data(self) -> Data:
        """Return the pictures to learn from, with their classes where the recipe learns from those."""
        import torch

        from likewise.train.loop import Data

        pictures, train = self.prepared.pictures, self.prepared.train
        labels = None
        if self.recipe.way.learns_from_labels:
            labels = torch.from_numpy(pictures.classes()[1][train])
        return Data(len(train), lambda rows: torch.from_numpy(pictures.batch(train[rows])), labels)

    def probe(self, view: View) -> Probe:
        """Return two views of the pictures that are held out: the recipe's own where it has two, else light ones."""
        import numpy as np
        import torch

        from likewise.train.monitor import Probe
        from likewise.views.pictures import TwoCrops, light

        pictures, rows = self.prepared.pictures, self.prepared.probe
        generator = torch.Generator().manual_seed(self.seed)
        if self.recipe.way.needs_tokens:
            view = TwoCrops(light(self.shown.size, mean=self.shown.mean, std=self.shown.deviation))
        seen: tuple[list[Tensor], list[Tensor]] = ([], [])
        for low in range(0, len(rows), _AT_ONCE):  # they stay in memory while it learns: half precision is enough
            batch = torch.from_numpy(pictures.batch(rows[low : low + _AT_ONCE]))
            for one, made in zip(seen, view(batch, generator).inputs[:2], strict=True):
                one.append(made.half())
        a, b = map(torch.cat, seen)
        return Probe(a, b, len(np.unique(pictures.hashes[rows])) / len(rows))

    def encoder(self, network: nn.Module, *, device: str) -> PictureEncoder:
        """Return the encoder that a network makes."""
        from likewise.encoders.pictures import PictureEncoder

        return PictureEncoder(network, self.prepared.seeing, device=device)

    def space(self, encoder: Encoder) -> Space:
        """Return the space of all pictures."""
        return self.recipe.embed(encoder, self.prepared)

    def told(self, training: Training) -> Mapping[str, Any]:
        """Return what the objective tells of hidden patches."""
        from likewise.recipes.beside import filled_in, predicted

        if self.recipe.way.tells is None:
            return {}
        both = (training.network, training.objective), self.make()
        if self.recipe.way.tells == "pixels":
            return {"filled": filled_in(*both, training.view, self.prepared, self.shown, seed=self.seed)}
        return {"predicted": predicted(*both, training.view, self.prepared, seed=self.seed)}
