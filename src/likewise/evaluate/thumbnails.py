"""Thumbnails: arrays of pixels in, pictures inside a page out. They travel in the page: nothing is fetched."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from likewise.contracts import Array
from likewise.errors import MissingExtra
from likewise.evaluate.markup import Html, element


def thumbnail(pixels: UInt8[Array, "c h w"], *, name: str, side: int = 48) -> Html:
    """Return one picture `side` pixels wide on the page; `name` is for those who do not see it."""
    return element("img", src=_png(pixels), alt=name, title=name, width=side, style="image-rendering:pixelated")


def strip(pictures: Sequence[UInt8[Array, "c h w"]], names: Sequence[str], *, side: int = 48) -> Html:
    """Return pictures in a row."""
    shown = [thumbnail(pixels, name=name, side=side) for pixels, name in zip(pictures, names, strict=True)]
    return element("div", *shown, class_="strip")


def sheet(filters: Float[Array, "k c h w"], *, columns: int = 20, gap: int = 1) -> UInt8[Array, "3 y x"]:
    """Return filters side by side as one picture; each is scaled by its own largest value, so that 0 is grey."""
    k, channels, height, width = filters.shape
    columns = min(columns, k)
    rows = -(-k // columns)
    out = np.full((3, rows * (height + gap) - gap, columns * (width + gap) - gap), 255, np.uint8)
    largest = np.abs(filters).reshape(k, -1).max(1).clip(min=1e-12)
    shown = np.rint(127.5 + 127.5 * filters / largest[:, None, None, None]).astype(np.uint8)
    shown = np.broadcast_to(shown, (k, 3, height, width)) if channels == 1 else shown[:, :3]
    for number, one in enumerate(shown):
        y, x = (number // columns) * (height + gap), (number % columns) * (width + gap)
        out[:, y : y + height, x : x + width] = one
    return out


def _png(pixels: UInt8[Array, "c h w"]) -> Html:
    """Return a PNG as the source of an image."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra("pillow", "vision", "a picture in a report") from None
    array = np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", optimize=True)
    return Html("data:image/png;base64," + base64.b64encode(file.getvalue()).decode())
