"""The panels that compare models: on a text whose truth is known, and on texts that cannot show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.evaluate.analogies import AnalogyScores, Relation
from likewise.session import Session
from likewise.sources.gold import Question
from likewise.sources.small_language import small_language
from likewise.tour import letters, relations, take_tour
from likewise.tour.ground import Ground
from likewise.tour.models import Model, beginning, learn_models
from likewise.tour.panel import NotShown


@pytest.fixture(autouse=True)
def _no_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)


def test_the_beginning_of_a_text_is_whole_paragraphs() -> None:
    assert beginning(["one two", "three", "four"], characters=12) == ["one two", "three"]
    assert beginning(["one two", "three", "four"], characters=11) == ["one two"]


def test_every_model_is_learned_from_the_same_words() -> None:
    lines = small_language(sentences=2_000).lines
    models = learn_models(lines, [], Session())
    assert [model.name for model in models.models] == ["word2vec", "fasttext", "glove", "ppmi"]
    assert len({frozenset(model.space.keys) for model in models.models}) == 1
    assert set(models.one_hot.keys) == set(models.models[0].space.keys)
    assert models.words == models.models[0].space.items["count"].sum()
    for model in models.models:
        made = model.run.encoder.rows if model.name == "fasttext" else model.space.vectors  # type: ignore[attr-defined]
        assert model.bytes == made.nbytes
        assert model.seconds > 0
        assert model.scores is None


def test_a_stored_run_alone_shows_no_other_models(tmp_path: Path) -> None:
    lines = small_language(sentences=500).lines
    lw.learn(lines, recipe="word2vec", out=tmp_path / "run", report=False, epochs=1, dim=8, min_count=1)
    ground = Ground(Session(), stored=tmp_path / "run")
    with pytest.raises(NotShown, match="give --data"):
        _ = ground.models
    with pytest.raises(NotShown, match="give --data"):
        _ = ground.letters


def test_a_stored_run_that_knows_letters_is_asked_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stems = ["".join(rng.choice(list("abdegiklmnoprstu"), 5)) for _ in range(200)]
    lines = [f"{stem}ing {stem}ed {stem}ness and {stem}able" for stem in stems for _ in range(12)]
    lw.learn(lines, recipe="fasttext", out=tmp_path / "run", report=False, epochs=1, dim=16, min_count=1)
    (panel,) = take_tour(tmp_path / "t.html", run=tmp_path / "run", only=["letters"])
    assert panel.numbers[0].n is not None
    assert panel.numbers[0].n > 100
    assert {"shared n-grams", "untrained"} <= set(panel.numbers[0].baselines)


def test_slips_are_of_every_kind_and_no_words() -> None:
    words = ["planet", "planetary", "gardener", "mountain", "rivers", "short", "x1y2z3q", "plaet"]
    slips = letters.misspelt(words, known={*words, "mountan"})
    assert {slip.word for slip in slips} <= {"planet", "planetary", "gardener", "mountain", "rivers"}
    for slip in slips:
        assert slip.written not in words
        assert slip.written[0] == slip.word[0]
        assert abs(len(slip.written) - len(slip.word)) <= 1
    assert len({slip.kind for slip in slips}) == 4
    assert letters.misspelt(words, known=words) == letters.misspelt(words, known=words)


def _model(name: str, right: dict[str, int], asked: int = 100) -> Model:
    found = [Relation(relation, asked, count, 0, 0, 1) for relation, count in right.items()]
    total = Relation("all", asked * len(found), sum(right.values()), 0, 0, 0)
    scores = AnalogyScores(found, total, total, total, 0.0, 0, "3cosadd")
    return Model(name, None, 0.0, 0, scores)  # type: ignore[arg-type]


def test_relations_say_which_model_is_best_where(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground(Session())
    one, other = _model("one", {"plural": 80, "capital": 5}), _model("other", {"plural": 20, "capital": 9})

    class Both:
        models = (one, other)

    monkeypatch.setitem(ground.__dict__, "models", Both())
    panel = relations.show(ground)
    assert "In 1 of 2 relations" in panel.finding
    assert "plural (80.0%, one)" in panel.finding
    assert "capital (9.0%, other)" in panel.finding
    assert panel.holds
    assert panel.tables[0].rows[0][:4] == ("plural", 100, "80.0%", "20.0%")
    Both.models = (_model("one", {"plural": 50, "capital": 49}), _model("other", {"plural": 48, "capital": 50}))
    assert not relations.show(ground).holds
    Both.models = (_model("one", {"plural": 50}),)
    with pytest.raises(NotShown, match="two relations"):
        relations.show(ground)


def test_forms_are_relations_of_their_own() -> None:
    from likewise.tour.ground import forms

    found = forms(["walk", "walked", "work", "worked", "working", "walking", "hardly", "the"])
    assert {question[0] for question in found} == {"gram: the same with -ed", "gram: the same with -ing"}
    assert Question("gram: the same with -ing", "walk", "walking", "work", "working") in found
