"""Rankings: what was found and how relevant it is in; nDCG, average precision, recall and reciprocal rank out.

A document of grade g gives g / log2(1 + place): gains are linear (Järvelin and Kekäläinen 2002, "Cumulated gain-based
evaluation of IR techniques"), as in trec_eval and scikit-learn, and not 2^g − 1 (Burges et al. 2005). A grade of 0 or
less, or none, is not relevant. Documents of equal score have no order: a measure is its mean over all their orders
(McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the presence of tied
scores"), so a ranking that says nothing is worth what chance is, whatever the order of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.errors import DataError, OptionError, ShapeError
from likewise.evaluate.intervals import bootstrap_mean

Found: TypeAlias = Mapping[str, Mapping[str, float] | Sequence[str]]
"""By query, the scores of documents by their names, or names alone, the best first."""
Judgements: TypeAlias = Mapping[str, Mapping[str, float]]
"""By query, the grades of documents by their names."""


def ndcg(
    ranked: Float[Array, " r"],
    *,
    k: int = 10,
    judged: Float[Array, " j"] | None = None,
    scores: Float[Array, " r"] | None = None,
) -> float:
    """Return the discounted cumulative gain of the first k over the best there could be; 0 where nothing is relevant.

    `ranked` are grades, the best first. `judged` are those of all that could be found; without it `ranked` holds them
    all. `scores` fall along `ranked`, and equal ones are tied.
    """
    gains = _in_groups(_gains(ranked), scores)
    best = np.sort(_gains(ranked if judged is None else judged))[::-1]
    ideal = _discounted(best, k)
    return _discounted(gains, k) / ideal if ideal > 0 else 0.0


def average_precision(
    ranked: Float[Array, " r"], *, relevant: int | None = None, scores: Float[Array, " r"] | None = None
) -> float:
    """Return the mean, over relevant documents, of the precision where each stands; 0 for one that was not found.

    `relevant` is how many there are; without it `ranked` holds them all.
    """
    there = np.asarray(ranked, np.float64) > 0
    count = int(there.sum()) if relevant is None else relevant
    if count <= 0 or not len(there):
        return 0.0
    starts, sizes = _groups(len(there), scores)
    inside = np.add.reduceat(there.astype(np.float64), starts)
    before = np.cumsum(inside) - inside
    place = np.arange(1, len(there) + 1)
    within = place - 1 - np.repeat(starts, sizes)  # how many of the same group stand before, in any order
    others = np.repeat((inside - 1) / np.maximum(sizes - 1, 1), sizes)  # share of them that is relevant, if this one is
    found = np.repeat(before, sizes) + 1 + within * np.maximum(others, 0)
    return float((np.repeat(inside / sizes, sizes) * found / place).sum() / count)


def recall_at(
    ranked: Float[Array, " r"],
    *,
    k: int = 100,
    relevant: int | None = None,
    scores: Float[Array, " r"] | None = None,
) -> float:
    """Return the share of the relevant documents that is among the first k; 0 where there are none."""
    there = (np.asarray(ranked, np.float64) > 0).astype(np.float64)
    count = int(there.sum()) if relevant is None else relevant
    return float(_in_groups(there, scores)[: _checked(k)].sum() / count) if count > 0 else 0.0


def reciprocal_rank(ranked: Float[Array, " r"], *, scores: Float[Array, " r"] | None = None) -> float:
    """Return 1 / the place of the first relevant document; 0 where none was found."""
    there = np.asarray(ranked, np.float64) > 0
    if not there.any():
        return 0.0
    starts, sizes = _groups(len(there), scores)
    inside = np.add.reduceat(there.astype(np.int64), starts)
    first = int(np.flatnonzero(inside)[0])
    before, size, hits = int(starts[first]), int(sizes[first]), int(inside[first])
    i = np.arange(size - hits + 1)
    missed = np.cumprod(np.concatenate([[1.0], 1 - hits / (size - i[:-1])]))  # none of the i before was relevant
    return float((missed * hits / (size - i) / (before + i + 1)).sum())


def rankings(
    found: Found,
    judgements: Judgements,
    *,
    k: int = 10,
    deep: int = 100,
    documents: int | None = None,
    name: str = "",
    seed: int = 0,
) -> list[Number]:
    """Return nDCG@k, mean average precision, recall@`deep` and mean reciprocal rank, with intervals over queries.

    A query that nothing was found for counts 0; one without a relevant document is left out, and the note says so.
    `documents` is how many there are to find: then chance, their mean over all orders, stands beside. Raises DataError
    for a score that is no number, a document that comes twice, or no query that is both asked and judged.
    """
    asked = [query for query, grades in judgements.items() if any(grade > 0 for grade in grades.values())]
    if not any(query in found for query in asked):
        raise DataError(
            f"none of {len(found):,} rankings is of one of {len(asked):,} queries with a relevant document: "
            "name queries as the judgements do"
        )
    lists = [_ranked(query, found.get(query, ()), judgements[query]) for query in asked]
    grades = [np.array(list(judgements[query].values()), np.float64) for query in asked]
    note = _note(len(judgements), len(asked), sum(query not in found for query in asked))
    measures: dict[str, Callable[[Array, Array | None, Array], float]] = {
        f"ndcg@{k}": lambda ranked, scores, all_: ndcg(ranked, k=k, judged=all_, scores=scores),
        "map": lambda ranked, scores, all_: average_precision(ranked, relevant=_relevant(all_), scores=scores),
        f"recall@{deep}": lambda ranked, scores, all_: recall_at(
            ranked, k=deep, relevant=_relevant(all_), scores=scores
        ),
        "mrr": lambda ranked, scores, all_: reciprocal_rank(ranked, scores=scores),
    }
    numbers = []
    for what, measure in measures.items():
        values = np.array([measure(*one, all_) for one, all_ in zip(lists, grades, strict=True)])
        low, high = bootstrap_mean(values, seed=seed)
        mean = float(values.mean())
        beside = {} if documents is None else {"chance": _chance(measure, grades, documents)}
        numbers.append(
            Number(f"{name} {what}".strip(), mean, min(low, mean), max(high, mean), len(asked), beside, note)
        )
    return numbers


def scored(
    scores: Float[Array, "q n"], queries: Sequence[str], documents: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return a table of scores by the names of its queries and documents, as `rankings` takes them."""
    if np.shape(scores) != (len(queries), len(documents)):
        raise ShapeError(
            f"scores are {np.shape(scores)}: a row for each of {len(queries)} queries and a column for each of "
            f"{len(documents)} documents are needed"
        )
    table = np.asarray(scores, np.float64).tolist()
    return {query: dict(zip(documents, row, strict=True)) for query, row in zip(queries, table, strict=True)}


def _ranked(
    query: str, found: Mapping[str, float] | Sequence[str], grades: Mapping[str, float]
) -> tuple[Float[Array, " r"], Float[Array, " r"] | None]:
    """Return the grades of what was found, the best first, and the scores, if there are any."""
    if not isinstance(found, Mapping):
        if len(set(found)) < len(found):
            twice = next(one for one in found if list(found).count(one) > 1)
            raise DataError(f"query {query!r} has document {twice!r} twice in its ranking: name each once")
        return np.array([grades.get(document, 0.0) for document in found], np.float64), None
    scores = np.array(list(found.values()), np.float64)
    if np.isnan(scores).any():
        wrong = list(found)[int(np.isnan(scores).argmax())]
        raise DataError(f"query {query!r} has no number as the score of document {wrong!r}: give one, or leave it out")
    order = np.argsort(-scores, kind="stable")
    names = list(found)
    return np.array([grades.get(names[row], 0.0) for row in order], np.float64), scores[order]


def _chance(
    measure: Callable[[Array, Array | None, Array], float], grades: Sequence[Float[Array, " j"]], documents: int
) -> float:
    """Return the mean of a measure over all orders of all documents."""
    found = []
    for known in grades:
        there = np.zeros(max(documents, len(known)))
        there[: len(known)] = known
        found.append(measure(there, np.zeros(len(there)), known))
    return float(np.mean(found))


def _note(judged: int, asked: int, missing: int) -> str:
    without = f"{judged - asked:,} of {judged:,} queries left out: no document is relevant" if judged > asked else ""
    return "; ".join([*([without] if without else []), *([f"no ranking, counted 0: {missing:,}"] if missing else [])])


def _relevant(grades: Float[Array, " j"]) -> int:
    return int((grades > 0).sum())


def _gains(grades: Float[Array, " r"]) -> Float[Array, " r"]:
    return np.maximum(np.asarray(grades, np.float64), 0.0)


def _checked(k: int) -> int:
    if k < 1:
        raise OptionError(f"k is {k}: the first 1 or more of a ranking are looked at")
    return k


def _discounted(gains: Float[Array, " r"], k: int) -> float:
    some = gains[: _checked(k)]
    return float((some / np.log2(np.arange(2, len(some) + 2))).sum())


def _groups(n: int, scores: Float[Array, " r"] | None) -> tuple[Int[Array, " g"], Int[Array, " g"]]:
    """Return where each group of tied places begins, and how many there are in it."""
    if scores is None:
        return np.arange(n), np.ones(n, np.int64)
    if len(scores) != n or (np.diff(scores) > 0).any():
        raise ShapeError(f"{n} grades came with {len(scores)} scores: they must be as many, and fall")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(scores) != 0) + 1]) if n else np.zeros(0, np.int64)
    return starts, np.diff(np.concatenate([starts, [n]]))


def _in_groups(values: Float[Array, " r"], scores: Float[Array, " r"] | None) -> Float[Array, " r"]:
    """Return values, those of tied places as their mean: what each place holds on average over all orders."""
    if scores is None or not len(values):
        return values
    starts, sizes = _groups(len(values), scores)
    result: Array = np.repeat(np.add.reduceat(values, starts) / sizes, sizes)
    return result
