"""Known senses: vectors of a word in texts, and the senses that people gave it, in; how many come out right, out.

Two questions. Which sense has it here: that of the nearest mean (Loureiro et al. 2021, "Analysis and Evaluation of
Language Models for Word Sense Disambiguation", call it 1NN). Does it mean the same in two texts: where the cosine is
above a threshold (Pilehvar and Camacho-Collados 2019), which is chosen on other pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from likewise.contracts import Array, Number
from likewise.errors import DataError, ShapeError
from likewise.evaluate.intervals import bootstrap, wilson
from likewise.evaluate.rows import unit

_FREQUENT = "most frequent sense"


def nearest_senses(train: Float[Array, "n d"], senses: Sequence[str], test: Float[Array, "m d"]) -> list[str]:
    """Return for each of `test` the sense whose mean, of vectors of length 1, is nearest by cosine.

    Of senses that are equally near the most frequent is taken, so that vectors which are all alike tell what counting
    would.
    """
    given = np.asarray(senses, str)
    if len(given) != len(train) or not len(given):
        raise ShapeError(f"{len(train)} vectors came with {len(given)} senses: each has one, and there is one at least")
    if not np.isfinite(train).all() or not np.isfinite(test).all():
        raise DataError("a vector is not finite: the encoder that made it is broken")
    names, counts = np.unique(given, return_counts=True)
    names = names[np.argsort(-counts, kind="stable")]
    x = unit(train).astype(np.float64)
    means = unit(np.stack([x[given == name].mean(0) for name in names])).astype(np.float64)
    likeness = unit(test).astype(np.float64) @ means.T
    nearest = np.argmax(likeness >= likeness.max(axis=1, keepdims=True) - 1e-6, axis=1)  # what rounding tells apart
    return [str(name) for name in names[nearest]]


def sense_numbers(
    told: Sequence[str], truth: Sequence[str], *, frequent: str, name: str = "senses", seed: int = 0
) -> list[Number]:
    """Return accuracy, the mean of the senses' recalls, and each sense's recall, the most frequent first.

    `frequent` is what somebody says who counts the senses to learn from, and looks at no text: its figures stand
    beside. Where one sense is most of the test, accuracy is high for it, and the recalls tell. Wilson intervals;
    of the mean a bootstrap over the test.
    """
    if len(told) != len(truth) or not len(truth):
        raise ShapeError(f"{len(told)} answers came for {len(truth)} texts: one for each of one or more")
    given, asked = np.asarray(told, str), np.asarray(truth, str)
    right = given == asked
    senses, counts = np.unique(asked, return_counts=True)
    senses = senses[np.argsort(-counts, kind="stable")]

    def mean_recall(rows: Array) -> float:
        return float(np.mean([right[rows][asked[rows] == one].mean() for one in senses if (asked[rows] == one).any()]))

    everything = np.arange(len(asked))
    low, high = bootstrap(mean_recall, len(asked), seed=seed)
    mean = mean_recall(everything)
    numbers = [
        _share(f"{name} accuracy", right, {_FREQUENT: float((asked == frequent).mean())}),
        Number(
            f"{name} mean recall", mean, min(low, mean), max(high, mean), len(asked),
            {_FREQUENT: 1 / len(senses) if frequent in senses else 0.0},
        ),
    ]  # fmt: skip
    return numbers + [
        _share(f"{name} recall of {one}", right[asked == one], {_FREQUENT: float(one == frequent)}) for one in senses
    ]


def threshold(cosines: Float[Array, " n"], same: Bool[Array, " n"] | Sequence[bool]) -> float:
    """Return the cosine from which on two uses are best called the same: between two that occur, the lowest such.

    −infinity calls all pairs the same.
    """
    x, y = np.asarray(cosines, np.float64), np.asarray(same, bool)
    if len(x) != len(y) or not len(x):
        raise ShapeError(f"{len(x)} cosines came for {len(y)} pairs: one for each of one or more")
    if not np.isfinite(x).all():
        raise DataError("a cosine is not finite: the vectors that it was made of are broken")
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    right = y.sum() + np.concatenate([[0], np.cumsum(np.where(y, -1, 1))])  # with the lowest i called different
    between = np.concatenate([[True], x[1:] > x[:-1], [True]])
    best = int(np.argmax(np.where(between, right, -1)))
    if best == 0:
        return -np.inf
    return float(x[-1] + 1) if best == len(x) else float((x[best - 1] + x[best]) / 2)


def same_sense(
    cosines: Float[Array, " n"], same: Bool[Array, " n"] | Sequence[bool], *, limit: float, name: str = "same sense"
) -> Number:
    """Return the share of pairs of which `limit`, chosen on others by `threshold`, tells whether they mean the same."""
    y = np.asarray(same, bool)
    if len(y) != len(cosines) or not len(y):
        raise ShapeError(f"{len(cosines)} cosines came for {len(y)} pairs: one for each of one or more")
    frequent = float(max(y.mean(), 1 - y.mean()))
    return _share(f"{name} accuracy", (np.asarray(cosines) > limit) == y, {"most frequent answer": frequent})


def _share(name: str, right: Bool[Array, " n"], beside: dict[str, float]) -> Number:
    low, high = wilson(int(right.sum()), len(right))
    return Number(name, float(right.mean()), low, high, len(right), beside)
