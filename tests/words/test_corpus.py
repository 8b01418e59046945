"""Reading a corpus: the text as numbers, what is held out, what is refused, what stays behind (nothing)."""

from __future__ import annotations

import collections
import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import DataError, OptionError
from likewise.kernels.text_twin import words_of
from likewise.session import Finished, Note, Progress, Session
from likewise.sources.text import open_text
from likewise.words import corpus as module
from likewise.words.corpus import Corpus, Reading, read_corpus, tokenize


def read(data: Any, *, session: Session | None = None, folder: Path | None = None, **options: Any) -> Reading:
    return read_corpus(open_text(data), session=session or Session(), folder=folder, **options)


def sentences(corpus: Corpus, reading: Reading) -> list[list[str]]:
    words = reading.vocabulary.words
    return [[words[i] for i in corpus.ids[a:b]] for a, b in zip(corpus.starts, corpus.starts[1:], strict=False)]


def made_text(seed: int = 0, lines: int = 2000) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.zipf(1.5, rng.integers(0, 30)) % 500) for _ in range(lines)]


@pytest.mark.parametrize("max_vocabulary", [None, 20])
def test_the_numbers_are_the_text(max_vocabulary: int | None, tmp_path: Path) -> None:
    lines = made_text()
    path = tmp_path / "t.txt"
    path.write_text("\n".join(lines))
    reading = read(path, min_count=3, held_out=0.1, max_vocabulary=max_vocabulary)
    vocabulary = reading.vocabulary
    counted = collections.Counter(word for line in lines for word in line.split())
    wanted = [word for word, count in counted.most_common(max_vocabulary) if count >= 3]
    assert vocabulary.words == wanted
    assert vocabulary.counts.tolist() == [counted[word] for word in wanted]
    assert (vocabulary.raw_words, vocabulary.raw_vocabulary) == (counted.total(), len(counted))
    kept = [[word for word in line.split() if word in vocabulary.index] for line in lines]
    train, held = sentences(reading.train, reading), sentences(reading.held_out, reading)
    assert sorted(train + held) == sorted(sentence for sentence in kept if sentence)
    rest = iter(sentence for sentence in kept if sentence)
    assert all(sentence in rest for sentence in train)  # in the order of the text
    assert 100 < len(held) < 300
    assert (reading.train.ids.dtype, reading.train.starts.dtype) == (np.int32, np.int64)
    assert (reading.bytes, reading.paragraphs) == (path.stat().st_size, sum(map(bool, lines)))
    assert reading.digest == open_text(path).digest
    assert reading.complete


@settings(max_examples=60)
@given(st.lists(st.text(st.sampled_from("aab bcé'\n\r日 "), max_size=30), min_size=1, max_size=20), st.integers(1, 3))
def test_any_text_is_counted_as_by_the_twin(texts: list[str], min_count: int) -> None:
    lines = [line for text in texts for line in text.replace("\r", "\n").split("\n")]
    counted = collections.Counter(word for line in lines for word in words_of(line))
    if len(counted) < 2 or max(counted.values()) < min_count:
        with pytest.raises(DataError):
            read(texts, min_count=min_count)
        return
    reading = read(texts, min_count=min_count, held_out=0.0)
    assert dict(zip(reading.vocabulary.words, reading.vocabulary.counts.tolist(), strict=True)) == {
        word: count for word, count in counted.items() if count >= min_count
    }
    kept = [[word for word in words_of(line) if counted[word] >= min_count] for line in lines]
    assert sentences(reading.train, reading) == [sentence for sentence in kept if sentence]
    assert len(reading.held_out) == 0


def test_words_of_one_count_stand_in_order_of_appearance() -> None:
    assert read(["z y x x y z a"], min_count=1, held_out=0).vocabulary.words == ["z", "y", "x", "a"]


def test_held_out_paragraphs_are_chosen_by_what_they_say(tmp_path: Path) -> None:
    lines = made_text(1)
    one, two = read(lines, min_count=1, held_out=0.05), read(lines[::-1], min_count=1, held_out=0.05)
    assert sorted(sentences(one.held_out, one)) == sorted(sentences(two.held_out, two))
    twice = read([*lines, *lines], min_count=1, held_out=0.05)
    assert len(twice.held_out) == 2 * len(one.held_out)


def test_the_only_paragraph_is_learned_from() -> None:
    for i in range(8):  # half of them would be held out
        reading = read([f"only paragraph {i}"], min_count=1, held_out=0.5)
        assert (len(reading.train), len(reading.held_out)) == (1, 0)


def test_lists_of_words_are_taken_as_they_are() -> None:
    reading = read([["New York", "is", "BIG", ""], [], ["New York"]], min_count=1, held_out=0)
    assert reading.vocabulary.words == ["New York", "is", "BIG"]
    assert sentences(reading.train, reading) == [["New York", "is", "BIG"], ["New York"]]
    assert reading.paragraphs == 2


def test_a_tokeniser_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a-b C\n\nd-C\n")
    reading = read(path, tokenizer=lambda text: text.split("-"), min_count=1, held_out=0)
    assert sentences(reading.train, reading) == [["a", "b C"], ["d", "C"]]
    with pytest.raises(DataError, match=r"t.txt:1: a paragraph is a list of words, each a string"):
        read(path, tokenizer=lambda text: [1, 2], min_count=1)
    with pytest.raises(DataError, match=r"t.txt:1: a word holds a NUL"):
        read(path, tokenizer=lambda text: ["\0"], min_count=1)


def test_tokenize_is_the_same_code() -> None:
    options = {"tokenizer": "whitespace", "lowercase": False, "digits": "mask"}
    text = "Agent 007’s list"
    assert tokenize([text], **options) == [["Agent", "000’s", "list"]]  # type: ignore[arg-type]
    assert read([text], min_count=1, held_out=0, **options).vocabulary.words == ["Agent", "000’s", "list"]
    assert tokenize(["a-b"], tokenizer=lambda text: text.split("-")) == [["a", "b"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (" \n\t\r\n ", r"t.txt holds no words: is it the right file, and is it text\?"),
        ("... --- ...", "t.txt holds no words"),
        ("one One ONE\none", "t.txt holds only one word, 'one': there is nothing to tell it from"),
        ("a b c a", r"no word of .*t.txt is seen 5 times: the most frequent, 'a', is seen 2 times; give --min-count 2"),
        ("good\nd\u00e9j\u00e0".encode("latin-1"), r"t.txt is not UTF-8 at line 2, byte 6: give --encoding"),
        ("a b\nc \0 d", r"t.txt holds a NUL byte at line 2, byte 6: it is not plain text"),
    ],
)
def test_what_cannot_be_learned_from(data: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(DataError, match=message):
        read(path)


def test_the_fault_is_in_the_file_that_is_named(tmp_path: Path) -> None:
    for name, data in (("a.txt", b"fine\nfine\n"), ("b.txt", b"one\n\xff"), ("c.txt", b"fine")):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=r"b.txt is not UTF-8 at line 2, byte 4"):
        read(tmp_path)


def test_files_of_a_folder_do_not_run_into_each_other(tmp_path: Path) -> None:
    for name, data in (("a.txt", "one two"), ("b.txt", "three")):
        (tmp_path / name).write_text(data)
    (tmp_path / "c.bin").write_bytes(b"\0")
    session = Session()
    reading = read(tmp_path, min_count=1, held_out=0, session=session)
    assert sentences(reading.train, reading) == [["one", "two"], ["three"]]
    assert any("c.bin" in note for note in session.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count is 0"),
        ({"max_vocabulary": 0}, "max_vocabulary is 0"),
        ({"held_out": 1.0}, "held_out is 1.0"),
        ({"tokenizer": "bpe"}, "tokenizer 'bpe'"),
        ({"digits": "roman"}, "digits 'roman'"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read(["a b"], **options)


def test_events_tell_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOLD_EVERY", 0.0)
    path = tmp_path / "t.txt"
    path.write_text("some words and more\n" * 200_000)
    events: list[Any] = []
    read(path, session=Session(events.append))
    progress = [event for event in events if isinstance(event, Progress)]
    assert len(progress) >= 3
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert progress[-1].done == progress[-1].total == path.stat().st_size
    assert isinstance(events[-1], Finished)
    assert events[-1].facts["words"] == 800_000


def test_stopping_uses_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("some words and more\n" * 500_000)
    session = Session()
    session.stop()
    reading = read(path, session=session)
    assert not reading.complete
    assert 0 < reading.bytes < path.stat().st_size
    assert len(reading.vocabulary) == 4
    assert any(isinstance(note, str) and "reading was stopped" in note for note in session.notes)


def test_stopped_before_there_was_a_word_is_an_interrupt() -> None:
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        read(["a"], session=session)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    reading = read(made_text(), folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(reading.train.ids) > 1000
    with pytest.raises(DataError):
        read(["a b"], folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_room_for_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path | None) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "nameless", full)
    with pytest.raises(DataError, match=r"no room in .* for the numbered text \(4 bytes a word\): free some, or set"):
        read(made_text())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system could be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_full(small_disk: Path) -> None:
    with pytest.raises(DataError, match=rf"no room in {small_disk} for the numbered text"):
        read(made_text(lines=50_000), folder=small_disk)
    assert not list(small_disk.iterdir())
    assert len(read(made_text(lines=100), folder=small_disk).vocabulary)


def test_the_temporary_folder_is_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **given: seen.append(given["dir"]) or real(**given))
    read(["a b a b"] * 5, folder=tmp_path)
    assert set(seen) == {tmp_path}


def test_notes_are_told() -> None:
    source = open_text(["a b"] * 9)
    source.notes.append("a thing to know")
    events: list[Any] = []
    read_corpus(source, session=Session(events.append))
    assert Note("a thing to know") in events
