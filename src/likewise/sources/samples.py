"""Samples: nothing in, real text, pictures and gold answers that are on this machine out."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from likewise.sources.images import ImageSource, open_images
from likewise.sources.images_decoding import read_picture
from likewise.sources.prose import EnglishOfPackages

VARIABLE = "LIKEWISE_DATA"
_TEXT = "text/wiki2015_en_100MB.txt.xz"
_QUESTIONS = "words/questions-words.txt"
_CIFAR = "vision/cifar10/index.csv"
_FASHION = "vision/fashion-mnist/{}-images-idx3-ubyte.xz"
_CLOTHES = "T-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot".split(",")
_PAIRS = {
    "WordSim-353": "words/similarity/EN-WS-353-ALL.txt",
    "SimLex-999": "words/similarity/EN-SIMLEX-999.txt",
    "MEN": "words/similarity/EN-MEN-TR-3k.txt",
}


def shared_text() -> Path | None:
    """Return the Wikipedia text under LIKEWISE_DATA, or None where it is not."""
    return shared(_TEXT)


def shared_gold() -> dict[str, list[Path]]:
    """Return the files of gold answers under LIKEWISE_DATA by kind, as `learn` and `evaluate` take them."""
    found = {"analogies": [shared(_QUESTIONS)], "pairs": [shared(name) for name in _PAIRS.values()]}
    return {kind: [path for path in paths if path is not None] for kind, paths in found.items()}


def shared_cifar10(split: str = "train") -> ImageSource | None:
    """Return the pictures of CIFAR-10 under LIKEWISE_DATA (`train` or `test`), or None where they are not.

    They are 32 × 32, labelled with their class; `term` is the finer word that their file was named by.
    """
    index = shared(_CIFAR)
    if index is None:
        return None
    with index.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    strips = list(dict.fromkeys(row["strip"] for row in rows))
    read = {strip: read_picture(index.parent / strip).reshape(-1, 32, 32, 3) for strip in strips}
    source = open_images(
        np.stack([read[row["strip"]][int(row["pos"])] for row in rows]),
        labels=[row["label"] for row in rows],
        keys=[row["filename"] for row in rows],
        name=f"CIFAR-10 {split}",
    )
    source.metadata["term"] = [row["term"] for row in rows]
    return source


def shared_fashion(split: str = "train") -> ImageSource | None:
    """Return Fashion-MNIST under LIKEWISE_DATA (`train` or `t10k`), grey, 28 × 28, or None where it is not."""
    path = shared(_FASHION.format(split))
    if path is None:
        return None
    source = open_images(path)
    source.labels = [_CLOTHES[int(label)] for label in source.labels or ()]
    return source


def english_of_packages() -> EnglishOfPackages:
    """Return the English prose of the installed Python packages: real text that every machine has."""
    return EnglishOfPackages()


def shared(name: str) -> Path | None:
    """Return a file under LIKEWISE_DATA, or None where it is not."""
    folder = os.environ.get(VARIABLE)
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None
