"""Pictures as they come, from a folder to a run: what is skipped is counted, what cannot be is a sentence, and whatever
goes wrong on the way, the run that was there stays whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import likewise as lw
from likewise.cli import run as command
from likewise.errors import IntegrityError, RunError
from likewise.run import RunFolder, _pretty
from likewise.session import Progress, Session
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")
PIXELS = small_pictures(40, seed=6, size=20).pixels
NETWORK = ["--epochs", "1", "--batch", "8", "--precision", "fp32", "--threads", "1", "--device", "cpu"]
WAYS = {"patches": ["--filters", "8", "--samples", "1000", "--threads", "1"], "simclr": NETWORK, "mae": NETWORK}
KINDS = {"palette.gif", "alpha.png", "sixteen.png", "cmyk.jpg", "rotated.jpg", "animated.gif", "wide.jpg", "tall.webp"}
BAD = {"bomb.png", "cut off.png", "empty.png", "gone.png", "text.jpg"}


def bomb() -> bytes:
    """Return a PNG of 20,000 × 20,000 pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (20_000).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", side + side + bytes([1, 0, 0, 0, 0])) + chunk(b"IEND", b"")


def plain(folder: Path, n: int = 24) -> Path:
    folder.mkdir(parents=True)
    for number, pixels in enumerate(PIXELS[:n]):
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures of every kind and size, and five files that are none."""
    folder = plain(tmp_path / "my photos", 20)
    some = [Image.fromarray(pixels) for pixels in PIXELS[20:]]
    turned = Image.Exif()
    turned[0x0112] = 6
    some[0].convert("P").save(folder / "palette.gif")
    some[1].convert("RGBA").save(folder / "alpha.png")
    Image.fromarray(np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)).save(folder / "sixteen.png")
    some[2].convert("CMYK").save(folder / "cmyk.jpg")
    some[3].resize((60, 20)).save(folder / "rotated.jpg", exif=turned)
    some[4].save(folder / "animated.gif", save_all=True, append_images=some[5:8])
    some[8].resize((300, 40)).save(folder / "wide.jpg")
    some[9].resize((7, 90)).save(folder / "tall.webp")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "cut off.png").write_bytes((folder / "00.png").read_bytes()[:300])
    (folder / "empty.png").write_bytes(b"")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "text.jpg").write_text("an error of a server, and no picture")
    return folder


def learn(*arguments: Any) -> int:
    return command(["learn", *map(str, arguments)])


@pytest.mark.parametrize("recipe", WAYS)
def test_every_kind_is_learned_from_and_what_is_no_picture_is_counted(
    recipe: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(recipe, photos, "--out", tmp_path / "run", *WAYS[recipe]) == 0
    said = capsys.readouterr()
    assert f"5 of 33 pictures of {photos} cannot be used and were skipped: bomb.png has 400,000,000 pixels" in said.err
    assert "cut off.png is cut off" in said.err
    assert f"near '{tmp_path}/run'" in said.out or f"near {tmp_path}/run " in said.out
    run = lw.open(tmp_path / "run")
    assert run.verify() == []
    assert set(run.space.keys) == KINDS | {f"{number:02d}.png" for number in range(20)}
    assert np.isfinite(run.space.vectors).all()
    assert any("5 of 33" in note for note in run.manifest["notes"])
    again = run.embed([photos / "rotated.jpg", photos / "animated.gif"])
    rows = [run.space.keys.index(name) for name in ("rotated.jpg", "animated.gif")]
    np.testing.assert_allclose(again, run.space.vectors[rows], atol=1e-4)


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_picture_that_is_asked_by_is_named(
    name: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(photos, "--out", tmp_path / "run", "--quiet", *WAYS["patches"]) == 0
    assert command(["near", str(tmp_path / "run"), "--file", str(photos / name)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"likewise: {photos / name} ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("recipe", "pictures", "says"),
    [
        ([], 0, "holds no text: no files are in it and below; give a folder with text files, or with pictures"),
        (["patches"], 0, "holds no pictures: no files are in it and below; give a folder with JPEG, PNG or WebP files"),
        ([], 1, "holds one picture: learning needs at least 2, better thousands"),
        (["byol"], 1, "holds one picture: learning needs at least 3, better thousands"),
        (["byol"], 2, "holds 2 pictures: learning needs at least 3, better thousands"),
    ],
)
def test_a_folder_with_too_little_is_a_sentence(
    recipe: list[str], pictures: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain(tmp_path / "photos", pictures)
    assert learn(*recipe, folder, "--out", tmp_path / "run", "--quiet") == 2
    assert capsys.readouterr().err == f"likewise: {folder} {says}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("recipe", ["simclr", "byol", "vicreg", "mae"])
def test_three_pictures_are_few_and_enough(recipe: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 1, "precision": "fp32", "threads": 1, "device": "cpu", "report": False}
    run = lw.learn(plain(tmp_path / "photos", 3), recipe=recipe, **options)
    assert run.space.vectors.shape[0] == 3
    assert np.isfinite(run.space.vectors).all()
    assert any("a batch of 256 is more than the 2 pictures to learn from" in note for note in run.manifest["notes"])


def test_one_good_picture_among_bad_ones_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plain(tmp_path / "photos", 1)
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    assert learn("simclr", folder, "--out", tmp_path / "run", "--quiet") == 2
    said = capsys.readouterr().err
    assert f"2 of 3 pictures of {folder} cannot be used, only 1 is left: empty.png is empty (0 bytes); text.jpg" in said


def test_a_file_that_is_only_called_a_picture_is_not_read_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.jpg"
    path.write_text("a page with many words instead of a picture, as servers send it\n" * 50)
    assert learn(path, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert f"recipe = patches: {path} is called as a picture is" in said
    assert "holds one picture" in said


def test_a_chunk_of_one_picture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plain(tmp_path / "photos")
    assert learn("vicreg", folder, "--out", tmp_path / "run", *NETWORK, "--chunk", "1") == 2
    assert "chunk is 1: a picture by itself has no variance to normalise by; take 2 or more" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


# --- a full disk ---


@contextmanager
def disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # runs that are still open have it mapped


def test_a_disk_too_small_for_the_run_is_a_sentence_and_leaves_the_old_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain(tmp_path / "photos")
    with disk(tmp_path / "disk", "1m") as small:
        assert learn(folder, "--out", small / "run", "--quiet", "--no-report", *WAYS["patches"]) == 0
        before = lw.open(small / "run").space.content_digest()
        assert learn("simclr", folder, "--out", small / "run", "--overwrite", "--no-report", *NETWORK) == 2
        said = capsys.readouterr().err
        assert "no checkpoint could be written (No space left on device): a kill now costs more" in said
        assert (
            f"likewise: could not write {small / 'run'}: No space left on device; nothing of it was kept, the run"
            in said
        )
        assert lw.open(small / "run").verify() == []
        assert lw.open(small / "run").space.content_digest() == before
        assert [path.name for path in small.iterdir()] == ["run"]


def test_a_disk_that_was_full_at_the_end_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest checkpoint is kept, and when there is room again it goes on to the same bits."""
    folder = plain(tmp_path / "photos")
    options: dict[str, Any] = {"recipe": "simclr", "epochs": 2, "batch": 8, "precision": "fp32", "report": False}
    options |= {"threads": 1, "device": "cpu"}
    whole = lw.learn(folder, **options)

    def no_room(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("likewise.opening.write_picture_encoder", no_room)
        with pytest.raises(RunError, match=r"No space left on device; `likewise learn --resume .*run` goes on later"):
            lw.learn(folder, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
    rest = lw.learn(resume=tmp_path / "run")
    np.testing.assert_array_equal(rest.space.vectors, whole.space.vectors)
    assert RunFolder(tmp_path / "run").verify() == []


def test_a_disk_without_room_for_checkpoints_stops_nothing(tmp_path: Path) -> None:
    folder = plain(tmp_path / "photos")
    with disk(tmp_path / "disk", "3m") as small:
        assert learn("simclr", folder, "--out", small / "run", "--quiet", "--no-report", *NETWORK) == 0
        run = lw.open(small / "run")
        assert run.verify() == []
        assert (
            "no checkpoint could be written (No space left on device): a kill now costs more" in run.manifest["notes"]
        )


# --- Ctrl-C ---


def test_one_interrupt_keeps_what_was_learned_and_resume_ends_it(tmp_path: Path) -> None:
    folder, out = plain(tmp_path / "photos"), tmp_path / "run"
    options = ["--out", str(out), "--no-report", *NETWORK, "--epochs", "2000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "likewise", "learn", "simclr", str(folder), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    place = tmp_path / "run.partial" / "checkpoints"
    while process.poll() is None and not list(place.glob("seed-1-*.json")):
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert f"go on   likewise learn --resume {out}" in shown
    kept = lw.open(out)
    assert (kept.manifest["status"], kept.verify()) == ("unfinished", [])
    (state,) = (out / "checkpoints").glob("seed-1-*.json")
    done = json.loads(state.read_bytes())["training"]["plain"]["of"]["training"]["of"]["done"]
    assert 0 < done < 4000
    assert len(kept.space.near(kept.space.keys[0], 2)) == 2


@pytest.mark.parametrize(("recipe", "stage"), [("patches", "reading"), ("patches", "learning"), ("simclr", "reading")])
def test_interrupted_before_there_is_anything_nothing_is_left(
    recipe: str, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likewise.sources.images_prepared._TOLD_EVERY", -1.0)
    folder = plain(tmp_path / "photos")

    def hear(event: Any) -> None:
        if isinstance(event, Progress) and event.stage == stage:
            session.stop()

    session = Session(hear)
    with pytest.raises(KeyboardInterrupt):
        lw.learn(folder, recipe=recipe, out=tmp_path / "run", session=session, report=False)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


# --- runs of another version ---


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"name": "resnet-99"}, RunError, "of another version of likewise, there is no architecture 'resnet-99'"),
        ({"options": {"filters": 8, "glue": 3}}, IntegrityError, "does not describe the weights beside it: .*glue"),
    ],
)
def test_a_run_of_another_version_is_a_sentence(
    changed: dict[str, Any], error: type[Exception], says: str, tmp_path: Path
) -> None:
    from likewise.files import digest_of_bytes, digest_of_json

    run = lw.learn(PIXELS, recipe="patches", filters=8, samples=1000, threads=1, report=False)
    run.save(tmp_path / "run")
    about, manifest = tmp_path / "run" / "encoder" / "encoder.json", tmp_path / "run" / "run.json"
    value = json.loads(about.read_bytes())
    value["architecture"] |= changed
    about.write_text(json.dumps(value))
    whole = json.loads(manifest.read_bytes())
    whole["files"]["encoder/encoder.json"] = digest_of_bytes(about.read_bytes())
    whole.pop("digest")
    manifest.write_bytes(_pretty(whole | {"digest": digest_of_json(whole)}))
    with pytest.raises(error, match=says):
        lw.open(tmp_path / "run").embed(list(PIXELS[:2]))
