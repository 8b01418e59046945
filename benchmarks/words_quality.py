"""What word vectors are worth: words and vectors in, analogy accuracy and rank correlations out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from likewise.evaluate.analogies import analogies
from likewise.evaluate.similarity import similarity
from likewise.sources.gold import read_analogies, read_pairs

PAIRS = {"wordsim353": "EN-WS-353-ALL.txt", "simlex999": "EN-SIMLEX-999.txt", "men": "EN-MEN-TR-3k.txt"}


def score(data: Path, keys: list[str], vectors: np.ndarray) -> dict[str, float]:
    """Return analogy accuracy in % (3CosAdd, inputs excluded, 30,000 most frequent words) and Spearman correlations."""
    answered = analogies(keys, vectors, read_analogies(data / "words" / "questions-words.txt", lowercase=True))
    totals = {"analogy": answered.total, "semantic": answered.semantic, "syntactic": answered.syntactic}
    found = {"questions": float(answered.total.asked)}
    found |= {name: 100 * total.right / total.asked for name, total in totals.items()}
    for name, file in PAIRS.items():
        pairs = read_pairs(data / "words" / "similarity" / file, lowercase=True)
        found[name] = similarity(keys, vectors, pairs).value
    return {name: round(value, 4) for name, value in found.items()}
