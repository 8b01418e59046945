"""Going on with new text: a text in two parts and seeds in, what it costs the old words and what it is worth out.

100 MB of English Wikipedia (a-z words, a paragraph a line), cut in two: into its first and its second half, which are
about different things (articles in the order in which they were begun), or into even and odd paragraphs, which are not.
Learned from the first part, from all at once, from the second part alone, and from the first part and then going on
with the second at several rates. All with --reproducible; what is in the file, from this machine and version, is not
run again.

    .venv/bin/python benchmarks/growth.py            # adds to benchmarks/results/growth.json
    .venv/bin/python benchmarks/growth.py --recipes word2vec --seeds 1
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import likewise
from likewise.evaluate.stability import moved, overlap_among, stability
from likewise.opening import Run
from words import BENCH, DATA, RESULTS, corpus_file, machine, version_of
from words_quality import score

FILE = RESULTS / "growth.json"
RATE = {"word2vec": 0.025, "fasttext": 0.05}
RUNS = ("first", "all", "going on at 1", "second", "going on at 0.4", "first again", "all again", "going on at 0.1")
"""What is learned; the rate of going on is a share of the recipe's own."""


def parts(cut: str) -> tuple[Path, Path]:
    """Return the two parts of the text as files."""
    files = tuple(BENCH / f"growth-{cut}-{number}.txt" for number in (1, 2))
    BENCH.mkdir(exist_ok=True)
    if not all(file.exists() for file in files):
        lines = corpus_file().read_bytes().splitlines(keepends=True)
        half = len(lines) // 2
        both = (lines[:half], lines[half:]) if cut == "halves" else (lines[::2], lines[1::2])
        for file, some in zip(files, both, strict=True):
            file.write_bytes(b"".join(some))
    return files[0], files[1]


def shared(one: Run, other: Run) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the words of both runs, in the order of the second, and their vectors in each."""
    keys = [key for key in other.space.keys if key in one.space]
    return keys, np.asarray(one.space[keys]), np.asarray(other.space[keys])


def about(run: Run, first: Run, whole: Run, seconds: float) -> dict[str, Any]:
    """Score a run; how it differs from the first part's, and how its old and new words agree with all at once."""
    keys = list(run.space.keys)
    out: dict[str, Any] = {"words": len(keys), "cpu_seconds": round(seconds, 1), "loss": run.log[-1]["loss_held_out"]}
    out["quality"] = score(DATA, keys, run.space.vectors)
    _, before, after = shared(first, run)
    numbers = [*stability(before, after, between="with the first part"), *moved(before, after)]
    out["moved"] = {number.name: round(number.value, 4) for number in numbers}
    keys, ours, theirs = shared(run, whole)
    new = np.array([key not in first.space for key in keys])
    numbers = [overlap_among(ours, theirs, ~new, who="old words"), overlap_among(ours, theirs, new, who="new words")]
    out["like all at once"] = {n.name: {"value": round(n.value, 4), "n": n.n} for n in numbers}
    return out


def learned(text: Path, name: str, recipe: str, seed: int, **options: Any) -> tuple[Run, float]:
    """Learn, or open what was learned before under this name; return CPU seconds, too."""
    place = BENCH / "growth" / version_of("likewise").split()[-1] / name
    if not place.exists():
        start = time.process_time()
        run = likewise.learn(text, recipe=recipe, seed=seed, reproducible=True, report=False, **options)
        run.manifest["cpu_seconds"] = time.process_time() - start
        run.save(place)
    run = likewise.open(place)
    return run, run.manifest["cpu_seconds"]


def one(cut: str, recipe: str, seed: int, wanted: str) -> dict[str, Any]:
    """Learn what is wanted and what it is compared with."""
    one, two = parts(cut)
    name = f"{recipe}-{cut}-{seed}"
    first = learned(one, f"{name}-first", recipe, seed)
    whole = learned(corpus_file(), f"{recipe}-all-{seed}", recipe, seed)
    match wanted.split():
        case ["first"]:
            found = first
        case ["first", _]:
            found = learned(one, f"{name}-first-again", recipe, seed + 100)
        case ["all"]:
            found = whole
        case ["all", _]:
            found = learned(corpus_file(), f"{recipe}-all-{seed}-again", recipe, seed + 100)
        case ["second"]:
            found = learned(two, f"{name}-second", recipe, seed)
        case _:
            share = float(wanted.removeprefix("going on at "))
            options = {"start": first[0], "rate": share * RATE[recipe]}
            found = learned(two, f"{name}-{share:g}", recipe, seed, **options)
    return about(found[0], first[0], whole[0], found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", choices=list(RATE), default=list(RATE))
    parser.add_argument("--cuts", nargs="*", choices=["halves", "interleaved"], default=["halves", "interleaved"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10**6, help="stop after so many runs")
    options = parser.parse_args()
    here = {"machine": machine(), "version": version_of("likewise")}
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"entries": []}
    every = itertools.product(range(1, options.seeds + 1), options.recipes, options.cuts, RUNS)
    for seed, recipe, cut, wanted in every:
        entry = {"recipe": recipe, "cut": cut, "seed": seed, "run": wanted} | here
        if any(all(old[key] == value for key, value in entry.items()) for old in result["entries"]):
            continue
        if options.steps == 0:
            return
        options.steps -= 1
        load = round(os.getloadavg()[0], 2)
        found = entry | {"load_average": load} | one(cut, recipe, seed, wanted)
        result["entries"].append(found)
        FILE.write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
