"""The recipe of one-hot words: known by arithmetic, taken by every verb, and honest about what it cannot tell."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run as likewise
from likewise.errors import OptionError
from likewise.recipes import RECIPES
from likewise.session import Session
from likewise.sources.small_language import small_language

LANGUAGE = small_language(sentences=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("onehot") / "run"
    lw.learn(LANGUAGE.lines, recipe="onehot", min_count=1, out=out, report=False)
    return out


def test_a_run_is_the_identity_kept_once_and_opened_again(folder: Path) -> None:
    run = lw.open(folder)
    assert run.verify() == []
    n = len(run.space)
    np.testing.assert_array_equal(run.space.vectors, np.eye(n, dtype=np.float32))
    assert run.manifest["encoder"] == "word-table"
    about = json.loads((folder / "encoder" / "encoder.json").read_text())
    assert about["vectors"] == {"file": "space/vectors.safetensors", "tensor": "vectors"}
    large = [path for path in folder.rglob("*") if path.stat().st_size >= 4 * n * n]
    assert large == [folder / "space" / "vectors.safetensors"]
    assert (run.space.items["count"][:-1] >= run.space.items["count"][1:]).all()


def test_the_same_text_is_the_same_run(folder: Path, tmp_path: Path) -> None:
    lw.learn(LANGUAGE.lines, recipe="onehot", min_count=1, out=tmp_path / "again", report=False)
    one, two = (lw.open(path).manifest["files"] for path in (folder, tmp_path / "again"))
    for name in one:
        assert name == "run.json" or one[name] == two[name]


def test_a_text_is_the_share_of_each_word_in_it() -> None:
    run = lw.learn(["a b b c", "a a d"] * 5, recipe="onehot", report=False)
    shares = dict(zip(run.space.keys, run.embed(["a b b c"], pooling="mean")[0].tolist(), strict=True))
    assert shares == {"a": 0.25, "b": 0.5, "c": 0.25, "d": 0.0}
    counts = dict(zip(run.space.keys, run.space.items["count"].tolist(), strict=True))
    weighted = dict(zip(run.space.keys, run.embed(["a c"], pooling="weighted")[0].tolist(), strict=True))
    for word in "ac":
        assert weighted[word] == pytest.approx(1e-3 / (1e-3 + counts[word] / 35) / 2, rel=1e-6)
    assert weighted["c"] > weighted["a"]


def test_the_most_frequent_words_are_kept() -> None:
    run = lw.learn(["a a a b b c"] * 5, recipe="onehot", max_vocabulary=2, report=False)
    assert list(run.space.keys) == ["a", "b"]
    assert run.space.dim == 2
    assert run.manifest["derived"]["dim"]["value"] == 2
    assert run.log == []


def test_phrases_are_words_with_a_dimension_of_their_own() -> None:
    lines = [f"{a} new york {b}" for a, b in itertools.product("abcdef", "uvwxyz")]
    run = lw.learn(lines, recipe="onehot", min_count=1, phrases=0.5, report=False)
    assert "new_york" in run.space
    assert "york" not in run.space
    np.testing.assert_array_equal(run.embed(["new york"], pooling="mean")[0], run.space["new_york"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_vocabulary": 20_000}, r"20,000 words have 20,000 dims each: 1,600,000,000 bytes.* to 16,384 or less"),
        ({"max_vocabulary": None}, "must be a whole number"),
        ({"seeds": 2}, "nothing in onehot is drawn"),
        ({"seed": 2}, "onehot has no option seed"),
        ({"dim": 5}, "onehot has no option dim"),
    ],
)
def test_what_cannot_be_is_told_before_the_text_is_read(options: dict[str, Any], says: str) -> None:
    def unread() -> Any:
        raise AssertionError("the text was read")
        yield

    with pytest.raises(OptionError, match=says):
        lw.learn(unread(), recipe="onehot", **options)


def test_the_largest_that_is_allowed_fits_exactly() -> None:
    from likewise.words.onehot import check_room

    check_room(16_384)
    with pytest.raises(OptionError, match="16,384 or less"):
        check_room(16_385)


def test_near_says_that_all_are_equally_near(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = lw.open(folder).space.keys
    assert likewise(["near", str(folder), keys[7], "-k", "3"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{len(keys) - 1:,} of {len(keys):,} words are equally near, at 0.000" in shown
    assert likewise(["near", str(folder), keys[7], "-k", "3", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert [found["key"] for found in answer["near"]] == list(keys[:3])
    assert answer["equally_near"] == len(keys) - 1
    assert likewise(["near", str(folder), "--text", f"{keys[7]} {keys[9]}", "-k", "3", "--json", "--pooling=mean"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert [round(found["score"], 3) for found in answer["near"]] == [0.707, 0.707, 0.0]
    assert answer["equally_near"] == len(keys) - 2


def test_near_says_nothing_of_that_where_no_score_is_cut_off(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keys = lw.open(folder).space.keys
    assert likewise(["near", str(folder), keys[7], "-k", str(len(keys)), "--json"]) == 0
    assert "equally_near" not in json.loads(capsys.readouterr().out)[0]
    lw.learn(LANGUAGE.lines, recipe="ppmi", dim=8, min_count=1, out=tmp_path / "run", report=False)
    assert likewise(["near", str(tmp_path / "run"), keys[7], "--json"]) == 0
    assert "equally_near" not in json.loads(capsys.readouterr().out)[0]


def test_evaluate_finds_nothing_and_says_so(folder: Path, tmp_path: Path) -> None:
    run = lw.open(folder)
    questions, judged, topics = tmp_path / "questions.txt", tmp_path / "judged.tsv", tmp_path / "topics.tsv"
    questions.write_text(": role\n" + "\n".join(" ".join(q[1:]) for q in LANGUAGE.analogies))
    judged.write_text("\n".join(f"{a}\t{b}\t{s}" for a, b, s in LANGUAGE.pairs))
    topics.write_text("\n".join(f"{k}\t{v}" for k, v in LANGUAGE.labels))
    report = run.evaluate(analogies=[questions], pairs=[judged], labels=[topics])
    assert report.verdict["verdict"] == "healthy"
    numbers = list(itertools.chain.from_iterable(section.numbers for section in report.sections))
    assert all(np.isfinite(number.value) for number in numbers)
    (correlation,) = (n for n in numbers if n.name.endswith("spearman cosine"))
    assert (correlation.value, correlation.low, correlation.high) == (0, 0, 0)
    right = next(n for section in report.sections if section.title == "Analogies" for n in section.numbers)
    assert right.value <= 0.05
    probe = next(n for n in numbers if n.name.startswith("linear probe"))
    assert probe.value <= probe.baselines["most frequent class"] + 0.15
    read = next(section for section in report.sections if section.title == "Neighbours to read")
    assert "For all of the 15 words every other word is equally far" in read.text
    assert "all of the" not in next(s.text for s in learned_sections() if s.title == "Neighbours to read")


def learned_sections() -> Any:
    return lw.learn(LANGUAGE.lines, recipe="ppmi", dim=8, min_count=1, report=False).evaluate().sections


def test_other_verbs_take_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = lw.open(folder).space.keys
    assert likewise(["doctor", str(folder)]) == 0
    assert "healthy" in capsys.readouterr().out
    assert likewise(["analogy", str(folder), *keys[:3]]) == 0
    assert likewise(["verify", str(folder)]) == 0
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(LANGUAGE.lines[:5]))
    assert likewise(["embed", str(folder), str(texts), "--out", str(tmp_path / "texts.npy")]) == 0
    assert np.load(tmp_path / "texts.npy").shape == (5, len(keys))
    assert likewise(["convert", str(folder), str(tmp_path / "words.txt")]) == 0
    np.testing.assert_array_equal(lw.open(tmp_path / "words.txt").space.vectors, np.eye(len(keys)))


def test_small_texts() -> None:
    run = lw.learn(["one two"], recipe="onehot", min_count=1)
    assert run.space.vectors.tolist() == [[1, 0], [0, 1]]
    run = lw.learn(["a a a b"], recipe="onehot", min_count=1, max_vocabulary=1)
    assert run.space.vectors.tolist() == [[1]]


def test_a_stopped_reading_leaves_nothing(tmp_path: Path) -> None:
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        lw.learn(LANGUAGE.lines, recipe="onehot", session=session, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    assert RECIPES["onehot"]().name == "onehot"
