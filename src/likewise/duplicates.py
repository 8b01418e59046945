"""Near-duplicates: a model and texts in; groups of texts that hardly differ, each with its lowest likeness, out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float32, Int64

from likewise.contracts import Array
from likewise.errors import DataError, OptionError
from likewise.session import Note, Progress, Session
from likewise.sources.text import Data, open_text
from likewise.text_models import Model, checked, open_model

AT_LEAST: Final = 0.95
_HIGH, _WIDE = 1024, 2048  # of the cosines that are in memory at once
_MANY: Final = 10_000  # close pairs of them, after which it is worth asking which are in one group already
_TELLS = 4  # times as far apart as what is asked for two texts must be in the mean, or it tells little
_ROUNDING: Final = 1e-6  # of a cosine in float32


@dataclass(frozen=True)
class Group:
    """Texts that hardly differ, by key (`file:line`) in their order; `lowest` is the least cosine of two of them.

    Texts are in one group where a chain of pairs leads from one to the other, so `lowest` may be below what was asked.
    """

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    lowest: float


@dataclass(frozen=True)
class Duplicates:
    """The groups, the largest first; how many texts were read, and how many of those were different strings."""

    groups: tuple[Group, ...]
    count: int
    distinct: int
    at_least: float

    @property
    def grouped(self) -> int:
        """How many texts are in a group."""
        return sum(len(group.keys) for group in self.groups)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "texts": self.count,
            "distinct": self.distinct,
            "at_least": self.at_least,
            "groups": [
                {"lowest": group.lowest, "keys": list(group.keys), "texts": list(group.texts)} for group in self.groups
            ],
        }


def duplicates(
    model: Model,
    texts: Data,
    *,
    at_least: float = AT_LEAST,
    pooling: str | None = None,
    session: Session | None = None,
) -> Duplicates:
    """Group the texts of which two have a cosine of `at_least`, and those that are equal letter by letter.

    Every pair is compared, a block at a time: memory holds the texts, a vector for each different one, and a block.
    `model` and `texts` are as in `near_texts`. Raises DataError for less than two texts.
    """
    if not 0 < at_least <= 1:
        raise OptionError(f"at_least is {at_least}: a cosine above 0 and up to 1 is needed; 0.95 is usual")
    session, opened = session or Session(), open_model(model, pooling=pooling)
    source = open_text(texts)
    rows: dict[str, list[int]] = {}
    keys: list[str] = []
    for key, text in source:
        rows.setdefault(checked(key, text), []).append(len(keys))
        keys.append(key)
    if len(keys) < 2:
        raise DataError(f"{source.name} holds {len(keys) or 'no'} text{'' if keys else 's'}: it takes two to be alike")
    distinct = list(rows)
    x = opened.units([(keys[rows[text][0]], text) for text in distinct], session, unknown="only equal ones are grouped")
    _warn(x, at_least, opened.name, session)
    groups = []
    for members in _members(_grouped(x, at_least - _ROUNDING, session)):
        where = sorted((row, distinct[member]) for member in members for row in rows[distinct[member]])
        if len(where) > 1:
            lowest = _lowest(x[members])
            groups.append(Group(tuple(keys[row] for row, _ in where), tuple(text for _, text in where), lowest))
    groups.sort(key=lambda group: -len(group.keys))
    return Duplicates(tuple(groups), len(keys), len(distinct), at_least)


def _warn(x: Float32[Array, "n d"], at_least: float, name: str, session: Session) -> None:
    """Tell where any two texts are nearly as alike as asked, as they are to a network that has learned no likeness."""
    known = x[x.any(axis=1)]
    if len(known) < 2:
        return
    total, n = known.sum(0, dtype=np.float64), len(known)
    usual = (float(total @ total) - n) / (n * (n - 1))  # the mean cosine of two texts
    if 1 - usual < _TELLS * (1 - at_least):
        session.tell(
            Note(
                f"two texts have a cosine of {usual:.3f} in the mean to {name}, so {at_least:g} says little: read the "
                "groups before anything goes, or take a network that has learned to tell texts apart (simcse, pairs)"
            )
        )


def _grouped(x: Float32[Array, "n d"], limit: float, session: Session) -> Int64[Array, " n"]:
    """Return for each row the first row of its group."""
    roots = np.arange(len(x))
    pairs, done = len(x) * (len(x) - 1) // 2, 0
    with session.stage("compare") as facts:
        for high, wide in _tiles(len(x)):
            close = x[high] @ x[wide].T >= limit
            if np.count_nonzero(close) > _MANY:
                close &= roots[high, None] != roots[wide]
            a, b = np.nonzero(close)
            roots = _joined(roots, a + high.start, b + wide.start)
            done = min(pairs, done + (high.stop - high.start) * (wide.stop - wide.start))
            session.tell(Progress("compare", done, pairs, "pairs"))
            if session.stopped:
                raise KeyboardInterrupt
        facts["pairs"] = pairs
    return roots


def _tiles(n: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of rows and columns that cover every pair of n rows once, and some twice."""
    for low in range(0, n, _HIGH):
        for start in range(low, n, _WIDE):
            yield slice(low, min(low + _HIGH, n)), slice(start, min(start + _WIDE, n))


def _joined(roots: Int64[Array, " n"], a: Array, b: Array) -> Int64[Array, " n"]:
    """Return the first row of each row's group once the rows a and b are in one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = roots[a], roots[b]
    apart = left != right
    if not apart.any():
        return roots
    edges = np.unique(left[apart] * len(roots) + right[apart])
    names, where = np.unique(np.concatenate(np.divmod(edges, len(roots))), return_inverse=True)
    graph = coo_matrix((np.ones(len(edges)), np.split(where, 2)), shape=(len(names), len(names)))
    count, labels = connected_components(graph, directed=False)
    first = np.full(count, len(roots))
    np.minimum.at(first, labels, names)
    into = np.arange(len(roots))
    into[names] = first[labels]
    return into[roots]


def _members(roots: Int64[Array, " n"]) -> list[Int64[Array, " m"]]:
    """Return the rows of each group, in the order of their first."""
    order = np.argsort(roots, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(roots[order])) + 1)


def _lowest(x: Float32[Array, "m d"]) -> float:
    """Return the least cosine of two rows, 1 for one row."""
    return min(1.0, *(float((x[high] @ x[wide].T).min()) for high, wide in _tiles(len(x)))) if len(x) > 1 else 1.0
