"""The command line as a newcomer uses it: every verb on good input, and a sentence for every mistake."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import likewise as lw
from likewise.cli import run
from likewise.sources.small_language import SmallLanguage, small_language

QUICK = ["--dim", "24", "--epochs", "2", "--threads", "1", "--quiet"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def likewise(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run one command line and return its exit code and what it printed."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def language() -> SmallLanguage:
    return small_language(sentences=6_000)


@pytest.fixture(scope="session")
def learned(language: SmallLanguage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, learned once, with its report."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "text.txt").write_text(language.text)
    assert run(["learn", "word2vec", str(folder / "text.txt"), "--out", str(folder / "run"), *QUICK]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def word(language: SmallLanguage) -> str:
    return language.labels[0].key


def test_learn_writes_a_run_with_its_evidence(learned: Path) -> None:
    names = {path.relative_to(learned).as_posix() for path in learned.rglob("*") if path.is_file()}
    assert names == {
        "run.json",
        "report.json",
        "report.html",
        "log.jsonl",
        "encoder/encoder.json",
        "encoder/tokenizer.json",
        "encoder/output.safetensors",
        "encoder/component.safetensors",
        "space/vectors.safetensors",
        "space/items.parquet",
    }
    manifest = json.loads((learned / "run.json").read_text())
    assert manifest["recipe"] == "word2vec"
    assert manifest["options"]["dim"] == 24
    assert manifest["options"]["seed"] == 1
    assert manifest["status"] == "finished"
    assert manifest["data"]["digest"].startswith("sha256:")
    assert manifest["derived"]["level"]["value"]
    losses = [json.loads(line)["loss_held_out"] for line in (learned / "log.jsonl").read_text().splitlines()]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_the_same_seed_learns_the_same_bits(learned: Path, tmp_path: Path) -> None:
    assert run(["learn", str(learned.parent / "text.txt"), "--out", str(tmp_path / "again"), *QUICK]) == 0
    one, two = lw.open(learned), lw.open(tmp_path / "again")
    np.testing.assert_array_equal(one.space.vectors, two.space.vectors)
    assert one.manifest["fingerprint"] == two.manifest["fingerprint"]


def test_gold_answers_reach_the_report(
    learned: Path, language: SmallLanguage, tmp_path: Path, likewise: Callable[..., Result]
) -> None:
    (tmp_path / "questions.txt").write_text(": role\n" + "\n".join(" ".join(q[1:]) for q in language.analogies))
    (tmp_path / "judged.tsv").write_text("\n".join(f"{a}\t{b}\t{s}" for a, b, s in language.pairs))
    (tmp_path / "topics.tsv").write_text("\n".join(f"{k}\t{v}" for k, v in language.labels))
    gold = [
        "--analogies",
        tmp_path / "questions.txt",
        "--pairs",
        tmp_path / "judged.tsv",
        "--labels",
        tmp_path / "topics.tsv",
    ]
    done = likewise("evaluate", learned, *gold, "--json", "--html", tmp_path / "page.html")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    numbers = {n["name"]: n for section in report["sections"] for n in section["numbers"]}
    judged = next(n for name, n in numbers.items() if "judged" in name)
    assert judged["low"] <= judged["value"] <= judged["high"]
    assert {"one-hot", "untrained"} <= set(judged["baselines"])
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_near_answers_each_key(
    learned: Path, word: str, language: SmallLanguage, likewise: Callable[..., Result]
) -> None:
    other = language.labels[-1].key
    done = likewise("near", learned, word, other, "-k", "3", "--json")
    answers = json.loads(done.out)
    assert [answer["query"] for answer in answers] == [word, other]
    assert all(len(answer["near"]) == 3 for answer in answers)
    assert word not in [found["key"] for found in answers[0]["near"]]
    shown = likewise("near", learned, word, "--text", f"{word} {other}")
    assert shown.code == 0
    assert shown.out.count("cosine") == 2


def test_analogy_shows_both_answers(learned: Path, language: SmallLanguage, likewise: Callable[..., Result]) -> None:
    a, b, c, _ = language.analogies[0][1:]
    answer = json.loads(likewise("analogy", learned, a, b, c, "--json").out)
    assert not {a, b, c} & {found["key"] for found in answer["excluded"]}
    assert answer["included"][0]["score"] >= answer["excluded"][0]["score"]
    assert "inputs left in" in likewise("analogy", learned, a, b, c, "--method", "3cosmul").out


def test_embed_writes_vectors_that_every_verb_takes(
    learned: Path, word: str, tmp_path: Path, likewise: Callable[..., Result]
) -> None:
    (tmp_path / "new.txt").write_text(f"{word} {word}\nnothing known here\n")
    done = likewise("embed", learned, tmp_path / "new.txt", "--pooling", "mean", "--json")
    assert json.loads(done.out)["texts"] == 2
    assert json.loads(done.out)["empty"] == 1
    vectors = lw.open(tmp_path / "new.txt.vectors.parquet").space
    np.testing.assert_allclose(vectors["new.txt:1"], lw.open(learned).space[word], rtol=1e-6)
    assert not vectors["new.txt:2"].any()
    assert likewise("embed", learned, tmp_path / "new.txt").code == 2


def test_doctor_and_verify_have_exit_codes(learned: Path, tmp_path: Path, likewise: Callable[..., Result]) -> None:
    assert likewise("doctor", learned).code == 0
    np.save(tmp_path / "point.npy", np.ones((400, 8), np.float32))
    done = likewise("doctor", tmp_path / "point.npy", "--json")
    assert done.code == 1
    assert json.loads(done.out)["verdict"] == "complete collapse"
    assert likewise("verify", learned).code == 0


def test_convert_there_and_back(learned: Path, word: str, tmp_path: Path, likewise: Callable[..., Result]) -> None:
    assert likewise("convert", learned, tmp_path / "v.txt", "--to", "word2vec").code == 0
    assert likewise("convert", tmp_path / "v.txt", tmp_path / "v.npz", "--quiet").code == 0
    assert likewise("near", tmp_path / "v.npz", word).code == 0
    np.testing.assert_allclose(lw.open(tmp_path / "v.npz").space[word], lw.open(learned).space[word], rtol=1e-5)


def test_recipes_and_help_list_every_option(likewise: Callable[..., Result]) -> None:
    recipe, *_ = json.loads(likewise("recipes", "--json").out)
    shown = likewise("learn", "word2vec", "--help").out
    for option in recipe["options"]:
        assert f"--{option['name'].replace('_', '-')}" in shown
    assert "word2vec" in likewise("recipes").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "word2vec", "glove", "--help"],
        ["--x-max", "9", "--no-report", "--keep-counts", "glove", "word2vec", "--help"],
        ["--out=ppmi", "--quiet", "glove", "ppmi", "--help"],
    ],
)
def test_the_recipe_is_the_first_word_and_no_option(arguments: list[str], likewise: Callable[..., Result]) -> None:
    shown = likewise("learn", *arguments).out
    assert "those of glove" in shown
    assert "--x-power" in shown


def test_json_is_all_that_is_printed(learned: Path, word: str, likewise: Callable[..., Result]) -> None:
    for arguments in (["near", learned, word], ["doctor", learned], ["verify", learned], ["recipes"]):
        done = likewise(*arguments, "--json")
        json.loads(done.out)
        assert done.err == ""


def test_without_out_the_name_is_printed(learned: Path, tmp_path: Path, monkeypatch: Any, likewise: Any) -> None:
    monkeypatch.chdir(tmp_path)
    done = likewise("learn", learned.parent / "text.txt", "--no-report", *QUICK)
    assert done.code == 0, done.err
    assert "runs/text-1" in done.out
    assert likewise("learn", learned.parent / "text.txt", "--no-report", *QUICK).out.count("runs/text-2")


BAD_LINES = [
    (["lern", "x"], "there is no verb 'lern': did you mean learn?"),
    (["learn"], "Missing argument"),
    (["learn", "word2vec"], "word2vec is a recipe and there is no file of that name: likewise learn word2vec DATA"),
    (["learn", "word2vce", "{text}"], "there is no recipe 'word2vce': did you mean word2vec?"),
    (["learn", "a", "b", "c"], "learn takes [RECIPE] DATA"),
    (["learn", "{text}", "--vector-size", "10"], "--vector-size is what gensim calls it: here it is --dim"),
    (["learn", "{text}", "--dimm", "10"], "did you mean --dim?"),
    (["learn", "{text}", "-vector-size", "10"], "--vector-size is what gensim calls it: here it is --dim"),
    (["learn", "glove", "{text}", "-x-max", "10"], "-x-max: options begin with two dashes here, --x-max"),
    (["learn", "glove", "{text}", "-eta", "0.1"], "--eta is what GloVe's program calls it: here it is --rate"),
    (["learn", "{text}", "-hs", "1"], "here it is --loss (1 is hs, 0 is ns)"),
    (["learn", "{text}", "-overwrite"], "-overwrite: options begin with two dashes here, --overwrite"),
    (["learn", "{text}", "--dim", "0", "--out", "{new}"], "dim=0 is out of range"),
    (["learn", "{text}", "--dim", "many"], "'many' is not a valid integer"),
    (["learn", "{text}", "--min-count", "1000000", "--out", "{new}"], "min"),
    (["learn", "{none}", "--out", "{new}"], "no"),
    (["learn", "{empty}", "--out", "{new}"], "empty"),
    (["learn", "{cut}", "--out", "{new}"], "cut"),
    (["learn", "{binary}", "--out", "{new}"], "binary"),
    (["learn", "{text}", "--pairs", "{none}", "--out", "{new}"], "there is no file"),
    (["learn", "{text}", "--out", "{run}"], "exists: choose another --out, or replace it with --overwrite"),
    (["near", "{run}"], "near needs a key, --text or --file"),
    (["near", "{run}", "{typo}"], "did you mean"),
    (["near", "{none}", "x"], "there is no"),
    (["near", "{run}", "--text", "§§"], "no word of '§§' is known"),
    (["near", "{text}", "x"], "{text}"),
    (["analogy", "{run}", "a", "b"], "Missing argument 'C'"),
    (["convert", "{run}", "{new}.xyz"], "no format ends in '.xyz'"),
    (["verify", "{text}"], "not a run"),
    (["evaluate", "{run}", "--analogies", "{text}"], "four words A B C D are needed"),
    (["tour", "--only", "dragons", "--out", "{new}"], "no panel is called dragons"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD_LINES, ids=[" ".join(line) for line, _ in BAD_LINES])
def test_a_mistake_gets_a_sentence(
    arguments: list[str], says: str, learned: Path, word: str, tmp_path: Path, likewise: Callable[..., Result]
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"some words of a text " * 5000)[:-20])
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\x02" * 1000)
    names = {
        "{text}": str(learned.parent / "text.txt"),
        "{run}": str(learned),
        "{none}": str(tmp_path / "none.txt"),
        "{new}": str(tmp_path / "new"),
        "{typo}": word + "q",
        "{empty}": str(tmp_path / "empty.txt"),
        "{cut}": str(tmp_path / "cut.txt.gz"),
        "{binary}": str(tmp_path / "binary.txt"),
    }

    def filled(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    before = sorted(path.name for path in tmp_path.iterdir())
    done = likewise(*map(filled, arguments))
    assert done.code == 2
    assert filled(says) in done.err
    assert "Traceback" not in done.err
    assert "likewise: " in done.err
    assert all(line.startswith("  ") for line in done.err.split("likewise: ")[0].splitlines())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_option_of_learn_itself_is_spelled_for_you(learned: Path, likewise: Callable[..., Result]) -> None:
    for wrong, right in (("--overwrit", "--overwrite"), ("--what", ""), ("--colum", "--column")):
        done = likewise("learn", learned.parent / "text.txt", wrong)
        assert done.code == 2
        assert wrong in done.err
        assert right in done.err


def test_a_strangers_key_does_not_steer_the_terminal(tmp_path: Path, likewise: Callable[..., Result]) -> None:
    (tmp_path / "v.txt").write_text("2 2\n\x1b[31mred 1 0\nb 0 1\n")
    done = likewise("near", tmp_path / "v.txt", "b")
    assert "\x1b[31mred" not in done.out
    assert r"\x1b[31mred" in done.out
