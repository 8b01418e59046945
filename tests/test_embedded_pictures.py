"""`embed` with a run of pictures: every form of data in, every format out, and what is skipped is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import likewise as lw
from likewise import embedding_pictures
from likewise.cli import run as command
from likewise.contracts import Array
from likewise.errors import DataError, FormatError, OptionError, RunExists
from likewise.opening import Run
from likewise.session import Event, Note, Progress, Session
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")
MADE = small_pictures(50, seed=9, size=16)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    lw.learn(MADE.pixels, recipe="patches", filters=6, samples=2000, threads=1, report=False, out=out)
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for number, (pixels, label) in enumerate(zip(MADE.pixels[:20], MADE.labels("colour"), strict=False)):
        (place / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / label / f"{number:02d}.png")
    (place / "notes.txt").write_text("what I saw")
    (place / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return place


@pytest.mark.parametrize("name", ["v.parquet", "v.npy", "v.npz", "v.txt", "v.bin", "v.glove", "v.vec.gz"])
@pytest.mark.parametrize("at_once", [256, 7])
def test_a_folder_in_every_format(
    name: str, at_once: int, run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_pictures, "_AT_ONCE", at_once)
    made = lw.embed_file(run, folder, tmp_path / name)
    assert (made.pictures, made.skipped, made.dim) == (20, 1, 48)
    assert made.fingerprint == lw.open(run).space.fingerprint
    space = lw.open(tmp_path / name).space
    assert set(space.keys) == {path.relative_to(folder).as_posix() for path in folder.rglob("[0-9]*.png")}
    for key in space.keys:
        expected = lw.open(run).space.vectors[int(Path(key).stem)]
        np.testing.assert_allclose(space[key], expected, rtol=1e-4, atol=1e-4)
    if name == "v.parquet":
        assert [Path(key).parent.name for key in space.keys] == list(space.items["label"])
    assert {path.name for path in tmp_path.iterdir()} - {"v.keys.txt"} == {"photos", name}


def parquet(path: Path) -> Path:
    content = []
    for number, pixels in enumerate(MADE.pixels[:5]):
        Image.fromarray(pixels).save(path.parent / "one.png")
        content.append({"bytes": (path.parent / "one.png").read_bytes(), "path": f"p{number}.png"})
    pq.write_table(pa.table({"photo": content}), path)
    return path


def test_arrays_tables_and_a_picture(run: Path, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", MADE.pixels[:5])
    np.savez(tmp_path / "x.npz", images=MADE.pixels[:5])
    first = next(folder.rglob("00.png"))
    for data, keys in (
        (tmp_path / "x.npy", ["0", "1", "2", "3", "4"]),
        (tmp_path / "x.npz", ["0", "1", "2", "3", "4"]),
        (parquet(tmp_path / "x.parquet"), [f"p{number}.png" for number in range(5)]),
        (first, [str(first)]),
    ):
        made = lw.embed_file(run, data, tmp_path / "v.parquet", overwrite=True)
        space = lw.open(tmp_path / "v.parquet").space
        assert list(space.keys) == keys
        assert made.pictures == len(keys)
        np.testing.assert_allclose(space.vectors, lw.open(run).space.vectors[: len(keys)], rtol=1e-4, atol=1e-4)
    lw.embed_file(run, tmp_path / "x.parquet", tmp_path / "v.parquet", overwrite=True, column="photo")
    with pytest.raises(DataError, match="no column 'phot': did you mean photo"):
        lw.embed_file(run, tmp_path / "x.parquet", tmp_path / "w.parquet", column="phot")


def test_a_network_sees_pictures_of_any_size_as_it_has_learned_to(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 1, "batch": 8, "precision": "fp32", "threads": 1, "device": "cpu"}
    run = lw.learn(MADE.pixels, recipe="simclr", report=False, **options)
    large = [np.asarray(Image.fromarray(x).resize((48, 32))) for x in MADE.pixels[:3]]
    for number, pixels in enumerate(large):
        (tmp_path / "large").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "large" / f"{number}.png")
    lw.embed_file(run, tmp_path / "large", tmp_path / "v.npz")
    np.testing.assert_allclose(lw.open(tmp_path / "v.npz").space.vectors, run.embed(large), rtol=1e-4, atol=1e-5)


def test_somebodys_own_encoder_gets_pictures_as_they_are(run: Path, folder: Path, tmp_path: Path) -> None:
    class Mean:
        dim, fingerprint = 3, "sha256:mean"

        def embed(self, objects: Any, *, kind: str | None = None) -> Array:
            return np.array([one.mean((0, 1)) for one in objects], np.float32)

        def state(self) -> Any:
            return {}, {}

    own = Run(space=lw.open(run).space, encoder=Mean(), manifest={})
    lw.embed_file(own, folder, tmp_path / "v.npz")
    space = lw.open(tmp_path / "v.npz").space
    for key in space.keys:
        np.testing.assert_allclose(space[key], MADE.pixels[int(Path(key).stem)].mean((0, 1)), rtol=1e-5)


def test_what_is_told_on_the_way(run: Path, folder: Path, tmp_path: Path) -> None:
    seen: list[Event] = []
    lw.embed_file(run, folder, tmp_path / "v.npz", session=Session(seen.append))
    told = [event for event in seen if isinstance(event, Progress)]
    assert [(event.stage, event.done, event.total) for event in told] == [("embedding", 16, 21), ("embedding", 21, 21)]
    assert told[-1].facts == {"skipped": 1.0}
    notes = [event.text for event in seen if isinstance(event, Note)]
    assert notes[0] == f"1 of 22 files in {folder} are no pictures and were passed over: notes.txt"
    assert notes[1].startswith(f"1 of 21 pictures of {folder} cannot be used and were skipped: broken.png is ")


def test_stopping_leaves_nothing(run: Path, folder: Path, tmp_path: Path) -> None:
    session = Session(lambda event: session.stop() if isinstance(event, Progress) else None)
    for name in ("v.npz", "v.parquet"):
        with pytest.raises(KeyboardInterrupt):
            lw.embed_file(run, folder, tmp_path / name, session=session)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"kind": "text"}, OptionError, "holds pictures, and kind text is of texts: leave it out"),
        ({"pooling": "sif"}, OptionError, "holds pictures, and pooling sif is of texts"),
        ({"encoding": "latin-1"}, OptionError, "holds pictures, and encoding latin-1 is of texts"),
        ({"kind": "sound"}, OptionError, "kind 'sound': a file holds a text a line"),
        ({"out": "there.npz"}, RunExists, "there.npz exists: choose another --out"),
        ({"out": "none"}, OptionError, "none has no ending: vectors go to a file, such as .*none.parquet"),
        (
            {"out": "v.txt", "spaces": True},
            FormatError,
            "'a b.png' is empty or holds white space: word2vec",
        ),
    ],
)
def test_what_cannot_be_is_a_sentence(
    given: dict[str, Any], error: type[Exception], says: str, run: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.npz").touch()
    if given.pop("spaces", False):
        Image.fromarray(MADE.pixels[0]).save(folder / "a b.png")
    out = tmp_path / given.pop("out", "v.npz")
    with pytest.raises(error, match=says):
        lw.embed_file(run, folder, out, **given)
    assert out.name == "there.npz" or not out.exists()


def test_a_folder_without_a_picture_that_can_be_read(run: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    for name in "abcd":
        (tmp_path / "bad" / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"4 of 4 pictures of .*bad cannot be used, none is left to embed: a.png .*; …"):
        lw.embed_file(run, tmp_path / "bad", tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()


def test_words_do_not_become_pictures(tmp_path: Path, folder: Path) -> None:
    words = lw.learn([["a", "rose", "is", "a", "rose"]] * 50, dim=8, min_count=1, epochs=1, threads=1, report=False)
    with pytest.raises(OptionError, match="holds words, and pictures were to be embedded"):
        lw.embed_file(words, folder, tmp_path / "v.npz", kind="image")


def test_on_the_command_line(
    run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["embed", str(run), str(folder)]) == 0
    said = capsys.readouterr()
    assert said.out == (f"20 pictures × 48 → {folder}.vectors.parquet\n1 more could not be decoded, and were skipped\n")
    assert "✓ embedding" in said.err
    monkeypatch.chdir(folder)
    assert command(["embed", str(run), ".", "--overwrite", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pictures"], facts["skipped"], facts["dim"]) == (20, 1, 48)
    assert Path(facts["out"]) == folder.with_name("photos.vectors.parquet")
    key = next(iter(lw.open(facts["out"]).space.keys))
    assert command(["near", facts["out"], key, "-k", "1"]) == 0
