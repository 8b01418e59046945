"""What a person would try with the words family: a sentence or a sensible result, never NaN, never a traceback."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run
from likewise.errors import DataError, KeyMissing, OptionError
from likewise.opening import Run
from likewise.recipes import RECIPES, describe
from likewise.session import Session

PLAIN = "the king and the queen of the river\n" * 200
TEXTS = {
    "two words": "yes no yes no yes\n" * 20,
    "three words": "one two three\n" * 9,
    "a word of 10,000 letters": PLAIN + ("x" * 10_000 + " king\n") * 6,
    "emoji": "the 😀 king 👩‍👩‍👧 queen 🇫🇷 ❤️ river\n" * 50,
    "no spaces": "日本語の文章はスペースなしで書かれます。\n" * 50 + "中文没有空格\n" * 50,
    "right to left": "ملك ملكة نهر ملك\nמלך מלכה נהר מלך\n" * 50,
    "combining marks": "café cafe\u0301 Z\u0323a\u0300\u0301\u0302\u0303lgo naïve n\u0303o\n" * 50,
    "short sentences": "a b\nc d\nb c\n" * 100,
    "one line": PLAIN.replace("\n", " "),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "one dim": {"dim": 1},
    "more dims than words": {"dim": 300},
    "a window over all": {"window": 1000},
    "two words kept": {"max_vocabulary": 2},
    "more noise than words": {"negative": 30},
    "one bucket": {"buckets": 1},
    "no n-grams": {"max_n": 0},
    "n-grams of any length": {"min_n": 0, "max_n": 100},
    "counts on disk": {"memory": 1e-9},
    "a high rate": {"rate": 0.3},
    "counts that weigh all": {"x_max": 1e-9},
    "counts that weigh nothing": {"x_max": 1e12},
    "a shift that takes much off": {"shift": 1.3},
    "no smoothing": {"smoothing": 0.0},
    "equal axes": {"eigen_power": 0.0},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no epochs": ({"epochs": 0}, "epochs=0 is out of range: it is from 1 up"),
    "no dims": ({"dim": 0}, "dim=0 is out of range: it is from 1"),
    "a window of none": ({"window": 0}, "window=0 is out of range: it is from 1"),
    "a window beyond all": ({"window": 10**6}, "window"),
    "rarer than all": ({"min_count": 10**6}, "no word of .* is seen 1000000 times.*give --min-count 600 or less"),
    "a vocabulary of one": ({"max_vocabulary": 1}, "the vocabulary has 1 word.*at least two are needed"),
    "lengths the wrong way round": ({"min_n": 5, "max_n": 3}, "min_n is 5: it is a length from 0 to max_n, which is 3"),
    "no buckets": ({"buckets": 0}, "buckets=0 is out of range"),
    "too many buckets": ({"buckets": 3 * 10**9}, "buckets is 3000000000"),
    "x_max 0": ({"x_max": 0}, "x_max=0.0 is out of range"),
    "x_max below 0": ({"x_max": -1}, "x_max=-1.0 is out of range"),
    "x_max beyond all": ({"x_max": 1e300}, r"x_max=1e\+300 is out of range"),
    "memory below 0": ({"memory": -1}, "memory=-1.0 is out of range"),
    "a shift above all": ({"shift": 1e6}, "no two words meet more often than by chance"),
}


def sound(made: Run) -> None:
    """Everything that was learned is a number, and each word has neighbours."""
    vectors, output = made.space.vectors, getattr(made.encoder, "output", None)
    assert np.isfinite(vectors).all()
    assert output is None or np.isfinite(output).all()
    for word in made.space.keys[:3]:
        assert all(math.isfinite(found.score) for found in made.space.near(word, 3))


def learned(recipe: str, text: str, **options: Any) -> Run:
    given = {"dim": 8, "threads": 1, "epochs": 2} | options
    known = describe(RECIPES[recipe]) | {"out": None}
    session = Session()
    given = {name: value for name, value in given.items() if name in known}
    made = lw.learn(text.splitlines(), recipe=recipe, report=False, session=session, **given)
    losses = [entry[name] for entry in session.log for name in ("loss_train", "share_of_squares") if name in entry]
    assert losses or recipe == "onehot"  # which learns nothing
    assert all(loss is None or math.isfinite(loss) for loss in losses)
    return made


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("text", TEXTS)
def test_strange_texts(recipe: str, text: str) -> None:
    sound(learned(recipe, TEXTS[text]))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", OPTIONS)
def test_options_at_the_edge(recipe: str, name: str) -> None:
    if not OPTIONS[name].keys() <= describe(RECIPES[recipe]).keys():
        pytest.skip(f"{recipe} has no such option")
    sound(learned(recipe, PLAIN, **OPTIONS[name]))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", REFUSED)
def test_options_beyond_the_edge(recipe: str, name: str) -> None:
    options, says = REFUSED[name]
    if (recipe, name) == ("onehot", "a vocabulary of one"):
        pytest.skip("one word, too, has a dimension of its own")
    if not options.keys() <= describe(RECIPES[recipe]).keys():
        pytest.skip(f"{recipe} has no such option")
    with pytest.raises((OptionError, DataError), match=says):
        learned(recipe, PLAIN, **options)


@pytest.mark.parametrize("text", ["one two three\n", "a b c\n"])
@pytest.mark.parametrize("recipe", ["glove", "ppmi"])
def test_counts_of_three_words(recipe: str, text: str) -> None:
    made = learned(recipe, text, min_count=1)
    sound(made)
    assert len(made.space) == 3


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("recipe", ["word2vec", "fasttext"])
def test_a_rate_that_diverges_is_a_sentence(recipe: str, loss: str, model: str, tmp_path: Path) -> None:
    for more in ({}, {"reproducible": True}):
        with pytest.raises(OptionError, match=r"it diverged: .* lower the rate, which is 90 \("):
            learned(recipe, PLAIN, rate=90, loss=loss, model=model, sample=0.0, out=tmp_path / "run", **more)
    assert list(tmp_path.iterdir()) == []


def test_glove_that_diverges_is_a_sentence() -> None:
    with pytest.raises(OptionError, match=r"it diverged: .* lower the rate, which is 10 \("):
        learned("glove", PLAIN, rate=10)


def test_noise_that_crowds_a_small_vocabulary_is_named() -> None:
    with pytest.raises(
        OptionError, match=r"it diverged: .*; take fewer noise words than 1000, or lower the rate, which is 0.025"
    ):
        learned("word2vec", PLAIN, negative=1000, sample=0.0)


def test_a_loss_that_rose_is_told() -> None:
    notes = learned("fasttext", PLAIN, rate=5.0, loss="hs", dim=100, epochs=5).manifest["notes"]
    assert any("the loss rose from" in note and "it did not learn; lower the rate" in note for note in notes), notes


@pytest.mark.parametrize("recipe", ["word2vec", "fasttext"])
def test_nothing_to_learn_from_is_told(recipe: str) -> None:
    notes = learned(recipe, TEXTS["three words"]).manifest["notes"]
    assert any("nothing was learned" in note and "sample 0" in note for note in notes), notes
    assert not any(
        "nothing was" in note for note in learned(recipe, TEXTS["three words"], sample=0.0).manifest["notes"]
    )


@pytest.fixture(scope="module")
def letters() -> Run:
    return learned("fasttext", TEXTS["emoji"], sample=0.0, min_n=3)


@pytest.mark.parametrize(
    "word", ["", " ", "😀", "👩‍👩‍👧", "日本", "ملك", "a", "</s>", "e\u0301", "x" * 10_000, "x" * 1_000_000]
)
def test_words_without_a_known_ngram(word: str, letters: Run) -> None:
    sentence = "it is empty: give a key" if not word.strip() else "is not here among 4 keys"
    with pytest.raises(KeyMissing, match=sentence) as raised:
        letters.with_words([word])
    assert len(str(raised.value)) < 200
    assert not letters.place([word]).vectors.any()
    assert not letters.embed([word]).any()


@pytest.mark.parametrize("word", ["kin" * 3000, "kin\0g", "the king", "k😀king"])
def test_words_with_a_known_ngram(word: str, letters: Run) -> None:
    (found,) = letters.with_words([word]).near(word, 1)
    assert math.isfinite(found.score)
    assert np.isfinite(letters.place([word]).vectors).all()


def test_half_a_character_is_a_sentence(letters: Run) -> None:
    with pytest.raises(DataError, match=r"half of a character \(a lone surrogate\)"):
        letters.with_words(["kin\udcff"])
    with pytest.raises(DataError, match=r"\ud800|surrogate|string without NUL"):
        lw.learn([["king", "\ud800", "queen"]] * 9, report=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["near", "RUN", ""], "'' is not here among 4 keys: it is empty: give a key"),
        (["near", "RUN", "--text", ""], "no word of '' is known"),
        (["near", "RUN", "--text", "日本 " * 5000], "no word of '日本 日本"),
        (["near", "RUN", "z" * 100_000], "(100,000 letters) is not here"),
        (["near", "RUN", os.fsdecode(b"\xff")], "half of a character"),
        (["analogy", "RUN", "king", "", "queen"], "'' is not here among 4 keys: it is empty"),
        (["embed", "RUN", "empty.txt"], "empty.txt is empty (0 bytes)"),
        (["embed", "RUN", "nul.txt"], "nul.txt holds a NUL byte at line 2"),
        (["embed", "RUN", "half.txt", "--kind", "word"], "half.txt is not UTF-8 at line 2, byte 0: give --encoding"),
        (["embed", "RUN", "half-first.txt"], "half-first.txt is not UTF-8 from its first byte"),
    ],
)
def test_questions_with_strange_words(
    arguments: list[str], says: str, letters: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    letters.save("RUN")
    Path("empty.txt").touch()
    Path("nul.txt").write_bytes(b"king\nthe\0queen\n")
    Path("half.txt").write_bytes(b"king\n\xed\xa0\x80\n")
    Path("half-first.txt").write_bytes(b"\xed\xa0\x80\nking\n")
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert len(said) < 400


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.bin", bytes(range(256)) * 40, "t.bin holds a NUL byte at line 1"),
        ("t.txt", "😀 😂 😀\n".encode() * 30, "Emoji and other signs are words with --tokenizer whitespace"),
    ],
)
def test_files_that_are_no_text(
    recipe: str, name: str, data: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    assert run(["learn", recipe, str(tmp_path / name), "--out", str(tmp_path / "run"), "--quiet"]) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", ["a sentence a million times", "a line of 50 MB", "a word of a million letters"])
def test_large_strange_files(recipe: str, name: str, tmp_path: Path) -> None:
    texts = {
        "a sentence a million times": "the quick brown fox\n" * 1_000_000,
        "a line of 50 MB": "the king and the queen of the river " * 1_400_000,
        "a word of a million letters": PLAIN + ("y" * 1_000_000 + " king\n") * 6,
    }
    (tmp_path / "t.txt").write_text(texts[name])
    made = [str(tmp_path / "t.txt"), "--out", str(tmp_path / "run"), "--no-report", "--quiet"]
    made += [] if recipe == "onehot" else ["--dim", "10"]
    assert run(["learn", recipe, *made]) == 0
    sound(lw.open(tmp_path / "run"))
    assert lw.open(tmp_path / "run").verify() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
@pytest.mark.parametrize("keep", [False, True])
def test_counts_on_a_full_disk_are_a_sentence(keep: bool, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        rng = np.random.default_rng(0)
        lines = [" ".join(f"w{i}" for i in rng.integers(4000, size=20)) for _ in range(10_000)]
        (tmp_path / "t.txt").write_text("\n".join(lines))
        given = ["--memory", "0" if not keep else "4", *(["--keep-counts"] if keep else []), "--no-report"]
        command = ["learn", "glove", str(tmp_path / "t.txt"), "--out", str(disk / "run"), "--epochs", "1", *given]
        done = subprocess.run([sys.executable, "-m", "likewise", *command], capture_output=True, text=True)
        assert done.returncode == 2, done.stderr
        assert "no room in" in done.stderr
        assert "the co-occurrence counts" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [path for path in disk.rglob("*") if path.is_file()], list(disk.rglob("*"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
