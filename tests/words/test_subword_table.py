"""A table of words and n-grams: seen words, unseen words by their letters, texts of both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from likewise.errors import DataError, IntegrityError, KeyMissing, OptionError, ShapeError
from likewise.kernels import subwords_twin
from likewise.opening import Run, open, write_encoder, write_space
from likewise.run import ENCODER, RunWriter
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords

WORDS = ["good", "bad", "日本", "goodness"]


def made(seed: int = 0, **options: int) -> SubwordTable:
    parts = subwords(WORDS, **({"min_n": 2, "max_n": 3, "buckets": 1000} | options))
    return SubwordTable(WORDS, np.random.default_rng(seed).normal(size=(parts.size, 6)), parts, tokenizer={})


def by_hand(table: SubwordTable, word: str) -> np.ndarray:
    """Return fastText's vector: the mean over the word's own row, if it has one, and over its n-grams' rows."""
    full = np.zeros((table.parts.buckets, table.dim))
    full[table.parts.used] = table.rows[len(WORDS) :]
    some = [full[b] for b in subwords_twin.ngram_buckets(word.encode(), min_n=2, max_n=3, buckets=1000)]
    some += [table.rows[WORDS.index(word)]] if word in WORDS else []
    return np.mean(some, axis=0)


@pytest.mark.parametrize("word", [*WORDS, "goods", "badly", "本", "good" * 2500])
def test_a_word_is_the_mean_of_its_rows(word: str) -> None:
    table = made()
    np.testing.assert_allclose(table.embed([word], kind="word")[0], by_hand(table, word), atol=1e-6)


def test_seen_and_unseen_words_keep_their_order() -> None:
    table = made()
    some = ["goods", "bad", "goody", "good"]
    vectors = table.embed(some, kind="word")
    np.testing.assert_array_equal(vectors, np.concatenate([table.embed([word], kind="word") for word in some]))
    np.testing.assert_array_equal(vectors[1], table.space["bad"])
    assert table.embed([], kind="word").shape == (0, 6)


def test_a_word_without_a_known_ngram_is_missing() -> None:
    table = made(buckets=2_000_000)
    with pytest.raises(KeyMissing, match="'xyzzy' is not here among 4 keys"):
        table.embed(["good", "xyzzy"], kind="word")
    vectors, placed = table.by_letters(["xyzzy", "goods", ""])
    assert placed.tolist() == [False, True, False]
    assert not vectors[0].any()
    with pytest.raises(KeyMissing, match="'god'.*did you mean 'good'"):
        made(max_n=0, min_n=0).embed(["god"], kind="word")
    with pytest.raises(DataError, match="half of a character"):
        table.embed(["\ud800"], kind="word")
    with pytest.raises(OptionError, match=r"kind 'image'.*embeds text.*or word"):
        table.embed(["good"], kind="image")


def test_a_text_is_the_mean_of_its_words_unseen_ones_by_letters() -> None:
    table = made(buckets=2_000_000)
    texts = ["Good goods, xyzzy", "", "xyzzy", "bad bad"]
    vectors, known, by_letters, unknown = table.embed_texts(texts)
    wanted = table.embed(["good", "goods"], kind="word").mean(axis=0)
    np.testing.assert_allclose(vectors[0], wanted, atol=1e-6)
    assert not vectors[1:3].any()
    assert known.tolist() == [1, 0, 0, 2]
    assert by_letters.tolist() == [1, 0, 0, 0]
    assert unknown.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(table.embed([["good", "goods", "xyzzy"]])[0], vectors[0])


def test_the_state_makes_it_again() -> None:
    parts = subwords(WORDS)
    table = SubwordTable(
        WORDS, np.eye(parts.size), parts, output=np.ones((4, parts.size)), tokenizer={"digits": "keep"}
    )
    again = SubwordTable.from_state(table.state())
    assert again.fingerprint == table.fingerprint
    np.testing.assert_array_equal(again.output, table.output)
    np.testing.assert_array_equal(again.embed(["goods"], kind="word"), table.embed(["goods"], kind="word"))


def test_the_fingerprint_is_of_rows_and_options() -> None:
    prints = {table.fingerprint for table in (made(), made(1), made(buckets=999), made(max_n=4), made(min_n=3))}
    assert len(prints) == 5
    assert made().fingerprint in prints
    assert made().space.fingerprint == made().fingerprint


def test_rows_and_words_go_together() -> None:
    parts = subwords(WORDS)
    with pytest.raises(ShapeError, match="4 words and 3 rows came"):
        SubwordTable(WORDS, np.zeros((3, 2)), parts)


def test_vectors_equal_gensims() -> None:
    peer = pytest.importorskip("gensim.models.fasttext")
    words = [*WORDS, "river", "rivers"]
    model = peer.FastText([words] * 3, vector_size=8, min_count=1, bucket=5000, epochs=1, seed=1, workers=1)
    parts = subwords(model.wv.index_to_key, buckets=5000)
    rows = np.concatenate([model.wv.vectors_vocab, model.wv.vectors_ngrams[parts.used]])
    table = SubwordTable(model.wv.index_to_key, rows, parts)
    model.wv.adjust_vectors()
    np.testing.assert_allclose(table.embed(words, kind="word"), model.wv[words], atol=1e-6)
    model.wv.vectors_ngrams[np.setdiff1d(np.arange(5000), parts.used)] = 0  # what nobody uses is random in gensim
    unseen = ["goods", "riverside", "本日本"]
    np.testing.assert_allclose(table.embed(unseen, kind="word"), [model.wv.get_vector(w) for w in unseen], atol=1e-6)


def test_a_run_holds_it(tmp_path: Path) -> None:
    table = made()
    Run(space=table.space, encoder=table, manifest={"recipe": "fasttext"}).save(tmp_path / "run")
    again = open(tmp_path / "run")
    assert again.manifest["encoder"] == "subword-table"
    assert again.verify() == []
    assert again.encoder.fingerprint == again.space.fingerprint == table.fingerprint
    assert again.encoder.output is None
    np.testing.assert_array_equal(
        again.embed(["goods", "bad"], kind="word"), table.embed(["goods", "bad"], kind="word")
    )
    np.testing.assert_array_equal(again.embed(["good goods"]), table.embed(["good goods"]))


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"buckets": 999}, (ShapeError, IntegrityError), "make them of the same words|belongs to another run"),
        ({"max_n": None}, IntegrityError, "lacks whole numbers for min_n, max_n, buckets"),
        ({"max_n": 10**9}, OptionError, "max_n is 1000000000"),
    ],
)
def test_a_run_that_somebody_made_up_is_refused(
    change: dict[str, object], error: type[Exception] | tuple[type[Exception], ...], sentence: str, tmp_path: Path
) -> None:
    table = made()
    with RunWriter(tmp_path / "run") as writer:
        facts = write_space(writer, table.space) | {"encoder": write_encoder(writer, table, table.space)}
        about = json.loads((writer.partial / ENCODER).read_text())
        writer.write_json(ENCODER, about | change)
        writer.finish(facts)
    with pytest.raises(error, match=sentence):
        _ = open(tmp_path / "run").encoder
