"""Why fastText's analogies are lower after one epoch: first rows of the n-grams in, what the vectors are worth out.

fastText's program fills only the first tenth of its input table at random when it has one thread (a tenth for each
thread, `DenseMatrix::uniform`); the rest is zeros. Those are all words and the first few buckets, so most n-grams begin
at zero. Here both sides learn with both kinds of first rows: the program as it is, and with its table filled
(LIKEWISE_FASTTEXT_FILLED: in `DenseMatrix::uniform`, one thread fills the blocks 0 to 10); ours as it is,
and with the rows zeroed that fastText leaves at zero. `none` has all n-grams begin at zero.

A quarter of the text, fastText's defaults, one thread. Each run is a process of its own; what is in the file, from this
machine, is not run again.

    .venv/bin/python benchmarks/fasttext_first_rows.py             # adds to results/fasttext-first-rows.json
    .venv/bin/python benchmarks/fasttext_first_rows.py --epochs 1 --seeds 3 --only ours
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import words_fasttext
from likewise.words import word2vec
from likewise.words.subwords import Subwords
from words import BENCH, DATA, RESULTS, digest_of, machine, quarter_file, version_of
from words_quality import score

FILE = RESULTS / "fasttext-first-rows.json"
SIDES = ("all", "tenth", "none", "fasttext", "fasttext-filled")
PROGRAMS = {"fasttext": "LIKEWISE_FASTTEXT", "fasttext-filled": "LIKEWISE_FASTTEXT_FILLED"}


def begins_at_zero(made: Subwords, first: str) -> np.ndarray:
    """Return which rows of our table begin at zero: those of the buckets that fastText leaves so, or of all."""
    zero = np.zeros(made.size, bool)
    if first == "none":
        zero[made.words :] = True
    elif first == "tenth":
        filled = (made.words + made.buckets) // 10  # rows that fastText fills; words come before buckets
        zero[made.words :] = made.words + made.used >= filled
        zero[filled : made.words] = True
    return zero


def with_first_rows(first: str) -> None:
    """Have word2vec begin with some rows at zero, for this process."""
    usual = word2vec.first_task

    def started(options: Any, corpus: Any, vocabulary: Any, made: Subwords, keep: Any) -> Any:
        task = usual(options, corpus, vocabulary, made, keep)
        task.vectors[begins_at_zero(made, first)] = 0
        return task

    word2vec.first_task = started


def run(side: str, epochs: int, seed: int) -> dict[str, Any]:
    """Learn in a process of its own; return seconds and scores."""
    out = BENCH / f"first-rows-{side}-{os.getpid()}"
    command = [sys.executable, __file__, "--one", side, str(quarter_file()), "--epochs", str(epochs)]
    command += ["--seed", str(seed), "--out", str(out)]
    command += ["--rival", os.environ[PROGRAMS[side]]] if side in PROGRAMS else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    ran = json.loads(done.stdout.splitlines()[-1])
    return {"cpu": round(ran["learn"]["cpu"], 2)} | score(
        DATA, Path(f"{out}.txt").read_text().split("\n"), np.load(f"{out}.npy")
    )


def one() -> None:
    """Be the process of one run: the arguments after the side are those of words_fasttext.py."""
    side = sys.argv[2]
    del sys.argv[1:3]
    if side not in PROGRAMS:
        with_first_rows(side)
        at = sys.argv.index("--epochs") + 1
        if sys.argv[at] == "0":  # the first rows as they are: a rate that moves nothing
            sys.argv[at : at + 1] = ["1", "--rate", "1e-30"]
    words_fasttext.main()


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, nargs="*", default=[1, 5])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=SIDES, default=list(SIDES))
    options = parser.parse_args()
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"runs": []}
    result["text"] = "the first quarter of 100 MB of English Wikipedia, a-z words"
    for epochs in options.epochs:
        for seed in range(1, options.seeds + 1):
            for side in options.only:
                known = {"side": side, "epochs": epochs, "seed": seed, "machine": machine()}
                if any(all(old[key] == value for key, value in known.items()) for old in result["runs"]):
                    continue
                program = digest_of(Path(os.environ[PROGRAMS[side]])) if side in PROGRAMS else version_of("likewise")
                ran = known | {"version": program} | run(side, epochs, seed)
                fresh = json.loads(FILE.read_text()) if FILE.exists() else {"runs": []}  # another may have written
                result["runs"] = [*fresh["runs"], ran]
                FILE.write_text(json.dumps(result, indent=1) + "\n")
                print(json.dumps(ran), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
