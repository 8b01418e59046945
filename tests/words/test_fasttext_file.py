"""fastText's own files: read as they are laid out, written so that its program and gensim open them."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.errors import DataError, FormatError, OptionError, RunError, RunExists
from likewise.kernels import subwords_twin
from likewise.opening import Run
from likewise.session import Note, Session
from likewise.sources.small_language import small_language
from likewise.words import fasttext_file
from likewise.words.fasttext_file import FastTextFile, fasttext_blocks, size_of_file
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords

WORDS = ["</s>", "good", "bad", "日本"]
UNSEEN = ["goods", "x" * 10_000, "本日", "no", "😀"]
BUCKETS, DIM = 50, 3


def by_the_layout(
    words: list[str | bytes] = WORDS,  # type: ignore[assignment]
    *,
    labels: tuple[str, ...] = (),
    rows: np.ndarray | None = None,
    output_rows: int | None = None,
    version: int = 12,
    pruned: int = -1,
    quantised: int = 0,
    **options: Any,
) -> bytes:
    """Return a file byte by byte, as the format is described; `rows` are of words and buckets."""
    given = {"dim": DIM, "ws": 5, "epoch": 1, "minCount": 1, "neg": 5, "wordNgrams": 1, "loss": 2, "model": 2}
    given |= {"bucket": BUCKETS, "minn": 3, "maxn": 4, "lrUpdateRate": 100}
    given |= options
    n, out = len(words), b""
    rows = table(n + given["bucket"]) if rows is None else rows
    for number in (793712314, version, *given.values()):
        out += struct.pack("<i", number)
    out += struct.pack("<d", 1e-4) + struct.pack("<iii", n + len(labels), n, len(labels))
    out += struct.pack("<qq", 100, pruned)
    for kind, names in enumerate((words, labels)):
        for i, word in enumerate(names):
            out += (word if isinstance(word, bytes) else word.encode()) + b"\0" + struct.pack("<qb", 9 - i, kind)
    other = table(n if output_rows is None else output_rows)
    for flag, matrix in ((quantised, rows), (0, other)):
        out += struct.pack("<bqq", flag, *matrix.shape) + matrix.astype("<f4").tobytes()
    return out


def table(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, DIM)).astype(np.float32)


def by_hand(word: str, rows: np.ndarray, words: list[str] = WORDS) -> np.ndarray:
    """Return fastText's vector of a word: the mean over its own row, if it has one, and over its n-grams' rows."""
    ngrams = subwords_twin.ngram_buckets(word.encode(), min_n=3, max_n=4, buckets=BUCKETS) if word != "</s>" else []
    some = [rows[len(words) + bucket] for bucket in ngrams] + ([rows[words.index(word)]] if word in words else [])
    return np.mean(some, axis=0, dtype=np.float64)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(by_the_layout())
    return path


@pytest.mark.parametrize("version", [11, 12])
def test_a_file_is_read_as_it_is_laid_out(version: int, file: Path) -> None:
    file.write_bytes(by_the_layout(version=version))
    run = lw.open(file)
    assert run.space.keys == tuple(WORDS)
    assert run.space.items["count"].tolist() == [9, 8, 7, 6]
    assert run.manifest["source"] == {"file": "model.bin", "format": "fasttext", "version": version}
    assert run.manifest["options"]["model"] == "skipgram"
    assert run.manifest["options"]["buckets"] == BUCKETS
    rows = table(len(WORDS) + BUCKETS)
    wanted = [by_hand(word, rows) for word in (*WORDS, *UNSEEN)]
    np.testing.assert_allclose(run.embed([*WORDS, *UNSEEN], kind="word"), wanted, atol=1e-6)
    np.testing.assert_array_equal(run.encoder.output, table(len(WORDS)))
    np.testing.assert_allclose(
        run.embed(["good  Goods"], pooling="mean")[0], np.mean([wanted[1], by_hand("Goods", rows)], 0), atol=1e-6
    )


def test_its_rows_are_mapped_and_not_copied(file: Path) -> None:
    rows = FastTextFile(file).table.rows
    while isinstance(rows.base, np.ndarray):
        rows = rows.base
    assert not rows.flags.owndata
    assert not rows.flags.writeable


def test_empty_buckets_are_left_out_where_they_are_many(file: Path) -> None:
    rows = table(len(WORDS) + BUCKETS)
    rows[len(WORDS) :][10:] = 0
    file.write_bytes(by_the_layout(rows=rows))
    made = FastTextFile(file).table
    assert set(range(10)) < set(made.parts.used.tolist()) < set(range(BUCKETS))
    wanted = [by_hand(word, rows) for word in (*WORDS, *UNSEEN)]
    np.testing.assert_allclose(made.by_letters(UNSEEN)[0], wanted[len(WORDS) :], atol=1e-6)
    np.testing.assert_allclose(made.space.vectors, wanted[: len(WORDS)], atol=1e-6)


@pytest.mark.parametrize("options", [{"maxn": 0}, {"maxn": 0, "bucket": 0}, {"minn": 5, "maxn": 4}, {"model": 3}])
def test_words_without_ngrams(options: dict[str, int], file: Path) -> None:
    file.write_bytes(by_the_layout(version=11, **options))
    made = FastTextFile(file).table
    np.testing.assert_array_equal(made.space.vectors, table(4 + options.get("bucket", BUCKETS))[:4])
    assert made.parts.max_n == 0


@pytest.mark.parametrize(("options", "rows"), [({"loss": 1}, None), ({"model": 3, "loss": 3}, 2)])
def test_trees_and_classifiers_are_words_without_the_other_side(
    options: dict[str, int], rows: int | None, file: Path
) -> None:
    file.write_bytes(by_the_layout(labels=("__label__a", "__label__b"), output_rows=rows, **options))
    run = lw.open(file)
    assert run.encoder.output is None
    assert run.space.keys == tuple(WORDS)
    assert run.manifest["source"]["labels left out"] == 2


BAD = b"bad\0" + struct.pack("<q", 7)
WRONG: dict[str, tuple[bytes, str]] = {
    "another file": (b"hello", "is not a fastText file: those begin with the number 793712314"),
    "a header cut off": (by_the_layout()[:60], "ends inside of its first lines of numbers: the file is cut off"),
    "entries cut off": (by_the_layout(["a" * 90, "b" * 90])[:250], r"ends inside of entry 2 of its 2"),
    "the last entry cut off": (by_the_layout(["aaaaaaaaaaaaaaaaaaaaaaaaa"])[:120], "ends inside of entry 1"),
    "no matrix": (by_the_layout(["a"])[:107], "ends inside of its input matrix"),
    "a matrix cut off": (by_the_layout()[:300], r"its input matrix of 54 × 3 numbers"),
    "the other side cut off": (by_the_layout()[:-1], r"its output matrix of 4 × 3 numbers"),
    "quantised": (by_the_layout(quantised=1), "is quantised .*open the .bin"),
    "pruned": (by_the_layout(pruned=7), "is quantised"),
    "too new": (by_the_layout(version=13), "version 13: 11 and 12 are read"),
    "no such model": (by_the_layout(model=9), "model 9 and loss 2, which fastText does not have"),
    "no threshold": (by_the_layout().replace(struct.pack("<d", 1e-4), struct.pack("<d", np.nan)), "words of nan"),
    "no dims": (by_the_layout(dim=0), "0 dims"),
    "other dims": (by_the_layout(dim=4), "4 dims, but an input matrix of 54 × 3"),
    "no words": (by_the_layout([]), "holds no words"),
    "no buckets": (by_the_layout(bucket=0), "n-grams of up to 4 characters, but no buckets"),
    "too few rows": (by_the_layout(bucket=51, rows=table(54)), "4 words and 51 buckets, but 54 rows"),
    "long n-grams": (by_the_layout(maxn=101), "n-grams of 101 characters: up to 100"),
    "NaN in a word": (by_the_layout(rows=np.full((54, 3), np.nan)), "row of '</s>' holds NaN"),
    "NaN in a bucket": (by_the_layout(rows=np.where(np.arange(54)[:, None] == 9, np.inf, table(54))), "of bucket 5"),
    "labels among words": (by_the_layout().replace(BAD + b"\0", BAD + b"\1"), "neither words with their counts nor"),
    "two billion words": (by_the_layout()[:64] + struct.pack("<iii", 2**31 - 1, 2**31 - 1, 0) + by_the_layout()[76:],
                          "2,147,483,647 words and 0 labels, in a file with room for"),
    "a matrix of many rows": (by_the_layout(["a"])[:103] + struct.pack("<bqq", 0, 2**60, 3),
                              "its input matrix of 1,152,9"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_read_is_refused_with_a_sentence(what: str, tmp_path: Path) -> None:
    data, sentence = WRONG[what]
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=sentence):
        _ = FastTextFile(path).table


def test_whatever_bytes_are_altered_it_is_read_or_refused(file: Path) -> None:
    whole, rng = by_the_layout(labels=("__label__a",)), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for at in rng.integers(4, 180, rng.integers(1, 4)):
            data[at] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        file.write_bytes(data[: rng.integers(len(data)) if rng.random() < 0.1 else None])
        try:
            assert np.isfinite(lw.open(file).space.vectors).all()
        except (DataError, FormatError):
            refused += 1
    assert 50 < refused < 300


def test_words_of_other_encodings(file: Path) -> None:
    rows = table(2 + BUCKETS)
    file.write_bytes(by_the_layout(["good", b"b\xe4d"], rows=rows))
    with pytest.raises(FormatError, match=r"word 2: the key .* is not utf-8.*errors"):
        _ = lw.open(file).space
    run = lw.open(file, errors="replace")
    assert run.space.keys == ("good", "b\ufffdd")
    ngrams = subwords_twin.ngram_buckets(b"b\xe4d", min_n=3, max_n=4, buckets=BUCKETS)
    wanted = np.mean([rows[1], *(rows[2 + bucket] for bucket in ngrams)], axis=0)
    np.testing.assert_allclose(run.space["b\ufffdd"], wanted, atol=1e-6)  # n-grams are of the bytes in the file
    for empty in (slice(0), slice(2, None)):
        kept = rows.copy()
        kept[empty] = 0
        file.write_bytes(by_the_layout(["good", b"b\xe4d"], rows=kept))
        with pytest.raises(OptionError, match="not UTF-8, of which a run would make other n-grams"):
            lw.convert(file, file.parent / "run", errors="replace")
    assert not (file.parent / "run").exists()
    file.write_bytes(by_the_layout(["good", "good"]))
    with pytest.raises(DataError, match="'good' comes twice"):
        _ = lw.open(file).space


def test_where_else_such_a_file_may_come(file: Path) -> None:
    packed = file.with_suffix(".bin.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(FormatError, match=r"is a fastText file, packed \(.gz\): unpack it first"):
        lw.open(packed)
    with pytest.raises(OptionError, match="holds its own keys"):
        lw.open(file, keys=packed)
    with pytest.raises(FormatError, match="likewise.open reads it"):
        lw.space.formats.read_space(file)


def test_a_run_keeps_every_bucket(file: Path, tmp_path: Path) -> None:
    lw.convert(file, tmp_path / "run")
    run, was = lw.open(tmp_path / "run"), lw.open(file)
    assert run.verify() == []
    assert run.manifest["status"] == "converted from a fasttext file"
    assert run.encoder.fingerprint == was.encoder.fingerprint
    np.testing.assert_array_equal(run.embed(UNSEEN, kind="word"), was.embed(UNSEEN, kind="word"))
    again = SubwordTable.from_state(run.encoder.state())
    np.testing.assert_array_equal(again.embed(UNSEEN, kind="word"), was.embed(UNSEEN, kind="word"))
    assert again.fingerprint == was.encoder.fingerprint


def test_the_bytes_are_those_of_the_layout(file: Path, tmp_path: Path) -> None:
    lw.convert(file, tmp_path / "run")
    lw.convert(tmp_path / "run", tmp_path / "again.bin", to="fasttext")
    wanted = bytearray(by_the_layout())
    struct.pack_into("<q", wanted, 76, 9 + 8 + 7 + 6)  # tokens: the sum of the counts
    assert (tmp_path / "again.bin").read_bytes() == bytes(wanted)
    made = lw.open(file).encoder
    assert size_of_file(made) == pytest.approx(len(wanted), abs=100)


def test_what_was_learned_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasttext_file, "rows_at_once", lambda dim: 7)  # blocks that do not end where buckets do
    language = small_language(sentences=200)
    run = lw.learn(language.lines, recipe="fasttext", dim=8, min_count=1, epochs=1, buckets=5000, report=False)
    run.save(tmp_path / "run")
    notes: list[str] = []
    session = Session(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    lw.convert(tmp_path / "run", tmp_path / "model.bin", to="fasttext", session=session)
    assert any("5,000 buckets, of which" in note for note in notes)
    again = lw.open(tmp_path / "model.bin")
    unseen = ["unheard", "of", "wordlikes"]
    np.testing.assert_array_equal(again.space.vectors, run.space.vectors)
    np.testing.assert_allclose(again.encoder.by_letters(unseen)[0], run.encoder.by_letters(unseen)[0], atol=1e-7)
    np.testing.assert_array_equal(again.encoder.output, run.encoder.output)
    assert again.space.items["count"].tolist() == run.space.items["count"].tolist()
    assert again.manifest["options"]["epochs"] == 1


def test_words_of_any_other_file_are_written_without_ngrams(tmp_path: Path) -> None:
    notes: list[str] = []
    session = Session(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    (tmp_path / "words.txt").write_text("2 2\nking 1 2\n</s> 3 4\n")
    lw.convert(tmp_path / "words.txt", tmp_path / "model.bin", to="fasttext", session=session)
    assert any("no n-grams are known" in note for note in notes)
    assert any("written as zeros" in note for note in notes)
    again = lw.open(tmp_path / "model.bin")
    assert again.space.keys == ("king", "</s>")
    assert again.space["</s>"].tolist() == [3, 4]
    lw.convert(tmp_path / "model.bin", tmp_path / "back.vec")
    assert (tmp_path / "back.vec").read_text() == "2 2\nking 1 2\n</s> 3 4\n"


def test_a_file_is_written_whole_or_not_at_all(file: Path, tmp_path: Path) -> None:
    lw.convert(file, tmp_path / "run")
    session = Session(lambda event: session.stop())
    with pytest.raises(KeyboardInterrupt):
        lw.convert(tmp_path / "run", tmp_path / "new.bin", to="fasttext", session=session)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "run"]
    with pytest.raises(RunExists, match="--overwrite"):
        lw.convert(tmp_path / "run", file, to="fasttext")
    with pytest.raises(OptionError, match="a fastText file already: copy it"):
        lw.convert(file, tmp_path / "new.bin", to="fasttext")
    with pytest.raises(RunError, match="could not write"):
        lw.convert(tmp_path / "run", file / "inside" / "new.bin", to="fasttext")
    notes: list[str] = []
    telling = Session(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    lw.convert(file, tmp_path / "words.npz", session=telling)
    lw.convert(tmp_path / "run", tmp_path / "words.bin", session=telling)
    assert sum("n-grams (--to fasttext keeps them)" in note for note in notes) == 2


def test_a_word_that_the_format_would_damage_is_refused() -> None:
    words = ["good", "b\0d"]
    made = SubwordTable(words, np.eye(2), subwords(words, min_n=0, max_n=0))
    with pytest.raises(OptionError, match="holds a NUL"):
        list(fasttext_blocks(made))


PEER = os.environ.get("LIKEWISE_FASTTEXT_PYTHON", "")
ASK = """
import sys, numpy, fasttext
model = fasttext.load_model(sys.argv[1])
print(*[w for _, w in model.get_nearest_neighbors("{word}", k=5)])
print(*model.get_words()[:3])
numpy.save(sys.argv[2], [model.get_word_vector(w) for w in {words!r}])
"""
# fastText 0.9.3 starts only a tenth of its rows for each thread, the rest is what memory holds: 10 threads start all
TRAIN = """
import sys, fasttext
kind, text, out = sys.argv[1:4]
options = dict(dim=10, epoch=2, lr=0.02, bucket=5000, minn=2, maxn=4, minCount=1, thread=10, verbose=0)
options |= {"plain": {}, "cbow": {"model": "cbow"}, "hs": {"loss": "hs"}, "words": {"minn": 0, "maxn": 0},
            "no buckets": {"minn": 0, "maxn": 0, "bucket": 0}, "long": {"minn": 1, "maxn": 9},
            "labels": {}, "pairs of words": {"wordNgrams": 2, "minn": 0, "maxn": 0, "loss": "hs"},
            "ova": {"loss": "ova"}, "quantised": {}}[kind]
classes = kind in ("labels", "pairs of words", "ova", "quantised")
train = fasttext.train_supervised if classes else fasttext.train_unsupervised
model = train(text, **options)
if kind == "quantised":
    model.quantize(text)
model.save_model(out)
"""
needs_peer = pytest.mark.skipif(not PEER, reason="LIKEWISE_FASTTEXT_PYTHON names no Python that has fasttext")


def _ask(model: Path, word: str, words: list[str]) -> tuple[list[str], list[str], np.ndarray]:
    script = ASK.format(word=word, words=words)
    out = subprocess.run(
        [PEER, "-c", script, model, model.with_suffix(".npy")], check=True, capture_output=True, text=True
    )
    near, first = out.stdout.splitlines()
    return near.split(" "), first.split(" "), np.load(model.with_suffix(".npy"))


@needs_peer
@pytest.mark.parametrize(
    "kind", ["plain", "cbow", "hs", "words", "no buckets", "long", "labels", "pairs of words", "ova"]
)
def test_its_own_files_have_its_own_vectors(kind: str, tmp_path: Path) -> None:
    lines = small_language(sentences=2000).lines
    labelled = kind in ("labels", "pairs of words", "ova")
    text = [f"__label__{'ab'[i % 2]} {line}" for i, line in enumerate(lines)] if labelled else lines
    (tmp_path / "text.txt").write_text("\n".join(text))
    model = tmp_path / "model.bin"
    subprocess.run([PEER, "-c", TRAIN, kind, tmp_path / "text.txt", model], check=True)
    run = lw.open(model)
    word = next(key for key in run.space.keys[20:] if key != "</s>")
    words = [
        *run.space.keys[:50],
        "unheard",
        "日本",
        "wordlike",
        "z",
        "",
        "<>",
        "a b",
        "👩‍👩‍👧",
        "ä" * 20,  # its program sums in float32: at 3,000 letters it is 4e-6 off the mean
        "e\u0301a",
    ]
    near, first, vectors = _ask(model, word, words)
    assert first == list(run.space.keys[:3])
    assert near == [found.key for found in run.space.near(word, 5)]
    seen = run.embed(words[:50], kind="word")
    np.testing.assert_allclose(np.concatenate([seen, run.encoder.by_letters(words[50:])[0]]), vectors, atol=1e-6)


@needs_peer
def test_its_quantised_files_are_refused(tmp_path: Path) -> None:
    lines = [f"__label__{'ab'[i % 2]} word{i} thing{i % 300}" for i in range(2000)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    subprocess.run([PEER, "-c", TRAIN, "quantised", tmp_path / "text.txt", tmp_path / "model.ftz"], check=True)
    with pytest.raises(FormatError, match="is quantised"):
        _ = lw.open(tmp_path / "model.ftz").space


@pytest.fixture(scope="module")
def learned() -> Run:
    lines = small_language(sentences=2000).lines
    return lw.learn(lines, recipe="fasttext", dim=10, min_count=1, epochs=2, buckets=5000, report=False)


@needs_peer
@pytest.mark.parametrize("recipe", ["fasttext", "word2vec"])
def test_its_program_opens_our_files(recipe: str, learned: Run, tmp_path: Path) -> None:
    run = learned
    if recipe == "word2vec":
        run = lw.learn(small_language(sentences=500).lines, dim=10, min_count=1, epochs=1, report=False)
    run.save(tmp_path / "run")
    lw.convert(tmp_path / "run", tmp_path / "model.bin", to="fasttext")
    words = [*run.space.keys[:50], *(["unheard", "日本", "z"] if recipe == "fasttext" else [])]
    near, first, vectors = _ask(tmp_path / "model.bin", run.space.keys[20], words)
    assert first == list(run.space.keys[:3])
    assert near == [found.key for found in run.space.near(run.space.keys[20], 5)]
    np.testing.assert_allclose(run.space.vectors[:50], vectors[:50], atol=1e-6)
    if recipe == "fasttext":
        np.testing.assert_allclose(run.encoder.by_letters(words[50:])[0], vectors[50:], atol=1e-6)


def test_gensim_opens_our_files_and_we_open_gensims(learned: Run, tmp_path: Path) -> None:
    peer = pytest.importorskip("gensim.models.fasttext")
    learned.save(tmp_path / "run")
    lw.convert(tmp_path / "run", tmp_path / "model.bin", to="fasttext")
    model = peer.load_facebook_model(str(tmp_path / "model.bin"))
    words = [*learned.space.keys[:50], "unheard", "日本語"]
    wanted = np.concatenate([learned.space.vectors[:50], learned.encoder.by_letters(words[50:])[0]])
    np.testing.assert_allclose([model.wv[word] for word in words], wanted, atol=1e-6)
    word = learned.space.keys[20]
    assert [key for key, _ in model.wv.most_similar(word, topn=5)] == [n.key for n in learned.space.near(word, 5)]
    peer.save_facebook_model(model, str(tmp_path / "theirs.bin"))
    theirs = lw.open(tmp_path / "theirs.bin")
    np.testing.assert_allclose(theirs.space[list(learned.space.keys)], learned.space.vectors, atol=1e-6)


@pytest.mark.parametrize("options", [{"sg": 1}, {"sg": 0}, {"sg": 1, "hs": 1, "negative": 0}, {"max_n": 0}])
def test_what_gensim_learned_is_the_same_here(options: dict[str, int], tmp_path: Path) -> None:
    peer = pytest.importorskip("gensim.models.fasttext")
    text = [line.split() for line in small_language(sentences=1000).lines]
    given = {"vector_size": 10, "min_count": 1, "epochs": 2, "bucket": 5000, "workers": 1, "min_n": 2, "max_n": 4}
    model = peer.FastText(text, **(given | options))
    peer.save_facebook_model(model, str(tmp_path / "theirs.bin"))
    run = lw.open(tmp_path / "theirs.bin")
    words = list(model.wv.index_to_key)
    np.testing.assert_allclose(run.embed(words, kind="word"), model.wv[words], atol=1e-6)
    near = [key for key, _ in model.wv.most_similar(words[20], topn=5)]
    assert [found.key for found in run.space.near(words[20], 5)] == near
    if options.get("max_n") != 0:
        unseen = ["unheard", "日本語", "ä" * 300, "a-b"]
        np.testing.assert_allclose(run.encoder.by_letters(unseen)[0], [model.wv[word] for word in unseen], atol=1e-6)


def test_text_files_go_both_ways(learned: Run, tmp_path: Path) -> None:
    peer = pytest.importorskip("gensim.models")
    learned.save(tmp_path / "run")
    lw.convert(tmp_path / "run", tmp_path / "ours.vec")
    theirs = peer.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.vec"))
    assert tuple(theirs.index_to_key) == learned.space.keys
    np.testing.assert_allclose(theirs.vectors, learned.space.vectors, atol=1e-6)
    rows = zip(learned.space.keys, learned.space.vectors.tolist(), strict=True)
    lines = [f"{len(learned.space)} {learned.space.dim}"]  # as fastText's program writes it: a blank ends each line
    lines += [f"{key} {''.join(f'{number:.5g} ' for number in row)}" for key, row in rows]
    (tmp_path / "theirs.vec").write_text("\n".join(lines) + "\n")
    again = lw.open(tmp_path / "theirs.vec").space
    assert again.keys == learned.space.keys
    np.testing.assert_allclose(again.vectors, learned.space.vectors, rtol=1e-4, atol=1e-6)
