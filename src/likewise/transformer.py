"""Transformer blocks: tokens in, tokens that looked at one another out. Encoders and decoders are built of them."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


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

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        *,
        causal: bool = False,
        there: Bool[Tensor, "b t"] | None = None,
        dropout: float = 0.0,
    ) -> Float[Tensor, "b t d"]:
        """Return what each token takes from the others; `causal`: from those before it alone.

        `there` says which tokens are tokens, where items are of different lengths; `dropout` is of what is looked at.
        """
        q, k, v = self._parts(x)
        y = _attended(q, k, v, causal=causal, there=there, dropout=dropout)
        return cast(Tensor, self.out(y.transpose(1, 2).flatten(2)))

    def weights(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b heads t t"]:
        """Return how much each token looks at each other, for pictures of it."""
        q, k, _ = self._parts(x)
        return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1)


def _attended(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool, there: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """Return softmax(q kᵀ/√d) v; on a processor and in bf16 by plain products: torch's kernel takes 3–5 times as long.

    Forward and backward, batch 256, 3 heads of 64, one thread of a Zen 4: 17 tokens 10 ms against 55, 65 tokens 43 ms
    against 205; 197 tokens, batch 64, 63 ms against 149. In float32 torch's kernel is the quicker one.
    """
    mask = None if there is None else there[:, None, None, :]
    if causal or q.device.type != "cpu" or q.dtype != torch.bfloat16:
        if causal and mask is not None:  # a token always sees itself, so that one that is not there has no NaN
            t = q.shape[-2]
            mask = (mask & torch.ones(t, t, dtype=torch.bool, device=q.device).tril()) | torch.eye(
                t, dtype=torch.bool, device=q.device
            )
        return functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal and mask is None, dropout_p=dropout
        )
    likeness = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        likeness = likeness.masked_fill(~mask, -torch.inf)
    return functional.dropout(torch.softmax(likeness, dim=-1), dropout) @ v


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
