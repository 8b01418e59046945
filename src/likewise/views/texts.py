"""Views of texts: a batch of tokens in, int64 "b t" with −1 where a text has ended; what is hidden or compared out.

Each class is a View: it draws from the generator that it is given and from nothing else, and treats the whole batch at
once on its device. Special tokens, those that stand for no text, are never hidden, deleted or drawn.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from likewise.contracts import Views
from likewise.errors import OptionError, ShapeError
from likewise.transformer import NOTHING, named

if TYPE_CHECKING:
    from torch import Generator

_MASKED, _REPLACED = 0.8, 0.9  # of the tokens that are asked for: up to here hidden, up to here another token


@dataclass(frozen=True)
class Whole:
    """Texts as they are: to embed, to measure, and to tell each next token of."""

    def __call__(self, batch: Tensor, generator: Generator | None = None, *, labels: Tensor | None = None) -> Views:
        """Return one input; nothing is drawn."""
        return Views((_texts(batch),), labels=labels)


@dataclass(frozen=True)
class SameTwice:
    """A text twice: what makes the two differ is the network's dropout (SimCSE, Gao et al. 2021, arXiv:2104.08821)."""

    def __call__(self, batch: Tensor, generator: Generator | None = None, *, labels: Tensor | None = None) -> Views:
        """Return two inputs that are one; nothing is drawn."""
        return Views((_texts(batch), batch), labels=labels)


@dataclass(frozen=True)
class MaskedTokens:
    """A text of which a `share` of the tokens is asked for (Devlin et al. 2019, arXiv:1810.04805, section 3.1).

    Of each text's ordinary tokens round(share · their number), at least one; of these 80 % become the token `mask`,
    10 % a random ordinary token of the vocabulary, which counts `tokens`, and 10 % stay. `special` are the tokens that
    are not ordinary; `mask` is one of them.

    `span` > 1 hides runs of tokens (SpanBERT, Joshi et al. 2020, arXiv:1907.10529): each text is parted into runs whose
    length is geometric with that mean, and runs drawn at random are asked for, the last one cut so that the number is
    exact. SpanBERT draws with the mean 5, cut off at 10 (3.8), whole words, and all of a run hidden, replaced or left;
    here runs are of tokens, not cut off, and each token is hidden, replaced or left by itself.
    """

    mask: int
    tokens: int
    special: Collection[int]
    share: float = 0.15
    span: float = 1.0

    def __post_init__(self) -> None:
        _check(self.share)
        if self.span < 1:
            raise OptionError(f"span={self.span}: the mean length of a run is 1 token or more")
        if self.tokens <= len(self._kept):
            raise OptionError(f"{self.tokens} tokens, all of them special: nothing can be hidden")

    @property
    def _kept(self) -> set[int]:
        return {*self.special, self.mask}

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return one input; `keep` are the places asked for, rising, `labels` what stood there, "b k", −1 for none.

        Labels that are given are not used.
        """
        ordinary = _ordinary(batch, self._kept)
        asked = _chosen(ordinary, _counts(ordinary, self.share), generator, span=self.span)
        fate = _uniform(batch, generator)
        shown = torch.where(asked & (fate < _MASKED), self.mask, batch)
        shown = torch.where(asked & (fate >= _MASKED) & (fate < _REPLACED), self._random(batch, generator), shown)
        keep = _places(asked)
        told = batch.gather(1, keep.clamp(min=0)).masked_fill(keep == NOTHING, NOTHING)
        return Views((shown,), (keep,), told)

    def _random(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return an ordinary token of the vocabulary for each place: the n-th of those that are not special."""
        special = torch.tensor(sorted(self._kept), device=generator.device)
        many = self.tokens - len(special)
        drawn = torch.randint(many, batch.shape, generator=generator, device=generator.device)
        below = special - torch.arange(len(special), device=special.device)  # ordinary ones below each special one
        return (drawn + torch.bucketize(drawn, below, right=True)).to(batch.device)


@dataclass(frozen=True)
class Deleted:
    """A text without some of its tokens, the gaps closed; `twice`: two of them, drawn apart, to be compared.

    Of two, `labels` are numbers of the whole texts, by which equal ones are known; labels that are given are not used.
    Of each text's ordinary tokens round(share · their number) are deleted, at least one, but never the last one left.
    """

    share: float
    special: Collection[int]
    twice: bool = False

    def __post_init__(self) -> None:
        _check(self.share)

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return one input or two, of one shape: no longer than the longest text that is left."""
        ordinary = _ordinary(batch, self.special)
        counts = torch.minimum(_counts(ordinary, self.share), (ordinary.sum(1) - 1).clamp(min=0))
        times, told = (2, named(batch)) if self.twice else (1, labels)
        return Views(tuple(_without(batch, _chosen(ordinary, counts, generator)) for _ in range(times)), labels=told)


@dataclass(frozen=True)
class Crops:
    """Two runs of a text's tokens, drawn apart: they may overlap (independent cropping, arXiv:2112.09118, section 3.1).

    Izacard et al. 2022 (Contriever). A run is from `least` to `most` of a text's ordinary tokens, at least one, and
    keeps what begins and what ends the text. `labels` are numbers of the whole texts, by which equal ones are known;
    labels that are given are not used.
    """

    special: Collection[int]
    least: float = 0.2
    most: float = 0.6

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.most <= 1:
            raise OptionError(
                f"runs of {self.least} to {self.most} of a text: both are above 0 and at most 1, in order"
            )

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return two inputs, each as wide as its longest run."""
        return Views((self._crop(batch, generator), self._crop(batch, generator)), labels=named(batch))

    def _crop(self, batch: Tensor, generator: Generator) -> Tensor:
        ordinary = _ordinary(batch, self.special)
        count = ordinary.sum(1)
        share, place = torch.rand(2, len(batch), generator=generator, device=generator.device).to(batch.device)
        long = (count * (self.least + (self.most - self.least) * share)).round().long().clamp(min=1)
        first = ((count - long).clamp(min=0) + 1).mul(place).long()
        rank = ordinary.cumsum(1) - 1
        outside = (rank < first[:, None]) | (rank >= (first + long)[:, None])
        return _without(batch, ordinary & outside)


@dataclass(frozen=True)
class Windows:
    """Two neighbouring windows of a text: what stands before a place and what stands behind it (cf. arXiv:2006.03659).

    Giorgi et al. 2021 (DeCLUTR) draw windows of a document that lie side by side or overlap; here they never share a
    token. The place is drawn from the middle half of the text. Each window keeps what begins and what ends the text; a
    text of one token is both. `labels` are numbers of the whole texts, as of `Crops`.
    """

    special: Collection[int]

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return two inputs, each as wide as its longest window."""
        ordinary = _ordinary(batch, self.special)
        count = ordinary.sum(1)
        drawn = torch.rand(len(batch), generator=generator, device=generator.device).to(batch.device)
        first = (count * (0.25 + 0.5 * drawn)).round().long().clamp(min=1)
        behind = ordinary.cumsum(1) > torch.minimum(first, count - 1)[:, None]
        several = (count > 1)[:, None]
        before, after = (ordinary & several & out for out in (behind, ~behind))
        return Views((_without(batch, before), _without(batch, after)), labels=named(batch))


@dataclass(frozen=True)
class Noised:
    """A text without some of its tokens, from which the whole of it is to be told (TSDAE, arXiv:2104.06979).

    The paper's best noise is deletion of a share of .6; it draws each token by itself, here their number is exact.
    """

    share: float
    special: Collection[int]

    def __post_init__(self) -> None:
        _check(self.share)

    def __call__(self, batch: Tensor, generator: Generator, *, labels: Tensor | None = None) -> Views:
        """Return one input; `labels` are the whole texts, "b t". Labels that are given are not used."""
        return Views(Deleted(self.share, self.special)(batch, generator).inputs, labels=batch)


@dataclass(frozen=True)
class Columns:
    """Texts that belong together, "b s t": an anchor, a positive, then given negatives; all −1 where one is missing."""

    def __call__(self, batch: Tensor, generator: Generator | None = None, *, labels: Tensor | None = None) -> Views:
        """Return an input for each column, as wide as its longest text; nothing is drawn."""
        if batch.ndim != 3 or batch.shape[1] < 2:
            raise ShapeError(
                f'a batch of {tuple(batch.shape)} came: pairs are "b s t", s an anchor, a positive, given negatives'
            )
        return Views(tuple(trimmed(x) for x in batch.unbind(1)), labels=labels)


def trimmed(x: Tensor) -> Tensor:
    """Return texts "b t" without the places at the end where every text has ended; one place stays."""
    longest = max(1, int((x != NOTHING).sum(1).max()))
    return x[:, :longest].contiguous()


def _check(share: float) -> None:
    if not 0 < share < 1:
        raise OptionError(f"share={share} of the tokens: it is more than 0 and less than 1")


def _texts(batch: Tensor) -> Tensor:
    """Return a batch of texts; ShapeError where it is none."""
    if batch.ndim != 2 or batch.is_floating_point():
        raise ShapeError(f'a batch of {tuple(batch.shape)}, {batch.dtype}, came: texts are whole numbers "b t"')
    return batch


def _ordinary(batch: Tensor, special: Collection[int]) -> Tensor:
    """Return which places hold tokens that stand for text, "b t"."""
    never = torch.tensor([NOTHING, *special], device=batch.device)
    return ~torch.isin(_texts(batch), never)


def _counts(ordinary: Tensor, share: float) -> Tensor:
    """Return round(share · n), at least 1, for each text of n ordinary tokens, "b"; 0 where there is none."""
    each = [0, *(max(1, round(share * n)) for n in range(1, ordinary.shape[1] + 1))]
    return torch.tensor(each, device=ordinary.device)[ordinary.sum(1)]


def _uniform(batch: Tensor, generator: Generator) -> Tensor:
    return torch.rand(batch.shape, generator=generator, device=generator.device).to(batch.device)


def _chosen(ordinary: Tensor, counts: Tensor, generator: Generator, *, span: float = 1.0) -> Tensor:
    """Return so many of each text's ordinary tokens, "b t", in runs of `span` tokens in the mean.

    A run begins at each place with the chance 1/span. Runs have a random order; the first tokens in it are chosen.
    """
    runs = ((_uniform(ordinary, generator) < 1 / span) | ~ordinary).cumsum(1) - 1
    order = _uniform(ordinary, generator).gather(1, runs.clamp(min=0)).masked_fill(~ordinary, 2.0)
    rank = order.argsort(stable=True, dim=1).argsort(dim=1)
    return rank < counts[:, None]


def _places(mask: Tensor) -> Tensor:
    """Return the places that are set, "b k", rising, −1 where a text has fewer than the most of the batch."""
    k = max(1, int(mask.sum(1).max()))
    places = mask.to(torch.uint8).sort(stable=True, dim=1, descending=True).indices[:, :k]
    return places.masked_fill(~mask.gather(1, places), NOTHING)


def _without(batch: Tensor, deleted: Tensor) -> Tensor:
    """Return texts without some tokens, the others in order."""
    order = deleted.to(torch.uint8).sort(stable=True, dim=1).indices
    return trimmed(batch.gather(1, order).masked_fill(deleted.gather(1, order), NOTHING))
