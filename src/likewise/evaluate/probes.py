"""Probes: vectors and labels in, how much of the labels a straight line can read out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.errors import DataError
from likewise.evaluate.intervals import bootstrap_mean

_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_LEAST = 4  # of a class: fewer cannot be in training, validation and test


def linear_probe(
    vectors: Float[Array, "n d"],
    labels: Sequence[str],
    *,
    name: str = "linear probe",
    untrained: Float[Array, "n d"] | None = None,
    seed: int = 0,
) -> Number:
    """Return the test accuracy of a logistic regression on standardised vectors, with a bootstrap interval.

    Of each class 60 % train, 20 % choose the strength of the penalty and 20 % test, drawn by `seed`. Classes of fewer
    than four are left out and counted in the note. Baselines: the most frequent class, and the same probe on
    untrained vectors and on one-hot ones, which have no straight line to offer for a word that was not in training.
    """
    y = np.asarray(labels, str)
    names, counts = np.unique(y, return_counts=True)
    usable = np.isin(y, names[counts >= _LEAST])
    kept = len(np.unique(y[usable]))
    if kept < 2:
        raise DataError(f"a probe needs two classes of {_LEAST} or more keys each, {kept} came: give more labels")
    y, x = y[usable], np.asarray(vectors)[usable]
    parts = _split(y, seed)
    right = _fit(x, y, parts)
    test = parts[2]
    low, high = bootstrap_mean(right.astype(np.float64))
    train = y[parts[0]]
    frequent = max(set(train.tolist()), key=train.tolist().count)
    baselines = {"most frequent class": float((y[test] == frequent).mean())}
    baselines["one-hot"] = baselines["most frequent class"]
    if untrained is not None:
        baselines["untrained"] = float(_fit(np.asarray(untrained)[usable], y, parts).mean())
    small = int((~usable).sum())
    note = f"{small} keys left out: fewer than {_LEAST} of their class" if small else ""
    return Number(f"{name} accuracy", float(right.mean()), low, high, len(test), baselines, note)


def _split(y: Array, seed: int) -> tuple[Array, Array, Array]:
    """Return the rows for training, validation and test, each class in the same proportion and in each part."""
    rng = np.random.default_rng(seed)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label)).tolist()
        held = max(1, len(rows) // 5)
        for part, members in zip(parts, (rows[2 * held :], rows[:held], rows[held : 2 * held]), strict=True):
            part.extend(members)
    train, validation, test = (np.sort(np.asarray(part, np.int64)) for part in parts)
    return train, validation, test


def _fit(x: Array, y: Array, parts: tuple[Array, Array, Array]) -> Array:
    """Return which test rows come out right, after the penalty was chosen on the validation rows."""
    from sklearn.linear_model import LogisticRegression

    train, validation, test = parts
    mean, deviation = x[train].mean(axis=0, dtype=np.float64), x[train].std(axis=0, dtype=np.float64)
    x = (np.asarray(x, np.float64) - mean) / np.where(deviation > 0, deviation, 1)
    best, chosen = -1.0, None
    for strength in _STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(x[train], y[train])
        score = float(model.score(x[validation], y[validation]))
        if score > best:
            best, chosen = score, model
    assert chosen is not None
    result: Array = chosen.predict(x[test]) == y[test]
    return result
