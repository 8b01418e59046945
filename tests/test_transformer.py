"""Transformer blocks: both ways to attend are one formula."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from likewise.transformer import Attention, Block, _attended


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
