"""Pooling: the paper's SIF against a short reference, the same in any batch, saved and opened, never mixed up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import recipes
from likewise.embedding import embed_file
from likewise.errors import FingerprintError, IntegrityError, OptionError, ShapeError
from likewise.files import digest_of_file, digest_of_json
from likewise.opening import Run
from likewise.recipes import describe
from likewise.run import ENCODER, RunFolder, _pretty
from likewise.space import Space
from likewise.word_runs import COMPONENT
from likewise.words.corpus import Corpus
from likewise.words.pooling import POOLINGS, Poolings, learn_component
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import subwords
from likewise.words.table import WordTable

WORDS = [f"w{i}" for i in range(30)]
QUICK: dict[str, Any] = {"dim": 8, "min_count": 1, "report": False, "threads": 1}
RECIPES: dict[str, dict[str, Any]] = {
    "word2vec": {"epochs": 2},
    "fasttext": {"epochs": 2, "max_n": 4},
    "glove": {"epochs": 2},
    "ppmi": {},
    "onehot": {},
}


def learned(recipe: str, **more: Any) -> Run:
    known = {*describe(recipes.RECIPES[recipe]), "report", "out"}
    options = QUICK | RECIPES[recipe] | more
    return lw.learn(text(), recipe=recipe, **{name: value for name, value in options.items() if name in known})


def text(sentences: int = 200, seed: int = 0) -> list[list[str]]:
    """Sentences of 3 to 12 words, low numbers far more often."""
    rng = np.random.default_rng(seed)
    return [[WORDS[int(29 * rng.random() ** 3)] for _ in range(rng.integers(3, 13))] for _ in range(sentences)]


def corpus_of(sentences: Sequence[Sequence[str]]) -> Corpus:
    ids = [WORDS.index(word) for sentence in sentences for word in sentence]
    return Corpus(np.array(ids, np.int32), np.cumsum([0, *map(len, sentences)]).astype(np.int64))


def space_of(sentences: Sequence[Sequence[str]], dim: int = 6) -> Space:
    ids = corpus_of(sentences).ids
    vectors = np.random.default_rng(5).normal(size=(30, dim)) + 0.5
    return Space(WORDS, vectors, items={"count": np.bincount(ids, minlength=30)})


def sif_of_the_paper(
    fitted: Sequence[Sequence[str]], asked: Sequence[Sequence[str]], vectors: Mapping[str, Any], a: float = 1e-3
) -> np.ndarray:
    """Algorithm 1 of Arora, Liang and Ma 2017, the component from `fitted`, written down from the paper."""
    seen = [word for sentence in fitted for word in sentence]
    p = {word: seen.count(word) / len(seen) for word in set(seen)}

    def v(sentence: Sequence[str]) -> Any:
        return sum(a / (a + p[word]) * vectors[word].astype(np.float64) for word in sentence) / len(sentence)

    u = np.linalg.svd(np.stack([v(sentence) for sentence in fitted]))[2][0]
    return np.stack([v(sentence) - u * (u @ v(sentence)) for sentence in asked])


@pytest.mark.parametrize("dim", [6, 400])
def test_it_is_the_algorithm_of_the_paper(dim: int) -> None:
    fitted, asked = text(), text(50, seed=1)
    space = space_of(fitted, dim)
    table = WordTable(space).with_component(learn_component(space, corpus_of(fitted), seed=3))
    wanted = sif_of_the_paper(fitted, asked, {word: space[word] for word in WORDS})
    np.testing.assert_allclose(table.embed(asked, kind="text:sif"), wanted, atol=2e-6)
    weighted = table.embed(asked, kind="text:weighted")
    assert np.abs(weighted - wanted).max() > 0.01
    np.testing.assert_allclose(wanted @ table.poolings.component, 0, atol=1e-6)


def test_long_sentences_are_taken_in_pieces() -> None:
    fitted = text()
    space, flat = space_of(fitted), [word for sentence in fitted for word in sentence]
    one_line = learn_component(space, corpus_of([flat]), seed=1)
    pieces = [flat[i : i + 20] for i in range(0, len(flat), 20)]
    np.testing.assert_array_equal(one_line, learn_component(space, corpus_of(pieces), seed=1))
    wanted = sif_of_the_paper(pieces, pieces, {word: space[word] for word in WORDS})
    table = WordTable(space).with_component(one_line)
    np.testing.assert_allclose(table.embed(pieces, kind="text:sif"), wanted, atol=2e-6)


@pytest.mark.parametrize("fitted", [[["w1"]], [["w1", "w2", "w1"]], [["w1", "w2"]] * 9])
def test_what_has_all_in_common_loses_nothing(fitted: list[list[str]]) -> None:
    space = space_of(fitted)
    component = learn_component(space, corpus_of(fitted), seed=1)
    assert not component.any()
    table = WordTable(space).with_component(component)
    np.testing.assert_array_equal(table.embed(fitted, kind="text:sif"), table.embed(fitted, kind="text:weighted"))
    assert table.embed(fitted, kind="text:sif").any()


def test_a_space_of_one_dimension_or_a_text_without_known_words_loses_nothing() -> None:
    assert not learn_component(space_of(text(), 1), corpus_of(text()), seed=1).any()
    assert learn_component(space_of(text()), corpus_of([[]]), seed=1).tolist() == [0] * 6


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_text_has_one_vector_alone_in_any_batch_and_after_opening(recipe: str, tmp_path: Path) -> None:
    run = learned(recipe, out=tmp_path / "run")
    texts = [" ".join(words) for words in text(40, seed=2)] + ["", "§§ ??", "w1", "w1 w2x unheard"]
    again = lw.open(tmp_path / "run")
    assert again.verify() == []
    for pooling in POOLINGS:
        together = run.embed(texts, pooling=pooling)
        assert np.isfinite(together).all()
        assert not together[40:42].any()
        np.testing.assert_array_equal(together, np.concatenate([run.embed([t], pooling=pooling) for t in texts]))
        np.testing.assert_array_equal(together[::-1], run.embed(texts[::-1], pooling=pooling))
        np.testing.assert_array_equal(together, again.embed(texts, pooling=pooling))
        assert run.fingerprint_of(pooling=pooling) == again.fingerprint_of(pooling=pooling)
    np.testing.assert_array_equal(run.embed(texts), run.embed(texts, pooling="weighted"))
    assert run.embed([], pooling="sif").shape == (0, len(run.space) if recipe == "onehot" else 8)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_component_is_the_same_at_any_number_of_threads(recipe: str) -> None:
    found = set()
    for threads in (1, 2, 4):
        reproducible = {"reproducible": True} if recipe in ("word2vec", "fasttext") else {}
        found.add(learned(recipe, threads=threads, **reproducible).fingerprint_of(pooling="sif"))
    assert len(found) == 1


def test_unseen_words_weigh_one() -> None:
    parts = subwords(WORDS, min_n=1, max_n=2, buckets=1000)
    rows = np.random.default_rng(0).normal(size=(parts.size, 6))
    items = {"count": np.arange(30, 0, -1)}
    table = SubwordTable(WORDS, rows, parts, items=items, tokenizer={}).with_component(np.eye(6)[2])
    word, unseen = table.embed(["w1"], kind="word")[0], table.embed(["w99"], kind="word")[0]
    weight = 1e-3 / (1e-3 + 29 / 465)
    wanted = (weight * word.astype(float) + unseen) / 2
    np.testing.assert_allclose(table.embed(["w1 w99"], kind="text:weighted")[0], wanted, atol=1e-6)
    np.testing.assert_allclose(table.embed(["w1 w99"], kind="text:sif")[0], wanted * (np.arange(6) != 2), atol=1e-6)


def test_texts_of_two_poolings_are_never_of_one_space() -> None:
    run = lw.learn(text(), **QUICK, epochs=1)
    prints = {pooling: run.fingerprint_of(pooling=pooling) for pooling in POOLINGS}
    assert len(set(prints.values())) == 3
    assert prints["mean"] == run.space.fingerprint == run.fingerprint_of(kind="word")
    assert run.fingerprint_of() == prints["weighted"]
    one, two = (
        Space([f"{pooling} 1"], run.embed(["w1 w2"], pooling=pooling), fingerprint=prints[pooling])
        for pooling in ("mean", "sif")
    )
    with pytest.raises(FingerprintError, match="vectors of another encoder"):
        one.join(two)


def test_the_fingerprint_is_of_table_counts_component_and_a() -> None:
    space = space_of(text())
    table = WordTable(space)
    component = np.eye(6)[0]
    other = WordTable(Space(WORDS, space.vectors, items={"count": space.items["count"] + np.arange(30)}))
    prints = [
        table.with_component(component),
        table.with_component(-np.eye(6)[1]),
        other.with_component(component),
        WordTable(space, tokenizer={"lowercase": False}).with_component(component),
        WordTable(space, poolings=Poolings(space.items, 6, component=component, a=1e-4)),
    ]
    assert len({made.fingerprint_of("text:sif") for made in prints}) == 5
    assert prints[0].fingerprint_of("text:sif") == table.with_component(component).fingerprint_of("text:sif")


def test_words_as_texts_are_what_texts_are_compared_with() -> None:
    run = lw.learn(text(), recipe="glove", **QUICK, epochs=3)
    words = run.words_as_texts("sif")
    np.testing.assert_allclose(words.vectors, run.embed(list(run.space.keys), pooling="sif"), atol=1e-7)
    assert words.fingerprint == run.fingerprint_of(pooling="sif")
    assert words.near(run.embed(["w3"], pooling="sif"), 1)[0][0].key == "w3"
    assert run.words_as_texts("weighted") is run.words_as_texts() is run.space


@pytest.mark.parametrize("subword", [False, True])
def test_the_state_makes_it_again(subword: bool) -> None:
    space = space_of(text())
    parts = subwords(WORDS, min_n=1, max_n=2, buckets=100)
    table: Any = WordTable(space)
    if subword:
        table = SubwordTable(WORDS, np.ones((parts.size, 6)), parts, items=space.items)
    table = table.with_component(np.eye(6)[4])
    again = type(table).from_state(table.state())
    for pooling in POOLINGS:
        assert again.fingerprint_of(f"text:{pooling}") == table.fingerprint_of(f"text:{pooling}")


def test_a_run_from_before_has_no_sif(tmp_path: Path) -> None:
    table = WordTable(space_of(text()))
    old = Run(space=table.space, encoder=table, manifest={}).save(tmp_path / "old")
    encoder = json.loads((old / ENCODER).read_text())
    del encoder["texts"], encoder["pooling"]
    (old / ENCODER).write_text(json.dumps(encoder))
    reseal(old)
    run = lw.open(old)
    assert run.verify() == []
    np.testing.assert_allclose(run.embed(["w1 w2"], pooling="mean")[0], run.space[["w1", "w2"]].mean(axis=0), atol=1e-7)
    assert run.embed(["w1 w2"]).any()
    with pytest.raises(OptionError, match=r"pooling sif needs the component that `learn` keeps.*learn again, or use"):
        run.embed(["w1 w2"], pooling="sif")
    (tmp_path / "new.txt").write_text("w1 w2\n")
    with pytest.raises(OptionError, match="pooling sif needs the component"):
        embed_file(run, tmp_path / "new.txt", tmp_path / "out.npz", pooling="sif")
    assert not (tmp_path / "out.npz").exists()


def reseal(path: Path) -> None:
    """Write a manifest that fits files which were changed."""
    manifest = json.loads((path / "run.json").read_bytes())
    manifest["files"] = {name: digest_of_file(path / name) for name in RunFolder(path).files}
    manifest.pop("digest")
    manifest["digest"] = digest_of_json(manifest)
    (path / "run.json").write_bytes(_pretty(manifest))


def test_a_component_that_somebody_changed_is_refused(tmp_path: Path) -> None:
    table = WordTable(space_of(text()))
    for number, name in ((0, "one"), (1, "two")):
        changed = table.with_component(np.eye(6)[number])
        Run(space=table.space, encoder=changed, manifest={}).save(tmp_path / name)
    (tmp_path / "one" / COMPONENT).write_bytes((tmp_path / "two" / COMPONENT).read_bytes())
    with pytest.raises(IntegrityError, match="was altered"):
        lw.open(tmp_path / "one").embed(["w1"])
    reseal(tmp_path / "one")
    with pytest.raises(IntegrityError, match="texts were pooled in other ways"):
        lw.open(tmp_path / "one").embed(["w1"])
    encoder = json.loads((tmp_path / "two" / ENCODER).read_text())
    for a, says in (("much", "lacks the number a"), (1e-4, "texts were pooled in other ways")):
        (tmp_path / "two" / ENCODER).write_text(json.dumps(encoder | {"pooling": {"a": a}}))
        reseal(tmp_path / "two")
        with pytest.raises(IntegrityError, match=says):
            lw.open(tmp_path / "two").embed(["w1"])


@pytest.mark.parametrize("counts", [["a", "b"], [np.nan, 1], [-1, 2], [[1], [2]]])
def test_without_counts_there_is_only_the_mean(counts: list[Any]) -> None:
    table = WordTable(Space(["a", "b"], np.eye(2), items={"count": np.array(counts)}))
    assert table.embed(["a b"]).tolist() == [[0.5, 0.5]]
    with pytest.raises(OptionError, match="pooling weighted needs the counts of the words, which are not here"):
        table.embed(["a"], kind="text:weighted")


def test_mistakes_get_a_sentence(tmp_path: Path) -> None:
    run = lw.learn(text(), **QUICK, epochs=1)
    with pytest.raises(OptionError, match="pooling sif came with kind 'word'"):
        run.embed(["w1"], kind="word", pooling="sif")
    with pytest.raises(OptionError, match=r"kind 'text:max': .*text:mean, text:weighted, text:sif"):
        run.embed(["w1"], pooling="max")
    with pytest.raises(ShapeError, match="6 finite numbers are needed"):
        WordTable(space_of(text())).with_component(np.ones(5))
    with pytest.raises(OptionError, match="it must be above 0"):
        Poolings({}, 3, a=0.0)


def test_the_command_line_says_how_texts_were_pooled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from likewise.cli import run as likewise

    run = lw.learn(text(), recipe="glove", out=tmp_path / "run", **QUICK, epochs=2)
    (tmp_path / "new.txt").write_text("w1 w2\nw3\n")
    for pooling in POOLINGS:
        out = tmp_path / f"{pooling}.npz"
        arguments = ["embed", str(run.path), str(tmp_path / "new.txt"), "--out", str(out), "--pooling", pooling]
        assert likewise([*arguments, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["pooling"], told["fingerprint"]) == (pooling, run.fingerprint_of(pooling=pooling))
        np.testing.assert_array_equal(lw.open(out).space.vectors, run.embed(["w1 w2", "w3"], pooling=pooling))
    assert likewise(["near", str(run.path), "--text", "w3 w3", "--pooling", "sif", "-k", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)[0]["near"][0]
    assert found["key"] == "w3"
    assert found["score"] == pytest.approx(1, abs=1e-5)
    assert likewise(["near", str(run.path), "w3", "--pooling", "sif"]) == 2
    assert "--pooling sif is of the words of a --text" in capsys.readouterr().err
    assert likewise(["embed", str(run.path), str(tmp_path / "new.txt"), "--kind", "word", "--pooling", "sif"]) == 2
    assert "only the words of texts are pooled" in capsys.readouterr().err
    np.savez(tmp_path / "bare.npz", keys=["w1"], vectors=np.ones((1, 3), np.float32))
    assert likewise(["near", str(tmp_path / "bare.npz"), "--text", "w1", "--pooling", "sif"]) == 2
    assert "holds vectors and no encoder" in capsys.readouterr().err
