"""Transformer blocks: tokens in, tokens that looked at one another out. Encoders and decoders are built of them."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

NOTHING: Final = -1
"""Where a token's number would stand, but the text has ended."""
_FACTOR: Final = -7046029254386353131  # odd: 2⁶⁴ over the golden ratio, as a number with a sign


def named(x: Int[Tensor, "b t"]) -> Int[Tensor, " b"]:
    """Return a number for each text, the same for equal ones whatever stands beside them; 0 for one that is all −1.

    Σ over places of (token + 1) · factor^place modulo 2⁶⁴: among a million texts two have one number with a chance of
    about 3 · 10⁻⁸, and would then not be pushed apart.
    """
    return ((x + 1) * torch.full((x.shape[1],), _FACTOR, device=x.device).cumprod(0)).sum(1)


def taken(x: Float[Tensor, "b t d"], places: Int[Tensor, "b k"]) -> Float[Tensor, "b k d"]:
    """Return the tokens at some places of each item."""
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))


def dropped(x: Float[Tensor, "*s"], share: float, *, training: bool = True) -> Float[Tensor, "*s"]:
    """Return x with a `share` of its numbers 0 and the others larger (Srivastava et al. 2014); x if not training.

    On a processor torch draws one number at a time, which is a third of the time of a step in bf16 where the processor
    multiplies bf16. There NumPy draws for four numbers at once, from a seed that torch's generator gives; the share is
    rounded to 1/65,536.
    """
    if not training or not share:
        return x
    if x.device.type != "cpu":
        return functional.dropout(x, share)
    seed = int(torch.randint(2**63 - 1, ()))
    words = np.random.Generator(np.random.SFC64(seed)).integers(0, 2**64, -(-x.numel() // 4), np.uint64)
    drawn = torch.from_numpy(words.view(np.int16))[: x.numel()].view(x.shape)
    there = drawn >= round(share * 2**16) - 2**15
    return x * there.to(x.dtype).mul_(1 / (1 - share))


class Attention(nn.Module):
    """Self-attention of several heads (Vaswani et al. 2017, arXiv:1706.03762, section 3.2)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def _parts(self, x: Float[Tensor, "b t d"]) -> tuple[Tensor, Tensor, Tensor]:
        b, t, d = x.shape
        q, k, v = self.into(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def _parts_at(self, x: Float[Tensor, "b t d"], keep: Int[Tensor, "b k"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries of the places `keep` alone, keys and values of all."""
        b, t, d = x.shape
        weight, bias = self.into.weight, self.into.bias
        q = functional.linear(taken(x, keep), weight[:d], bias[:d]).view(b, -1, self.heads, d // self.heads)
        both = functional.linear(x, weight[d:], bias[d:])
        k, v = both.view(b, t, 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return q.transpose(1, 2), k, v

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        *,
        causal: bool = False,
        there: Bool[Tensor, "b t"] | None = None,
        keep: Int[Tensor, "b k"] | None = None,
        dropout: float = 0.0,
    ) -> Float[Tensor, "b k d"]:
        """Return what each token, or each at the places `keep`, takes from all; `causal`: from those before it alone.

        `there` says which tokens are tokens, where items are of different lengths; `dropout` is of what is looked at.
        """
        q, k, v = self._parts(x) if keep is None else self._parts_at(x, keep)
        y = _attended(q, k, v, causal=causal, there=there, keep=keep, dropout=dropout)
        return cast(Tensor, self.out(y.transpose(1, 2).flatten(2)))

    def weights(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b heads t t"]:
        """Return how much each token looks at each other, for pictures of it."""
        q, k, _ = self._parts(x)
        return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1)


def _attended(
    q: Float[Tensor, "b h k d"], k: Float[Tensor, "b h t d"], v: Float[Tensor, "b h t d"], *, causal: bool,
    there: Tensor | None = None, keep: Tensor | None = None, dropout: float = 0.0,
) -> Float[Tensor, "b h k d"]:  # fmt: skip
    """Return softmax(q kᵀ/√d) v; on a processor, in bf16 or with dropout, by plain products.

    In bf16 torch's kernel takes 3–5 times as long, and with dropout it draws as `dropped` says.

    Forward and backward, batch 256, 3 heads of 64, one thread of a Zen 4: 17 tokens 10 ms against 55, 65 tokens 43 ms
    against 205; 197 tokens, batch 64, 63 ms against 149. Causal, batch 64, 4 heads of 64: 64 tokens 11 ms against 47,
    128 tokens 36 against 105, 256 tokens 200 against 234. In float32 torch's kernel is the quicker one.
    """
    plain = q.device.type == "cpu" and (q.dtype == torch.bfloat16 or dropout > 0)
    known = causal and there is None and keep is None and not plain  # to torch's kernel, which then needs no mask
    mask = None if known else _seen(k, causal=causal, there=there, keep=keep)
    if not plain:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=known, dropout_p=dropout)
    likeness = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:  # not by −∞: where no token is there at all, softmax has no NaN
        likeness = likeness.masked_fill(~mask, torch.finfo(likeness.dtype).min)
    return dropped(torch.softmax(likeness, dim=-1), dropout) @ v


def _seen(
    k: Float[Tensor, "b h t d"], *, causal: bool, there: Tensor | None, keep: Tensor | None
) -> Bool[Tensor, "#b 1 #k t"] | None:
    """Return which of t tokens each that asks may look at; None: all look at all."""
    mask = None if there is None else there[:, None, None, :]
    if not causal:
        return mask
    places = torch.arange(k.shape[-2], device=k.device)
    asking = (places[None] if keep is None else keep)[:, None, :, None]
    before = asking >= places
    # a token always sees itself, so that one that is not there has no NaN
    return before if mask is None else (mask & before) | (asking == places)


class Block(nn.Module):
    """A transformer block that normalises first (Xiong et al. 2020, arXiv:2002.04745): attention, then layers."""

    def __init__(self, dim: int, heads: int, *, ratio: int = 4) -> None:
        super().__init__()
        self.first_norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.second_norm = nn.LayerNorm(dim)
        self.wide = nn.Linear(dim, ratio * dim)
        self.narrow = nn.Linear(ratio * dim, dim)

    def forward(self, x: Float[Tensor, "b t d"], *, causal: bool = False) -> Float[Tensor, "b t d"]:
        """Return the tokens of the next depth."""
        x = x + self.attention(self.first_norm(x), causal=causal)
        return cast(Tensor, x + self.narrow(functional.gelu(self.wide(self.second_norm(x)))))
