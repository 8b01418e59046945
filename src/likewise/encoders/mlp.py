"""A plain network of layers: batches of arrays in, a vector each out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Field
from likewise.errors import OptionError

SIZES: Final = {"tiny": (256, 2), "small": (512, 3), "base": (1024, 4)}
"""What the dial means for this network: width and layers."""


@final
class MLP(nn.Module):
    """Layers with batch normalisation and ReLU; what comes in is flattened, so no place is like another."""

    def __init__(self, *, size: str = "tiny", inputs: int) -> None:
        super().__init__()
        if size not in SIZES:
            raise OptionError(f"an MLP of size {size!r}: size is {', '.join(SIZES)}")
        width, depth = SIZES[size]
        self.config: dict[str, Any] = {"size": size, "inputs": inputs}
        self.dim = width
        widths = [inputs, *[width] * depth]
        self.layers = nn.ModuleList([nn.Linear(a, b, bias=False) for a, b in pairwise(widths)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(b) for b in widths[1:]])

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b d"]:
        """Encode a batch."""
        return self.intermediates(x)[f"layer{len(self.layers)}"]

    def tokens(self, x: Tensor, *, keep: Tensor | None = None, causal: bool = False) -> Float[Tensor, "b 1 d"]:
        """Return the vector as the one token there is."""
        if keep is not None or causal:
            raise OptionError("an MLP has no places to keep: masking needs a network of tokens, such as encoder vit")
        return self.forward(x)[:, None]

    def intermediates(self, x: Float[Tensor, "b ..."]) -> Mapping[str, Tensor]:
        """Return what each layer makes; the last is the vector."""
        x, found = x.flatten(1), {}
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True), 1):
            x = found[f"layer{number}"] = functional.relu(norm(layer(x)))
        return found

    def fields(self) -> Mapping[str, Field]:
        """Return nothing: a unit has no place."""
        return {}
