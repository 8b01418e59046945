"""The loop of lightly's own SimCLR example: a network and a batch in, pictures a second out as a line of JSON.

Transcribed from its documentation (docs/source/examples/simclr.rst, plain PyTorch), with the network and the batch of
the other side: SimCLRTransform(input_size=32, gaussian_blur=0), a DataLoader with workers, SimCLRProjectionHead,
NTXentLoss, SGD of .06, no automatic precision. It is run by simclr_step.py, in an environment that holds lightly.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from likewise.encoders.architectures import build


class SimCLR(nn.Module):
    """As in the example."""

    def __init__(self, backbone: nn.Module, dim: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection_head = SimCLRProjectionHead(dim, 512, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the projections of pictures "b c h w"."""
        out: torch.Tensor = self.projection_head(self.backbone(x).flatten(start_dim=1))
        return out


class Pictures(Dataset[Any]):
    """Pictures in memory, each transformed when it is asked for."""

    def __init__(self, items: int, transform: Any) -> None:
        pixels = torch.randint(
            0, 256, (items, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        self.pictures = [Image.fromarray(one.numpy()) for one in pixels]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.pictures[index]), 0


def used() -> float:
    """Return the CPU seconds of this process and of its workers that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    backbone = build("resnet", {"size": options.size}, seed=1)
    model = SimCLR(backbone, backbone.dim)
    dataset = Pictures(options.batch * options.steps, SimCLRTransform(input_size=32, gaussian_blur=0.0))
    dataloader = DataLoader(dataset, options.batch, shuffle=True, drop_last=True, num_workers=options.workers)
    criterion, optimizer = NTXentLoss(), torch.optim.SGD(model.parameters(), lr=0.06)
    for warm in (True, False):
        wall, cpu, seen = time.perf_counter(), used(), 0
        for batch in dataloader:
            x0, x1 = batch[0]
            loss = criterion(model(x0), model(x1))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            seen += len(x0)
            if warm and seen >= 2 * options.batch:
                break
    wall, cpu = time.perf_counter() - wall, used() - cpu
    print(json.dumps({
        "pictures_per_second": round(seen / wall, 2), "pictures_per_cpu_second": round(seen / cpu, 2),
        "torch": torch.__version__, "loss": round(float(loss.detach()), 4),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
