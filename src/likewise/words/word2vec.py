"""Word2Vec: an encoded corpus and its vocabulary in, two tables of vectors out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Float, Float32

from likewise.checkpoints import Checkpoint, Checkpoints
from likewise.contracts import Array
from likewise.errors import DataError, OptionError
from likewise.kernels import level as level_here
from likewise.kernels import words as kernel
from likewise.kernels.subwords import row_means
from likewise.session import Estimate, Logged, Note, Progress, Session
from likewise.space.content import first_not_finite
from likewise.words.first_task import begin_from, first_task
from likewise.words.losses import FixedPairs, fixed_pairs
from likewise.words.sweep import Pace, Team, chunk_for, sweep, threads_here

if TYPE_CHECKING:
    from likewise.words.corpus import Corpus
    from likewise.words.growth import Start
    from likewise.words.subwords import Subwords
    from likewise.words.vocabulary import Vocabulary

OnEpoch: TypeAlias = Callable[[int, Float[Array, "n d"]], None]

STAGE = "learning"
_CHUNK_SECONDS = 0.03  # how long one call of the kernel should take: how soon a wish to stop is seen
_TOLD_EVERY = 0.2  # seconds between two events of progress
_FIXED = 100_000  # pairs whose loss is noted after each epoch; a bag has about five
_DIVERGED = 10.0  # times the untrained loss: nothing comes back from there
_GLANCE = 2000  # pairs whose loss is looked at while an epoch runs
_ROWS = 2048  # rows that are handled at a time where a copy would cost memory


@dataclass(frozen=True)
class Trained:
    """What was learned.

    `rows` are those that subwords make words of; `vectors` then are their means. `output` are the vectors of words as
    targets; with hierarchical softmax those of the tree's n − 1 nodes.
    `history` has one entry per epoch, 0 before the first: epoch, loss_train and loss_held_out (nats per pair,
    with CBOW per window; None where there is none), rate at its end, words_per_second, seconds, centres, pairs.
    """

    vectors: Float32[Array, "n d"]
    output: Float32[Array, "m d"]
    history: list[dict[str, Any]]
    finished: bool
    level: str
    threads: int
    epochs_done: int
    rows: Float32[Array, "r d"] | None = None


@dataclass(frozen=True)
class Word2Vec:
    """Learn word vectors by predicting each word from the words around it.

    Mikolov et al. 2013 (arXiv:1310.4546, 1301.3781) as word2vec has it: windows of b ~ U{1 … `window`} kept words on
    either side (`weighting` flat: always `window`), words more frequent than `sample` thinned out (0: none), a rate
    that falls linearly from `rate` to `min_rate`. `model` skipgram: each context word by itself; cbow: all of a window
    together, their mean or sum (`combine`). `loss` ns: the word is told from `negative` noise words by
    count^`power`, which the pairs of one window share; hs: hierarchical softmax over a Huffman tree. Input rows are
    context words, output rows the centre word and its noise, or nodes.

    With one thread a seed gives the same bits on the same kernel level; more threads write to the same tables without
    locks. `reproducible`: the same bits with any number of threads, by mini-batches (`kernels.words.learn_together`).
    """

    dim: int = 100
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    epochs: int = 5
    rate: float = 0.025
    min_rate: float = 1e-4
    power: float = 0.75
    threads: int = 0
    seed: int = 1
    model: str = "skipgram"
    loss: str = "ns"
    combine: str = "mean"
    weighting: str = "linear"
    reproducible: bool = False

    def __post_init__(self) -> None:
        """Refuse options that are out of range, with a sentence."""
        for name, (low, high) in _WHOLE.items():
            _check(name, getattr(self, name), low, high, whole=True)
        for name, choices in _NAMED.items():
            if getattr(self, name) not in choices:
                raise OptionError(f"{name} is {getattr(self, name)!r}: it is {' or '.join(choices)}")
        for name, (least, most) in _REAL.items():
            _check(name, getattr(self, name), least, most, whole=False)
        if not self.rate > 0:
            raise OptionError(f"rate is {self.rate}: it must be above 0, 0.025 is usual")
        if self.min_rate > self.rate:
            raise OptionError(f"min_rate {self.min_rate} is above rate {self.rate}: it is where the rate ends")

    def fit(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        *,
        held_out: Corpus | None = None,
        subwords: Subwords | None = None,
        start: Start | None = None,
        session: Session,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Learn from `corpus`; `on_epoch` sees the vectors before the first epoch (0) and after each.

        What it sees is the table itself: copy what is to be kept. A stopped session ends it within a fraction of a
        second, with what was learned so far and `finished` False. If `checkpoints` hold one, of the same options and
        corpus, learning goes on from there: with `reproducible` or one thread to the same bits.

        With `subwords` a word is the mean of the rows of its parts (Bojanowski et al. 2017, arXiv:1607.04606), which
        are put together anew every 512 tokens, or more often where words share much. `start` holds rows to begin from;
        OptionError with hierarchical softmax, whose tree changes with the words, and where learning diverged, so
        that the vectors are no longer numbers.
        """
        _check_corpus(corpus, vocabulary)
        checkpoints = checkpoints or Checkpoints()
        kept = checkpoints.newest()
        with session.stage(STAGE, before=0.0 if kept is None else kept.values["learning"]) as facts:
            training = _Training(self, corpus, vocabulary, held_out, subwords, start, session, checkpoints, kept)
            training.estimate()
            finished = training.run(on_epoch)
            training.judge()
            facts |= {"epochs": float(training.history[-1]["epoch"]), "words": float(training.done)}
        rows = _without_padding(training.task.vectors, self.dim)
        return Trained(
            vectors=rows if subwords is None else row_means(rows, subwords.rows, subwords.starts),
            rows=None if subwords is None else rows,
            output=_without_padding(training.task.output, self.dim),
            history=training.history,
            finished=finished,
            level=training.level,
            threads=training.threads,
            epochs_done=int(training.history[-1]["epoch"]),
        )


class _Training:
    """The tables of one `fit`, and how it goes."""

    def __init__(
        self,
        options: Word2Vec,
        corpus: Corpus,
        vocabulary: Vocabulary,
        held_out: Corpus | None,
        subwords: Subwords | None,
        start: Start | None,
        session: Session,
        checkpoints: Checkpoints,
        kept: Checkpoint | None,
    ) -> None:
        self.options, self.session, self.checkpoints = options, session, checkpoints
        self.level, self.threads = level_here(), threads_here(options.threads)
        self.tokens, self.tokens_done = len(corpus.ids), 0
        self.chunk, self.per_second = 0, 0.0
        keep = vocabulary.keep_probability(options.sample)
        self.task = first_task(options, corpus, vocabulary, subwords, keep)
        if start is not None:
            begin_from(start, self.task, options)
        self.pairs = self._fixed_pairs(corpus, keep)
        self.held_out_pairs = None if held_out is None else self._fixed_pairs(held_out, keep)
        self.history: list[dict[str, Any]] = []
        self.pace = Pace(self.tokens)  # of the epoch in hand
        self._told, self._loss = 0.0, math.nan
        if kept is not None:
            self._restore(kept)
        self.team = Team(self.threads)

    def _restore(self, kept: Checkpoint) -> None:
        """Take up the state of a checkpoint, and how fast it went: what was measured then is not measured anew."""
        for name, table in self._tables().items():
            kept.restore(name, table)
        values = kept.values
        self.level, self.threads = level_here(values["level"]), values["threads"]
        self.chunk, self.per_second = values["chunk"], values["per_second"]
        for entry in values["history"]:
            self.history.append(entry)
            self.session.tell(Logged(entry))
        self.pace = Pace(self.tokens, **values["pace"])
        self.tokens_done = self.tokens * (len(self.history) - 1)
        self.session.tell(Note(f"going on after {_share(self.done, self.options.epochs * self.tokens)} of learning"))

    def _tables(self) -> dict[str, Float32[Array, "n p"]]:
        return {"vectors": self.task.vectors, "output": self.task.output}

    @property
    def done(self) -> int:
        """How many tokens were learned, over all epochs."""
        return self.tokens_done + self.pace.done

    def _keep(self) -> None:
        """Write a checkpoint: all from which the next step depends, and what was measured."""
        seconds = sum(entry["seconds"] for entry in self.history) + self.pace.seconds
        values = {"level": self.level, "threads": self.threads, "chunk": self.chunk, "per_second": self.per_second}
        values |= {"history": self.history, "pace": self.pace.state(), "learning": seconds}
        self.checkpoints.write(self._tables(), values)

    def _fixed_pairs(self, corpus: Corpus, keep: Float[Array, " n"]) -> FixedPairs | None:
        most = _FIXED if self.options.model == "skipgram" else _FIXED // 5
        return fixed_pairs(corpus, self.task, keep=keep, seed=self.options.seed, most=most)

    def _learn(self, task: kernel.WindowTask, begin: int, end: int) -> tuple[int, int]:
        if self.options.reproducible:
            return self.team.learn(partial(self._together, task), begin, end)
        return kernel.learn(task, begin, end, level=self.level)

    def _together(self, task: kernel.WindowTask, begin: int, end: int, threads: int) -> tuple[int, int]:
        return kernel.learn_together(task, begin, end, threads=threads, level=self.level)

    def estimate(self) -> None:
        """Say what it will cost, from a try on the first tokens at rate 0, which moves nothing."""
        if not self.chunk:
            still = replace(self.task, rate=0.0, slope=0.0, floor=0.0)
            self.chunk, self.per_second = chunk_for(
                lambda begin, end: self._learn(still, begin, end), self.tokens, seconds=_CHUNK_SECONDS
            )
            if self.options.reproducible or self.task.parts is not None:  # batches and segments must not be cut
                self.chunk = -(-self.chunk // kernel.SEGMENT) * kernel.SEGMENT
        tables = (self.task.vectors, self.task.output, self.task.keep)
        workers = 1 if self.options.reproducible else self.threads
        seconds = (self.options.epochs * self.tokens - self.done) / (self.per_second * workers)
        self.session.tell(Estimate(STAGE, seconds, sum(array.nbytes for array in tables)))
        self.checkpoints.expect(sum(table.nbytes for table in self._tables().values()))

    def run(self, on_epoch: OnEpoch | None) -> bool:
        """Learn every epoch that is left; return whether it came to its end."""
        if not self.history:
            self._note(0, Pace(0), on_epoch)
        for epoch in range(len(self.history), self.options.epochs + 1):
            self._epoch(epoch)
            if not self.pace.complete:
                break
            pace, self.pace = self.pace, Pace(self.tokens)
            self.tokens_done += pace.done
            self._note(epoch, pace, on_epoch)
        if self.session.stopped:
            self._keep()
        return len(self.history) > self.options.epochs

    def _vectors(self) -> Float32[Array, "n d"]:
        """Return the vectors of the words as they are, not to be written to."""
        vectors, parts = self.task.vectors[:, : self.options.dim], self.task.parts
        vectors.flags.writeable = False
        return vectors if parts is None else row_means(vectors, parts.rows, parts.starts)

    def _epoch(self, epoch: int) -> None:
        """Learn what is left of an epoch, in several sweeps where checkpoints are due between them."""
        key = np.random.SeedSequence([self.options.seed, epoch]).generate_state(1, np.uint64)[0]
        task = replace(self.task, key=int(key), rate=self._rate((epoch - 1) * self.tokens))
        while not self.pace.complete and not self.session.stopped:
            if self.checkpoints.due:
                self._keep()
            sweep(
                lambda begin, end: self._learn(task, begin, end),
                self.pace,
                chunk=self.chunk,
                threads=1 if self.options.reproducible else self.threads,
                stopped=lambda: self.session.stopped or self.checkpoints.due,
                watch=lambda pace: self._tell(epoch, pace),
            )
            self._tell(epoch, self.pace)  # of epochs that are over before anybody watches

    def _rate(self, tokens: int) -> float:
        """Return the rate after so many tokens."""
        return max(self.options.min_rate, self.options.rate - self.task.slope * tokens)

    def _tell(self, epoch: int, pace: Pace) -> None:
        now = time.perf_counter()
        if now - self._told < _TOLD_EVERY or not pace.seconds:
            return
        done = (epoch - 1) * self.tokens + pace.done
        if self.pairs is not None:
            self._loss = self.pairs.loss(self.task.vectors, self.task.output, most=_GLANCE, level=self.level)
        facts = {"words_per_second": pace.done / pace.seconds, "rate": self._rate(done), "epoch": float(epoch)}
        facts |= {} if math.isnan(self._loss) else {"loss": self._loss}
        self.session.tell(Progress(STAGE, done, self.options.epochs * self.tokens, "words", facts))
        self._told = time.perf_counter()

    def _note(self, epoch: int, pace: Pace, on_epoch: OnEpoch | None) -> None:
        losses = [
            None if pairs is None else pairs.loss(self.task.vectors, self.task.output, level=self.level)
            for pairs in (self.pairs, self.held_out_pairs)
        ]
        self._check_numbers(epoch, losses)
        entry = {
            "epoch": epoch,
            "loss_train": losses[0],
            "loss_held_out": losses[1],
            "rate": self._rate(epoch * self.tokens),
            "words_per_second": pace.done / pace.seconds if pace.seconds else None,
            "seconds": pace.seconds,
            "centres": pace.centres,
            "pairs": pace.pairs,
        }
        self.history.append(entry)
        self.session.tell(Logged(entry))
        if on_epoch is not None:
            on_epoch(epoch, self._vectors())

    def _check_numbers(self, epoch: int, losses: Sequence[float | None] = ()) -> None:
        """Raise OptionError where a vector is no longer a number, or the loss far above what it began with."""
        tables = (self.task.vectors, self.task.output)
        if any(first_not_finite(table) is not None for table in tables):
            raise OptionError(f"it diverged: in epoch {epoch} the vectors are no longer numbers; {self._calmer()}")
        before = [self.history[0][name] for name in ("loss_train", "loss_held_out")] if self.history else []
        for first, loss in zip(before, losses, strict=False):
            if first is not None and loss is not None and not loss <= _DIVERGED * first:
                loss_now = f"in epoch {epoch} the loss is {loss:.3g}, from {first:.3g} at the start"
                raise OptionError(f"it diverged: {loss_now}; {self._calmer()}")

    def _calmer(self) -> str:
        """Say which options make it learn again."""
        options = self.options
        crowded = options.loss == "ns" and options.negative > 20
        noise = f"take fewer noise words than {options.negative}, or " if crowded else ""
        return f"{noise}lower the rate, which is {options.rate:g} (0.025 to 0.05 is usual)"

    def judge(self) -> None:
        """Say so where nothing was learned, or the contrary; OptionError where an epoch that was cut off diverged."""
        first, last = self.history[0]["loss_train"], self.history[-1]["loss_train"]
        self._check_numbers(int(self.history[-1]["epoch"]) + 1)
        if not any(entry["pairs"] for entry in self.history) and self.history[-1]["epoch"]:
            self.session.tell(
                Note(
                    "nothing was learned, the vectors are the random start: no two words were left beside one another "
                    f"after frequent ones were thinned out; give more text, or sample 0 (it is {self.options.sample:g})"
                )
            )
        elif last is not None and last > first:
            self.session.tell(Note(f"the loss rose from {first:.3g} to {last:.3g}: it did not learn; {self._calmer()}"))


def _share(done: int, total: int) -> str:
    return f"{100 * done / total:.1f} %"


def _without_padding(table: Float32[Array, "n p"], dim: int) -> Float32[Array, "n d"]:
    """Move the first `dim` columns together, within the table's own memory, and return them."""
    n, width = table.shape
    if width == dim:
        return table
    flat = table.reshape(-1)
    for low in range(0, n, _ROWS):
        rows = table[low : low + _ROWS, :dim].copy()
        flat[low * dim : low * dim + rows.size] = rows.ravel()
    return flat[: n * dim].reshape(n, dim)


_WHOLE = {
    "dim": (1, 2**16),
    "window": (1, 10_000),
    "negative": (1, 10_000),
    "epochs": (1, 2**31),
    "threads": (0, 4096),
    "seed": (0, 2**63),
}
_NAMED = {
    "model": ("skipgram", "cbow"),
    "loss": ("ns", "hs"),
    "combine": ("mean", "sum"),
    "weighting": ("linear", "flat"),
}
_REAL = {"sample": (0.0, 1.0), "rate": (0.0, 100.0), "min_rate": (0.0, 100.0), "power": (0.0, 10.0)}


def _check(name: str, value: object, low: float, high: float, *, whole: bool) -> None:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    kind = "whole number" if whole else "number"
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise OptionError(f"{name} is {value!r}: it must be a {kind} from {low} to {high}")


def _check_corpus(corpus: Corpus, vocabulary: Vocabulary) -> None:
    if len(vocabulary.words) < 2:
        raise DataError(
            f"the vocabulary has {len(vocabulary.words)} words: at least two are needed to tell one from noise; "
            "give more text or a lower min_count"
        )
    if not len(corpus.ids):
        raise DataError("the corpus is empty: no word of the vocabulary is in it")
    if int(np.diff(corpus.starts).max()) < 2:
        raise DataError(
            "no sentence has two words of the vocabulary, so no word has a context: "
            "put longer paragraphs on a line, or lower min_count"
        )
