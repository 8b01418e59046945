"""Texts and words in them: the same vectors whatever stands beside, as transformers has them, and kept bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError, OptionError, ShapeError

torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[pretrained]'")

from likewise.encoders.bert import Bert, from_huggingface, pooled, to_huggingface  # noqa: E402
from likewise.encoders.texts import Occurrence, Reading, TextEncoder  # noqa: E402

TEXTS = [
    "the bank of the river",
    "",
    "a bank lends money and takes money",
    "rivers",
    "money money money money money money money money money money money money",
    "a",
    "unseenword",
]
SMALL: dict[str, Any] = {"dim": 16, "depth": 3, "heads": 2, "wide": 24, "places": 32}


def tokenizer(*, lowercase: bool = True) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = "the bank of river a lends money and takes un ##seen ##word ##s ' s don t 银 行 , .".split()
    vocab = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def network(pool: str = "mean") -> Bert:
    torch.manual_seed(3)
    return Bert(tokens=tokenizer().get_vocab_size(), pool=pool, **SMALL)


def encoder(pool: str = "mean", **reading: Any) -> TextEncoder:
    return TextEncoder(network(pool), tokenizer(), Reading(pool, **{"tokens": 32, **reading}))


@pytest.mark.parametrize("pool", ["mean", "class", "max", "last"])
def test_a_text_alone_is_the_same_text_in_any_batch_order_and_padding(pool: str) -> None:
    made = encoder(pool)
    together = made.embed(TEXTS)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, np.concatenate([made.embed([text]) for text in TEXTS]), atol=1e-5)
    np.testing.assert_allclose(together[::-1], made.embed(TEXTS[::-1]), atol=1e-5)
    ids = torch.tensor([[2, 5, 6, 3]])
    padded = torch.tensor([[2, 5, 6, 3, -1, -1, -1], [2, 7, 8, 9, 7, 8, 3]])
    with torch.no_grad():
        torch.testing.assert_close(made.network(padded)[:1], made.network(ids), atol=1e-5, rtol=0)
        for causal in (False, True):
            alone = made.network.tokens(ids, causal=causal)
            torch.testing.assert_close(made.network.tokens(padded, causal=causal)[:1, :4], alone, atol=1e-5, rtol=0)


def test_causal_tokens_see_nothing_that_comes_later() -> None:
    made, x = network().eval(), torch.tensor([[2, 5, 6, 7, 3]])
    other = x.clone()
    other[0, 3:] = torch.tensor([9, 10])
    with torch.no_grad():
        one, two = (made.tokens(each, causal=True) for each in (x, other))
        torch.testing.assert_close(one[:, :3], two[:, :3])
        assert not torch.allclose(made.tokens(x)[:, :3], made.tokens(other)[:, :3])


def test_vectors_are_those_of_transformers_and_weights_go_there_and_back() -> None:
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=32,
    )  # fmt: skip
    torch.manual_seed(1)
    theirs = transformers.BertModel(config, add_pooling_layer=False).eval()
    ours = Bert(tokens=30, **SMALL).eval()
    ours.load_state_dict(from_huggingface(theirs.state_dict(), ours.state_dict()))
    x = torch.tensor([[2, 5, 6, 3, -1, -1], [2, 7, 8, 9, 7, 3]])
    with torch.no_grad():
        out = theirs(x.clamp(min=0), attention_mask=(x >= 0).long(), output_hidden_states=True)
        found = ours.intermediates(x)
        there = x >= 0
        torch.testing.assert_close(ours.tokens(x)[there], out.last_hidden_state[there], atol=1e-5, rtol=0)
        assert list(found) == ["embeddings", "block1", "block2", "block3", "vector"]
        for name, state in zip(found, out.hidden_states, strict=False):
            torch.testing.assert_close(found[name][there], state[there], atol=1e-5, rtol=0)
    back = to_huggingface(ours.state_dict())
    assert back.keys() == theirs.state_dict().keys()
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(back[name], tensor)
    old = {f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma"): t for name, t in back.items()}
    assert from_huggingface(old, ours.state_dict()).keys() == ours.state_dict().keys()
    with pytest.raises(ShapeError, match=r"there are no weights encoder.layer.0.attention.self.key.weight"):
        from_huggingface({n: t for n, t in back.items() if "0.attention.self.key" not in n}, ours.state_dict())


def test_an_encoder_that_is_kept_and_made_again_gives_the_same_bits() -> None:
    made = encoder("class", normalised=True)
    again = TextEncoder.from_state(made.state())
    assert again.fingerprint == made.fingerprint
    assert again.reading == made.reading
    np.testing.assert_array_equal(again.embed(TEXTS), made.embed(TEXTS))
    assert encoder("mean").fingerprint != made.fingerprint


def test_bf16_is_near_and_auto_is_one_of_both() -> None:
    many = TEXTS * 60
    exact, half = encoder(), encoder()
    half.precision = "bf16"
    found, near = exact.embed(many), half.embed(many)
    cosine = (found * near).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(near, axis=1)
    assert cosine.min() > 0.999
    half.precision = "auto"
    half.embed(many)
    assert half.precision in ("fp32", "bf16")
    with pytest.raises(OptionError, match="precision is 'int8': it is one of auto, fp32, bf16"):
        TextEncoder(network(), tokenizer(), Reading(tokens=32), precision="int8")


# --- words ---


def test_a_word_has_another_vector_in_another_text_and_before_the_first_block_the_same() -> None:
    made = encoder()
    texts = ["the bank of the river", "a bank lends money"]
    last = made.word("bank", in_text=texts)
    assert last.shape == (2, 16)
    assert np.abs(last[0] - last[1]).max() > 1e-3
    alone = made.word("bank", in_text=texts[0])
    np.testing.assert_allclose(alone, last[0], atol=1e-5)
    np.testing.assert_array_equal(made.word("bank", in_text=texts, layer=-1), last)
    np.testing.assert_array_equal(made.word("bank", in_text=texts, layer="block3"), last)
    depths = made.depths(texts, made.occurrences("bank", texts))
    assert tuple(depths) == made.layers
    for layer, vectors in depths.items():
        np.testing.assert_array_equal(vectors, made.word("bank", in_text=texts, layer=layer))
    assert made.depths(texts, [])["block3"].shape == (0, made.dim)
    same = made.word("bank", in_text=["the bank", "a bank"], layer=0)
    np.testing.assert_allclose(same[0], same[1], atol=1e-6)  # the same token at the same place
    assert made.layers == ("embeddings", "block1", "block2", "block3")


def test_a_word_is_the_mean_of_the_tokens_that_spell_it() -> None:
    made, text = encoder(), "the unseens, money's 银行"
    cut = made.tokenizer.encode(text)
    with torch.no_grad():
        y = made.network.tokens(torch.tensor([cut.ids]))[0].numpy()
    for word, tokens in {
        "unseens": ["un", "##seen", "##s"], "money": ["money"], "money's": ["money", "'", "s"], "银行": ["银", "行"],
    }.items():  # fmt: skip
        places = [cut.tokens.index(token) for token in tokens]
        np.testing.assert_allclose(made.word(word, in_text=text), y[places].mean(0), atol=1e-5, err_msg=word)


def test_each_text_may_have_its_own_word_and_the_occurrence_is_chosen() -> None:
    made, texts = encoder(), ["money of money", "the river"]
    found = made.word(["money", "river"], in_text=texts)
    np.testing.assert_allclose(found[1], made.word("river", in_text=texts[1]), atol=1e-5)
    first, last = (made.word("Money", in_text=texts[0], which=which) for which in (0, -1))
    assert np.abs(first - last).max() > 1e-4
    places = made.occurrences("money", texts)
    assert places == [Occurrence(0, 0, 5), Occurrence(0, 9, 14)]
    np.testing.assert_allclose(made.at(texts, places), [first, last], atol=1e-5)
    with pytest.raises(OptionError, match="3 words came for 2 texts"):
        made.word(["a", "b", "c"], in_text=texts)
    with pytest.raises(OptionError, match="layer is 9: it is 0 to 3, −1 for the last, or embeddings, block1"):
        made.word("money", in_text=texts[0], layer=9)
    with pytest.raises(DataError, match="'river' does not stand in 'money of money'"):
        made.word("river", in_text=texts[0])


def test_a_word_far_into_a_long_text_is_read_with_what_is_around_it() -> None:
    made = encoder(tokens=12)
    text = "money " * 50 + "the bank of river " + "a " * 50
    far = made.word("bank", in_text=text)
    near = made.word("bank", in_text="money " * 3 + "the bank of river " + "a " * 3)  # the ten tokens around it
    np.testing.assert_allclose(far, near, atol=1e-5)
    assert made.count([text, "a"]).tolist() == [106, 3]
    with pytest.raises(DataError, match="a word of 30 tokens does not fit into 12"):
        made.word("s" * 30, in_text="s" * 30)


@pytest.mark.parametrize("pool", ["mean", "class", "last"])
def test_case_counts_where_the_tokeniser_keeps_it(pool: str) -> None:
    made = TextEncoder(network(pool), tokenizer(lowercase=False), Reading(pool, tokens=32))
    with pytest.raises(DataError, match="did you mean 'bank'"):
        made.word("Bank", in_text="the bank")
    assert not made.any_case


def test_texts_without_the_word_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made, read = encoder(), []
    ready = made._ready
    monkeypatch.setattr(made, "_ready", lambda texts: read.extend(texts) or ready(texts))
    texts = ["money takes money"] * 700 + ["the bank of the bank", "a bank"] + ["the river"] * 700
    places = made.occurrences("bank", texts)
    found = made.at(texts, [places[2], places[0], places[1]])
    assert read == ["the bank of the bank", "a bank"]
    np.testing.assert_allclose(found[0], made.word("bank", in_text="a bank"), atol=1e-5)
    np.testing.assert_allclose(found[2], made.word("bank", in_text="the bank of the bank", which=1), atol=1e-5)


def test_one_text_is_not_read_letter_by_letter() -> None:
    made = encoder()
    for call in (made.embed, made.count, made.known, lambda text: made.occurrences("a", text)):
        with pytest.raises(DataError, match=r"one text came, 'the bank': give a list of texts"):
            call("the bank")


def test_prompts_are_put_before_texts_and_are_part_of_what_an_encoder_is() -> None:
    plain = encoder()
    made = encoder(prompts={"query": "the ", "passage": "a "}, prompt="query")
    assert made.prompted(["bank"], "query") == made.prompted(["bank"]) == ["the bank"]
    assert made.prompted(["bank"], "document") == ["a bank"]
    assert plain.prompted(["bank"], "query") == ["bank"]
    assert made.fingerprint != plain.fingerprint
    assert "prompts" not in plain.state()[1]["reading"]
    again = TextEncoder.from_state(made.state())
    assert again.fingerprint == made.fingerprint
    assert again.reading == made.reading


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["ok", 7], "text 2 is a int: give strings"),
        (["half \ud83d"], r"text 1 has half a character \(a lone surrogate\) at place 6"),
    ],
)
def test_what_is_no_text_is_a_sentence(texts: list[Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        encoder().embed(texts)


@pytest.mark.parametrize(
    "text", ["🏦🏦", "שלום עולם", "‮abc", "\0", "\u200b", "x" * 10_000, "money " * 100_000, "\n\n", "العربية"]
)
def test_strange_texts_have_finite_vectors(text: str) -> None:
    found = encoder().embed([text, "the bank"])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[1], encoder().embed(["the bank"])[0], atol=1e-5)


def test_a_network_that_cannot_be_is_a_sentence() -> None:
    with pytest.raises(OptionError, match="3 heads of 16 dims"):
        Bert(tokens=10, dim=16, heads=3)
    with pytest.raises(OptionError, match="pool is 'sum'"):
        Bert(tokens=10, pool="sum")
    with pytest.raises(ShapeError, match="a text of 40 tokens came: the network has 32 places"):
        network()(torch.zeros(1, 40, dtype=torch.long))
    x = torch.tensor([[1, 2, -1], [1, 2, 3]])
    assert pooled(torch.arange(6.0).reshape(2, 3, 1), x, "last").tolist() == [[1.0], [5.0]]
