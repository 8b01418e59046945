"""Similarity: scored pairs of words in, how well cosine ranks them as people do out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from likewise.contracts import Array, Number
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.rows import cosines, known, places


def spearman(x: Float[Array, " n"] | Sequence[float], y: Float[Array, " n"] | Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties by mean rank; 0 where one side is constant or there are fewer than 2."""
    from scipy.stats import rankdata

    return pearson(rankdata(x), rankdata(y))


def pearson(x: Float[Array, " n"] | Sequence[float], y: Float[Array, " n"] | Sequence[float]) -> float:
    """Return Pearson's correlation; 0 where one side is constant or there are fewer than 2."""
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(a) < 2 or any(np.ptp(side) <= 1e-12 * np.abs(side).max() for side in (a, b)):
        return 0.0  # what rounding leaves of a constant is no order
    a, b = a - a.mean(), b - b.mean()
    both = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip(a @ b / both, -1, 1)) if both > 0 else 0.0


ByLetters: TypeAlias = Callable[[Sequence[str]], tuple[Float[Array, "n d"], Bool[Array, " n"]]]
"""Words in; the vectors of those that can be placed by their letters, and which those are, out."""


def similarity(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    pairs: Sequence[tuple[str, str, float]],
    *,
    name: str = "similarity",
    untrained: Float[Array, "n d"] | None = None,
    seed: int = 0,
) -> Number:
    """Return Spearman's correlation of cosine with people's scores, with a bootstrap interval over pairs.

    Pairs with an unknown word are left out and counted in the note. One-hot vectors give every pair of different
    words cosine 0: their correlation is defined as 0, as chance's is.
    """
    left, right, scores = known(pairs, places(keys))
    found = cosines(vectors, left, right)
    low, high = bootstrap(lambda rows: spearman(found[rows], scores[rows]), len(scores), seed=seed)
    baselines = {"one-hot": 0.0, "chance": 0.0}
    if untrained is not None:
        baselines = {"untrained": spearman(cosines(untrained, left, right), scores), **baselines}
    value = spearman(found, scores)
    missing = len(pairs) - len(scores)
    note = f"{missing} of {len(pairs)} pairs left out: a word is unknown" if missing else ""
    return Number(f"{name} spearman cosine", value, min(low, value), max(high, value), len(scores), baselines, note)


def similarity_by_letters(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    pairs: Sequence[tuple[str, str, float]],
    by_letters: ByLetters,
    *,
    name: str = "similarity",
    seed: int = 0,
) -> list[Number]:
    """Return Spearman's correlation with unseen words placed by their letters: of all pairs, and of those that need it.

    Nothing where every word was seen. Beside it stands `spelling alone`, the cosine of the words' own n-grams, which
    is what letters give before anything is learned.
    """
    rows = places(keys)
    words = list(dict.fromkeys(word for a, b, _ in pairs for word in (a, b)))
    unseen = [word for word in words if word not in rows]
    if not unseen:
        return []
    more, placed = by_letters(unseen)
    seen = [word for word in words if word in rows]
    there = seen + [word for word, found in zip(unseen, placed, strict=True) if found]
    some = np.concatenate([vectors[[rows[word] for word in seen]], np.asarray(more)[np.asarray(placed)]])
    needing = [pair for pair in pairs if pair[0] not in rows or pair[1] not in rows]
    known_now, numbers = set(there), []
    for what, asked in (("unseen words by letters", pairs), ("pairs with an unseen word", needing)):
        number = similarity(there, some, asked, name=f"{name}, {what}:", seed=seed)
        kept = [pair for pair in asked if pair[0] in known_now and pair[1] in known_now]
        spelled = spearman([_spelling(a, b) for a, b, _ in kept], [score for _, _, score in kept])
        note = f"{sum(a not in rows or b not in rows for a, b, _ in kept):,} of {len(kept):,} pairs rest on letters"
        left = f"; {len(asked) - len(kept):,} left out: no n-gram of a word is known" if len(kept) < len(asked) else ""
        numbers.append(replace(number, baselines={"spelling alone": spelled, **number.baselines}, note=note + left))
    return numbers


def _spelling(a: str, b: str) -> float:
    """Return the cosine of two words as bags of their n-grams of 3 to 6 letters, between < and >."""
    one, other = (Counter(f"<{w}>"[i : i + n] for n in range(3, 7) for i in range(len(w) + 3 - n)) for w in (a, b))
    both = np.sqrt(sum(k * k for k in one.values()) * sum(k * k for k in other.values()))
    return float(sum(k * other[gram] for gram, k in one.items()) / both) if both else 0.0
