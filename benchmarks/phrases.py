"""Phrases by NPMI against gensim's: one text and one threshold in; seconds, memory and the phrases of both out as JSON.

The rival is gensim's `Phrases(scoring="npmi")`, which counts and then joins sentences that are lists of words in memory
already. likewise reads the file itself; what phrases cost is the difference to reading it without them. Both sides
run in processes of their own, in turn. CPU seconds count, wall seconds depend on what else the machine does.

    .venv/bin/python benchmarks/phrases.py                 # 3 rounds on a quarter of the text; likewise on all of it
    .venv/bin/python benchmarks/phrases.py --rounds 1 --share 0.02 --no-save
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from family import Peak
from words import RESULTS, corpus_file, machine

FILE = RESULTS / "phrases.json"
THRESHOLD, MIN_COUNT = 0.5, 10


def gensim(corpus: str) -> dict[str, Any]:
    """Count and join with gensim; the words are cut before the clock starts."""
    from gensim.models.phrases import Phrases

    with open(corpus, encoding="utf-8") as file:
        sentences = [line.split() for line in file]
    peak, times = Peak(), [clock()]
    phrases = Phrases(sentences, min_count=MIN_COUNT, threshold=THRESHOLD, scoring="npmi", delimiter="_")
    times.append(clock())
    found = phrases.export_phrases()
    times.append(clock())
    frozen = phrases.freeze()
    tokens = sum(len(frozen[sentence]) for sentence in sentences)
    times.append(clock())
    stages = ("find", "export", "join")
    return {**spans(times, stages), "peak_anonymous": peak.stop(), "words": tokens, "phrases": found}


def likewise(corpus: str) -> dict[str, Any]:
    """Read the file without phrases and with them."""
    from likewise.session import Session
    from likewise.sources.text import open_text
    from likewise.words.corpus import read_corpus
    from likewise.words.phrases import SEPARATOR, PhraseSearch

    plain: dict[str, Any] = {"tokenizer": "whitespace", "held_out": 0.0}
    read_corpus(open_text(corpus), session=Session(), **plain)  # the file is in memory for the next
    times = [clock()]
    read_corpus(open_text(corpus), session=Session(), **plain)
    times.append(clock())
    peak = Peak()
    reading = read_corpus(
        open_text(corpus), session=Session(), phrases=PhraseSearch(THRESHOLD, min_count=MIN_COUNT), **plain
    )
    times.append(clock())
    assert reading.phrases is not None
    words = [SEPARATOR.join(phrase) for phrase in reading.phrases.passes[0]]
    found = dict(zip(words, reading.phrases.scores[0].tolist(), strict=True))
    out = spans(times, ("read", "read_with_phrases"))
    out |= {"find_and_join": {kind: out["read_with_phrases"][kind] - out["read"][kind] for kind in ("wall", "cpu")}}
    return {**out, "peak_anonymous": peak.stop(), "words": reading.vocabulary.raw_words, "phrases": found}


def clock() -> tuple[float, float]:
    """Return wall and CPU seconds of this process."""
    return time.perf_counter(), time.process_time()


def spans(times: list[tuple[float, float]], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Return what passed between the times, by name."""
    return {
        name: {"wall": after[0] - before[0], "cpu": after[1] - before[1]}
        for name, before, after in zip(names, times, times[1:], strict=False)
    }


def run(side: str, corpus: str) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--corpus", corpus]
    out: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return out


def digest() -> str:
    """Return a digest of the files that decide what is found."""
    package = Path(importlib.util.find_spec("likewise").origin).parent  # type: ignore[union-attr,arg-type]
    files = [package / name for name in ("kernels/phrases.cpp", "kernels/phrases.py", "words/phrase_search.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def part_of(corpus: Path, share: float) -> Path:
    """Write the first part of a corpus beside it."""
    path = corpus.with_name(f"phrases-{share}.txt")
    with corpus.open(encoding="utf-8") as file:
        lines = sum(1 for _ in file)
        file.seek(0)
        path.write_text("".join(islice(file, round(lines * share))), encoding="utf-8")
    return path


def compared(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, Any]:
    """Say how far the phrases and their scores agree."""
    both = sorted(set(ours) & set(theirs))
    gaps = np.array([abs(ours[phrase] - theirs[phrase]) for phrase in both])
    return {
        "likewise": len(ours),
        "gensim": len(theirs),
        "both": len(both),
        "largest_difference": float(gaps.max(initial=0.0)),
        "only_one": sorted(set(ours) ^ set(theirs))[:20],
    }


def bench(rounds: int, share: float) -> dict[str, Any]:
    """Run both sides in turn and compare them."""
    corpus = part_of(Path(corpus_file()), share)
    runs: dict[str, list[dict[str, Any]]] = {"gensim": [], "likewise": []}
    loads = []
    for _ in range(rounds):
        for side, done in runs.items():
            loads.append(round(os.getloadavg()[0], 1))
            done.append(run(side, str(corpus)))
    whole = run("likewise", str(corpus_file()))
    found = compared(runs["likewise"][0]["phrases"], runs["gensim"][0]["phrases"])
    same = {side: all(r["phrases"] == done[0]["phrases"] for r in done) for side, done in runs.items()}
    runs = {side: [r | {"phrases": len(r["phrases"])} for r in done] for side, done in runs.items()}
    theirs = [r["find"]["cpu"] + r["join"]["cpu"] for r in runs["gensim"]]
    ours = [r["find_and_join"]["cpu"] for r in runs["likewise"]]
    entire = [r["read_with_phrases"]["cpu"] for r in runs["likewise"]]
    ratios = {
        "find_and_join": [round(a / b, 1) for a, b in zip(theirs, ours, strict=True)],
        "gensim_find_and_join_by_likewise_from_file_to_numbers": [
            round(a / b, 1) for a, b in zip(theirs, entire, strict=True)
        ],
    }
    return {
        "rival": "gensim Phrases(scoring='npmi'), sentences in memory",
        "setting": {"threshold": THRESHOLD, "min_count": MIN_COUNT, "share": share, "rounds": rounds},
        "machine": machine(),
        "versions": {"likewise": digest(), "gensim": version("gensim")},
        "load": loads,
        "phrases": found | {"same_in_every_round": same},
        "cpu_ratio": ratios,
        "cpu_seconds": {"gensim": statistics.median(theirs), "likewise": statistics.median(ours)},
        "runs": runs,
        "whole_text": {**whole, "phrases": len(whole["phrases"])},
    }


def main() -> None:
    """Print the result, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--no-save", action="store_true")
    parser.add_argument("--side", choices=("gensim", "likewise"), help=argparse.SUPPRESS)
    parser.add_argument("--corpus", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps({"gensim": gensim, "likewise": likewise}[given.side](given.corpus)))
        return
    out = json.dumps(bench(given.rounds, given.share), indent=1)
    print(out)
    if not given.no_save:
        FILE.write_text(out + "\n")


if __name__ == "__main__":
    main()
