"""Growth: a table that was learned and the words of a new text in; one vocabulary, and rows to begin from, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float32, Int, Int32, Int64

from likewise.contracts import Array
from likewise.errors import DataError, RunError
from likewise.kernels.text import Counter
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import Subwords, subwords
from likewise.words.table import WordTable
from likewise.words.vocabulary import Vocabulary

Table: TypeAlias = WordTable | SubwordTable

_AT_ONCE = 1 << 16  # words of a text that are looked up together, so that its rare ones are not all in memory


@dataclass(frozen=True)
class Start:
    """Rows to begin from where others begin at random: `vectors[i]` in row `rows[i]`, `output[i]` in row `words[i]`."""

    vectors: Float32[Array, "r d"]
    rows: Int[Array, " r"]
    output: Float32[Array, "n d"]
    words: Int[Array, " n"]


def vocabulary_of(table: Table) -> Vocabulary:
    """Return the words of a table with the counts that it kept; RunError where it has none."""
    counts = table.space.items.get("count")
    if counts is None:
        raise RunError("it does not know how often its words were seen, so new text cannot be weighed against old")
    counts = np.asarray(counts, np.int64)
    return Vocabulary(table.space.keys, counts, raw_words=int(counts.sum()), raw_vocabulary=len(counts))


def grown_vocabulary(
    known: Vocabulary, counter: Counter, counts: Int64[Array, " n"], name: str, *, min_count: int, most: int | None
) -> tuple[Vocabulary, Int32[Array, " n"]]:
    """Return the known words and those that join them, and for each number of the counter the word's, or -1.

    `counts` are how often each of the counter's words is there, phrases joined. Every known word stays. A new one
    joins if the new text alone has it `min_count` times, the frequent ones first, up to `most` words in all. Counts
    are those of both texts, `here` those of the new one. Words of one count stand in the order in which they were
    known, then in that of first appearance.
    """
    places = _places(known, counter)
    old = places >= 0
    order = np.argsort(-counts, kind="stable")
    joining = order[~old[order] & (counts[order] >= min_count)]
    joining = joining if most is None else joining[: max(0, most - len(known))]
    if not len(joining) and not counts[old].any():
        raise DataError(
            f"none of the {np.count_nonzero(counts):,} words of {name} is known, and none may join: is it of the same "
            "language, and written in the same way? A lower min_count lets more words join"
        )
    here = np.zeros(len(known) + len(joining), np.int64)
    here[places[old]], here[len(known) :] = counts[old], counts[joining]
    both = here + np.pad(known.counts, (0, len(joining)))
    ranked = np.argsort(-both, kind="stable")
    row = np.empty(len(ranked), np.int32)
    row[ranked] = np.arange(len(ranked), dtype=np.int32)
    renumbered = np.full(len(counts), -1, np.int32)
    renumbered[old], renumbered[joining] = row[places[old]], row[len(known) :]
    words = [*known.words, *counter.words(joining)]
    grown = Vocabulary(
        [words[i] for i in ranked.tolist()],
        both[ranked],
        raw_words=int(counts.sum()),
        raw_vocabulary=int(np.count_nonzero(counts)),
        here=here[ranked],
    )
    return grown, renumbered


def _places(known: Vocabulary, counter: Counter) -> Int64[Array, " n"]:
    """Return for each word of the counter its place among the known ones, or -1."""
    places = np.empty(counter.size, np.int64)
    for low in range(0, counter.size, _AT_ONCE):
        some = np.arange(low, min(low + _AT_ONCE, counter.size))
        places[some] = [known.index.get(word, -1) for word in counter.words(some)]
    return places


def told_growth(known: Vocabulary, grown: Vocabulary) -> str:
    """Say in a sentence what came to be known and what was met again."""
    old = np.array([grown.index[word] for word in known.words], np.int64)
    assert grown.here is not None
    met, joined = int((grown.here[old] > 0).sum()), len(grown) - len(known)
    joining = f"{joined:,} new word{'s join' if joined > 1 else ' joins'}" if joined else "no new word joins"
    return f"{met:,} of the {len(known):,} known words are in the new text; {joining}"


def grown_parts(table: Table, words: Sequence[str]) -> Subwords:
    """Return the rows of words and n-grams: buckets that the table has stay, and new ones come between them."""
    assert isinstance(table, SubwordTable)
    parts = table.parts
    options: dict[str, Any] = {"min_n": parts.min_n, "max_n": parts.max_n, "buckets": parts.buckets}
    own = subwords(words, **options)
    used = np.union1d(own.used, parts.used)
    return own if len(used) == len(own.used) else subwords(words, **options, used=used)


def start_from(table: Table, vocabulary: Vocabulary, parts: Subwords | None) -> Start:
    """Return the rows of a table at their places among the words of a vocabulary and the n-grams of `parts`.

    What has no row yet is left to chance. Then a new word of word2vec is near nothing; one that is made of n-grams
    begins near the words that share them.
    """
    assert table.output is not None
    words = np.array([vocabulary.index[word] for word in table.space.keys], np.int64)
    if parts is None or isinstance(table, WordTable):
        return Start(table.space.vectors, words, table.output, words)
    buckets = len(vocabulary) + np.searchsorted(parts.used, table.parts.used)
    return Start(table.rows, np.concatenate([words, buckets]), table.output, words)
