"""Search in texts: a model, questions and texts in; for each question the texts that are most like it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, overload

import numpy as np

from likewise.errors import DataError, OptionError
from likewise.kernels.neighbours import METRICS, top_k
from likewise.session import Note, Session
from likewise.sources.text import Data, open_text
from likewise.text_models import Model, open_model

_STAGE: Final = "search"


class Found(NamedTuple):
    """One answer: where the text stands (`file:line`), the text, its score."""

    key: str
    text: str
    score: float


@overload
def near_texts(
    model: Model, question: str, texts: Data, k: int = 10, *, metric: str = "cosine", pooling: str | None = None,
    session: Session | None = None,
) -> list[Found]: ...  # fmt: skip
@overload
def near_texts(
    model: Model, question: list[str] | tuple[str, ...], texts: Data, k: int = 10, *, metric: str = "cosine",
    pooling: str | None = None, session: Session | None = None,
) -> list[list[Found]]: ...  # fmt: skip
def near_texts(
    model: Model,
    question: str | Sequence[str],
    texts: Data,
    k: int = 10,
    *,
    metric: str = "cosine",
    pooling: str | None = None,
    session: Session | None = None,
) -> list[Found] | list[list[Found]]:
    """Return the k texts that are most like a question, best first, or a list of such lists for several.

    `model` is a run, the folder of a checkpoint, or an encoder; `texts` are a file, a folder, an iterable, or what
    `likewise.sources.text.open_text` makes of a column. Search is exact, and memory does not grow with their number.
    `metric` is as in `Space.near`. A text whose vector is zero, for none of its words is known, is no answer.

    Raises OptionError for a question of which nothing is known, DataError where there are no texts.
    """
    if metric not in METRICS:
        raise OptionError(f"metric {metric!r}: metrics are {', '.join(METRICS)}")
    session, opened = session or Session(), open_model(model, pooling=pooling)
    source = open_text(texts)
    asked = opened.questions([question] if isinstance(question, str) else list(question))
    best: list[list[Found]] = [[] for _ in asked]
    read = unknown = 0
    with session.stage(_STAGE) as facts:
        for block in opened.blocks(source, session, _STAGE, task="document"):
            known = np.flatnonzero(block.vectors.any(axis=1))
            read, unknown = read + len(block.texts), unknown + len(block.texts) - len(known)
            if len(known):
                rows, scores = top_k(asked, block.vectors[known], k, metric=metric)
                for number, row in enumerate(known[rows]):
                    found = (
                        Found(block.keys[r], block.texts[r], float(s)) for r, s in zip(row, scores[number], strict=True)
                    )
                    best[number] = _best([*best[number], *found], k, metric)
        facts["texts"] = read
    if not read:
        raise DataError(f"{source.name} holds no texts: there is nothing to search in")
    if unknown:
        session.tell(Note(f"of {unknown:,} of {read:,} texts nothing is known to {opened.name}: they are no answers"))
    return best[0] if isinstance(question, str) else best


def _best(found: list[Found], k: int, metric: str) -> list[Found]:
    """Return the k best; of equal scores the earlier text comes first."""
    sign = 1 if metric == "euclidean" else -1
    return sorted(found, key=lambda one: sign * one.score)[:k]
