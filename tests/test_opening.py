"""Runs saved and opened again: what comes back is what went in, checked."""

import numpy as np
import pytest

from likewise.errors import RunExists
from likewise.opening import Run, open, open_space
from likewise.space import Space
from likewise.words.table import WordTable


class Page:
    def as_json(self):
        return {"verdict": "healthy"}

    def to_html(self):
        return "<!doctype html>"


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
