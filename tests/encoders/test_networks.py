"""Networks: names for every intermediate, tokens in their places, nothing that depends on the batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from likewise.encoders.architectures import ARCHITECTURES, build, name_of
from likewise.encoders.vit import ViT
from likewise.errors import OptionError, ShapeError
from likewise.positions import positions

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet": ("resnet", {}),
    "resnet, group": ("resnet", {"norm": "group"}),
    "resnet, 7×7": ("resnet", {"stem": "large"}),
    "vit, class": ("vit", {}),
    "vit, mean": ("vit", {"pool": "mean", "patch": 8}),
    "mlp": ("mlp", {"inputs": 3 * 32 * 32}),
    "dictionary": ("dictionary", {"filters": 8}),
}


def pictures(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Any:
    name, options = NETWORKS[request.param]
    return build(name, options, seed=1).eval()


@torch.no_grad()
def test_a_network_keeps_its_contract(network: Any) -> None:
    x = pictures()
    vectors = network(x)
    assert vectors.shape == (5, network.dim)
    tokens = network.tokens(x)
    assert tokens.ndim == 3
    assert len(tokens) == 5
    found = network.intermediates(x)
    assert list(found)[-1] == ("layer2" if name_of(network) == "mlp" else "vector")
    assert torch.equal(next(reversed(list(found.values()))), vectors)
    assert (network(x[2:3]) - vectors[2:3]).abs().max() < 1e-5
    assert torch.equal(network(x), vectors)


def test_weights_come_from_the_seed_alone(network: Any) -> None:
    name, options = name_of(network), network.config
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    again, other = build(name, options, seed=1), build(name, options, seed=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    mine, theirs = network.state_dict(), again.state_dict()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    if name != "dictionary":  # whose filters are learned
        assert any(not torch.equal(mine[key], value) for key, value in other.state_dict().items())


def test_gradients_reach_every_weight() -> None:
    for name, options in (NETWORKS["resnet"], NETWORKS["vit, mean"], NETWORKS["mlp"]):
        made = build(name, options, seed=1)
        made(pictures()).square().mean().backward()
        for key, weight in made.named_parameters():
            assert weight.grad is not None, (name, key)


def test_recomputing_changes_memory_and_not_the_gradient() -> None:
    for name, options in (("resnet", {"norm": "group"}), ("vit", {})):
        found = []
        for recompute in (False, True):
            made = build(name, options, seed=1)
            made.recompute = recompute
            made(pictures()).square().mean().backward()
            found.append([p.grad for p in made.parameters() if p.grad is not None])
        assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*found, strict=True))


@torch.no_grad()
def test_a_vit_sees_what_is_kept_and_nothing_else() -> None:
    made, x = build("vit", {}, seed=1).eval(), pictures(2)
    keep = torch.tensor([[0, 9, 63], [5, 6, 7]])
    seen = made.tokens(x, keep=keep)
    assert seen.shape == (2, 3, made.dim)
    changed = x.clone()
    changed[0, :, 4:8, 12:16] = 0  # patch 1·8 + 3 = 11, hidden in both
    assert torch.equal(made.tokens(changed, keep=keep), seen)
    changed[0, :, 4:8, 4:8] = 0  # patch 9
    assert not torch.equal(made.tokens(changed, keep=keep)[0], seen[0])
    everything = torch.arange(64).expand(2, -1)
    assert torch.allclose(made.tokens(x, keep=everything), made.tokens(x), atol=1e-6)


@torch.no_grad()
def test_a_vit_takes_other_sizes_and_shows_where_it_looks() -> None:
    made = build("vit", {}, seed=1).eval()
    assert isinstance(made, ViT)
    assert made.tokens(torch.rand(2, 3, 16, 24)).shape == (2, 24, made.dim)
    maps = made.attention(pictures(2))
    assert maps.shape == (2, 3, 8, 8)
    assert bool((maps.flatten(2).sum(-1) <= 1 + 1e-5).all())
    assert bool((maps >= 0).all())


def test_positions_differ_and_follow_rows_then_columns() -> None:
    found = positions((3, 5), 16)
    assert found.shape == (15, 16)
    assert len({tuple(row.tolist()) for row in found}) == 15
    assert torch.equal(found[1, 8:], found[0, 8:])  # the same row
    assert torch.equal(found[5, :8], found[0, :8])  # the same column


def test_causal_tokens_do_not_look_ahead() -> None:
    made, x = build("vit", {}, seed=1).eval(), pictures(1)
    changed = x.clone()
    changed[:, :, 28:, 28:] = 0  # the last patch
    with torch.no_grad():
        a, b = made.tokens(x, causal=True), made.tokens(changed, causal=True)
    assert torch.equal(a[:, :-1], b[:, :-1])
    assert not torch.equal(a[:, -1], b[:, -1])


def test_what_cannot_be_is_a_sentence() -> None:
    x = pictures()
    for name in ("resnet", "mlp", "dictionary"):
        options = next(options for kind, options in NETWORKS.values() if kind == name)
        with pytest.raises(OptionError, match="encoder vit"):
            build(name, options).tokens(x, keep=torch.zeros(5, 1, dtype=torch.int64))
    for name, options, said in (
        ("resnet", {"size": "huge"}, "size is tiny, small, base"),
        ("vit", {"patch": 5}, "cannot be cut into patches of 5"),
        ("vit", {"pool": "max"}, "pool class or mean"),
        ("mlp", {"inputs": 3, "size": "huge"}, "size is tiny"),
        ("dictionary", {"filters": 0}, "1 filter or more"),
        ("dreamer", {}, "there are dictionary, resnet, vit, mlp"),
    ):
        with pytest.raises(OptionError, match=said):
            build(name, options)
    with pytest.raises(ShapeError, match="cannot be cut into patches"):
        build("vit", {})(torch.rand(1, 3, 30, 32))
    assert set(ARCHITECTURES) == {kind for kind, _ in NETWORKS.values()} | {"bert", "borrowed", "borrowed-texts"}
