"""Transformer blocks: both ways to attend are one formula."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from likewise.transformer import Attention, Block, _attended, dropped


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_attention_is_torchs(causal: bool, kind: torch.dtype) -> None:
    drawn = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(4, 3, 17, 16, generator=drawn).to(kind).requires_grad_() for _ in range(3))
    ours = _attended(q, k, v, causal=causal)
    theirs = functional.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=causal)
    error = 1e-6 if kind == torch.float32 else 2e-2
    assert (ours.float() - theirs).abs().max() < error
    weight = torch.randn(ours.shape, generator=drawn)
    mine = torch.autograd.grad((ours.float() * weight).sum(), (q, k, v))
    other = torch.autograd.grad((theirs * weight).sum(), (q, k, v))
    for a, b in zip(mine, other, strict=True):
        assert (a.float() - b.float()).norm() < (1e-5 if kind == torch.float32 else 2e-2) * b.float().norm()


def test_what_is_looked_at_is_what_is_taken() -> None:
    torch.manual_seed(0)
    attention = Attention(24, 3)
    x = torch.randn(2, 5, 24)
    _, _, v = attention._parts(x)
    taken = (attention.weights(x) @ v).transpose(1, 2).flatten(2)
    assert torch.allclose(attention.out(taken), attention(x), atol=1e-5)
    assert torch.allclose(attention.weights(x).sum(-1), torch.ones(2, 3, 5))


def test_a_causal_block_sees_nothing_that_comes_later() -> None:
    torch.manual_seed(1)
    block = Block(16, 2)
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[:, 4:] += 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before, after = block(x, causal=True), block(changed, causal=True)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_share_is_dropped_and_the_mean_is_kept(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.full((333, 301), 2.0, dtype=kind, requires_grad=True)  # not a multiple of four numbers
    y = dropped(x, 0.3)
    assert y.dtype == kind
    gone = y == 0
    assert abs(float(gone.float().mean()) - 0.3) < 0.005  # 3.5 standard deviations
    assert torch.unique(y).tolist() == pytest.approx([0, 2 / 0.7], rel=1e-6 if kind == torch.float32 else 1e-2)
    (gradient,) = torch.autograd.grad(y.float().sum(), x)
    assert torch.equal(gradient == 0, gone)
    assert torch.allclose(gradient[~gone].float(), torch.tensor(1 / 0.7), rtol=1e-2)
    columns, rows = gone.float().mean(0), gone.float().mean(1)  # no place is dropped more often than chance has it
    assert float((columns - 0.3).abs().max()) < 0.12
    assert float((rows - 0.3).abs().max()) < 0.12


def test_what_is_dropped_is_drawn_by_torchs_generator() -> None:
    x = torch.ones(1000)
    torch.manual_seed(3)
    one, two = dropped(x, 0.5), dropped(x, 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropped(x, 0.5), one)
    assert not torch.equal(one, two)
    assert dropped(x, 0.5, training=False) is x
    assert dropped(x, 0.0) is x


def test_dropout_of_what_is_looked_at_keeps_the_mean() -> None:
    drawn = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, 8, 16, generator=drawn) for _ in range(3))
    torch.manual_seed(0)
    mean = torch.stack([_attended(q, k, v, causal=False, dropout=0.4) for _ in range(4000)]).mean(0)
    assert torch.allclose(mean, _attended(q, k, v, causal=False), atol=0.1)
    assert not torch.allclose(_attended(q, k, v, causal=False, dropout=0.4), _attended(q, k, v, causal=False), atol=0.1)
