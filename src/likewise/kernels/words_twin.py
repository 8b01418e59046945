"""The word kernels in NumPy, readable and slow: the same draws, the same steps, as kernels/words_level.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float64, Int, UInt64

from likewise.contracts import Array

if TYPE_CHECKING:
    from likewise.kernels.words import SkipGramTask

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
KEPT, WIDTH, NOISE = 0, 1, 2
"""What a token draws, in this order: whether it stays, how wide its window is, its noise words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One centre word with all that was drawn for it."""

    token: int
    word: int
    contexts: Int[Array, " c"]
    noise: Int[Array, " m"]
    rate: float


def numbers(key: int, counters: UInt64[Array, " k"]) -> UInt64[Array, " k"]:
    """Return 64 random bits for each counter: splitmix64, whose stream is named by `key`."""
    with np.errstate(over="ignore"):
        z = np.uint64(key) + counters * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def draws(task: SkipGramTask, tokens: Int[Array, " k"], purpose: int) -> UInt64[Array, " k"]:
    """Return what each of the tokens draws for one purpose."""
    each = np.uint64(task.negative + 2)
    return numbers(task.key, np.asarray(tokens).astype(np.uint64) * each + np.uint64(purpose))


def kept_tokens(task: SkipGramTask, begin: int, end: int) -> Int[Array, " k"]:
    """Return the places of the tokens of ids[begin:end] that subsampling leaves."""
    tokens = np.arange(begin, end)
    bits = draws(task, tokens, KEPT) >> np.uint64(32)
    return tokens[bits <= task.keep[task.ids[begin:end]]]


def noise_words(task: SkipGramTask, tokens: Int[Array, " k"]) -> Int[Array, "k m"]:
    """Return the noise words of each token, by the alias table."""
    half = np.uint64(32)
    low = np.uint64(0xFFFFFFFF)
    columns = []
    for k in range(task.negative):
        bits = draws(task, tokens, NOISE + k)
        slot = ((bits >> half) * np.uint64(len(task.alias))) >> half
        entry = task.alias[slot.astype(np.int64)]
        columns.append(np.where((bits & low) < (entry & low), slot, entry >> half).astype(np.int64))
    return np.stack(columns, axis=1)


def reaches(task: SkipGramTask, tokens: Int[Array, " k"]) -> Int[Array, " k"]:
    """Return how far the window of each token goes on either side."""
    if task.full_window:
        return np.full(len(tokens), task.window)
    half = np.uint64(32)
    bits = draws(task, tokens, WIDTH)
    return 1 + (((bits >> half) * np.uint64(task.window)) >> half).astype(np.int64)


def steps(task: SkipGramTask, begin: int, end: int) -> Iterator[Step]:
    """Yield the steps of ids[begin:end] in order, those without a context too."""
    first = int(np.searchsorted(task.starts, begin, side="right")) - 1
    for s in range(first, len(task.starts) - 1):
        low, high = int(task.starts[s]), int(task.starts[s + 1])
        if low >= end:
            return
        kept = kept_tokens(task, low, high)
        reach, noise = reaches(task, kept), noise_words(task, kept)
        words = task.ids[kept].astype(np.int64)
        for i in np.flatnonzero((kept >= begin) & (kept < end)):
            window = np.r_[max(0, i - reach[i]) : i, i + 1 : min(len(kept), i + reach[i] + 1)]
            rate = max(task.floor, task.rate - task.slope * float(kept[i]))
            yield Step(int(kept[i]), int(words[i]), words[window], noise[i], float(np.float32(rate)))


def step_sizes(inputs: Float[Array, "c d"], outputs: Float[Array, "m d"], step: Step) -> Float[Array, "c m"]:
    """Return label − sigmoid(product) for each pair of rows; 0 where a noise word is the centre word itself."""
    products = inputs @ outputs.T
    label = np.zeros(len(outputs))
    label[0] = 1.0
    sizes = label - 1.0 / (1.0 + np.exp(-np.clip(products, -87.0, 87.0)))
    sizes[:, 1:][:, step.noise == step.word] = 0.0
    return np.asarray(sizes, dtype=inputs.dtype)


def apply(vectors: Float[Array, "n d"], output: Float[Array, "n d"], step: Step) -> None:
    """Take one step in place: all products from the rows as they stand, then one update of all rows."""
    targets = np.r_[step.word, step.noise]
    inputs, outputs = vectors[step.contexts], output[targets]
    sizes = step_sizes(inputs, outputs, step) * step.rate
    np.add.at(vectors, step.contexts, (sizes @ outputs).astype(vectors.dtype))
    np.add.at(output, targets, (sizes.T @ inputs).astype(output.dtype))


def learn(task: SkipGramTask, begin: int, end: int) -> tuple[int, int]:
    """Take one step for each kept token of ids[begin:end]; return how many centres and pairs there were."""
    centres = pairs = 0
    for step in steps(task, begin, end):
        centres += 1
        pairs += len(step.contexts)
        if len(step.contexts):
            apply(task.vectors, task.output, step)
    return centres, pairs


def loss(vectors: Float[Array, "n d"], output: Float[Array, "n d"], step: Step) -> float:
    """Return the summed negative-sampling loss of one window: what a step of rate 1 descends along the gradient of."""
    targets = np.r_[step.word, step.noise]
    products = vectors[step.contexts] @ output[targets].T
    products[:, 1:] *= -1.0
    losses = np.logaddexp(0.0, -products)
    losses[:, 1:][:, step.noise == step.word] = 0.0
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
