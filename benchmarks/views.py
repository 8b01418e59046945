"""Views against pictures one by one: a batch in, seconds and ratios out as JSON.

Claim: SimCLR's two views of 256 pictures of 32 × 32 take at most 100 ms on two threads, and a quarter of a training
step of a residual network of .7 M parameters. The rival does the same with Pillow, picture by picture, in a loop: same
crop, scaling, flip, factors of the colours, and grey, from the same draw (its hue is turned in HSV, as Pillow's
users do). All sides take turns in one run, so that whatever else the machine does hits all.

    .venv/bin/python benchmarks/views.py                 # writes benchmarks/results/views.json
    .venv/bin/python benchmarks/views.py --rounds 3 --out /dev/null
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import nn

from likewise.kernels import level
from likewise.sources.small_pictures import small_pictures
from likewise.views.augmentation import Augmentation, Draw, simclr

HERE = Path(__file__).resolve().parent
SECONDS, SHARE = 0.1, 0.25  # what must be reached


def by_pillow(pictures: list[Image.Image], draw: Draw, augmentation: Augmentation) -> torch.Tensor:
    """Change pictures one by one, as drawn."""
    columns = [getattr(draw, name).tolist() for name in ("crop", "flip", "jitter", "grey")]
    shown = [_one(picture, augmentation.size, *row) for picture, *row in zip(pictures, *columns, strict=True)]
    batch = torch.stack([torch.from_numpy(np.asarray(picture)) for picture in shown])
    return (batch.permute(0, 3, 1, 2).contiguous().float().div_(255) - augmentation.mean[0]) / augmentation.std[0]


def _one(
    picture: Image.Image,
    size: tuple[int, int],
    crop: list[float],
    flip: bool,
    jitter: list[float],
    grey: bool,
) -> Image.Image:
    top, left, height, width = crop
    picture = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    if flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if jitter != [1, 1, 1, 0]:
        for step, factor in zip(_STEPS, jitter, strict=True):
            picture = step(picture, factor)
    return picture.convert("L").convert("RGB") if grey else picture


def _turned(picture: Image.Image, hue: float) -> Image.Image:
    h, s, v = picture.convert("HSV").split()
    h = Image.fromarray(np.asarray(h) + np.uint8(int(hue * 255) % 256))
    return Image.merge("HSV", (h, s, v)).convert("RGB")


_STEPS: list[Callable[[Image.Image, float], Image.Image]] = [
    lambda picture, factor: ImageEnhance.Brightness(picture).enhance(factor),
    lambda picture, factor: ImageEnhance.Contrast(picture).enhance(factor),
    lambda picture, factor: ImageEnhance.Color(picture).enhance(factor),
    _turned,
]


class Block(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, c: int, d: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(c, d, 3, stride, 1, bias=False), nn.Conv2d(d, d, 3, 1, 1, bias=False)
        self.norm, self.normed = nn.BatchNorm2d(d), nn.BatchNorm2d(d)
        self.past = nn.Conv2d(c, d, 1, stride, bias=False) if (c, stride) != (d, 1) else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the changed maps."""
        return torch.relu(self.past(x) + self.normed(self.two(torch.relu(self.norm(self.one(x))))))


def residual_network() -> nn.Module:
    """Return a residual network of .7 M parameters for 32 × 32, with SimCLR's head."""
    stem = nn.Sequential(nn.Conv2d(3, 24, 3, 1, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
    blocks = [Block(24, 24, 1), Block(24, 48, 2), Block(48, 96, 2), Block(96, 192, 2)]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(192, 192), nn.ReLU(), nn.Linear(192, 64))
    return nn.Sequential(stem, *blocks, head)


def step_of(network: nn.Module, views: torch.Tensor, precision: torch.dtype) -> None:
    """Take one step of SimCLR: two views in one batch, NT-Xent at .2, AdamW's update left out (it is small)."""
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        z = network(views.contiguous(memory_format=torch.channels_last))
    z = nn.functional.normalize(z.float())
    n = len(z) // 2
    alike = (z @ z.T / 0.2).fill_diagonal_(-1e9)
    nn.functional.cross_entropy(alike, torch.arange(2 * n).roll(n)).backward()
    network.zero_grad()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(n: int, side: int, rounds: int) -> dict[str, object]:
    pixels = small_pictures(n, size=side).pixels
    batch = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    pictures = [Image.fromarray(picture) for picture in pixels]
    augmentation, generator = simclr((side, side), blur=0.0), torch.Generator().manual_seed(0)
    network = residual_network().to(memory_format=torch.channels_last)
    shown = torch.cat([augmentation(batch, generator) for _ in range(2)])

    def ours() -> None:
        for _ in range(2):
            augmentation(batch, generator)

    def theirs() -> None:
        for _ in range(2):
            by_pillow(pictures, augmentation.draw(n, (side, side), generator), augmentation)

    sides: dict[str, Callable[[], object]] = {"likewise": ours, "pillow": theirs}
    for name, precision in (("step_fp32", torch.float32), ("step_bf16", torch.bfloat16)):
        sides[name] = lambda precision=precision: step_of(network, shown, precision)  # type: ignore[misc]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, work in sides.items():
            taken = timed(work)
            if turn:  # the first round warms up
                times[name].append(taken)
    wall = {name: min(t for t, _ in taken) for name, taken in times.items()}
    cpu = {name: statistics.median(c for _, c in taken) for name, taken in times.items()}
    return {
        "what": f"two views of {n} pictures of {side} × {side}, and a step of a network with them",
        "parameters": sum(p.numel() for p in network.parameters()),
        "wall_seconds_best": {name: round(t, 4) for name, t in wall.items()},
        "cpu_seconds_median": {name: round(t, 4) for name, t in cpu.items()},
        "times_as_fast_as_pillow_cpu": round(cpu["pillow"] / cpu["likewise"], 2),
        "share_of_step_cpu": {
            name: round(cpu["likewise"] / (cpu["likewise"] + cpu[name]), 3) for name in ("step_fp32", "step_bf16")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "views.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    before = os.getloadavg()[0]
    result = measure(given.batch, given.side, given.rounds)
    result |= {
        "threads": given.threads,
        "rounds": given.rounds,
        "machine": {"cores": os.cpu_count(), "level": level(), "system": f"{platform.system()} {platform.machine()}"},
        "torch": torch.__version__,
        "load_average_before_and_after": [round(before, 2), round(os.getloadavg()[0], 2)],
        "must_reach": {"wall_seconds": SECONDS, "share_of_step": SHARE},
    }
    text = json.dumps(result, indent=2)
    print(text)
    given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
