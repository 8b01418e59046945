"""Senses of a word: vectors of its occurrences in; how many groups they fall into, how far apart, and which, out.

Vectors are parted in two where that parts them better than chance: where their silhouette is above those of nineteen in
twenty sets of as many vectors from one normal distribution that spreads as far along each principal component (as Liu
et al. 2008, "Statistical significance of clustering for high-dimension, low-sample size data", do with the sums of
squares); then each part alike, the largest first. Few groups are preferred, and few vectors tell nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.errors import ShapeError
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.rows import unit

MOST: Final = 6  # senses
LEAST: Final = 8  # occurrences that can show more than one sense
_DIMS, _DRAWN, _STARTS = 16, 40, 8
_ALIKE = 1e-6  # rms along a direction, of vectors of length 1, that rounding leaves
_CERTAIN = 0.95  # share of drawn sets whose groups must be worse


@dataclass(frozen=True)
class Groups:
    """What was found: the group of each vector, the largest first, and how far the groups stand apart.

    `silhouette`, between −1 and 1, is that of all groups, beside it ("chance") that which the first parting had to be
    above. It is None where there is one group. `distances` are 1 − cosine between the groups' means, `within` the mean
    1 − cosine of a vector to the mean of its group.
    """

    labels: Int[Array, " n"]
    silhouette: Number | None
    distances: Float[Array, "g g"]
    within: Float[Array, " g"]

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self.within)


def groups_of(vectors: Float[Array, "n d"], *, most: int = MOST, count: int | None = None, seed: int = 0) -> Groups:
    """Part vectors of length 1 into groups by k-means; `count` says how many, else they tell (1 to `most`).

    Raises ShapeError where there are fewer vectors than groups.
    """
    x = unit(np.asarray(vectors, np.float64))
    if count is not None and not 1 <= count <= len(x):
        raise ShapeError(f"{len(x)} vectors cannot be {count} groups")
    reduced = _components(x)
    if not reduced.shape[1]:
        count = 1  # they are all alike
    if count is None:
        labels, chance = _parted_by_chance(reduced, most, seed)
    else:
        labels, chance = _parted(reduced, count, seed) if count > 1 else np.zeros(len(x), np.int64), None
    if not labels.any():
        return _groups(x, labels, None)
    each = _silhouettes(reduced, labels)
    low, high = bootstrap(lambda rows: float(each[rows].mean()), len(each))
    beside = {} if chance is None else {"chance": chance}
    return _groups(x, labels, Number("silhouette", float(each.mean()), low, high, len(x), beside))


def _parted_by_chance(x: Float[Array, "n c"], most: int, seed: int) -> tuple[Int[Array, " n"], float | None]:
    """Return the groups, and what the silhouette of the first two had to be above."""
    labels, whole, first = np.zeros(len(x), np.int64), set[int](), None
    rng = np.random.default_rng(seed)
    while labels.max() + 1 < most:
        sizes = {group: int((labels == group).sum()) for group in range(labels.max() + 1) if group not in whole}
        group = max(sizes, key=sizes.__getitem__, default=None)
        if group is None or sizes[group] < LEAST:
            break
        rows = np.flatnonzero(labels == group)
        part = x[rows] - x[rows].mean(0)
        halves = _parted(part, 2, seed)
        drawn = [
            _silhouette(one := rng.normal(size=part.shape) * part.std(0), _parted(one, 2, seed)) for _ in range(_DRAWN)
        ]
        bar = float(np.quantile(drawn, _CERTAIN))
        first = bar if first is None else first
        if _silhouette(part, halves) <= bar:
            whole.add(group)
            continue
        labels[rows[halves == 1]] = labels.max() + 1
    return labels, first


def _groups(x: Float[Array, "n d"], labels: Int[Array, " n"], silhouette: Number | None) -> Groups:
    order = np.argsort(-np.bincount(labels), kind="stable")
    labels = np.argsort(order)[labels]
    means = unit(np.stack([x[labels == group].mean(0) for group in range(len(order))]))
    within = np.array([1 - float((x[labels == g] @ means[g]).mean()) for g in range(len(order))])
    return Groups(labels, silhouette, np.clip(1 - means @ means.T, 0, 2), within)


def _components(x: Float[Array, "n d"]) -> Float[Array, "n c"]:
    """Return the first principal components: groups lie in few directions, noise in all. Equal rows have none."""
    centred = x - x.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(_DIMS, max(1, len(x) // 4), int((s > _ALIKE * np.sqrt(len(x))).sum()))
    found: Array = u[:, :kept] * s[:kept]
    return found


def _parted(x: Float[Array, "n c"], k: int, seed: int) -> Int[Array, " n"]:
    from sklearn.cluster import KMeans

    labels: Array = KMeans(k, n_init=_STARTS, random_state=seed).fit_predict(x)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _silhouettes(x: Float[Array, "n c"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    from sklearn.metrics import silhouette_samples

    if len(np.unique(labels)) < 2 or len(np.unique(labels)) >= len(labels):
        return np.zeros(len(labels))
    found: Array = silhouette_samples(x, labels)
    return found


def _silhouette(x: Float[Array, "n c"], labels: Int[Array, " n"]) -> float:
    return float(_silhouettes(x, labels).mean())
