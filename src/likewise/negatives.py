"""Hard negatives: a model and pairs of texts in; texts that look like an anchor's positive and belong to others out.

Chosen with an eye on the positive, as in NV-Retriever (Moreira et al. 2024, arXiv:2407.15831): what is about as like an
anchor as its own positive may well be another right answer, and is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from likewise.contracts import Array
from likewise.errors import DataError, OptionError, RunError, RunExists
from likewise.files import atomic
from likewise.kernels.neighbours import top_k
from likewise.session import Note, Progress, Session
from likewise.sources.text_pairs import Data, open_pairs
from likewise.text_models import Model, open_model

COUNT: Final = 3
MARGIN: Final = 0.95  # "TopK-PercPos" of the paper, and the share that it found best
_STAGE: Final = "mine"
_AT_ONCE: Final = 1024  # pairs
_MORE: Final = 16  # candidates that are looked at beyond those wanted, before looking at all
_NUMBERS: Final = 1 << 24  # cosines that are in memory at once
_ENDINGS: Final = (".jsonl", ".ndjson")


class Mined(NamedTuple):
    """A pair, its likeness, and its hard negatives with theirs, the hardest first; fewer than asked where none fit."""

    anchor: str
    positive: str
    likeness: float
    negatives: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Written:
    """What `write_negatives` wrote: pairs, negatives in all, and the pairs that have fewer than were asked for."""

    path: Path
    pairs: int
    negatives: int
    short: int


def negatives(
    model: Model,
    pairs: Data,
    *,
    count: int = COUNT,
    margin: float = MARGIN,
    pooling: str | None = None,
    session: Session | None = None,
) -> list[Mined]:
    """Return for each pair up to `count` hard negatives: positives of other anchors that are most like this anchor.

    Left out are the anchor's own positives, texts equal to it or to them, and whatever is not below `margin` of its
    positive's cosine (below c − (1 − margin)·|c|, which is margin·c where c ≥ 0). `pairs` are a file with columns
    anchor and positive, an iterable of two texts each, or what `likewise.sources.text_pairs.open_pairs` makes of other
    columns; negatives that are there already are passed over. Every candidate is compared.

    Raises DataError for less than two different positives.
    """
    if count < 1:
        raise OptionError(f"count is {count}: ask for at least one negative")
    if not 0 < margin <= 1:
        raise OptionError(f"margin is {margin}: a share above 0 and up to 1 is needed; 0.95 is usual")
    session, opened = session or Session(), open_model(model, pooling=pooling)
    kept = _read(pairs, session)
    candidates = list(dict.fromkeys(positive for _, positive in kept))
    if len(candidates) < 2:
        raise DataError(
            f"{'one positive' if candidates else 'no pair'} came: negatives are positives of other anchors, so it "
            "takes two different ones"
        )
    texts = list(dict.fromkeys([*candidates, *(anchor for anchor, _ in kept)]))  # candidates are the first rows
    row = {text: number for number, text in enumerate(texts)}
    keys = {text: key for pair, key in reversed(kept.items()) for text in pair}
    x = opened.units([(keys[text], text) for text in texts], session, unknown="their pairs get no negatives")
    a, b = (np.array([row[pair[side]] for pair in kept]) for side in (0, 1))
    likeness = np.einsum("nd,nd->n", x[a], x[b])
    limits = np.where(x[a].any(1) & x[b].any(1), likeness - (1 - margin) * np.abs(likeness), -np.inf)
    known = np.flatnonzero(x[: len(candidates)].any(axis=1))
    own = _own(list(kept), {texts[candidate]: number for number, candidate in enumerate(known)})
    found = _mined(x[a], x[known], own, limits, count, session)
    return [
        Mined(anchor, positive, float(like), tuple((texts[known[number]], score) for number, score in some))
        for (anchor, positive), like, some in zip(kept, likeness, found, strict=True)
    ]


def write_negatives(
    model: Model,
    pairs: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    count: int = COUNT,
    margin: float = MARGIN,
    pooling: str | None = None,
    column: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    overwrite: bool = False,
    session: Session | None = None,
) -> Written:
    """Write the pairs of a file with their hard negatives as JSONL: anchor, positive, negative_1 …, null where none is.

    The file appears when it is whole. Raises RunExists where it is there already, and as `negatives` does.
    """
    target = Path(out)
    if target.suffix.lower() not in _ENDINGS:
        raise OptionError(f"{target} is written as JSONL: give it a name that ends in {' or '.join(_ENDINGS)}")
    if target.exists() and Path(pairs).exists() and target.samefile(pairs):
        raise OptionError(f"{target} is what is read: choose another --out")
    if target.exists() and not overwrite:
        raise RunExists(f"{target} exists: choose another --out, or replace it with --overwrite")
    source = open_pairs(pairs, column=column, encoding=encoding, errors=errors)
    found = negatives(model, source, count=count, margin=margin, pooling=pooling, session=session)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic(target) as file:
            for one in found:
                file.write(json.dumps(_record(one, count), ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise RunError(f"could not write {target}: {error.strerror or error}; choose another place") from error
    lengths = [len(one.negatives) for one in found]
    return Written(target, len(found), sum(lengths), sum(length < count for length in lengths))


def _record(one: Mined, count: int) -> dict[str, Any]:
    texts: list[str | None] = [text for text, _ in one.negatives]
    texts += [None] * (count - len(texts))
    columns = {f"negative_{number}": text for number, text in enumerate(texts, 1)}
    return {"anchor": one.anchor, "positive": one.positive, **columns}


def _read(pairs: Data, session: Session) -> dict[tuple[str, str], str]:
    """Return pairs, each once, with their keys; those with an empty side are left out, which is told."""
    kept: dict[tuple[str, str], str] = {}
    count = empty = again = 0
    for key, (anchor, positive, *_) in open_pairs(pairs):
        count += 1
        if not anchor.strip() or not positive.strip():
            empty += 1
        elif (anchor, positive) in kept:
            again += 1
        else:
            kept[anchor, positive] = key
    if empty:
        session.tell(Note(f"left out for an empty side: {empty:,} of {count:,} pairs"))
    if again:
        session.tell(Note(f"left out because they came before: {again:,} of {count:,} pairs"))
    return kept


def _own(pairs: Sequence[tuple[str, str]], place: Mapping[str, int]) -> list[list[int]]:
    """Return for each pair the places of candidates that are no negatives of it: positives of its anchor, itself."""
    of: dict[str, set[str]] = {}
    for anchor, positive in pairs:
        of.setdefault(anchor, {anchor}).add(positive)
    return [sorted(place[text] for text in of[anchor] if text in place) for anchor, _ in pairs]


def _mined(
    anchors: Float32[Array, "n d"],
    candidates: Float32[Array, "m d"],
    own: Sequence[Sequence[int]],
    limits: Float[Array, " n"],
    count: int,
    session: Session,
) -> list[list[tuple[int, float]]]:
    """Return for each pair the rows of its negatives and their cosines, the largest first."""
    found: list[list[tuple[int, float]]] = []
    with session.stage(_STAGE) as facts:
        for low in range(0, len(own), _AT_ONCE):
            some = slice(low, min(low + _AT_ONCE, len(own)))
            found += _below(anchors[some], candidates, own[some], limits[some], count)
            session.tell(Progress(_STAGE, some.stop, len(own), "pairs"))
            if session.stopped:
                raise KeyboardInterrupt
        facts["pairs"] = len(own)
    return found


def _below(
    anchors: Float32[Array, "n d"],
    candidates: Float32[Array, "m d"],
    without: Sequence[Sequence[int]],
    limits: Float[Array, " n"],
    count: int,
) -> list[list[tuple[int, float]]]:
    """Return for each anchor the candidates nearest below its limit: of the nearest ones, else of all."""
    if not len(candidates):
        return [[] for _ in without]
    width = max(map(len, without))
    exclude = np.array([[*rows, *[-1] * (width - len(rows))] for rows in without])
    rows, scores = top_k(anchors, candidates, count + _MORE, exclude=exclude)
    found = [_best(*each, count) for each in zip(rows, scores, limits, strict=True)]
    few = [number for number, best in enumerate(found) if len(best) < count and np.isfinite(limits[number])]
    high = max(1, _NUMBERS // len(candidates))
    for low in range(0, len(few) if rows.shape[1] < len(candidates) else 0, high):
        some = few[low : low + high]
        every = anchors[some] @ candidates.T
        for number, line in zip(some, every, strict=True):
            line[without[number]] = -np.inf
            line[line >= limits[number]] = -np.inf
            first = np.argpartition(-line, count - 1)[:count]
            order = first[np.lexsort((first, -line[first]))]
            found[number] = _best(order, line[order], limits[number], count)
    return found


def _best(rows: Array, scores: Array, limit: float, count: int) -> list[tuple[int, float]]:
    fits = np.flatnonzero((rows >= 0) & np.isfinite(scores) & (scores < limit))[:count]
    return [(int(rows[i]), float(scores[i])) for i in fits]
