"""Poolings of texts against each other: word vectors in, what pairs of sentences and classes make of them out as JSON.

Word vectors of 100 MB of English Wikipedia (a-z words, each recipe's own defaults); texts pooled by the plain mean, by
weights, by SIF with the component that was kept at learning time. Spearman's correlation of cosine with people's
scores on STS-B (dev, test; bootstrap intervals) and STS12-16 (each year the mean of its sets by their number of pairs;
2012 lacks MSRvid, 2013 SMT); classes by ten nearest neighbours (BANKING77, test set), by a line (SUBJ, TREC; linear
probe with an interval). `seconds` is what learning the component costs.

    .venv/bin/python benchmarks/pooling.py                               # adds to benchmarks/results/pooling.json
    .venv/bin/python benchmarks/pooling.py --recipes word2vec --seeds 3
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from family import plain
from likewise.contracts import Number
from likewise.evaluate.intervals import bootstrap
from likewise.evaluate.probes import linear_probe
from likewise.evaluate.similarity import spearman
from likewise.kernels.neighbours import top_k
from likewise.recipes import RECIPES, describe
from likewise.session import Session
from likewise.sources.text import open_text
from likewise.words.pooling import POOLINGS, learn_component
from words import DATA, RESULTS, corpus_file, machine

FILE = RESULTS / "pooling.json"
SENTENCES = DATA / "sentences"
YEARS = range(2012, 2017)


def stsb(split: str) -> list[tuple[float, str, str]]:
    lines = (SENTENCES / "stsb" / f"sts-{split}.csv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return [(float(f[4]), f[5], f[6]) for f in (line.split("\t") for line in lines)]


def sts(year: int) -> Iterator[list[tuple[float, str, str]]]:
    """Yield the test sets of a year, without the pairs that nobody scored."""
    with tarfile.open(SENTENCES / "sts12-16.tar.xz") as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            file = archive.extractfile(member) if f"/{year}/" in member.name and ".test." in member.name else None
            if file is not None:
                rows = [line.split("\t") for line in file.read().decode().rstrip("\n").split("\n")]
                yield [(float(row[0]), row[1], row[2]) for row in rows if row[0].strip()]


def lines_of(archive: str, name: str) -> list[str]:
    with zipfile.ZipFile(SENTENCES / archive) as file:
        return file.read(name).decode("latin-1").splitlines()


def banking(split: str) -> list[tuple[str, str]]:
    text = (SENTENCES / "banking77" / f"{split}.csv").read_text(encoding="utf-8")
    return [(row[0], row[1]) for row in list(csv.reader(io.StringIO(text)))[1:]]


def ranked(encoder: Any, kind: str, pairs: list[tuple[float, str, str]]) -> Number:
    """Return Spearman's correlation of the cosine of two texts with their score; a text without words has cosine 0."""
    one, two = (unit(encoder.embed([pair[side] for pair in pairs], kind=kind)) for side in (1, 2))
    found, scores = (one * two).sum(axis=1), np.array([pair[0] for pair in pairs])
    low, high = bootstrap(lambda rows: spearman(found[rows], scores[rows]), len(pairs))
    return Number("spearman cosine", spearman(found, scores), low, high, len(pairs))


def unit(vectors: Any) -> Any:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def neighbours(encoder: Any, kind: str, k: int = 10) -> float:
    """Return the share of BANKING77's test texts whose class most of their nearest training texts have."""
    train, test = banking("train"), banking("test")
    known, asked = (unit(encoder.embed([text for text, _ in part], kind=kind)) for part in (train, test))
    found = top_k(asked, known, k)[0]
    voted = [max(votes := [train[i][1] for i in row], key=votes.count) for row in found]
    return float(np.mean([vote == label for vote, (_, label) in zip(voted, test, strict=True)]))


def worth(encoder: Any, kind: str) -> dict[str, Any]:
    """Return all figures of one pooling."""
    out: dict[str, Any] = {f"stsb_{split}": plain(ranked(encoder, kind, stsb(split))) for split in ("dev", "test")}
    for year in YEARS:
        sets = [ranked(encoder, kind, pairs) for pairs in sts(year)]
        sizes = [number.n or 0 for number in sets]
        out[f"sts{year}"] = {"value": round(float(np.average([n.value for n in sets], weights=sizes)), 4)}
        out[f"sts{year}"]["n"] = sum(sizes)
    out["sts12_16"] = {"value": round(float(np.mean([out[f"sts{year}"]["value"] for year in YEARS])), 4)}
    out["banking77_knn10"] = {"value": round(neighbours(encoder, kind), 4)}
    plots, quotes = (lines_of("subjectivity.zip", f"subjectivity/{part}.tok.gt9.5000") for part in ("plot", "quote"))
    labels = ["plot"] * len(plots) + ["quote"] * len(quotes)
    out["subj_linear"] = plain(linear_probe(encoder.embed([*plots, *quotes], kind=kind), labels))
    asked = [line.split(" ", 1) for line in lines_of("trec_qc.zip", "qc/train.txt")]
    coarse = [label.split(":")[0] for label, _ in asked]
    out["trec_linear"] = plain(linear_probe(encoder.embed([text for _, text in asked], kind=kind), coarse))
    return out


def entry_of(name: str, seed: int) -> dict[str, Any]:
    """Learn, time the component alone, and measure every pooling."""
    recipe, session = RECIPES[name](**({"seed": seed} if "seed" in describe(RECIPES[name]) else {})), Session()
    prepared = recipe.prepare(open_text(corpus_file()), session)
    encoder: Any = recipe.fit(prepared, session)
    reading = getattr(prepared, "reading", prepared)
    start = time.perf_counter()
    component = learn_component(encoder.space, reading.train, seed=seed)
    seconds = time.perf_counter() - start
    assert np.array_equal(component, encoder.poolings.component)
    return {"seconds": round(seconds, 3)} | {name: worth(encoder, f"text:{name}") for name in POOLINGS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"entries": []}
    result["text"] = "100 MB of English Wikipedia, a-z words, one paragraph a line"
    for seed in range(1, options.seeds + 1):
        for name in options.recipes:
            about = {"recipe": name, "seed": seed, "machine": machine()}
            if any(all(old[key] == value for key, value in about.items()) for old in result["entries"]):
                continue
            load = round(os.getloadavg()[0], 2)
            result["entries"].append(about | {"load_average": load} | entry_of(name, seed))
            FILE.write_text(json.dumps(result, indent=1) + "\n")
            print(name, seed, result["entries"][-1]["seconds"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
