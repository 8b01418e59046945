"""An independent probe: an encoder and held-out pictures in; whether its vectors have collapsed, and how, out.

It shares no code with the doctor: NumPy alone, views of its own (a shift, a flip, another brightness and contrast),
distances where the doctor has cosines, standardised dims where the doctor has plain ones, labels where it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

K = 20  # neighbours that vote
ONE_POINT = 0.01  # rms distance to the mean over rms length below which all vectors are one point
NARROW = 0.1  # of what the loss compares, before: so much narrower is on its way to one point
FEWER, FEW = 0.6, 0.3  # of the untrained network's directions
AS_MANY = 0.8  # of them: then what was lost is not directions
BY_CHANCE = 5  # items found among n: this many over n and fewer is what chance finds
CERTAIN = 2.0  # standard errors


@dataclass(frozen=True)
class Found:
    """What the probe measures of the encoder: directions, spread, views found again, classes told.

    Of what the loss compares: directions (`head_rank`) and the rms distance to the mean (`head_width`).
    """

    rank: float
    spread: float
    retrieval: float
    knn: float
    items: int
    head_rank: float
    head_width: float

    def as_json(self) -> dict[str, Any]:
        """Return it for the file of results."""
        return {name: round(value, 6) for name, value in vars(self).items()}

    def kind_against(self, untrained: Found) -> str:
        """Return the kind of a collapse, or healthy, or nothing learned.

        Healthy is what tells views or classes better than the untrained network (two standard errors of the
        difference), and not by chance alone. What gains neither has collapsed if it lost directions (in the encoder,
        or nearly all in what the loss compares), width, or views; else it has learned nothing.
        """
        if not np.isfinite([self.rank, self.retrieval, self.knn]).all():
            return "diverged"
        by_chance = self.retrieval <= BY_CHANCE / self.items
        if self.spread < ONE_POINT:
            return "complete collapse"
        gained = less(untrained.retrieval, self.retrieval, self.items) or less(untrained.knn, self.knn, self.items)
        if gained and not by_chance:
            return "healthy"
        if self.head_width < NARROW * untrained.head_width:
            return "complete collapse"
        if self.rank < FEW * untrained.rank or self.head_rank < FEW * untrained.head_rank:
            return "dimensional collapse"
        if by_chance:
            return "noise" if self.rank > AS_MANY * untrained.rank else "partial collapse"
        lost = less(self.retrieval, untrained.retrieval, self.items) or self.rank < FEWER * untrained.rank
        return "partial collapse" if lost else "nothing learned"


def less(share: float, than: float, items: int) -> bool:
    """Whether a share of items is less than another by two standard errors of their difference."""
    error = np.sqrt((share * (1 - share) + than * (1 - than)) / items)
    return bool(than - share > CERTAIN * error)


def probe(
    embed: Callable[[np.ndarray], np.ndarray],
    head: Callable[[np.ndarray], np.ndarray],
    reference: np.ndarray,
    tested: np.ndarray,
    labels: tuple[Sequence[str], Sequence[str]],
) -> Found:
    """Return what the vectors of `tested` are worth, and how what the `head` makes of them lies.

    `reference` pictures and their labels vote.
    """
    rng = np.random.default_rng(7)
    raw = embed(tested)
    known, x = embed(reference).astype(np.float64), raw.astype(np.float64)
    one, other = (embed(view(tested, rng)).astype(np.float64) for _ in range(2))
    if not all(np.isfinite(part).all() for part in (known, x, one, other)):
        nothing = float("nan")
        return Found(nothing, nothing, nothing, nothing, len(x), nothing, nothing)
    mean, scale = x.mean(0), scale_of(x)
    z = head(raw).astype(np.float64)
    return Found(
        rank=rank((x - mean) / scale),
        spread=float(np.sqrt(((x - mean) ** 2).sum() / max((x**2).sum(), 1e-300))),
        retrieval=retrieved((one - mean) / scale, (other - mean) / scale),
        knn=told((known - mean) / scale, (x - mean) / scale, *labels),
        items=len(x),
        head_rank=rank(z - z.mean(0)),
        head_width=float(np.sqrt(((z - z.mean(0)) ** 2).sum(1).mean())),
    )


def scale_of(x: np.ndarray) -> np.ndarray:
    """Return what to divide each dim by: its deviation, or infinity where it does not vary."""
    deviation = x.std(0)
    made: np.ndarray = np.where(deviation > 1e-8 * max(1e-300, deviation.max()), deviation, np.inf)
    return made


def rank(centred: np.ndarray) -> float:
    """Return exp of the entropy of the singular values' shares."""
    values = np.linalg.svd(centred, compute_uv=False)
    share = values[values > 1e-12 * max(values[0], 1e-300)] / max(values.sum(), 1e-300)
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0


def view(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return pictures uint8 "n c h w", each shifted by up to an eighth, perhaps mirrored, lighter or darker."""
    n, _, height, width = pixels.shape
    most = height // 8
    padded = np.pad(pixels, ((0, 0), (0, 0), (most, most), (most, most)), mode="reflect")
    out = np.empty(pixels.shape, np.float64)
    for i, (down, right, mirrored) in enumerate(
        zip(rng.integers(0, 2 * most + 1, n), rng.integers(0, 2 * most + 1, n), rng.random(n) < 0.5, strict=True)
    ):
        cut = padded[i, :, down : down + height, right : right + width]
        out[i] = cut[:, :, ::-1] if mirrored else cut
    contrast, brightness = rng.uniform(0.6, 1.4, (n, 1, 1, 1)), rng.uniform(-40, 40, (n, 1, 1, 1))
    middle = out.mean((1, 2, 3), keepdims=True)
    made: np.ndarray = np.clip((out - middle) * contrast + middle + brightness, 0, 255).astype(np.uint8)
    return made


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return squared Euclidean distances."""
    made: np.ndarray = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return made


def retrieved(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of items whose other view is nearer than those of all others; a tie is not found."""
    apart = distances(one, other)
    own = apart.diagonal().copy()
    np.fill_diagonal(apart, np.inf)
    return float((own < apart.min(1) * (1 - 1e-9)).mean())


def told(known: np.ndarray, x: np.ndarray, labels: Sequence[str], truth: Sequence[str]) -> float:
    """Return the share of `x` whose label most of the nearest `K` have."""
    names = sorted(set(labels))
    classes = np.array([names.index(label) for label in labels])
    nearest = np.argpartition(distances(x, known), K, axis=1)[:, :K]
    votes = np.stack([(classes[nearest] == number).sum(1) for number in range(len(names))], 1)
    return float((np.array(names)[votes.argmax(1)] == np.array(truth)).mean())
