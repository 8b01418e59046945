"""Texts from end to end: learned, saved, opened, gone on with, judged; what cannot be is a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import likewise as lw
from likewise.cli.main import likewise as program
from likewise.errors import DataError, IntegrityError, OptionError
from likewise.evaluate import text_report
from likewise.recipes import TEXTS
from likewise.sources.small_language import small_language
from stopping import Stops

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

LINES = [line if isinstance(line, str) else " ".join(line) for line in small_language(sentences=120).lines]
PAIRS = [(LINES[n], LINES[n + 1], *([LINES[n + 7]] if n % 3 else [])) for n in range(100)]
QUICK: dict[str, Any] = {"epochs": 1, "batch": 24, "precision": "fp32", "threads": 1, "device": "cpu", "length": 16}


def learned(recipe: str, data: Any = None, **options: Any) -> Any:
    given: dict[str, Any] = {"report": False, **QUICK, **options}
    return lw.learn(data or (PAIRS if recipe == "pairs" else LINES), recipe=recipe, **given)


@pytest.mark.parametrize("recipe", TEXTS)
def test_a_run_of_texts_is_a_run_like_any_other(recipe: str, tmp_path: Path) -> None:
    run = learned(recipe, out=tmp_path / "run")
    again = lw.open(tmp_path / "run")
    assert not again.verify()
    assert again.space.kind == "text"
    assert set(again.space.items) == {"part", "text"}
    assert again.encoder.fingerprint == again.space.fingerprint == run.space.fingerprint
    texts = [str(text) for text in again.space.items["text"]]
    assert set(texts) <= set(LINES)
    np.testing.assert_array_equal(again.space.vectors, run.space.vectors)
    np.testing.assert_allclose(again.embed(texts[::-1])[::-1], again.space.vectors, atol=1e-5)  # in any order
    np.testing.assert_allclose(again.embed(texts[:1])[0], again.space.vectors[0], atol=1e-5)  # alone
    assert again.doctor().verdict
    assert "loss" in again.log[-1]
    assert json.loads((tmp_path / "run/encoder/tokenizer.json").read_bytes())["model"]["type"] == "WordPiece"


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    one, again, other = (learned("mlm", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.space.vectors, again.space.vectors)
    assert one.encoder.fingerprint == again.encoder.fingerprint != other.encoder.fingerprint


@pytest.mark.parametrize("recipe", ["mlm", "simcse", "pairs"])
def test_what_was_stopped_goes_on_to_the_same_bits(recipe: str, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    rows = [{"anchor": a, "positive": b} for a, b, *_ in PAIRS] if recipe == "pairs" else [{"t": t} for t in LINES]
    data.write_text("\n".join(map(json.dumps, rows)))
    given: dict[str, Any] = {"epochs": 2} | ({} if recipe == "pairs" else {"column": "t"})
    whole = learned(recipe, data, out=tmp_path / "whole", **given)
    stopped = learned(recipe, data, out=tmp_path / "cut", session=Stops(3), **given)
    assert stopped.manifest["status"] == "unfinished"
    resumed = lw.learn(resume=tmp_path / "cut")
    assert resumed.manifest["status"] == "finished"
    np.testing.assert_array_equal(resumed.space.vectors, whole.space.vectors)
    assert resumed.encoder.fingerprint == whole.encoder.fingerprint


def test_it_goes_on_from_a_run_with_its_tokens(tmp_path: Path) -> None:
    first = learned("mlm", out=tmp_path / "first")
    run = learned("simcse", start=tmp_path / "first", out=tmp_path / "second")
    assert run.encoder.tokenizer.to_str() == first.encoder.tokenizer.to_str()
    assert run.manifest["start"]["fingerprint"] == first.space.fingerprint
    assert run.manifest["start"]["name"] == "first"
    assert not any("counted twice" in note for note in run.manifest["notes"])
    moved = run.encoder.network.words.weight - first.encoder.network.words.weight
    drawn = learned("simcse").encoder.network.words.weight
    assert 0 < float(moved.norm()) < float((drawn - first.encoder.network.words.weight).norm()) / 2


def test_what_begins_with_a_network_has_its_size() -> None:
    with pytest.raises(OptionError, match="size 'small' came with start memory, which has its own: leave it out"):
        learned("simcse", start=learned("mlm"), size="small")
    words = lw.learn(LINES, recipe="word2vec", dim=8, min_count=1, epochs=1, threads=1, report=False)
    with pytest.raises(OptionError, match="a run of word2vec, which is no network of texts: begin with one of mlm"):
        learned("simcse", start=words)


def test_it_begins_with_vectors_by_the_tokens_beside_them_or_at_random() -> None:
    words, drawn = (learned("mlm", begin=begin, rate=1e-9).encoder.network.words.weight for begin in ("words", "drawn"))
    assert float(drawn.std()) == pytest.approx(0.02, rel=0.05)
    assert not torch.allclose(words, drawn)
    again = learned("mlm", begin="words", rate=1e-9).encoder.network.words.weight
    torch.testing.assert_close(words, again)


def test_all_depths_may_make_the_vector(tmp_path: Path) -> None:
    run = learned("simcse", pool="layers", out=tmp_path / "run")
    assert float(run.encoder.network.layers.detach().abs().max()) > 0  # they have learned
    again = lw.open(tmp_path / "run")
    np.testing.assert_allclose(again.embed(LINES[:3]), run.embed(LINES[:3]), atol=1e-6)


def test_first_dims_are_worth_it_by_themselves_where_that_is_asked_for() -> None:
    plain, nested = (learned("simcse", matryoshka=dims).encoder.fingerprint for dims in (None, "32,64"))
    assert plain != nested
    with pytest.raises(OptionError, match="64,x"):
        learned("simcse", matryoshka="64,x")


def test_the_report_says_what_was_hidden_and_beside_what(tmp_path: Path) -> None:
    lines = [f"the {a} {b} sees {n} of the {b}" for n in range(60) for a in ("red", "blue") for b in ("sea", "sky")]
    report = learned("mlm", lines, report=True, epochs=12, out=tmp_path / "run").report
    sections = {section["title"]: section for section in report["sections"]}
    right = sections["Hidden words"]["numbers"][0]
    assert right["baselines"].keys() == {"most frequent token", "untrained"}
    assert right["value"] > right["baselines"]["untrained"]
    assert sections["Hidden words"]["tables"][0]["columns"][0] == "hidden"
    assert "▢" in sections["Hidden words"]["tables"][0]["caption"]
    assert {"Learning", "Nearest texts", "Shape of the space"} <= sections.keys()
    page = (tmp_path / "run/report.html").read_text()
    assert "Hidden words" in page
    plain = page.replace("http://www.w3.org", "")
    assert not any(begin in plain for begin in ("http:", "https:"))  # no network


def test_halves_of_texts_are_matched_beside_counted_words() -> None:
    from likewise.evaluate.text_report import Written, halves

    rng = np.random.default_rng(0)
    topics = rng.integers(0, 50, 200)
    texts = [" ".join(f"t{topic}w{rng.integers(0, 3)}" for _ in range(10)) for topic in topics]

    def encode(some: Any) -> Any:
        return np.stack([np.bincount([int(w[1:].split("w")[0]) for w in text.split()], minlength=50) for text in some])

    drawn = np.random.default_rng(1)

    def noise(some: Any) -> Any:
        return drawn.normal(size=(len(some), 9))

    apart = [topics.tolist().index(topic) for topic in sorted(set(topics.tolist()))]
    held = np.isin(np.arange(200), apart)
    subject = Written(
        [str(n) for n in range(200)], texts, np.eye(200), held, encode=encode, before={"untrained": noise}
    )
    number = halves(subject)[0].numbers[0]
    assert number.value == 1.0
    assert number.n == len(apart)
    assert number.baselines["untrained"] < 0.2
    assert 0.3 < number.baselines[f"TF-IDF of {200 - len(apart)} texts"] <= 1
    assert "more before it learned" not in halves(subject)[0].text
    turned = Written([str(n) for n in range(200)], texts, np.eye(200), held, encode=noise, before={"untrained": encode})
    assert "The network found more before it learned" in halves(turned)[0].text
    assert "counted words find more" in halves(turned)[0].text
    with pytest.raises(DataError, match="10 are needed"):
        halves(Written(["a"], ["one two three four five six seven eight"], np.eye(1), held[:1], encode=encode))


def test_tokens_that_were_exchanged_are_found(tmp_path: Path) -> None:
    learned("mlm", out=tmp_path / "run")
    other = learned("mlm", lowercase=False, out=tmp_path / "other")
    assert other.encoder
    (tmp_path / "run/encoder/tokenizer.json").write_bytes((tmp_path / "other/encoder/tokenizer.json").read_bytes())
    with pytest.raises(IntegrityError, match=r"tokenizer\.json"):
        lw.open(tmp_path / "run").encoder  # noqa: B018


BAD: dict[str, tuple[str, Any, dict[str, Any], type[Exception], str]] = {
    "one text": ("mlm", ["only one text"], {}, DataError, "holds 1 texts, and 3 are the least"),
    "only blanks": (
        "mlm",
        ["\u200b", " \u200d", "\u200b\u200b", "\u200d"],
        {},
        DataError,
        "no token|nothing that a token",
    ),
    "numbers for texts": ("mlm", [3, 4, 5], {}, DataError, "item 1 is a int"),
    "texts for pairs": ("pairs", ["a text", "another", "more"], {}, DataError, "a pair is two texts"),
    "time and epochs": ("mlm", LINES, {"time": "1m"}, OptionError, "give one of them"),
    "half precision on a processor": ("mlm", LINES, {"precision": "fp16"}, OptionError, "needs an accelerator"),
    "the first of those before": ("next-token", LINES, {"pool": "class"}, OptionError, "has seen nothing"),
    "a share above all": ("mlm", LINES, {"mask": 1.5}, OptionError, "out of range"),
    "an option of pictures": ("mlm", LINES, {"crop": 0.5}, OptionError, "mlm has no option crop"),
    "a name that another library uses": ("simcse", LINES, {"vector_size": 3}, OptionError, "vector_size"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_a_sentence(name: str, tmp_path: Path) -> None:
    recipe, data, options, error, says = BAD[name]
    with pytest.raises(error, match=says):
        learned(recipe, data, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_column_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body\n" + "\n".join(LINES))
    with pytest.raises(DataError, match="no column 'bdy': .* did you mean body"):
        learned("mlm", tmp_path / "a.csv", column="bdy")
    assert learned("mlm", tmp_path / "a.csv", column="body").space.kind == "text"


def test_strange_texts_are_learned_from_all_the_same() -> None:
    strange = ["שלום עולם זה טקסט", "👩‍👩‍👧 🏳️‍🌈", "a" * 5000, "\u202ertl\u202c", "zero\u0000", "…", "x"] * 5
    run = learned("simcse", [*LINES, *strange], tokenizer="bpe")
    assert np.isfinite(run.embed(strange)).all()
    assert run.embed([""]).shape == (1, run.encoder.dim)


def test_duplicate_positives_are_not_pushed_apart() -> None:
    run = learned("pairs", [(f"question {n}", "the same answer") for n in range(60)])
    assert all(np.isfinite(line["loss"]) for line in run.log if "loss" in line)
    assert run.log[-1]["loss"] == pytest.approx(0, abs=1e-6)  # nothing is left to be told apart from


def test_the_command_line_learns_and_says_what_is_next(tmp_path: Path) -> None:
    flags = [f"--{name}={value}" for name, value in QUICK.items()]
    long = [f"{one} {other}" for one, other in zip(LINES, reversed(LINES), strict=True)]
    (tmp_path / "lines.txt").write_text("\n".join(long))
    out = CliRunner().invoke(
        program, ["learn", "mlm", str(tmp_path / "lines.txt"), "--out", str(tmp_path / "run"), *flags]
    )
    assert out.exit_code == 0, out.output
    assert f"likewise near {tmp_path / 'run'} --text" in out.output
    more = ["evaluate", str(tmp_path / "run"), "--data", str(tmp_path / "lines.txt")]
    out = CliRunner().invoke(program, more)
    assert out.exit_code == 0, out.output
    assert "half found@1" in out.output
    (tmp_path / "other.txt").write_text("\n".join(LINES[:60]))
    out = CliRunner().invoke(program, [*more[:3], str(tmp_path / "other.txt")])
    assert "are not the texts that" in out.output or "are not the texts that" in str(out.exception)


def test_scored_pairs_and_labels_are_measured_beside_counted_words(tmp_path: Path) -> None:
    import csv

    rng = np.random.default_rng(0)
    with (tmp_path / "likeness.csv").open("w", newline="") as file:
        rows = [(a, a if rng.random() < 0.5 else b) for a, b in zip(LINES[:60], LINES[40:100], strict=True)]
        csv.writer(file).writerows([("sentence1", "sentence2", "score"), *((a, b, int(a == b)) for a, b in rows)])
    with (tmp_path / "kinds.jsonl").open("w") as file:
        for line in LINES:
            file.write(
                json.dumps({"text": f"{line} {'yes' if len(line) % 2 else 'no'}", "label": len(line) % 2}) + "\n"
            )
    gold = {"pairs": [tmp_path / "likeness.csv"], "labels": [tmp_path / "kinds.jsonl"]}
    run = learned("mlm", report=True, out=tmp_path / "run", **gold)
    for report in (run.report, lw.open(tmp_path / "run").evaluate(**gold).as_json()):
        sections = {section["title"]: section["numbers"] for section in report["sections"]}
        spearman = sections["Likeness: likeness"][0]
        assert spearman["value"] > 0.5  # equal texts have equal vectors
        assert spearman["baselines"]["TF-IDF"] > 0.5
        assert sections["Labels: kinds"][-1]["name"] == "linear accuracy"
        assert sections["Labels: kinds"][-1]["baselines"].keys() >= {"chance", "TF-IDF"}
    assert "untrained network" in run.report["sections"][3]["numbers"][0]["baselines"]
    (tmp_path / "bad.csv").write_text("sentence1,sentence2\na,b\n")
    with pytest.raises(DataError, match="no column 'score'"):
        learned("mlm", out=tmp_path / "never", pairs=[tmp_path / "bad.csv"])
    (tmp_path / "bad.jsonl").write_text('{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n')
    with pytest.raises(DataError, match="two classes"):
        lw.open(tmp_path / "run").evaluate(labels=tmp_path / "bad.jsonl")
    with pytest.raises(OptionError, match="texts: analogies are of words"):
        lw.open(tmp_path / "run").evaluate(analogies=tmp_path / "bad.csv")


def test_answers_are_searched_beside_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = learned("mlm", out=tmp_path / "run")
    folder = tmp_path / "answers"
    (folder / "qrels").mkdir(parents=True)
    documents, halves = LINES[:60], [" ".join(line.split()[::2]) for line in LINES[:20]]
    for name, texts in (("corpus", documents), ("queries", halves)):
        rows = [json.dumps({"_id": f"{name[0]}{n}", "text": text}) for n, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    (folder / "qrels/test.tsv").write_text("".join(f"q{n}\tc{n}\t1\n" for n in range(20)))
    told = CliRunner().invoke(
        program, ["evaluate", str(tmp_path / "run"), "--answers", str(folder), "--json"], catch_exceptions=False
    )
    sections = {section["title"]: section for section in json.loads(told.output)["sections"]}
    numbers = {number["name"]: number for number in sections["Answers: answers"]["numbers"]}
    assert list(numbers) == ["ndcg@10", "map", "recall@100", "mrr"]
    for number in numbers.values():
        assert number["n"] == 20
        assert number["baselines"].keys() == {"BM25", "TF-IDF", "chance"}
    assert numbers["ndcg@10"]["baselines"]["BM25"] > 0.5 > numbers["ndcg@10"]["baselines"]["chance"]
    assert numbers["ndcg@10"]["value"] > numbers["ndcg@10"]["baselines"]["chance"]
    monkeypatch.setattr(text_report, "_ALL_RANKED", 100)  # as of very many documents
    monkeypatch.setattr(text_report, "_RANKED", 50)
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)
    again = {s["title"]: s for s in run.evaluate(answers=folder).as_json()["sections"]}["Answers: answers"]["numbers"]
    assert again[0]["value"] == pytest.approx(numbers["ndcg@10"]["value"])
    assert again[0]["baselines"].keys() == {"TF-IDF", "chance"}


def test_answers_are_of_texts(tmp_path: Path) -> None:
    words = lw.learn(LINES, recipe="word2vec", dim=8, epochs=1, min_count=1, threads=1, report=False)
    with pytest.raises(OptionError, match="holds words: answers to questions are texts, leave them out"):
        words.evaluate(answers=tmp_path)


def test_what_it_begins_with_is_left_as_it_was() -> None:
    first = learned("mlm")
    long = [" ".join(LINES[:12])]
    before, state = first.embed(long), first.encoder.tokenizer.to_str()
    learned("simcse", start=first)
    assert first.encoder.tokenizer.to_str() == state
    np.testing.assert_array_equal(first.embed(long), before)


def test_the_vectors_of_a_run_are_those_that_its_encoder_makes_of_more_texts_than_are_tried() -> None:
    lines = [f"{line} {n}" for n, line in enumerate(LINES * 5)]
    run = learned("mlm", lines)
    texts = [str(text) for text in run.space.items["text"]]
    assert run.encoder.count(texts).sum() > 2048
    assert run.encoder.precision == "fp32"
    from likewise.encoders.texts import TextEncoder

    plain = TextEncoder.from_state(run.encoder.state())
    np.testing.assert_allclose(plain.embed(texts), run.space.vectors, atol=1e-5)


def test_who_tells_the_next_token_sees_what_is_before_also_when_it_began_with_another() -> None:
    first = learned("mlm")
    told = learned("next-token", start=first)
    assert (first.encoder.network.causal, told.encoder.network.causal) == (False, True)
    ids = torch.tensor([[2, 7, 8, 9]])
    changed = torch.tensor([[2, 7, 8, 10]])
    with torch.no_grad():
        one, other = (told.encoder.network.tokens(x) for x in (ids, changed))
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert learned("mlm", start=told).encoder.network.causal is False
    assert learned("simcse", start=told).encoder.network.causal is True


def test_texts_that_are_cut_off_are_counted() -> None:
    run = learned("simcse", [f"{line} {other}" for line, other in zip(LINES, reversed(LINES), strict=True)], length=8)
    assert any("have more than 8 tokens, which are read of them" in note for note in run.manifest["notes"])


LATE: dict[str, tuple[str, dict[str, Any], str]] = {
    "more dims than there are": ("simcse", {"matryoshka": "999"}, "matryoshka 999: the network has 256 dims"),
    "no number of dims": ("simcse", {"matryoshka": "abc"}, "abc"),
    "questions of words": ("mlm", {"analogies": ["questions.txt"]}, "analogies are of words"),
    "a start that is not there": ("simcse", {"start": "nothere"}, "no such run, and no such folder"),
}


@pytest.mark.parametrize("name", LATE)
def test_what_cannot_be_is_said_before_a_text_is_read(name: str) -> None:
    recipe, options, says = LATE[name]

    def never() -> Any:
        raise AssertionError("a text was read")
        yield ""

    with pytest.raises(OptionError, match=says):
        learned(recipe, Unread(), **options)


class Unread:
    """Somebody's own source, which must not be read."""

    kind, digest, restartable = "text", "sha256:0", True

    def __iter__(self) -> Any:
        raise AssertionError("a text was read")


def test_a_longer_text_than_the_start_reads_is_refused() -> None:
    with pytest.raises(OptionError, match="reads 16 tokens of a text, take --length 16"):
        learned("simcse", start=learned("mlm"), length=32)
    with pytest.raises(OptionError, match="name what it is to learn next"):
        lw.learn(LINES, start=learned("mlm"))
    assert learned("denoise-text", length=600, batch=8).encoder.reading.tokens == 600


def test_a_network_that_is_no_bert_compares_texts_and_tells_no_tokens(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = learned("mlm").encoder.tokenizer
    config = transformers.DistilBertConfig(
        vocab_size=tokenizer.get_vocab_size(), dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=64
    )
    transformers.DistilBertModel(config).save_pretrained(tmp_path / "model")
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(tmp_path / "model")
    with pytest.raises(OptionError, match="mlm tells tokens, .* take one of simcse, pairs"):
        learned("mlm", Unread(), start=tmp_path / "model")
    with pytest.raises(OptionError, match="dropout came with start model, which is no BERT"):
        learned("simcse", Unread(), start=tmp_path / "model", dropout=0.2)
    run = learned("simcse", start=tmp_path / "model", out=tmp_path / "run", positive="windows")
    np.testing.assert_allclose(lw.open(tmp_path / "run").embed(LINES[:3]), run.embed(LINES[:3]), atol=1e-5)


@pytest.mark.parametrize(
    ("recipe", "options", "says"),
    [
        ("mlm", {"tokenizer": "bpe", "vocabulary": 64}, "vocabulary 64: pieces of bytes begin with 261 tokens"),
        ("simcse", {"matryoshka": "0,64"}, "dims 0, 64: give one or more that differ, each 1 or more"),
        ("simcse", {"matryoshka": "64,64"}, "dims 64, 64: give one or more that differ"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_read(
    recipe: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        learned(recipe, Unread(), **options)


def test_words_by_themselves_have_no_vectors_in_a_run_of_texts(tmp_path: Path) -> None:
    from likewise.embedding import embed_file

    learned("mlm", out=tmp_path / "run")
    (tmp_path / "words.txt").write_text("king\nqueen\n")
    with pytest.raises(OptionError, match="no vector of a word by itself"):
        embed_file(tmp_path / "run", tmp_path / "words.txt", tmp_path / "out.parquet", kind="word")


def test_texts_of_nothing_known_are_no_duplicates_and_no_question(tmp_path: Path) -> None:
    from likewise.duplicates import duplicates

    run = learned("mlm")
    assert run.encoder.known(["", "日本", LINES[0]]).tolist() == [False, False, True]
    found = duplicates(run, ["日本", "中国", "東京", LINES[0], LINES[0]])
    assert [group.texts for group in found.groups] == [(LINES[0], LINES[0])]
    run.save(tmp_path / "run")
    out = CliRunner().invoke(program, ["near", str(tmp_path / "run"), "--text", "日本"])
    assert "is known to" in out.output or "is known to" in str(out.exception)
