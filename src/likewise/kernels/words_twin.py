"""The word kernels in NumPy, readable and slow: the same draws, the same steps, as kernels/words_level.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Float, Float64, Int, UInt64

from likewise.contracts import Array

if TYPE_CHECKING:
    from likewise.kernels.words import Noise, Paths, WindowTask

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SEGMENT = 512  # as in kernels/words.hpp
KEPT, WIDTH, NOISE = 0, 1, 2
"""What a token draws, in this order: whether it stays, how wide its window is, its noise words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One centre word with all that was drawn for it.

    `targets` are output rows and `labels` what their products should say; rows that are not `valid` (noise that is
    the centre word itself) teach nothing.
    """

    token: int
    word: int
    contexts: Int[Array, " c"]
    targets: Int[Array, " m"]
    labels: Float[Array, " m"]
    valid: Int[Array, " m"]
    rate: float


def numbers(key: int, counters: UInt64[Array, " k"]) -> UInt64[Array, " k"]:
    """Return 64 random bits for each counter: splitmix64, whose stream is named by `key`."""
    with np.errstate(over="ignore"):
        z = np.uint64(key) + counters * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def draws(task: WindowTask, tokens: Int[Array, " k"], purpose: int) -> UInt64[Array, " k"]:
    """Return what each of the tokens draws for one purpose."""
    each = np.uint64(getattr(task.targets, "count", 0) + 2)
    return numbers(task.key, np.asarray(tokens).astype(np.uint64) * each + np.uint64(purpose))


def kept_tokens(task: WindowTask, begin: int, end: int) -> Int[Array, " k"]:
    """Return the places of the tokens of ids[begin:end] that subsampling leaves."""
    tokens = np.arange(begin, end)
    bits = draws(task, tokens, KEPT) >> np.uint64(32)
    return tokens[bits <= task.keep[task.ids[begin:end]]]


def noise_words(task: WindowTask, tokens: Int[Array, " k"]) -> Int[Array, "k m"]:
    """Return the noise words of each token, by the alias table."""
    targets = cast("Noise", task.targets)
    half = np.uint64(32)
    low = np.uint64(0xFFFFFFFF)
    columns = []
    for k in range(targets.count):
        bits = draws(task, tokens, NOISE + k)
        slot = ((bits >> half) * np.uint64(len(targets.alias))) >> half
        entry = targets.alias[slot.astype(np.int64)]
        columns.append(np.where((bits & low) < (entry & low), slot, entry >> half).astype(np.int64))
    return np.stack(columns, axis=1)


def reaches(task: WindowTask, tokens: Int[Array, " k"]) -> Int[Array, " k"]:
    """Return how far the window of each token goes on either side."""
    if task.flat:
        return np.full(len(tokens), task.window)
    half = np.uint64(32)
    bits = draws(task, tokens, WIDTH)
    return 1 + (((bits >> half) * np.uint64(task.window)) >> half).astype(np.int64)


def targets_of(task: WindowTask, tokens: Int[Array, " k"]) -> Iterator[tuple[Array, Array, Array]]:
    """Yield output rows, labels and which of them teach, for each token."""
    words = task.ids[tokens].astype(np.int64)
    if hasattr(task.targets, "nodes"):
        paths = cast("Paths", task.targets)
        for word in words:
            way = slice(paths.starts[word], paths.starts[word + 1])
            nodes = paths.nodes[way].astype(np.int64)
            yield nodes, paths.turns[way], np.ones(len(nodes), np.int64)
        return
    for word, noise in zip(words, noise_words(task, tokens), strict=True):
        yield np.r_[word, noise], np.r_[1.0, np.zeros(len(noise))], np.r_[1, noise != word].astype(np.int64)


def steps(task: WindowTask, begin: int, end: int) -> Iterator[Step]:
    """Yield the steps of ids[begin:end] in order, those without a context too."""
    first = int(np.searchsorted(task.starts, begin, side="right")) - 1
    for s in range(first, len(task.starts) - 1):
        low, high = int(task.starts[s]), int(task.starts[s + 1])
        if low >= end:
            return
        kept = kept_tokens(task, low, high)
        reach, words = reaches(task, kept), task.ids[kept].astype(np.int64)
        here = np.flatnonzero((kept >= begin) & (kept < end))
        for i, (targets, labels, valid) in zip(here, targets_of(task, kept[here]), strict=True):
            window = np.r_[max(0, i - reach[i]) : i, i + 1 : min(len(kept), i + reach[i] + 1)]
            rate = float(np.float32(max(task.floor, task.rate - task.slope * float(kept[i]))))
            yield Step(int(kept[i]), int(words[i]), words[window], targets, labels, valid, rate)


def weights(task: WindowTask, step: Step) -> Float[Array, " c"]:
    """Return how much each context word of a bag counts: once, or in a mean as often as it has parts."""
    if task.parts is None or not task.mean:
        return np.ones(len(step.contexts))
    return np.diff(task.parts.starts)[step.contexts].astype(float)


def inputs_of(task: WindowTask, vectors: Float[Array, "n d"], step: Step) -> Float[Array, "c d"]:
    """Return the input rows of a step: its context words, or for a bag of words their mean or sum."""
    rows = vectors[step.contexts]
    if not task.cbow:
        return rows
    weight = weights(task, step)
    return ((weight @ rows) / (weight.sum() if task.mean else 1.0))[None]


def step_sizes(inputs: Float[Array, "c d"], outputs: Float[Array, "m d"], step: Step) -> Float[Array, "c m"]:
    """Return label − sigmoid(product) for each pair of rows; 0 where a noise word is the centre word itself."""
    products = inputs @ outputs.T
    sizes = (step.labels - 1.0 / (1.0 + np.exp(-np.clip(products, -87.0, 87.0)))) * step.valid
    return np.asarray(sizes, dtype=inputs.dtype)


def apply(
    task: WindowTask,
    vectors: Float[Array, "n d"],
    output: Float[Array, "n d"],
    step: Step,
    sizes: Float[Array, "c m"] | None = None,
) -> None:
    """Take one step in place: all products from the rows as they stand (or `sizes`), then one update of all rows."""
    inputs, outputs = inputs_of(task, vectors, step), output[step.targets]
    sizes = (step_sizes(inputs, outputs, step) if sizes is None else sizes) * step.rate
    moves = sizes @ outputs
    if task.cbow:
        moves = np.repeat(moves if task.mean else moves / len(step.contexts), len(step.contexts), axis=0)
    np.add.at(vectors, step.contexts, moves.astype(vectors.dtype))
    np.add.at(output, step.targets, (sizes.T @ inputs).astype(output.dtype))


def learn(task: WindowTask, begin: int, end: int, *, together: bool = False) -> tuple[int, int]:
    """Take one step for each kept token of ids[begin:end]; return how many centres and pairs there were.

    `together`: the steps of a batch are all found before the first of them is taken.
    """
    centres = pairs = 0
    while begin < end:
        span = SEGMENT if task.parts is None else task.parts.span
        close = min(end, (begin // span + 1) * span)
        words = task.vectors if task.parts is None else composed(task)
        before = words.copy()
        for low in range(begin, close, task.batch) if together else [begin]:
            these = list(steps(task, low, min(close, low + task.batch) if together else close))
            learn_steps(task, words, [step for step in these if len(step.contexts)], together=together)
            centres, pairs = centres + len(these), pairs + sum(len(step.contexts) for step in these)
        if task.parts is not None:
            moves = np.repeat(words - before, np.diff(task.parts.starts), axis=0)
            np.add.at(task.vectors, task.parts.rows, moves)
        begin = close
    return centres, pairs


def learn_steps(task: WindowTask, words: Float[Array, "n d"], some: list[Step], *, together: bool) -> None:
    """Take some steps in order; `together`: as they are found before the first of them is taken."""
    found = [step_sizes(inputs_of(task, words, s), task.output[s.targets], s) if together else None for s in some]
    for step, sizes in zip(some, found, strict=True):
        apply(task, words, task.output, step, sizes)


def composed(task: WindowTask) -> Float[Array, "n d"]:
    """Return the vector of each word: the mean of the rows of its parts."""
    parts = task.parts
    assert parts is not None
    sums = np.add.reduceat(task.vectors[parts.rows], parts.starts[:-1], axis=0)
    return np.asarray(sums / np.diff(parts.starts)[:, None], dtype=task.vectors.dtype)


def loss(task: WindowTask, vectors: Float[Array, "n d"], output: Float[Array, "n d"], step: Step) -> float:
    """Return the summed loss of one window: what a step of rate 1 descends along the gradient of."""
    products = inputs_of(task, vectors, step) @ output[step.targets].T
    losses = np.logaddexp(0.0, -np.where(step.labels == 1.0, products, -products)) * step.valid
    return float(losses.sum())


def pair_products(
    vectors: Float[Array, "n d"], output: Float[Array, "n d"], rows: Int[Array, " k"], targets: Int[Array, " k"]
) -> Float64[Array, " k"]:
    """Return vectors[rows] · output[targets], pair by pair, summed in float64."""
    out = np.empty(len(rows))
    for low in range(0, len(rows), 16384):
        part = slice(low, low + 16384)
        out[part] = np.einsum("kd,kd->k", vectors[rows[part]], output[targets[part]], dtype=np.float64)
    return out
