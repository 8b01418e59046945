"""What `likewise recipes` says of each recipe: the committed results of family.py in, a file of the package out.

Of each recipe the seeds of the machine and version that were measured last count. family.py calls this when it has
measured; a test of the package compares the file with the results, so neither can be changed alone.

    .venv/bin/python benchmarks/measured.py    # writes src/likewise/recipes/measured.json
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "words-family.json"
PACKAGED = HERE.parent / "src" / "likewise" / "recipes" / "measured.json"

QUALITY = ("analogy", "semantic", "syntactic", "wordsim353", "simlex999", "men", "rarewords", "rarewords_by_letters")
COST = ("seconds", "cpu_seconds", "peak_anonymous", "bytes_of_run")
SIZES = ("words", "dim", "epochs")


def measured(result: dict[str, Any]) -> dict[str, Any]:
    """Return what the package keeps of the results."""
    entries = result["entries"]
    last = {entry["recipe"]: (entry["machine"], entry["version"]) for entry in entries}
    return {
        name: {"text": result["text"], "machine": machine, "version": version}
        | _summary([e for e in entries if (e["recipe"], e["machine"], e["version"]) == (name, machine, version)])
        for name, (machine, version) in sorted(last.items())
    }


def _summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    first = entries[0]
    known = [name for name in QUALITY if name in first["quality"]]
    quality = {name: _spread(e["quality"][name]["value"] for e in entries) for name in known}
    cost = {name: _spread(e["cost"][name] for e in entries) for name in COST}
    sizes = {name: first["cost"][name] for name in SIZES}
    seeds = {"seeds": sorted(e["seed"] for e in entries), "load_average": _spread(e["load_average"] for e in entries)}
    return seeds | sizes | {"quality": quality, "cost": cost}


def _spread(values: Iterable[float]) -> dict[str, float]:
    """Return the mean over the seeds, and the least and the most of them."""
    found = list(values)
    return {"mean": round(statistics.fmean(found), 4), "least": min(found), "most": max(found)}


def write() -> None:
    """Write what the package keeps."""
    kept = measured(json.loads(RESULTS.read_text()))
    PACKAGED.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    write()
