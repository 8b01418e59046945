"""What vectors of texts are worth: encoders in, what they tell of likeness, classes, senses and answers out, as JSON.

Likeness: Spearman's and Pearson's correlation of cosine with people's scores, STS-B test and the test sets of STS 2012
to 2016 (a year's sets together). Classes: ridge regression on 1, 10 and 100 labels a class, 5 draws, and on all (as
`likewise.evaluate.few_labels`); BANKING77, TREC (6 classes), SUBJ. Senses: CoarseWSD-20's ten words by the nearest mean
of each sense, of the whole text's vector and of the word's at every depth; WiC by a threshold of the cosine chosen on
its train part, the depth on its dev part. Answers: Cranfield, by cosine.

    .venv/bin/python benchmarks/text_quality.py                                # every plain side, every measure
    .venv/bin/python benchmarks/text_quality.py --sides minilm --measures stsb wic
    .venv/bin/python benchmarks/text_quality.py --sides --runs runs/simcse runs/mlm --drawn runs/mlm
    .venv/bin/python benchmarks/text_quality.py --sides --page                 # writes docs/texts-measured.md

Every entry is kept in benchmarks/results/text-quality.json with the machine, and what was measured of a side in the
same version is not measured again. `tfidf`, `tfidf-svd` and `words` learn from 100 MB of Wikipedia (a-z words); of
`tfidf` classes are told in 300 directions of the set's own texts to learn from.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from likewise.contracts import Number
from likewise.evaluate.few_labels import FEW, Split, few_label_accuracy, knn_accuracy, linear_accuracy
from likewise.evaluate.known_senses import nearest_senses, same_sense, sense_numbers, threshold
from likewise.evaluate.ranking import rankings, scored
from likewise.evaluate.text_pairs import cosine_likeness, pair_cosines
from likewise.sources import gold_texts
from likewise.sources.gold import Pair
from likewise.sources.gold_texts import STS_YEARS, WIC_PARTS, Marked
from text_quality_page import write_page
from text_sides import PLAIN, Side, side_of, side_of_drawn, side_of_run
from words_rounds import locked
from words_sides import BENCH, DATA, RESULTS, machine

FILE = RESULTS / "text-quality.json"
SENTENCES, WORDS = DATA / "sentences", DATA / "words"
PROTOCOL = 2  # of the measures here: what was measured by another is measured again
WHOLE = "whole text"
Numbers = dict[str, Any]


def plain(number: Number) -> dict[str, Any]:
    """Return a number as it is written down."""
    values = {"value": number.value, "low": number.low, "high": number.high}
    out: dict[str, Any] = {key: None if value is None else round(float(value), 4) for key, value in values.items()}
    return out | {"n": number.n} | ({"note": number.note} if number.note else {})


# --- likeness ---


def likeness(side: Side, pairs: Sequence[Pair]) -> tuple[Number, Number]:
    cosines = side.cosines([pair.first for pair in pairs], [pair.second for pair in pairs])
    return cosine_likeness(cosines, [pair.score for pair in pairs])


def stsb(side: Side) -> Numbers:
    out: Numbers = {}
    for part in ("dev", "test"):
        for kind, number in zip(("spearman", "pearson"), likeness(side, read_stsb(part)), strict=True):
            out[f"{part} {kind}"] = plain(number)
    return out


@cache
def read_stsb(part: str) -> list[Pair]:
    return gold_texts.read_stsb(SENTENCES / "stsb", part)


def sts(side: Side) -> Numbers:
    """Return each year's correlation over all its pairs, and beside it that of each of its sets."""
    out: Numbers = {}
    for year in STS_YEARS:
        sets = gold_texts.read_sts(SENTENCES / "sts12-16.tar.xz", year)
        rank, line = likeness(side, [pair for pairs in sets.values() for pair in pairs])
        each = {name: round(likeness(side, pairs)[0].value, 4) for name, pairs in sets.items()}
        out[str(year)] = plain(rank) | {"pearson": round(line.value, 4), "sets": each}
    return out


# --- classes ---


def classes(side: Side, labels: gold_texts.Classes) -> Numbers:
    split = Split([label for _, label in labels.train], [label for _, label in labels.test])
    train, test = side.for_classes([text for text, _ in labels.train], [text for text, _ in labels.test])
    few = {f"{each} a class": few_label_accuracy(train, test, split, each=each, at_most=True) for each in FEW}
    found = {**few, "all": linear_accuracy(train, test, split), "k-NN": knn_accuracy(train, test, split)}
    return {name: plain(number) for name, number in found.items() if number} | {"chance": round(split.chance, 4)}


# --- senses ---


def depths(side: Side, places: Sequence[Marked]) -> dict[str, np.ndarray]:
    """Return the vectors of words in texts by depth, those of whole texts first."""
    return {WHOLE: side.embed([place.text for place in places])} | side.at(places)


def coarsewsd(side: Side) -> Numbers:
    """Return of each depth, for each word, accuracy, the mean of the senses' recalls, and each recall."""
    out: Numbers = {}
    for word, texts in gold_texts.read_coarsewsd(WORDS / "coarsewsd20_a.tar.xz").items():
        senses, truth = ([sense for _, sense in part] for part in (texts.train, texts.test))
        frequent = max(senses, key=senses.count)
        found = depths(side, [place for place, _ in (*texts.train, *texts.test)])
        for depth, x in found.items():
            told = nearest_senses(x[: len(senses)], senses, x[len(senses) :])
            numbers = sense_numbers(told, truth, frequent=frequent, name=word)
            named = {number.name.removeprefix(f"{word} "): plain(number) for number in numbers}
            if word != "bank" and depth not in (WHOLE, list(found)[-1]):
                named = {key: named[key]["value"] for key in list(named)[:2]}
            counted = round(numbers[0].baselines["most frequent sense"], 4)
            out.setdefault(depth, {})[word] = named | {"most frequent": counted}
    return out


def wic(side: Side) -> Numbers:
    """Return of each depth the accuracy on test and dev, by a threshold chosen on train; the best on dev is named."""
    cosines: dict[str, dict[str, np.ndarray]] = {}
    same: dict[str, list[bool]] = {}
    for part in WIC_PARTS:
        uses = gold_texts.read_wic(WORDS / "wic", part)
        first, second = [use.first for use in uses], [use.second for use in uses]
        same[part] = [use.same for use in uses]
        whole = side.cosines([place.text for place in first], [place.text for place in second])
        cosines.setdefault(WHOLE, {})[part] = whole
        found = side.at([*first, *second]) if side.embeds else {}
        for depth, x in found.items():
            cosines.setdefault(depth, {})[part] = pair_cosines(x[: len(uses)], x[len(uses) :])
    out: Numbers = {}
    for depth, each in cosines.items():
        limit = threshold(each["train"], same["train"])
        out[depth] = {part: plain(same_sense(each[part], same[part], limit=limit)) for part in ("dev", "test")}
    inside = {depth: one["dev"]["value"] for depth, one in out.items() if depth != WHOLE} or {WHOLE: 0.0}
    return out | {"best": max(inside, key=inside.__getitem__)}


# --- answers ---


def cranfield(side: Side) -> Numbers:
    found = gold_texts.read_cranfield(DATA / "retrieval" / "cranfield")
    documents, queries = list(found.documents.values()), list(found.queries.values())
    scores = side.scores(queries, documents)
    table = scored(scores, list(found.queries), list(found.documents))
    for query, source in found.sources.items():
        del table[query][source]
    numbers = rankings(table, found.judgements, documents=len(documents) - 1)
    return {number.name: plain(number) | {"chance": round(number.baselines["chance"], 4)} for number in numbers}


MEASURES: dict[str, Callable[[Side], Numbers]] = {
    "stsb": stsb,
    "sts": sts,
    "banking77": lambda side: classes(side, gold_texts.read_banking77(SENTENCES / "banking77")),
    "trec": lambda side: classes(side, gold_texts.read_trec(SENTENCES / "trec_qc.zip")),
    "subj": lambda side: classes(side, gold_texts.read_subjectivity(SENTENCES / "subjectivity.zip")),
    "coarsewsd": coarsewsd,
    "wic": wic,
    "cranfield": cranfield,
}


LACKING = {"search": tuple(name for name in MEASURES if name != "cranfield"), "counts": ("coarsewsd",)}
"""Measures that sides of a kind have nothing for."""


# --- what is kept ---


def written() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text())) if FILE.exists() else []


def known(about: Mapping[str, Any]) -> bool:
    return any(all(old.get(key) == value for key, value in about.items()) for old in written())


def keep(found: Mapping[str, Any]) -> None:
    """Add an entry, in place of an older one of the same side and measure; others may write at the same time."""
    BENCH.mkdir(exist_ok=True)
    with locked(BENCH / "text-quality.lock", alone=True):
        other = [old for old in written() if any(old[key] != found[key] for key in ("side", "measure"))]
        partial = BENCH / "text-quality.partial"
        partial.write_text(json.dumps([*other, found], indent=1, ensure_ascii=False) + "\n")
        partial.replace(FILE)
    print(found["side"], found["measure"], f"{found['seconds']} s", file=sys.stderr, flush=True)


def measure(side: Side, names: Sequence[str]) -> None:
    for name in names:
        if name in LACKING.get(side.kind, ()):
            continue
        about = {"side": side.name, "measure": name, "protocol": PROTOCOL} | side.about
        if known(about):
            continue
        _ = side.encoder  # what learning costs is no part of the seconds
        start = time.perf_counter()
        numbers = MEASURES[name](side)
        keep(about | {"machine": machine(), "seconds": round(time.perf_counter() - start, 1), "numbers": numbers})


def main() -> None:
    global FILE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="*", choices=PLAIN, default=list(PLAIN))
    parser.add_argument("--runs", nargs="*", type=Path, default=[], metavar="PATH", help="run folders of texts, too")
    parser.add_argument(
        "--drawn", nargs="*", type=Path, default=[], metavar="PATH", help="their networks as drawn, too"
    )
    parser.add_argument("--measures", nargs="*", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    FILE = options.out
    RESULTS.mkdir(exist_ok=True)
    sides = ((side_of, options.sides), (side_of_drawn, options.drawn), (side_of_run, options.runs))
    for make, names in sides:
        for name in names:
            measure(make(name), options.measures)
    if options.page:
        write_page(written())


if __name__ == "__main__":
    main()
