"""Measured: the name of a recipe in, what it is worth and costs by our own benchmark out.

`measured.json` is made of the committed results by benchmarks/measured.py and comes with the package.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _all() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((files(__package__) / "measured.json").read_text(encoding="utf-8"))
    return found


def measured(recipe: str) -> dict[str, Any] | None:
    """Return the text, machine, version, seeds and sizes, and of each figure mean, least and most over the seeds.

    `quality` are shares of right analogies and correlations with people's scores, `cost` seconds and bytes: those of
    the run on disk, and the most of anonymous memory that was taken. None for a recipe that has not been measured.
    """
    return _all().get(recipe)
