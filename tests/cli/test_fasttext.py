"""fastText's own command line: the same words, the same files, and a sentence for what is not here."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run
from likewise.session import Session
from likewise.sources.small_language import small_language

PEER = os.environ.get("LIKEWISE_FASTTEXT_PYTHON", "")


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(small_language(sentences=300).lines) + "\nUPPER </s> UPPER king\n" * 3)
    return path


def learned(*more: str) -> int:
    given = "-input text.txt -output made.en -dim 6 -epoch 2 -minCount 1 -bucket 3000 -thread 1 -seed 3 -verbose 0"
    return run(["fasttext", "skipgram", *given.split(), *more])


def test_it_learns_and_writes_both_files(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert learned("-minn", "2", "-maxn", "4", "-ws", "3", "-neg", "2", "-t", "0.01", "-lr", "0.04") == 0
    said = capsys.readouterr()
    assert "→ made.en.bin" in said.out
    assert said.err == ""
    made, vec = lw.open("made.en.bin"), lw.open("made.en.vec")
    assert sorted(path.name for path in text.parent.iterdir()) == ["made.en.bin", "made.en.vec", "text.txt"]
    options = made.manifest["options"]
    wanted = {"dim": 6, "epochs": 2, "min_count": 1, "buckets": 3000, "min_n": 2, "max_n": 4, "window": 3}
    assert wanted.items() <= options.items()
    assert (options["negative"], options["sample"], options["loss"]) == (2, 0.01, "ns")
    assert made.space.keys == vec.space.keys
    np.testing.assert_array_equal(made.space.vectors, vec.space.vectors)
    assert {"UPPER", "</s>"} <= set(made.space.keys)
    same = lw.learn(
        str(text), recipe="fasttext", dim=6, epochs=2, min_count=1, buckets=3000, threads=1, seed=3, min_n=2, max_n=4,
        window=3, negative=2, sample=0.01, rate=0.04, tokenizer="whitespace", lowercase=False, held_out=0.0,
        report=False,
    )  # fmt: skip
    np.testing.assert_array_equal(made.space.vectors, same.space.vectors)


def test_cbow_and_trees(text: Path) -> None:
    given = "-input text.txt -output tree -dim 4 -epoch 1 -minCount 1 -maxn 0 -loss hs -thread 1 -lrUpdateRate 100"
    assert run(["fasttext", "cbow", *given.split()]) == 0
    options = lw.open("tree.bin").manifest["options"]
    assert (options["model"], options["loss"], options["max_n"]) == ("cbow", "hs", 0)
    assert run(["fasttext", "cbow", *given.split(), "-bucket", "0"]) == 0
    assert run(["fasttext", "cbow", *given.split()]) == 0  # again, over what is there, as fastText does


def test_it_answers_from_standard_input(
    text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learned() == 0
    capsys.readouterr()
    made = lw.open("made.en.bin")
    word = made.space.keys[5]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{word} {word}x\n{'日' * 9}\n"))
    assert run(["fasttext", "nn", "made.en.bin", "2"]) == 0
    said = capsys.readouterr()
    first, second, *rest = said.out.split("Query word? ")[1:]
    assert first.splitlines() == [f"{n.key} {n.score:.6g}" for n in made.space.near(word, 2)]
    assert len(second.splitlines()) == 2
    assert len(rest) == 2
    assert rest[1] == "\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{word} {word}x\n"))
    assert run(["fasttext", "print-word-vectors", "made.en.bin"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [word, f"{word}x"]
    printed = np.array([line.split()[1:] for line in lines], np.float32)
    np.testing.assert_allclose(printed, made.place([word, f"{word}x"]).vectors, rtol=1e-4)


def test_all_that_scripts_say(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every option of fastText's own help for words, in its order; the folder of the output is made."""
    given = """-verbose 2 -minCount 1 -minCountLabel 0 -wordNgrams 1 -bucket 2000 -minn 3 -maxn 6 -t 0.0001
        -label __label__
        -lr 5e-2 -lrUpdateRate 100 -dim 8 -ws 5 -epoch 1 -neg 5 -loss ns -thread 2 -input text.txt -output a/b/words"""
    assert run(["fasttext", "skipgram", *given.split()]) == 0
    assert "→ a/b/words.vec" in capsys.readouterr().out
    assert lw.open("a/b/words.bin").space.dim == 8


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "there are skipgram, cbow, nn, print-word-vectors"),
        ("skipgrm", "did you mean skipgram?"),
        ("frobnicate", "there are skipgram"),
        ("supervised -input x", "fastText's supervised is not here: likewise learns no classifiers"),
        ("quantize", "keep the .bin"),
        ("print-sentence-vectors m", "`likewise embed MODEL FILE`"),
        ("predict m x", "learns no classifiers"),
        ("skipgram", "needs -input and -output: likewise fasttext skipgram -input FILE -output NAME"),
        ("cbow -input text.txt", "cbow needs -output"),
        ("skipgram -input text.txt -output y -dimm 4", "has no option -dimm: did you mean -dim?"),
        ("skipgram -input text.txt -output y -xyzzyx 4", "it has -input -output -dim"),
        ("cbow -input text.txt -output y -dim ten", "-dim is 'ten': it must be a whole number"),
        ("cbow -input text.txt -output y -lr fast", "-lr is 'fast': it must be a number"),
        ("cbow -loss softmax", "here it is ns or hs"),
        ("cbow text.txt", "does not know what to do with 'text.txt'"),
        ("cbow -dim", "-dim needs a value behind it"),
        ("cbow -pretrainedVectors x", "`likewise learn`"),
        ("cbow -saveOutput", "in the .bin already"),
        ("skipgram -input nofile -output y", "nofile does not exist"),
        ("skipgram -input text.txt -output y -ws 0", "window=0 is out of range"),
        ("skipgram -input text.txt -output text.txt/y -minCount 1 -epoch 1 -dim 2", "text.txt cannot be written into"),
        ("skipgram -input text.txt -output new/", "it is a name to which .bin and .vec are added"),
        ("cbow -input text.txt -output y -dim=100", "a blank stands between both, -dim 100"),
        ("cbow -cutoff 100", "it quantises classifiers"),
        ("cbow -autotune-validation x", "it tunes classifiers"),
        ("nn", "nn needs a model: likewise fasttext nn MODEL [K] < WORDS"),
        ("nn text.txt 0", "K is 0"),
        ("nn text.txt many", "K is 'many'"),
        ("print-word-vectors", "needs a model"),
        ("print-word-vectors a b", "needs a model"),
        ("nn nothing.bin", "no run and no file of vectors at nothing.bin"),
    ],
)
def test_what_is_not_here_is_a_sentence(
    given: str, sentence: str, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fasttext", *given.split()]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert [path.name for path in text.parent.iterdir()] == ["text.txt"]


def test_stopped_while_it_learns_it_writes_nothing(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = lw.learn

    def stopped(*data: Any, session: Session, **options: Any) -> Any:
        made = learn(*data, session=session, **options)
        session.stop()
        return made

    monkeypatch.setattr(lw, "learn", stopped)
    assert learned() == 130
    assert [path.name for path in text.parent.iterdir()] == ["text.txt"]


def test_its_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fasttext", "--help"]) == 0
    assert "print-word-vectors MODEL" in capsys.readouterr().out


@pytest.mark.skipif(not PEER, reason="LIKEWISE_FASTTEXT_PYTHON names no Python that has fasttext")
def test_its_program_answers_the_same(
    text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learned() == 0
    word = lw.open("made.en.bin").space.keys[5]
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{word}\n{word}x\n"))
    assert run(["fasttext", "nn", "made.en.bin", "3"]) == 0
    ours = [line.split()[0] for line in capsys.readouterr().out.replace("Query word? ", "").splitlines() if line]
    script = (
        "import fasttext, sys; m = fasttext.load_model('made.en.bin');"
        "print(*[w for q in sys.argv[1:] for _, w in m.get_nearest_neighbors(q, k=3)])"
    )
    out = subprocess.run([PEER, "-c", script, word, f"{word}x"], check=True, capture_output=True, text=True)
    assert ours == out.stdout.split()
