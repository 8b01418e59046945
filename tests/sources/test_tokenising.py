"""Tokenisers: texts in, tokens out, the same each time."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from likewise.errors import DataError
from likewise.sources.small_language import small_language

pytest.importorskip("tokenizers")

from likewise.sources.tokenising import SPECIAL, specials_of, tokenizer_of, train_tokenizer, unknown_of

TEXTS = [" ".join(line) if not isinstance(line, str) else line for line in small_language(sentences=300).lines]


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_what_it_was_learned_from_is_spelt_again(kind: str) -> None:
    made = train_tokenizer(TEXTS, kind=kind, vocabulary=600, lowercase=False)
    for text in TEXTS[:20]:
        ids = made.encode(text).ids
        assert ids[0] == specials_of(made).first
        assert ids[-1] == specials_of(made).last
        assert made.token_to_id("[UNK]") not in ids
        assert "".join(made.decode(ids).split()) == "".join(text.split())


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_the_vocabulary_is_no_larger_than_asked_for(kind: str) -> None:
    drawn = np.random.default_rng(0).integers(97, 123, (300, 20, 5))
    texts = [" ".join("".join(map(chr, word)) for word in line) for line in drawn.tolist()] * 2
    for asked in (300, 400):
        assert train_tokenizer(texts, kind=kind, vocabulary=asked, lowercase=True).get_vocab_size() == asked


def test_bytes_spell_anything() -> None:
    made = train_tokenizer(TEXTS, kind="bpe", vocabulary=600, lowercase=False)
    for text in ("日本 ß 😀", "שלום", "a\u0301 \u200d", "x" * 50):
        assert made.decode(made.encode(text).ids) == __import__("unicodedata").normalize("NFC", text)


def test_chinese_is_covered_and_takes_one_token_a_character() -> None:
    drawn = np.random.default_rng(0).zipf(1.1, (4000, 30)) % 3000
    texts = ["".join(chr(0x4E00 + n) for n in line) for line in drawn.tolist()]
    made = train_tokenizer(texts, kind="wordpiece", vocabulary=8192, lowercase=True)
    ids = [token for text in texts for token in made.encode(text, add_special_tokens=False).ids]
    assert len(ids) == 4000 * 30
    assert ids.count(unknown_of(made)) < 0.002 * len(ids)
    assert not [token for token in made.get_vocab() if token.startswith("##")]


def test_rare_letters_of_a_text_in_latin_take_no_place_from_words() -> None:
    texts = [f"{line} {chr(0x1200 + n)}" for n, line in enumerate(["the king and the queen rule " * 80] * 3000)]
    made = train_tokenizer(texts, kind="wordpiece", vocabulary=8192, lowercase=True)
    letters = [token for token in made.get_vocab() if len(token.removeprefix("##")) == 1]
    assert 1000 <= len(letters) <= 2000


@pytest.mark.parametrize("text", ["วันนี้ ไปธนาคาร", "वह बैंक गया था", "நான் வங்கி"])
def test_marks_that_are_vowels_stay(text: str) -> None:
    made = train_tokenizer([text] * 3, kind="wordpiece", vocabulary=200, lowercase=True)
    assert made.normalizer.normalize_str(text) == text
    assert train_tokenizer(["the naïve king"] * 3, kind="wordpiece", vocabulary=200, lowercase=True).encode(
        "naïve"
    ).tokens == ["[CLS]", "naive", "[SEP]"]


def test_a_word_of_hundreds_of_letters_is_spelt() -> None:
    made = train_tokenizer(["abcdefgh ijklm"] * 3, kind="wordpiece", vocabulary=60, lowercase=True)
    assert unknown_of(made) not in made.encode("abcdefgh" * 50).ids


def test_folding_case_and_accents_is_asked_for() -> None:
    folded = train_tokenizer(TEXTS, kind="wordpiece", vocabulary=600, lowercase=True)
    assert folded.encode("The NAÏVE").ids == folded.encode("the naive").ids
    kept = train_tokenizer([*TEXTS, "The the NAÏVE naive"] * 2, kind="wordpiece", vocabulary=600, lowercase=False)
    assert kept.encode("The").ids != kept.encode("the").ids


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_another_process_learns_the_same(kind: str) -> None:
    code = (
        "from likewise.sources.small_language import small_language as s\n"
        "from likewise.sources.tokenising import train_tokenizer as t\n"
        "import hashlib\n"
        "lines = [' '.join(l) if not isinstance(l, str) else l for l in s(sentences=300).lines]\n"
        f"print(hashlib.sha256(t(lines, kind={kind!r}, vocabulary=500, lowercase=True).to_str().encode()).hexdigest())"
    )
    seen = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            for _ in range(3)}  # fmt: skip
    assert len(seen) == 1


def test_special_tokens_are_known_and_none_is_text() -> None:
    made = train_tokenizer(TEXTS, kind="wordpiece", vocabulary=600, lowercase=True)
    found = specials_of(made)
    assert [made.id_to_token(n) for n in found.every] == list(SPECIAL)
    assert {found.first, found.last, found.mask} < set(found.every)
    assert made.encode("[MASK] [CLS]").ids[1:-1] == [found.mask, found.first]  # as the library has it, also in texts


def test_a_tokeniser_comes_back_from_its_json() -> None:
    import json

    made = train_tokenizer(TEXTS, kind="wordpiece", vocabulary=600, lowercase=True)
    again = tokenizer_of(json.loads(made.to_str()))
    assert [again.encode(text).ids for text in TEXTS[:5]] == [made.encode(text).ids for text in TEXTS[:5]]
    with pytest.raises(DataError, match="no tokeniser"):
        tokenizer_of({"model": {"type": "nothing"}})


def test_blanks_hold_no_token() -> None:
    with pytest.raises(DataError, match="empty, or blanks"):
        train_tokenizer(["", "  "], kind="wordpiece", vocabulary=100, lowercase=True)


def test_a_tokeniser_without_a_mask_or_ends_is_refused() -> None:
    from tokenizers import Tokenizer, models

    bare = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    with pytest.raises(DataError, match="0 tokens around a text"):
        specials_of(bare)
