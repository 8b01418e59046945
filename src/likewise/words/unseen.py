"""Unseen words: a space, its encoder and some words in, their vectors or a space that holds them, too, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from likewise.space import Space
from likewise.words.subword_table import Placed, SubwordTable


def place(space: Space, encoder: Any, words: Sequence[str]) -> Placed:
    """Return the vectors of words: the space's own, or by their letters where the encoder has n-grams."""
    if isinstance(encoder, SubwordTable):
        return encoder.place(words)
    rows = [space.row(word) for word in words]
    seen = np.array([row is not None for row in rows], bool)
    vectors = np.zeros((len(words), space.dim), np.float32)
    vectors[seen] = space.vectors[[row for row in rows if row is not None]]
    return Placed(vectors, seen, *np.zeros((2, len(words)), np.int64))


def with_words(space: Space, encoder: Callable[[], Any], words: Iterable[str]) -> Space:
    """Return the space with the words that it lacks, the encoder asked for only then; KeyMissing without a place."""
    unseen = [word for word in dict.fromkeys(words) if word not in space]
    if not unseen:
        return space
    placed = place(space, encoder(), unseen)
    if not placed.found.all():
        space.index(unseen[int(np.argmin(placed.found))])  # raises, and says what is spelled like it
    items = {"count": np.zeros(len(unseen), np.int64)}
    more = Space(unseen, placed.vectors, fingerprint=space.fingerprint, items=items, kind=space.kind)
    return space.join(more)
