"""Tokens that are asked for: the vectors that all together have, at the places asked for, and no work for others."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from likewise.encoders.bert import Bert

X = torch.tensor([[2, 5, 6, 7, 8, 3, -1, -1], [2, 7, 8, 9, 7, 8, 9, 3], [2, 3, -1, -1, -1, -1, -1, -1]])
WHOLE = X[1:2].repeat(3, 1)
KEEP = torch.tensor([[4, 1, 5], [7, 0, 3], [1, 1, 0]])


def network(**options: float) -> Bert:
    torch.manual_seed(3)
    made = Bert(tokens=12, dim=16, depth=3, heads=2, wide=24, places=16, **{"dropout": 0.0, **options})  # type: ignore[arg-type]
    for parameter in made.parameters():  # as it is drawn it hardly tells one place from another
        nn.init.normal_(parameter, std=0.3)
    return made


def gathered(y: Tensor, keep: Tensor) -> Tensor:
    return y.gather(1, keep[:, :, None].expand(-1, -1, y.shape[2]))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("x", [X, WHOLE], ids=["padded", "whole"])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_tokens_asked_for_are_those_of_all(causal: bool, x: Tensor, recompute: bool, kind: torch.dtype) -> None:
    one = network()
    one.recompute = recompute
    if kind == torch.float64:
        one.double()
    other = copy.deepcopy(one)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
        asked = one.tokens(x, keep=KEEP, causal=causal)
        whole = gathered(other.tokens(x, causal=causal), KEEP)
    near = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 2e-2}[kind]
    assert asked.shape == (3, 3, 16)
    assert float((asked - whole).detach().abs().max()) <= near
    weight = torch.randn(asked.shape, generator=torch.Generator().manual_seed(0))
    (asked * weight).sum().backward()
    (whole * weight).sum().backward()
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert float((mine.grad - theirs.grad).norm()) <= 10 * near * max(1.0, float(theirs.grad.norm()))


def test_the_last_block_works_for_what_is_asked_for_alone() -> None:
    made, rows = network(), list[int]()
    for layer in (made.blocks[2].attention.out, made.blocks[2].wide, made.blocks[1].wide):
        layer.register_forward_hook(lambda _module, inputs, _out: rows.append(inputs[0].shape[1]))
    made.tokens(X, keep=KEEP)
    assert rows == [8, 3, 3]  # the block before works for all


def test_a_causal_token_asked_for_sees_nothing_that_comes_later() -> None:
    made = network().eval()
    other = X.clone()
    other[1, 4:] = torch.tensor([5, 10, 6, 11])
    with torch.no_grad():
        one, two = (made.tokens(each, keep=KEEP, causal=True) for each in (X, other))
        assert torch.equal(one[1, 1:], two[1, 1:])
        assert not torch.allclose(one[1, 0], two[1, 0])


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_text_that_is_missing_has_numbers(kind: torch.dtype) -> None:
    nothing = torch.full((1, 8), -1)
    made = network().eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
        for causal in (False, True):
            y = made.tokens(torch.cat([X, nothing]), causal=causal)
            assert torch.isfinite(y).all()
            torch.testing.assert_close(y[:3], made.tokens(X, causal=causal))


def test_dropout_is_drawn_for_what_is_asked_for() -> None:
    made = network(dropout=0.2)
    torch.manual_seed(0)
    one, two = made.tokens(X, keep=KEEP), made.tokens(X, keep=KEEP)
    torch.manual_seed(0)
    assert torch.equal(made.tokens(X, keep=KEEP), one)
    assert not torch.allclose(one, two)


def test_layers_are_weighed_by_what_learns() -> None:
    network = Bert(tokens=20, dim=8, depth=2, heads=2, places=6, pool="layers", dropout=0.0).eval()
    x = torch.tensor([[2, 7, 9, 3], [2, 8, 3, -1]])
    depths = network.intermediates(x)
    means = [torch.stack([y[0].mean(0), y[1, :3].mean(0)]) for name, y in depths.items() if name != "vector"]
    torch.testing.assert_close(network(x), torch.stack(means).mean(0))  # at first all alike
    with torch.no_grad():
        network.layers.copy_(torch.tensor([0.0, 50.0, 0.0]))
    torch.testing.assert_close(network(x), means[1])
    torch.testing.assert_close(network.intermediates(x)["vector"], means[1])
    torch.testing.assert_close(network(x[1:, :3]), network(x)[1:])
    network(x).sum().backward()
    assert network.layers.grad is not None
    assert not [name for name, _ in Bert(tokens=20, dim=8, depth=1, heads=2).named_parameters() if name == "layers"]
