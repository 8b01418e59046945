"""What word vectors are worth: words and vectors in, analogy accuracy and rank correlations out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import spearmanr


def score(data: Path, keys: list[str], vectors: np.ndarray, *, top: int = 30_000) -> dict[str, float]:
    """Return analogy accuracy in % (3CosAdd, inputs excluded, `top` most frequent words) and Spearman correlations."""
    unit = vectors.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    place = {key: i for i, key in enumerate(keys)}
    right, semantic = analogies(data / "words" / "questions-words.txt", place, unit[:top])
    found = {
        "questions": float(len(right)),
        "analogy": 100 * float(right.mean()),
        "semantic": 100 * float(right[semantic].mean()),
        "syntactic": 100 * float(right[~semantic].mean()),
    }
    for name, file in (
        ("wordsim353", "EN-WS-353-ALL.txt"),
        ("simlex999", "EN-SIMLEX-999.txt"),
        ("men", "EN-MEN-TR-3k.txt"),
    ):
        found[name] = pairs(data / "words" / "similarity" / file, place, unit)
    return {name: round(value, 4) for name, value in found.items()}


def analogies(path: Path, place: dict[str, int], unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each question whether it was answered right, and whether it is a semantic one."""
    questions, semantic, section = [], [], ""
    for line in path.read_text().splitlines():
        if line.startswith(":"):
            section = line[2:]
            continue
        rows = [place.get(word, len(unit)) for word in line.lower().split()]
        if max(rows) < len(unit):
            questions.append(rows)
            semantic.append(not section.startswith("gram"))
    asked, right = np.array(questions), np.empty(len(questions), bool)
    for low in range(0, len(asked), 1000):
        part = asked[low : low + 1000]
        scores = (unit[part[:, 1]] - unit[part[:, 0]] + unit[part[:, 2]]) @ unit.T
        np.put_along_axis(scores, part[:, :3], -np.inf, axis=1)
        right[low : low + 1000] = scores.argmax(axis=1) == part[:, 3]
    return right, np.array(semantic)


def pairs(path: Path, place: dict[str, int], unit: np.ndarray) -> float:
    """Return Spearman's correlation of cosines with people's scores, over the pairs whose words are both known."""
    ours, theirs = [], []
    for line in path.read_text().splitlines():
        first, second, value = line.split()[:3]
        a, b = place.get(first.lower()), place.get(second.lower())
        if a is not None and b is not None:
            ours.append(float(unit[a] @ unit[b]))
            theirs.append(float(value))
    return float(spearmanr(ours, theirs).statistic)
