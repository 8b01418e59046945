"""Rounds of a row of words.py: sides that are run in turn in, what each printed out, kept in words-rounds.json.

A round of a row has the seed of its number, and each side runs once in it. What was measured before, on this machine
and with this version (or this rival's program), is not run again, so a benchmark that was cut off goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).resolve().parent
FILE = HERE / "results" / "words-rounds.json"
BENCH = HERE.parent / ".bench"
Side: TypeAlias = Callable[[int], dict[str, Any]]
"""Runs one side with a seed and returns what it printed."""


@contextlib.contextmanager
def locked(file: Path | None, *, alone: bool) -> Iterator[None]:
    """Hold a lock on `file` (None: no lock), by itself or beside others that share it."""
    if file is None:
        yield
        return
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def written() -> list[dict[str, Any]]:
    """Return every round that was ever written."""
    return list(json.loads(FILE.read_text())) if FILE.exists() else []


def write(entry: dict[str, Any]) -> None:
    """Add an entry; other processes may add theirs at the same time."""
    with locked(BENCH / "words-rounds.lock", alone=True):
        partial = BENCH / "words-rounds.partial"
        partial.write_text(json.dumps([*written(), entry], indent=1) + "\n")
        partial.replace(FILE)


def take_turns(
    row: str,
    sides: dict[str, Side],
    rounds: int,
    about: dict[str, dict[str, Any]],
    *,
    lock: Path | None = None,
    alone: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    """Run all sides one after another, `rounds` times; `about` says for each what must be the same to be kept."""
    out: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for seed in range(1, rounds + 1):
        for name, run in sides.items():
            wanted = {"row": row, "side": name, "seed": seed} | about[name]
            known = [old for old in written() if all(old.get(key) == value for key, value in wanted.items())]
            if not known:
                with locked(lock, alone=alone):
                    load = round(os.getloadavg()[0], 2)
                    known = [wanted | {"load_average": load, "run": run(seed)}]
                write(known[0])
                print(f"{row} {seed} {name}: {json.dumps(known[0])}", file=sys.stderr, flush=True)
            out[name].append(known[0]["run"] | {"load_average": known[0]["load_average"]})
    return out
