"""What data is taken for, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from likewise.errors import DataError
from likewise.sources.images import open_images
from likewise.sources.looking import kind_of
from likewise.sources.samples import shared_cifar10, shared_text
from likewise.sources.small_pictures import small_pictures
from likewise.sources.text import open_text

PIXELS = small_pictures(4).pixels


def folder_of(tmp_path: Path, pictures: int, texts: int, other: int = 0) -> Path:
    (tmp_path / "sub").mkdir()
    for i in range(pictures):
        (tmp_path / "sub" / f"{i}.jpg").write_bytes(b"not opened")
    for i in range(texts):
        (tmp_path / f"{i}.txt").write_text("words")
    for i in range(other):
        (tmp_path / f"{i}.bin").write_bytes(b"\0\1\2")
    return tmp_path


@pytest.mark.parametrize(
    ("pictures", "texts", "kind", "reason"),
    [
        (30, 0, "image", "holds 30 pictures"),
        (1, 0, "image", "holds 1 picture"),
        (30, 2, "image", "holds 30 pictures and 2 files of text"),
        (5, 1, "image", "holds 5 pictures and 1 file of text"),
        (100, 10, "image", "holds 100 pictures and 10 files of text"),
        (0, 4, "text", "holds 4 files of text"),
        (2, 40, "text", "holds 2 pictures and 40 files of text"),
        (0, 0, "text", "holds no pictures"),
    ],
)
def test_folders(pictures: int, texts: int, kind: str, reason: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, pictures, texts, other=3)
    assert kind_of(folder) == kind_of(str(folder)) == (kind, f"{folder} {reason}")


@pytest.mark.parametrize(("pictures", "texts"), [(1, 1), (2, 2), (20, 3), (3, 20), (100, 11)])
def test_mixed_folders(pictures: int, texts: int, tmp_path: Path) -> None:
    message = rf"holds {pictures} pictures? and {texts} files? of text: name a recipe, or give a folder with one"
    with pytest.raises(DataError, match=message):
        kind_of(folder_of(tmp_path, pictures, texts))


def test_files(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "a.npz", y=np.arange(4), x=PIXELS)
    (tmp_path / "idx").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4]))
    pq.write_table(pa.table({"image": [b"1"], "caption": ["a"]}), tmp_path / "a.parquet")
    for name in ("a.png", "a.npy", "a.npz", "idx", "a.parquet"):
        look = kind_of(tmp_path / name)
        assert look.kind == "image"
        assert look.reason.startswith(str(tmp_path / name))
    assert kind_of(tmp_path / "a.npz").reason == f"{tmp_path / 'a.npz'}:x is an array 4×32×32×3, as pictures are"
    assert kind_of(tmp_path / "a.parquet", column="caption").kind == "text"
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("id,text\n1,a\n")
    (tmp_path / "t").write_text("some words")
    for name in ("t.parquet", "t.csv", "t", "not-there"):
        assert kind_of(tmp_path / name).kind == "text"
    assert kind_of("-").kind == "text"


def test_folders_of_tables_and_arrays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a" / "x.npy", PIXELS)
    (tmp_path / "p").mkdir()
    pq.write_table(pa.table({"image": [b"1"]}), tmp_path / "p" / "0.parquet")
    assert kind_of(tmp_path / "a").kind == kind_of(tmp_path / "p").kind == "image"


def test_what_is_neither(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((9, 5)))
    with pytest.raises(DataError, match=r"v.npy is an array 9×5 of float64: pictures are .*likewise doctor"):
        kind_of(tmp_path / "v.npy")
    table = pa.table({"one": [b"1"], "two": [b"2"], "text": ["a"]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"columns of bytes \(one, two\) and of text \(text\): name one with --column"):
        kind_of(tmp_path / "a.parquet")
    assert kind_of(tmp_path / "a.parquet", column="two").kind == "image"


def test_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS[0]).save(path)
    for data in (PIXELS, list(PIXELS), [Image.fromarray(PIXELS[0])], [path], [str(path)], open_images(PIXELS)):
        assert kind_of(data).kind == "image"
    texts: list[Any] = [["a text"], ["a.png"], [["a", "b"]], [], open_text(["a"]), {"a": 1}, iter([PIXELS[0]])]
    for data in texts:
        assert kind_of(data).kind == "text"


def test_an_iterator_is_not_touched() -> None:
    entries = iter(["one", "two"])
    kind_of(entries)
    assert list(entries) == ["one", "two"]


def test_shared_data() -> None:
    text = shared_text()
    if text is None or shared_cifar10("test") is None:
        pytest.skip("the shared data is not on this machine")
    assert kind_of(text).kind == "text"
    assert kind_of(text.parent.parent / "vision" / "cifar10").kind == "image"
