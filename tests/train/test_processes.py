"""Several processes: two that gloo joins have the gradient and the weights of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = """
import sys, torch
sys.path.insert(0, {here!r})
torch.set_num_threads(1)
from toys import training, Contrast, Means
from likewise.session import Session
from likewise.train.engine import Engine, joined
with joined(torch.device("cpu")) as (rank, world):
    for name, made, chunk in (("contrast", Contrast, 0), ("contrast", Contrast, 4), ("means", Means, 4)):
        engine = Engine(torch.device("cpu"), rank=rank, world=world)
        found = training(objective=made, engine=engine, steps=3, chunk=chunk)
        # what is drawn differs by process, so that one process can draw both parts: noise is taken away
        from likewise.contracts import Views
        found.view = lambda batch, generator, labels=None: Views((batch.float() / 255, batch.flip(3).float() / 255))
        assert found.run(Session())
        if rank == 0:
            torch.save([p.detach() for p in found.network.parameters()], sys.argv[1] + f"-{{name}}-{{chunk}}.pt")
"""


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    import torch

    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(here=str(HERE)))

    def run(world: int, name: str) -> None:
        environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20_000 + os.getpid() % 20_000)}
        started = [
            subprocess.Popen(
                [sys.executable, program, tmp_path / name],
                env=environment | {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank)},
            )
            for rank in range(world)
        ]
        assert [process.wait(300) for process in started] == [0] * world

    run(1, "one")
    run(2, "two")
    for kind in ("contrast-0", "contrast-4", "means-4"):
        one, two = (torch.load(tmp_path / f"{name}-{kind}.pt", weights_only=True) for name in ("one", "two"))
        gap = max(float((p - q).abs().max()) for p, q in zip(one, two, strict=True))
        assert gap < 2e-5, (kind, gap)
