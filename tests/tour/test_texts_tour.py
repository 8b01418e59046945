"""The tour's panels on texts: each on few texts and little time; what turns out against a statement is said."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.contracts import Number
from likewise.errors import OptionError
from likewise.evaluate.hidden_words import Counts, Moment
from likewise.session import Note, Session
from likewise.tour import TEXTS, WORDS, contexts, few_text_labels, guesses, sense_depth, take_tour
from likewise.tour.panel import NotShown, Panel
from likewise.tour.text_ground import LEARNED, UNTRAINED, TextGround
from likewise.tour.uses import MONEY, RIVER, known_uses, twenty

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

QUICK: dict[str, Any] = {
    "epochs": 1, "length": 16, "batch": 16, "vocabulary": 300, "keep": 60,
    "precision": "fp32", "threads": 1, "device": "cpu",
}  # fmt: skip


def _text(seed: int = 0) -> list[str]:
    """Make lines of rivers and of money, in which a bank is either."""
    rng = np.random.default_rng(seed)
    wet = ["river", "boat", "tide", "mud", "heron", "willow", "flood", "lake"]
    dear = ["loan", "gold", "wages", "savings", "clerk", "shares", "debt", "interest"]
    lines = []
    for _ in range(250):
        words = wet if rng.random() < 0.5 else dear
        one, other, third = rng.choice(words, 3)
        lines.append(f"the {one} by the bank saw {other} and much {third} was there")
    return lines


@pytest.fixture(autouse=True)
def _no_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEWISE_DATA", raising=False)


@pytest.fixture(scope="module")
def shared_ground() -> TextGround:
    return TextGround(Session(), make=_text, networks=QUICK, package=None)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shared data: questions by what they ask for, and two words of two senses."""
    for folder in ("sentences", "words"):
        (tmp_path / "shared" / folder).mkdir(parents=True)
    asks = ("HUM:ind Who saw the heron {} ?", "NUM:count How much gold was there {} ?")
    with zipfile.ZipFile(tmp_path / "shared/sentences/trec_qc.zip", "w") as file:
        for part, count in (("train", 60), ("test", 20)):
            file.writestr(f"qc/{part}.txt", "\n".join(asks[n % 2].format(n) for n in range(count)))
    with tarfile.open(tmp_path / "shared/words/coarsewsd20_a.tar.xz", "w:xz") as archive:
        for word in ("bank", "crane"):
            files = {"classes_map": json.dumps({"0": f"{word}_one", "1": f"{word}_two"})}
            for part, count in (("train", 12), ("test", 50)):
                about = [("river", "loan")[n % 2] for n in range(count)]
                files[f"{part}.data"] = "\n".join(f"1\tthe {word} of the {one}" for one in about)
                files[f"{part}.gold"] = "\n".join(str(n % 2) for n in range(count))
            for name, text in files.items():
                info = tarfile.TarInfo(f"{word}/{name}.txt")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setenv("LIKEWISE_DATA", str(tmp_path / "shared"))
    return tmp_path / "shared"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "svg"
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.mark.slow
def test_every_panel_says_what_was_run_found_and_where_it_fails(
    tmp_path: Path, data: Path, shared_ground: TextGround
) -> None:
    panels = take_tour(tmp_path / "t.html", of=TEXTS, texts=shared_ground)
    assert [panel.name.replace("-", "_") for panel in panels] == list(TEXTS)
    for panel in panels:
        assert panel.command.startswith("# TEXT: ")
        assert "likewise learn mlm TEXT --parts sentences --length 16 --vocabulary 300 " in panel.command
        assert "--time" not in panel.command
        assert panel.finding
        assert panel.fails
        assert panel.pictures
        assert panel.seconds > 0
        assert panel.numbers
        for number in panel.numbers:
            assert number.baselines
            assert number.low is not None
            assert number.high is not None
            assert number.low - 1e-9 <= number.value <= number.high + 1e-9
    text = (tmp_path / "t.html").read_text()
    page = _Page(text)
    assert page.pictures >= len(TEXTS)
    assert all(link.startswith("#") for link in page.links), "the page needs no network"
    assert "Texts for networks: texts that were given" in text
    assert "Pictures:" not in text
    assert ("Against the statement" in text) == (not all(panel.holds for panel in panels))
    by = {panel.name: panel for panel in panels}
    assert by["sense-depth"].numbers[0].n == 2 * 2 * 20
    assert by["sense-depth"].numbers[0].baselines["table of words"] == 0.5
    assert [number.name.partition(",")[0] for number in by["few-text-labels"].numbers] == ["TREC"] * 3, "SUBJ is absent"


def test_what_needs_data_is_left_out_or_does_with_the_twenty_sentences(
    tmp_path: Path, shared_ground: TextGround
) -> None:
    said: list[str] = []
    session = Session(lambda event: said.append(event.text) if isinstance(event, Note) else None)
    panels = take_tour(tmp_path / "t.html", of=TEXTS, only=["few-text", "sense"], session=session, texts=shared_ground)
    assert [panel.name for panel in panels] == ["sense-depth"]
    assert any("panel few_text_labels is left out: no texts with labels are on this machine" in text for text in said)
    assert panels[0].numbers[0].n == 20
    assert len(panels[0].tables[0].rows) == 5


def test_a_stored_run_of_texts_brings_the_panels_on_texts(tmp_path: Path, shared_ground: TextGround) -> None:
    shared_ground.run.save(tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    panels = take_tour(tmp_path / "t.html", run=tmp_path / "run", only=["guesses"])
    assert [panel.name for panel in panels] == ["guesses"]
    assert panels[0].numbers == guesses.show(shared_ground).numbers
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert f"Run of texts: {tmp_path / 'run'}." in (tmp_path / "t.html").read_text()
    with pytest.raises(OptionError, match="no panel is called one_hot: panels are guesses, contexts"):
        take_tour(tmp_path / "t.html", run=tmp_path / "run", only=["one_hot"])
    words = lw.learn(_text(), recipe="word2vec", dim=8, epochs=1, threads=1, report=False, out=tmp_path / "words")
    assert words.space.kind == "word"
    with pytest.raises(OptionError, match=f"no panel is called guesses: panels are {WORDS[0]}"):
        take_tour(tmp_path / "t.html", run=tmp_path / "words", only=["guesses"])


# --- what holds follows from the numbers ---


class Reads:
    """A network of which the truth is known: so much sense at each depth, in noise; None: all uses are alike."""

    def __init__(self, *signal: float | None) -> None:
        self.signal = signal
        self.layers = tuple(f"block{n}" for n in range(len(signal)))

    def at(self, texts: list[str], places: list[Any], *, layer: str | None = None) -> Any:
        assert [texts[p.row][p.low : p.high] for p in places] == ["bank"] * len(places)
        signal = self.signal[-1 if layer is None else self.layers.index(layer)]
        if signal is None:
            return np.ones((len(texts), 30))
        noise = np.random.default_rng(0).normal(size=(len(texts), 30)) / 3
        sense = np.array([[1.0, 0.0] if text in RIVER else [0.0, 1.0] for text in texts])
        return np.concatenate([9 * signal * sense, noise], 1)

    def depths(self, texts: list[str], places: list[Any]) -> Any:
        return {layer: self.at(texts, places, layer=layer) for layer in self.layers}


class Table:
    """A table of words: equal words, equal vectors."""

    def embed(self, texts: list[str]) -> Any:
        return np.array([[1.0, len(text) % 3, len(text) % 5] for text in texts])


def stub(learned: Any, untrained: Any) -> Any:
    return SimpleNamespace(
        encoders={LEARNED: learned, UNTRAINED: untrained}, words=Table(), command="likewise learn mlm"
    )


def test_bank_has_another_vector_where_a_network_reads_it_and_one_where_none_does() -> None:
    found = contexts.show(stub(Reads(1.0), Reads(0.0)))
    number = found.numbers[0]
    assert number.value == 1
    assert number.baselines["table of words"] == 0.5
    assert number.baselines["untrained"] < 0.9
    assert found.holds
    assert len(found.pictures) == 2
    assert found.pictures[0].count("<circle") == 20
    assert found.pictures[1].count("<circle") == 1, "a table of words has one vector for all of them"


def test_a_network_for_which_words_are_always_alike_is_against_the_statement() -> None:
    alike = contexts.show(stub(Reads(None), Reads(0.0)))
    assert alike.numbers[0].value == 0.5
    assert not alike.holds
    assert not contexts.show(stub(Reads(1.0), Reads(1.0))).holds, "the untrained one does as well"


def test_meaning_that_grows_with_depth_holds_and_meaning_that_does_not_is_against_the_statement() -> None:
    grows = sense_depth.show(stub(Reads(0.0, 0.1, 1.0), Reads(0.0, 0.0, 0.0)))
    assert grows.holds
    assert [row[0] for row in grows.tables[0].rows] == ["before the first block", "block 1", "block 2"]
    assert grows.numbers[0].value == 1
    assert not sense_depth.show(stub(Reads(1.0, 1.0, 1.0), Reads(0.0, 0.0, 0.0))).holds
    assert not sense_depth.show(stub(Reads(0.0, 0.1, 1.0), Reads(0.0, 0.1, 1.0))).holds


def test_the_twenty_sentences_hold_the_word_and_two_senses_of_it() -> None:
    uses = twenty()
    assert (len(RIVER), len(MONEY)) == (10, 10)
    assert [one.word for one in uses.marked] == ["bank"] * 20
    asked = [row for _, rows in uses.folds for row in rows]
    assert sorted(asked) == list(range(20))
    assert all(len({*known} | {*rows}) == 20 for known, rows in uses.folds)
    assert uses.told(np.ones((20, 3))).mean() == 0.5
    assert known_uses().name == uses.name


def told(learned: float, untrained: float, counted: float) -> few_text_labels.Told:
    def numbers(value: float) -> dict[int, Number]:
        return {
            each: Number("accuracy", value + gain, value + gain - 0.02, value + gain + 0.02, 90, {"chance": 0.2})
            for each, gain in ((1, -0.1), (10, 0.0), (100, 0.1))
        }

    by = {LEARNED: learned, UNTRAINED: untrained, "averaged words": 0.5, "TF-IDF + SVD": counted}
    return few_text_labels.Told("TREC", {name: numbers(value) for name, value in by.items()})


def test_labels_are_saved_only_where_the_network_is_above_both_untrained_and_counted() -> None:
    assert told(0.7, 0.5, 0.6).holds
    assert not told(0.7, 0.5, 0.69).holds, "within the interval"
    assert not told(0.7, 0.71, 0.5).holds
    assert "as much as TF-IDF with about 100;" in few_text_labels._finding(told(0.7, 0.5, 0.6))
    assert "as much as TF-IDF with about 32;" in few_text_labels._finding(told(0.65, 0.5, 0.6))
    assert "as much as TF-IDF with more than 100" in few_text_labels._finding(told(0.9, 0.5, 0.6))
    assert "no more than plainer things" in few_text_labels._finding(told(0.5, 0.5, 0.6))


def hidden(value: float, low: float, *, frequent: float, untrained: float, moments: list[int]) -> Panel:
    beside = {"most frequent token": frequent, "untrained": untrained}
    first = Number("hidden tokens guessed@1", value, low, value + 0.05, 100, beside)
    among = Number("hidden tokens guessed@5", 0.9, 0.8, 1.0, 100, {"5 most frequent tokens": 0.2, "untrained": 0.0})
    section = {
        "title": "Hidden words", "numbers": [first.as_json(), among.as_json()],
        "tables": [{"columns": ["hidden", "at the end"], "rows": [["a", "b"]], "caption": "▢"}],
    }  # fmt: skip
    log = [
        {"guessed": Moment(step, Counts(100, share, share, 10, 20), []).as_json()} for step, share in enumerate(moments)
    ]
    run = SimpleNamespace(report={"sections": [section]}, log=log, manifest={"recipe": "mlm"})
    return guesses.show(SimpleNamespace(run=run, command="likewise learn mlm"))  # type: ignore[arg-type]


def test_guesses_hold_only_above_the_most_frequent_token_and_the_untrained_network() -> None:
    assert hidden(0.3, 0.25, frequent=0.1, untrained=0.0, moments=[0, 30]).holds
    assert not hidden(0.3, 0.25, frequent=0.28, untrained=0.0, moments=[0, 30]).holds
    assert not hidden(0.3, 0.25, frequent=0.1, untrained=0.26, moments=[0, 30]).holds
    assert not hidden(0.3, 0.25, frequent=0.1, untrained=0.0, moments=[30, 30]).holds
    with pytest.raises(NotShown, match="nobody looked"):
        hidden(0.3, 0.25, frequent=0.1, untrained=0.0, moments=[30])
