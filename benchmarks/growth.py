"""Going on with new text: a text in two parts and seeds in, what it costs the old words and what it is worth out.

100 MB of English Wikipedia (a-z words, a paragraph a line), cut in two: into its first and its second half, which are
about different things (articles in the order in which they were begun), or into even and odd paragraphs, which are not.
Learned from the first part, from all at once, from the second part alone, and from the first part and then going on
with the second at several rates. Vectors of one thread pool with --reproducible; what is in the file is not run again.

    .venv/bin/python benchmarks/growth.py            # adds to benchmarks/results/growth.json
    .venv/bin/python benchmarks/growth.py --recipes word2vec --seeds 1
"""

from __future__ import annotations

import argparse
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
RATES = (1.0, 0.5, 0.2, 0.1)  # of the recipe's own


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


def about(run: Run, first: Run | None, whole: Run | None, seconds: float) -> dict[str, Any]:
    """Score a run; how it differs from the first part's, and how its old and new words agree with all at once."""
    keys = list(run.space.keys)
    out: dict[str, Any] = {"words": len(keys), "seconds": round(seconds, 1), "loss": run.log[-1]["loss_held_out"]}
    out["quality"] = score(DATA, keys, run.space.vectors)
    if first is not None:
        _, before, after = shared(first, run)
        numbers = [*stability(before, after, between="with the first part"), *moved(before, after)]
        out["moved"] = {number.name: round(number.value, 4) for number in numbers}
    if whole is not None and first is not None:
        keys, ours, theirs = shared(run, whole)
        new = np.array([key not in first.space for key in keys])
        numbers = [
            overlap_among(ours, theirs, ~new, who="old words"),
            overlap_among(ours, theirs, new, who="new words"),
        ]
        out["like all at once"] = {n.name: {"value": round(n.value, 4), "n": n.n} for n in numbers}
    return out


def learned(text: Path, recipe: str, seed: int, **options: Any) -> tuple[Run, float]:
    start = time.process_time()
    run = likewise.learn(text, recipe=recipe, seed=seed, reproducible=True, report=False, **options)
    return run, time.process_time() - start


def row(cut: str, recipe: str, seed: int) -> dict[str, Any]:
    """Learn all that is compared for one seed."""
    one, two = parts(cut)
    rate = {"word2vec": 0.025, "fasttext": 0.05}[recipe]
    first, seconds = learned(one, recipe, seed)
    out = {"first part": about(first, None, None, seconds)}
    again, seconds = learned(one, recipe, seed + 100)
    out["first part, another seed"] = about(again, first, None, seconds)
    whole, seconds = learned(corpus_file(), recipe, seed)
    out["all at once"] = about(whole, first, None, seconds)
    other, seconds = learned(corpus_file(), recipe, seed + 100)
    out["all at once, another seed"] = about(other, first, whole, seconds)
    second, seconds = learned(two, recipe, seed)
    out["second part"] = about(second, first, whole, seconds)
    for share in RATES:
        run, seconds = learned(two, recipe, seed, start=first, rate=share * rate)
        out[f"going on at {share:g} of the rate"] = about(run, first, whole, seconds)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", choices=["word2vec", "fasttext"], default=["word2vec", "fasttext"])
    parser.add_argument("--cuts", nargs="*", choices=["halves", "interleaved"], default=["halves", "interleaved"])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    here = {"machine": machine(), "version": version_of("likewise")}
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"entries": []}
    for seed in range(1, options.seeds + 1):
        for recipe in options.recipes:
            for cut in options.cuts:
                wanted = {"recipe": recipe, "cut": cut, "seed": seed} | here
                if any(all(old[key] == value for key, value in wanted.items()) for old in result["entries"]):
                    continue
                load = round(os.getloadavg()[0], 2)
                result["entries"].append(wanted | {"load_average": load, "runs": row(cut, recipe, seed)})
                FILE.write_text(json.dumps(result, indent=1) + "\n")
                print(recipe, cut, seed, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
