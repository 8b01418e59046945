"""Inside a network: an encoder of pictures and some of them in; what each depth makes of them, as arrays, out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from likewise.contracts import Array, Field
from likewise.encoders.pictures import PictureEncoder
from likewise.encoders.vit import ViT
from likewise.evaluate.inside import Attention, Excited, Inside, evenly, strongest

UNITS: Final = 5  # of a depth
MOST: Final = 8  # pictures for each unit
_AT_ONCE = 64  # maps of so many pictures exist at a time


def look_inside(
    encoder: PictureEncoder,
    pixels: UInt8[Array, "n c h w"],
    rows: Int[Array, " m"],
    *,
    untrained: PictureEncoder | None = None,
    looked_at: Int[Array, " a"],
) -> Inside:
    """Look at some rows of `pixels`; attention, where there is a class token that learns, is of `looked_at`.

    Of each depth `UNITS` units are taken, at equal steps among those that answer differently to different pictures of
    the first batch: none is chosen for its looks.
    """
    depths, excited = _looked(encoder, pixels, rows)
    drawn = {} if untrained is None else _looked(untrained, pixels, rows, excite=False)[0]
    return Inside(rows, depths, drawn, excited, _attention(encoder, pixels, looked_at, untrained))


def _looked(
    encoder: PictureEncoder, pixels: UInt8[Array, "n c h w"], rows: Int[Array, " m"], *, excite: bool = True
) -> tuple[dict[str, Float[Array, "m e"]], dict[str, Excited]]:
    """Go through the pictures once: the mean over places of every depth, and where units answer most."""
    fields: Mapping[str, Field] = encoder.network.fields() if excite else {}  # type: ignore[operator]
    units: dict[str, Array] = {}
    pooled: dict[str, list[Array]] = {}
    answers: dict[str, list[Array]] = {name: [] for name in fields}
    places: dict[str, list[Array]] = {name: [] for name in fields}
    for x in _batches(encoder, pixels, rows):
        for name, made in encoder.network.intermediates(x).items():  # type: ignore[operator]
            pooled.setdefault(name, []).append(_mean(made).float().cpu().numpy())
            if name in fields:
                maps = _maps(made, x, fields[name])
                if name not in units:
                    units[name] = evenly(np.flatnonzero(_alive(maps)), UNITS)
                best, at = maps[:, units[name]].flatten(2).max(2)
                answers[name].append(best.float().cpu().numpy())
                places[name].append(np.stack(np.divmod(at.cpu().numpy(), maps.shape[3]), -1))
    excited = {}
    for name, found in fields.items():
        if len(units[name]):
            where = strongest(np.concatenate(answers[name]), np.concatenate(places[name]), rows, most=MOST)
            excited[name] = Excited(units[name], *where, found)
    return {name: np.concatenate(parts) for name, parts in pooled.items()}, excited


def _batches(encoder: PictureEncoder, pixels: UInt8[Array, "n c h w"], rows: Int[Array, " m"]) -> Iterator[Tensor]:
    with torch.inference_mode():
        for low in range(0, len(rows), _AT_ONCE):
            batch = torch.from_numpy(np.asarray(pixels[rows[low : low + _AT_ONCE]]))
            yield encoder.seeing.normalised(batch.to(encoder.device))


def _mean(made: Tensor) -> Float[Tensor, "b e"]:
    return made.mean((2, 3)) if made.ndim == 4 else made.mean(1) if made.ndim == 3 else made


def _maps(made: Tensor, x: Tensor, field: Field) -> Float[Tensor, "b e y x"]:
    """Return tokens as maps; maps as they are."""
    if made.ndim == 4:
        return made
    return made.transpose(1, 2).reshape(len(made), -1, x.shape[2] // field.stride, x.shape[3] // field.stride)


def _alive(maps: Float[Tensor, "b e y x"]) -> Any:
    """Return which units answer differently to different pictures."""
    best = maps.flatten(2).max(2).values
    return ((best.amax(0) - best.amin(0)) > 1e-6 * best.abs().amax(0)).cpu().numpy()


def _attention(
    encoder: PictureEncoder, pixels: UInt8[Array, "n c h w"], rows: Int[Array, " a"], untrained: PictureEncoder | None
) -> Attention | None:
    """Return where the class token looks; a token that is not the vector has learned nothing of its own."""
    network = encoder.network
    if not isinstance(network, ViT) or network.pool != "class":
        return None
    maps = [_maps_of_attention(each, pixels, rows) for each in (encoder, untrained) if each is not None]
    return Attention(rows, *maps)


def _maps_of_attention(encoder: PictureEncoder, pixels: UInt8[Array, "n c h w"], rows: Int[Array, " a"]) -> Array:
    assert isinstance(encoder.network, ViT)
    found = [encoder.network.attention(x).float().cpu().numpy() for x in _batches(encoder, pixels, rows)]
    return np.concatenate(found)
