"""Near-duplicates: the groups are the connected parts of all pairs that are close, whatever the blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import duplicates as module
from likewise.duplicates import Group, duplicates
from likewise.errors import DataError, OptionError
from likewise.session import Finished, Note, Progress, Session
from text_stub import Numbers, spelt


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HIGH", 7)
    monkeypatch.setattr(module, "_WIDE", 13)


def truth(x: Any, at_least: float) -> list[list[int]]:
    """Return connected parts of more than one row, by following every close pair."""
    close = x @ x.T >= at_least
    left, parts = set(range(len(x))), []
    while left:
        part, ways = set(), [min(left)]
        while ways:
            row = ways.pop()
            if row not in part:
                part.add(row)
                ways += np.flatnonzero(close[row]).tolist()
        left -= part
        parts.append(sorted(part))
    return sorted((part for part in parts if len(part) > 1), key=lambda part: (-len(part), part[0]))


@pytest.mark.parametrize("at_least", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("small_blocks")
def test_groups_are_the_connected_parts(seed: int, at_least: float) -> None:
    texts = spelt(np.random.default_rng(seed).normal(size=(90, 3)))
    found = duplicates(Numbers(3), texts, at_least=at_least)
    x = Numbers(3).embed(texts).astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    expected = truth(x, at_least)
    assert [list(group.keys) for group in found.groups] == [[f"item {row + 1}" for row in part] for part in expected]
    for group, part in zip(found.groups, expected, strict=True):
        assert group.texts == tuple(texts[row] for row in part)
        assert group.lowest == pytest.approx((x[part] @ x[part].T).min(), abs=1e-6)
    assert (found.count, found.distinct, found.grouped) == (90, 90, sum(map(len, expected)))


def test_a_chain_is_one_group_and_its_lowest_likeness_tells() -> None:
    angles = np.deg2rad(np.arange(0, 91, 10))
    found = duplicates(Numbers(2), spelt(np.stack([np.cos(angles), np.sin(angles)], 1)), at_least=0.98)
    assert len(found.groups) == 1
    assert len(found.groups[0].keys) == 10
    assert found.groups[0].lowest == pytest.approx(0, abs=1e-5)


def test_equal_texts_are_one_whatever_is_known_of_them() -> None:
    encoder, events = Numbers(2), []
    texts = ["1 0", "unknown", "0 1", "1 0", "unknown", "other", "1 0.0001"]
    found = duplicates(encoder, texts, session=Session(events.append))
    assert found.groups == (
        Group(("item 1", "item 4", "item 7"), ("1 0", "1 0", "1 0.0001"), pytest.approx(1, abs=1e-6)),
        Group(("item 2", "item 5"), ("unknown", "unknown"), 1.0),
    )
    assert (found.count, found.distinct) == (7, 5)
    assert encoder.asked == [5]
    assert "of 2 of 5 texts nothing is known to Numbers: only equal ones are grouped" in [
        event.text for event in events if isinstance(event, Note)
    ]
    assert {e.stage for e in events if isinstance(e, Finished)} == {"embed", "compare"}
    assert found.as_json()["groups"][1] == {"lowest": 1.0, "keys": ["item 2", "item 5"], "texts": ["unknown"] * 2}


def test_a_thousand_of_one_kind_are_one_group_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HIGH", 100)
    monkeypatch.setattr(module, "_WIDE", 100)
    rng = np.random.default_rng(0)
    near = np.eye(8)[0] + rng.normal(size=(1000, 8)) * 0.01
    far = np.eye(8)[1:5]
    events: list[Any] = []
    found = duplicates(Numbers(8), spelt(np.concatenate([near, far])), session=Session(events.append))
    assert [len(group.keys) for group in found.groups] == [1000]
    told = [event for event in events if isinstance(event, Progress) and event.stage == "compare"]
    assert len(told) > 50
    assert told[-1].done == told[-1].total == 1004 * 1003 // 2


def test_lists_of_words_are_no_texts() -> None:
    with pytest.raises(DataError, match=r"item 1 is a list: give strings"):
        duplicates(Numbers(4), [["the", "king"], ["a", "queen"]])


def test_the_wish_to_stop_is_heard() -> None:
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        duplicates(Numbers(2), ["1 0", "0 1"], session=session)


def test_words_and_columns_work(tmp_path: Path) -> None:
    run = lw.learn([["the", "king"], ["a", "river"]] * 60, dim=8, min_count=1, epochs=1, threads=1)
    found = duplicates(run, ["the king", "king the", "a river", "The King"])
    assert [group.keys for group in found.groups] == [("item 1", "item 2", "item 4")]


def test_of_long_texts_a_network_reads_the_beginning_and_that_is_said() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    from likewise.encoders.bert import Bert
    from likewise.encoders.texts import Reading, TextEncoder
    from likewise.sources.tokenising import train_tokenizer

    texts = ["the king " * 9 + "fell", "the king " * 9 + "rose", "a river"]
    tokenizer = train_tokenizer(texts * 9, kind="wordpiece", vocabulary=60, lowercase=True)
    torch.manual_seed(0)
    network = Bert(tokens=tokenizer.get_vocab_size(), dim=32, depth=1, heads=2, places=16)
    events: list[Any] = []
    found = duplicates(TextEncoder(network, tokenizer, Reading(tokens=16)), texts, session=Session(events.append))
    assert [group.keys for group in found.groups] == [("item 1", "item 2")]
    beyond, *others = [event.text for event in events if isinstance(event, Note)]
    assert beyond == "2 of 3 texts are longer than what is read of them: their ends are not compared"
    assert all("says little" in other for other in others)  # nor does it, of a network that has learned nothing


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        (["1 0"], {}, "memory holds 1 text: it takes two to be alike"),
        ("blank.txt", {}, "blank.txt holds no texts: it takes two"),
        ("empty.txt", {}, "empty.txt is empty"),
        (["1 0", "1 0"], {"at_least": 0}, "at_least is 0: a cosine above 0 and up to 1 is needed"),
        (["1 0", "1 0"], {"at_least": 1.01}, "at_least is 1.01"),
        (["1 0", "1 0"], {"at_least": float("nan")}, "at_least is nan"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    texts: Any, options: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blank.txt").write_text("\n\n")
    Path("empty.txt").touch()
    with pytest.raises((DataError, OptionError), match=says):
        duplicates(Numbers(2), texts, **options)


def test_a_network_to_which_all_texts_are_alike_is_warned_of() -> None:
    def notes(texts: list[str]) -> list[str]:
        told: list[str] = []
        session = Session(lambda event: told.append(event.text) if isinstance(event, Note) else None)
        duplicates(Numbers(3), texts, at_least=0.95, session=session)
        return told

    alike = [f"1 {n / 100} {n % 3 / 50}" for n in range(20)]
    assert any("so 0.95 says little" in note for note in notes(alike))
    assert not notes(["1 0 0", "0 1 0", "0 0 1", "1 0 0.01"])
