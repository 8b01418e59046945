"""likewise on the benchmark's corpus: a corpus file and settings in, one line of JSON (and vectors) out.

The counterpart of `rival_gensim.py`, in a process of its own as that is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

import likewise
from likewise.kernels import level
from likewise.session import Session
from likewise.sources.text import open_text
from likewise.words.corpus import read_corpus
from likewise.words.word2vec import Word2Vec
from peak import Peak, anonymous_bytes
from rival_gensim import cpu_seconds


def learn(given: argparse.Namespace) -> dict[str, object]:
    """Count, train and save, each timed; 0 epochs: count only."""
    corpus, epochs, threads, seed, out = given.corpus, given.epochs, given.workers, given.seed, given.out
    peak, base = Peak(), anonymous_bytes()
    with tempfile.TemporaryDirectory() as folder:
        times = [(time.perf_counter(), cpu_seconds())]
        session = Session()
        reading = read_corpus(
            open_text(corpus), tokenizer="whitespace", held_out=0.0, session=session, folder=Path(folder)
        )
        times.append((time.perf_counter(), cpu_seconds()))
        trained = None
        if epochs:
            options = Word2Vec(
                epochs=epochs,
                threads=threads,
                seed=seed,
                model=given.model,
                loss=given.loss,
                reproducible=given.reproducible,
            )
            trained = options.fit(reading.train, reading.vocabulary, session=session)
        times.append((time.perf_counter(), cpu_seconds()))
        if trained and out:
            np.save(out + ".npy", trained.vectors)
            Path(out + ".txt").write_text("\n".join(reading.vocabulary.words), encoding="utf-8")
        times.append((time.perf_counter(), cpu_seconds()))
    stages = {
        name: {"wall": after[0] - before[0], "cpu": after[1] - before[1]}
        for name, before, after in zip(("count", "train", "save"), times, times[1:], strict=False)
    }
    return {
        "raw_words": reading.vocabulary.raw_words,
        "vocabulary": len(reading.vocabulary.words),
        "epochs": epochs,
        "workers": threads,
        "seed": seed,
        **stages,
        "losses": [round(entry["loss_train"], 5) for entry in trained.history] if trained else None,
        "peak_anonymous": peak.stop() - base,
        "versions": {"likewise": likewise.__version__, "numpy": np.__version__},
        "level": level(),
    }


def pipeline(corpus: str, epochs: int, threads: int, seed: int) -> dict[str, object]:
    """Go from the text file to a run folder without a report, then time the report apart."""
    peak, base = Peak(), anonymous_bytes()
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), cpu_seconds()
        likewise.learn(
            corpus,
            recipe="word2vec",
            tokenizer="whitespace",
            held_out=0.0,
            epochs=epochs,
            threads=threads,
            seed=seed,
            report=False,
            out=Path(folder) / "run",
        )
        learned = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
        memory = peak.stop() - base
        wall, cpu = time.perf_counter(), cpu_seconds()
        likewise.open(Path(folder) / "run").evaluate()
        report = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
    return {"pipeline": learned, "report": report, "peak_anonymous": memory, "level": level()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--loss", choices=["ns", "hs"], default="ns")
    parser.add_argument("--reproducible", action="store_true")
    parser.add_argument("--pipeline", action="store_true")
    given = parser.parse_args()
    learned = pipeline(given.corpus, given.epochs, given.workers, given.seed) if given.pipeline else learn(given)
    print(json.dumps(learned))


if __name__ == "__main__":
    main()
