"""A vocabulary: how often each word was seen in, the numbers that learning needs from it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError


@dataclass(frozen=True)
class Vocabulary:
    """The words that are kept, most frequent first; words of one count stand in order of first appearance.

    `counts` are over the whole text, held-out paragraphs included; `raw_words` counts every word that was seen,
    `raw_vocabulary` every different one, kept or not. Where `counts` are of an earlier text, too, `here` are those of
    the text at hand.

    >>> vocabulary = Vocabulary(["a", "rose"], np.array([3, 2]), raw_words=6, raw_vocabulary=3)
    >>> vocabulary.index["rose"], vocabulary.kept_words
    (1, 5)
    """

    words: Sequence[str]
    counts: Int64[Array, " n"]
    raw_words: int
    raw_vocabulary: int = 0
    here: Int64[Array, " n"] | None = None

    def __post_init__(self) -> None:
        if len(self.words) != len(self.counts):
            raise ShapeError(f"{len(self.words)} words came with {len(self.counts)} counts: each word has one count")

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each word in `words`."""
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def shares(self) -> Float64[Array, " n"]:
        """How much of the kept words of the text at hand each word is."""
        counts = self.counts if self.here is None else self.here
        return np.asarray(counts / max(1, int(counts.sum())))

    @cached_property
    def kept_words(self) -> int:
        """How many words of the text are in the vocabulary, each time counted."""
        return int(self.counts.sum())

    def keep_probability(self, sample: float) -> Float64[Array, " n"]:
        """Return with which probability an occurrence of each word is kept when frequent words are thinned out.

        min(1, (√r + 1)/r) with r = (count / kept words) / sample, as word2vec's code has it (its paper states
        1/√r); sample 0 keeps all.

        >>> Vocabulary(["a", "b"], np.array([9_999, 1]), raw_words=10_000).keep_probability(1e-3).round(4).tolist()
        [0.0326, 1.0]
        """
        if not 0 <= sample <= 1:
            raise OptionError(f"sample is {sample}: it is a share, from 0 (keep all) to 1; 1e-3 is usual")
        if sample == 0 or not len(self.words):
            return np.ones(len(self.words))
        share = self.counts / (sample * self.kept_words)
        return np.asarray(np.minimum(1.0, (np.sqrt(share) + 1.0) / share))

    def noise(self, power: float) -> Float64[Array, " n"]:
        """Return the probability of each word to be drawn as noise: count^power, summing to 1."""
        weights = self.counts.astype(np.float64) ** power
        return np.asarray(weights / weights.sum())
