"""What an encoder of pictures is worth: a subject in; sections on learning, probes, neighbours and filters out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from likewise.contracts import Array, Number
from likewise.errors import DataError
from likewise.evaluate import page
from likewise.evaluate.few_labels import FEW, Split, few_label_accuracy, knn_accuracy, linear_accuracy
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.inside import Filled, Inside
from likewise.evaluate.manual import hog_and_colour, principal, raw
from likewise.evaluate.markup import element, join
from likewise.evaluate.retrieval import neighbours
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.thumbnails import strip, thumbnail

MOST_TRAIN, MOST_TEST = 5_000, 2_000  # pictures that a probe learns from and is tested on
_ASKED, _SHOWN = 8, 9  # pictures whose nearest are shown, and how many of them
_CLASSES = 12  # labels of which some pictures are asked


@dataclass(frozen=True)
class Pictured:
    """Pictures with their vectors, and what is there to judge them by; `held_out` were not learned from.

    `untrained` are vectors of the same network as it was drawn, `filters` those of its first layer, `second` vectors
    that another seed has learned, `inside` what was seen of the rest, `filled` what it told of hidden patches, and
    `predicted` how much of their tokens.
    """

    keys: Sequence[str]
    vectors: Float[Array, "n d"]
    held_out: Bool[Array, " n"]
    labels: Sequence[str] | None = None
    pixels: UInt8[Array, "n c h w"] | None = None
    untrained: Float[Array, "n d"] | None = None
    filters: Float[Array, "k c h w"] | None = None
    untrained_filters: Float[Array, "k c h w"] | None = None
    inside: Inside | None = None
    filled: Filled | None = None
    predicted: Number | None = None
    history: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    seed: int = 0
    second: Float[Array, "n e"] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def representations(self) -> dict[str, Float[Array, "n e"]]:
        """Return all that the same probe is given: the vectors, and what they must be better than."""
        found = {"these vectors": self.vectors}
        if self.untrained is not None:
            found["untrained network"] = self.untrained
        if self.pixels is not None:
            rows = np.union1d(*self.parts)  # of the others nothing is asked
            for name, make in (("raw pixels", raw), ("HOG + colour", hog_and_colour)):
                some = make(self.pixels[rows])
                whole = np.zeros((len(self), some.shape[1]), np.float32)
                whole[rows] = some
                found[name] = whole
        return found

    @cached_property
    def parts(self) -> tuple[Int[Array, " t"], Int[Array, " e"]]:
        """Return rows with labels to learn from and to test on, drawn by the seed where there are too many."""
        labelled = np.array([bool(label) for label in self.labels or [""] * len(self)])
        rng = np.random.default_rng(self.seed)
        found = []
        for part, most in ((~self.held_out, MOST_TRAIN), (self.held_out, MOST_TEST)):
            rows = np.flatnonzero(labelled & part)
            found.append(np.sort(rng.permutation(rows)[:most]))
        return found[0], found[1]

    def split(self) -> Split:
        """Return the labels of the parts; DataError if no probe can be made of them."""
        if self.labels is None or not any(self.labels):
            raise DataError("no labels came with the pictures, so nothing can be said about classes")
        train, test = self.parts
        known = {self.labels[row] for row in train}
        return Split(
            [self.labels[row] for row in train], [self.labels[row] if self.labels[row] in known else "" for row in test]
        )


def probes(s: Pictured) -> list[Section]:
    """Say how much of the labels a vote of neighbours and a straight line find, beside what costs nothing."""
    if s.labels is None or not any(s.labels):
        return [
            Section("Labels", "The pictures have no labels: put them into a folder for each class, and evaluate again.")
        ]
    split, (train, test) = s.split(), s.parts
    bars: dict[str, list[Bar]] = {"k-NN": [], "linear": []}
    rows, numbers = [], []
    for name, x in s.representations.items():
        found = {"k-NN": knn_accuracy(x[train], x[test], split), "linear": linear_accuracy(x[train], x[test], split)}
        a, b = principal(np.asarray(x[train], np.float32), np.asarray(x[test], np.float32))
        reduced = linear_accuracy(a, b, split)
        for kind, number in found.items():
            bars[kind].append(Bar(name, number.value, number.low, number.high, {"chance": split.chance}))
        rows.append((name, x.shape[1], found["k-NN"].value, found["linear"].value, reduced.value))
        numbers += list(found.values()) if name == "these vectors" else []
    beside = {name: row for name, *row in rows if name != "these vectors"}
    numbers = [
        Number(
            n.name,
            n.value,
            n.low,
            n.high,
            n.n,
            {"chance": split.chance} | {name: row[place] for name, row in beside.items()},
        )
        for n, place in zip(numbers, (1, 2), strict=True)
    ]
    text = (
        f"{len(train):,} pictures with labels to learn from, {len(test):,} held out to test on, "
        f"{len(set(split.train))} classes. Every row has the same probe: only the vectors differ."
    )
    columns = ("representation", "dims", "k-NN@20", "linear", "linear, PCA 128")
    figures = [
        page.figure(
            bar_chart(found, title=f"{kind} accuracy", description=f"{kind} accuracy by representation.", percent=True)
        )
        for kind, found in bars.items()
    ]
    return [Section("Labels", text, tuple(numbers), (Table(columns, tuple(rows)),), (page.pair(*figures),))]


def few_labels(s: Pictured) -> list[Section]:
    """Say how far one, ten and a hundred labels of each class go."""
    if s.labels is None or not any(s.labels):
        return []
    split, (train, test) = s.split(), s.parts
    rows: list[tuple[Any, ...]] = []
    numbers: list[Number] = []
    for name, x in s.representations.items():
        found = [few_label_accuracy(x[train], x[test], split, each=each) for each in FEW]
        rows.append((name, *(None if number is None else number.value for number in found)))
        numbers += [number for number in found if number is not None] if name == "these vectors" else []
    if not numbers:
        return []
    columns = ("representation", *(f"{each} a class" for each in FEW))
    text = "Accuracy of the linear probe with few labels: the mean of five draws. This is what a representation is for."
    return [Section("With few labels", text, tuple(numbers), (Table(columns, tuple(rows)),))]


def nearest_pictures(s: Pictured) -> list[Section]:
    """Show some held-out pictures and their nearest."""
    if s.pixels is None or len(s) < 2:
        return []
    rng = np.random.default_rng(s.seed)
    there = np.flatnonzero(s.held_out) if s.held_out.any() else np.arange(len(s))
    asked = np.sort(rng.permutation(there)[:_ASKED])
    near = neighbours(s.vectors - s.vectors.mean(0), _SHOWN, rows=asked)
    rows = []
    for row, found in zip(asked.tolist(), near.tolist(), strict=True):
        first = thumbnail(s.pixels[row], name=s.keys[row], side=64)
        rows.append(
            element("div", first, strip([s.pixels[i] for i in found], [s.keys[i] for i in found]), class_="near")
        )
    text = "On the left a picture that was not learned from, beside it the nearest of all by cosine, best first."
    return [Section("Nearest pictures", text, pictures=(join(*rows),))]
