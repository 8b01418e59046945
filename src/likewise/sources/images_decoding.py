"""Pictures decoded: a file, bytes, an array or a Pillow picture in; uint8 "h w c" in one colour space and size out.

Animated pictures give their first frame. EXIF rotation is honoured, colour profiles are not. What is transparent is
laid on white. Sixteen-bit grey is scaled by 257, floats between 0 and 1 by 255; nothing is clipped.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import UInt8

from likewise.contracts import Array
from likewise.errors import DataError, MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Raw: TypeAlias = "str | os.PathLike[str] | bytes | Array | Picture"
Size: TypeAlias = tuple[int, int]
"""Height and width."""

_DRAFT = 2  # a JPEG is decoded at no less than this many times the size that is asked for
_ROTATED = 0x0112  # the EXIF tag of orientation; 5 to 8 lie on their side


def read_picture(
    data: Raw, *, size: int | Size | None = None, channels: int = 3, name: str | None = None
) -> UInt8[Array, "h w c"]:
    """Read one picture: a path, the bytes of a file, an array ("h w", "h w 1|3|4") or a Pillow picture.

    With `size` (height and width, or one number for both) it is scaled, with antialiasing, to cover that size, and
    what sticks out is cut off on both sides alike. `channels` is 3 for RGB or 1 for grey (ITU-R 601).

    Raises DataError with a sentence that names the file, MissingExtra without Pillow.
    """
    shown = name or (str(data) if isinstance(data, str | os.PathLike) else "the picture")
    with bombs_are_errors():
        return decode(content_of(data, shown), shown, size=as_size(size), channels=channels)


def as_size(size: int | Size | None) -> Size | None:
    """Return height and width; DataError if they are not at least 1."""
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise DataError(f"size {size}: a picture is at least 1 pixel high and wide")
    return height, width


def content_of(raw: Raw, name: str) -> bytes | Array | Picture:
    """Return what there is to decode: of a path, the bytes of its file."""
    if not isinstance(raw, str | os.PathLike):
        return raw
    try:
        data = Path(raw).read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error
    if not data:
        raise DataError(f"{name} is empty (0 bytes)")
    return data


def decode(
    content: bytes | Array | Picture, name: str, *, size: Size | None, channels: int = 3
) -> UInt8[Array, "h w c"]:
    """Decode what `content_of` returned; the caller holds `bombs_are_errors`."""
    if isinstance(content, np.ndarray):
        array = as_bytes(content, name)
        if array.shape[2] == channels and (size is None or array.shape[:2] == size):
            return array
        content = _of_array(array)
    with _sentences(name):
        picture: Picture = _opened(content, name, size) if isinstance(content, bytes) else content
        _check_size(picture.size, name)
        picture = _upright(picture)
        picture = _flat(picture, name)
        picture = picture.convert("L" if channels == 1 else "RGB")
        if size is not None and picture.size != size[::-1]:
            picture = _covering(picture, size)
        array = np.asarray(picture)
    return array[..., None] if channels == 1 else array


def head_size(raw: Raw, name: str) -> Size:
    """Return height and width of a picture without decoding it."""
    if isinstance(raw, np.ndarray):
        return int(raw.shape[0]), int(raw.shape[1])
    with _sentences(name), ExitStack() as opened:
        if isinstance(raw, str | os.PathLike):
            picture = _pillow().Image.open(opened.enter_context(Path(raw).open("rb")))
        else:
            picture = _pillow().Image.open(io.BytesIO(raw)) if isinstance(raw, bytes) else raw
        width, height = picture.size
        turned = picture.getexif().get(_ROTATED, 1) >= 5
    return (width, height) if turned else (height, width)


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Turn Pillow's warning about a decompression bomb into an error; hold it around a whole pool of threads."""
    try:
        bomb = _pillow().Image.DecompressionBombWarning
    except MissingExtra:  # arrays of the right size need no Pillow
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", bomb)
        yield


def as_bytes(array: Array, name: str) -> UInt8[Array, "h w c"]:
    """Return an array of one picture as uint8: floats from 0 to 1, 16 bits and booleans are scaled.

    Raises DataError for another shape or range.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise DataError(f"{name} is an array of shape {array.shape}: a picture is h×w, or h×w×1, ×3 or ×4")
    if 0 in array.shape:
        raise DataError(f"{name} has no pixels: its shape is {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return _of_sixteen_bits(array)
    if array.dtype.kind not in "fiu":
        raise DataError(f"{name} is an array of {array.dtype}: pixels are uint8, uint16, or floats from 0 to 1")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # NaN is neither
            raise DataError(f"{name} has floats from {low:g} to {high:g}: they are from 0 to 1, or store uint8")
        return _rounded(array * 255)
    if low < 0 or high > 255:
        raise DataError(f"{name} has whole numbers from {low:g} to {high:g}: they are from 0 to 255")
    return array.astype(np.uint8)


def _of_array(array: UInt8[Array, "h w c"]) -> Picture:
    picture: Picture = _pillow().Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    return picture


def _opened(data: bytes, name: str, size: Size | None) -> Picture:
    picture: Picture = _pillow().Image.open(io.BytesIO(data))
    _check_size(picture.size, name)  # before a pixel is decoded
    if size is not None and picture.format == "JPEG":
        side = _DRAFT * max(size)
        picture.draft(None, (side, side))
    picture.load()
    return picture


def _check_size(size: tuple[int, int], name: str) -> None:
    limit = _pillow().Image.MAX_IMAGE_PIXELS
    if 0 in size:
        raise DataError(f"{name} has no pixels: it is {size[0]} × {size[1]}")
    if limit is not None and size[0] * size[1] > limit:
        raise DataError(_bomb(name, f"{size[0]:,} × {size[1]:,} pixels", limit))


def _bomb(name: str, what: str, limit: int) -> str:
    return (
        f"{name} has {what}, more than the limit of {limit:,} (a decompression bomb?): "
        "shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS if it is what it seems"
    )


def _upright(picture: Picture) -> Picture:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF is no reason to lose a picture
        return picture


def _flat(picture: Picture, name: str) -> Picture:
    """Return the picture in mode L, RGB or another that Pillow converts by itself: no alpha, no more than 8 bits."""
    image = _pillow().Image
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return image.alpha_composite(image.new("RGBA", picture.size, "white"), picture).convert("RGB")  # type: ignore[no-any-return]
    if picture.mode.startswith(("I", "F")):
        return image.fromarray(_eight_bits(np.asarray(picture), name))  # type: ignore[no-any-return]
    return picture


def _eight_bits(pixels: Array, name: str) -> UInt8[Array, "h w"]:
    """Scale grey of more than 8 bits: by 257 what fits into 16 bits, floats of 0 to 1 by 255, else by its own range."""
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite(low + high):
        raise DataError(f"{name} has pixels that are not finite numbers")
    if pixels.dtype.kind == "f" and low >= 0 and high <= 255:
        return _rounded(pixels * (255 if high <= 1 else 1))
    if pixels.dtype.kind != "f" and low >= 0 and high <= 65535:
        return _of_sixteen_bits(pixels)
    return _rounded((pixels - low) * (255 / max(high - low, 1e-30)))


def _rounded(values: Array) -> Array:
    rounded: Array = np.rint(values)
    return rounded.astype(np.uint8)


def _of_sixteen_bits(pixels: Array) -> Array:
    scaled: Array = (pixels.astype(np.uint32) + 128) // 257
    return scaled.astype(np.uint8)


def _covering(picture: Picture, size: Size) -> Picture:
    """Scale to cover `size` and cut the rest off on both sides alike, in one step."""
    width, height = picture.size
    scale = min(height / size[0], width / size[1])
    left, top = (width - size[1] * scale) / 2, (height - size[0] * scale) / 2
    box = (max(left, 0.0), max(top, 0.0), min(width - left, width), min(height - top, height))
    return picture.resize(size[::-1], _pillow().Image.Resampling.BICUBIC, box=box)


@contextmanager
def _sentences(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises over somebody's bytes into one sentence."""
    image = _pillow().Image
    try:
        yield
    except (DataError, MissingExtra, MemoryError):
        raise
    except (image.DecompressionBombError, image.DecompressionBombWarning) as error:
        numbers = "".join(c if c.isdigit() else " " for c in str(error)).split()
        raise DataError(_bomb(name, f"{int(numbers[0]):,} pixels", image.MAX_IMAGE_PIXELS or 0)) from error
    except _pillow().UnidentifiedImageError as error:
        raise DataError(f"{name} is not a picture that can be read, whatever its name says") from error
    except Exception as error:  # Pillow's decoders raise nearly everything over damaged bytes
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        what = "is cut off" if cut else "is damaged"
        raise DataError(f"{name} {what} ({str(error) or type(error).__name__}): fetch it again") from error


def _pillow() -> Any:
    try:
        import PIL
        import PIL.Image
    except ImportError as error:
        raise MissingExtra("pillow", "vision", "reading pictures") from error
    return PIL
