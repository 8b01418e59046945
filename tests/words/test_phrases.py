"""Phrases: found where they were put, scored as by gensim, joined from left to right, kept with the encoder."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models.phrases import Phrases as GensimPhrases
from hypothesis import given, settings
from hypothesis import strategies as st

import likewise as lw
from likewise.errors import DataError, IntegrityError, OptionError
from likewise.kernels.phrases_twin import joined, pairs_of
from likewise.session import Derived, Note, Session
from likewise.sources.text import open_text
from likewise.words import phrase_search
from likewise.words.corpus import Reading, read_corpus
from likewise.words.phrases import Phrase, Phrases, PhraseSearch, npmi

RECIPES = ["word2vec", "fasttext", "glove", "ppmi"]


def read(data: Any, *, session: Session | None = None, **options: Any) -> Reading:
    options = {"held_out": 0.0, "min_count": 1} | options
    return read_corpus(open_text(data), session=session or Session(), **options)


def texts_of(reading: Reading) -> list[str]:
    words, corpus = reading.vocabulary.words, reading.train
    return [
        " ".join(words[i] for i in corpus.ids[a:b])
        for a, b in zip(corpus.starts, corpus.starts[1:], strict=False)
    ]  # fmt: skip


def scored(reading: Reading) -> list[dict[Phrase, float]]:
    assert reading.phrases is not None
    found = reading.phrases
    return [
        dict(zip(some, scores.tolist(), strict=True)) for some, scores in zip(found.passes, found.scores, strict=True)
    ]


def text_with_phrases(lines: int = 3000, seed: int = 0) -> list[str]:
    """Return lines of words by chance, into which new york (times) and bank of the moon are put."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(lines):
        words = [f"w{i}" for i in rng.integers(0, 200, 12)]
        put = rng.integers(0, 6)
        words[4:4] = [[], ["new", "york"], ["new", "york", "times"], ["bank", "of", "the", "moon"], ["york"], ["of"]][
            put
        ]
        out.append(" ".join(words))
    return out


def test_phrases_that_were_put_into_a_text_are_found() -> None:
    reading = read(text_with_phrases(), phrases=PhraseSearch(0.5))
    assert reading.phrases is not None
    assert [sorted(some) for some in reading.phrases.passes] == [
        [("bank", "of"), ("new", "york"), ("of", "the"), ("the", "moon"), ("york", "times")]
    ]
    index = reading.vocabulary.index
    assert {"new_york", "york", "times"} <= set(index)
    assert "new" not in index, "it is never without york"
    two = read(text_with_phrases(), phrases=PhraseSearch(0.5, passes=2)).phrases
    assert two is not None
    assert set(two.passes[1]) == {("new_york", "times"), ("bank_of", "the_moon")}


def test_connectors_stand_inside_phrases_only() -> None:
    reading = read(text_with_phrases(), phrases=PhraseSearch(0.5, connectors=["of", "the", "unheard"]))
    assert reading.phrases is not None
    assert reading.phrases.passes == [[("bank", "of", "the", "moon"), ("new", "york"), ("york", "times")]]
    assert "bank_of_the_moon" in reading.vocabulary.index
    assert not any(word.startswith("of_") or word.endswith("_of") for word in reading.vocabulary.words)


def test_words_are_joined_from_left_to_right_and_used_once() -> None:
    phrases = Phrases([[("a", "b"), ("b", "c"), ("c", "d")]])
    assert phrases.join("a b c d".split()) == ["a_b", "c_d"]
    assert phrases.join("b c d a a b".split()) == ["b_c", "d", "a", "a_b"]
    assert phrases.join(["a", "b", "a_b", "c"]) == ["a_b", "a_b", "c"]
    assert phrases.join([]) == []
    over = Phrases([[("a", "of", "b")]], connectors=["of"])
    assert over.join("of a of b of a b of a of of b a of".split()) == "of a_of_b of a b of a of of b a of".split()


WORDS = st.lists(st.lists(st.sampled_from("abcdxy"), max_size=30), min_size=3, max_size=12)


@settings(max_examples=100, deadline=None)
@given(WORDS, st.sampled_from(["", "x", "xy"]), st.sampled_from([0.0, 0.05, 0.3]), st.integers(1, 3), st.integers(1, 3))
def test_a_text_is_joined_as_by_the_twin(
    lines: list[list[str]], connectors: str, threshold: float, min_count: int, passes: int
) -> None:
    search = PhraseSearch(threshold, min_count=min_count, passes=passes, connectors=list(connectors))
    if not any(lines) or len({word for line in lines for word in line}) < 3:
        return
    wanted, texts = [], [line for line in lines if line]
    for _ in range(passes):
        counts = collections.Counter(word for line in texts for word in line)
        pairs = collections.Counter(pair for line in texts for pair in pairs_of(line, connectors))
        total = counts.total()
        table = {
            pair: "_".join(pair)
            for pair, n in pairs.items()
            if n >= min_count
            and npmi(*(np.array([c]) for c in (n, counts[pair[0]], counts[pair[-1]])), total) > threshold
        }
        if not table:
            break
        wanted.append(sorted(table))
        texts = [list(joined(line, table, connectors)) for line in texts]
    if len({word for line in texts for word in line}) == 1:
        with pytest.raises(DataError, match="only one word"):
            read(lines, phrases=search)
        return
    reading = read(lines, phrases=search)
    assert reading.phrases is not None
    assert reading.phrases.passes == wanted
    assert texts_of(reading) == [" ".join(line) for line in texts]
    assert texts_of(reading) == [" ".join(reading.phrases.join(line)) for line in lines if line]
    counted = collections.Counter(word for line in texts for word in line)
    assert dict(zip(reading.vocabulary.words, reading.vocabulary.counts.tolist(), strict=True)) == counted
    assert (reading.vocabulary.raw_words, reading.vocabulary.raw_vocabulary) == (counted.total(), len(counted))


@pytest.mark.parametrize("connectors", [(), ("w0", "w1", "of", "the")])
def test_phrases_and_scores_are_those_of_gensim(connectors: tuple[str, ...]) -> None:
    rng = np.random.default_rng(3)
    lines = [[f"w{i}" for i in rng.zipf(1.3, rng.integers(1, 40)) % 3000] for _ in range(4000)]
    lines += [line.split() for line in text_with_phrases(500)]
    threshold = 0.02
    rival = GensimPhrases(
        lines, min_count=5, threshold=threshold, scoring="npmi", connector_words=frozenset(connectors), delimiter="_"
    )
    reading = read(lines, phrases=PhraseSearch(threshold, min_count=5, connectors=connectors))
    ours = {"_".join(phrase): score for phrase, score in scored(reading)[0].items()}
    theirs = rival.export_phrases()
    assert len(ours) > 50
    assert set(ours) == set(theirs)
    assert max(abs(ours[phrase] - theirs[phrase]) for phrase in ours) < 1e-6
    assert texts_of(reading) == [" ".join(rival[line]) for line in lines]


def test_pairs_that_share_cells_are_still_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = text_with_phrases()
    wanted = scored(read(lines, phrases=PhraseSearch(0.02, min_count=3)))
    monkeypatch.setattr("likewise.kernels.phrases._MOST_BITS", 6)
    assert scored(read(lines, phrases=PhraseSearch(0.02, min_count=3))) == wanted
    assert len(wanted[0]) > 100


def test_a_cell_that_is_full_hides_nothing() -> None:
    lines = ["a b c"] * 70_000 + ["c a"] * 1000
    pairs = scored(read(lines, phrases=PhraseSearch(0.5)))
    assert set(pairs[0]) == {("a", "b"), ("b", "c")}
    n = 212_000
    assert pairs[0]["b", "c"] == pytest.approx(np.log((70e3 / n) / (70e3 / n * 71e3 / n)) / -np.log(70e3 / n))


def test_held_out_paragraphs_are_joined_but_not_counted() -> None:
    lines = text_with_phrases()
    reading = read(lines, phrases=PhraseSearch(0.3, min_count=5), held_out=0.2)
    words = reading.vocabulary.words
    held = [[words[i] for i in reading.held_out.ids[a:b]] for a, b in zip(
        reading.held_out.starts, reading.held_out.starts[1:], strict=False)]  # fmt: skip
    assert len(held) > 400
    assert sum("new_york" in line for line in held) > 100
    apart = collections.Counter(tuple(line.replace("_", " ").split()) for line in map(" ".join, held))
    training = [line for line in lines if not apart[tuple(line.split())]]
    assert scored(read(training, phrases=PhraseSearch(0.3, min_count=5))) == scored(reading)
    assert scored(read(lines, phrases=PhraseSearch(0.3, min_count=5))) != scored(reading)


def test_a_text_whose_paragraphs_are_all_held_out_has_phrases() -> None:
    for i in range(40):  # of equal paragraphs all or none are held out
        reading = read([f"new york {i} a b"] * 20 + [f"new york {i} a b"] * 20, phrases=PhraseSearch(0.9), held_out=0.5)
        assert "new_york" in reading.vocabulary.index


def test_a_word_that_is_written_as_a_phrase_is_the_same_word() -> None:
    seen: list[Any] = []
    lines = [line.split() for line in text_with_phrases(1000)] + [["new_york"]] * 30
    reading = read(lines, phrases=PhraseSearch(0.5), session=Session(seen.append))
    joins = sum("new york" in " ".join(line) for line in lines)
    assert reading.vocabulary.counts[reading.vocabulary.index["new_york"]] == joins + 30
    assert len(set(reading.vocabulary.words)) == len(reading.vocabulary.words)
    assert [e.text for e in seen if isinstance(e, Note)] == [
        "1 phrase is written as a word of the text is, and joins it: new_york"
    ]


def test_phrases_that_are_given_are_applied_and_nothing_is_looked_for() -> None:
    lines = text_with_phrases()
    given = Phrases([[("new", "york"), ("w1", "w2"), ("un", "heard")], [("new_york", "times")]])
    reading = read(lines, phrases=given)
    assert reading.phrases is given
    assert texts_of(reading) == [" ".join(given.join(line.split())) for line in lines]
    assert "un_heard" not in reading.vocabulary.index
    found = read(lines, phrases=PhraseSearch(0.4, passes=3, connectors=["of"]))
    assert found.phrases is not None
    again = read(lines, phrases=Phrases.from_json(found.phrases.as_json()))
    assert np.array_equal(again.train.ids, found.train.ids)
    assert again.vocabulary.words == found.vocabulary.words


def test_how_a_text_is_swept_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = text_with_phrases()
    path = tmp_path / "t.txt"
    path.write_text("\n".join(lines))
    one = read(lines, phrases=PhraseSearch(0.1, passes=2))
    monkeypatch.setattr(phrase_search, "_PARAGRAPHS", 7)
    two = read(path, phrases=PhraseSearch(0.1, passes=2))
    assert scored(one) == scored(two)
    assert np.array_equal(one.train.ids, two.train.ids)
    assert np.array_equal(one.train.starts, two.train.starts)


def test_what_was_found_is_told() -> None:
    seen: list[Any] = []
    read(text_with_phrases(), phrases=PhraseSearch(0.5), session=Session(seen.append))
    (told,) = [event for event in seen if isinstance(event, Derived)]
    assert (told.name, told.value) == ("phrases_found", 5)
    assert "the surest the_moon 1.00" in told.reason
    seen.clear()
    read(["a b c d", "d c b a", "b d a c"] * 5, phrases=PhraseSearch(1.0), session=Session(seen.append))
    assert [event.text for event in seen if isinstance(event, Note)] == [
        "no phrases: no neighbours are seen 10 times together with an NPMI above 1"
    ]


def test_bad_input_is_refused() -> None:
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="from 0 to 1"):
            PhraseSearch(threshold)
        with pytest.raises(OptionError, match="phrases"):
            lw.learn(["a b"], phrases=threshold)
    with pytest.raises(OptionError, match="give both 1 or more"):
        PhraseSearch(0.5, passes=0)
    with pytest.raises(OptionError, match="256 connectors"):
        PhraseSearch(0.5, connectors=[str(i) for i in range(256)])
    with pytest.raises(OptionError, match="phrase_passes is given without phrases"):
        lw.learn(["a b"], phrase_passes=2)
    with pytest.raises(OptionError, match="phrase_connectors"):
        lw.learn(["a b"], connector_words="of")
    with pytest.raises(DataError, match="only one word"):
        read(["rose"] * 20, phrases=PhraseSearch(0.5))
    with pytest.raises(DataError, match="only one word, 'new_york'"):
        read(["new york"] * 20, phrases=PhraseSearch(0.5))
    with pytest.raises(DataError, match="holds no words"):
        read(["", "..."], phrases=PhraseSearch(0.5))


def test_a_stopped_session_ends_the_search() -> None:
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        read(text_with_phrases(), phrases=PhraseSearch(0.5), session=session)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_keeps_its_phrases(recipe: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"dim": 8, "min_count": 1, "phrases": 0.5, "phrase_connectors": "of, the", "threads": 1}
    options |= {"epochs": 1} if recipe != "ppmi" else {}
    options |= {"buckets": 1000} if recipe == "fasttext" else {}
    lines = text_with_phrases(600)
    run = lw.learn(lines, recipe=recipe, report=False, out=tmp_path / "run", **options)
    again = lw.open(tmp_path / "run")
    assert not again.verify()
    assert again.encoder.phrases.passes == ((("bank", "of", "the", "moon"), ("new", "york"), ("york", "times")),)
    assert again.encoder.fingerprint == run.encoder.fingerprint == again.space.fingerprint
    assert np.array_equal(again.embed(["New York!"], pooling="mean")[0], again.space["new_york"])
    assert np.array_equal(again.embed([["new", "york"]], pooling="mean")[0], again.space["new_york"])
    both = again.space[["new_york", "bank_of_the_moon"]].mean(axis=0)
    assert np.allclose(again.embed(["a: New York; bank of the moon"[2:]], pooling="mean")[0], both, atol=1e-7)
    other = type(run.encoder).from_state(run.encoder.state())
    assert other.fingerprint == run.encoder.fingerprint
    assert np.array_equal(other.embed(lines[:5]), again.embed(lines[:5]))
    same = lw.learn(lines, recipe=recipe, report=False, **options)
    assert np.array_equal(same.space.vectors, run.space.vectors)
    assert same.encoder.fingerprint == run.encoder.fingerprint
    plain = lw.learn(lines, recipe=recipe, report=False, **{k: v for k, v in options.items() if "phrase" not in k})
    assert "phrases" not in plain.encoder.tokenizer
    assert "new_york" not in plain.space


@pytest.mark.parametrize("recipe", ["word2vec", "fasttext"])
def test_new_text_is_joined_as_the_old_one_was(recipe: str) -> None:
    quick: dict[str, Any] = {"recipe": recipe, "dim": 8, "min_count": 1, "epochs": 1, "threads": 1, "phrases": 0.5}
    quick |= {"buckets": 1000} if recipe == "fasttext" else {}
    first = lw.learn(text_with_phrases(600), **quick, report=False)
    new = ["new york is hong kong", "hong kong is not new", "york times"] * 20
    grown = lw.learn(new, start=first, min_count=1, report=False)
    assert "new_york" in grown.space
    assert "hong_kong" not in grown.space, "no phrases are looked for: old and new vectors are of the same words"
    count = dict(zip(grown.space.keys, grown.space.items["count"].tolist(), strict=True))
    before = dict(zip(first.space.keys, first.space.items["count"].tolist(), strict=True))
    assert count["new_york"] == before["new_york"] + 20
    assert count["hong"] == 40
    assert grown.encoder.phrases == first.encoder.phrases
    assert np.array_equal(grown.embed(["New York"], pooling="mean")[0], grown.space["new_york"])
    with pytest.raises(OptionError, match="phrases is 0.5 in"):
        lw.learn(new, start=first, phrases=0.7)


def test_phrases_are_part_of_the_fingerprint() -> None:
    run = lw.learn(text_with_phrases(600), dim=8, min_count=1, epochs=1, phrases=0.5, threads=1, report=False)
    arrays, about = run.encoder.state()
    about["tokenizer"] = about["tokenizer"] | {"phrases": Phrases([[("w1", "w2")]]).as_json()}
    assert type(run.encoder).from_state((arrays, about)).fingerprint != run.encoder.fingerprint


def test_the_callers_own_tokeniser_is_joined_too(tmp_path: Path) -> None:
    lines = text_with_phrases(600)
    run = lw.learn(lines, tokenizer=str.split, dim=8, min_count=1, epochs=1, phrases=0.5, threads=1, report=False)
    assert np.array_equal(run.embed(["new york"], pooling="mean")[0], run.space["new_york"])
    run.save(tmp_path / "run")
    again = lw.open(tmp_path / "run")
    assert np.array_equal(again.embed([["new", "york"]], pooling="mean")[0], run.space["new_york"])


STRANGE = [
    None, [], "x", 7, {}, {"version": 2, "connectors": [], "passes": []}, {"version": 1},
    {"version": 1, "connectors": [], "passes": [[["a"]]]}, {"version": 1, "connectors": [], "passes": [["ab"]]},
    {"version": 1, "connectors": [], "passes": [[["a", 1]]]}, {"version": 1, "connectors": "of", "passes": []},
    {"version": 1, "connectors": [], "passes": [[["a", "of", "b"]]]}, {"version": 1, "connectors": [], "passes": {}},
    {"version": 1, "connectors": ["of"], "passes": [[["a", *["of"] * 5, "b"]]]},
]  # fmt: skip


@pytest.mark.parametrize("about", STRANGE, ids=str)
def test_strange_phrases_are_refused(about: Any) -> None:
    with pytest.raises(IntegrityError, match="phrases"):
        Phrases.from_json(about)


def test_npmi_is_bounded_where_it_should_be() -> None:
    rng = np.random.default_rng(0)
    first, last = rng.integers(1, 100, (2, 500))
    together = rng.integers(1, np.minimum(first, last) + 1)
    scores = npmi(together, first, last, 1000)
    assert np.all((scores > -1) & (scores <= 1 + 1e-12))
    assert npmi(np.array([7]), np.array([7]), np.array([7]), 1000)[0] == pytest.approx(1)
