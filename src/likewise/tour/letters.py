"""Unseen words: a misspelt one and one that the text never had, placed by their letters."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from likewise.contracts import Array, Number
from likewise.evaluate.baselines import untrained
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.intervals import bootstrap_mean, wilson
from likewise.evaluate.markup import Html
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.kernels.neighbours import top_k
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import ngram_buckets

_AMONG = 20_000  # the most frequent words, which are those that are found
_SHORTEST = 6  # letters of a word to misspell
_EACH = 150  # words of each kind of slip
_FEWEST = 20
_NEAR = 10
_SHOWN = 5
# Words that few texts have: those that this text has not are shown.
_UNHEARD = (
    "rediscoverable",
    "unmusical",
    "blogosphere",
    "mountaineerish",
    "hyperparameterization",
    "governmentlike",
    "interplanetarily",
    "computerizable",
    "unpublishedness",
    "footballishly",
)


class Slip(NamedTuple):
    """A word, what came of it, and the kind of slip."""

    word: str
    written: str
    kind: str


def show(ground: Ground) -> Panel:
    """Misspell words of the text, place them by their letters, and look whether they land by the right word."""
    table = ground.letters
    space = table.space.top(_AMONG)
    slips = misspelt(space.keys, known=table.space)
    if len(slips) < _FEWEST:
        raise NotShown(f"it needs words of {_SHORTEST} letters or more, and this text has too few")
    written, right = [slip.written for slip in slips], [space.index(slip.word) for slip in slips]
    learned, _ = top_k(table.by_letters(written)[0], space.vectors, _NEAR + 1)
    start = SubwordTable(table.space.keys, untrained(*table.rows.shape), table.parts)
    random, _ = top_k(start.by_letters(written)[0], start.space.vectors[: len(space)], 1)
    counted = _by_shared_ngrams(written, space.keys, table, _NEAR + 1)
    found = {
        "learned": learned[:, 0] == right,
        "untrained": random[:, 0] == right,
        "shared n-grams": counted[:, 0] == right,
    }
    kinds = np.array([slip.kind for slip in slips])
    numbers = _numbers(found, kinds)
    company = _company(space.vectors, right, learned, counted)
    first = numbers[0]
    return Panel(
        name="letters",
        statement="An unseen or misspelt word has a vector, from its letters",
        command=ground.letters_command + f" {written[0]}",
        finding=_finding(first, company, len(space)),
        fails=f"{_worst(numbers[1:])} Letters also lie: an unseen word lands by words that are spelt like it, "
        "whatever they mean, and a name or a root that the text never had tells nothing.",
        pictures=(_picture(numbers[1:]),),
        numbers=(*numbers, company),
        tables=(
            Table(
                ("unseen word", "nearest by its letters", "nearest by shared n-grams alone"),
                tuple(_rows(table, space.keys, space.vectors, _examples(slips, table))),
                "Misspelt words of the text, and words that it never had.",
            ),
        ),
        holds=first.low is not None and first.low > first.baselines["untrained"] and company.value > 0.25,
    )


def _finding(nearest: Number, company: Number, words: int) -> str:
    counted, alike = nearest.baselines["shared n-grams"], company.baselines["shared n-grams"]
    return (
        f"Of {nearest.n:,} misspelt words, none of which is in the text, {nearest.value:.0%} lie nearest to the word "
        f"that was meant, among {words:,}; the word with most n-grams in common is it in {counted:.0%}. Of the right "
        f"word's {_NEAR} neighbours the misspelt one has {company.value:.0%}, where words that only look alike are "
        f"{alike:.0%}: so much of the meaning comes along."
    )


def misspelt(keys: Sequence[str], *, known: Container[str], seed: int = 0) -> list[Slip]:
    """Return words with one slip each, of four kinds in turn, that are not among the known words themselves."""
    rng = np.random.default_rng(seed)
    slips: list[Slip] = []
    words = [key for key in keys if len(key) >= _SHORTEST and key.isalpha()]
    kinds = list(_SLIPS)
    for word in rng.permutation(words)[: _EACH * len(kinds)].tolist():
        kind = kinds[len(slips) % len(kinds)]
        written = _SLIPS[kind](word, int(rng.integers(1, len(word) - 2)))
        if written not in known:
            slips.append(Slip(word, written, kind))
    return slips


_SLIPS: dict[str, Callable[[str, int], str]] = {
    "a letter left out": lambda word, at: word[:at] + word[at + 1 :],
    "a letter twice": lambda word, at: word[: at + 1] + word[at:],
    "two letters exchanged": lambda word, at: word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    "a wrong letter": lambda word, at: word[:at] + ("x" if word[at] != "x" else "q") + word[at + 1 :],
}


def _by_shared_ngrams(asked: Sequence[str], keys: Sequence[str], table: SubwordTable, k: int) -> Int[Array, "q k"]:
    """Return the words whose n-grams are most like those of each word that was asked for, by cosine of the counts."""
    among, wanted = (_incidence(words, table) for words in (keys, asked))
    best = [np.argsort(-row, kind="stable")[:k] for row in (wanted @ among.T).toarray()]
    return np.array(best, np.int64).reshape(len(asked), -1)


def _incidence(words: Sequence[str], table: SubwordTable) -> sparse.csr_array:
    parts = table.parts
    found, starts = ngram_buckets(words, min_n=parts.min_n, max_n=parts.max_n, buckets=parts.buckets)
    counts = sparse.csr_array((np.ones(len(found), np.float32), found, starts), shape=(len(words), parts.buckets))
    counts.sum_duplicates()
    lengths = np.sqrt(counts.multiply(counts).sum(axis=1))
    scaled: sparse.csr_array = sparse.diags_array(1 / np.maximum(lengths, 1e-9)) @ counts
    return scaled


def _numbers(found: dict[str, Array], kinds: Array) -> list[Number]:
    """Return how often the right word is nearest: of all slips, then of each kind."""
    numbers = []
    for name in ("all slips", *dict.fromkeys(kinds.tolist())):
        some = np.ones(len(kinds), bool) if name == "all slips" else kinds == name
        hits, n = int(found["learned"][some].sum()), int(some.sum())
        baselines = {other: float(found[other][some].mean()) for other in ("shared n-grams", "untrained")}
        numbers.append(Number(f"{name}: the right word is nearest", hits / n, *wilson(hits, n), n, baselines))
    return numbers


def _company(
    vectors: Float[Array, "n d"], right: Sequence[int], learned: Int[Array, "q k"], counted: Int[Array, "q k"]
) -> Number:
    """Return which share of the right word's neighbours are the misspelt word's, too."""
    true, _ = top_k(vectors[right], vectors, _NEAR, exclude=np.asarray(right)[:, None])
    shares = {name: _shared(true, near, right) for name, near in (("learned", learned), ("shared", counted))}
    low, high = bootstrap_mean(shares["learned"])
    return Number(
        f"of the right word's {_NEAR} neighbours, those of the misspelt one",
        float(shares["learned"].mean()),
        low,
        high,
        len(right),
        {"shared n-grams": float(shares["shared"].mean()), "chance": _NEAR / len(vectors)},
    )


def _shared(true: Int[Array, "q k"], near: Int[Array, "q m"], right: Sequence[int]) -> Float[Array, " q"]:
    return np.array([
        len(set(some.tolist()) & set([row for row in found.tolist() if row != own][:_NEAR])) / _NEAR
        for some, found, own in zip(true, near, right, strict=True)
    ])  # fmt: skip


def _examples(slips: Sequence[Slip], table: SubwordTable) -> list[str]:
    longest = sorted(slips[:40], key=lambda slip: -len(slip.word))[:_SHOWN]
    unheard = [word for word in _UNHEARD if word not in table.space]
    return [slip.written for slip in longest] + unheard[:_SHOWN]


def _rows(
    table: SubwordTable, keys: Sequence[str], vectors: Float[Array, "n d"], words: Sequence[str]
) -> Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    placed, known = table.by_letters(words)
    near, _ = top_k(placed, vectors, _SHOWN)
    counted = _by_shared_ngrams(words, keys, table, _SHOWN)
    for word, is_known, rows, alike in zip(words, known, near.tolist(), counted.tolist(), strict=True):
        if is_known:
            yield word, tuple(keys[row] for row in rows), tuple(keys[row] for row in alike)


def _picture(numbers: Sequence[Number]) -> Html:
    return figure(
        bar_chart(
            [Bar(n.name.partition(":")[0], n.value, n.low, n.high, dict(n.baselines)) for n in numbers],
            title="Misspelt words that land by the right one",
            description="Most misspelt words are nearest to the word that was meant.",
            percent=True,
            high=1.0,
        ),
        "Share of misspelt words whose nearest word is the right one, with 95 % Wilson intervals. Ticks: the word that "
        "shares most n-grams; the same table before training.",
    )


def _worst(numbers: Sequence[Number]) -> str:
    worst = min(numbers, key=lambda number: number.value)
    return f"Worst is {worst.name.partition(':')[0]}, with {worst.value:.0%}: in a short word no n-gram may stay."
