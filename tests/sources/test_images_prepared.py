"""Pictures made ready: what is in the array, what is said on the way, and what is left behind."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likewise import files
from likewise.errors import DataError
from likewise.session import Derived, Event, Note, Progress, Session
from likewise.sources.images import open_images
from likewise.sources.images_decoding import read_picture
from likewise.sources.images_prepared import Pictures, held_out, prepare_pictures
from likewise.sources.samples import shared_fashion
from likewise.sources.small_pictures import small_pictures

SMALL = small_pictures(60, seed=5)


def folder_of(tmp_path: Path, n: int = 60) -> Path:
    folder = tmp_path / "photos"
    for i, (pixels, label) in enumerate(zip(SMALL.pixels[:n], SMALL.labels()[:n], strict=True)):
        path = folder / label / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def prepared(data: Any, **options: Any) -> tuple[Pictures, list[Event]]:
    events: list[Event] = []
    return prepare_pictures(open_images(data), session=Session(events.append), **options), events


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


def sizes(events: list[Event]) -> list[Any]:
    return [(event.value, event.reason) for event in events if isinstance(event, Derived) and event.name == "size"]


@pytest.mark.parametrize("in_memory", [1 << 29, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_folder(in_memory: int, threads: int, tmp_path: Path) -> None:
    folder, room = folder_of(tmp_path), tmp_path / "room"
    room.mkdir()
    pictures, events = prepared(folder, folder=room, in_memory=in_memory, threads=threads)
    assert pictures.pixels.shape == (60, 3, 32, 32)
    for row, key in enumerate(pictures.keys):
        number = int(Path(key).stem)
        np.testing.assert_array_equal(pictures.pixels[row], SMALL.pixels[number].transpose(2, 0, 1))
        assert pictures.labels is not None
        assert pictures.labels[row] == SMALL.labels()[number]
    assert sizes(events) == [([32, 32], "all pictures have this height and width")]
    assert list(room.iterdir()) == []
    assert isinstance(pictures.pixels.base, np.memmap) == (in_memory == 1000)
    source = open_images(folder)
    assert source.digest == open_images(folder).digest
    prepare_pictures(source, session=Session(), in_memory=in_memory)
    assert source.digest == open_images(folder).digest  # remembered from the one pass
    names, numbers = pictures.classes()
    assert [names[number] for number in numbers] == pictures.labels


def test_the_digest_is_of_the_pixels(tmp_path: Path) -> None:
    one, _ = prepared(SMALL.pixels)
    other, _ = prepared(list(SMALL.pixels))
    assert one.digest == other.digest
    assert (one.hashes == other.hashes).all()
    changed = SMALL.pixels.copy()
    changed[7, 3, 3, 0] ^= 1
    assert prepared(changed)[0].digest != one.digest
    assert prepared(SMALL.pixels[::-1])[0].digest != one.digest
    assert open_images(changed).digest != open_images(SMALL.pixels).digest


def test_arrays_of_the_right_size_are_used_where_they_lie() -> None:
    grey = SMALL.pixels[..., 0]
    pictures, _ = prepared(grey)
    assert np.shares_memory(pictures.pixels, grey)
    assert (pictures.channels, pictures.size) == (1, (32, 32))
    pictures, _ = prepared(SMALL.pixels)
    assert np.shares_memory(pictures.pixels, SMALL.pixels)
    batch = pictures.batch(np.array([4, 2]))
    assert batch.flags.c_contiguous
    np.testing.assert_array_equal(batch, SMALL.pixels[[4, 2]].transpose(0, 3, 1, 2))
    smaller, _ = prepared(SMALL.pixels, size=(16, 20))
    assert smaller.size == (16, 20)
    np.testing.assert_array_equal(smaller.pixels[3].transpose(1, 2, 0), read_picture(SMALL.pixels[3], size=(16, 20)))
    clear = np.concatenate([SMALL.pixels, np.zeros((60, 32, 32, 1), np.uint8)], 3)
    assert (prepared(clear)[0].pixels == 255).all()  # laid on white


@pytest.mark.parametrize(
    ("shapes", "size", "reason"),
    [
        ([(20, 28)], [20, 28], "all pictures have this height and width"),
        (
            [(300, 200)],
            192,
            "the shorter side of all pictures is 200 in the median; they are scaled and cut to squares",
        ),
        ([(70, 90), (65, 90), (300, 90)], 64, "the shorter side of all pictures is 70 in the median"),
        ([(900, 800), (700, 700)], 224, "the shorter side of all pictures is 750"),
        ([(9, 8), (7, 7)], 32, "the shorter side of all pictures is 7"),
    ],
)
def test_the_size_is_chosen(shapes: list[tuple[int, int]], size: Any, reason: str) -> None:
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes for _ in range(2)]
    pictures, events = prepared(data)
    ((value, why),) = sizes(events)
    assert value == size
    assert why.startswith(reason)
    assert pictures.size == (tuple(size) if isinstance(size, list) else (size, size))


def test_the_size_of_many_files_is_looked_up_in_some(tmp_path: Path) -> None:
    odd = min(set(range(300)) - set(np.linspace(0, 299, 256).astype(int)))
    for i in range(300):
        Image.new("L", (40, 40) if i != odd else (50, 60), i % 256).save(tmp_path / f"{i:03d}.png")
    pictures, events = prepared(tmp_path)
    assert sizes(events) == [([40, 40], "the 256 pictures that were looked at have this height and width")]
    assert pictures.pixels.shape == (300, 3, 40, 40)


def test_what_cannot_be_decoded_is_skipped_counted_and_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    bad = [folder / name for name in ("a.png", "b.jpg", "c.png", "d.webp", "e.png")]
    whole = next(folder.rglob("03.png")).read_bytes()
    for path, data in zip(bad, [b"", b"text", whole[:300], b"RIFF", whole[:50]], strict=True):
        path.write_bytes(data)
    for in_memory in (1 << 29, 1000):
        pictures, events = prepared(folder, in_memory=in_memory)
        assert (len(pictures), pictures.skipped) == (60, 5)
        (note,) = notes(events)
        assert note.startswith(
            f"5 of 65 pictures of {folder} cannot be used and were skipped: a.png is empty (0 bytes); "
        )
        assert "b.jpg is not a picture" in note
        assert note.endswith("; …")
        source = open_images(folder)
        assert [source.keys[row] for row in pictures.rows] == pictures.keys
        row = list(pictures.keys).index(next(key for key in pictures.keys if key.endswith("41.png")))
        np.testing.assert_array_equal(pictures.pixels[row], SMALL.pixels[41].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": b"no"}, "holds one picture: learning needs at least 2, better thousands"),
        ({"a.png": b"no", "b.png": b""}, "2 of 2 pictures of .* cannot be used, none is left: a.png is not a picture"),
        ({"a.png": b"no", "b.png": None}, "1 of 2 pictures of .* cannot be used, only 1 is left: a.png is not a"),
    ],
)
def test_too_few_are_left(files: dict[str, bytes | None], message: str, tmp_path: Path) -> None:
    good = io.BytesIO()
    Image.fromarray(SMALL.pixels[0]).save(good, "PNG")
    for name, data in files.items():
        (tmp_path / name).write_bytes(good.getvalue() if data is None else data)
    with pytest.raises(DataError, match=message):
        prepared(tmp_path)


def test_one_picture_is_enough_to_embed() -> None:
    assert len(prepared(SMALL.pixels[:1], least=1)[0]) == 1


def test_equal_pictures_are_counted() -> None:
    pictures, events = prepared(np.concatenate([SMALL.pixels, SMALL.pixels[:3]]))
    assert (len(pictures), pictures.duplicates) == (63, 3)
    assert notes(events) == ["3 pictures are copies of others, pixel for pixel: they stay"]


def test_progress_is_told_and_stopping_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("likewise.sources.images_prepared._TOLD_EVERY", -1.0)
    _, events = prepared(folder_of(tmp_path))
    told = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in told] == [16, 32, 48, 60]
    assert {(event.stage, event.total, event.unit) for event in told} == {("reading", 60, "pictures")}
    session = Session(lambda event: session.stop())
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        prepare_pictures(open_images(tmp_path / "photos"), session=session)
    assert threading.active_count() == before


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Full:
        def write(self, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            pass

    monkeypatch.setattr("likewise.sources.images_prepared.nameless", lambda folder: Full())
    with pytest.raises(DataError, match=r"no room in .* for 60 pictures of 16 × 16 pixels: free some, or set TMPDIR"):
        prepared(list(SMALL.pixels), size=16, folder=tmp_path, in_memory=1)


def test_what_is_written_in_parts_is_written_whole() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data[:7]))

    file = Slow()
    files.write_all(file, bytes(range(100)))
    assert file.getvalue() == bytes(range(100))


def test_nothing_is_left_behind_by_a_program_that_is_killed(tmp_path: Path) -> None:
    folder, room = folder_of(tmp_path), tmp_path / "room"
    room.mkdir()
    program = f"""
import os, pathlib, signal
from likewise.session import Session
from likewise.sources.images import open_images
from likewise.sources.images_prepared import prepare_pictures
room = pathlib.Path({str(room)!r})
pictures = prepare_pictures(open_images({str(folder)!r}), session=Session(), folder=room, in_memory=1)
assert pictures.pixels.sum() > 0
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert list(room.iterdir()) == []


@pytest.mark.parametrize(("n", "dim", "probes"), [(60, 3, 12), (60, 128, 20), (2, 8, 1), (10, 8, 4), (1, 8, 0)])
def test_held_out(n: int, dim: int, probes: int) -> None:
    pictures, _ = prepared(SMALL.pixels[:n], least=1)
    train, probe = held_out(pictures, dim=dim)
    assert len(probe) == probes
    assert sorted([*train, *probe]) == list(range(n))
    assert list(probe) == sorted(probe)
    assert list(train) == sorted(train)


def test_held_out_goes_by_content() -> None:
    pictures, _ = prepared(SMALL.pixels)
    order = np.random.default_rng(1).permutation(60)
    mixed, _ = prepared(SMALL.pixels[order])
    _, probe = held_out(pictures, dim=4)
    _, again = held_out(mixed, dim=4)
    assert set(order[again]) == set(probe)
    assert not np.array_equal(probe, np.arange(len(probe)))


def test_equal_pictures_are_on_one_side() -> None:
    doubled, _ = prepared(np.concatenate([SMALL.pixels, SMALL.pixels]))
    for dim in range(1, 10):
        train, probe = held_out(doubled, dim=dim)
        assert not set(doubled.hashes[train]) & set(doubled.hashes[probe])
        assert 4 * dim <= len(probe) <= 4 * dim + 1
    train, probe = held_out(prepared(np.zeros((30, 8, 8), np.uint8))[0], dim=4)
    assert (len(train), len(probe)) == (20, 10)  # all equal: there are two sides all the same


def test_fashion() -> None:
    source = shared_fashion("t10k")
    if source is None:
        pytest.skip("Fashion-MNIST is not on this machine")
    pictures = prepare_pictures(source, session=Session())
    assert pictures.pixels.shape == (10_000, 1, 28, 28)
    assert np.shares_memory(pictures.pixels, source.holding.whole)  # type: ignore[arg-type]
    assert pictures.duplicates == 0
    assert len(held_out(pictures, dim=192)[1]) == 768
