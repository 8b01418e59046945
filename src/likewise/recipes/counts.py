"""Words by counts: a text in, a table of word vectors from how often words stand together out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from likewise.contracts import Source
from likewise.recipes.options import Option
from likewise.recipes.words import (
    _READING,
    _TOKENIZING,
    Connectors,
    Digits,
    Joining,
    Passes,
    Together,
    Tokenizer,
    _phrase_search,
    _plain,
    _space_of,
    component,
)
from likewise.session import Derived, Note, Session

if TYPE_CHECKING:
    from likewise.checkpoints import Checkpoints
    from likewise.contracts import OnEpoch
    from likewise.space import Space
    from likewise.words.cooccurrence import Counts
    from likewise.words.corpus import Reading
    from likewise.words.table import WordTable

Weighting = Literal["harmonic", "linear", "flat"]

Window = Annotated[int, Option("words on each side that are context", "words", 1, 10_000)]
MinCount = Annotated[int, Option("rarer words are left out", "occurrences", 1)]
Most = Annotated[int | None, Option("keep only this many of the most frequent words", "words", 1)]
Symmetric = Annotated[bool, Option("count words on both sides; else only those before a word")]
Memory = Annotated[float, Option("counts beyond this go to a temporary file", "GB", 0)]
Keep = Annotated[bool, Option("keep the counts beside the run, in RUN.counts, and use them again if they fit")]
Cutting = Annotated[Tokenizer, Option("words: letters, marks, digits; whitespace: split at spaces only")]
Folding = Annotated[bool, Option("fold case")]
Digit = Annotated[Digits, Option("keep digits, mask each as 0, or drop them")]
Threads = Annotated[int, Option("0: all cores; the bits are the same at any number", low=0)]
Distance = Annotated[Weighting, Option("what a word at distance d counts: 1/d, falling linearly, or 1")]


def glove(
    *,
    dim: Annotated[int, Option("dimensions of a vector", low=1, high=2**16)] = 100,
    window: Window = 15,
    weighting: Distance = "harmonic",
    symmetric: Symmetric = True,
    x_max: Annotated[float, Option("counts from here on weigh 1", "occurrences", 1e-9, 1e12)] = 100.0,
    x_power: Annotated[float, Option("smaller counts weigh (x / x_max) to this power", low=0, high=10)] = 0.75,
    min_count: MinCount = 5,
    max_vocabulary: Most = None,
    epochs: Annotated[int, Option("passes over the counts", "passes", 1)] = 25,
    rate: Annotated[float, Option("learning rate; AdaGrad lowers it for each number", low=1e-9, high=10)] = 0.05,
    memory: Memory = 4.0,
    keep_counts: Keep = False,
    tokenizer: Cutting = "words",
    lowercase: Folding = True,
    digits: Digit = "keep",
    phrases: Joining = None,
    phrase_min_count: Together = 10,
    phrase_passes: Passes = 1,
    phrase_connectors: Connectors = None,
    threads: Threads = 0,
    seed: Annotated[int, Option("of everything random; the same seed gives the same bits", low=0)] = 1,
) -> CountRecipe:
    """Learn word vectors whose products tell how often words stand together (GloVe).

    Pennington, Socher and Manning 2014 (https://aclanthology.org/D14-1162), equation 8; a word's vector is w + c. Other
    than in their program dim is 100, not 50. No paragraphs are held out: the counts of a few of them are no smaller
    picture of those of the text.
    """
    return CountRecipe("glove", dict(locals()))


def ppmi(
    *,
    dim: Annotated[int, Option("dimensions of a vector", low=1, high=2**16)] = 100,
    window: Window = 5,
    weighting: Distance = "flat",
    symmetric: Symmetric = True,
    shift: Annotated[float, Option("its logarithm is taken off; 1 takes nothing off", low=1e-9)] = 1.0,
    smoothing: Annotated[float, Option("contexts are counted to this power", low=0, high=1)] = 0.75,
    eigen_power: Annotated[float, Option("singular values to this power scale the vectors", low=0, high=1)] = 0.5,
    min_count: MinCount = 5,
    max_vocabulary: Most = None,
    memory: Memory = 4.0,
    keep_counts: Keep = False,
    tokenizer: Cutting = "words",
    lowercase: Folding = True,
    digits: Digit = "keep",
    phrases: Joining = None,
    phrase_min_count: Together = 10,
    phrase_passes: Passes = 1,
    phrase_connectors: Connectors = None,
    threads: Threads = 0,
    seed: Annotated[int, Option("of everything random; the same seed gives the same bits", low=0)] = 1,
) -> CountRecipe:
    """Factor how much more often than by chance words stand together (PPMI and SVD), the plain baseline.

    Levy, Goldberg and Dagan 2015 (https://aclanthology.org/Q15-1016), with what they recommend: contexts smoothed by
    0.75, the roots of the singular values. There are no epochs, and no loss.
    """
    return CountRecipe("ppmi", dict(locals()))


@dataclass(frozen=True)
class Counted:
    """A text that was read, and its counts."""

    reading: Reading
    counts: Counts

    @property
    def vocabulary(self) -> Any:
        """The words of the text."""
        return self.reading.vocabulary


@dataclass(frozen=True)
class CountRecipe:
    """Word vectors from co-occurrence counts."""

    name: str
    options: Mapping[str, Any]

    takes = "text"

    def beside(self, encoder: Any, prepared: Any) -> None:
        """Return nothing: a run of words keeps all that evidence needs."""

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Counted:
        """Tokenise `source` in one pass and count which words stand together."""
        from likewise.words.corpus import read_corpus

        self._trainer(self.options["seed"])  # an option that cannot be is better named before the text is read
        picked = self._picked(*(name for name in _READING if name != "held_out"))
        search = _phrase_search(self.options)
        reading = read_corpus(source, held_out=0.0, session=session, folder=folder, **picked, phrases=search)
        if session.stopped:
            raise KeyboardInterrupt  # half a text has counts, but nobody has asked for them
        return Counted(reading, self._counts(reading, session, folder))

    def fit(
        self,
        prepared: Counted,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> WordTable:
        """Learn one table of vectors."""
        from likewise.kernels.levels import why_this_level
        from likewise.space import Space
        from likewise.words.sweep import threads_here
        from likewise.words.table import WordTable

        vocabulary = prepared.vocabulary
        trainer = self._trainer(self.options["seed"] if seed is None else seed)
        iterative: dict[str, Any] = {}
        if self.name == "glove":
            iterative = {"on_epoch": on_epoch and _space_of(on_epoch, vocabulary), "checkpoints": checkpoints}
        trained = trainer.fit(prepared.counts, session=session, **iterative)
        if not self.options["threads"]:
            threads = trained.threads if self.name == "glove" else threads_here(0)
            session.tell(Derived("threads", threads, "all cores that this process may use"))
        if self.name == "glove":
            session.tell(Derived("level", trained.level, why_this_level()))
        space = Space(vocabulary.words, trained.vectors, items={"count": vocabulary.counts})
        cutter = self.options["tokenizer"]
        table = WordTable(
            space,
            output=trained.output,
            tokenizer=_plain(self._picked(*_TOKENIZING), prepared.reading.phrases),
            cutter=cutter if callable(cutter) else None,
        )
        seed = self.options["seed"] if seed is None else seed
        return table.with_component(component(table, prepared.reading, seed))

    def _counts(self, reading: Reading, session: Session, folder: Path | None) -> Counts:
        """Return the counts that were kept beside the run, or count (and keep them if asked to)."""
        from likewise.words.cooccurrence import count
        from likewise.words.kept_counts import description, read_counts, write_counts

        counting = self._picked("window", "weighting", "symmetric")
        about = description(reading, **counting)
        beside = None
        if self.options["keep_counts"] and folder is not None:
            beside = folder.with_name(folder.name.removesuffix(".partial") + ".counts")
            if (kept := read_counts(beside, about)) is not None:
                session.tell(Note(f"the counts in {beside} were used again"))
                return kept
        counts = count(
            reading.train,
            len(reading.vocabulary),
            session=session,
            folder=folder,
            **counting,
            **self._picked("memory", "threads"),
        )
        if beside is not None:
            write_counts(beside, counts, about)
            session.tell(Note(f"the counts are kept in {beside}: {8 * len(counts):,} bytes"))
        elif self.options["keep_counts"]:
            session.tell(Note("the counts are not kept: a run in memory has no place beside it; give out"))
        return counts

    def embed(self, encoder: Any, prepared: Counted) -> Space:
        """Return the table's own space: its keys are the words."""
        space: Space = encoder.space
        return space

    def _trainer(self, seed: int) -> Any:
        """Return the trainer; OptionError where the options do not go together."""
        from likewise.words.glove import GloVe
        from likewise.words.ppmi import PPMI

        if self.name == "ppmi":
            return PPMI(**self._picked("dim", "shift", "smoothing", "eigen_power", "threads"), seed=seed)
        return GloVe(**self._picked("dim", "epochs", "rate", "x_max", "x_power", "threads"), seed=seed)

    def _picked(self, *names: str) -> dict[str, Any]:
        return {name: self.options[name] for name in names}
