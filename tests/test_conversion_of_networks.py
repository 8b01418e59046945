"""Networks of texts converted: from a run or a checkpoint to what other programs load; what is none is a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run as command
from likewise.errors import OptionError, RunExists
from likewise.session import Finished, Note, Session
from likewise.space import Space

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from likewise.encoders.bert import Bert  # noqa: E402
from likewise.encoders.pretrained import load  # noqa: E402
from likewise.encoders.text_folder import write_text_folder  # noqa: E402
from likewise.encoders.texts import Reading, TextEncoder  # noqa: E402
from likewise.sources.tokenising import train_tokenizer  # noqa: E402

TEXTS = ["the king of the river", "a queen", "money in the bank"]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    tokenizer = train_tokenizer(TEXTS * 9, kind="wordpiece", vocabulary=80, lowercase=True)
    torch.manual_seed(2)
    network = Bert(tokens=tokenizer.get_vocab_size(), dim=16, depth=2, heads=2, places=24)
    return TextEncoder(network, tokenizer, Reading("class", normalised=True, tokens=20))


@pytest.fixture
def run(encoder: TextEncoder, tmp_path: Path) -> Path:
    vectors = encoder.embed(TEXTS)
    space = Space(TEXTS, vectors, fingerprint=encoder.fingerprint, kind="text", items={"text": TEXTS})
    return lw.Run(space=space, encoder=encoder, manifest={"recipe": "simcse"}).save(tmp_path / "run")


@pytest.mark.parametrize("to", ["sentence-transformers", "huggingface"])
def test_a_run_of_texts_goes_out_and_on(run: Path, encoder: TextEncoder, to: str, tmp_path: Path) -> None:
    events: list[Any] = []
    folder = lw.convert(run, tmp_path / "out", to=to, session=Session(events.append))
    assert (folder / "modules.json").exists() == (to == "sentence-transformers")
    if to == "sentence-transformers":
        np.testing.assert_allclose(load(folder).embed(TEXTS), encoder.embed(TEXTS), atol=1e-6)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == (
        []
        if (folder / "modules.json").exists()
        else [
            "how its tokens become a text's vector (pool class, scaled to length 1) is not told there: "
            "sentence-transformers tells"
        ]
    )
    weights = sum(weight.numel() for weight in encoder.network.state_dict().values())
    assert [e.facts for e in events if isinstance(e, Finished)] == [{"dims": 16, "weights": weights}]


def test_a_checkpoint_goes_out_too(encoder: TextEncoder, tmp_path: Path) -> None:
    write_text_folder(encoder, tmp_path / "theirs")
    folder = lw.convert(tmp_path / "theirs", tmp_path / "ours", to="sentence-transformers")
    assert load(folder).fingerprint == load(tmp_path / "theirs").fingerprint
    with pytest.raises(OptionError, match="theirs is what is read"):
        lw.convert(tmp_path / "theirs", tmp_path / "theirs", to="huggingface", overwrite=True)


def test_the_command_line_tells_what_was_written(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert command(["convert", str(run), str(out), "--to", "sentence-transformers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["out"], told["dim"]) == (str(out), 16)
    again = ["convert", str(run), str(out), "--to", "huggingface"]
    assert command(again) == 2
    assert "out exists: choose another name, or replace it with --overwrite" in capsys.readouterr().err
    assert command([*again, "--overwrite"]) == 0
    assert f"{told['weights']:,} weights, vectors of 16 dims → {out}" in capsys.readouterr().out
    assert not (out / "modules.json").exists()


def test_what_holds_no_network_of_texts_is_a_sentence(run: Path, tmp_path: Path) -> None:
    words = lw.learn([text.split() for text in TEXTS] * 60, dim=4, min_count=1, epochs=1, threads=1)
    words.save(tmp_path / "words")
    lw.convert(tmp_path / "words", tmp_path / "v.txt", to="word2vec")
    for name in ("words", "v.txt", "nothing"):
        with pytest.raises(OptionError, match=f"{name} holds no network of texts: --to huggingface writes that of a"):
            lw.convert(tmp_path / name, tmp_path / "out", to="huggingface")
    with pytest.raises(OptionError, match="which has no keys: leave out k.txt"):
        lw.convert(run, tmp_path / "out", to="huggingface", keys="k.txt")
    with pytest.raises(RunExists, match="exists and holds encoder: --overwrite replaces what likewise wrote"):
        lw.convert(run, tmp_path / "words", to="huggingface", overwrite=True)
    assert not (tmp_path / "out").exists()
