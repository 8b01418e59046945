"""One side of the search benchmark: arrays in, seconds out; a line on standard input starts a round.

`likewise` runs in the project's environment, `numpy` and `faiss` in the benchmark's own, which `neighbours.py` makes.
All compute the cosines of unit vectors, exactly, and return the rows of the k nearest.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def by_likewise(queries: np.ndarray, base: np.ndarray, k: int, threads: int) -> Callable[[], np.ndarray]:
    from likewise.kernels.neighbours import top_k

    return lambda: top_k(queries, base, k, threads=threads)[0]


def by_numpy(queries: np.ndarray, base: np.ndarray, k: int, threads: int) -> Callable[[], np.ndarray]:
    def search() -> np.ndarray:  # threads are set for its BLAS by the environment
        scores = queries @ base.T
        rows = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, rows, axis=1), axis=1)
        return np.take_along_axis(rows, order, axis=1)

    return search


def by_faiss(queries: np.ndarray, base: np.ndarray, k: int, threads: int) -> Callable[[], np.ndarray]:
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(base.shape[1])
    index.add(base)
    return lambda: index.search(queries, k)[1]


SIDES = {"likewise": by_likewise, "numpy": by_numpy, "faiss": by_faiss}


def main(side: str, folder: str, k: str, threads: str) -> None:
    queries, base = (np.load(Path(folder) / f"{name}.npy") for name in ("queries", "base"))
    search = SIDES[side](queries, base, int(k), int(threads))
    np.save(Path(folder) / f"{side}.npy", search())  # warms up, and shows what it found
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        search()
        print(json.dumps(time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
