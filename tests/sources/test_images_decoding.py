"""Pictures of every mode and fault: the pixels that come out, or the sentence."""

from __future__ import annotations

import io
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likewise.errors import DataError
from likewise.sources.images_decoding import read_picture
from likewise.sources.small_pictures import small_pictures

RGB = small_pictures(1, seed=1).pixels[0]


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_plain_modes() -> None:
    picture = Image.fromarray(RGB)
    np.testing.assert_array_equal(read_picture(encoded(picture)), RGB)
    np.testing.assert_array_equal(read_picture(encoded(picture, "WEBP", lossless=True)), RGB)
    grey = np.asarray(picture.convert("L"))
    np.testing.assert_array_equal(read_picture(encoded(picture.convert("L"))), np.repeat(grey[..., None], 3, 2))
    np.testing.assert_array_equal(read_picture(encoded(picture), channels=1)[..., 0], grey)
    bits = picture.convert("1")
    np.testing.assert_array_equal(read_picture(encoded(bits))[..., 0], np.asarray(bits) * 255)
    few = picture.quantize(16)
    np.testing.assert_array_equal(read_picture(encoded(few)), np.asarray(few.convert("RGB")))
    assert np.abs(read_picture(encoded(picture, "JPEG", quality=95)).astype(int) - RGB).mean() < 12


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_laid_on_white(mode: str) -> None:
    picture = Image.fromarray(RGB).convert(mode)
    opaque = read_picture(picture).astype(float)
    alpha = np.zeros(RGB.shape[:2], np.uint8)
    alpha[:10], alpha[10:20] = 255, 128
    picture.putalpha(Image.fromarray(alpha))
    shown = read_picture(encoded(picture))
    np.testing.assert_array_equal(shown[:10], opaque[:10])
    np.testing.assert_allclose(shown[10:20], opaque[10:20] * 128 / 255 + 255 * 127 / 255, atol=1)
    assert (shown[20:] == 255).all()


def test_a_palette_with_a_transparent_colour() -> None:
    picture = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 200, 0, 0])
    shown = read_picture(encoded(picture, transparency=1))
    np.testing.assert_array_equal(shown, [[[10, 20, 30], [255] * 3], [[255] * 3, [10, 20, 30]]])


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    for content in (encoded(Image.fromarray(ramp)), encoded(Image.fromarray(ramp), "TIFF"), ramp):
        np.testing.assert_array_equal(read_picture(content)[..., 1], np.arange(256).reshape(16, 16))
    wide = Image.fromarray(ramp.astype(np.int32))
    np.testing.assert_array_equal(read_picture(encoded(wide, "TIFF"))[..., 0], np.arange(256).reshape(16, 16))


def test_floats() -> None:
    ramp = (np.arange(256).reshape(16, 16) / 255).astype(np.float32)
    for scale in (1, 255):
        content = encoded(Image.fromarray(ramp * np.float32(scale)), "TIFF")
        np.testing.assert_array_equal(read_picture(content)[..., 0], np.arange(256).reshape(16, 16))
    np.testing.assert_array_equal(read_picture(ramp)[..., 2], np.arange(256).reshape(16, 16))
    stretched = read_picture(encoded(Image.fromarray(ramp * 1000 - 500), "TIFF"))
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_cmyk() -> None:
    picture = Image.fromarray(np.full((16, 16, 3), (200, 30, 60), np.uint8)).convert("CMYK")
    shown = read_picture(encoded(picture, "JPEG", quality=100))
    assert np.abs(shown.astype(int) - (200, 30, 60)).max() <= 6


def test_exif_rotation_is_honoured() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture = Image.fromarray(RGB[:16])
    np.testing.assert_array_equal(read_picture(encoded(picture, exif=exif)), np.rot90(RGB[:16], -1))
    assert read_picture(encoded(picture, exif=exif), size=(32, 16)).shape == (32, 16, 3)


def test_animated_pictures_give_their_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = encoded(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        np.testing.assert_array_equal(read_picture(content), np.full((8, 8, 3), (255, 0, 0)))


def test_scaled_to_cover_and_cut_in_the_middle() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = 255  # the middle square
    assert (read_picture(pixels, size=20)[1:-1, 1:-1] == 255).all()
    assert (read_picture(pixels.transpose(1, 0, 2), size=20)[1:-1, 1:-1] == 255).all()
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    expected = np.asarray(Image.fromarray(ramp).resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(read_picture(ramp, size=16), expected)
    checks = np.indices((64, 64)).sum(0)[..., None].repeat(3, 2) % 2 * 255
    assert np.abs(read_picture(checks, size=16).astype(int) - 127).max() < 8  # antialiased
    assert read_picture(RGB, size=(50, 7)).shape == (50, 7, 3)


def test_a_large_jpeg_decoded_at_a_part_of_its_size_is_much_the_same() -> None:
    big = np.asarray(Image.fromarray(RGB).resize((1024, 1024), Image.Resampling.BICUBIC))
    content = encoded(Image.fromarray(big), "JPEG", quality=95)
    quick, slow = read_picture(content, size=32), read_picture(read_picture(content), size=32)
    assert np.abs(quick.astype(int) - slow).mean() < 2


def bomb() -> bytes:
    """Return a PNG of 20,000 × 20,000 pixels in half a kilobyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (20_000).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", side + side + bytes([1, 0, 0, 0, 0])) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a.png is empty \(0 bytes\)"),
        (b"some text that is no picture", "a.png is not a picture that can be read, whatever its name says"),
        (encoded(Image.fromarray(RGB))[:600], "a.png is cut off .*: fetch it again"),
        (encoded(Image.fromarray(RGB), "JPEG")[:700], "a.png is cut off .*: fetch it again"),
        (encoded(Image.fromarray(RGB), "WEBP")[:200], "a.png is (cut off|damaged|not a picture)"),
        (encoded(Image.fromarray(RGB))[:60] + b"\0" * 500, "a.png is (cut off|damaged)"),
        (bomb(), r"a.png has 400,000,000 pixels, more than the limit of .*\(a decompression bomb\?\): shrink it"),
    ],
)
def test_files_that_are_no_pictures(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_picture(path)


def test_a_picture_just_over_the_limit_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.fromarray(RGB))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow itself only warns up to twice this
    with pytest.raises(DataError, match="more than the limit of 1,000"):
        read_picture(content, name="a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_picture(content).shape == RGB.shape


def test_damaged_bytes_are_one_sentence_each() -> None:
    rng = np.random.default_rng(0)
    whole = [encoded(Image.fromarray(RGB), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    read = 0
    for i in range(300):
        data = bytearray(whole[i % len(whole)])
        for place in rng.integers(len(data), size=3):
            data[place] = rng.integers(256)
        sentence = _sentence_of(bytes(data), f"{i}.png")
        assert sentence is None or sentence.startswith(f"{i}.png ")
        read += sentence is None
    assert 10 < read < 300


def _sentence_of(data: bytes, name: str) -> str | None:
    try:
        read_picture(data, name=name)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4, 5), np.uint8), r"the picture is an array of shape \(3, 4, 5\): a picture is h×w"),
        (np.zeros((0, 4, 3), np.uint8), "the picture has no pixels"),
        (np.full((3, 4), 2.0), "has floats from 2 to 2: they are from 0 to 1"),
        (np.full((3, 4), np.nan), "has floats from nan to nan"),
        (np.full((3, 4), 300), "has whole numbers from 300 to 300"),
        (np.full((3, 4), "a"), "pixels are uint8, uint16, or floats"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_picture(array)


def test_arrays_of_other_types() -> None:
    assert read_picture(np.eye(3, dtype=bool))[0, 0].tolist() == [255] * 3
    assert read_picture(np.full((2, 2), 7))[0, 0].tolist() == [7] * 3
    clear = np.zeros((2, 2, 4), np.uint8)
    assert (read_picture(clear) == 255).all()


@pytest.mark.parametrize("size", [0, (3, 0), -1])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(DataError, match="a picture is at least 1 pixel high and wide"):
        read_picture(RGB, size=size)


def test_the_filters_of_warnings_stay_as_they_were() -> None:
    before = list(warnings.filters)
    read_picture(encoded(Image.fromarray(RGB)))
    assert list(warnings.filters) == before


def test_threads() -> None:
    content, results = encoded(Image.fromarray(RGB), "JPEG"), []
    threads = [threading.Thread(target=lambda: results.append(read_picture(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((result == results[0]).all() for result in results)
    assert len(results) == 8
