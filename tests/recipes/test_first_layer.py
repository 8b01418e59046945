"""A first layer that begins with clustered patches: what a network sees first is what the dictionary found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.errors import OptionError, ShapeError
from likewise.recipes import PICTURES
from likewise.session import Session
from likewise.sources.small_pictures import small_pictures

torch = pytest.importorskip("torch")
HERE = small_pictures(160, seed=2, size=16)
QUICK: dict[str, Any] = {"batch": 32, "precision": "fp32", "threads": 1, "device": "cpu", "stem": "patches"}


def begun(**options: Any) -> Any:
    from likewise.recipes.picture_material import PictureMaterial

    recipe = PICTURES["simclr"](**QUICK, **options)
    return PictureMaterial(recipe, recipe.prepare(HERE.source("colour"), Session()), recipe.options["seed"])


def test_the_first_layer_begins_with_what_was_clustered() -> None:
    from likewise.encoders.dictionary import Dictionary, learn_dictionary

    fit = begun()
    network, _ = fit.make()
    first = network.stem[0].weight.detach()
    assert first.shape == (32, 3, 5, 5)
    assert first.requires_grad is False
    assert network.stem[0].weight.requires_grad  # it learns on
    rows = torch.from_numpy(fit.prepared.train)
    learned = learn_dictionary(
        lambda some: torch.from_numpy(fit.prepared.pictures.batch(rows[some].numpy())).float() / 255,
        len(rows), Dictionary(filters=32, patch=5, channels=3), seed=1,
    )  # fmt: skip
    pixels = torch.from_numpy(HERE.pixels[:8].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        seen = torch.nn.functional.conv2d(fit.prepared.seeing.normalised(pixels), first)
        meant = torch.nn.functional.conv2d(pixels.float() / 255, learned.filters)
    for one, other in zip(seen.transpose(0, 1), meant.transpose(0, 1), strict=True):  # alike but for scale and offset
        assert np.corrcoef(one.flatten().numpy(), other.flatten().numpy())[0, 1] > 0.9999
    torch.testing.assert_close(first.flatten(1).norm(dim=1), first[0].norm().expand(32))


def test_the_same_seed_clusters_the_same_filters_and_another_seed_others() -> None:
    one, again, other = (begun(seed=seed).make()[0].stem[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_run_with_such_a_stem_learns_and_opens_again(tmp_path: Path) -> None:
    run = lw.learn(HERE.source("colour"), recipe="simclr", out=tmp_path / "run", report=False, epochs=1, **QUICK)
    again = lw.open(tmp_path / "run")
    np.testing.assert_array_equal(again.space.vectors, run.space.vectors)
    assert again.encoder.network.config["stem"] == "patches"
    np.testing.assert_allclose(again.embed(list(HERE.pixels[:3])), run.space.vectors[:3], atol=1e-4)


def test_filters_of_another_shape_are_refused() -> None:
    from likewise.encoders.resnet import ResNet

    with pytest.raises(ShapeError, match=r"filters \(32, 3, 3, 3\) came for a first layer of \(32, 3, 5, 5\)"):
        ResNet(stem="patches").take_filters(torch.ones(32, 3, 3, 3))
    with pytest.raises(OptionError, match="stem small, patches, large"):
        ResNet(stem="wide")
