"""Growth: texts of 1, 10 and 100 M words and vocabularies of 5,000 to 80,000 in, seconds and memory out as a picture.

Each point is a process that learns with a recipe's defaults, but one epoch (GloVe: 2 iterations), two threads, no
report. The text is 100 MB of English Wikipedia (a-z words, 15.8 M): its first words, or where that is too short all of
it again and again, each time with its paragraphs in another order. Repeating brings no new words and, for GloVe, no new
pairs that stand together beyond the text's own: its counts grow up to 15.8 M words and hardly after, as the picture
says. To see tokens apart from words, the vocabulary is held at 20,000 while the text grows; while the vocabulary grows
the text is 10 M words.

    .venv/bin/python benchmarks/scale.py            # adds to results/scale.json, draws docs/pictures/growth.png
    .venv/bin/python benchmarks/scale.py --draw     # the picture alone
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from words_rounds import locked
from words_sides import BENCH, RESULTS, ROOT, corpus_file, machine, version_of

FILE, PICTURE = RESULTS / "scale.json", ROOT / "docs" / "pictures" / "growth.png"
RECIPES = {"word2vec": 1, "fasttext": 1, "glove": 2}  # epochs
TOKENS = (1_000_000, 10_000_000, 100_000_000)
VOCABULARIES = (5_000, 10_000, 20_000, 40_000, 80_000)
HELD = {"tokens": 20_000, "vocabulary": 10_000_000}


def text_of(tokens: int) -> Path:
    """Make a text of so many words once."""
    path = BENCH / f"text-{tokens}.txt"
    if path.exists():
        return path
    lines = corpus_file().read_text().splitlines(keepends=True)
    partial, left, turn = path.with_suffix(".partial"), tokens, 0
    with partial.open("w") as out:
        while left > 0:
            if turn:
                random.Random(turn).shuffle(lines)
            for line in lines:
                if left <= 0:
                    break
                out.write(line)
                left -= line.count(" ") + 1
            turn += 1
    partial.rename(path)
    return path


def measure(recipe: str, tokens: int, vocabulary: int) -> dict[str, Any]:
    """Be the process of one point: CPU and wall seconds, peak of memory, and what they are of."""
    import likewise
    from peak import Peak, anonymous_bytes

    text, peak = text_of(tokens), Peak()
    base, wall, cpu = anonymous_bytes(), time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(dir=BENCH) as folder:
        options = {"min_count": 1, "max_vocabulary": vocabulary, "epochs": RECIPES[recipe], "threads": 2}
        run = likewise.learn(text, recipe=recipe, report=False, out=Path(folder) / "run", **options)
        out = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        bytes_of_run = sum(file.stat().st_size for file in (Path(folder) / "run").rglob("*") if file.is_file())
        words = len(run.space)
    out = {name: round(value, 3) for name, value in out.items()}
    return out | {"peak_anonymous": peak.stop() - base, "bytes_of_run": bytes_of_run, "words": words}


def points() -> list[tuple[str, str, int, int]]:
    """Return (axis, recipe, tokens, vocabulary) of every point, the short ones first."""
    along = [("tokens", name, tokens, HELD["tokens"]) for tokens in TOKENS for name in RECIPES]
    across = [("vocabulary", name, HELD["vocabulary"], words) for words in VOCABULARIES for name in RECIPES]
    return sorted([*along, *across], key=lambda point: (point[2], point[3]))


def slope(xs: list[float], ys: list[float]) -> float:
    """Return the slope of a straight line through the logarithms: 1 is linear, 0 is no growth."""
    x, y = [math.log(v) for v in xs], [math.log(v) for v in ys]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def slopes(known: list[dict[str, Any]]) -> dict[str, Any]:
    """Return, for each axis and recipe, how CPU seconds and peak memory grow."""
    out: dict[str, Any] = {}
    for axis in HELD:
        for name in RECIPES:
            mine = sorted((p for p in known if p["axis"] == axis and p["recipe"] == name), key=lambda p: int(p[axis]))
            if len(mine) > 1:
                xs = [float(p[axis]) for p in mine]
                out.setdefault(axis, {})[name] = {
                    "cpu": round(slope(xs, [p["cpu"] for p in mine]), 3),
                    "cpu_last": round(slope(xs[-2:], [p["cpu"] for p in mine[-2:]]), 3),
                    "peak_anonymous": round(slope(xs, [p["peak_anonymous"] for p in mine]), 3),
                }
    return out


def draw(result: dict[str, Any]) -> None:
    """Draw seconds and memory against tokens and against vocabulary."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.6), layout="constrained")
    measures = (("cpu", "CPU seconds", 1.0), ("peak_anonymous", "peak memory, MB", 1e6))
    for column, axis in enumerate(HELD):
        for row, (measure, label, unit) in enumerate(measures):
            place = axes[row][column]
            for name, colour in zip(RECIPES, ("#1f6feb", "#d9480f", "#2b8a3e"), strict=True):
                mine = [p for p in result["points"] if p["axis"] == axis and p["recipe"] == name]
                mine.sort(key=lambda p: int(p[axis]))
                grows = result["slopes"][axis][name][measure]
                values = [p[measure] / unit for p in mine]
                place.plot([p[axis] for p in mine], values, "o-", color=colour, label=f"{name} (slope {grows:.2f})")
            place.set(xscale="log", yscale="log", ylabel=label)
            at = {"tokens": TOKENS, "vocabulary": VOCABULARIES}[axis]
            place.set_xticks(at, [f"{x / 1e6:g} M" if x >= 1e6 else f"{x:,}" for x in at])
            place.xaxis.set_minor_locator(NullLocator())
            place.grid(alpha=0.25, which="both", linewidth=0.5)
            place.legend(frameon=False, fontsize=8)
            place.spines[["top", "right"]].set_visible(False)
        held = {"tokens": "vocabulary held at 20,000", "vocabulary": "text held at 10 M words"}[axis]
        axes[0][column].set_title(held, fontsize=10)
        axes[1][column].set_xlabel({"tokens": "words of text", "vocabulary": "words of vocabulary"}[axis])
    epochs = ", ".join(f"{name} {number}" for name, number in RECIPES.items())
    figure.suptitle(f"Growth: epochs {epochs}; two threads; slopes of the logarithms (1 = linear)", fontsize=10)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="draw what is known, measure nothing")
    parser.add_argument("--lock", type=Path, help="a file whose lock is shared while a point is measured")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]), int(options.one[2]))))
        return
    result: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"points": []}
    for axis, recipe, tokens, vocabulary in [] if options.draw else points():
        version = version_of("likewise", "glove" if recipe == "glove" else "words")
        wanted = {"axis": axis, "recipe": recipe, "tokens": tokens, "vocabulary": vocabulary, "machine": machine()}
        if any(all(old[key] == value for key, value in wanted.items()) for old in result["points"]):
            continue
        text_of(tokens)
        with locked(options.lock, alone=False):
            load = round(os.getloadavg()[0], 2)
            command = [sys.executable, __file__, "--one", recipe, str(tokens), str(vocabulary)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        point = wanted | {"version": version, "load_average": load} | json.loads(done.stdout.splitlines()[-1])
        result["points"].append(point)
        result["slopes"] = slopes(result["points"])
        FILE.write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(point), file=sys.stderr, flush=True)
    result["slopes"] = slopes(result["points"])
    FILE.write_text(json.dumps(result, indent=1) + "\n")
    draw(result)


if __name__ == "__main__":
    main()
