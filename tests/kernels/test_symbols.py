"""What the level objects export: nothing that the linker could take from one level for all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "src" / "likewise" / "kernels"
SOURCES = sorted(path.name for path in KERNELS.glob("*_level.cpp"))


@pytest.mark.parametrize("source", SOURCES)
def test_level_objects_export_only_their_own_namespace(source: str, tmp_path: Path) -> None:
    """An inline function that AVX-512 code shares with baseline code would be linked once, and crash an old machine."""
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    nm = shutil.which("nm")
    if compiler is None or nm is None:
        pytest.skip("needs a C++ compiler and nm")
    made = tmp_path / "level.o"
    command = [compiler, "-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-DLIKEWISE_LEVEL=baseline"]
    subprocess.run([*command, "-c", str(KERNELS / source), "-o", str(made)], check=True, timeout=120)
    listing = subprocess.run([nm, "-C", "--defined-only", str(made)], check=True, capture_output=True, text=True)
    symbols = [line.split(maxsplit=2)[1:] for line in listing.stdout.splitlines()]
    assert symbols
    shared = [name for kind, name in symbols if kind in "WVu"]
    assert not shared, "weak symbols may be taken from another level"
    foreign = [name for kind, name in symbols if kind.isupper() and "likewise::baseline::" not in name]
    assert not foreign, "global symbols outside the level's namespace"
