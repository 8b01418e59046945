"""Safetensors: what the package of that name writes, we read, and the other way round."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from likewise.errors import FormatError
from likewise.space.tensors import map_arrays, map_matrix, read_matrix, write_arrays, write_matrix


def written(path, header, data=b""):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_the_package_reads_ours(tmp_path):
    blocks = [np.random.default_rng(i).normal(size=(i, 5)).astype(np.float32) for i in (3, 1, 4)]
    with (tmp_path / "v").open("wb") as file:
        assert write_matrix(file, "vectors", 5, iter(blocks)) == 8
    assert np.array_equal(load_file(tmp_path / "v")["vectors"], np.concatenate(blocks))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_we_read_the_packages(tmp_path, kind):
    matrix = np.arange(12, dtype=kind).reshape(4, 3)
    save_file({"other": np.zeros(3), "vectors": matrix}, tmp_path / "v")
    assert np.array_equal(map_matrix(tmp_path / "v", "vectors"), matrix)
    assert read_matrix(tmp_path / "v", "vectors").dtype == np.float32
    assert isinstance(map_matrix(tmp_path / "v", "vectors"), np.memmap)


@pytest.mark.parametrize("read", [load_file, map_arrays])
def test_arrays_of_all_kinds_come_back(tmp_path, read):
    pieces = [np.full(n, n, np.uint64) for n in (2, 0, 3)]
    arrays = {"whole": [np.arange(6, dtype=np.int32).reshape(1, 2, 3)], "pieces": pieces, "none": [np.zeros((0, 4))]}
    with (tmp_path / "v").open("wb") as file:
        write_arrays(file, arrays)
    found = read(tmp_path / "v")
    assert set(found) == set(arrays)
    for name, wanted in arrays.items():
        assert found[name].dtype == wanted[0].dtype
        np.testing.assert_array_equal(found[name], np.concatenate(wanted))


def test_an_empty_matrix(tmp_path):
    with (tmp_path / "v").open("wb") as file:
        write_matrix(file, "vectors", 5, [])
    assert map_matrix(tmp_path / "v", "vectors").shape == (0, 5)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 12]}, "does not fit"),
        ({"dtype": "F32", "shape": [2, 2], "data_offsets": [8, 24]}, "does not fit"),
        ({"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}, "does not fit"),
        ({"dtype": "F32", "shape": [2, 2], "data_offsets": [-16, 0]}, "does not fit"),
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "a matrix of F16, F32 or F64"),
        ({"dtype": "I32", "shape": [2, 2], "data_offsets": [0, 16]}, "a matrix of F16, F32 or F64"),
        ({"dtype": "F32", "shape": [2, 2]}, "not a safetensors file"),
        ({"dtype": "F32", "shape": "x", "data_offsets": [0, 16]}, "not a safetensors file"),
        ([], "not a safetensors file"),
    ],
)
def test_forged_headers_are_refused(tmp_path, entry, says):
    with pytest.raises(FormatError, match=says):
        map_matrix(written(tmp_path / "v", {"vectors": entry}, bytes(16)), "vectors")


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"\x08\0\0\0\0\0\0\0notjson!", (1 << 60).to_bytes(8, "little")])
def test_what_is_no_safetensors_file_is_refused(tmp_path, data):
    (tmp_path / "v").write_bytes(data)
    with pytest.raises(FormatError, match="not a safetensors file"):
        map_matrix(tmp_path / "v", "vectors")
