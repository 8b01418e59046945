"""A table of words and their n-grams as an encoder: texts or words in, seen ones and unseen ones; vectors out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from likewise.contracts import Array, State
from likewise.errors import ShapeError
from likewise.files import digest_of_bytes, digest_of_json
from likewise.kernels.subwords import row_means
from likewise.space import Space
from likewise.space.content import ContentDigest, digest_of_content
from likewise.words.phrases import Phrases
from likewise.words.pooling import Poolings
from likewise.words.subwords import Subwords, ngram_buckets, subwords
from likewise.words.table import WordTable

VERSION = 1
_TEXTS_AT_ONCE = 4096


class Embedded(NamedTuple):
    """Vectors of texts, and how many words of each text were known, placed by their letters, or neither."""

    vectors: Float32[Array, "n d"]
    known: Int[Array, " n"]
    by_letters: Int[Array, " n"]
    unknown: Int[Array, " n"]


class Placed(NamedTuple):
    """Vectors of words: which of them were `seen`, and of each that was not, how many of its n-grams are known.

    A word that was not seen and of whose n-grams none is known has zeros.
    """

    vectors: Float32[Array, "n d"]
    seen: Bool[Array, " n"]
    known: Int[Array, " n"]
    ngrams: Int[Array, " n"]

    @property
    def found(self) -> Bool[Array, " n"]:
        """Which words have a place: seen ones, and those with a known n-gram."""
        return np.asarray(self.seen | (self.known > 0))


@final
class SubwordTable:
    """An encoder that knows words by their letters: a word is the mean of its own row and of its n-grams' rows.

    `rows` holds the words' own rows, then those of the buckets that `parts` has in use. A word that was not seen is
    the mean over its n-grams; those whose bucket has no row count as zeros, as in a table that has all buckets
    (Bojanowski et al. 2017, arXiv:1607.04606, and fastText's files). A text is the mean over its words. `tokenizer`
    and `cutter` are as in WordTable; `output` are the vectors of the other side of training.

    >>> words = ["good", "bad"]
    >>> parts = subwords(words, min_n=3, max_n=3)
    >>> table = SubwordTable(words, np.eye(parts.size), parts)
    >>> table.embed(["goods"], kind="word").nonzero()[1].tolist()  # of <go goo ood ods ds>: three are known
    [3, 5, 7]
    """

    kind = "subword-table"

    def __init__(
        self,
        words: Sequence[str],
        rows: Float[Array, "r d"],
        parts: Subwords,
        *,
        items: Mapping[str, Any] | None = None,
        output: Float[Array, "n d"] | None = None,
        tokenizer: Mapping[str, Any] | None = None,
        cutter: Callable[[str], Sequence[str]] | None = None,
        poolings: Poolings | None = None,
    ) -> None:
        if len(words) != parts.words or len(rows) != parts.size:
            raise ShapeError(
                f"{len(words):,} words and {len(rows):,} rows came; their parts are {parts.words:,} words and "
                f"{parts.size:,} rows: make them of the same words"
            )
        self.rows, self.parts = np.ascontiguousarray(rows, np.float32), parts
        space = Space(words, row_means(self.rows, parts.rows, parts.starts), items=items)
        self._words = WordTable(
            space,
            output=output,
            tokenizer=tokenizer,
            cutter=cutter,
            fingerprint=_fingerprint(words, self.rows, parts, tokenizer or {}),
            poolings=poolings,
        )

    def with_component(self, component: Float[Array, " d"]) -> Self:
        """Return the same table, which can pool texts by SIF, too."""
        new = copy.copy(self)
        new._words = self._words.with_component(component)
        return new

    def fingerprint_of(self, kind: str) -> str:
        """Return the fingerprint of what `embed` makes of `kind`: texts of two poolings are never of one space."""
        return self._words.fingerprint_of(kind)

    @property
    def space(self) -> Space:
        """One vector a word, each the mean of its rows."""
        return self._words.space

    @property
    def fingerprint(self) -> str:
        """The digest of words, rows, lengths of n-grams, buckets and tokeniser (not of the output vectors)."""
        return self._words.fingerprint

    @property
    def tokenizer(self) -> Mapping[str, Any]:
        """The options with which the words were found."""
        return self._words.tokenizer

    @property
    def phrases(self) -> Phrases | None:
        """The phrases that are words of the table, if any were looked for."""
        return self._words.phrases

    @property
    def output(self) -> Float[Array, "n d"] | None:
        """The vectors of the other side of training, if they were kept."""
        return self._words.output

    @property
    def poolings(self) -> Poolings:
        """The ways in which it can take the words of a text together."""
        return self._words.poolings

    @property
    def dim(self) -> int:
        """The number of dimensions of its vectors."""
        return self._words.dim

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Return a row for each text (kind `text`, the default), or for each word (`word`), unseen ones by letters.

        `text:mean`, `text:weighted` and `text:sif` are as in WordTable. KeyMissing if a word is unseen and none of its
        n-grams is known.
        """
        if kind == "word":
            return self.embed_words(objects)
        return self.embed_texts(objects, kind=kind or "text").vectors

    def embed_words(self, words: Sequence[str]) -> Float32[Array, "n d"]:
        """Return the vector of each word; KeyMissing where neither it nor one of its n-grams is known."""
        placed = self.place(words)
        if not placed.found.all():
            self.space.index(words[int(np.argmin(placed.found))])  # raises, and says what is spelled like it
        return placed.vectors

    def place(self, words: Sequence[str]) -> Placed:
        """Return the vector of each word, by its letters where it was not seen, and what each rests on.

        Case is folded where the table's own text was, for words that are not there as they stand.
        """
        fold = bool(self.tokenizer.get("lowercase", False))
        found = [row if (row := self.space.row(word)) is not None or not fold else self.space.row(word.lower())
                 for word in words]  # fmt: skip
        seen = np.array([row is not None for row in found], bool)
        vectors = np.empty((len(words), self.dim), np.float32)
        vectors[seen] = self.space.vectors[[row for row in found if row is not None]]
        unseen = [word.lower() if fold else word for word, row in zip(words, found, strict=True) if row is None]
        known, ngrams = np.zeros((2, len(words)), np.int64)
        vectors[~seen], known[~seen], ngrams[~seen] = self._by_letters(unseen)
        return Placed(vectors, seen, known, ngrams)

    def by_letters(self, words: Sequence[str]) -> tuple[Float32[Array, "n d"], Bool[Array, " n"]]:
        """Return the mean of each word's n-grams, and whether any of them is known; without one it is zero.

        These are fastText's vectors of words that are not in its dictionary.
        """
        vectors, known, _ = self._by_letters(words)
        return vectors, np.asarray(known > 0)

    def _by_letters(self, words: Sequence[str]) -> tuple[Float32[Array, "n d"], Int[Array, " n"], Int[Array, " n"]]:
        """Return each word's vector, how many of its n-grams have a row, and how many n-grams it has."""
        parts = self.parts
        found, starts = ngram_buckets(words, min_n=parts.min_n, max_n=parts.max_n, buckets=parts.buckets)
        places = np.searchsorted(parts.used, found)
        known = np.zeros(len(found), bool)
        inside = places < len(parts.used)
        known[inside] = parts.used[places[inside]] == found[inside]
        at = np.concatenate([np.zeros(1, np.int64), np.cumsum(known)])[starts]
        counts, all_counts = np.diff(at), np.diff(starts)
        vectors = row_means(self.rows, parts.words + places[known], at)
        share = counts / np.maximum(all_counts, 1)  # what has no row is a zero that the mean counts
        return (vectors * share[:, None]).astype(np.float32), counts, all_counts

    def embed_texts(self, texts: Sequence[str | Sequence[str]], *, kind: str = "text") -> Embedded:
        """Return each text's vector of its words, seen or placed by letters (zero where there is none), and counts."""
        weighing = self.poolings.of(kind)
        vectors = np.zeros((len(texts), self.dim), np.float32)
        counts = np.zeros((3, len(texts)), np.int64)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            cut = self._words.words_of(texts[start : start + _TEXTS_AT_ONCE])
            unseen = sorted({word for words in cut for word in words if self.space.row(word) is None})
            spelled, placed = self.by_letters(unseen)
            at = {word: i for i, word in enumerate(unseen) if placed[i]}
            for i, words in enumerate(cut, start):
                own = [row for word in words if (row := self.space.row(word)) is not None]
                letters = [at[word] for word in words if word in at]
                counts[:, i] = len(own), len(letters), len(words) - len(own) - len(letters)
                if own or letters:
                    some = np.concatenate([self.space.vectors[own], spelled[letters]])
                    vectors[i] = some.mean(axis=0, dtype=np.float64) if weighing is None else weighing.text(some, own)
        return Embedded(vectors, *counts)

    def state(self) -> State:
        """Return all that is needed to make the table again, as plain arrays and JSON."""
        arrays = {"rows": self.rows} | ({} if self.output is None else {"output": self.output})
        arrays |= {"used": self.parts.used} if self.parts.spare else {}
        about = {"kind": self.kind, "version": VERSION, "dim": self.dim, "tokenizer": dict(self.tokenizer)}
        pooled, how = self.poolings.state()
        return arrays | pooled, about | {"words": list(self.space.keys), "pooling": how} | _options(self.parts)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make a table from `state()`; the rows of each word follow from its letters, and `used` where it is more."""
        arrays, about = state
        options = {name: about[name] for name in ("min_n", "max_n", "buckets")}
        parts = subwords(about["words"], **options, used=arrays.get("used"))
        items = {"count": arrays["count"]} if "count" in arrays else {}
        poolings = Poolings(items, arrays["rows"].shape[1], component=arrays.get("component"), **about["pooling"])
        given = {"items": items, "output": arrays.get("output"), "tokenizer": about["tokenizer"], "poolings": poolings}
        return cls(about["words"], arrays["rows"], parts, **given)


def _options(parts: Subwords) -> dict[str, int]:
    return {"min_n": parts.min_n, "max_n": parts.max_n, "buckets": parts.buckets}


def _fingerprint(words: Sequence[str], rows: Array, parts: Subwords, tokenizer: Mapping[str, Any]) -> str:
    n = len(words)
    buckets = digest_of_bytes(parts.used.astype("<i8").tobytes())
    shared = ContentDigest()
    shared.add([], rows[n:])
    digests = [digest_of_content(words, rows[:n]), buckets, shared.value]
    return digest_of_json(["subword-table", VERSION, *digests, _options(parts), dict(tokenizer)])
