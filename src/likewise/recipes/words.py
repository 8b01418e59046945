"""Words: a text in, a table of word vectors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from jaxtyping import Float, Float32

from likewise.contracts import Array, Source
from likewise.errors import OptionError
from likewise.recipes.options import Option
from likewise.session import Derived, Note, Session

if TYPE_CHECKING:
    from likewise.checkpoints import Checkpoints
    from likewise.contracts import OnEpoch
    from likewise.space import Space
    from likewise.words.corpus import Reading
    from likewise.words.growth import Start, Table
    from likewise.words.phrases import Phrases, PhraseSearch
    from likewise.words.subword_table import SubwordTable
    from likewise.words.subwords import Subwords
    from likewise.words.table import WordTable
    from likewise.words.vocabulary import Vocabulary
    from likewise.words.word2vec import Trained, Word2Vec


Tokenizer = Literal["words", "whitespace"]
Digits = Literal["keep", "mask", "drop"]
Model = Literal["skipgram", "cbow"]
Loss = Literal["ns", "hs"]
Combine = Literal["mean", "sum"]
Weighting = Literal["linear", "flat"]

Joining = Annotated[
    float | None, Option("neighbours with an NPMI above this become one word, as in new_york; .5 is usual", "", 0, 1)
]
Together = Annotated[int, Option("neighbours seen together more rarely are no phrase", "occurrences", 1)]
Passes = Annotated[int, Option("2 also joins what was joined, as in new_york_times", "passes", 1, 10)]
Connectors = Annotated[str | None, Option("words that may stand inside a phrase, such as of,the,and")]


def word2vec(
    *,
    dim: Annotated[int, Option("dimensions of a vector", low=1)] = 100,
    window: Annotated[int, Option("most words on each side that are context", "words", 1)] = 5,
    negative: Annotated[int, Option("noise words drawn for each window", "words", 1)] = 5,
    sample: Annotated[
        float, Option("words more frequent than this are thinned out; 0 keeps all", "share", 0, 1)
    ] = 1e-3,
    model: Annotated[Model, Option("skipgram: by each word around it; cbow: by all of them together")] = "skipgram",
    loss: Annotated[Loss, Option("ns: told from noise words; hs: hierarchical softmax, without noise")] = "ns",
    combine: Annotated[Combine, Option("how cbow takes words together")] = "mean",
    weighting: Annotated[Weighting, Option("linear: width drawn anew per word, so near words count more")] = "linear",
    power: Annotated[float, Option("noise words are drawn by count to this power", low=0)] = 0.75,
    min_count: Annotated[int, Option("rarer words are left out", "occurrences", 1)] = 5,
    max_vocabulary: Annotated[int | None, Option("keep only this many of the most frequent words", "words", 1)] = None,
    epochs: Annotated[int, Option("passes over the text", "passes", 1)] = 5,
    rate: Annotated[float, Option("learning rate at the start; it falls linearly to min_rate", low=0)] = 0.025,
    min_rate: Annotated[float, Option("learning rate at the end", low=0)] = 1e-4,
    tokenizer: Annotated[
        Tokenizer, Option("words: letters, marks, digits; whitespace: split at spaces only")
    ] = "words",
    lowercase: Annotated[bool, Option("fold case")] = True,
    digits: Annotated[Digits, Option("keep digits, mask each as 0, or drop them")] = "keep",
    phrases: Joining = None,
    phrase_min_count: Together = 10,
    phrase_passes: Passes = 1,
    phrase_connectors: Connectors = None,
    held_out: Annotated[
        float, Option("paragraphs kept apart to measure the loss on, by a hash", "share", 0, 0.5)
    ] = 0.01,
    threads: Annotated[int, Option("0: all cores; see reproducible", low=0)] = 0,
    reproducible: Annotated[
        bool, Option("the same bits with any number of threads, at some cost; otherwise with one thread only")
    ] = False,
    seed: Annotated[int, Option("of everything random", low=0)] = 1,
) -> WordRecipe:
    """Learn word vectors by predicting each word from the words around it (Word2Vec: skip-gram or CBOW).

    Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality"
    (arXiv:1310.4546) and "Efficient Estimation of Word Representations in Vector Space" (1301.3781); noise words are
    shared inside one centre word's window.
    """
    options = dict(locals())
    return WordRecipe("word2vec", options)


def fasttext(
    *,
    dim: Annotated[int, Option("dimensions of a vector", low=1)] = 100,
    window: Annotated[int, Option("most words on each side that are context", "words", 1)] = 5,
    negative: Annotated[int, Option("noise words drawn for each window", "words", 1)] = 5,
    sample: Annotated[
        float, Option("words more frequent than this are thinned out; 0 keeps all", "share", 0, 1)
    ] = 1e-4,
    model: Annotated[Model, Option("skipgram: by each word around it; cbow: by all of them together")] = "skipgram",
    loss: Annotated[Loss, Option("ns: told from noise words; hs: hierarchical softmax, without noise")] = "ns",
    weighting: Annotated[Weighting, Option("linear: width drawn anew per word, so near words count more")] = "linear",
    power: Annotated[float, Option("noise words are drawn by count to this power", low=0)] = 0.5,
    min_n: Annotated[int, Option("characters of the shortest n-gram", low=0, high=100)] = 3,
    max_n: Annotated[int, Option("characters of the longest n-gram; 0: no n-grams", low=0, high=100)] = 6,
    buckets: Annotated[int, Option("n-grams share this many rows by a hash; only those in use take memory", low=1)] = (
        2_000_000
    ),
    min_count: Annotated[int, Option("rarer words are left out", "occurrences", 1)] = 5,
    max_vocabulary: Annotated[int | None, Option("keep only this many of the most frequent words", "words", 1)] = None,
    epochs: Annotated[int, Option("passes over the text", "passes", 1)] = 5,
    rate: Annotated[float, Option("learning rate at the start; it falls linearly to min_rate", low=0)] = 0.05,
    min_rate: Annotated[float, Option("learning rate at the end", low=0)] = 0.0,
    tokenizer: Annotated[
        Tokenizer, Option("words: letters, marks, digits; whitespace: split at spaces only")
    ] = "words",
    lowercase: Annotated[bool, Option("fold case")] = True,
    digits: Annotated[Digits, Option("keep digits, mask each as 0, or drop them")] = "keep",
    phrases: Joining = None,
    phrase_min_count: Together = 10,
    phrase_passes: Passes = 1,
    phrase_connectors: Connectors = None,
    held_out: Annotated[
        float, Option("paragraphs kept apart to measure the loss on, by a hash", "share", 0, 0.5)
    ] = 0.01,
    threads: Annotated[int, Option("0: all cores; see reproducible", low=0)] = 0,
    reproducible: Annotated[
        bool, Option("the same bits with any number of threads, at some cost; otherwise with one thread only")
    ] = False,
    seed: Annotated[int, Option("of everything random", low=0)] = 1,
) -> WordRecipe:
    """Learn word vectors from words and the letters in them, so that unseen words have vectors, too (FastText).

    Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information" (arXiv:1607.04606), with the defaults of
    fastText's program, its hash, and its noise by the square root of the count.
    """
    options = dict(locals())
    return WordRecipe("fasttext", options)


@dataclass(frozen=True)
class WordRecipe:
    """Word vectors by a window that slides over a text; `start` is the table to go on from, if there is one."""

    name: str
    options: Mapping[str, Any]

    takes = "text"

    def beside(self, encoder: Any, prepared: Any) -> None:
        """Return nothing: a run of words keeps all that evidence needs."""

    start: Table | None = None

    def going_on(self, table: Table) -> Self:
        """Return the same, to begin from what was learned before: its words stay, those of the new text may join."""
        return replace(self, start=table)

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Reading:
        """Tokenise and count `source` in one pass."""
        from likewise.words.corpus import read_corpus

        self._trainer(self.options["seed"])  # an option that cannot be is better named before the text is read
        search = _phrase_search(self.options)
        if self.start is None:
            return read_corpus(source, session=session, folder=folder, **self._picked(*_READING), phrases=search)
        from likewise.words.growth import told_growth, vocabulary_of

        known, reading = vocabulary_of(self.start), self._picked(*_READING) | {"phrases": self.start.phrases}
        read = read_corpus(source, known=known, session=session, folder=folder, **reading)
        session.tell(Note(told_growth(known, read.vocabulary)))
        return read

    def fit(
        self,
        prepared: Reading,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> WordTable | SubwordTable:
        """Learn one table of vectors."""
        from likewise.kernels.levels import why_this_level

        vocabulary, parts = prepared.vocabulary, self._parts(prepared.vocabulary)
        seed = self.options["seed"] if seed is None else seed
        trained = self._trainer(seed).fit(
            prepared.train,
            vocabulary,
            held_out=prepared.held_out,
            subwords=parts,
            start=self._rows(vocabulary, parts),
            session=session,
            on_epoch=None if on_epoch is None else _space_of(on_epoch, vocabulary),
            checkpoints=checkpoints,
        )
        if not self.options["threads"]:
            session.tell(Derived("threads", trained.threads, "all cores that this process may use"))
        session.tell(Derived("level", trained.level, why_this_level()))
        table = self._table(prepared, trained, parts)
        return table.with_component(component(table, prepared, seed))

    def _parts(self, vocabulary: Vocabulary) -> Subwords | None:
        """Return the n-grams of the words, for the recipe that has them."""
        from likewise.words.growth import grown_parts
        from likewise.words.subwords import subwords

        if self.name != "fasttext":
            return None
        if self.start is not None:
            return grown_parts(self.start, vocabulary.words)
        return subwords(vocabulary.words, **self._picked("min_n", "max_n", "buckets"))

    def _rows(self, vocabulary: Vocabulary, parts: Subwords | None) -> Start | None:
        """Return the rows to begin from, where there is a table to go on from."""
        from likewise.words.growth import start_from

        return None if self.start is None else start_from(self.start, vocabulary, parts)

    def _table(self, prepared: Reading, trained: Trained, parts: Subwords | None) -> WordTable | SubwordTable:
        from likewise.space import Space
        from likewise.words.subword_table import SubwordTable
        from likewise.words.table import WordTable

        vocabulary, cutter = prepared.vocabulary, self.options["tokenizer"]
        about: dict[str, Any] = {
            "output": None if self.options["loss"] == "hs" else trained.output,
            "tokenizer": _plain(self._picked(*_TOKENIZING), prepared.phrases),
            "cutter": cutter if callable(cutter) else None,
        }
        items = {"count": vocabulary.counts}
        if parts is not None and trained.rows is not None:
            return SubwordTable(vocabulary.words, trained.rows, parts, items=items, **about)
        return WordTable(Space(vocabulary.words, trained.vectors, items=items), **about)

    def embed(self, encoder: Any, prepared: Reading) -> Space:
        """Return the table's own space: its keys are the words."""
        space: Space = encoder.space
        return space

    def _trainer(self, seed: int) -> Word2Vec:
        """Return the trainer; OptionError where the options do not go together."""
        from likewise.words.word2vec import Word2Vec

        return Word2Vec(**self._picked(*(name for name in _LEARNING if name in self.options)), seed=seed)

    def _picked(self, *names: str) -> dict[str, Any]:
        return {name: self.options[name] for name in names}


def component(table: WordTable | SubwordTable, reading: Reading, seed: int) -> Float32[Array, " d"]:
    """Return what SIF takes off texts, learned from the text that the words were learned from."""
    from likewise.words.pooling import learn_component

    return learn_component(table.space, reading.train, seed=seed)


def _space_of(on_epoch: OnEpoch, vocabulary: Vocabulary) -> Callable[[int, Float[Array, "n d"]], None]:
    """Show each epoch's vectors as a space of their own, since the table goes on changing."""
    from likewise.space import Space

    return lambda epoch, vectors: on_epoch(epoch, Space(vocabulary.words, np.array(vectors)))


def _phrase_search(options: Mapping[str, Any]) -> PhraseSearch | None:
    """Return what a recipe's options say about phrases; OptionError if they say it in vain."""
    from likewise.words.phrases import PhraseSearch

    if options["phrases"] is None:
        usual = {"phrase_min_count": 10, "phrase_passes": 1, "phrase_connectors": None}
        changed = [name for name, value in usual.items() if options.get(name, value) != value]
        if changed:
            raise OptionError(f"{changed[0]} is given without phrases: give phrases as well, .5 is usual")
        return None
    connectors = (word.strip() for word in (options["phrase_connectors"] or "").split(","))
    return PhraseSearch(
        options["phrases"],
        min_count=options["phrase_min_count"],
        passes=options["phrase_passes"],
        connectors=[word for word in connectors if word],
    )


def _plain(tokenizing: Mapping[str, Any], phrases: Phrases | None) -> dict[str, Any]:
    """Return the tokeniser's options for a file; a callable of the caller's cannot be kept, only named."""
    from likewise.kernels.text import VERSION

    kept = dict(tokenizing) | {"version": VERSION}
    if callable(kept["tokenizer"]):
        kept["tokenizer"] = f"caller's {getattr(kept['tokenizer'], '__qualname__', 'callable')}"
    return kept if phrases is None else kept | {"phrases": phrases.as_json()}


_TOKENIZING = ("tokenizer", "lowercase", "digits")
_READING = (*_TOKENIZING, "min_count", "max_vocabulary", "held_out")
_LEARNING = (
    *("model", "loss", "combine", "weighting", "dim", "window", "negative", "sample", "power"),
    *("epochs", "rate", "min_rate", "threads", "reproducible"),
)
