"""The words family on one text: recipes and seeds in, what each is worth and costs out as JSON.

Every recipe with its own defaults on 100 MB of English Wikipedia (a-z words), analogies of the 30,000 most frequent
words, pairs of words, unseen words placed by their letters, seconds, bytes. Each recipe and seed is a process of its
own; those that are in the file, from this machine and version, are not run again.

    .venv/bin/python benchmarks/family.py                    # adds to benchmarks/results/words-family.json
    .venv/bin/python benchmarks/family.py --recipes ppmi --seeds 1
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import likewise
import measured
from likewise.contracts import Number
from likewise.evaluate.analogies import analogies
from likewise.evaluate.similarity import similarity, similarity_by_letters
from likewise.recipes import RECIPES, describe
from likewise.sources.gold import read_analogies, read_pairs
from peak import Peak
from words_sides import ALGORITHM, DATA, RESULTS, corpus_file, machine, version_of

FILE = RESULTS / "words-family.json"
PAIRS = {
    "wordsim353": "EN-WS-353-ALL.txt",
    "simlex999": "EN-SIMLEX-999.txt",
    "men": "EN-MEN-TR-3k.txt",
    "rarewords": "EN-RW-STANFORD.txt",
}
LOOK_EVERY = {"glove": 5}  # epochs; 1 for the others


def plain(number: Number) -> dict[str, Any]:
    """Return a number as it is written down."""
    out = {"value": number.value, "low": number.low, "high": number.high}
    return {key: None if value is None else round(float(value), 4) for key, value in out.items()} | {"n": number.n}


def seeded(name: str, seed: int) -> dict[str, Any]:
    """Return the seed for a recipe in which something is drawn."""
    return {"seed": seed} if "seed" in describe(RECIPES[name]) else {}


def cost(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """Learn once without looking in, as a user does: seconds, peak of memory, bytes of the run, losses."""
    peak, wall, cpu = Peak(), time.perf_counter(), time.process_time()
    run = likewise.learn(corpus_file(), recipe=name, report=False, out=folder / "run", **seeded(name, seed))
    out = {"seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}
    out |= {"peak_anonymous": peak.stop()}
    out |= {"bytes_of_run": sum(file.stat().st_size for file in (folder / "run").rglob("*") if file.is_file())}
    last = run.log[-1] if run.log else {}
    out |= {"loss_train": last.get("loss_train"), "loss_held_out": last.get("loss_held_out")}
    seconds = [float(entry["seconds"]) for entry in run.log if "seconds" in entry]
    learning = sum(seconds)
    before = out["seconds"] - learning  # reading, counting, writing
    out |= {"words": len(run.space), "dim": run.space.dim, "epochs": len(seconds) - 1 if seconds else 0}
    return out | {"seconds_without_epochs": round(before, 2), "seconds_of_epochs": [round(s, 3) for s in seconds]}


def worth(folder: Path) -> dict[str, Any]:
    """Score a run: analogies in all, by part and by relation; pairs; pairs with unseen words."""
    run = likewise.open(folder / "run")
    keys, vectors = list(run.space.keys), run.space.vectors
    answered = analogies(keys, vectors, read_analogies(DATA / "words" / "questions-words.txt", lowercase=True))
    totals = {"analogy": answered.total, "semantic": answered.semantic, "syntactic": answered.syntactic}
    out: dict[str, Any] = {key: plain(relation.number("")) for key, relation in totals.items()}
    out["relations"] = {relation.name: plain(relation.number("")) for relation in answered.relations}
    by_letters = getattr(run.encoder, "by_letters", None)
    for name, file in PAIRS.items():
        pairs = read_pairs(DATA / "words" / "similarity" / file, lowercase=True)
        out[name] = plain(similarity(keys, vectors, pairs)) | {"of": len(pairs)}
        if name == "rarewords" and by_letters is not None:
            told = similarity_by_letters(keys, vectors, pairs, by_letters)
            places = ("rarewords_by_letters", "rarewords_only_unseen")
            for place, number in zip(places, told, strict=False):
                out[place] = plain(number) | {"spelling_alone": round(number.baselines["spelling alone"], 4)}
    return out


def by_epoch(name: str, seed: int) -> list[dict[str, Any]]:
    """Learn again and look in after each epoch: analogies (the rate has not ended there, so they are lower bounds)."""
    questions = read_analogies(DATA / "words" / "questions-words.txt", lowercase=True)
    found: list[dict[str, Any]] = []

    def look(epoch: int, space: Any) -> None:
        if epoch and epoch % LOOK_EVERY.get(name, 1) == 0:
            total = analogies(list(space.keys), space.vectors, questions).total
            found.append({"epoch": epoch, "analogy": round(total.right / max(1, total.asked), 4)})

    likewise.learn(corpus_file(), recipe=name, seed=seed, report=False, on_epoch=look)
    return found


def entry_of(name: str, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        out = {"cost": cost(name, seed, folder), "quality": worth(folder)}
    has_epochs = seed == 1 and out["cost"]["epochs"] > 1
    return out | ({"by_epoch": by_epoch(name, seed)} if has_epochs else {})


def goal() -> float:
    """Return the mean analogy share of gensim's skip-gram after 5 epochs, from words-quality.json."""
    known = json.loads((RESULTS / "words-quality.json").read_text())
    plain = [
        e for e in known if e["side"] == "gensim" and e["epochs"] == 5 and e.get("model", "skipgram") == "skipgram"
    ]
    return statistics.mean({e["seed"]: e["analogy"] for e in plain}.values()) / 100


def time_to(entry: dict[str, Any], share: float) -> dict[str, Any] | None:
    """Return the first epoch that was looked at whose analogies reach `share`, and the seconds until its end."""
    cost = entry["cost"]
    for look in entry.get("by_epoch", []):
        if look["analogy"] >= share:
            seconds = cost["seconds_without_epochs"] + sum(cost["seconds_of_epochs"][: look["epoch"] + 1])
            return {"epoch": look["epoch"], "seconds": round(seconds, 2)}
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("RECIPE", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(entry_of(options.one[0], int(options.one[1]))))
        return
    corpus_file()
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"entries": []}
    result["text"] = "100 MB of English Wikipedia, a-z words, one paragraph a line"
    result["goal"] = {"what": "gensim's mean analogy share after 5 epochs", "value": round(goal(), 4)}
    for seed in range(1, options.seeds + 1):
        for name in options.recipes:
            if seed > 1 and not seeded(name, seed):
                continue  # nothing is drawn: once is all there is
            version = version_of("likewise", name if name in ALGORITHM else "words")
            wanted = {"recipe": name, "seed": seed, "machine": machine(), "version": version}
            if any(all(old[key] == value for key, value in wanted.items()) for old in result["entries"]):
                continue
            command = [sys.executable, __file__, "--one", name, str(seed)]
            load = round(os.getloadavg()[0], 2)
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            entry = wanted | {"load_average": load} | json.loads(done.stdout.splitlines()[-1])
            entry["time_to_goal"] = time_to(entry, result["goal"]["value"])
            result["entries"].append(entry)
            FILE.write_text(json.dumps(result, indent=1) + "\n")
            measured.write()
            print(name, seed, entry["quality"]["analogy"], entry["cost"]["seconds"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
