"""Maps: vectors in, places on a plane out, with the share of true neighbours that the plane keeps.

A map is an index to look things up in. Every number of a report comes from the original space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array
from likewise.errors import OptionError, ShapeError
from likewise.evaluate.figures import clip, draw
from likewise.evaluate.markup import Html, element
from likewise.kernels.neighbours import top_k

ROOM = 5  # fewer rows than this have no neighbourhoods to lay out
WIDTH, HEIGHT, EDGE = 900.0, 640.0, 26.0


@dataclass(frozen=True, slots=True)
class Map:
    """Where each row lies, its true neighbours, and how many of them are still neighbours on the plane."""

    places: Float[Array, "n 2"]
    neighbours: Int[Array, "n k"]
    kept: float
    method: str

    @property
    def k(self) -> int:
        """How many neighbours were compared."""
        return int(self.neighbours.shape[1])


def lay_out(vectors: Float[Array, "n d"], *, k: int = 15, rounds: int = 350, seed: int = 0) -> Map:
    """Lay rows out on a plane so that neighbours by cosine stay neighbours where possible.

    t-SNE (van der Maaten & Hinton 2008), exact, started from the first two principal components; the principal
    components themselves where there are fewer than 20 rows or all rows are equal. Same seed, same map.
    It takes n² steps a round: meant for at most some thousand rows.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise ShapeError(f"vectors are {vectors.shape}: a map is made of rows, (n, dims)")
    if k < 1:
        raise OptionError(f"k is {k}: compare at least one neighbour")
    vectors = np.nan_to_num(vectors, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    neighbours = _neighbours(units, min(k, max(len(units) - 1, 0)), metric="cosine")
    places, spread = principal_plane(units)
    method = "PCA"
    if len(units) >= 4 * ROOM and spread > 1e-6:
        places, method = tsne(units, places, rounds=rounds, seed=seed), "t-SNE"
    close = _neighbours(places.astype(np.float32), neighbours.shape[1], metric="euclidean")
    same = [len(set(a) & set(b)) for a, b in zip(neighbours.tolist(), close.tolist(), strict=True)]
    kept = float(np.mean(same) / neighbours.shape[1]) if neighbours.shape[1] and len(same) else 1.0
    return Map(places, neighbours, kept, method)


def principal_plane(vectors: Float[Array, "n d"]) -> tuple[Float[Array, "n 2"], float]:
    """Return the first two principal components of each row, signs fixed, and their standard deviation."""
    centred = np.asarray(vectors, np.float64)
    centred = centred - centred.mean(0, keepdims=True) if len(centred) else centred
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(1)])[:, None]
    places = np.zeros((len(centred), 2))
    places[:, : len(axes)] = centred @ axes.T
    return places, float(values[0] / max(len(centred), 1) ** 0.5) if len(values) else 0.0


def tsne(
    units: Float[Array, "n d"],
    start: Float[Array, "n 2"],
    *,
    perplexity: float = 30.0,
    rounds: int = 350,
    seed: int = 0,
) -> Float[Array, "n 2"]:
    """Return t-SNE's places for unit rows: momentum .5 then .8, gains, exaggeration 12 for the first quarter.

    The step is n/12/4, at least 50 (Belkina et al. 2019). Rows of the same place are told apart by a little noise.
    """
    n = len(units)
    close = affinities(units, min(perplexity, (n - 1) / 3)).astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal((n, 2))
    y = (1e-4 * (start / max(start[:, 0].std(), 1e-12) + 1e-2 * noise)).T.astype(np.float32)
    step, gains, early = np.float32(max(n / 48, 50.0)), np.ones_like(y), rounds // 4
    move, kernel = np.zeros_like(y), np.empty((n, n), np.float32)
    close *= 12
    for number in range(rounds):
        if number == early:
            close /= 12
        slope = _slope(y, close, kernel)
        gains = np.maximum(np.where((slope > 0) == (move > 0), gains * 0.8, gains + 0.2), 0.01).astype(np.float32)
        move = np.float32(0.5 if number < early else 0.8) * move - step * gains * slope
        y = y + move
        y -= y.mean(1, keepdims=True)
    return np.asarray(y.T, np.float64)


def affinities(units: Float[Array, "n d"], perplexity: float) -> Float[Array, "n n"]:
    """Return t-SNE's pij: Gaussians of the cosine distance, one perplexity for each row, symmetric, of sum one."""
    n = len(units)
    distance = np.square(1 - np.clip(units @ units.T, -1, 1))
    np.fill_diagonal(distance, np.inf)
    distance -= distance.min(1, keepdims=True)
    low, high = np.full((n, 1), -12.0), np.full((n, 1), 18.0)  # natural logarithms of a row's precision
    for _ in range(32):
        middle = (low + high) / 2
        weights = np.exp(-distance * np.exp(middle, dtype=np.float32))
        total = weights.sum(1, keepdims=True)
        mean = np.where(weights > 0, distance, 0)
        mean = (weights * mean).sum(1, keepdims=True) / total
        entropy = np.log(total) + np.exp(middle) * mean
        low, high = (np.where(entropy > np.log(perplexity), a, b) for a, b in ((middle, low), (high, middle)))
    joint = weights / total
    return np.asarray((joint + joint.T) / (2 * n))


def draw_map(keys: Sequence[str], found: Map, *, title: str) -> Html:
    """Draw a map: each word a dot with its name as a tooltip, names written where there is room, first rows first."""
    x, y = _spread(found.places[:, 0], EDGE, WIDTH - 3 * EDGE), _spread(found.places[:, 1], EDGE, HEIGHT - EDGE)
    written = _room_for_names(keys, x, y)
    points = [
        element(
            "g",
            element("title", key),
            element("circle", cx=float(x[i]), cy=float(y[i]), r=2.6),
            element("text", clip(key, 18), x=float(x[i]) + 5, y=float(y[i]) + 4),
            class_=None if written[i] else "quiet",
            data_near=" ".join(map(str, found.neighbours[i].tolist())),
        )
        for i, key in enumerate(keys)
    ]
    told = f"{len(keys):,} words on a plane; words that are used alike are meant to lie close to each other."
    frame = element("rect", x=0.5, y=0.5, width=WIDTH - 1, height=HEIGHT - 1, rx=8, class_="frame")
    svg = draw(title, told, frame, *points, width=WIDTH, height=HEIGHT)
    return Html(svg.replace("<svg ", '<svg class="map" ', 1))


def _neighbours(rows: Float[Array, "n d"], k: int, *, metric: str) -> Int[Array, "n k"]:
    if k < 1 or len(rows) < 2:
        return np.empty((len(rows), 0), np.int64)
    return top_k(rows, rows, k, metric=metric, exclude=np.arange(len(rows))[:, None])[0]


def _slope(y: Float[Array, "2 n"], close: Float[Array, "n n"], kernel: Float[Array, "n n"]) -> Float[Array, "2 n"]:
    """Return the gradient 4 Σ (pij − qij) (yi − yj) / (1 + |yi − yj|²); `kernel` is room to work in.

    Without matrix products: they are thin, and threads of BLAS that wait for each other made them ten times slower.
    """
    np.subtract.outer(y[0], y[0], out=kernel)
    np.multiply(kernel, kernel, out=kernel)
    other = np.subtract.outer(y[1], y[1])
    np.multiply(other, other, out=other)
    kernel += other
    kernel += np.float32(1)
    np.reciprocal(kernel, out=kernel)
    np.fill_diagonal(kernel, 0)
    share = np.float32(1 / max(float(kernel.sum(dtype=np.float64)), 1e-12))
    np.multiply(kernel, share, out=other)
    np.subtract(close, other, out=other)
    other *= kernel
    pulled = np.stack([np.einsum("ij,j->i", other, axis) for axis in y])
    return np.asarray(4 * (other.sum(1) * y - pulled), np.float32)


def _spread(values: Float[Array, " n"], start: float, end: float) -> Float[Array, " n"]:
    if not len(values) or np.ptp(values) < 1e-12:
        return np.full(len(values), (start + end) / 2)
    return np.asarray(start + (values - values.min()) / np.ptp(values) * (end - start))


def _room_for_names(keys: Sequence[str], x: Float[Array, " n"], y: Float[Array, " n"]) -> list[bool]:
    taken: list[tuple[float, float, float]] = []
    written = []
    for key, left, middle in zip(keys, x, y, strict=True):
        right = left + 12 + 6.2 * min(len(key), 18)
        free = all(abs(middle - m) > 12 or right < a or left > b for a, b, m in taken)
        if free:
            taken.append((left, right, middle))
        written.append(free)
    return written
