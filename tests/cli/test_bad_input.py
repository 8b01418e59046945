"""The bad input of a newcomer, item by item: one sentence that names the file and what to do, nothing half-written."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run

TEXT = b"the king and the queen of the river\n" * 50
SPACE = b"3 2\nking 1 2\nqueen 3 4\nriver 5 6\n"


def sentence(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command line that must fail, and return its one sentence."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    *before, last = printed.err.rstrip("\n").split("\n")
    assert code == 2, printed
    assert printed.out == ""
    assert last.startswith("likewise: ")
    assert all(line.startswith(("  ", "✓ ")) for line in before), before  # what was done until then
    return last.removeprefix("likewise: ")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.txt", b"", r"t\.txt is empty \(0 bytes\): give a file with text"),
        ("t.txt", b"\n \n\n", r"t\.txt holds no words: is it the right file, and is it text\?"),
        ("t.txt", b"hello\n" * 20, r"t\.txt holds only one word, 'hello': there is nothing to tell it from"),
        ("t.txt", b"all seen once\n", r"no word of .*t\.txt is seen 5 times: .* give --min-count 1 or less"),
        ("t.txt", TEXT + "café\n".encode("latin-1"), r"t\.txt is not UTF-8 at line 51, byte \d+: .*--errors replace"),
        ("t.txt", TEXT.decode().encode("utf-16"), r"t\.txt is not UTF-8 from its first byte: give --encoding \(UTF-16"),
        ("t.txt", TEXT + b"\0\n", r"t\.txt holds a NUL byte at line 51, byte \d+: .*--errors replace"),
        (
            "t.txt.gz",
            gzip.compress(TEXT, mtime=0)[:-12],
            r"t\.txt\.gz is a damaged or cut-off \.gz file .*: fetch it again",
        ),
        ("t.csv", b"id,words\n1,hello\n", r"t\.csv has no column 'text': its columns are id, words; name one"),
        ("t.csv", b"id,text\n1,a\n2\n", r"t\.csv:3 has 1 fields, its header has 2: mend that line"),
        ("t.jsonl", b'{"text": "a"}\n{"text":\n', r"t\.jsonl:2 is not JSON .*: each line is one object"),
        ("t.txt", TEXT, r"t\.txt has no column 'text': it looks like plain text, which is read without --column"),
    ],
)
def test_texts(name: str, data: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(data)
    column = ["--column", "text"] if "column" in says or not name.startswith("t.txt") else []
    said = sentence(capsys, "learn", tmp_path / name, "--out", tmp_path / "run", *column)
    assert re.search(says, said), said
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("way", [["--encoding", "latin-1"], ["--errors", "replace"], ["--errors", "ignore"]])
def test_the_ways_out_of_another_encoding_work(way: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(TEXT + "un café\n".encode("latin-1") * 9)
    quick = ["--dim", "4", "--no-report", "--quiet", "--threads", "1"]
    assert run(["learn", str(tmp_path / "t.txt"), "--out", str(tmp_path / "run"), *way, *quick]) == 0
    assert run(["embed", str(tmp_path / "run"), str(tmp_path / "t.txt"), *way, "--quiet"]) == 0


@pytest.mark.parametrize("files", [{}, {"empty.txt": b""}, {"deep/er/a.bin": b"\1\2\0"}])
def test_a_folder_without_text(files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    (tmp_path / "in").mkdir(exist_ok=True)
    said = sentence(capsys, "learn", tmp_path / "in", "--out", tmp_path / "run")
    assert re.search(r"in holds no text: .*; give a folder with text files", said)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    said = sentence(capsys, "learn", tmp_path / "in", "--out", tmp_path / "run")
    assert "holds one picture: learning needs at least 2" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty: give a file of vectors"),
        (SPACE.replace(b"3 2", b"4 2"), "holds 3 vectors, its header says 4: the file is cut off, or its first line"),
        (SPACE.replace(b"3 2", b"3 3"), "line 2: 2 numbers where 3 are due: mend the line"),
        (SPACE.replace(b"3 2", b"3 0"), "line 1: the header says 0 dims: at least one is needed"),
        (SPACE.replace(b"river", b"king"), "the key 'king' comes twice, in line 2 and line 4: keys must be unique"),
        (SPACE.replace(b"3 4", b"3 nan"), "line 3: the vector of 'queen' holds NaN, .*: mend it or leave it out"),
        (SPACE.replace(b"3 4", b"3 x"), "line 3: 'x' is not a number: mend the line"),
        (b"this is prose\nand no vectors\n", "is not a file of vectors: known are npy"),
    ],
)
@pytest.mark.parametrize("verb", ["doctor", "convert"])
def test_files_of_vectors(
    data: bytes, says: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.txt").write_bytes(data)
    said = sentence(capsys, verb, tmp_path / "v.txt", *([tmp_path / "new.npz"] if verb == "convert" else []))
    assert "v.txt" in said
    assert re.search(says, said), said
    assert [path.name for path in tmp_path.iterdir()] == ["v.txt"]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((3, 0), "f4"), r"shape \(3, 0\); \(rows, dims\) with at least one dim is needed"),
        (np.zeros((0, 3), "f4"), "holds no vectors: give a file with at least one"),
        (np.zeros(3, "f4"), r"shape \(3,\)"),
        (np.zeros((3, 2), "c8"), r"complex64; real numbers are needed: save it again"),
        (np.array([["a"]]), "real numbers are needed"),
        (np.array([[object()]]), "Python objects, and reading them could run foreign code: save it again"),
        (np.array([[1.0, np.nan]]), "row 0: the vector of '0' holds NaN"),
    ],
)
def test_arrays(array: np.ndarray, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "v.npy", array)
    said = sentence(capsys, "doctor", tmp_path / "v.npy")
    assert "v.npy" in said
    assert re.search(says, said), said


def test_keys_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "v.npy", np.eye(3, dtype="f4"))
    (tmp_path / "few").write_text("a\nb\n")
    (tmp_path / "twice").write_text("a\nb\na\n")
    ask = ("near", tmp_path / "v.npy", "a")
    assert "whose rows have only numbers: give --keys FILE" in sentence(capsys, *ask)
    assert "few has 2 keys" in sentence(capsys, *ask, "--keys", tmp_path / "few")
    assert "'a' comes twice, in row 0 and row 2" in sentence(capsys, *ask, "--keys", tmp_path / "twice")
    assert "there is no file of keys at" in sentence(capsys, *ask, "--keys", tmp_path / "none")


def test_unknown_keys_name_the_nearest_spellings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.txt").write_bytes(SPACE)
    assert (
        sentence(capsys, "near", tmp_path / "v.txt", "kign") == "'kign' is not here among 3 keys: did you mean 'king'?"
    )
    assert sentence(capsys, "analogy", tmp_path / "v.txt", "king", "quen", "river").endswith("did you mean 'queen'?")
    assert sentence(capsys, "near", tmp_path / "v.txt", "zzz").endswith("among 3 keys, and none is spelled like it")


@pytest.mark.parametrize("place", ["/proc/nowhere/run", "file/run"])
def test_a_folder_that_cannot_be_written(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("this machine has no /proc, where nobody may write")
    (tmp_path / "t.txt").write_bytes(TEXT)
    (tmp_path / "file").touch()
    said = sentence(capsys, "learn", tmp_path / "t.txt", "--out", tmp_path / place)
    assert str(Path(tmp_path / place).parent) in said
    said = sentence(capsys, "evaluate", _space(tmp_path), "--html", tmp_path / place, "--quiet")
    assert "could not write" in said
    assert "choose another place" in said


def test_an_out_that_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_bytes(TEXT)
    (tmp_path / "here").mkdir()
    ways = "here exists: choose another"
    assert ways in sentence(capsys, "learn", tmp_path / "t.txt", "--out", tmp_path / "here")
    assert ways in sentence(capsys, "convert", _space(tmp_path), tmp_path / "here", "--to", "npz")


def _space(folder: Path) -> Path:
    (folder / "v.txt").write_bytes(SPACE)
    return folder / "v.txt"


def test_options_of_other_libraries_also_misspelt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_bytes(TEXT)
    learn = ("learn", tmp_path / "t.txt")
    assert sentence(capsys, *learn, "--vector-size", 5).endswith("is what gensim calls it: here it is --dim")
    assert sentence(capsys, *learn, "--worker", 2).endswith("has no option --worker: did you mean --threads?")
    assert sentence(capsys, *learn, "--epochs", -1).startswith("epochs=-1 is out of range: it is from 1 up (passes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rate", "0"], "rate is 0.0: it must be above 0"),
        (["--min-rate", "1"], "min_rate 1.0 is above rate 0.025"),
        (["--dim", "100000000"], "dim is 100000000: it must be a whole number from 1 to 65536"),
        (["--power", "nan"], "power=nan: it must be a number"),
        (["--out", ""], "is no name for a run: give --out the name of a new folder"),
    ],
)
def test_options_that_cannot_be_are_named_before_the_text_is_read(
    options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_bytes(TEXT)
    capsys.readouterr()
    assert run(["learn", "t.txt", *options]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "reading" not in said


def test_names_that_are_no_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = _space(tmp_path)
    assert "an empty name came" in sentence(capsys, "learn", "", "--out", tmp_path / "run")
    assert "it is a folder" in sentence(capsys, "evaluate", space, "--quiet", "--html", "/")
    assert "it is a folder" in sentence(capsys, "evaluate", space, "--quiet", "--html", tmp_path)
    for name in ("", ".", tmp_path):
        sentence(capsys, "convert", space, name, "--to", "npz")
        sentence(capsys, "convert", space, name, "--to", "npz", "--overwrite")
        sentence(capsys, "convert", space, name, "--to", "run")


def test_a_run_may_be_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.txt").write_bytes(SPACE)
    assert run(["convert", str(tmp_path / "v.txt"), str(tmp_path / "run"), "--quiet"]) == 0
    monkeypatch.chdir(tmp_path / "run")
    for arguments in (["near", ".", "king"], ["verify", "."], ["evaluate", ".", "--quiet"], ["doctor", "."]):
        assert run(arguments) == 0
    monkeypatch.chdir(tmp_path)
    assert ". is not a run: it has no run.json" in sentence(capsys, "near", ".", "king")
    assert ". is not a run: it has no run.json" in sentence(capsys, "near", "", "king")


def test_one_file_of_gold_answers_needs_no_list(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("king queen 9\nking river 1\nqueen river 2\n")
    report = lw.open(_space(tmp_path)).evaluate(pairs=tmp_path / "pairs.tsv").as_json()
    assert "Similarity" in [section["title"] for section in report["sections"]]


def test_gold_answers_about_other_words_are_not_a_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pairs.tsv").write_text("foo bar 9\nbar baz 1\n")
    assert run(["evaluate", str(_space(tmp_path)), "--quiet", "--pairs", str(tmp_path / "pairs.tsv")]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("pairs spearman")]
    assert re.search(r"– +0 +nothing of it is among the keys", line)


def test_nothing_typed_is_the_help_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert capsys.readouterr().err.startswith("Usage: likewise")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from likewise.cli import run; sys.exit(run(['recipes', '--json']))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_a_text_that_cannot_show_a_panel_has_a_tour_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)
    rng = np.random.default_rng(0)
    (tmp_path / "t.txt").write_text(
        "\n".join(" ".join(f"слово{i}" for i in rng.integers(150, size=12)) for _ in range(400))
    )
    page = tmp_path / "tour.html"
    said = sentence(capsys, "tour", "--data", tmp_path / "t.txt", "--out", page, "--only", "queen")
    assert said.startswith("none of the panels queen can be shown here")
    assert not page.exists()
    assert run(["tour", "--data", str(tmp_path / "t.txt"), "--out", str(page), "--only", "queen", "--only", "one"]) == 0
    assert "panel queen is left out" in capsys.readouterr().err
    assert "One-hot vectors fail" in page.read_text()
    assert "analogies emerge" not in page.read_text()
