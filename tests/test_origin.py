"""Going on with new text: old words stay, new ones join and find their kin, what moved is measured, mistakes told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.cli.main import run as command
from likewise.errors import FingerprintError, LikewiseError, OptionError
from likewise.opening import Run
from likewise.session import Note, Session
from likewise.sources.small_language import small_language

LANGUAGE = small_language(sentences=6_000)
TOPIC = {label.key: label.label for label in LANGUAGE.labels}
NEW = {noun for topic in range(6) for noun in [n for n, t in TOPIC.items() if t == f"topic {topic}"][:2]}
OLD_TEXT = [line for line in LANGUAGE.lines[:4_000] if not NEW & set(line.split())]
NEW_TEXT = LANGUAGE.lines[4_000:]
QUICK: dict[str, Any] = {"dim": 24, "epochs": 10, "min_count": 3, "reproducible": True}
LETTERS = QUICK | {"recipe": "fasttext", "buckets": 5_000, "sample": 1e-3}


@pytest.fixture(scope="module")
def words() -> Run:
    return lw.learn(OLD_TEXT, **QUICK, report=False)


@pytest.fixture(scope="module")
def letters() -> Run:
    return lw.learn(OLD_TEXT, **LETTERS, report=False)


def share_of_kin(run: Run) -> float:
    """How many of the 5 nearest labelled words of a new noun are of its own topic."""
    labelled = [key for key in run.space.keys if key in TOPIC]
    vectors = run.space[labelled] / np.linalg.norm(run.space[labelled], axis=1, keepdims=True)
    topics = np.array([TOPIC[key] for key in labelled])
    rows = [labelled.index(word) for word in sorted(NEW)]
    nearest = np.argsort(-vectors[rows] @ vectors.T, axis=1)[:, 1:6]
    return float((topics[nearest] == topics[rows][:, None]).mean())


@pytest.mark.parametrize("name", ["words", "letters"])
def test_new_words_join_near_their_kin_and_old_words_stay(name: str, request: pytest.FixtureRequest) -> None:
    first: Run = request.getfixturevalue(name)
    assert not NEW & set(first.space.keys)
    grown = lw.learn(NEW_TEXT, start=first, report=False)
    assert set(grown.space.keys) == set(first.space.keys) | NEW
    assert share_of_kin(grown) > 0.8, "chance is .15"
    counts = dict(zip(grown.space.keys, grown.space.items["count"].tolist(), strict=True))
    before = dict(zip(first.space.keys, first.space.items["count"].tolist(), strict=True))
    here = [word for line in NEW_TEXT for word in line.split()]
    assert all(counts[word] == before.get(word, 0) + here.count(word) for word in sorted(counts)[::9])
    assert sorted(counts.values(), reverse=True) == list(counts.values())


def test_a_word_that_is_not_in_the_new_text_keeps_its_vector_bit_by_bit(words: Run) -> None:
    absent = next(word for word in words.space.keys[40:] if TOPIC.get(word) == "topic 3")
    text = [line for line in NEW_TEXT if absent not in line.split()]
    grown = lw.learn(text, start=words, report=False, epochs=1)
    np.testing.assert_array_equal(grown.space[absent], words.space[absent])
    present = next(word for word in words.space.keys if word in " ".join(text).split())
    assert not np.array_equal(grown.space[present], words.space[present])


def test_going_on_begins_where_the_run_ended(words: Run, letters: Run) -> None:
    for run in (words, letters):
        seen: dict[int, Any] = {}
        grown = lw.learn(NEW_TEXT, start=run, report=False, epochs=1, on_epoch=seen.__setitem__)
        end, begin = run.log[-1]["loss_held_out"], grown.log[0]["loss_held_out"]
        assert abs(begin - end) < 0.2 * (run.log[0]["loss_held_out"] - end), "both sides are there"
        keys = list(run.space.keys)
        np.testing.assert_allclose(seen[0][keys], run.space.vectors, rtol=1e-5, atol=1e-6)
        new = seen[0][sorted(NEW)]
        if run is words:
            assert 0 < np.abs(new).max() <= 0.5 / 24, "small and random"
        else:
            spelled = run.place(sorted(NEW)).vectors
            cosines = (new * spelled).sum(axis=1) / np.linalg.norm(new, axis=1) / np.linalg.norm(spelled, axis=1)
            assert cosines.min() > 0.95, "where their letters place them"


def test_ngrams_that_are_known_keep_their_rows_and_new_ones_come(letters: Run) -> None:
    table: Any = lw.learn(NEW_TEXT, start=letters, report=False, epochs=1, rate=1e-12, min_rate=0.0).encoder
    old: Any = letters.encoder
    places = np.searchsorted(table.parts.used, old.parts.used)
    np.testing.assert_array_equal(table.parts.used[places], old.parts.used)
    assert len(table.parts.used) > len(old.parts.used)
    n, m = table.parts.words, old.parts.words
    np.testing.assert_allclose(table.rows[n:][places], old.rows[m:], atol=1e-6)


@pytest.mark.parametrize("name", ["words", "letters"])
def test_the_same_bits_with_any_number_of_threads(name: str, request: pytest.FixtureRequest) -> None:
    first: Run = request.getfixturevalue(name)
    made = [lw.learn(NEW_TEXT, start=first, report=False, epochs=2, threads=n, seed=5) for n in (1, 2, 4, 1)]
    for other in made[1:]:
        np.testing.assert_array_equal(made[0].space.vectors, other.space.vectors)
        assert other.space.fingerprint == made[0].space.fingerprint
    third = lw.learn(NEW_TEXT, start=first, report=False, epochs=2, seed=6)
    assert not np.array_equal(third.space.vectors, made[0].space.vectors)


def test_from_disk_as_from_memory_and_lineage(words: Run, tmp_path: Path) -> None:
    words.save(tmp_path / "first")
    on_disk = lw.learn(NEW_TEXT, start=tmp_path / "first", out=tmp_path / "second", report=False)
    np.testing.assert_array_equal(on_disk.space.vectors, lw.learn(NEW_TEXT, start=words, report=False).space.vectors)
    third = lw.learn(OLD_TEXT, start=tmp_path / "second", out=tmp_path / "third", report=False, epochs=1)
    manifest = json.loads((tmp_path / "third" / "run.json").read_text())
    start = manifest["start"]
    assert (start["name"], start["fingerprint"]) == ("second", on_disk.space.fingerprint)
    assert start["data"]["digest"] == on_disk.manifest["data"]["digest"]
    assert start["start"]["fingerprint"] == words.space.fingerprint
    assert start["start"]["data"]["digest"] == words.manifest["data"]["digest"]
    assert manifest["options"]["dim"] == 24
    assert third.verify() == []


def test_a_run_may_be_replaced_by_what_it_became(words: Run, tmp_path: Path) -> None:
    words.save(tmp_path / "run")
    grown = lw.learn(NEW_TEXT, start=tmp_path / "run", out=tmp_path / "run", overwrite=True, epochs=1)
    assert grown.manifest["start"]["fingerprint"] == words.space.fingerprint
    assert set(grown.space.keys) == set(words.space.keys) | NEW
    assert grown.verify() == []


def test_stopped_early_it_keeps_what_was_learned_and_where_it_comes_from(words: Run, tmp_path: Path) -> None:
    session = Session()
    stop = {"session": session, "on_epoch": lambda epoch, _: session.stop() if epoch == 1 else None}
    grown = lw.learn(NEW_TEXT, start=words, out=tmp_path / "run", **stop)  # type: ignore[arg-type]
    assert (grown.manifest["status"], grown.report) == ("unfinished", None)
    assert grown.manifest["start"]["fingerprint"] == words.space.fingerprint
    on = lw.learn(NEW_TEXT, start=tmp_path / "run", report=False, epochs=1)
    assert set(on.space.keys) == set(grown.space.keys)


def test_the_spaces_before_and_after_are_two(words: Run) -> None:
    grown = lw.learn(NEW_TEXT, start=words, report=False, epochs=1)
    assert grown.space.fingerprint != words.space.fingerprint
    with pytest.raises(FingerprintError):
        words.space.join(grown.space)


def numbers_of(report: Any) -> dict[str, Any]:
    section = next(s for s in report["sections"] if s["title"] == "How far the old words moved")
    return {number["name"]: number for number in section["numbers"]} | {"section": section}


def moved_topics(lines: list[str]) -> list[str]:
    """The same sentences, but each noun is the next topic's."""
    nouns = [[noun for noun, topic in TOPIC.items() if topic == f"topic {i}"] for i in range(6)]
    other = {a: b for i in range(6) for a, b in zip(nouns[i], nouns[(i + 1) % 6], strict=True)}
    return [" ".join(other.get(word, word) for word in line.split()) for line in lines]


def test_old_neighbours_stay_on_like_text_and_move_on_other_text(words: Run) -> None:
    same = numbers_of(lw.learn(NEW_TEXT, start=words, seeds=2).report)
    other = numbers_of(lw.learn(moved_topics(NEW_TEXT), start=words).report)
    name, cosine = "overlap@10 before and after", "cosine of a word before and after, as they are"
    assert same[name]["value"] > other[name]["value"] + 0.05
    assert same[cosine]["value"] > other[cosine]["value"] + 0.02
    assert same[name]["low"] <= same[name]["value"] <= same[name]["high"]
    assert same[name]["value"] > 5 * same[name]["baselines"]["chance"]
    assert same[name]["baselines"]["two seeds of going on"] > 0.3
    moved, joined = same["section"]["tables"]
    assert moved["columns"] == ["moved most", "nearest before", "nearest now"]
    assert {row[0] for row in joined["rows"]} <= NEW


def test_words_of_the_new_text_and_others_are_asked_apart(words: Run) -> None:
    text = [
        line for line in moved_topics(NEW_TEXT) if not any(TOPIC.get(w) in ("topic 4", "topic 5") for w in line.split())
    ]
    found = numbers_of(lw.learn(text, start=words, held_out=0.0).report)
    here = {word for line in text for word in line.split()}
    old = [key for key in words.space.keys if key in here]
    met, absent = found["overlap@10, words of the new text"], found["overlap@10, words not in it"]
    assert (met["n"], absent["n"]) == (len(old), len(words.space) - len(old))
    assert absent["n"] > 20
    assert absent["value"] > met["value"] + 0.05, "their own vectors did not move"


def test_what_two_seeds_of_the_run_before_agree_on_stands_beside(tmp_path: Path) -> None:
    first = lw.learn(OLD_TEXT, **QUICK, seeds=2, out=tmp_path / "first")
    stated = {n["name"]: n["value"] for s in first.report["sections"] for n in s["numbers"]}
    lw.learn(NEW_TEXT, start=tmp_path / "first", out=tmp_path / "second", epochs=1)
    found = numbers_of(lw.open(tmp_path / "second").report)
    beside = found["overlap@10 before and after"]["baselines"]
    assert beside["two seeds of the run before"] == pytest.approx(stated["overlap@10 between two seeds"])
    with pytest.raises(OptionError, match="did not go on from"):
        first.evaluate(start=tmp_path / "second")
    again = lw.open(tmp_path / "second").evaluate(start=tmp_path / "first").as_json()
    assert numbers_of(again)["overlap@10 before and after"] == found["overlap@10 before and after"]


def test_a_file_of_fasttexts_own_is_a_start(letters: Run, tmp_path: Path) -> None:
    lw.convert(_saved(letters, tmp_path), tmp_path / "model.bin", to="fasttext")
    grown = lw.learn(NEW_TEXT, start=tmp_path / "model.bin", report=False, epochs=3, reproducible=True, min_count=3)
    assert set(grown.space.keys) == set(letters.space.keys) | NEW
    assert (grown.manifest["recipe"], grown.manifest["options"]["tokenizer"]) == ("fasttext", "whitespace")
    assert grown.manifest["start"]["data"]["format"] == "fasttext"


def _saved(run: Run, folder: Path) -> Path:
    return run.save(folder / "saved")


def test_max_vocabulary_holds_new_words_back_and_loses_no_old_one(words: Run) -> None:
    most = len(words.space) + 3
    grown = lw.learn(NEW_TEXT, start=words, report=False, epochs=1, max_vocabulary=most)
    assert len(grown.space) == most
    assert set(words.space.keys) < set(grown.space.keys)
    few = lw.learn(NEW_TEXT, start=words, report=False, epochs=1, max_vocabulary=2)
    assert set(few.space.keys) == set(words.space.keys)


def notes(data: Any, **options: Any) -> list[str]:
    told: list[Any] = []
    lw.learn(data, **options, report=False, session=Session(told.append))
    return [event.text for event in told if isinstance(event, Note)]


def test_what_is_odd_but_allowed_is_told(words: Run) -> None:
    told = " ".join(notes(OLD_TEXT, start=words, epochs=1))
    assert "no new word joins" in told
    assert "was learned from this text already" in told
    assert f"{len(NEW)} new words join" in " ".join(notes(NEW_TEXT, start=words, epochs=1))
    assert lw.learn(NEW_TEXT, start=words, dim=24, epochs=1, report=False).space.dim == 24, (
        "what is the same may be said"
    )


def a_run(recipe: str, **options: Any) -> Callable[[Path], Any]:
    return lambda folder: lw.learn(OLD_TEXT[:500], recipe=recipe, dim=8, epochs=1, report=False, min_count=1, **options)  # type: ignore[arg-type]


def vectors_only(folder: Path) -> Path:
    (folder / "some.vec").write_text("2 2\na 1 2\nb 2 1\n")
    return folder / "some.vec"


def without_output(folder: Path) -> Run:
    run = a_run("word2vec")(folder)
    run.encoder.output = None
    return run  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("start", "options", "said"),
    [
        (lambda folder: folder / "nothing", {}, "there is no run"),
        (lambda folder: folder, {}, "is not a run"),
        (vectors_only, {}, "nothing to learn on with"),
        (without_output, {}, "the other side"),
        (a_run("word2vec", loss="hs"), {}, "hierarchical softmax"),
        (a_run("fasttext", loss="hs", buckets=100), {}, "hierarchical softmax"),
        (lambda folder: lw.learn(OLD_TEXT[:500], recipe="glove", dim=8, epochs=1, report=False), {}, "a run of glove"),
        (lambda folder: lw.learn(OLD_TEXT[:500], recipe="ppmi", dim=8, report=False), {}, "a run of ppmi"),
        (lambda folder: lw.learn(OLD_TEXT[:500], recipe="onehot", report=False), {}, "a run of onehot"),
        (a_run("word2vec", tokenizer=str.split), {}, "cut by str.split"),
        (a_run("word2vec"), {"recipe": "fasttext"}, "a run of word2vec"),
        (a_run("word2vec"), {"dim": 50}, "dim is 8 in"),
        (a_run("word2vec"), {"window": 7}, "what may change is epochs"),
        (a_run("word2vec"), {"min_n": 2}, "no option min_n"),
        (a_run("word2vec"), {"epochs": 0}, "out of range"),
        (a_run("word2vec"), {"tokenizer": str.split}, "tokenizer is 'words'"),
        (a_run("word2vec", lowercase=False), {"lowercase": True}, "lowercase is False"),
    ],
)
def test_what_cannot_be_gone_on_from_is_told_before_the_text_is_read(
    start: Callable[[Path], Any], options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    def unread() -> Any:
        raise AssertionError("the text was read")
        yield

    begin = start(tmp_path)
    with pytest.raises(LikewiseError, match=said):
        lw.learn(unread(), start=begin, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ([], {}, "an empty iterable"),
        (["   ", ""], {}, "no words"),
        (["zzz yyy xxx"], {}, "is known, and none may join"),
        (["日本 語"], {"min_count": 2}, "is known, and none may join"),
    ],
)
def test_new_texts_that_hold_nothing_to_learn(text: list[str], options: Any, said: str, words: Run) -> None:
    with pytest.raises(LikewiseError, match=said):
        lw.learn(text, start=words, **options)


def test_the_callers_tokeniser_may_be_given_again() -> None:
    first = lw.learn(OLD_TEXT, **QUICK, tokenizer=str.split, report=False)
    grown = lw.learn(NEW_TEXT, start=first, tokenizer=str.split, report=False, epochs=1)
    assert set(grown.space.keys) == set(first.space.keys) | NEW
    with pytest.raises(OptionError, match=r"tokenizer is 'str\.split'"):
        lw.learn(NEW_TEXT, start=first, tokenizer=str.splitlines, report=False)


def test_on_the_command_line(letters: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _saved(letters, tmp_path)
    (tmp_path / "new.txt").write_text("\n".join(NEW_TEXT) + "\n")
    at, out = str(tmp_path / "saved"), tmp_path / "grown"
    assert command(["learn", str(tmp_path / "new.txt"), "--start", at, "--out", str(out), "--epochs", "2"]) == 0
    shown = capfd.readouterr()
    assert "12 new words join" in shown.err
    assert "overlap@10 before and after" in shown.out
    assert "How far the old words moved" in (out / "report.html").read_text()
    assert command(["learn", str(tmp_path / "new.txt"), f"--start={at}", "--out", str(out) + "2", "--max-n", "4"]) == 2
    assert "max_n is 6 in" in capfd.readouterr().err
    assert command(["evaluate", str(out), "--start", at, "--quiet"]) == 0
    assert "overlap@10 before and after" in capfd.readouterr().out
    assert command(["learn", str(tmp_path / "new.txt"), "--start", at + "x", "--out", str(out) + "2"]) == 2
    assert "there is no run" in capfd.readouterr().err
