"""Masking: patches cut and joined, which are hidden, the error on them alone, pictures that are told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from likewise.contracts import Views
from likewise.errors import OptionError, ShapeError
from likewise.objectives.decoder import Decoder, hidden
from likewise.objectives.masking import MAE, cut, join, normalised, reconstruction_error
from likewise.transformer import taken
from toy_networks import ToyNetwork, ToyPatches

SEEN = torch.tensor([[2, 0], [1, 3], [3, 2]])


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_patches_are_cut_row_by_row_and_joined_again() -> None:
    x = _draw(2, 3, 8, 12)
    patches = cut(x, 4)
    assert patches.shape == (2, 6, 48)
    for row in range(2):
        for column in range(3):
            here = x[1, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.equal(patches[1, 3 * row + column], here.permute(1, 2, 0).flatten())
    assert torch.equal(join(patches, (2, 3), 4), x)


def test_the_hidden_places_are_those_that_are_not_seen() -> None:
    assert hidden(SEEN, 5).tolist() == [[1, 3, 4], [0, 2, 4], [0, 1, 4]]


def test_mae_is_the_papers() -> None:
    network = ToyPatches()
    objective = MAE(network, dim=8, depth=1, heads=2)
    x = _draw(3, 3, 8, 8)
    z = objective.encode(network, Views((x,), (SEEN,)))
    expected = []
    for i, places in enumerate(hidden(SEEN, 4).tolist()):
        for j, place in enumerate(places):
            row, column = divmod(place, 2)
            pixels = x[i, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].permute(1, 2, 0).flatten().numpy()
            target = (pixels - pixels.mean()) / np.sqrt(pixels.var(ddof=1) + 1e-6)
            expected += list((z["told"][i, j].detach().numpy() - target) ** 2)
    assert len(expected) == 3 * 2 * 48
    assert float(objective.loss(z).total.detach()) == pytest.approx(np.mean(expected), rel=1e-5)


def test_hidden_pixels_do_not_reach_what_is_told_and_seen_ones_do() -> None:
    network = ToyPatches()
    objective = MAE(network, dim=8, depth=1, heads=2)
    x, seen = _draw(1, 3, 8, 8), SEEN[:1]  # the upper left and the lower left patch are seen
    told = objective.encode(network, Views((x,), (seen,)))["told"]
    other = x.clone()
    other[:, :, :, 4:] += 1
    assert torch.equal(objective.encode(network, Views((other,), (seen,)))["told"], told)
    other[:, :, 0, 0] += 1
    assert not torch.allclose(objective.encode(network, Views((other,), (seen,)))["told"], told)


def test_the_order_of_the_seen_places_does_not_matter() -> None:
    network = ToyPatches()
    objective, x = MAE(network, dim=8, depth=2, heads=2), _draw(3, 3, 8, 8)
    told, turned = (objective.encode(network, Views((x,), (keep,)))["told"] for keep in (SEEN, SEEN.flip(1)))
    torch.testing.assert_close(told, turned)


def test_a_decoder_knows_where_it_is_asked() -> None:
    decoder, tokens = Decoder(ToyPatches(), 5, dim=8, depth=1, heads=2), _draw(3, 2, 8)
    both = decoder(tokens, SEEN, hidden(SEEN, 4))
    torch.testing.assert_close(decoder(tokens, SEEN, hidden(SEEN, 4).flip(1)), both.flip(1))
    assert not torch.allclose(both[:, 0], both[:, 1])


def test_a_decoder_knows_where_what_is_seen_comes_from() -> None:
    decoder, tokens = Decoder(ToyPatches(), 5, dim=8, depth=1, heads=2), _draw(3, 2, 8)
    here, there = (decoder(tokens, seen, hidden(SEEN, 4)) for seen in (SEEN, SEEN.flip(1)))
    assert not torch.allclose(here, there)


def test_telling_the_mean_of_each_patch_costs_the_constant() -> None:
    pixels = normalised(3 * _draw(4, 5, 48) + 1)
    constant = MAE(ToyPatches(), dim=8, heads=2).constants(4)["the mean of each patch"]
    assert float(reconstruction_error(torch.zeros_like(pixels), pixels)) == pytest.approx(constant, rel=1e-5)


@pytest.mark.parametrize("normalise", [True, False])
def test_a_reconstruction_keeps_what_is_seen_and_fills_the_rest(normalise: bool) -> None:
    network = ToyPatches()
    objective, x = MAE(network, dim=8, depth=1, heads=2, normalise=normalise), _draw(3, 3, 8, 8)
    patches, filled = cut(x, 4), cut(objective.reconstruct(network, x, SEEN), 4)
    assert torch.equal(taken(filled, SEEN), taken(patches, SEEN))
    asked = hidden(SEEN, 4)
    z = objective.encode(network, Views((x,), (SEEN,)))
    found = taken(filled, asked)
    error = normalised_like(found, taken(patches, asked)) if normalise else found
    torch.testing.assert_close(error, z["told"].detach(), rtol=1e-4, atol=1e-4)


def normalised_like(found: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    return (found - patches.mean(-1, keepdim=True)) / (patches.var(-1, keepdim=True) + 1e-6).sqrt()


def test_what_cannot_be_masked_is_said() -> None:
    with pytest.raises(OptionError, match="encoder vit"):
        MAE(ToyNetwork())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="multiple of heads"):
        MAE(ToyPatches(), dim=8, heads=3)
    network = ToyPatches()
    objective = MAE(network, dim=8, heads=2)
    with pytest.raises(ShapeError, match="view that masks"):
        objective.encode(network, Views((_draw(3, 3, 8, 8),)))
    with pytest.raises(ShapeError, match="12 × 8"):
        objective.encode(network, Views((_draw(3, 3, 12, 8),), (SEEN,)))
