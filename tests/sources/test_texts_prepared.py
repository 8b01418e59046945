"""Texts made ready: what is read, cut, held out and packed is what stands in the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError
from likewise.session import Note, Session
from likewise.sources.text import open_text

pytest.importorskip("tokenizers")

from likewise.sources.text_pairs import open_pairs
from likewise.sources.texts_prepared import NOTHING, Texts, prepare_texts, sentences_of
from likewise.sources.tokenising import train_tokenizer

LINES = [f"The {a} {b} sees number {n} and the {b} of {n}." for n in range(30) for a in ("red", "blue") for b in
         ("house", "river", "king")]  # fmt: skip


def ready(data: Any, **changed: Any) -> Texts:
    options: dict[str, Any] = {"session": Session(), "kind": "wordpiece", "vocabulary": 300, "lowercase": True,
                               "sentences": False, "probe": 18, "keep": 50}  # fmt: skip
    pairs = changed.get("pairs", False)
    return prepare_texts(open_pairs(data) if pairs else open_text(data), **{**options, **changed})


def spelt(made: Texts, ids: Sequence[int]) -> str:
    return str(made.tokenizer.decode([int(n) for n in ids if n != NOTHING]))


def test_every_text_is_there_once_to_learn_from_or_held_out() -> None:
    made = ready(LINES)
    assert len(made.train) + len(made.probe) == len(LINES)
    assert 5 <= len(made.probe) <= 36
    found = [spelt(made, row) for part in (False, True) for row in
             made.batch(np.arange(len(made.probe if part else made.train)), 64, held_out=part)]  # fmt: skip
    assert sorted(found) == sorted(line.lower() for line in LINES)


def test_a_batch_begins_and_ends_as_the_tokeniser_has_it() -> None:
    made = ready(LINES)
    texts = [text for _, text, held in made.shown if held]
    rows = made.batch(np.arange(len(made.probe)), 64, held_out=True)
    for row, text in zip(rows[: len(texts)], texts, strict=True):
        assert row[row != NOTHING].tolist() == made.tokenizer.encode(text).ids


def test_a_text_that_is_too_long_is_cut_and_ended() -> None:
    made = ready(LINES)
    whole, cut = made.batch(np.arange(4), 64), made.batch(np.arange(4), 6)
    assert cut.shape == (4, 6)
    np.testing.assert_array_equal(cut[:, :5], whole[:, :5])
    assert (cut[:, 5] == made.specials.last).all()


def test_packed_rows_are_the_stream_without_padding() -> None:
    made = ready(LINES)
    rows = made.packed(np.arange(made.rows_packed(16)), 16)
    assert rows.shape == (made.rows_packed(16), 16)
    assert (rows[:, 0] == made.specials.first).all()
    np.testing.assert_array_equal(rows[:, 1:].ravel(), made.train.stream[: rows[:, 1:].size])
    assert len(made.train.stream) - rows[:, 1:].size < 15


def test_equal_texts_are_held_out_together() -> None:
    made = ready(LINES * 3)
    each = {False: set(), True: set()}
    for held, tokens in ((False, made.train), (True, made.probe)):
        for row in made.batch(np.arange(len(tokens)), 64, held_out=held):
            each[held].add(spelt(made, row))
    assert not each[False] & each[True]
    assert made.distinct == pytest.approx(1 / 3)


def test_sentences_are_texts_where_that_is_asked_for() -> None:
    paragraph = "He came in 1990. She left at once. They met again in Rome."
    assert sentences_of(paragraph) == ["He came in 1990.", "She left at once.", "They met again in Rome."]
    assert sentences_of("no mark") == ["no mark"]
    assert sentences_of("") == []
    assert sentences_of("这是第一句。这是第二句。") == ["这是第一句。", "这是第二句。"]
    assert sentences_of("He met Dr. Who. They left.") == ["He met Dr. Who. They left."]  # fragments stay together
    made = ready([f"{line} {other}" for line, other in zip(LINES, reversed(LINES), strict=True)], sentences=True)
    assert len(made.train) + len(made.probe) == 2 * len(LINES)
    assert {key.split(".")[-1] for key, _, _ in made.shown} <= {"1", "2"}


def test_what_is_shown_is_at_most_what_was_asked_for_half_of_it_held_out() -> None:
    made = ready(LINES, keep=10)
    assert len(made.shown) <= 10
    held = [each[2] for each in made.shown]
    assert 3 <= sum(held) <= 5
    keys = [int(key.split()[1]) for key, _, _ in made.shown]
    assert keys == sorted(keys)


def test_a_tokeniser_that_is_given_stays_as_it_is() -> None:
    made = ready(LINES)
    given = made.tokenizer
    given.enable_truncation(7)
    before = given.to_str()
    again = ready(LINES, tokenizer=given)
    assert given.to_str() == before
    assert len(again.train.stream) == len(made.train.stream)  # it was not cut off at 7


def test_texts_are_folded_where_the_tokeniser_does_not_see_to_it() -> None:
    made = ready([line.lower() for line in LINES], lowercase=False)
    shouted = [line.upper() for line in LINES]
    folded, plain = (ready(shouted, tokenizer=made.tokenizer, folded=folded) for folded in (True, False))
    unknown = made.tokenizer.token_to_id("[UNK]")
    assert unknown not in folded.train.stream
    assert unknown in plain.train.stream


def test_an_anchor_is_held_out_with_all_its_positives() -> None:
    made = ready([(f"question {n}", f"answer {n} {m}") for n in range(80) for m in range(4)], pairs=True)
    sides = {held: {spelt(made, row[0]) for row in made.batch(np.arange(len(tokens) // 2), 32, held_out=held)}
             for held, tokens in ((False, made.train), (True, made.probe))}  # fmt: skip
    assert sides[True]
    assert not sides[True] & sides[False]


def test_the_tokeniser_is_learned_from_both_sides_and_no_more_than_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    from likewise.sources import texts_prepared

    seen: list[str] = []
    learn = texts_prepared.train_tokenizer

    def noted(texts: Any, **options: Any) -> Any:
        seen.extend(texts)
        return learn(seen, **options)

    monkeypatch.setattr(texts_prepared, "train_tokenizer", noted)
    monkeypatch.setattr(texts_prepared, "_SAMPLE", 2_000)
    ready([(f"asked {n}", f"answered {n}") for n in range(500)], pairs=True)
    assert sum(map(len, seen)) <= 2_000
    assert abs(sum(text.startswith("asked") for text in seen) - len(seen) / 2) < 1


def test_texts_come_as_a_stream_that_is_read_once() -> None:
    made = ready(iter(LINES))
    assert len(made.train) + len(made.probe) == len(LINES)


def test_the_same_texts_make_the_same() -> None:
    one, again = ready(LINES), ready(LINES)
    np.testing.assert_array_equal(one.train.stream, again.train.stream)
    assert one.tokenizer.to_str() == again.tokenizer.to_str()
    assert one.shown == again.shown


def test_pairs_have_sides() -> None:
    pairs = [(f"what is {n}?", f"it is {n} {n}", *((f"it is not {n}",) if n % 2 else ())) for n in range(60)]
    made = ready(pairs, pairs=True)
    assert made.sides == 3
    rows = made.batch(np.arange(len(made.train) // 3), 32)
    assert rows.shape[1] == 3
    for anchor, positive, negative in rows:
        number = spelt(made, anchor).split()[2].rstrip("?")
        assert spelt(made, positive) == f"it is {number} {number}"
        assert spelt(made, negative) == (f"it is not {number}" if int(number) % 2 else "")
        assert (negative == NOTHING).all() == (int(number) % 2 == 0)


def notes_of(data: Any, **changed: Any) -> list[str]:
    told: list[str] = []
    changed = {"keep": 1_000} | changed
    ready(data, session=Session(lambda e: told.append(e.text) if isinstance(e, Note) else None), **changed)
    return told


def test_pairs_with_an_empty_side_are_passed_over_and_counted() -> None:
    pairs = [(f"what is {n}?", "" if n < 3 else f"it is {n}") for n in range(40)]
    assert notes_of(pairs, pairs=True) == ["3 of 40 were passed over: pairs with an empty side"]


def test_texts_of_nothing_are_passed_over_and_counted() -> None:
    assert notes_of([*LINES, "\u200b", " \u200d "])[0].startswith("2 of 182 were passed over")


def test_a_text_of_ten_megabytes_is_read_to_where_it_is_cut_and_that_is_told() -> None:
    assert notes_of([*LINES, "word " * 2_000_000]) == [
        "longer than 200,000 characters, and read up to there: 1 texts",
        "longer than 20,000 characters, and shown in the run up to there: 1 texts",
    ]


def test_half_a_character_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"surrogate|half"):
        ready([*LINES, "half \ud83d of one"])


@pytest.mark.parametrize("pairs", [False, True])
def test_the_same_text_again_and_again_is_learned_from_wherever_its_digest_falls(pairs: bool) -> None:
    held = 0
    for n in range(40):
        told: list[str] = []
        session = Session(lambda event, told=told: told.append(str(event)))
        text = f"the king number {n} rules"
        made = ready([(text, "so he does")] * 50 if pairs else [text] * 50, session=session, pairs=pairs)
        assert len(made.train) == (100 if pairs else 50)
        assert not any(out for _, _, out in made.shown)
        held += any("too few different texts" in each for each in told)
    assert held == 40, "all of them are measured on what they were learned from"


def test_what_is_unknown_to_the_tokeniser_is_told() -> None:
    told: list[str] = []
    tokenizer = train_tokenizer(LINES, kind="wordpiece", vocabulary=300, lowercase=True)
    ready([f"{line} 🏦 ☂ ☃" for line in LINES], tokenizer=tokenizer, session=Session(lambda e: told.append(str(e))))
    assert any("tokens are unknown to the tokeniser, and all alike: --tokenizer bpe" in each for each in told)
    told.clear()
    ready(LINES, tokenizer=tokenizer, session=Session(lambda e: told.append(str(e))))
    assert not any("unknown" in each for each in told)


def test_sentences_keep_what_closes_them() -> None:
    text = 'He said "Stop right now." Then he left the room (as he often did.) Nobody knew why.'
    assert sentences_of(text) == [
        'He said "Stop right now."', "Then he left the room (as he often did.)", "Nobody knew why.",
    ]  # fmt: skip
    assert sentences_of("他说：「我去银行。」 她走了。好。") == ["他说：「我去银行。」", "她走了。", "好。"]
    assert "".join(sentences_of(text)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_texts(count: int) -> None:
    with pytest.raises(DataError, match=f"holds {count} texts, and 3 are the least"):
        ready(LINES[:count])


def test_a_wish_to_stop_ends_the_reading() -> None:
    session = Session()
    session.stop()
    with pytest.raises(KeyboardInterrupt):
        ready(LINES, session=session)


def test_other_scripts_and_signs_are_texts() -> None:
    texts = ["שלום עולם זה טקסט", "مرحبا بالعالم", "👩‍👩‍👧 🏳️‍🌈 👍🏽", "ภาษาไทย", "日本語の文章です"] * 12
    made = ready(texts, kind="bpe", lowercase=False)
    found = {spelt(made, row) for row in made.batch(np.arange(len(made.train)), 200)}
    assert found <= set(texts)
