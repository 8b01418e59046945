"""Inside a network: which pixels a unit sees, where it answers most, what each depth makes of pictures."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from likewise.encoders.architectures import build
from likewise.encoders.blocks import Residual
from likewise.encoders.inside import MOST, UNITS, look_inside
from likewise.encoders.pictures import PictureEncoder, Seeing
from likewise.sources.small_pictures import small_pictures

PIXELS = small_pictures(30, size=32).pixels.transpose(0, 3, 1, 2)
SEEING = Seeing.of(PIXELS)
EVERY = np.arange(30)
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet, small stem": ("resnet", {}),
    "resnet, large stem": ("resnet", {"stem": "large"}),
    "resnet of two blocks a stage": ("resnet", {"size": "small"}),
    "vit": ("vit", {"image": (32, 32)}),
    "dictionary": ("dictionary", {"filters": 12}),
}


def drawn(name: str, seed: int = 0) -> Any:
    """Return a network with every branch awake and every bias and statistic moved."""
    network = build(*NETWORKS[name], seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, Residual):
                nn.init.uniform_(cast(Tensor, module.second_norm.weight), 0.5, 1)
        if name == "dictionary":
            network.filters.normal_()
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_field_is_where_the_gradient_of_a_unit_is_and_nowhere_else(name: str) -> None:
    network = drawn(name)
    generator = torch.Generator().manual_seed(1)
    side = 128 if "resnet" in name else 32
    x = torch.rand(8, 3, side, side, generator=generator)
    x.requires_grad_(True)
    made = network.intermediates(x)
    assert set(network.fields()) <= set(made)
    for depth, field in network.fields().items():
        if field.everything:
            continue
        maps = made[depth] if made[depth].ndim == 4 else made[depth].transpose(1, 2).unflatten(2, network.grid)
        i = maps.shape[2] // 2
        weights = torch.randn(maps.shape[:2], generator=generator)
        (gradient,) = torch.autograd.grad((maps[:, :, i, i] * weights).sum(), x, retain_graph=True)
        rows = np.flatnonzero(gradient.abs().amax((0, 1, 3)).numpy())
        columns = np.flatnonzero(gradient.abs().amax((0, 1, 2)).numpy())
        first = field.start + i * field.stride
        expected = (max(0, first), min(x.shape[2] - 1, first + field.size - 1))
        assert (rows[0], rows[-1]) == expected, depth
        assert (columns[0], columns[-1]) == expected, depth


def test_after_attention_a_token_sees_everything() -> None:
    network = drawn("vit")
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    made = network.intermediates(x)
    for depth, field in network.fields().items():
        (gradient,) = torch.autograd.grad(made[depth][0, 0].square().sum(), x, retain_graph=True)
        seen = int((gradient.abs().amax((0, 1)) > 0).sum())
        assert seen == (32 * 32 if field.everything else field.size**2), depth


def test_a_unit_is_found_where_what_it_looks_for_is() -> None:
    pixels = np.full((20, 3, 32, 32), 60, np.uint8)
    places = np.random.default_rng(0).integers(0, 26, (20, 2))
    for row, (y, x) in enumerate(places):
        pixels[row, :, y : y + 6, x : x + 6] = np.arange(6)[:, None] * (10 + row)  # stripes, ever stronger
    network = build("dictionary", {"filters": 1})
    network.filters[0] = (torch.arange(6.0) - 2.5)[:, None]
    encoder = PictureEncoder(network, Seeing((32, 32), (0.0,) * 3, (1.0,) * 3))
    found = look_inside(encoder, pixels, np.arange(20), looked_at=np.arange(2)).excited["maps"]
    assert found.units.tolist() == [0]
    for row, place in zip(found.rows[0], found.places[0], strict=True):
        assert abs(place - places[row]).max() <= 1
    assert len(set(found.rows[0].tolist())) == MOST


@pytest.mark.parametrize("name", NETWORKS)
def test_depths_are_means_over_places_in_the_order_of_the_network(name: str) -> None:
    encoder = PictureEncoder(drawn(name), SEEING)
    other = PictureEncoder(drawn(name, seed=1), SEEING)
    rows = EVERY[::2]
    inside = look_inside(encoder, PIXELS, rows, untrained=other, looked_at=EVERY[:3])
    with torch.inference_mode():
        made = encoder.network.intermediates(SEEING.normalised(torch.from_numpy(PIXELS[rows].copy())))  # type: ignore[operator]
    assert list(inside.depths) == list(made) == list(inside.untrained)
    np.testing.assert_allclose(inside.depths["vector"], encoder.embed_pixels(PIXELS[rows]), atol=1e-4)
    for depth in encoder.network.fields():  # type: ignore[operator]
        whole = made[depth].mean((2, 3) if made[depth].ndim == 4 else 1)
        np.testing.assert_allclose(inside.depths[depth], whole.numpy(), atol=1e-4)
        assert not np.allclose(inside.depths[depth], inside.untrained[depth])
        assert inside.excited[depth].rows.shape == (UNITS, MOST)
        assert np.isin(inside.excited[depth].rows, rows).all()


def test_only_a_class_token_that_is_the_vector_has_attention_to_show() -> None:
    shown = {
        name: look_inside(PictureEncoder(network, SEEING), PIXELS, EVERY[:8], looked_at=EVERY[:3]).attention
        for name, network in {
            "class": build("vit", {"image": (32, 32)}, seed=0),
            "mean": build("vit", {"image": (32, 32), "pool": "mean"}, seed=0),
            "resnet": drawn("resnet, small stem"),
        }.items()
    }
    assert shown["mean"] is None
    assert shown["resnet"] is None
    assert shown["class"] is not None
    assert shown["class"].maps.shape == (3, 3, 8, 8)
    assert (shown["class"].maps.sum((2, 3)) < 1).all()  # the class token looks at itself as well


def test_a_network_without_places_shows_its_depths_alone() -> None:
    network = build("mlp", {"inputs": 3 * 32 * 32}, seed=0)
    inside = look_inside(PictureEncoder(network, SEEING), PIXELS, EVERY, looked_at=EVERY[:2])
    assert list(inside.depths) == ["layer1", "layer2"]
    assert not inside.excited
    assert inside.attention is None
