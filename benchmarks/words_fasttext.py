"""Skip-gram as fastText learns it, from a text file to vectors: a corpus file, a side and settings in, one line of JSON
(and vectors) out.

The rival is fastText's C++ program, built outside the project: `--rival`. Both sides have the same settings, fastText's
noise (the square root of the count) among them. The program learns and saves in one: what learning takes is what it
takes with the epochs less what it takes with none. It ends sentences at 1,024 words and with a word of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from likewise.kernels import level
from likewise.session import Session
from likewise.sources.text import open_text
from likewise.words.corpus import read_corpus
from likewise.words.subwords import subwords
from likewise.words.word2vec import Word2Vec
from words_glove import save, seconds, stages

DIM, WINDOW, NEGATIVE, MIN_COUNT, POWER, BUCKETS = 100, 5, 5, 5, 0.5, 2_000_000


def ours(given: argparse.Namespace) -> dict[str, object]:
    times, session = [seconds()], Session()
    with tempfile.TemporaryDirectory() as folder:
        reading = read_corpus(
            open_text(given.corpus),
            tokenizer="whitespace",
            held_out=0.0,
            min_count=MIN_COUNT,
            session=session,
            folder=Path(folder),
        )
        times.append(seconds())
        words = reading.vocabulary.words
        parts = subwords(words, min_n=given.min_n, max_n=given.max_n, buckets=BUCKETS) if given.max_n else None
        times.append(seconds())
        trained = Word2Vec(
            dim=DIM,
            window=WINDOW,
            negative=NEGATIVE,
            sample=given.sample,
            power=POWER,
            rate=given.rate,
            min_rate=0.0,
            epochs=given.epochs,
            threads=given.workers,
            seed=given.seed,
        ).fit(reading.train, reading.vocabulary, subwords=parts, session=session)
        times.append(seconds())
    save(given.out, list(words), trained.vectors)
    facts = {"losses": [round(entry["loss_train"], 5) for entry in trained.history], "level": level()}
    facts |= {
        "vocabulary": len(words),
        "raw_words": reading.vocabulary.raw_words,
        "rows": len(words if trained.rows is None else trained.rows),
    }
    return facts | stages(times, ("read", "parts", "learn"))


def theirs(given: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        options = f"-dim {DIM} -ws {WINDOW} -neg {NEGATIVE} -minCount {MIN_COUNT} -t {given.sample} -lr {given.rate}"
        options += f" -minn {given.min_n} -maxn {given.max_n} -bucket {BUCKETS} -thread {given.workers} -verbose 0"
        command = [given.rival, "skipgram", "-input", given.corpus, "-output", f"{folder}/made", *options.split()]
        times = [seconds()]
        for epochs in (0, given.epochs):
            subprocess.run([*command, "-epoch", str(epochs), "-seed", str(given.seed)], check=True)
            times.append(seconds())
        lines = [line.split(" ") for line in (Path(folder) / "made.vec").read_text().splitlines()[1:]]
    lines = [line for line in lines if line[0] != "</s>"]
    save(given.out, [line[0] for line in lines], np.array([line[1 : DIM + 1] for line in lines], np.float32))
    clocks: dict[str, dict[str, float]] = stages(times, ("without", "whole"))  # type: ignore[assignment]
    learn = {clock: clocks["whole"][clock] - clocks["without"][clock] for clock in ("wall", "cpu")}
    return {"vocabulary": len(lines), "without": clocks["without"], "whole": clocks["whole"], "learn": learn}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=os.path.abspath)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=float, default=1e-4)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--min-n", type=int, default=3)
    parser.add_argument("--max-n", type=int, default=6, help="0: no n-grams")
    parser.add_argument("--out", default="")
    parser.add_argument("--rival")
    given = parser.parse_args()
    print(json.dumps(theirs(given) if given.rival else ours(given)))


if __name__ == "__main__":
    main()
