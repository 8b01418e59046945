"""Thumbnails: arrays of pixels in, pictures inside a page, or a PNG, out. In a page they travel with it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from likewise.contracts import Array
from likewise.errors import MissingExtra
from likewise.evaluate.markup import Html, element


def thumbnail(pixels: UInt8[Array, "c h w"], *, name: str, side: int = 48) -> Html:
    """Return one picture `side` pixels wide on the page; `name` is for those who do not see it."""
    return from_png(png(pixels), name=name, side=side)


def from_png(data: bytes, *, name: str, side: int) -> Html:
    """Return a picture that is a PNG already, `side` pixels wide on the page."""
    source = Html("data:image/png;base64," + base64.b64encode(data).decode())
    return element("img", src=source, alt=name, title=name, width=side, style="image-rendering:pixelated")


def strip(pictures: Sequence[UInt8[Array, "c h w"]], names: Sequence[str], *, side: int = 48) -> Html:
    """Return pictures in a row."""
    shown = [thumbnail(pixels, name=name, side=side) for pixels, name in zip(pictures, names, strict=True)]
    return element("div", *shown, class_="strip")


def sheet(filters: Float[Array, "k c h w"], *, columns: int = 20) -> UInt8[Array, "4 y x"]:
    """Return filters side by side as one picture; each is scaled by its own largest value, so that 0 is grey."""
    largest = np.abs(filters).reshape(len(filters), -1).max(1).clip(min=1e-12)
    shown = np.rint(127.5 + 127.5 * filters / largest[:, None, None, None]).astype(np.uint8)
    rows = [list(shown[low : low + columns]) for low in range(0, len(shown), columns)]
    return mosaic(rows, cell=shown.shape[2:], gap=1)


def mosaic(
    rows: Sequence[Sequence[UInt8[Array, "c h w"]]], *, cell: tuple[int, ...] = (48, 48), gap: int = 3
) -> UInt8[Array, "4 y x"]:
    """Return rows of pictures as one, each in a cell of its own; what lies between is transparent, as on every page.

    A picture is enlarged by whole pixels, then scaled to the cell.
    """
    (height, width), across = cell[:2], max(map(len, rows))
    out = np.zeros((4, len(rows) * (height + gap) - gap, across * (width + gap) - gap), np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            y, x = i * (height + gap), j * (width + gap)
            out[:3, y : y + height, x : x + width] = _fitted(picture, height, width)
            out[3, y : y + height, x : x + width] = 255
    return out


def png(pixels: UInt8[Array, "c h w"]) -> bytes:
    """Return a PNG of one channel, three, or four with transparency."""
    image = _pillow()
    array = np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    file = io.BytesIO()
    image.fromarray(array).save(file, "PNG", optimize=True)
    return file.getvalue()


def _fitted(picture: UInt8[Array, "c h w"], height: int, width: int) -> UInt8[Array, "3 y x"]:
    """Return a picture in colour at this size: sharp where it is enlarged, smooth where it is reduced."""
    colour = np.broadcast_to(picture, (3, *picture.shape[1:])) if len(picture) == 1 else picture[:3]
    if colour.shape[1:] == (height, width):
        return colour
    image = _pillow()
    how = image.Resampling.NEAREST if colour.shape[1] < height else image.Resampling.LANCZOS
    made = image.fromarray(np.ascontiguousarray(colour.transpose(1, 2, 0))).resize((width, height), how)
    return np.asarray(made, np.uint8).transpose(2, 0, 1)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra("pillow", "vision", "a picture in a report") from None
    return Image
