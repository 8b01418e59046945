"""Samples: nothing in, real text and gold answers that are on this machine out."""

from __future__ import annotations

import os
from pathlib import Path

from likewise.sources.prose import EnglishOfPackages

VARIABLE = "LIKEWISE_DATA"
_TEXT = "text/wiki2015_en_100MB.txt.xz"
_QUESTIONS = "words/questions-words.txt"
_PAIRS = {
    "WordSim-353": "words/similarity/EN-WS-353-ALL.txt",
    "SimLex-999": "words/similarity/EN-SIMLEX-999.txt",
    "MEN": "words/similarity/EN-MEN-TR-3k.txt",
}


def shared_text() -> Path | None:
    """Return the Wikipedia text under LIKEWISE_DATA, or None where it is not."""
    return _shared(_TEXT)


def shared_gold() -> dict[str, list[Path]]:
    """Return the files of gold answers under LIKEWISE_DATA by kind, as `learn` and `evaluate` take them."""
    found = {"analogies": [_shared(_QUESTIONS)], "pairs": [_shared(name) for name in _PAIRS.values()]}
    return {kind: [path for path in paths if path is not None] for kind, paths in found.items()}


def english_of_packages() -> EnglishOfPackages:
    """Return the English prose of the installed Python packages: real text that every machine has."""
    return EnglishOfPackages()


def _shared(name: str) -> Path | None:
    folder = os.environ.get(VARIABLE)
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None
