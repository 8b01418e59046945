"""What a network learns texts from and with: a recipe and texts in, networks, views, batches and a probe out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from likewise.recipes.fitting import Material
from likewise.recipes.shared import Marks

if TYPE_CHECKING:
    from torch import Tensor, nn

    from likewise.contracts import Encoder, View
    from likewise.encoders.texts import TextEncoder
    from likewise.recipes.beside_texts import HiddenTokens
    from likewise.recipes.language import TextRecipe
    from likewise.session import Session
    from likewise.sources.texts_prepared import Texts
    from likewise.space import Space
    from likewise.train.loop import Data, Training, Watcher
    from likewise.train.monitor import Probe

_PROBED_LENGTH = 24  # tokens of a text that the doctor looks at: a look is to cost little
_LOST = 0.15  # of the tokens, in each of the doctor's two views


@final
class TextMaterial(Material):
    """Texts that were made ready, as one recipe learns from them by one seed."""

    unit = "texts"

    def __init__(self, recipe: TextRecipe, prepared: Texts, seed: int, session: Session | None = None) -> None:
        self.session = session
        self.recipe, self.options, self.prepared, self.seed = recipe, recipe.options, prepared, seed
        self.rate, self.compares = recipe.way.rate, recipe.way.compares
        self.length = int(self.options["length"])
        if recipe.way.packs:
            self.unit = "rows"
        special = prepared.specials
        self.marks = Marks(prepared.tokenizer.get_vocab_size(), special.mask, special.every)

    @property
    def packs(self) -> bool:
        """Whether texts follow one another in rows: not where all of them together do not fill three."""
        return self.recipe.way.packs and self.prepared.rows_packed(self.length) > 2

    @property
    def items(self) -> int:
        """How many items there are to learn from."""
        if self.packs:
            return self.prepared.rows_packed(self.length)
        return len(self.prepared.train) // self.prepared.sides

    @property
    def settled(self) -> dict[str, Any]:
        """What holds for all seeds."""
        return self.prepared.settled

    def make(self, *, drawn: bool = False) -> tuple[nn.Module, nn.Module]:
        """Return a fresh network, or a copy of the one to begin with, and its objective, drawn by the seed.

        `drawn`: a fresh one without first vectors of tokens, to compare with.
        """
        import torch

        network = self._network(drawn)
        network.recompute = self.options["recompute"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + 1)
            objective: Any = self.recipe.way.objective(network, self.options)
            return network, objective

    def _network(self, drawn: bool) -> Any:
        from likewise.encoders.architectures import build
        from likewise.encoders.bert import SIZES, Bert

        start = self.recipe.start
        if start is not None:
            network: Any = copy.deepcopy(start.network).train().requires_grad_(True)
            if isinstance(network, Bert):
                network.dropout_to(self.options["dropout"])
                if self.recipe.way.causal is not None:
                    network.causal_to(self.recipe.way.causal)
            return network
        size = SIZES[self.options["size"]]
        network = build(
            "bert",
            {
                "tokens": self.marks.tokens, "dim": size.dim, "depth": size.depth, "heads": size.heads,
                "places": self.length, "dropout": self.options["dropout"], "pool": self.options["pool"],
                "causal": bool(self.recipe.way.causal),
            },
            seed=self.seed,
        )  # fmt: skip
        if not drawn and not self.goes_on and self.options["begin"] == "words":
            network.take_words(self._first_tokens)
        return network

    @cached_property
    def _first_tokens(self) -> Tensor:
        from likewise.encoders.bert import SIZES
        from likewise.recipes.first_tokens import first_tokens

        dim = SIZES[self.options["size"]].dim
        return first_tokens(self.prepared, dim, seed=self.seed, session=self.session)

    def view(self) -> View:
        """Return what the recipe makes of a batch."""
        return self.recipe.way.view(self.marks, self.options)

    def data(self) -> Data:
        """Return the items to learn from: rows of texts without padding, or texts, those of like length together."""
        import torch

        from likewise.train.loop import Data

        prepared, length = self.prepared, self.length
        if self.packs:
            return Data(self.items, lambda rows: torch.from_numpy(prepared.packed(rows, length)), unit=self.unit)
        lengths = prepared.train.lengths.reshape(-1, prepared.sides).max(1).clip(max=length)
        return Data(
            self.items, lambda rows: torch.from_numpy(prepared.batch(rows, length)), unit=self.unit, lengths=lengths
        )

    def probe(self, view: View) -> Probe:
        """Return two views of the texts that are held out: both sides of pairs, else two that lack a few tokens."""
        import numpy as np
        import torch

        from likewise.train.monitor import Probe
        from likewise.views.texts import Columns, Deleted

        prepared = self.prepared
        rows = np.arange(len(prepared.probe) // prepared.sides)
        batch = torch.from_numpy(prepared.batch(rows, min(self.length, _PROBED_LENGTH), held_out=True))
        generator = torch.Generator().manual_seed(self.seed)
        two: Any = Columns() if prepared.sides > 1 else Deleted(_LOST, self.marks.special, twice=True)
        a, b = two(batch, generator).inputs[:2]
        return Probe(a, b, prepared.distinct)

    def encoder(self, network: nn.Module, *, device: str) -> TextEncoder:
        """Return the encoder that a network makes."""
        from likewise.encoders.texts import Reading, TextEncoder

        start = self.recipe.start
        reading = Reading(self.options["pool"], False, self.length) if start is None else start.reading
        return TextEncoder(network, copy.deepcopy(self.prepared.tokenizer), reading, device=device)

    def as_drawn(self) -> TextEncoder:
        """Return the encoder of a network that has learned nothing here."""
        return self.encoder(self.make(drawn=True)[0], device="cpu")

    def space(self, encoder: Encoder) -> Space:
        """Return the space of the texts that are kept."""
        return self.recipe.embed(encoder, self.prepared)

    def told(self, training: Training) -> Mapping[str, Any]:
        """Return hidden tokens of texts held out, and what the network tells of them."""
        if not self.recipe.way.tells:
            return {}
        from likewise.recipes.beside_texts import guessed

        return {"guessed": guessed((training.network, training.objective), self.make(drawn=True), self.hidden)}

    def watchers(self, session: Session) -> list[Watcher]:
        """Return who notes guesses at hidden tokens, where the objective tells any."""
        if not self.recipe.way.tells:
            return []
        from likewise.recipes.beside_texts import Guessing

        return [Guessing(self.hidden, session)]

    @cached_property
    def hidden(self) -> HiddenTokens:
        """Tokens of texts held out, which are the same all along."""
        from likewise.recipes.beside_texts import HiddenTokens

        return HiddenTokens(self.view(), self.prepared, self.length, seed=self.seed)
