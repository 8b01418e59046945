"""A table of words as an encoder: texts or words in, vectors out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, final

import numpy as np
from jaxtyping import Float, Float32, Int

from likewise.contracts import Array, State
from likewise.errors import OptionError, ShapeError
from likewise.files import digest_of_json
from likewise.kernels.text import TOKENIZERS, cut
from likewise.space import Space
from likewise.words.phrases import Phrases
from likewise.words.pooling import Poolings

VERSION = 1
_TEXTS_AT_ONCE = 4096


class Embedded(NamedTuple):
    """Vectors of texts, and how many words of each text were and were not in the table."""

    vectors: Float32[Array, "n d"]
    known: Int[Array, " n"]
    unknown: Int[Array, " n"]


@final
class WordTable:
    """An encoder that looks words up: a text is a mean of the vectors of its known words, pooled as `poolings` can.

    `tokenizer` are the options with which the words were found, so that new texts are cut in the same way.
    Its `phrases`, as Phrases.as_json() gives them, become one word each.
    `cutter` is the caller's own tokeniser, if there was one: a run on disk keeps only its name.
    `output` are the vectors of the other side of training (word2vec's context vectors), kept for later use.

    >>> table = WordTable(Space(["good", "bad"], np.array([[1.0, 0.0], [-1.0, 0.0]])))
    >>> table.embed(["good good bad bad", "good good", "unheard of"]).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """

    kind = "word-table"

    def __init__(
        self,
        space: Space,
        *,
        output: Float[Array, "n d"] | None = None,
        tokenizer: Mapping[str, Any] | None = None,
        cutter: Callable[[str], Sequence[str]] | None = None,
        fingerprint: str | None = None,
        poolings: Poolings | None = None,
    ) -> None:
        if output is not None and output.shape != space.vectors.shape:
            raise ShapeError(f"output vectors are {output.shape}, vectors are {space.vectors.shape}: they go in pairs")
        self.tokenizer = dict(tokenizer or {})
        self.phrases = Phrases.from_json(self.tokenizer["phrases"]) if "phrases" in self.tokenizer else None
        self.output, self._cutter = output, cutter
        self.fingerprint = fingerprint or fingerprint_of(space, self.tokenizer)
        self.space = space.labelled(self.fingerprint)
        self.poolings = poolings or Poolings(space.items, space.dim)

    def with_component(self, component: Float[Array, " d"]) -> Self:
        """Return the same table, which can pool texts by SIF, too."""
        new = copy.copy(self)
        new.poolings = Poolings(self.space.items, self.dim, component=component)
        return new

    def fingerprint_of(self, kind: str) -> str:
        """Return the fingerprint of what `embed` makes of `kind`: texts of two poolings are never of one space."""
        weighing = None if kind == "word" else self.poolings.of(kind)
        return self.fingerprint if weighing is None else weighing.fingerprint(self.fingerprint)

    @property
    def dim(self) -> int:
        """The number of dimensions of its vectors."""
        return self.space.dim

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Return a row for each text (kind `text`, the default), or for each word (`word`; KeyMissing if unknown).

        A text is a string, or a list of words that somebody has cut already. `text:mean`, `text:weighted` and
        `text:sif` say how its words are taken together; `text` is weighted where the words' counts are known.
        """
        if kind == "word":
            return self.space[list(objects)]
        return self.embed_texts(objects, kind=kind or "text").vectors

    def embed_texts(self, texts: Sequence[str | Sequence[str]], *, kind: str = "text") -> Embedded:
        """Return the vector of each text's known words (zero where none is known), and both counts."""
        weighing = self.poolings.of(kind)
        vectors = np.zeros((len(texts), self.dim), np.float32)
        known = np.zeros(len(texts), np.int64)
        unknown = np.zeros(len(texts), np.int64)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            for i, words in enumerate(self.words_of(texts[start : start + _TEXTS_AT_ONCE]), start):
                rows = [row for word in words if (row := self.space.row(word)) is not None]
                known[i], unknown[i] = len(rows), len(words) - len(rows)
                if rows:
                    some = self.space.vectors[rows]
                    vectors[i] = some.mean(axis=0, dtype=np.float64) if weighing is None else weighing.text(some, rows)
        return Embedded(vectors, known, unknown)

    def words_of(self, texts: Sequence[str | Sequence[str]]) -> list[list[str]]:
        """Cut texts into words as the table's own text was cut; lists of words stay, but for phrases of the table."""
        words = self._cut(texts)
        return words if self.phrases is None else [self.phrases.join(some) for some in words]

    def _cut(self, texts: Sequence[str | Sequence[str]]) -> list[list[str]]:
        if self._cutter is not None:
            return [list(self._cutter(text) if isinstance(text, str) else text) for text in texts]
        options = {"tokenizer": "words"} | self.tokenizer
        options.pop("phrases", None)
        texts_only = [text for text in texts if isinstance(text, str)]
        if texts_only and options["tokenizer"] not in TOKENIZERS:
            raise OptionError(
                f"the text of this table was cut by the {options['tokenizer']}, which a run cannot keep: cut new texts "
                "with it and give lists of words"
            )
        pieces = iter(cut(texts_only, **options) if texts_only else [])
        return [next(pieces) if isinstance(text, str) else list(text) for text in texts]

    def state(self) -> State:
        """Return all that is needed to make the table again, as plain arrays and JSON."""
        arrays = {"vectors": self.space.vectors} | ({} if self.output is None else {"output": self.output})
        about = {"kind": self.kind, "version": VERSION, "dim": self.dim, "tokenizer": self.tokenizer}
        pooled, how = self.poolings.state()
        return arrays | pooled, about | {"words": list(self.space.keys), "pooling": how}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make a table from `state()`."""
        arrays, about = state
        items = {"count": arrays["count"]} if "count" in arrays else {}
        space = Space(about["words"], arrays["vectors"], items=items)
        poolings = Poolings(items, space.dim, component=arrays.get("component"), **about["pooling"])
        return cls(space, output=arrays.get("output"), tokenizer=about["tokenizer"], poolings=poolings)


def fingerprint_of(space: Space, tokenizer: Mapping[str, Any]) -> str:
    """Return the digest of what decides an embedding: words, vectors and tokeniser (not the output vectors)."""
    return digest_of_json(["word-table", VERSION, space.content_digest(), dict(tokenizer)])
