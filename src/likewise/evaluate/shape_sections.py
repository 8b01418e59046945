"""How a space is shaped: a subject in, the sections on cosines, stability, spectrum, hubs and the map out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from likewise.contracts import Array, Number
from likewise.evaluate import page
from likewise.evaluate.baselines import one_hot
from likewise.evaluate.calibration import Calibration, calibrate
from likewise.evaluate.collapse import Diagnosis
from likewise.evaluate.figures import Bar, Line, bar_chart, histogram, line_chart, scatter
from likewise.evaluate.geometry import hubness, isotropy, norm_frequency
from likewise.evaluate.map import draw_map, lay_out
from likewise.evaluate.markup import Html, element
from likewise.evaluate.retrieval import neighbours
from likewise.evaluate.rows import cosines
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.stability import stability
from likewise.evaluate.subject import Subject

ON_THE_MAP = 1_200
DOUBTFUL = 0.3  # of ten neighbours shared by two seeds; word2vec on 16 M words reaches .45 with 5 epochs
FREQUENT = 10_000  # words whose cosines are judged: those that gold answers and people ask for
_DOTS = 1_500
_ASKED = 500  # words whose nearest neighbour is drawn beside random pairs


def meaning_of_cosine(s: Subject) -> list[Section]:
    """Say which cosine means related: random pairs beside related ones, or beside nearest neighbours.

    Rare words share a large cosine with everything, so the frequent ones are asked first and by themselves.
    """
    if len(s) < 2:
        return []
    n = min(len(s), FREQUENT)
    name, pairs = next(iter(s.pairs.items()), ("", ()))
    found = calibrate(s.vectors[:n], keys=s.keys[:n], pairs=pairs, seed=s.seed)
    related, called = (found.related, f"alike in {name}") if len(found.related) else _nearest(s, n)
    who = f"the {n:,} most frequent words" if n < len(s) else "all words"
    text = (
        f"Of two of {who} drawn at random, one pair in a hundred has a cosine above {show_value(found.threshold)}, "
        f"one in a thousand above {show_value(found.strict)}: below that, a cosine says little in this space. "
        "With one-hot vectors every pair has cosine 0."
    )
    if len(found.related):
        missed = show_value(float((found.related <= found.threshold).mean()), percent=True)
        text += f" Of {len(found.related):,} pairs that people call alike in {name}, {missed} stay below the first."
    tables: tuple[Table, ...] = ()
    if n < len(s):
        text += " Rarer words lie closer together, whatever they mean: compare words of like frequency."
        tables = (_thresholds(s),)
    numbers = tuple(replace(number, name=f"{number.name}, {who}") for number in found.numbers if number.n)
    return [Section("What a cosine means", text, numbers, tables, (_cosine_figure(found, related, called),))]


def agreement(s: Subject) -> list[Section]:
    """Say how many neighbours a second seed agrees on; nothing where there is none."""
    title = "Which neighbours to trust"
    if s.second is None or len(s) < 2:
        return []
    numbers = stability(s.vectors, s.second, seed=s.seed)
    numbers = [number for number in numbers if number.n]
    bars = [Bar(n.name.split(", ")[-1].replace("overlap@10 between two seeds", "all words"), n.value, n.low, n.high)
            for n in numbers]  # fmt: skip
    chance = numbers[0].baselines.get("chance", 0.0)
    text = (
        f"The same text learned with a second seed agrees on {show_value(numbers[0].value, percent=True)} of each "
        f"word's 10 nearest neighbours (chance: {show_value(chance, percent=True)}). A neighbour that another seed "
        "does not find is an accident."
    )
    if numbers[0].value < DOUBTFUL:
        text += " Here that is most of them: more text, more epochs or fewer dimensions would help."
    picture = bar_chart(
        bars,
        title="Neighbours that two seeds share",
        description="; ".join(f"{bar.name} {show_value(bar.value, percent=True)}" for bar in bars),
        high=1.0,
        percent=True,
    )
    return [Section(title, text, tuple(numbers), pictures=(page.figure(picture),))]


def shape(s: Subject, diagnosis: Diagnosis) -> list[Section]:
    """Show the spectrum, isotropy, hubs, and whether length tells frequency."""
    numbers = [*diagnosis.numbers, isotropy(s.vectors), *hubness(s.vectors)]
    pictures = [_spectrum_figure(diagnosis.spectrum)]
    if s.counts is not None and len(s) > 2:
        numbers.append(norm_frequency(s.vectors, s.counts, seed=s.seed))
        pictures.append(_length_figure(s))
    text = (
        "The verdict above reads these: how far the vectors spread around their mean, how many directions they use, "
        "and whether the spectrum breaks off. Hubs are words that appear among everybody's neighbours."
    )
    return [Section("Shape of the space", text, tuple(numbers), pictures=(page.pair(*pictures),))]


def beside_one_hot(s: Subject) -> list[Section]:
    """Put the vectors beside what costs nothing to have: one-hot vectors."""
    plain = one_hot(len(s))
    size, before = 4.0 * s.vectors.shape[1], plain["bytes a vector"]
    rows = (
        ("bytes a word", f"{size:,.0f}", f"{before:,.0f}"),
        ("dimensions", f"{s.vectors.shape[1]:,}", f"{len(s):,}"),
        ("distance of any two different words", "depends on the words", f"{plain['distance of any two']:.3f}"),
        ("cosine of any two different words", "depends on the words", f"{plain['cosine of any two']:g}"),
    )
    text = (
        "One-hot vectors are exact, need no training, and know nothing: every two words are equally far apart. "
        "That is what learning is measured against."
    )
    return [Section("Beside one-hot vectors", text, tables=(Table(("", "these vectors", "one-hot"), rows),))]


def overview(s: Subject) -> list[Section]:
    """Lay the most frequent words out on a plane."""
    n = min(len(s), ON_THE_MAP)
    if n < 3:
        return []
    found = lay_out(s.vectors[:n], seed=s.seed)
    share = show_value(found.kept, percent=True)
    text = (
        f"The {n:,} most frequent words on a plane ({found.method}). A plane cannot hold {s.vectors.shape[1]} "
        f"dimensions: it keeps {share} of each word's true {found.k} nearest neighbours among these words. Use it to "
        "look around; every number in this report comes from the original space."
    )
    svg = draw_map(s.keys[:n], found, title="Map of the most frequent words")
    picture = page.figure(svg, "", element("output"), wide=True)
    chance = found.k / (n - 1)
    name = f"share of the true {found.k} neighbours that the map keeps"
    number = Number(name, found.kept, n=n, baselines={"chance": min(chance, 1.0)}, note=f"{found.method}, not a score")
    return [Section("Map", text, (number,), pictures=(picture,))]


def _cosine_figure(found: Calibration, related: Float[Array, " p"], called: str) -> Html:
    groups = {"random pairs": found.random, called: related}
    medians = ", ".join(f"{k} {show_value(float(np.median(v)))}" for k, v in groups.items() if len(v))
    picture = histogram(
        groups,
        title="What a cosine means",
        description=f"Two histograms of cosines. Medians: {medians}.",
        bins=40 if len(related) > 200 else 20,
        x_label="cosine",
        marks={"1 in 100": found.threshold, "1 in 1,000": found.strict},
    )
    caption = "How often each cosine occurs. Where the two hills overlap, a cosine does not decide."
    return page.figure(picture, caption)


def _thresholds(s: Subject) -> Table:
    rows = []
    for name, (first, last) in {**s.bands(), "all": (0, len(s))}.items():
        found = calibrate(s.vectors[first:last], seed=s.seed)
        rows.append((f"{name} words", last - first, round(float(found.random.mean()), 3), round(found.threshold, 3),
                     round(found.strict, 3)))  # fmt: skip
    columns = ("random pairs of", "words", "mean cosine", "1 in 100 above", "1 in 1,000 above")
    return Table(columns, tuple(rows), "Frequent, middle and rare are thirds of the vocabulary.")


def _nearest(s: Subject, n: int) -> tuple[Float[Array, " q"], str]:
    rows = np.linspace(0, n - 1, min(n, _ASKED)).astype(np.int64)
    return cosines(s.vectors[:n], rows, neighbours(s.vectors[:n], 1, rows=rows)[:, 0]), "nearest neighbours"


def _spectrum_figure(spectrum: Float[Array, " d"]) -> Html:
    total = float(spectrum.sum())
    share = np.cumsum(spectrum) / total if total > 0 else np.zeros(len(spectrum))
    ranks = list(range(1, len(spectrum) + 1))
    half = int(np.searchsorted(share, 0.5)) + 1 if total > 0 else 0
    picture = line_chart(
        [Line("these vectors", ranks, share.tolist()), Line("all equal", ranks, [r / len(ranks) for r in ranks])],
        title="Spectrum",
        description=f"Share of the variance in the strongest directions: half of it lies in the first {half}.",
        x_label="strongest directions",
        y_label="share of variance",
        whole_x=True,
    )
    return page.figure(picture, f"Half of the variance lies in the first {half} of {len(ranks)} directions.")


def _length_figure(s: Subject) -> Html:
    rows = np.unique(np.geomspace(1, len(s), _DOTS).astype(np.int64)) - 1
    lengths = np.sqrt(np.square(s.vectors[rows], dtype=np.float64).sum(1))
    assert s.counts is not None
    picture = scatter(
        s.counts[rows],
        lengths,
        title="Length and frequency",
        description="The length of a word's vector against how often the word occurs.",
        x_label="occurrences",
        y_label="length",
        log_x=True,
    )
    return page.figure(picture, "Each dot is a word. Cosine ignores length; inner products do not.")
