"""Word vectors against their rivals: a text file in, ratios of speed, memory and quality out as JSON.

100 MB of English Wikipedia (a-z words, one paragraph a line, the same file for both sides), dim 100, window 5, 5 noise
words, sample 1e-3, min-count 5, unless a row says otherwise. Each row names its gate (`must_reach`) at AVX-512 and at
AVX2; quality may be at most 1 point of analogies (1.5 for CBOW) or .01 of a correlation below the rival's mean.

    .venv/bin/python benchmarks/words.py                          # every row: writes benchmarks/results/words.json
    .venv/bin/python benchmarks/words.py skipgram-1 --rounds 1    # one row
    .venv/bin/python benchmarks/words.py quality --seeds 3        # adds to benchmarks/results/words-quality.json

Rivals of C and C++ are built outside the project, with their own flags (-O3 -march=native -funroll-loops): fastText's
program (LIKEWISE_FASTTEXT names it) and stanfordnlp/GloVe (LIKEWISE_GLOVE names its build folder). They are slow, so
they and our side beside them take a part of the text, which the row names: a round of the whole takes many minutes.

Each measurement is a process of its own, sides take turns, and each round is kept in words-rounds.json. The corpus file
and gensim's environment are made once, under `.bench/`. LIKEWISE_DATA is the folder with the shared data. --lock FILE
holds a lock on FILE while a side runs: alone where the clock counts, shared where CPU time does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from words_rounds import Side, locked, take_turns
from words_sides import (
    AVX2,
    AVX512,
    BENCH,
    DATA,
    PACKAGES,
    RESULTS,
    Settings,
    corpus_file,
    digest_of,
    fasttext_program,
    glove_program,
    levels,
    machine,
    part_file,
    quarter_file,
    run_program,
    run_side,
    scores_of,
    version_of,
)

__all__ = ["BENCH", "DATA", "RESULTS", "corpus_file", "digest_of", "machine", "quarter_file", "version_of"]
QUALITIES = ("analogy", "semantic", "syntactic", "wordsim353", "simlex999", "men")
JUDGED = ("analogy", "wordsim353", "simlex999", "men")


def summary(values: list[float]) -> dict[str, Any]:
    return {"median": round(statistics.median(values), 4), "all": [round(value, 4) for value in values]}


def ratios(
    name: str, seconds: dict[str, list[float]], rival: str, must: dict[str, float], runs: dict[str, Any]
) -> dict[str, Any]:
    """Return the seconds (or bytes) of all sides, and how many times ours the rival's are, each round and median."""
    theirs = seconds[rival]
    out: dict[str, Any] = {"measure": name, "rival": rival, rival: summary(theirs)}
    for level, values in seconds.items():
        if level == rival:
            continue
        times = [b / a for a, b in zip(values, theirs, strict=True)]
        out[level] = summary(values) | {"ratio": summary(times)}
        if level in must:
            out[level] |= {"must_reach": must[level], "reached": out[level]["ratio"]["median"] >= must[level]}
    for side in seconds:
        out[side]["load_average"] = [run["load_average"] for run in runs[side]]
    return out


def compared(ours: dict[str, list[float]], theirs: dict[str, list[float]], points: float = 1.0) -> dict[str, Any]:
    """Return both sides' scores, and whether ours fall below by more than `points` (.01 × that for correlations)."""
    out: dict[str, Any] = {}
    for side, scores in (("likewise", ours), ("rival", theirs)):
        out[side] = {
            name: {"mean": round(statistics.mean(scores[name]), 4), "all": [round(value, 4) for value in scores[name]]}
            for name in QUALITIES
        }
    gaps = {name: out["likewise"][name]["mean"] - out["rival"][name]["mean"] for name in JUDGED}
    out["below"] = [name for name, gap in gaps.items() if gap < -points * (1 if name == "analogy" else 0.01)]
    return out | {"seeds": [len(ours["analogy"]), len(theirs["analogy"])], "equal": not out["below"]}


def by_name(scores: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [each[name] for each in scores] for name in QUALITIES}


def about(side: str, algorithm: str = "words") -> dict[str, Any]:
    return {"machine": machine(), "version": version_of(side, algorithm)}


def skipgram(
    options: argparse.Namespace,
    row: str,
    workers: int,
    clock: str,
    must: dict[str, float],
    same: Settings = (),
    ours: Settings = (),
) -> dict[str, Any]:
    """One epoch of training, without counting: raw words per second of `clock` of both sides.

    `same` are settings for both sides, `ours` for us alone.
    """
    arguments = ("--epochs", 1, "--workers", workers, *same)
    sides: dict[str, Side] = {
        level: lambda seed, level=level: run_side("likewise", *arguments, *ours, "--seed", seed, level=level)  # type: ignore[misc]
        for level in levels()
    }
    sides["gensim"] = lambda seed: run_side("gensim", *arguments, "--seed", seed)
    told = {name: about("gensim" if name == "gensim" else "likewise") for name in sides}
    runs = take_turns(row, sides, options.rounds, told, lock=options.lock, alone=clock == "wall")
    seconds = {name: [run["train"][clock] for run in each] for name, each in runs.items()}
    settings = " ".join((*same, *(f"{ours[0]} (ours)" for _ in ours[:1])))
    name = f"{clock} seconds of training for one epoch, {workers} thread(s) {settings}".strip()
    out = ratios(name, seconds, "gensim", must, runs)
    words = runs["gensim"][0]["raw_words"]
    for name in seconds:
        out[name]["raw_words_per_second"] = round(words / out[name]["median"])
        out[name]["both_clocks"] = [{key: round(value, 3) for key, value in run["train"].items()} for run in runs[name]]
    return out


def reproducible(options: argparse.Namespace) -> dict[str, Any]:
    """The same bits at any number of threads, against gensim's two workers that race."""
    return skipgram(options, "reproducible", 2, "wall", {AVX512: 6, AVX2: 3}, ours=("--reproducible",))


def cbow(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, "cbow", 1, "cpu", {AVX512: 5, AVX2: 2.5}, same=("--model", "cbow"))


def hierarchical(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, "hierarchical-softmax", 1, "cpu", {AVX512: 3, AVX2: 1.5}, same=("--loss", "hs"))


def skipgram_1(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, "skipgram-1", 1, "cpu", {AVX512: 10, AVX2: 6})


def skipgram_2(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, "skipgram-2", 2, "wall", {AVX512: 8, AVX2: 5})


def both(
    options: argparse.Namespace,
    row: str,
    arguments: tuple[object, ...],
    extra: dict[str, tuple[object, ...]],
    alone: bool,
) -> dict[str, Any]:
    """Run our best level and gensim in turn; `extra` are arguments of one side."""
    best = levels()[0]
    sides: dict[str, Side] = {
        best: lambda seed: run_side("likewise", *arguments, *extra.get("likewise", ()), "--seed", seed, level=best),
        "gensim": lambda seed: run_side("gensim", *arguments, *extra.get("gensim", ()), "--seed", seed),
    }
    told = {best: about("likewise"), "gensim": about("gensim")}
    return take_turns(row, sides, options.rounds, told, lock=options.lock, alone=alone)


def count(options: argparse.Namespace) -> dict[str, Any]:
    """Tokenising and counting the file, which for us includes encoding it; gensim's `build_vocab` does not encode."""
    runs = both(options, "count", ("--epochs", 0), {}, alone=False)
    seconds = {name: [run["count"]["cpu"] for run in each] for name, each in runs.items()}
    return ratios("cpu seconds to tokenise and count", seconds, "gensim", {levels()[0]: 3}, runs)


def pipeline(options: argparse.Namespace) -> dict[str, Any]:
    """From the text file to a learned run on disk, 5 epochs, all cores; gensim: count, train with 2 workers, save."""
    workers = len(os.sched_getaffinity(0))
    extra: dict[str, tuple[object, ...]] = {"likewise": ("--pipeline",), "gensim": ("--out", BENCH / "pipeline")}
    runs = both(options, "pipeline", ("--epochs", 5, "--workers", workers), extra, alone=True)
    seconds = {
        name: [
            sum(run[stage]["wall"] for stage in (("count", "train", "save") if name == "gensim" else ("pipeline",)))
            for run in each
        ]
        for name, each in runs.items()
    }
    name = f"wall seconds from the text file to a saved run, {workers} threads"
    out = ratios(name, seconds, "gensim", {AVX512: 5, AVX2: 3}, runs)
    out["report_seconds"] = runs[levels()[0]][0]["report"]
    return out | {"peak_anonymous": {name: each[0]["peak_anonymous"] for name, each in runs.items()}}


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak of anonymous memory above that of the started process, while counting and learning."""
    runs = both(options, "memory", ("--epochs", 1, "--workers", 2), {}, alone=False)
    peaks = {side: [float(run["peak_anonymous"]) for run in each] for side, each in runs.items()}
    best = levels()[0]
    out = ratios("bytes of peak anonymous memory", peaks, "gensim", {best: 1 / 1.2}, runs)
    return out | {"share_of_gensim": round(peaks[best][0] / peaks["gensim"][0], 3)}


def against_program(
    options: argparse.Namespace,
    row: str,
    stage: str,
    script: str,
    settings: Settings,
    rival: tuple[str, Path, Path],
    must: dict[str, float],
) -> dict[str, Any]:
    """A row against a program: `rival` is its name, what the script is given, and the file that is its version."""
    name, program, file = rival
    algorithm, share = ("glove" if row == "glove" else "words"), SHARES[row]
    text, told_text = part_file(share), {4: "a quarter", 8: "an eighth"}[share]
    sides: dict[str, Side] = {
        level: lambda seed, level=level: run_program(script, text, seed, settings, level)  # type: ignore[misc]
        for level in levels()
    }
    sides[name] = lambda seed: run_program(script, text, seed, settings, program=program)
    told = {level: about("likewise", algorithm) for level in levels()}
    told[name] = {"machine": machine(), "version": digest_of(file)}
    runs = take_turns(row, sides, options.rounds, told, lock=options.lock)
    seconds = {side: [run[stage]["cpu"] for run in each] for side, each in runs.items()}
    what = "from the text to vectors" if stage == "all" else "of learning"
    out = ratios(
        f"cpu seconds {what}, 1 thread, {told_text} of the text {' '.join(settings)}".strip(), seconds, name, must, runs
    )
    out[name]["program_sha256"] = told[name]["version"]
    for side, each in runs.items():
        last = {key: each[-1][key] for key in each[-1] if isinstance(each[-1][key], dict) and key != "scores"}
        out[side] |= {"stages": last}
    scores = {side: by_name([run["scores"] for run in each]) for side, each in runs.items()}
    return out | {"quality": compared(scores[levels()[0]], scores[name])}


def glove(options: argparse.Namespace) -> dict[str, Any]:
    """From an eighth of the text to GloVe vectors: 15 iterations, window 10, one thread (a quarter takes 4 min)."""
    home = glove_program()
    must = {AVX512: 10.0, AVX2: 5.0}
    return against_program(options, "glove", "all", "words_glove.py", (), ("stanford", home, home / "glove"), must)


def against_fasttext(
    options: argparse.Namespace, row: str, settings: Settings, must: dict[str, float]
) -> dict[str, Any]:
    """Learning on a part of the text, one thread; each round has a seed of its own, and its scores beside."""
    program = fasttext_program()
    if program is None:
        return {"measure": "not measured: build fastText's program and set LIKEWISE_FASTTEXT to it"}
    rival = ("fasttext", program, program)
    return against_program(options, row, "learn", "words_fasttext.py", settings, rival, must)


def fasttext_words(options: argparse.Namespace) -> dict[str, Any]:
    settings = ("--epochs", "5", "--max-n", "0", "--sample", "1e-3", "--rate", "0.025")
    return against_fasttext(options, "fasttext-words", settings, {AVX512: 25, AVX2: 12.5})


def fasttext_subwords(options: argparse.Namespace) -> dict[str, Any]:
    return against_fasttext(options, "fasttext-subwords", ("--epochs", "1"), {AVX512: 8, AVX2: 4})


SHARES = {"fasttext-subwords": 4, "fasttext-words": 8, "glove": 8}  # of the text: where a round takes minutes


MODELS: dict[str, Settings] = {
    "skipgram": (),
    "reproducible": ("--reproducible", "--workers", "2"),
    "cbow": ("--model", "cbow"),
    "hs": ("--loss", "hs"),
}


def quality_row(model: str) -> Callable[[argparse.Namespace], dict[str, Any]]:
    """Return the row that scores vectors of both sides for each seed."""

    def row(options: argparse.Namespace) -> dict[str, Any]:
        scores: dict[str, list[dict[str, float]]] = {"likewise": [], "gensim": []}
        for seed in range(1, options.seeds + 1):
            for side, each in scores.items():
                each.append(quality_of(side, model, seed, options))
        text = "a quarter of the text" if model == "hs" else "the text"
        out = {"measure": f"mean and seeds after {options.epochs} epochs of {text} {' '.join(MODELS[model])}".strip()}
        points = 1.5 if model == "cbow" else 1.0
        return out | {"quality": compared(by_name(scores["likewise"]), by_name(scores["gensim"]), points)}

    return row


def quality_of(side: str, model: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return the scores of one side and seed, those that were found before with this version again.

    On whichever machine: it decides the seconds, which stand here for information, and not what is learned.
    """
    path = RESULTS / "words-quality.json"
    entry = {"side": side, "version": version_of(side), "seed": seed}
    entry |= {"epochs": options.epochs, "level": levels()[0] if side == "likewise" else ""}
    theirs = side == "gensim" and model == "reproducible"  # gensim has no such mode: its usual one
    entry |= {"model": "skipgram" if theirs else model}
    for old in json.loads(path.read_text()) if path.exists() else []:
        if entry.items() <= ({"model": "skipgram"} | old).items():
            return dict(old)
    out = BENCH / f"quality-{side}-{os.getpid()}"
    settings = () if theirs else MODELS[model]
    corpus = quarter_file() if model == "hs" else corpus_file()
    with locked(options.lock, alone=False):
        run = run_side(side, "--epochs", options.epochs, "--seed", seed, "--out", out, *settings, corpus=corpus)
        found = (
            entry
            | {"machine": machine(), "train_cpu": round(run["train"]["cpu"], 2), "losses": run.get("losses")}
            | scores_of(out)
        )
    print(json.dumps(found), file=sys.stderr, flush=True)
    with locked(BENCH / "words-quality.lock", alone=True):
        known = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*known, found], indent=1) + "\n")
    return found


ROWS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "skipgram-1": skipgram_1,
    "skipgram-2": skipgram_2,
    "reproducible": reproducible,
    "cbow": cbow,
    "hierarchical-softmax": hierarchical,
    "count": count,
    "memory": memory,
    "pipeline": pipeline,
    "glove": glove,
    "fasttext-words": fasttext_words,
    "fasttext-subwords": fasttext_subwords,
    "quality": quality_row("skipgram"),
    "quality-reproducible": quality_row("reproducible"),
    "quality-cbow": quality_row("cbow"),
    "quality-hs": quality_row("hs"),
}


def add(out: Path, row: str, measured: dict[str, Any]) -> dict[str, Any]:
    """Write a row into the file of results, beside what other processes wrote."""
    with locked(BENCH / "words.lock", alone=True):
        before = json.loads(out.read_text()) if out.exists() else {}
        settings = "dim 100, window 5, negative 5, sample 1e-3, min-count 5"
        result: dict[str, Any] = {"machine": machine(), "python": platform.python_version(), "settings": settings}
        result["rivals"] = PACKAGES
        result["rows"] = before.get("rows", {}) if before.get("machine") == machine() else {}
        if measured["measure"].startswith("not measured") and row in result["rows"]:
            print(f"{row} stays as it was, {measured['measure']}", file=sys.stderr)
        else:
            version = version_of("likewise", "glove" if row == "glove" else "words")
            result["rows"][row] = measured | {"version": version}
        out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="of quality")
    parser.add_argument("--lock", type=Path, help="a file to lock while a side runs")
    parser.add_argument("--out", type=Path, default=RESULTS / "words.json")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    corpus_file()
    result: dict[str, Any] = {}
    for row in options.rows or ROWS:
        result = add(options.out, row, ROWS[row](options))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
