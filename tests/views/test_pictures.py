"""Views of pictures: what is compared, and what is hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from likewise.contracts import View, Views
from likewise.errors import OptionError
from likewise.sources.small_pictures import small_pictures
from likewise.views.augmentation import simclr
from likewise.views.pictures import (
    JepaBlocks,
    MaskedPatches,
    MultiCrop,
    Plain,
    TwoCrops,
    light,
    mean_and_deviation,
    two_crops,
)

BATCH = torch.from_numpy(small_pictures(40, seed=6).pixels.transpose(0, 3, 1, 2).copy())
SIZE = (32, 32)
VIEWS: dict[str, View] = {
    "plain": Plain(SIZE),
    "two crops": two_crops(SIZE),
    "two unlike crops": two_crops(SIZE, asymmetric=True),
    "many crops": MultiCrop(simclr(SIZE)),
    "masked patches": MaskedPatches(light(SIZE), (8, 8)),
    "blocks": JepaBlocks(light(SIZE), (8, 8)),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view(name: str) -> None:
    view, labels = VIEWS[name], torch.arange(40)
    made, again, other = (view(BATCH, generator(seed), labels=labels) for seed in (0, 0, 1))
    assert isinstance(made, Views)
    assert len(made) == 40
    assert made.labels is labels
    for inputs in made.inputs:
        assert inputs.dtype == torch.float32
        assert inputs.is_contiguous()
        assert inputs.shape[:2] == (40, 3)
        assert bool(torch.isfinite(inputs).all())
    for keep in made.keep:
        assert keep.dtype == torch.int64
    assert all(torch.equal(a, b) for a, b in zip([*made.inputs, *made.keep], [*again.inputs, *again.keep], strict=True))
    same = [torch.equal(a, b) for a, b in zip(made.inputs, other.inputs, strict=True)]
    assert all(same) if name == "plain" else not any(same)
    grey = view(BATCH[:, :1].contiguous(), generator())
    assert all(inputs.shape[1] == 1 for inputs in grey.inputs)


def test_plain_pictures_are_normalised() -> None:
    mean, std = mean_and_deviation(BATCH)
    (shown,) = Plain(SIZE, mean, std)(BATCH).inputs
    np.testing.assert_allclose(shown.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(shown.std((0, 2, 3)), 1, atol=1e-3)
    assert mean_and_deviation(torch.zeros(2, 1, 4, 4, dtype=torch.uint8)) == ((0.0,), (pytest.approx(1e-3),))


def test_the_two_crops_are_unlike_each_other_and_like_their_picture() -> None:
    one, other = two_crops(SIZE)(BATCH, generator()).inputs
    assert float((one - other).abs().mean()) > 0.1
    first = simclr(SIZE)
    unlike = TwoCrops(first, replace(first, size=(16, 16)))(BATCH, generator())
    assert [inputs.shape[2] for inputs in unlike.inputs] == [32, 16]


def test_byols_pair() -> None:
    pair = two_crops((224, 224), asymmetric=True)
    assert pair.second is not None
    assert (pair.first.blur, pair.second.blur, pair.first.solarise, pair.second.solarise) == (1, 0.1, 0, 0.2)
    small = two_crops(SIZE, asymmetric=True)
    assert small.second is not None
    assert (small.first.blur, small.second.blur, small.second.solarise) == (0, 0, 0.2)


def test_many_crops() -> None:
    made = MultiCrop(simclr(SIZE), globals=2, locals=3)(BATCH, generator())
    assert [inputs.shape[2] for inputs in made.inputs] == [32, 32, 16, 16, 16]
    with pytest.raises(OptionError, match="globals=0"):
        MultiCrop(simclr(SIZE), globals=0)


@pytest.mark.parametrize(("grid", "share"), [((8, 8), 0.75), ((4, 6), 0.5), ((14, 14), 0.6), ((2, 2), 0.3)])
def test_masked_patches_are_every_place_once(grid: tuple[int, int], share: float) -> None:
    seen, hidden = MaskedPatches(light(SIZE), grid, share)(BATCH, generator()).keep
    n = grid[0] * grid[1]
    assert hidden.shape == (40, round(n * share))
    assert torch.equal(torch.cat([seen, hidden], 1).sort(1).values, torch.arange(n).expand(40, n))
    assert torch.equal(seen, seen.sort(1).values)
    often = torch.bincount(hidden.flatten(), minlength=n) / 40
    assert abs(float(often.mean()) - hidden.shape[1] / n) < 1e-6
    assert float(often.min()) > 0


@pytest.mark.parametrize("share", [0.0, 1.0, 0.001])
def test_shares_that_hide_nothing_or_all(share: float) -> None:
    with pytest.raises(OptionError, match="hide at least one, and leave one"):
        MaskedPatches(light(SIZE), (4, 4), share)


@pytest.mark.parametrize("grid", [(8, 8), (14, 14), (4, 7), (2, 4)])
@pytest.mark.parametrize("seed", range(8))
def test_blocks(grid: tuple[int, int], seed: int) -> None:
    context, *targets = JepaBlocks(light(SIZE), grid)(BATCH, generator(seed)).keep
    n = grid[0] * grid[1]
    assert len(targets) == 4
    assert context.shape[1] >= max(1, round(n / 20))
    for target in targets:
        rows, columns = target // grid[1], target % grid[1]
        high, wide = (int((x.max(1).values - x.min(1).values)[0]) + 1 for x in (rows, columns))
        assert high * wide == target.shape[1]  # a full block in every picture, of one size
        assert bool(((rows.max(1).values - rows.min(1).values) == high - 1).all())
        assert 0.1 * n <= target.shape[1] <= 0.3 * n
    assert bool((context < n).all())
    assert bool((context.diff(dim=1) > 0).all())
    if grid[0] >= 8:  # there is room for all
        seen = torch.zeros(40, n).scatter_(1, context, 1)
        told = torch.zeros(40, n).scatter_(1, torch.cat(targets, 1), 1)
        assert int(((seen + told) == 2).sum()) == 0


def test_blocks_lie_everywhere() -> None:
    _, *targets = JepaBlocks(light(SIZE), (8, 8))(BATCH.repeat(25, 1, 1, 1), generator()).keep
    often = torch.bincount(torch.cat(targets, 1).flatten(), minlength=64)
    assert int(often.min()) > 0
    assert int(often[27]) > int(often[0])  # the middle is in more blocks than a corner


@pytest.mark.parametrize("grid", [(1, 9), (2, 3)])
def test_grids_that_are_too_small(grid: tuple[int, int]) -> None:
    with pytest.raises(OptionError, match="blocks need at least 8 patches"):
        JepaBlocks(light(SIZE), grid)
    with pytest.raises(OptionError, match="targets=0"):
        JepaBlocks(light(SIZE), (4, 4), targets=0)
