"""The dictionary of patches: equal to the paper's steps one by one, and its filters are worth more than chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from likewise.encoders.dictionary import CONTRAST, THRESHOLD, Dictionary, Learned, learn_dictionary
from likewise.errors import DataError
from likewise.sources.small_pictures import small_pictures


def learned(n: int = 300, **options: int) -> tuple[Dictionary, torch.Tensor, torch.Tensor]:
    pixels = torch.from_numpy(small_pictures(n, seed=1).pixels.transpose(0, 3, 1, 2).copy()).float() / 255
    made = Dictionary(**{"filters": 12, **options})
    made.take(learn_dictionary(lambda rows: pixels[rows], n, made, seed=1, patches=4_000))
    return made, pixels, made(pixels[:20])


def test_it_is_the_paper_patch_by_patch() -> None:
    made, pixels, vectors = learned()
    k, p = len(made.filters), made.patch
    filters, offsets = made.filters.flatten(1).double().numpy(), made.offsets.double().numpy()
    for picture, vector in zip(pixels[:3].double().numpy(), vectors[:3].numpy(), strict=True):
        side = picture.shape[1] - p + 1
        answers = np.zeros((side, side, 2 * k))
        for y in range(side):
            for x in range(side):
                patch = picture[:, y : y + p, x : x + p].ravel()
                normal = (patch - patch.mean()) / np.sqrt(patch.var() + CONTRAST)
                a = filters @ normal - offsets
                answers[y, x] = np.maximum(np.concatenate([a, -a]) - THRESHOLD, 0)
        half = [slice(0, -(-side // 2)), slice(side // 2, side)]
        wanted = np.concatenate([answers[rows, columns].mean((0, 1)) for rows in half for columns in half])
        np.testing.assert_allclose(vector, wanted, atol=2e-4)


def test_filters_have_length_one_where_patches_are_white() -> None:
    made, pixels, _ = learned()
    assert torch.isfinite(made.filters).all()
    windows = pixels.unfold(2, 6, 1).unfold(3, 6, 1).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)[::37]
    normal = (windows - windows.mean(1, keepdim=True)) / (windows.var(1, keepdim=True, correction=0) + CONTRAST).sqrt()
    answers = normal @ made.filters.flatten(1).T - made.offsets
    used = torch.bincount(answers.abs().argmax(1), minlength=12)
    assert int((used > 0).sum()) >= 10  # hardly a filter is idle


def test_the_seed_decides_and_the_batch_does_not() -> None:
    made, pixels, vectors = learned()
    again, _, others = learned()
    assert torch.equal(vectors, others)
    assert torch.equal(made.filters, again.filters)
    assert (made(pixels[3:4]) - vectors[3:4]).abs().max() < 1e-6
    assert made(pixels[:0]).shape == (0, made.dim) if len(pixels[:0]) else True


def test_grey_pictures_and_other_patches() -> None:
    pixels = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    made = Dictionary(filters=5, patch=7, channels=1)
    made.take(learn_dictionary(lambda rows: pixels[rows], 50, made, seed=1, patches=1_000))
    assert made(pixels).shape == (50, 40)


def test_what_cannot_be_learned_is_a_sentence() -> None:
    flat = torch.full((10, 3, 32, 32), 0.5)
    with pytest.raises(DataError, match="all pictures are flat"):
        learn_dictionary(lambda rows: flat[rows], 10, Dictionary(filters=4), seed=1, patches=500)
    small = torch.rand(10, 3, 5, 5)
    with pytest.raises(DataError, match="too small for patches of 6"):
        learn_dictionary(lambda rows: small[rows], 10, Dictionary(filters=4), seed=1)
    with pytest.raises(DataError, match="too small for patches of 6"):
        Dictionary(filters=4)(small)
    few = torch.rand(1, 3, 8, 8)
    with pytest.raises(DataError, match="too few for 800 filters"):
        learn_dictionary(lambda rows: few[rows], 1, Dictionary(filters=800), seed=1, patches=100)


def test_taking_filters_fills_the_buffers() -> None:
    made = Dictionary(filters=2)
    made.take(Learned(torch.ones(2, 3, 6, 6), torch.tensor([1.0, 2.0])))
    assert float(made.filters.sum()) == 216
    assert made.offsets.tolist() == [1.0, 2.0]
