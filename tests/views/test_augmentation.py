"""Augmentation: each step beside one picture at a time by Pillow, NumPy or SciPy."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter1d

from likewise.errors import OptionError, ShapeError
from likewise.sources.images_decoding import read_picture
from likewise.sources.small_pictures import small_pictures
from likewise.views.augmentation import Augmentation, Draw, simclr, whole

PIXELS = np.clip(small_pictures(24, seed=2).pixels, 30, 200)
BATCH = torch.from_numpy(PIXELS.transpose(0, 3, 1, 2).copy())
STILL: dict[str, Any] = {
    "size": (32, 32), "scale": (1, 1), "ratio": (1, 1), "flip": 0, "jitter": 0, "grey": 0, "mean": (0,), "std": (1,)
}  # fmt: skip


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(batch: torch.Tensor = BATCH, seed: int = 0, **changes: Any) -> tuple[np.ndarray, Draw]:
    """Change a batch; return it as "b h w c" from 0 to 255, and what was drawn."""
    augmentation = Augmentation(**STILL | changes)
    draw = augmentation.draw(len(batch), (batch.shape[2], batch.shape[3]), generator(seed))
    return augmentation.apply(batch, draw).permute(0, 2, 3, 1).numpy() * 255, draw


def test_nothing_is_changed_where_all_is_off() -> None:
    np.testing.assert_allclose(drawn()[0], PIXELS, atol=1e-3)


def test_flips() -> None:
    shown, draw = drawn(flip=0.5)
    assert 4 < int(draw.flip.sum()) < 20
    for i, pixels in enumerate(PIXELS):
        np.testing.assert_allclose(shown[i], pixels[:, ::-1] if draw.flip[i] else pixels, atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (16, 24), (50, 40), (7, 7)])
def test_crops_are_those_of_pillow(size: tuple[int, int]) -> None:
    shown, draw = drawn(size=size, scale=(0.2, 1), ratio=(3 / 4, 4 / 3))
    for i, (top, left, height, width) in enumerate(draw.crop.int().tolist()):
        cut = PIXELS[i][top : top + height, left : left + width]
        expected = Image.fromarray(cut).resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(shown[i] - np.asarray(expected)).max() <= 1.01  # Pillow rounds twice


def test_crops_lie_in_the_picture_and_have_the_areas_that_are_asked_for() -> None:
    augmentation = Augmentation(**STILL | {"scale": (0.2, 1), "ratio": (3 / 4, 4 / 3)})
    for picture in ((100, 100), (40, 160), (161, 40)):
        top, left, height, width = augmentation.draw(4000, picture, generator()).crop.unbind(1)
        assert bool((top >= 0).all() & (left >= 0).all() & (height >= 1).all() & (width >= 1).all())
        assert bool((top + height <= picture[0]).all() & (left + width <= picture[1]).all())
    top, left, height, width = augmentation.draw(4000, (400, 400), generator()).crop.unbind(1)
    share = height * width / 400**2
    assert 0.19 < float(share.min()) < 0.22
    assert 0.9 < float(share.max()) <= 1
    assert abs(float((top + height / 2).mean()) - 200) < 5
    assert abs(float((left + width / 2).mean()) - 200) < 5
    ratio = (width / height).log()
    assert -0.3 < float(ratio.min()) < -0.25
    assert abs(float(ratio.mean())) < 0.01


def test_a_crop_that_cannot_fit_is_the_middle() -> None:
    top, left, height, width = Augmentation(**STILL).draw(3, (40, 400), generator()).crop[0].tolist()
    assert (top, left, height, width) == (0, 180, 40, 40)


@pytest.mark.parametrize(
    ("name", "column", "enhance"),
    [
        ("brightness", 0, ImageEnhance.Brightness),
        ("contrast", 1, ImageEnhance.Contrast),
        ("saturation", 2, ImageEnhance.Color),
    ],
)
def test_colours_are_those_of_pillow(name: str, column: int, enhance: Any) -> None:
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    shown, draw = drawn(jitter=1, **off | {name: 0.4})
    for i, pixels in enumerate(PIXELS):
        factor = float(draw.jitter[i, column])
        expected = np.asarray(enhance(Image.fromarray(pixels)).enhance(factor)).astype(float)
        assert np.abs(shown[i] - expected).max() < 2.1
    assert float(draw.jitter[:, column].std()) > 0.1


def test_steps_of_colour_together_in_any_order() -> None:
    shown, draw = drawn(jitter=1, brightness=0.15, contrast=0.15, saturation=0.2, hue=0.0)
    steps = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color, None]
    for i, pixels in enumerate(PIXELS):
        picture = Image.fromarray(pixels)
        for step in np.random.default_rng(i).permutation(4):
            if steps[step] is not None:
                picture = steps[step](picture).enhance(float(draw.jitter[i, step]))
        expected = np.asarray(picture).astype(float)
        inside = (expected > 4) & (expected < 251)  # we clip at the end only
        assert np.abs(shown[i] - expected)[inside].max() < 4


def test_the_hue_turns_and_the_luminance_stays() -> None:
    pale = (100 + PIXELS.astype(float) / 6).astype(np.uint8)  # nothing is clipped
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0}
    shown, draw = drawn(torch.from_numpy(pale.transpose(0, 3, 1, 2).copy()), jitter=1, hue=0.1, **off)
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(shown @ luma, pale @ luma, atol=0.5)
    turns = []
    for i, pixels in enumerate(pale):
        before, after = (
            np.array([colorsys.rgb_to_hsv(*p) for p in a.reshape(-1, 3) / 255]) for a in (pixels, shown[i])
        )
        moved = (after[:, 0] - before[:, 0] + 0.5) % 1 - 0.5
        turns.append(float(np.median(moved[before[:, 1] > 0.05])))
    wanted = draw.jitter[:, 3].numpy()  # in YIQ and HSV the hue turns the same way, and nearly as far
    slope, _ = np.polyfit(wanted, turns, 1)
    assert 0.7 < slope < 1.4
    assert np.corrcoef(turns, wanted)[0, 1] > 0.9


def test_grey() -> None:
    shown, draw = drawn(grey=0.5)
    assert 4 < int(draw.grey.sum()) < 20
    for i, pixels in enumerate(PIXELS):
        expected = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB") if draw.grey[i] else pixels)
        assert np.abs(shown[i] - expected).max() < 1.01


def test_solarise() -> None:
    shown, draw = drawn(solarise=0.5)
    assert 4 < int(draw.solarise.sum()) < 20
    for i, pixels in enumerate(PIXELS):
        expected = ImageOps.solarize(Image.fromarray(pixels), 128) if draw.solarise[i] else pixels
        np.testing.assert_allclose(shown[i], np.asarray(expected), atol=1e-3)


def test_blur_is_that_of_scipy() -> None:
    shown, draw = drawn(blur=0.5, sigma=(0.5 / 32, 2 / 32))
    sigmas = draw.sigma.tolist()
    assert 4 < sum(sigma > 0 for sigma in sigmas) < 20
    for i, pixels in enumerate(PIXELS):
        expected = pixels.astype(float)
        if sigmas[i]:
            assert 0.5 <= sigmas[i] <= 2
            for axis in (0, 1):
                expected = gaussian_filter1d(expected, sigmas[i], axis, mode="mirror", truncate=12)
        np.testing.assert_allclose(shown[i], expected, atol=0.01)


def test_mean_and_deviation_are_taken_out() -> None:
    shown, _ = drawn(mean=(0.1, 0.2, 0.3), std=(0.5, 1, 2))
    np.testing.assert_allclose(shown, (PIXELS - 255 * np.array([0.1, 0.2, 0.3])) / [0.5, 1, 2], atol=1e-3)


def test_values_stay_between_black_and_white() -> None:
    bright = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8, generator=generator())
    shown = simclr((32, 32), strength=1.25, blur=0.5, solarise=0.2, mean=(0,), std=(1,))(bright, generator())
    assert (shown.dtype, shown.shape) == (torch.float32, bright.shape)
    assert shown.is_contiguous()
    assert 0 <= float(shown.min()) < float(shown.max()) <= 1
    assert bool(torch.isfinite(shown).all())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 48), (1, 9, 30)])
def test_grey_pictures_and_such_that_are_not_square(shape: tuple[int, int, int]) -> None:
    batch = torch.randint(0, 256, (16, *shape), dtype=torch.uint8, generator=generator())
    shown = simclr(shape[1:], blur=0.5)(batch, generator())
    assert shown.shape == batch.shape
    assert bool(torch.isfinite(shown).all())
    if shape[0] == 1:  # as three equal channels are treated
        rgb = simclr(shape[1:], blur=0.5)(batch.expand(-1, 3, -1, -1).contiguous(), generator())
        torch.testing.assert_close(rgb, shown.expand_as(rgb), atol=2e-3, rtol=0)


def test_the_same_generator_gives_the_same_bits() -> None:
    augmentation = simclr((32, 32), blur=0.5, solarise=0.1)
    torch.manual_seed(1)
    one = augmentation(BATCH, generator(3))
    torch.manual_seed(2)
    assert torch.equal(one, augmentation(BATCH, generator(3)))
    assert not torch.equal(one, augmentation(BATCH, generator(4)))
    state = torch.get_rng_state()
    augmentation(BATCH, generator(3))
    assert torch.equal(state, torch.get_rng_state())


def test_a_picture_depends_on_its_own_draw_alone() -> None:
    augmentation = simclr((32, 32), blur=0.5, solarise=0.3)
    draw = augmentation.draw(24, (32, 32), generator())
    order = torch.randperm(24, generator=generator(1))[:9]
    torch.testing.assert_close(augmentation.apply(BATCH[order], draw[order]), augmentation.apply(BATCH, draw)[order])


def test_what_is_switched_off_does_not_move_what_is_drawn_for_the_rest() -> None:
    one, other = (
        simclr((32, 32), **changes).draw(8, (32, 32), generator()) for changes in ({}, {"blur": 1.0, "grey": 0.0})
    )
    assert torch.equal(one.crop, other.crop)
    assert torch.equal(one.flip, other.flip)
    assert torch.equal(one.jitter, other.jitter)


def test_probabilities() -> None:
    draw = simclr((32, 32), blur=0.3, solarise=0.1).draw(20_000, (32, 32), generator())
    shares = [draw.flip, (draw.jitter[:, 0] != 1), draw.grey, draw.sigma > 0, draw.solarise]
    found = [float(share.float().mean()) for share in shares]
    np.testing.assert_allclose(found, [0.5, 0.8, 0.2, 0.3, 0.1], atol=0.015)


def test_small_pictures_are_treated_as_simclr_treats_cifar() -> None:
    small, large = simclr((32, 32)), simclr((224, 224))
    assert (small.blur, small.brightness, small.hue, small.scale[0]) == (0, 0.4, 0.1, 0.2)
    assert (large.blur, large.brightness, large.hue, large.scale[0]) == (0.5, 0.8, 0.2, 0.08)
    assert simclr((32, 32), strength=0).saturation == 0


def test_whole_pictures() -> None:
    assert torch.equal(whole(BATCH, (32, 32)), BATCH / 255)
    tall = torch.from_numpy(np.ascontiguousarray(small_pictures(2, size=64).pixels[:, :, 8:56].transpose(0, 3, 1, 2)))
    shown = whole(tall, (24, 24)).permute(0, 2, 3, 1).numpy() * 255
    for i in range(2):
        expected = read_picture(tall[i].permute(1, 2, 0).numpy(), size=24).astype(float)
        assert np.abs(shown[i] - expected).mean() < 4  # bilinear against bicubic


@pytest.mark.parametrize(
    "changes",
    [{"flip": 1.5}, {"hue": 0.6}, {"scale": (0, 1)}, {"scale": (1, 0.5)}, {"ratio": (2, 1)}, {"size": (0, 4)},
     {"std": (0,)}, {"brightness": -0.1}],
)  # fmt: skip
def test_options_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(changes))):
        replace(Augmentation(size=(8, 8)), **changes)
    with pytest.raises(OptionError, match="strength=3"):
        simclr((8, 8), strength=3)


@pytest.mark.parametrize("batch", [BATCH.float(), BATCH[0], BATCH[:, :2], BATCH.permute(0, 2, 3, 1)])
def test_what_is_no_batch(batch: torch.Tensor) -> None:
    with pytest.raises(ShapeError, match=r"pictures are uint8, b×c×h×w with 1 or 3 channels"):
        simclr((32, 32)).apply(batch, simclr((32, 32)).draw(24, (32, 32), generator()))
    with pytest.raises(ShapeError, match="mean has 2 numbers for 3 channels"):
        Augmentation(size=(32, 32), mean=(0, 1))(BATCH, generator())


def test_several_in_one_go_are_what_single_calls_make() -> None:
    """On an accelerator several crops are one call: the same pictures, to rounding."""
    batch = torch.randint(0, 256, (6, 3, 40, 36), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    change = simclr((32, 32), blur=0.5, solarise=0.3)
    single = change.several(batch, torch.Generator().manual_seed(5), 3)
    generator = torch.Generator().manual_seed(5)
    draws = [change.draw(6, (40, 36), generator) for _ in range(3)]
    together = change.apply(batch.repeat(3, 1, 1, 1), Draw.of(draws)).chunk(3)
    for one, other in zip(single, together, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert not torch.allclose(single[0], single[1], atol=0.1), "each is drawn anew"


def test_pixels_need_not_lie_in_order() -> None:
    batch = torch.randint(0, 256, (4, 20, 24, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    change = simclr((16, 16))
    draw = change.draw(4, (20, 24), torch.Generator().manual_seed(1))
    assert torch.equal(change.apply(batch, draw), change.apply(batch.contiguous(), draw))
