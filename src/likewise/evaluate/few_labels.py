"""How much a classifier finds in vectors: those with labels to learn from and those to test on in, accuracies out.

One protocol for every representation: what differs between two rows of a table is the vectors and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.errors import DataError
from likewise.evaluate.intervals import wilson
from likewise.evaluate.manual import principal
from likewise.evaluate.retrieval import knn_probe

PENALTIES = tuple(10.0**power for power in range(-2, 6))
FEW = (1, 10, 100)  # labels of each class
_DRAWS = 5  # of few labels, each by a seed of its own


@dataclass(frozen=True)
class Split:
    """Labels of the items to learn from and of those to test on: every class is in the first."""

    train: Sequence[str]
    test: Sequence[str]
    chance: float = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be tested, and remember what guessing reaches."""
        known, counts = np.unique(np.asarray(self.train, str), return_counts=True)
        if len(known) < 2 or not len(self.test):
            raise DataError(
                f"a probe needs two classes to learn and one item to test on; {len(known)} and {len(self.test)} came"
            )
        frequent = known[counts.argmax()]
        object.__setattr__(self, "chance", float((np.asarray(self.test, str) == frequent).mean()))


def linear_accuracy(
    train: Float[Array, "n d"], test: Float[Array, "m d"], split: Split, *, name: str = "linear"
) -> Number:
    """Return the share of test items whose class a ridge regression on standardised vectors tells.

    One against all others, targets ±1; the penalty with the least leave-one-out error of `PENALTIES` is taken
    (scikit-learn's RidgeClassifierCV). Mean and deviation are those of `train`.
    """
    from sklearn.linear_model import RidgeClassifierCV

    a, b = _standardised(train, test)
    model = RidgeClassifierCV(alphas=PENALTIES).fit(a, np.asarray(split.train, str))
    return _share(f"{name} accuracy", model.predict(b) == np.asarray(split.test, str), split)


def knn_accuracy(
    train: Float[Array, "n d"], test: Float[Array, "m d"], split: Split, *, k: int = 20, name: str = "k-NN"
) -> Number:
    """Return the share of test items whose class the k nearest tell: cosine, centred by the mean of `train`."""
    found = knn_probe(train, list(split.train), k=k, test=(test, list(split.test)), centred=True)
    low, high = wilson(round(found.value * len(split.test)), len(split.test))
    return Number(f"{name}@{k} accuracy", found.value, low, high, len(split.test), {"chance": split.chance})


def few_label_accuracy(
    train: Float[Array, "n d"],
    test: Float[Array, "m d"],
    split: Split,
    *,
    each: int,
    draws: int = _DRAWS,
    at_most: bool = False,
) -> Number | None:
    """Return the mean accuracy of the linear probe with `each` labels of each class.

    A class that has fewer makes it None; with `at_most` it gives all it has, and the note counts such classes. The
    interval is that of the mean over `draws` draws (two standard errors).
    """
    rows = [np.flatnonzero(np.asarray(split.train, str) == one) for one in np.unique(np.asarray(split.train, str))]
    small = sum(len(one) < each for one in rows)
    if small and not at_most:
        return None
    found = []
    for seed in range(draws):
        some = np.concatenate([_drawn(each, one, seed) for one in rows])
        labels = Split([split.train[row] for row in some], split.test)
        found.append(linear_accuracy(train[some], test, labels).value)
    mean, error = float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(draws)) if draws > 1 else 0.0
    return Number(
        f"linear accuracy, {each} labels a class", mean, max(0.0, mean - 2 * error), min(1.0, mean + 2 * error),
        len(split.test), {"chance": split.chance},
        f"{draws} draws of labels" + (f"; {small} of {len(rows)} classes have fewer" if small else ""),
    )  # fmt: skip


def everything(train: Float[Array, "n d"], test: Float[Array, "m d"], split: Split) -> dict[str, Number]:
    """Return k-NN and linear accuracy as the vectors are and after PCA to 128, and with few labels, by name."""
    a, b = principal(np.asarray(train, np.float32), np.asarray(test, np.float32))
    found: Mapping[str, Number | None] = {
        "k-NN": knn_accuracy(train, test, split),
        "linear": linear_accuracy(train, test, split),
        "k-NN, PCA 128": knn_accuracy(a, b, split),
        "linear, PCA 128": linear_accuracy(a, b, split),
        **{f"linear, {each} a class": few_label_accuracy(train, test, split, each=each) for each in FEW},
    }
    return {name: number for name, number in found.items() if number is not None}


def _drawn(each: int, rows: Int[Array, " c"], seed: int) -> Int[Array, " e"]:
    return np.random.default_rng([seed, int(rows[0])]).permutation(rows)[:each]


def _standardised(train: Array, test: Array) -> tuple[Array, Array]:
    train, test = np.asarray(train, np.float64), np.asarray(test, np.float64)
    mean, deviation = train.mean(0), train.std(0)
    scale = np.where(deviation > 1e-9 * (deviation.max(initial=0.0) or 1.0), deviation, np.inf)
    return (train - mean) / scale, (test - mean) / scale


def _share(name: str, right: Array, split: Split) -> Number:
    low, high = wilson(int(right.sum()), len(right))
    return Number(name, float(right.mean()), low, high, len(right), {"chance": split.chance})
