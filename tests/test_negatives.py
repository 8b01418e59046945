"""Hard negatives: the nearest positives of others that are clearly less like the anchor than its own, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import negatives as module
from likewise.errors import DataError, OptionError, RunExists
from likewise.negatives import negatives, write_negatives
from likewise.session import Finished, Note, Progress, Session
from likewise.sources.text_pairs import open_pairs
from text_stub import Numbers, spelt


def cosine(a: str, b: str, dim: int) -> float:
    x, y = (np.array(text.split()[:dim], float) for text in (a, b))
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


@pytest.mark.parametrize("margin", [0.95, 1.0, 0.5])
@pytest.mark.parametrize("more", [0, 16])
def test_they_are_those_that_the_rule_names(margin: float, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MORE", more)
    monkeypatch.setattr(module, "_AT_ONCE", 13)
    rng = np.random.default_rng(3)
    anchors = spelt(rng.normal(size=(40, 3)))
    positives = spelt(np.array([[float(p) for p in a.split()] for a in anchors]) + rng.normal(size=(40, 3)) * 0.5)
    pairs = [*zip(anchors, positives, strict=True), (anchors[0], positives[5]), (positives[7], positives[9])]
    own = {anchor: {p for a, p in pairs if a == anchor} | {anchor} for anchor, _ in pairs}
    found = negatives(Numbers(3), pairs, count=4, margin=margin)
    assert [(one.anchor, one.positive) for one in found] == pairs
    for one in found:
        like = cosine(one.anchor, one.positive, 3)
        limit = like - (1 - margin) * abs(like)
        others = [
            (text, cosine(one.anchor, text, 3)) for text in dict.fromkeys(positives) if text not in own[one.anchor]
        ]
        expected = sorted((pair for pair in others if pair[1] < limit), key=lambda pair: -pair[1])[:4]
        assert one.likeness == pytest.approx(like, abs=1e-5)
        assert [text for text, _ in one.negatives] == [text for text, _ in expected]
        np.testing.assert_allclose([s for _, s in one.negatives], [s for _, s in expected], atol=1e-5)


def test_what_is_as_like_as_the_positive_is_passed_over() -> None:
    pairs = [("1 0 0", "0.8 0.6 0"), ("0 1 0", "0.79 0.613 0"), ("0 0 1", "0.7 0.714 0"), ("0 -1 0", "-0.7 -0.7 0")]
    (first, *_) = negatives(Numbers(3), pairs, count=2)
    assert [text for text, _ in first.negatives] == ["0.7 0.714 0", "-0.7 -0.7 0"]  # 0.79 is above 0.95 × 0.8
    (first, *_) = negatives(Numbers(3), pairs, count=2, margin=1.0)
    assert [text for text, _ in first.negatives] == ["0.79 0.613 0", "0.7 0.714 0"]


def test_below_a_positive_that_is_unlike_nothing_is_above_it() -> None:
    pairs = [("1 0", "-0.6 0.8"), ("0 1", "-0.61 0.79"), ("0 -1", "-1 0")]
    (first, *_) = negatives(Numbers(2), pairs)
    assert [text for text, _ in first.negatives] == ["-1 0"]  # cosine −1 < −0.63; −0.61 is no further than 5 %


def test_what_is_unknown_gets_none_and_is_none() -> None:
    events: list[Any] = []
    pairs = [("1 0", "0.9 0.1"), ("0 1", "unknown"), ("nobody knows", "0.1 0.9"), ("", "0 1"), ("1 0", "0.9 0.1")]
    found = negatives(Numbers(2), pairs, session=Session(events.append))
    assert [one.negatives for one in found] == [(("0.1 0.9", pytest.approx(0.11, abs=0.01)),), (), ()]
    assert [event.text for event in events if isinstance(event, Note)] == [
        "left out for an empty side: 1 of 5 pairs",
        "left out because they came before: 1 of 5 pairs",
        "of 2 of 6 texts nothing is known to Numbers: their pairs get no negatives",
    ]
    assert {e.stage for e in events if isinstance(e, Finished)} == {"embed", "mine"}
    assert [e.done for e in events if isinstance(e, Progress) and e.stage == "mine"] == [3]


def test_where_nothing_is_known_there_are_none() -> None:
    assert [one.negatives for one in negatives(Numbers(2), [("a", "b"), ("c", "d")])] == [(), ()]


@pytest.mark.parametrize("at_once", [1, 1 << 24])
def test_a_pair_that_is_less_alike_than_most_looks_at_all(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NUMBERS", at_once)
    rng = np.random.default_rng(5)
    near = spelt(np.eye(4)[0] + rng.normal(size=(200, 4)) * 0.1)
    far = spelt(rng.normal(size=(5, 4)) * 0.1 - np.eye(4)[0])
    pairs = [("1 0 0 0", "0.5 1 0 0"), *zip(spelt(rng.normal(size=(205, 4))), near + far, strict=True)]
    (first, *_) = negatives(Numbers(4), pairs, count=3)
    expected = sorted(far, key=lambda text: -cosine("1 0 0 0", text, 4))[:3]
    assert [text for text, _ in first.negatives] == expected


def test_a_file_is_written_that_pairs_are_read_from(tmp_path: Path) -> None:
    rows = [("1 0", "0.9 0.1"), ("0 1", "0.1 0.9"), ("-1 0", "-0.9 0.2 שלום 🏦")]
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "".join(f"{a},{b}\n" for a, b in rows))
    out = tmp_path / "deep" / "with.jsonl"
    made = write_negatives(Numbers(2), tmp_path / "pairs.csv", out, count=3)
    assert (made.path, made.pairs, made.negatives, made.short) == (out, 3, 6, 3)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [list(record) for record in records] == [["anchor", "positive", *(f"negative_{n}" for n in (1, 2, 3))]] * 3
    assert records[0]["negative_1"] == "0.1 0.9"
    assert records[0]["negative_3"] is None
    assert [texts for _, texts in open_pairs(out)] == [
        tuple(text or "" for text in record.values()) for record in records
    ]
    before = out.read_bytes()
    with pytest.raises(RunExists, match="with.jsonl exists: choose another --out, or replace it with --overwrite"):
        write_negatives(Numbers(2), tmp_path / "pairs.csv", out)
    assert out.read_bytes() == before
    write_negatives(Numbers(2), tmp_path / "pairs.csv", out, count=1, overwrite=True, column="answer,question")
    assert list(json.loads(out.read_text().splitlines()[0])) == ["anchor", "positive", "negative_1"]
    again = write_negatives(Numbers(2), out, tmp_path / "again.ndjson")  # those that are there are passed over
    assert again.pairs == 3
    with pytest.raises(OptionError, match="with.jsonl is what is read: choose another --out"):
        write_negatives(Numbers(2), out, out, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.ndjson", "deep", "pairs.csv"]


@pytest.mark.parametrize(
    ("pairs", "options", "says"),
    [
        ([("1 0", "0 1")], {}, "one positive came: negatives are positives of other anchors, so it takes two"),
        ([("1 0", "")], {}, "no pair came"),
        ([("a", "b"), ("c \ud83d", "d")], {}, "item 2 holds half a surrogate pair"),
        ([("a", "b"), ("c", 3)], {}, "item 2 has a side that is a int"),
        ("empty.jsonl", {}, "empty.jsonl|no pair came"),
        ("one.jsonl", {}, "one.jsonl.* has no columns anchor and positive: its columns are a, b; name them with"),
        ("nowhere.jsonl", {}, "nowhere.jsonl does not exist"),
        ([("1 0", "0 1")], {"count": 0}, "count is 0: ask for at least one negative"),
        ([("1 0", "0 1")], {"margin": 0}, "margin is 0: a share above 0"),
        ([("1 0", "0 1")], {"margin": float("nan")}, "margin is nan"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    pairs: Any, options: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    Path("one.jsonl").write_text('{"a": "x", "b": "y"}\n')
    with pytest.raises((DataError, OptionError), match=says):
        negatives(Numbers(2), pairs, **options)


def test_what_is_no_jsonl_is_told_before_any_work(tmp_path: Path) -> None:
    encoder = Numbers(2)
    with pytest.raises(OptionError, match=r"with.csv is written as JSONL: give it a name that ends in .jsonl or .ndjs"):
        write_negatives(encoder, tmp_path / "pairs.jsonl", tmp_path / "with.csv")
    assert encoder.asked == []


def test_words_mine_too(tmp_path: Path) -> None:
    texts = ["the king rules", "the queen rules", "a river flows", "a bank of money"]
    run = lw.learn([text.split() for text in texts] * 60, dim=8, min_count=1, epochs=2, threads=1)
    found = negatives(run.save(tmp_path / "run"), [(text.split()[1], text) for text in texts], count=1)
    assert all(one.negatives[0][1] < one.likeness for one in found if one.negatives)
    assert any(one.negatives for one in found)
