"""Pictures of every form: what comes out, and what is said when they are none."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from likewise.contracts import IndexedSource
from likewise.errors import DataError, InputError, MissingExtra
from likewise.sources.images import ImageSource, open_images
from likewise.sources.samples import shared_cifar10, shared_fashion
from likewise.sources.small_pictures import small_pictures

PICTURES = small_pictures(12, seed=3)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def folder_of(tmp_path: Path, *, kinds: tuple[str, ...] = ("PNG",)) -> Path:
    folder = tmp_path / "photos"
    for i, (pixels, label) in enumerate(zip(PICTURES.pixels, PICTURES.labels(), strict=True)):
        kind = kinds[i % len(kinds)]
        path = folder / label / f"{i:02d}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(pixels, kind, **({"lossless": True} if kind == "WEBP" else {})))
    return folder


def idx(array: np.ndarray) -> bytes:
    types = {"uint8": 8, "float32": 13}
    head = bytes([0, 0, types[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def by_key(source: ImageSource) -> dict[str, np.ndarray]:
    return dict(iter(source))


def test_a_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, kinds=("PNG", "WEBP"))
    (folder / "notes.txt").write_text("what I saw")
    (folder / ".hidden.png").write_text("not looked at")
    source = open_images(folder)
    assert isinstance(source, IndexedSource)
    assert (source.kind, source.restartable, len(source), source.channels) == ("image", True, 12, 3)
    assert list(source.keys) == sorted(source.keys)
    for row, key in enumerate(source.keys):
        number = int(Path(key).stem)
        assert source.labels is not None
        assert source.labels[row] == Path(key).parent.name == PICTURES.labels()[number]
        np.testing.assert_array_equal(source[row], PICTURES.pixels[number])
        np.testing.assert_array_equal(by_key(source)[key], PICTURES.pixels[number])
    assert source.notes == [f"1 of 13 files in {folder} are no pictures and were passed over: notes.txt"]
    assert source.digest == open_images(str(folder)).digest
    assert open_images(source) is source


def test_a_folder_without_sub_folders_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(PICTURES.pixels[0], "JPEG"))
    (tmp_path / "b").write_bytes(encoded(PICTURES.pixels[1]))  # told by its first bytes
    source = open_images(tmp_path)
    assert (source.keys, source.labels) == (["a.jpg", "b"], None)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("grey", [True, False])
def test_idx(pack: Callable[[bytes], bytes], grey: bool, tmp_path: Path) -> None:
    pixels = PICTURES.pixels[..., 0] if grey else PICTURES.pixels
    ending = {bytes: "", gzip.compress: ".gz", lzma.compress: ".xz"}[pack]
    path = tmp_path / f"train-images-idx{pixels.ndim}-ubyte{ending}"
    path.write_bytes(pack(idx(pixels)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(PICTURES.factors["shape"].astype("u1"))))
    source = open_images(path)
    assert source.labels == [str(number) for number in PICTURES.factors["shape"]]
    assert source.channels == (1 if grey else 3)
    shown = np.repeat(pixels[..., None], 3, 3) if grey else pixels
    np.testing.assert_array_equal(np.stack([source[i] for i in range(12)]), shown)
    assert open_images(tmp_path).keys == source.keys  # the one file of pictures in a folder


def test_floats_of_idx_and_big_endian_numbers(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(idx((PICTURES.pixels / 255).astype(np.float32)))
    np.testing.assert_array_equal(open_images(path)[4], PICTURES.pixels[4])


@pytest.mark.parametrize("name", ["y", "labels", "label"])
def test_npz(name: str, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    labels = np.array(PICTURES.labels())
    np.savez_compressed(path, x=PICTURES.pixels, other=np.zeros(3), **{name: labels})
    source = open_images(path)
    assert source.labels == PICTURES.labels()
    np.testing.assert_array_equal(source[7], PICTURES.pixels[7])


def test_npz_with_two_sets_takes_the_usual_name_and_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(
        path, x_test=PICTURES.pixels[:2], y_test=[1, 2], x_train=PICTURES.pixels[2:], y_train=np.arange(10)[:, None]
    )
    source = open_images(path)
    assert source.labels == [str(i) for i in range(10)]
    np.savez(path, some=PICTURES.pixels, more=PICTURES.pixels)
    with pytest.raises(DataError, match=r"several arrays that could be pictures: it holds some 12×32×32×3, more"):
        open_images(path)


def test_npy_is_mapped_and_its_labels_lie_beside(tmp_path: Path) -> None:
    np.save(tmp_path / "train_images.npy", PICTURES.pixels.transpose(0, 3, 1, 2))  # channels first
    np.save(tmp_path / "train_labels.npy", np.arange(12))
    source = open_images(tmp_path / "train_images.npy")
    assert source.labels == [str(i) for i in range(12)]
    assert isinstance(source.holding.whole.base.base, np.memmap)  # type: ignore[union-attr]
    np.testing.assert_array_equal(source[5], PICTURES.pixels[5])


def test_compressed_arrays_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("likewise.sources.images_arrays.IN_MEMORY", 1000)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(PICTURES.pixels)))
    source = open_images(path)
    np.testing.assert_array_equal(source.holding.whole, PICTURES.pixels)
    assert list(tmp_path.iterdir()) == [path]


def parquet(path: Path, *, struct_: bool = True, group: int = 5) -> Path:
    data = [encoded(pixels) for pixels in PICTURES.pixels]
    image: Any = [{"bytes": d, "path": f"p{i}.png"} for i, d in enumerate(data)] if struct_ else data
    names = json.dumps({"info": {"features": {"label": {"names": PICTURES.names["shape"], "_type": "ClassLabel"}}}})
    table = pa.table({"image": image, "label": PICTURES.factors["shape"], "caption": PICTURES.labels("colour")})
    pq.write_table(table.replace_schema_metadata({"huggingface": names}), path, row_group_size=group)
    return path


@pytest.mark.parametrize("struct_", [True, False])
def test_parquet(struct_: bool, tmp_path: Path) -> None:
    source = open_images(parquet(tmp_path / "train.parquet", struct_=struct_))
    assert source.labels == PICTURES.labels()
    assert source.metadata == {"caption": PICTURES.labels("colour")}
    assert source.keys[11] == ("p11.png" if struct_ else "11")
    for row in (11, 0, 6, 5):
        np.testing.assert_array_equal(source[row], PICTURES.pixels[row])
    np.testing.assert_array_equal(np.stack([picture for _, picture in source]), PICTURES.pixels)
    assert open_images(tmp_path).digest == source.digest


def test_parquet_in_parts(tmp_path: Path) -> None:
    for part in (0, 1):
        parquet(tmp_path / f"train-{part}.parquet")
    source = open_images(tmp_path)
    assert len(source) == 24
    np.testing.assert_array_equal(source[13], PICTURES.pixels[1])
    with pytest.raises(DataError, match="no column 'imag': did you mean image"):
        open_images(tmp_path, column="imag")
    with pytest.raises(DataError, match="caption is string, not pictures"):
        open_images(tmp_path, column="caption")


def test_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(PICTURES.pixels[0]))
    entries = [path, PICTURES.pixels[1], Image.fromarray(PICTURES.pixels[2]), str(path)]
    source = open_images(entries, labels=["a", None, 3, "a"])
    assert source.keys == [str(path), "1", "2", f"{path} (2)"]
    assert source.labels == ["a", "", "3", "a"]
    for row, number in enumerate((0, 1, 2, 0)):
        np.testing.assert_array_equal(source[row], PICTURES.pixels[number])
    assert open_images(path).keys == [str(path)]


def test_a_size() -> None:
    source = open_images(PICTURES.pixels, size=(20, 16))
    assert source[0].shape == (20, 16, 3)
    assert source[0].dtype == np.uint8


def test_somebodys_own_source() -> None:
    class Own:
        kind, digest, restartable, keys = "image", "sha256:0", True, ["a", "b"]

        def __len__(self) -> int:
            return 2

        def __getitem__(self, row: int) -> np.ndarray:
            return PICTURES.pixels[row]

        def __iter__(self) -> Any:
            return iter(zip(self.keys, PICTURES.pixels, strict=False))

    source = open_images(Own())  # type: ignore[arg-type]
    assert source.keys == ["a", "b"]
    np.testing.assert_array_equal(source[1], PICTURES.pixels[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder, "holds no pictures: no files are in it and below; give a folder with JPEG"),
        (lambda folder: written(folder / "a.txt", b"words"), "a.txt is text: give a folder of pictures"),
        (lambda folder: written(folder / "a.txt", b"words").parent, r"holds no pictures: files of other kinds \(1\)"),
        (lambda folder: written(folder / "a.bin", b"\1\0\2"), "a.bin is no file of pictures: give a folder"),
        (lambda folder: written(folder / "a.npy", b""), r"a.npy is empty \(0 bytes\)"),
        (lambda folder: folder / "b" / "c", "does not exist, and neither does the folder"),
        (lambda folder: written(folder / "a.idx", idx(PICTURES.pixels)[:-9]), "is cut off: its header speaks of 36,8"),
        (lambda folder: written(folder / "a.gz", gzip.compress(idx(PICTURES.pixels)[:-9])), "a.gz is cut off: its"),
        (lambda folder: written(folder / "a.gz", gzip.compress(idx(PICTURES.pixels))[:-900]), "damaged or cut-off .gz"),
        (lambda folder: saved(folder / "a.npy", np.zeros((5, 7))), "an array of shape 5×7 and type float64: "),
        (lambda folder: saved(folder / "a.npy", np.array([{}] * 3)), "holds Python objects .pickle., which are"),
        (lambda folder: saved(folder / "a.npy", np.zeros((0, 7, 7))), "holds no pictures: its shape is 0×7×7"),
        (lambda folder: saved(folder / "a.npz", x=np.zeros(3)), "holds no array of pictures .* it holds x 3"),
        (lambda folder: written(folder / "a.parquet", b"PAR1 and then"), "a.parquet is not a whole Parquet file"),
        (lambda folder: [3], "item 0 is a int: an item is a path, an array or a Pillow picture"),
        (lambda folder: [], "an empty list came"),
        (lambda folder: 3, "a int came: give a path"),
        (lambda folder: b"", "a bytes came"),
        (lambda folder: "", "an empty name came"),
    ],
)  # fmt: skip
def test_what_is_no_source_of_pictures(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_images(make(tmp_path))


def test_two_files_of_arrays_in_a_folder(tmp_path: Path) -> None:
    for name in ("train", "test"):
        np.save(tmp_path / f"{name}.npy", PICTURES.pixels)
    with pytest.raises(DataError, match=r"holds 2 files of arrays \(test.npy, train.npy\): name the one to read"):
        open_images(tmp_path)


def test_labels_and_keys_are_one_a_picture() -> None:
    with pytest.raises(DataError, match="holds 12 pictures and 2 labels: one each is needed"):
        open_images(PICTURES.pixels, labels=["a", "b"])
    with pytest.raises(DataError, match="holds 12 pictures and 1 keys"):
        open_images(PICTURES.pixels, keys=["a"])


def test_arrays_need_no_pillow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = folder_of(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    np.testing.assert_array_equal(open_images(PICTURES.pixels)[2], PICTURES.pixels[2])
    with pytest.raises(MissingExtra, match=r"reading pictures needs pillow: pip install 'likewise\[vision\]'"):
        open_images(path)[0]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def saved(path: Path, array: Any = None, **arrays: Any) -> Path:
    if arrays:
        np.savez(path, **arrays)
    else:
        np.save(path, array, allow_pickle=True)
    return path


def test_shared_cifar10() -> None:
    source = shared_cifar10("test")
    if source is None:
        pytest.skip("CIFAR-10 is not on this machine")
    assert (len(source), source[0].shape) == (5000, (32, 32, 3))
    assert len(set(source.labels or [])) == 10
    assert len(set(source.metadata["term"])) > 100


def test_shared_fashion() -> None:
    source = shared_fashion("t10k")
    if source is None:
        pytest.skip("Fashion-MNIST is not on this machine")
    assert (len(source), source.channels) == (10_000, 1)
    assert source.labels is not None
    assert sorted({source.labels.count(label) for label in set(source.labels)}) == [1000]
