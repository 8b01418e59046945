"""Conversion: where it writes, what it tells, and how much memory it takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from likewise.conversion import convert
from likewise.errors import FormatError, OptionError, RunExists
from likewise.opening import NoEncoder, open, open_space
from likewise.session import Note, Progress, Session
from likewise.space import formats


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.parquet"
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.random.default_rng(0).normal(size=70)), 7)
    pq.write_table(pa.table({"word": list("abcdefghij"), "embedding": vectors, "count": np.arange(10)}), path)
    return path


def test_converting_tells_how_far_it_is_and_what_is_left_out(source, tmp_path):
    events = []
    convert(source, tmp_path / "v.txt", session=Session(events.append))
    assert any(isinstance(event, Progress) and event.done == event.total == 10 for event in events)
    assert any(isinstance(event, Note) and "count" in event.text for event in events)


def test_a_run_of_a_bare_file_has_no_encoder(source, tmp_path):
    convert(source, tmp_path / "run")
    run = open(tmp_path / "run")
    assert run.verify() == []
    assert run.manifest["encoder"] is None
    assert "no encoder" in run.manifest["status"]
    assert run.space.items["count"].tolist() == list(range(10))
    for opened in (run, open(source)):
        with pytest.raises(NoEncoder, match="cannot embed"):
            opened.embed(["the"])


def test_where_to_write(source, tmp_path):
    with pytest.raises(OptionError, match=r"no format ends in '.docx'.*word2vec-binary"):
        convert(source, tmp_path / "v.docx")
    with pytest.raises(OptionError, match=r"format 'word2vek': formats are.*did you mean word2vec"):
        convert(source, tmp_path / "v", to="word2vek")
    with pytest.raises(OptionError, match="not packed again"):
        convert(source, tmp_path / "v.npz.gz")
    with pytest.raises(OptionError, match="is what is read"):
        convert(source, source)
    convert(source, tmp_path / "v.dat", to="word2vec-binary")
    before = (tmp_path / "v.dat").read_bytes()
    with pytest.raises(RunExists, match="--overwrite"):
        convert(source, tmp_path / "v.dat", to="npz")
    assert (tmp_path / "v.dat").read_bytes() == before
    convert(source, tmp_path / "v.dat", to="npz", overwrite=True)
    assert formats.format_of(tmp_path / "v.dat") == "npz"
    convert(source, tmp_path / "run")
    with pytest.raises(RunExists):
        convert(source, tmp_path / "run")
    convert(source, tmp_path / "run", overwrite=True)
    with pytest.raises(OptionError, match="a run already"):
        convert(tmp_path / "run", tmp_path / "run2")
    with pytest.raises(FormatError, match="there is no file"):
        convert(tmp_path / "nothing.txt", tmp_path / "v.npz")
    with pytest.raises(FormatError, match="holds its own keys"):
        open_space(convert(source, tmp_path / "v.txt"), keys=source)


def test_a_failed_conversion_leaves_nothing(tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"2 2\na 1 2\na 3 4\n")
    for name in ("v.npy", "v.npz", "v.parquet", "v.bin", "v.glove", "run"):
        with pytest.raises(FormatError, match="comes twice"):
            convert(tmp_path / "bad.txt", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.txt"]


PEAK = """
import sys, threading, time
from pathlib import Path
from likewise.conversion import convert
import pyarrow.parquet, pyarrow.compute

def anonymous():
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024

peak, before = 0, anonymous()
def watch():
    global peak
    while True:
        peak = max(peak, anonymous() - before)
        time.sleep(0.005)

threading.Thread(target=watch, daemon=True).start()
convert(sys.argv[1], sys.argv[2])
print(peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path):
    rows = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (20_000, 8_000))  # 640 MB
    del rows
    source = tmp_path / "v.npy"
    for name in ("v.parquet", "v.bin", "v.npz", "run", "back.npy"):
        out = subprocess.run(
            [sys.executable, "-c", PEAK, source, tmp_path / name], check=True, capture_output=True, text=True
        )
        assert int(out.stdout) < 256 << 20, name
        source = source if name == "run" else tmp_path / name
