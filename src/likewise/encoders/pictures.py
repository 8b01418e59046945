"""Pictures to vectors: a network that has learned and how it saw pictures in; an encoder of pictures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, final

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn

from likewise.contracts import Array, State
from likewise.encoders.architectures import build, name_of
from likewise.files import digest_of_arrays
from likewise.sources.images_decoding import read_picture

VERSION = 1
_AT_ONCE = 256  # pictures that are encoded at a time


@dataclass(frozen=True)
class Seeing:
    """How pictures are made ready: scaled and cut to height and width, then (x / 255 − mean) / deviation.

    `mean` and `deviation` are of each channel, of which there are 1 or 3. Where `covered` is given, a picture is first
    scaled and cut to that, and then the middle of it is seen.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    covered: tuple[int, int] | None = None

    @property
    def wanted(self) -> tuple[int, int]:
        """The height and width to which pictures are scaled and cut before they are seen."""
        return self.covered or self.size

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return len(self.mean)

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        covered = {} if self.covered is None else {"covered": list(self.covered)}
        return {"size": list(self.size), "mean": list(self.mean), "deviation": list(self.deviation)} | covered

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back."""
        covered = value.get("covered")
        return cls(
            tuple(value["size"]), tuple(value["mean"]), tuple(value["deviation"]), tuple(covered) if covered else None
        )

    @classmethod
    def of(cls, pixels: UInt8[Array, "n c h w"], *, rows: Int64[Array, " m"] | None = None, most: int = 2_000) -> Self:
        """Return how to see pictures like these, or `rows` of them: by mean and deviation of at most `most` of them."""
        rows = np.arange(len(pixels)) if rows is None else rows
        some = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))]
        total, squares = np.zeros(pixels.shape[1]), np.zeros(pixels.shape[1])
        for low in range(0, len(some), _AT_ONCE):  # pixels may lie on disk, and be more than fit into memory
            counted = np.asarray(pixels[some[low : low + _AT_ONCE]]).astype(np.uint32)
            total += counted.sum((0, 2, 3), dtype=np.float64)
            squares += np.square(counted).sum((0, 2, 3), dtype=np.float64)
        count = len(some) * pixels.shape[2] * pixels.shape[3]
        mean = total / count / 255
        deviation = np.sqrt(np.maximum(squares / count / 255**2 - mean**2, 0))
        return cls(
            (int(pixels.shape[2]), int(pixels.shape[3])),
            tuple(round(float(m), 6) for m in mean),
            tuple(round(max(float(d), 1e-3), 6) for d in deviation),
        )

    def normalised(self, pixels: Tensor) -> Float32[Tensor, "b c h w"]:
        """Return uint8 pixels, of the size that is `wanted`, as a network sees them."""
        if self.covered is not None:
            top, left = ((whole - seen) // 2 for whole, seen in zip(self.covered, self.size, strict=True))
            pixels = pixels[..., top : top + self.size[0], left : left + self.size[1]]
        mean, deviation = (torch.tensor(x, device=pixels.device)[:, None, None] for x in (self.mean, self.deviation))
        return (pixels.float() / 255 - mean) / deviation


@final
class PictureEncoder:
    """An encoder of pictures: arrays, files or Pillow's pictures in, one vector each out.

    A vector does not depend on what else is encoded with it, to 1e-5. The network is used as it
    stands, in evaluation mode and float32, on the processor unless `device` says otherwise.
    """

    kind = "picture-network"

    def __init__(self, network: nn.Module, seeing: Seeing, *, device: str = "cpu") -> None:
        self.network, self.seeing, self.device = network.to(device).eval().requires_grad_(False), seeing, device

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return int(self.network.dim)  # type: ignore[arg-type]

    @cached_property
    def fingerprint(self) -> str:
        """Return the digest of weights, architecture and preprocessing."""
        arrays, about = self.state()
        return digest_of_arrays(arrays, {"version": VERSION, **about})

    def embed(self, objects: Sequence[Any], *, kind: str | None = None) -> Float32[Array, "n d"]:
        """Encode pictures: uint8 arrays "h w", "h w 1" or "h w 3", paths, or Pillow's pictures."""
        return self.embed_pixels([self._ready(one) for one in objects]) if len(objects) else self._none()

    def embed_pixels(
        self, pixels: UInt8[Array, "n c h w"] | Sequence[Array], *, told: Callable[[int], None] | None = None
    ) -> Float32[Array, "n d"]:
        """Encode pixels of the right size; `told` hears how many are done."""
        rows = [self._none()]
        with torch.inference_mode():
            for low in range(0, len(pixels), _AT_ONCE):
                batch = torch.from_numpy(np.array(pixels[low : low + _AT_ONCE]))
                rows.append(self.network(self.seeing.normalised(batch.to(self.device))).float().cpu().numpy())
                if told is not None:
                    told(min(low + _AT_ONCE, len(pixels)))
        return np.concatenate(rows)

    def _ready(self, one: Any) -> UInt8[Array, "c h w"]:
        picture = read_picture(one, size=self.seeing.wanted, channels=self.seeing.channels)
        return np.ascontiguousarray(picture.transpose(2, 0, 1))

    def _none(self) -> Float32[Array, "0 d"]:
        return np.zeros((0, self.dim), np.float32)

    def state(self) -> State:
        """Return weights as arrays, and how to build the network around them."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}
        about = {
            "kind": self.kind,
            "architecture": {"name": name_of(self.network), "options": self.network.config},
            "seeing": self.seeing.as_json(),
            "dim": self.dim,
        }
        return arrays, about

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make an encoder from `state()`."""
        arrays, about = state
        network = build(about["architecture"]["name"], about["architecture"]["options"])
        network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
        return cls(network, Seeing.from_json(about["seeing"]))
