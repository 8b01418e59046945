"""Inside a network: what each depth makes of some pictures, where its units answer most; arrays in, pictures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, UInt8

from likewise.contracts import Array, Field, Number

_OUTSIDE = 128  # of a window that reaches beyond the picture
_FRAME = 255


@dataclass(frozen=True)
class Excited:
    """Where some units of one depth answer most: `rows` of pictures, best first, and the place in each (down, across).

    No picture comes twice for one unit.
    """

    units: Int[Array, " u"]
    rows: Int[Array, "u k"]
    places: Int[Array, "u k 2"]
    field: Field


@dataclass(frozen=True)
class Attention:
    """How much the class token looks at each patch, for some pictures and each head; `untrained` as it was drawn."""

    rows: Int[Array, " m"]
    maps: Float[Array, "m heads y x"]
    untrained: Float[Array, "m heads y x"] | None = None


@dataclass(frozen=True)
class Filled:
    """Pictures that were not learned from, what was seen of them, and how the hidden rest was told; `error` of that."""

    given: UInt8[Array, "m c h w"]
    seen: UInt8[Array, "m c h w"]
    told: UInt8[Array, "m c h w"]
    error: Number


@dataclass(frozen=True)
class Inside:
    """What was seen in a network; `rows` are the pictures that `depths` and `untrained` are of, by depth.

    `depths` are means over places. Nothing is there that the network does not have.
    """

    rows: Int[Array, " n"]
    depths: Mapping[str, Float[Array, "n e"]] = field(default_factory=dict)
    untrained: Mapping[str, Float[Array, "n e"]] = field(default_factory=dict)
    excited: Mapping[str, Excited] = field(default_factory=dict)
    attention: Attention | None = None


def strongest(
    answers: Float[Array, "n u"], places: Int[Array, "n u 2"], rows: Int[Array, " n"], *, most: int
) -> tuple[Int[Array, "u k"], Int[Array, "u k 2"]]:
    """Return the pictures in which each unit answers most, best first, and where; the earlier of equal ones first."""
    order = np.argsort(-answers, axis=0, kind="stable")[:most]
    return rows[order].T, places[order, np.arange(answers.shape[1])].transpose(1, 0, 2)


def evenly(numbers: Int[Array, " n"], most: int) -> Int[Array, " m"]:
    """Return at most `most` of some numbers, at equal steps from the first to the last.

    >>> evenly(np.arange(10), 4).tolist()
    [0, 3, 6, 9]
    """
    chosen = np.rint(np.linspace(0, len(numbers) - 1, min(most, len(numbers)))).astype(int)
    picked: Array = np.asarray(numbers)[chosen]
    return picked


def window(pixels: UInt8[Array, "c h w"], seen: Field, place: Sequence[int]) -> UInt8[Array, "c y x"]:
    """Return what a unit sees of a picture from its place: its field, grey outside; or all, with the place framed."""
    _, height, width = pixels.shape
    top, left = (seen.start + int(at) * seen.stride for at in place)
    if not seen.everything and seen.size < min(height, width):
        cut = np.full((len(pixels), seen.size, seen.size), _OUTSIDE, np.uint8)
        y, x = max(0, top), max(0, left)
        inside = pixels[:, y : max(y, top + seen.size), x : max(x, left + seen.size)]
        cut[:, y - top : y - top + inside.shape[1], x - left : x - left + inside.shape[2]] = inside
        return cut
    middle = [(seen.size - seen.stride) // 2 + edge for edge in (top, left)]
    return framed(pixels, middle, seen.stride)


def framed(pixels: UInt8[Array, "c h w"], corner: Sequence[int], side: int) -> UInt8[Array, "c h w"]:
    """Return a picture with a light line around a square, as far as it lies inside."""
    shown = pixels.copy()
    (top, left), (height, width) = corner, pixels.shape[1:]
    rows, columns = (np.clip([low - 1, low + side], 0, end - 1) for low, end in ((top, height), (left, width)))
    down, across = slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1)
    shown[:, rows, across] = _FRAME
    shown[:, down, columns] = _FRAME
    return shown


def lit(pixels: UInt8[Array, "c h w"], attention: Float[Array, "y x"]) -> UInt8[Array, "c h w"]:
    """Return a picture that is as bright as it is looked at: in full where most, and never quite dark."""
    _, height, width = pixels.shape
    share = attention / max(float(attention.max()), 1e-12)
    bright = np.kron(share, np.ones((height // share.shape[0], width // share.shape[1])))
    made: Array = np.rint(pixels * (0.12 + 0.88 * bright)).astype(np.uint8)
    return made


def patches_looked_at(maps: Float[Array, "m heads y x"]) -> Float[Array, " m"]:
    """Return exp of the entropy of attention, the mean over heads: the number of patches, if it were equal on them."""
    flat = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
    share = flat / flat.sum(-1, keepdims=True)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(-1)
    mean: Array = np.exp(entropy).mean(1)
    return mean
