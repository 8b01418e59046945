"""Runs saved and opened again: what comes back is what went in, checked."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from likewise.errors import FingerprintError, FormatError, IntegrityError, OptionError, RunError, RunExists, ShapeError
from likewise.files import digest_of_file, digest_of_json
from likewise.opening import Run, open, open_space, verify
from likewise.run import RunFolder, _pretty
from likewise.space import Space
from likewise.words.table import WordTable


class Page:
    def as_json(self):
        return {"verdict": "healthy"}

    def to_html(self):
        return "<!doctype html>"

    def files(self):
        return {}


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    space = Space([f"w{i}" for i in range(50)], rng.normal(size=(50, 8)), items={"count": np.arange(50)[::-1]})
    table = WordTable(space, output=rng.normal(size=(50, 8)).astype(np.float32), tokenizer={"lowercase": True})
    return Run(space=table.space, encoder=table, manifest={"recipe": "word2vec"}, report=Page(), log=[{"epoch": 1}])


def test_what_is_saved_comes_back(run, tmp_path):
    run.save(tmp_path / "run")
    again = open(tmp_path / "run")
    assert again.space.keys == run.space.keys
    assert np.array_equal(again.space.vectors, run.space.vectors)
    assert again.space.items["count"].tolist() == list(range(49, -1, -1))
    assert again.space.fingerprint == run.space.fingerprint == run.encoder.fingerprint == again.encoder.fingerprint
    assert np.array_equal(again.encoder.output, run.encoder.output)
    assert again.encoder.tokenizer == {"lowercase": True}
    assert again.report == {"verdict": "healthy"}
    assert again.log == [{"epoch": 1}]
    assert again.manifest["recipe"] == "word2vec"
    assert again.verify() == []
    assert np.array_equal(again.embed(["w1 w2"]), run.embed(["w1 w2"]))


def test_a_saved_run_can_be_saved_again(run, tmp_path):
    run.save(tmp_path / "run")
    again = open(tmp_path / "run")
    again.save(tmp_path / "copy")
    assert open(tmp_path / "copy").report == {"verdict": "healthy"}
    with pytest.raises(RunExists, match="--overwrite"):
        again.save(tmp_path / "copy")
    again.save(tmp_path / "copy", overwrite=True)
    assert np.array_equal(open_space(tmp_path / "copy").vectors, run.space.vectors)


def forged(path, name, change):
    """Change a JSON file of a run and write a manifest that fits, as somebody with bad intentions would."""
    value = json.loads((path / name).read_bytes())
    change(value)
    (path / name).write_text(json.dumps(value))
    reseal(path)


def reseal(path):
    files = {name: path / name for name in RunFolder(path).files}
    manifest = json.loads((path / "run.json").read_bytes())
    manifest["files"] = {name: digest_of_file(file) for name, file in files.items()}
    manifest.pop("digest")
    manifest["digest"] = digest_of_json(manifest)
    (path / "run.json").write_bytes(_pretty(manifest))


def test_an_unknown_kind_of_encoder_runs_nothing(run, tmp_path):
    path = run.save(tmp_path / "run")
    forged(path, "encoder/encoder.json", lambda about: about.update(kind="os.system"))
    assert len(open(path).space) == 50
    with pytest.raises(RunError, match=r"kind 'os.system'; this version reads word-table"):
        open(path).embed(["w1"])


def test_an_encoder_of_another_run_is_refused(run, tmp_path):
    path = run.save(tmp_path / "run")
    forged(path, "encoder/encoder.json", lambda about: about.update(fingerprint="sha256:0"))
    with pytest.raises(IntegrityError, match="belongs to another run"):
        open(path).embed(["w1"])


def test_keys_and_vectors_of_a_forged_run_must_fit(run, tmp_path):
    path = run.save(tmp_path / "run")
    pq.write_table(pa.table({"key": ["a"], "kind": ["word"]}), path / "space/items.parquet")
    reseal(path)
    with pytest.raises(ShapeError, match="1 keys came for 50 vectors"):
        open_space(path)
    pq.write_table(pa.table({"a": ["a"]}), path / "space/items.parquet")
    reseal(path)
    with pytest.raises(FormatError, match="not the item table"):
        open_space(path)


def test_a_changed_space_is_not_saved_beside_its_old_encoder(run, tmp_path):
    changed = Run(space=run.space.normalise(), encoder=run.encoder, manifest={})
    with pytest.raises(FingerprintError, match="save the encoder's own space"):
        changed.save(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_foreign_encoder_cannot_be_saved(run, tmp_path):
    class Mine:
        dim, fingerprint = 8, run.space.fingerprint

        def embed(self, objects, *, kind=None):
            return np.zeros((len(objects), 8))

        def state(self):
            return {}, {}

    foreign = Run(space=run.space, encoder=Mine(), manifest={})
    assert foreign.embed(["x"]).shape == (1, 8)
    with pytest.raises(RunError, match="type Mine cannot be saved: kinds are word-table"):
        foreign.save(tmp_path / "run")


def test_the_vectors_of_a_run_are_mapped_and_stored_once(run, tmp_path):
    path = run.save(tmp_path / "run")
    vectors = open_space(path).vectors
    while vectors is not None and not isinstance(vectors, np.memmap):
        vectors = vectors.base
    assert vectors is not None
    about = json.loads((path / "encoder/encoder.json").read_bytes())
    assert about["vectors"] == {"file": "space/vectors.safetensors", "tensor": "vectors"}
    assert sorted(file.name for file in (path / "encoder").iterdir()) == [
        "encoder.json", "output.safetensors", "tokenizer.json",
    ]  # fmt: skip


def test_what_cannot_be_opened(run, tmp_path):
    with pytest.raises(RunError, match="no run and no file of vectors"):
        open(tmp_path / "none")
    with pytest.raises(RunError, match="is not a run"):
        open(tmp_path)
    path = run.save(tmp_path / "run")
    with pytest.raises(OptionError, match="holds its own keys"):
        open(path, keys=tmp_path / "keys")
    with pytest.raises(RunError, match="not a run folder"):
        run.verify()
    assert "in memory" in repr(run)
    assert str(path) in repr(open(path))
    assert open(path).verify() == verify(path) == []
