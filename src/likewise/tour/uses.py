"""Uses of words whose sense is known: twenty sentences, or shared ones, in; which are told by their vectors, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jaxtyping import Bool, Float

from likewise.contracts import Array
from likewise.evaluate.known_senses import nearest_senses
from likewise.sources.gold_texts import Marked, SenseTexts, read_coarsewsd
from likewise.sources.samples import shared
from likewise.tour.text_ground import TextGround

if TYPE_CHECKING:
    from likewise.encoders.texts import Occurrence, TextEncoder

RIVER: Final = (
    "They moored the boat at the bank and waited for the tide.",
    "Willows grew along the bank, and their roots held the soil.",
    "The flood broke over the left bank and covered the fields.",
    "He sat on the bank with a rod and caught two trout.",
    "A heron stood on the muddy bank of the lake.",
    "The path follows the south bank of the Thames.",
    "Children slid down the grassy bank into the water.",
    "Beavers had dug their burrow into the bank of the stream.",
    "The army crossed the ford and camped on the far bank.",
    "The swimmer reached the opposite bank, cold and out of breath.",
)
MONEY: Final = (
    "She opened an account at the bank and paid in her wages.",
    "The bank raised its interest rates in the spring.",
    "He asked the bank for a loan to buy a house.",
    "The central bank printed more notes during the war.",
    "Thieves robbed the bank and fled with the cash.",
    "The bank failed, and its customers lost their savings.",
    "Her father worked as a clerk in a bank in London.",
    "The government sold its shares in the bank.",
    "A letter from the bank said that the payment was late.",
    "The merchant kept his gold in a bank in Venice.",
)
_WORD = "bank"
_SHARED = "words/coarsewsd20_a.tar.xz"
_ASKED = ("bank", "bow", "chair", "club", "crane")
_EACH = 20  # texts of each sense to learn from, and as many to be told
_TRAIN, _TEST = "train", "test"


@dataclass(frozen=True)
class Uses:
    """Words where they stand, the sense of each, and `folds`: rows of which senses are known, and rows to be told."""

    name: str
    marked: Sequence[Marked]
    senses: Sequence[str]
    folds: Sequence[tuple[Sequence[int], Sequence[int]]]

    @property
    def texts(self) -> list[str]:
        """The text of each use."""
        return [one.text for one in self.marked]

    def vectors(self, encoder: TextEncoder, layer: int | str | None = None) -> Float[Array, "n d"]:
        """Return the vector of each word where it stands, at a depth of a network."""
        return encoder.at(self.texts, self._places(), layer=layer)

    def _places(self) -> list[Occurrence]:
        from likewise.encoders.texts import Occurrence

        return [Occurrence(row, one.low, one.high) for row, one in enumerate(self.marked)]

    def depths(self, encoder: TextEncoder) -> list[Float[Array, "n d"]]:
        """Return what `vectors` does for each depth of a network, the first one first."""
        return list(encoder.depths(self.texts, self._places()).values())

    def static(self, ground: TextGround) -> Float[Array, "n d"]:
        """Return the vector that a table of words has for each: one for all uses of a word, zeros where it has none."""
        return ground.words.embed([one.word.lower() for one in self.marked])

    def told(self, vectors: Float[Array, "n d"]) -> Bool[Array, " t"]:
        """Return for each use that is to be told whether the nearest mean of a sense is that of its own."""
        right: list[bool] = []
        for known, asked in self.folds:
            senses = [self.senses[row] for row in known]
            found = nearest_senses(vectors[list(known)], senses, vectors[list(asked)])
            right += [self.senses[row] == sense for row, sense in zip(asked, found, strict=True)]
        return np.array(right, bool)


def twenty() -> Uses:
    """Return the twenty sentences; one of each sense is told by the means of the eighteen others, ten times.

    So the two senses stay equally frequent, and vectors that are all alike tell just one half.
    """
    texts = [*RIVER, *MONEY]
    marked = [Marked(text, low := text.index(f" {_WORD}") + 1, low + len(_WORD)) for text in texts]
    half = len(RIVER)
    folds = [([row for row in range(2 * half) if row % half != out], [out, half + out]) for out in range(half)]
    return Uses("twenty sentences", marked, ["river"] * half + ["money"] * half, folds)


def known_uses() -> Uses:
    """Return uses of a few words of CoarseWSD-20, as many of each sense; where it is not here, the twenty sentences."""
    path = shared(_SHARED)
    if path is None:
        return twenty()
    found = read_coarsewsd(path)
    asked = [word for word in _ASKED if word in found]
    rows = [row for word in asked for row in _balanced(found[word])]
    folds = [([n for n, row in enumerate(rows) if row[:2] == (word, _TRAIN)],
              [n for n, row in enumerate(rows) if row[:2] == (word, _TEST)]) for word in asked]  # fmt: skip
    name = f"CoarseWSD-20, {', '.join(asked)}, up to {_EACH} texts of each sense"
    return Uses(name, [row[2] for row in rows], [row[3] for row in rows], folds)


def _balanced(word: SenseTexts) -> Iterator[tuple[str, str, Marked, str]]:
    """Yield as many uses of each sense: word, part, where it stands, sense."""
    rng = np.random.default_rng(0)
    for part, uses in ((_TRAIN, word.train), (_TEST, word.test)):
        by: dict[str, list[Any]] = {}
        for row in rng.permutation(len(uses)).tolist():
            by.setdefault(uses[row][1], []).append(uses[row][0])
        for sense in sorted(by):
            for marked in by[sense][:_EACH]:
                yield word.word, part, marked, sense
