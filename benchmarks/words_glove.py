"""GloVe, from a text file to vectors: a corpus file, a side and settings in, one line of JSON (and vectors) out.

The rival is stanfordnlp/GloVe's C program, built outside the project (`make` in its folder): `--rival` is its build/.
Both sides count all words seen 5 times, within 10 words on both sides, and learn 100 dimensions.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from likewise.kernels import level
from likewise.session import Session
from likewise.sources.text import open_text
from likewise.words.cooccurrence import count
from likewise.words.corpus import read_corpus
from likewise.words.glove import GloVe

DIM, WINDOW, MIN_COUNT = 100, 10, 5


def seconds() -> tuple[float, float]:
    """Return wall and CPU seconds, those of ended children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def ours(corpus: str, epochs: int, threads: int, seed: int, out: str) -> dict[str, object]:
    times, session = [seconds()], Session()
    with tempfile.TemporaryDirectory() as folder:
        reading = read_corpus(
            open_text(corpus),
            tokenizer="whitespace",
            held_out=0.0,
            min_count=MIN_COUNT,
            session=session,
            folder=Path(folder),
        )
        times.append(seconds())
        words = len(reading.vocabulary)
        counts = count(reading.train, words, window=WINDOW, threads=threads, session=session)
        times.append(seconds())
        trained = GloVe(dim=DIM, epochs=epochs, threads=threads, seed=seed).fit(counts, session=session)
        times.append(seconds())
    save(out, list(reading.vocabulary.words), trained.vectors)
    facts = {"losses": [round(entry["loss_train"], 5) for entry in trained.history], "level": level()}
    return facts | {"vocabulary": words, "counts": len(counts)} | stages(times, ("read", "count", "learn"))


def theirs(corpus: str, epochs: int, threads: int, seed: int, out: str, rival: Path) -> dict[str, object]:
    times = [seconds()]
    with tempfile.TemporaryDirectory() as folder:
        quiet = "-verbose 0"
        for command in (
            f"{rival}/vocab_count -min-count {MIN_COUNT} {quiet} < {corpus} > vocab",
            f"{rival}/cooccur -vocab-file vocab {quiet} -window-size {WINDOW} < {corpus} > counts",
            f"{rival}/shuffle {quiet} -seed {seed} < counts > shuffled && rm counts",
            f"{rival}/glove -save-file vectors -threads {threads} -input-file shuffled -x-max 100 -iter {epochs} "
            f"-vector-size {DIM} -binary 0 -vocab-file vocab {quiet} -seed {seed}",
        ):
            subprocess.run(command, shell=True, cwd=folder, check=True, stderr=subprocess.DEVNULL)
            times.append(seconds())
        lines = [line.split(" ") for line in (Path(folder) / "vectors.txt").read_text().splitlines()]
        lines = [line for line in lines if line[0] != "<unk>"]
    save(out, [line[0] for line in lines], np.array([line[1:] for line in lines], np.float32))
    return {"vocabulary": len(lines)} | stages(times, ("read", "count", "shuffle", "learn"))


def stages(times: list[tuple[float, float]], names: tuple[str, ...]) -> dict[str, object]:
    """Return wall and CPU seconds of each stage and of all."""
    pairs = zip((*names, "all"), (*times[1:], times[-1]), (*times[:-1], times[0]), strict=True)
    return {name: {"wall": end[0] - begin[0], "cpu": end[1] - begin[1]} for name, end, begin in pairs}


def save(out: str, words: list[str], vectors: np.ndarray) -> None:
    if out:
        np.save(out + ".npy", vectors)
        Path(out + ".txt").write_text("\n".join(words), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=os.path.abspath)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="")
    parser.add_argument("--rival", type=Path)
    given = parser.parse_args()
    settings = (given.corpus, given.epochs, given.workers, given.seed, given.out)
    print(json.dumps(theirs(*settings, given.rival) if given.rival else ours(*settings)))


if __name__ == "__main__":
    main()
