"""What words are worth: a subject in, the sections on learning, neighbours and gold answers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from likewise.contracts import Number
from likewise.evaluate import page
from likewise.evaluate.analogies import AnalogyScores, Relation, analogies
from likewise.evaluate.figures import Bar, Line, bar_chart, line_chart
from likewise.evaluate.markup import Html
from likewise.evaluate.probes import linear_probe
from likewise.evaluate.retrieval import knn_probe, neighbours
from likewise.evaluate.rows import cosines, places, unit
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.similarity import similarity, similarity_by_letters
from likewise.evaluate.subject import Subject

SHOWN = 8  # neighbours to read of each word
AGREED = 10  # neighbours on which two seeds are compared
_FUNCTION_WORDS = 100  # the first ranks are the, of, and: their neighbours teach little
NATS, PAIRS = "nats per pair", "pairs and noise words"
_SAMPLE = 1_000  # questions that untrained vectors are asked


def learning(s: Subject) -> list[Section]:
    """Show the loss of each epoch beside the untrained start; nothing where no history came."""
    rows = [entry for entry in s.history if "epoch" in entry]
    if not rows:
        return []
    train, held_out = _losses(rows, "loss_train"), _losses(rows, "loss_held_out")
    lines = [Line(name, *zip(*points, strict=True)) for name, points in
             (("learned from", train), ("held out", held_out)) if points]  # fmt: skip
    unit, sample = rows[-1].get("loss_unit", NATS), rows[-1].get("loss_sample", PAIRS)
    where, points = ("text that was kept apart", held_out) if held_out else ("the text itself", train)
    text = _told_loss(points, where, unit)
    names = ((f"held-out loss, {unit}", held_out), (f"training loss, {unit}", train))
    start = "untrained" if s.before is None else "the start"
    numbers = [
        Number(name, points[-1][1], baselines={start: points[0][1]} if points[0][0] == 0 else {},
               note=f"one fixed set of {sample}: no interval")
        for name, points in names if points
    ]  # fmt: skip
    columns = ("epoch", "held-out loss", "training loss", "seconds", "words a second")
    fields = ("epoch", "loss_held_out", "loss_train", "seconds", "words_per_second")
    table = Table(columns, tuple(tuple(_finite(entry.get(name)) for name in fields) for entry in rows))
    return [Section("Learning", text, tuple(numbers), (table,), _loss_figure(lines, unit, sample))]


def readable_neighbours(s: Subject) -> list[Section]:
    """List the nearest words of some frequent, middle and rare words, drawn by the seed."""
    if len(s) < 2:
        return [Section("Neighbours to read", "There is one word: it has no neighbours.")]
    rng = np.random.default_rng(s.seed)
    tables, drawn, alike = [], 0, 0
    for name, (first, last) in s.bands().items():
        first += min(_FUNCTION_WORDS, (last - first) // 2) if name == "frequent" else 0
        last = min(last, first + 2_000) if name == "frequent" else last
        rows = np.sort(rng.choice(np.arange(first, last), min(5, last - first), replace=False))
        tables.append(_neighbour_table(s, name, rows))
        drawn, alike = drawn + len(rows), alike + _without_nearest(s, rows)
    text = (
        "The nearest words by cosine, best first, in the original space. Read them: no number replaces it. "
        "The words were drawn by a fixed seed, not chosen."
    )
    if s.second is not None:
        text += f" The last column says how many of the nearest {AGREED} a second seed agrees on."
    if alike:
        text += (
            f" For {'all' if alike == drawn else alike} of the {drawn} words every other word is equally far: there "
            "is no nearest one, and those that stand here are the first of the vocabulary."
        )
    return [Section("Neighbours to read", text, tables=tuple(tables))]


def gold_analogies(s: Subject) -> list[Section]:
    """Ask the questions of each set, and draw each relation with its baselines."""
    return [_analogy_section(s, name, questions) for name, questions in s.analogies.items()]


def gold_pairs(s: Subject) -> list[Section]:
    """Compare cosine with people's scores, set by set."""
    if not s.pairs:
        return []
    numbers: list[Number] = []
    bars = []
    for name, pairs in s.pairs.items():
        number = similarity(s.keys, s.vectors, pairs, name=name, untrained=s.untrained, seed=s.seed)
        by_letters = []
        if s.by_letters is not None:
            by_letters = similarity_by_letters(s.keys, s.vectors, pairs, s.by_letters, name=name, seed=s.seed)
        numbers += [number, *by_letters]
        bars.append(_similarity_bar(name, number, "untrained"))
        told = ("… unseen by letters", "… only with unseen")
        bars += [_similarity_bar(t, n, "spelling alone") for t, n in zip(told, by_letters, strict=False)]
    picture = bar_chart(
        bars,
        title="Similarity by set",
        description=_told_bars(bars),
        value_label="Spearman's rank correlation",
    )
    text = (
        "How well cosine ranks pairs of words as people do: 1 is the same order, 0 is none, which is what one-hot "
        "vectors and chance reach. People do not fully agree among themselves either: 1 is out of reach."
    )
    if len(numbers) > len(s.pairs):
        text += (
            " Words that were not seen are left out first, then placed by their letters; “spelling alone” is what the "
            "same letters give without anything learned. These are three different samples of pairs: compare each with "
            "its own baseline."
        )
    caption = "Bars: correlation with its 95 % bootstrap interval over pairs."
    return [Section("Similarity", text, tuple(numbers), pictures=(page.figure(picture, caption),))]


def _similarity_bar(name: str, number: Number, beside: str) -> Bar:
    bounds = (number.low, number.high) if number.n else (None, None)
    return Bar(name, number.value, *bounds, {beside: number.baselines[beside]})


def gold_labels(s: Subject) -> list[Section]:
    """Read labels out of the vectors with a straight line and with a vote of neighbours."""
    if not s.labels:
        return []
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    sections = []
    rows = places(s.keys)
    for name, labels in s.labels.items():
        found = [(rows[key], label) for key, label in labels if key in rows]
        at, classes = np.asarray([row for row, _ in found], np.int64), [label for _, label in found]
        with threadpool_limits(1, "blas"):  # thin products: threads waiting for each other took 6 times as long
            probe = linear_probe(s.vectors[at], classes, untrained=s.untrained[at], seed=s.seed)
        numbers = (probe, knn_probe(s.vectors[at], classes))
        text = (
            f"How much of the labels of {name} can be read out of the vectors: {len(found):,} of {len(labels):,} "
            "labelled words are known. The words that test the straight line were kept out of its training."
        )
        sections.append(Section(f"Labels: {name}", text, numbers))
    return sections


def _losses(rows: Sequence[object], field: str) -> list[tuple[float, float]]:
    found = [(entry["epoch"], _finite(entry.get(field))) for entry in rows if isinstance(entry, dict)]
    return [(float(epoch), loss) for epoch, loss in found if loss is not None]


def _finite(value: object) -> float | None:
    kept = isinstance(value, (int, float)) and math.isfinite(value)
    return value if kept and isinstance(value, (int, float)) else None


def _told_loss(points: Sequence[tuple[float, float]], where: str, unit: str) -> str:
    if len(points) < 2:
        return f"Only one loss is known: {show_value(points[0][1])} {unit}." if points else "No loss is known."
    (_, start), (epochs, end) = points[0], points[-1]
    best = min(points, key=lambda point: point[1])
    text = (
        f"The loss on {where} went from {show_value(start)} to {show_value(end)} {unit} in "
        f"{int(epochs - points[0][0])} epochs. "
    )
    if end >= start:
        return text + "It did not fall: nothing that holds for new text was learned."
    if best[1] < end - 0.002 * abs(end):
        return text + f"It was lowest after epoch {int(best[0])} and rises since: more epochs will not help."
    if points[-2][1] - end > 0.01 * (start - end):
        return text + "It was still falling at the end: more epochs may help."
    return text + "It has levelled off."


def _loss_figure(lines: Sequence[Line], unit: str, sample: str) -> tuple[Html, ...]:
    if not any(len(line.x) > 1 for line in lines):
        return ()
    told = "; ".join(f"{line.name}: " + ", ".join(show_value(y) for y in line.y) for line in lines)
    picture = line_chart(
        lines,
        title="Loss by epoch",
        description=f"Loss in {unit}, epoch by epoch. {told}.",
        x_label="epoch (0: before training)",
        y_label=unit,
        whole_x=True,
    )
    return (page.figure(picture, f"The true loss on fixed {sample}, lower is better."),)


def _neighbour_table(s: Subject, band: str, rows: np.ndarray) -> Table:
    near = neighbours(s.vectors, AGREED, rows=rows)
    again = None if s.second is None else neighbours(s.second, AGREED, rows=rows)
    best = cosines(s.vectors, rows, near[:, 0])
    columns = ["word", "count", "nearest", "cosine of the first", "second seed agrees on"]
    table = []
    for i, row in enumerate(rows.tolist()):
        count = None if s.counts is None else int(s.counts[row])
        words = tuple(s.keys[j] for j in near[i, :SHOWN].tolist())
        agreed = None if again is None else f"{len(set(near[i].tolist()) & set(again[i].tolist()))} of {near.shape[1]}"
        table.append((s.keys[row], count, words, round(float(best[i]), 3), agreed))
    kept = [i for i in range(5) if (i != 1 or s.counts is not None) and (i != 4 or again is not None)]
    columns[0] = f"{band} words" if band != "all" else "word"
    return Table(tuple(columns[i] for i in kept), tuple(tuple(line[i] for i in kept) for line in table))


def _without_nearest(s: Subject, rows: np.ndarray) -> int:
    """Return how many of `rows` have the same cosine with every other word, as those of one-hot vectors have."""
    if len(s) < 3:
        return 0
    found = unit(s.vectors[rows]) @ unit(s.vectors).T
    found[np.arange(len(rows)), rows] = np.nan
    return int((np.nanmax(found, axis=1) == np.nanmin(found, axis=1)).sum())


def _analogy_section(s: Subject, name: str, questions: Sequence[tuple[str, str, str, str, str]]) -> Section:
    title = "Analogies" if len(s.analogies) == 1 else f"Analogies: {name}"
    found = analogies(s.keys, s.vectors, questions)
    if not found.total.asked:
        return Section(title, f"None of the {len(questions):,} questions of {name} can be asked: words are unknown.")
    step = max(1, len(questions) // _SAMPLE)
    start = analogies(s.keys, s.untrained, questions[::step]).total
    beside = {"untrained": start.right / max(start.asked, 1), "chance": 1 / max(min(len(s), 30_000) - 3, 1)}
    first, *rest = found.numbers
    numbers = (replace(first, baselines={**first.baselines, **beside}), *rest)
    text = (
        f"a is to b as c is to ? — {found.total.right:,} of {found.total.asked:,} questions of {name} right "
        f"({show_value(numbers[0].value, percent=True)}). The answer is sought among the most frequent words, with a, "
        "b and c left out as the field does; “inputs left in” says what is left when they may answer too. Ignoring a "
        "altogether, the word nearest to b or to c already gets some right: only what is beyond that is arithmetic."
    )
    return Section(title, text, numbers, pictures=(_analogy_figure(found),))


def _analogy_figure(found: AnalogyScores) -> Html:
    bars = [_relation_bar(relation) for relation in found.relations[:40]]
    picture = bar_chart(
        bars, title="Analogies by relation", description=_told_bars(bars), percent=True, value_label="answered right"
    )
    return page.figure(picture, f"Bars: right answers ({found.protocol}) with 95 % Wilson intervals.")


def _relation_bar(relation: Relation) -> Bar:
    number = relation.number("")
    return Bar(relation.name, number.value, number.low, number.high, number.baselines, f"{relation.asked:,} questions")


def _told_bars(bars: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.name} {show_value(bar.value)}" for bar in bars) + "."
