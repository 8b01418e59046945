"""Damage: killed at any moment, a flipped byte anywhere, a full disk, a place that cannot be written."""

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from likewise.conversion import convert
from likewise.errors import LikewiseError, RunError
from likewise.opening import Run, open, open_space, verify
from likewise.space import Space
from likewise.words.table import WordTable


class Page:
    def as_json(self):
        return {"verdict": "healthy"}

    def to_html(self):
        return "<!doctype html>"

    def files(self):
        return {}


def made(value=1.0, n=60, dim=8, vectors=None):
    vectors = np.full((n, dim), value) if vectors is None else vectors
    space = Space([f"w{i}" for i in range(n)], vectors, items={"count": np.arange(n)})
    table = WordTable(space, output=np.full((n, dim), value, np.float32), tokenizer={"lowercase": True})
    table = table.with_component(np.eye(dim)[0])
    return Run(space=table.space, encoder=table, manifest={"value": value}, report=Page(), log=[{"epoch": 1}])


def read_all(path):
    run = open(path)
    return run.space, run.encoder, run.report, run.log, run.embed(["w1"])


READERS = {
    "run.json": open,
    "space/vectors.safetensors": lambda path: open(path).space,
    "space/items.parquet": lambda path: open(path).space,
    "encoder/encoder.json": lambda path: open(path).encoder,
    "encoder/tokenizer.json": lambda path: open(path).embed(["w1"]),
    "encoder/output.safetensors": lambda path: open(path).encoder,
    "encoder/component.safetensors": lambda path: open(path).encoder,
    "report.json": lambda path: open(path).report,
    "report.html": lambda path: open(path).save(path.with_name("copy")),
    "log.jsonl": lambda path: open(path).log,
}


@pytest.mark.parametrize("name", READERS)
def test_one_flipped_byte_is_named_by_verify_and_by_who_reads_it(tmp_path, name):
    path = made().save(tmp_path / "run")
    file = path / name
    data = file.read_bytes()
    rng = random.Random(name)
    for at in [0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(5))]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        assert [problem for problem in verify(path) if name in problem]
        with pytest.raises(LikewiseError, match=name):
            READERS[name](path)
        if name in ("run.json", "space/vectors.safetensors", "space/items.parquet"):
            with pytest.raises(LikewiseError, match=name):
                convert(path, tmp_path / "v.npz")
    file.write_bytes(data)
    assert open(path).verify() == []
    read_all(path)


def test_all_files_of_a_run_are_tried(tmp_path):
    path = made().save(tmp_path / "run")
    assert {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()} == set(READERS)


SAVE_FOR_EVER = """
import sys, itertools
sys.path.insert(0, sys.argv[1])
from test_damage import made
runs = [made(1.0, 3000, 40), made(2.0, 3000, 40)]
runs[0].save(sys.argv[2], overwrite=True)
print("ready", flush=True)
for i in itertools.count(1):
    runs[i % 2].save(sys.argv[2], overwrite=True)
"""


def kill_while_saving(tmp_path, seed):
    path = tmp_path / "run"
    command = [sys.executable, "-c", SAVE_FOR_EVER, os.path.dirname(__file__), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(random.Random(seed).uniform(0, 0.25))
        process.kill()
    run = open(path)
    assert run.verify() == []
    value = run.manifest["value"]
    assert value in (1.0, 2.0)
    assert (run.space.vectors == value).all()
    assert (run.encoder.output == value).all()
    assert {file.name for file in tmp_path.iterdir()} <= {"run", "run.partial", ".run.replaced"}
    made(3.0).save(path, overwrite=True)
    assert open(path).manifest["value"] == 3.0
    assert not (tmp_path / "run.partial").exists()


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_saving_it_is_the_old_run_or_the_new(tmp_path, seed):
    kill_while_saving(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_killed_while_saving_at_twenty_moments(tmp_path, seed):
    kill_while_saving(tmp_path, seed)


@contextmanager
def mounted(place, options):
    """Mount a small file system in memory, or skip where that is not allowed."""
    place.mkdir()
    mount = shutil.which("mount")
    if os.name != "posix" or mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    made_it = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
    if made_it.returncode:
        pytest.skip(f"mounting a small file system failed: {made_it.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_leaves_the_old_run_and_nothing_else(tmp_path):
    big = made(2.0, 20_000, 50, np.random.default_rng(0).normal(size=(20_000, 50)))
    with mounted(tmp_path / "disk", "size=1m") as disk:
        made().save(disk / "run")
        for path, overwrite in ((disk / "run", True), (disk / "new", False)):
            with pytest.raises(RunError, match=r"could not write .*(No space|full)") as caught:
                big.save(path, overwrite=overwrite)
            assert str(path) in str(caught.value)
        assert [file.name for file in disk.iterdir()] == ["run"]
        assert open(disk / "run").verify() == []
        big.save(tmp_path / "big")
        for name in ("v.npy", "v.npz", "v.parquet", "v.txt", "v.bin", "v.txt.gz"):
            with pytest.raises(RunError, match=rf"could not write .*{name}.*nothing of it was kept"):
                convert(tmp_path / "big", disk / name)
            assert [file.name for file in disk.iterdir()] == ["run"]


def test_a_place_that_is_read_only(tmp_path):
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        with pytest.raises(RunError, match="cannot write into"):
            made().save(disk / "run")
        made().save(tmp_path / "run")
        with pytest.raises(RunError, match="could not write"):
            convert(tmp_path / "run", disk / "v.npz")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o555)
    with pytest.raises(RunError, match="cannot write into"):
        made().save(tmp_path / "theirs" / "run")


def test_files_of_two_runs_are_not_mixed_up(tmp_path):
    one, other = made(1.0).save(tmp_path / "one"), made(2.0).save(tmp_path / "other")
    shutil.copy(other / "space/vectors.safetensors", one / "space/vectors.safetensors")
    with pytest.raises(LikewiseError, match=r"vectors\.safetensors was altered"):
        open_space(one)
