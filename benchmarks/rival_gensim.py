"""gensim on the benchmark's corpus: a corpus file and settings in, one line of JSON (and vectors) out.

Runs in a virtual environment of its own, which `words.py` makes: it may import gensim, numpy, `peak.py`
and the standard library.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import gensim
import numpy as np
from gensim.models import Word2Vec

from peak import Peak, anonymous_bytes


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def train(given: argparse.Namespace) -> dict[str, object]:
    """Count, train and save, each timed; 0 epochs: count only."""
    corpus, epochs, workers, seed, out = given.corpus, given.epochs, given.workers, given.seed, given.out
    hs = int(given.loss == "hs")
    peak, base = Peak(), anonymous_bytes()
    wall, cpu = time.perf_counter(), cpu_seconds()
    model = Word2Vec(
        vector_size=100,
        window=5,
        negative=0 if hs else 5,
        sample=1e-3,
        min_count=5,
        sg=int(given.model == "skipgram"),
        hs=hs,
        workers=workers,
        seed=seed,
    )
    model.build_vocab(corpus_file=corpus)
    counted_wall, counted_cpu = time.perf_counter(), cpu_seconds()
    if epochs:
        model.train(
            corpus_file=corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=epochs
        )
    trained_wall, trained_cpu = time.perf_counter(), cpu_seconds()
    if out:
        model.wv.save(out + ".kv")
    saved_wall, saved_cpu = time.perf_counter(), cpu_seconds()
    result = {
        "raw_words": int(model.corpus_total_words),
        "vocabulary": len(model.wv),
        "epochs": epochs,
        "workers": workers,
        "seed": seed,
        "count": {"wall": counted_wall - wall, "cpu": counted_cpu - cpu},
        "train": {"wall": trained_wall - counted_wall, "cpu": trained_cpu - counted_cpu},
        "save": {"wall": saved_wall - trained_wall, "cpu": saved_cpu - trained_cpu},
        "peak_anonymous": peak.stop() - base,
        "versions": {"gensim": gensim.__version__, "numpy": np.__version__},
    }
    if out:
        np.save(out + ".npy", model.wv.vectors)
        Path(out + ".txt").write_text("\n".join(model.wv.index_to_key), encoding="utf-8")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--loss", choices=["ns", "hs"], default="ns")
    print(json.dumps(train(parser.parse_args())))


if __name__ == "__main__":
    main()
