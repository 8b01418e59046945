"""The compiled tokeniser and counter: equal to its twin for any text in any chunks; what a word is, by example."""

from __future__ import annotations

import collections
import itertools
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import DataError, OptionError
from likewise.kernels import text, text_twin, unicode_table
from likewise.kernels.text import Counter, cut

HEADER = Path(__file__).parents[2] / "src" / "likewise" / "kernels" / "unicode_table.hpp"  # no wheel carries it
UNICODE = HEADER.read_text().split("Unicode ")[1].split(";")[0]
SAME_UNICODE = unicodedata.unidata_version == UNICODE

# What stands close to every rule: cases, marks, apostrophes, ideographs, joiners, spaces and line ends of all kinds
NASTY = (
    "aAzZéÉßẞİıΣςσK'’'’--09²½٣Ⅷ \t\n\r\v\f\x1c\x85\u00a0\u2028\u200c\u200d\ufeff\ufe0f\u0301\u3099"
    "日本のカー々〇ｶ한글😀𝐀𐐀𠀀\U0001b000\U000e0100\x7f_"
)
old_points = st.characters(exclude_categories=("Cs", "Cn"), max_codepoint=0x2FA1D)
some_text = st.text(st.one_of(st.sampled_from(NASTY), st.sampled_from("abc '\n"), old_points), max_size=200)
cuttings = st.fixed_dictionaries(
    {
        "tokenizer": st.sampled_from(["words", "whitespace"]),
        "lowercase": st.booleans(),
        "digits": st.sampled_from(["keep", "mask", "drop"]),
    }
)


def same_everywhere(characters: str) -> str:
    """Leave out what this Python's Unicode may see otherwise than the compiled table."""
    return characters if SAME_UNICODE else "".join(c for c in characters if ord(c) < 0x500 or c in NASTY)


def counted(counter: Counter) -> tuple[list[str], list[int], list[int], list[int]]:
    ids, ends = counter.take_out()
    return counter.words(), counter.counts.tolist(), ids.tolist(), ends.tolist()


def fed(blocks: list[bytes], **options: object) -> Counter:
    counter = Counter(**options)  # type: ignore[arg-type]
    for block in blocks:
        assert counter.feed(block), counter.fault
    assert counter.finish(), counter.fault
    return counter


def by_twin(whole: bytes, held_out: float, **options: object) -> tuple[list[str], list[int], list[int], list[int]]:
    twin = text_twin.Counter(**options)  # type: ignore[arg-type]
    twin.feed(whole)
    twin.finish()
    ends = [~end if h < int(held_out * 2**64) else end for end, h in zip(twin.ends, twin.hashes, strict=True)]
    return twin.words, twin.counts, twin.ids, ends


@settings(max_examples=400)
@given(some_text, cuttings, st.lists(st.integers(0, 400), max_size=6))
def test_it_equals_the_twin_in_any_chunks(characters: str, options: dict[str, object], cuts: list[int]) -> None:
    whole = same_everywhere(characters).replace("\0", "").encode()
    edges = sorted({0, len(whole), *(c for c in cuts if c < len(whole))})
    blocks = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert counted(fed(blocks, held_out=0.5, **options)) == by_twin(whole, 0.5, **options)


@settings(max_examples=50)
@given(some_text, cuttings)
def test_byte_by_byte_equals_whole(characters: str, options: dict[str, object]) -> None:
    whole = same_everywhere(characters).replace("\0", "").encode()
    assert counted(fed([bytes([b]) for b in whole], **options)) == counted(fed([whole], **options))


@pytest.mark.parametrize("options", [{}, {"tokenizer": "whitespace"}, {"digits": "drop"}, {"lowercase": False}])
def test_long_text_of_many_kinds_equals_the_twin(options: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    pool = [
        "the",
        "of",
        "Queen's",
        "naïve",
        "Straße",
        "2015",
        "a1",
        "日本",
        "мир",
        "x" * 9,
        "y" * 17,
        "z" * 40,
        "o’clock",
    ]
    pool += [f"w{i}" for i in range(3000)]
    ends = [" ", " ", " ", ", ", "\n", "\r\n", "\r", " - ", "--", "'", "\t"]
    picks = zip(rng.integers(len(pool), size=40_000), rng.integers(len(ends), size=40_000), strict=True)
    whole = "".join(pool[a] + ends[b] for a, b in picks).encode()
    assert counted(fed([whole], held_out=0.1, **options)) == by_twin(whole, 0.1, **options)


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20))))
def test_lists_of_words_are_counted_as_they_are(paragraphs: list[list[str]]) -> None:
    counter = Counter()
    for paragraph in paragraphs:
        assert counter.feed_words(paragraph)
    seen = collections.Counter(word for paragraph in paragraphs for word in paragraph if word)
    words, counts, ids, ends = counted(counter)
    assert dict(zip(words, counts, strict=True)) == seen
    assert [words[i] for i in ids] == [word for paragraph in paragraphs for word in paragraph if word]
    assert len(ends) == counter.paragraphs == sum(any(p) for p in paragraphs)


def test_counts_are_those_of_a_counter() -> None:
    rng = np.random.default_rng(1)
    words = [f"{'word' * (i % 6)}{i}" for i in range(50_000)]
    tokens = [words[i] for i in (rng.zipf(1.3, 200_000) - 1) % len(words)]
    counter = fed([" ".join(tokens).encode()])
    assert dict(zip(counter.words(), counter.counts.tolist(), strict=True)) == collections.Counter(tokens)
    assert counter.words() == list(dict.fromkeys(tokens))
    assert counter.tokens == len(tokens)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("A rose, is a ROSE.", ["a", "rose", "is", "a", "rose"]),
        ("O'Neil’s 'quoted' rock 'n' roll", ["o'neil's", "quoted", "rock", "n", "roll"]),
        ("don''t x'1 1'x l’été", ["don", "t", "x", "1", "1", "x", "l'été"]),
        ("snake_case e-mail 3.14 1,000", ["snake", "case", "e", "mail", "3", "14", "1", "000"]),
        ("日本語のカタカナ", list("日本語のカタカナ")),
        ("漢字abc漢", ["漢", "字", "abc", "漢"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("Straße ẞ İstanbul ΟΔΟΣ ὁδός", ["straße", "ß", "istanbul", "οδοσ", "ὁδός"]),
        ("e\u0301te\u0301 ❤\ufe0f x", ["e\u0301te\u0301", "x"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("हिन्दी ภาษา", ["हिन्दी", "ภาษา"]),
        ("x² ½ Ⅷ", ["x²", "½", "ⅷ"]),
        ("two\nlines", ["two", "lines"]),
        ("\0 a\0b", ["a", "b"]),
        ("", []),
    ],
)
def test_what_a_word_is(given: str, words: list[str]) -> None:
    assert cut([given]) == [words]
    assert text_twin.words_of(given) == words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"digits": "mask"}, ["b0b", "0000", "the", "café"]),
        ({"digits": "drop"}, ["b", "b", "the", "café"]),
        ({"lowercase": False}, ["B2B", "2015", "The", "Café"]),
        ({"tokenizer": "whitespace"}, ["b2b", "2015:", "the", "café!"]),
        ({"tokenizer": "whitespace", "digits": "drop"}, ["b", "b", ":", "the", "café!"]),
    ],
)
def test_options(options: dict[str, str], words: list[str]) -> None:
    assert cut(["B2B 2015: The\u00a0Café!"], **options) == [words]  # type: ignore[arg-type]


def test_texts_are_cut_one_by_one() -> None:
    assert cut(["a b", "", "c" * 100_000]) == [["a", "b"], [], ["c" * 100_000]]
    with pytest.raises(TypeError, match="must be a string"):
        cut([b"bytes"])  # type: ignore[list-item]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_end_a_paragraph(end: str) -> None:
    counter = fed([f"a b{end}{end}c{end}é{end}-{end}".encode()])
    assert counter.take_out()[1].tolist() == [2, 3, 4]


@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 128, 8191, 8192, 8193, 20_000])
def test_long_words_and_every_alignment(size: int) -> None:
    whole = f"{'x' * size}{' ' * (size % 5)}\n{'y' * size} z{'é' * size}".encode()
    assert counted(fed([whole])) == by_twin(whole, 0.0)
    assert cut([whole.decode()]) == [text_twin.words_of(whole.decode())]


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"]
)
@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_what_is_not_utf8_is_found(bad: bytes, chunk: int) -> None:
    before = "ok\nd\u00e9j\u00e0 vu\r\nthird ".encode()
    whole = before + bad + b" more\n"
    counter = Counter()
    good = all(counter.feed(whole[i : i + chunk]) for i in range(0, len(whole), chunk)) and counter.finish()
    assert not good
    assert counter.fault == ("encoding", 3, len(before))
    with pytest.raises(UnicodeDecodeError):
        by_twin(whole, 0.0)


def test_a_nul_is_found() -> None:
    for before in (b"a" * 100 + b"\n", "é\r".encode(), b"\r\n"):
        counter = Counter()
        assert not (counter.feed(before + b"b \0 c") and counter.finish())
        assert counter.fault == ("nul", 2, len(before) + 2)
        with pytest.raises(DataError, match="NUL"):
            by_twin(before + b"\0", 0.0)
    assert not Counter().feed_words(["a\0b"])


def test_every_file_begins_at_line_1() -> None:
    counter = Counter()
    assert counter.feed(b"one\ntwo\r")
    assert counter.finish()
    assert not (counter.feed(b"three\n\xff") and counter.finish())
    assert counter.fault == ("encoding", 2, 6)


def test_only_words_are_words() -> None:
    with pytest.raises(TypeError, match="a word must be a string"):
        Counter().feed_words([1])  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        Counter().feed_words(["\ud800"])


def test_options_out_of_range() -> None:
    with pytest.raises(OptionError, match="'bpe': it is words, whitespace"):
        cut(["a"], tokenizer="bpe")
    with pytest.raises(OptionError, match="'no': keep them"):
        Counter(digits="no")
    with pytest.raises(OptionError, match="held_out is 0.9"):
        Counter(held_out=0.9)
    with pytest.raises(OptionError, match="version 2 of the tokeniser"):
        cut(["a"], version=2)


def test_a_share_of_the_paragraphs_is_held_out_by_what_they_say() -> None:
    paragraphs = [f"paragraph {i} of many" for i in range(20_000)]
    one, two = (fed(["\n".join(some).encode()], held_out=0.01) for some in (paragraphs, paragraphs[::-1]))
    held = [i for i, end in enumerate(one.take_out()[1]) if end < 0]
    assert 150 < len(held) < 250  # 200 ± 3.5 standard deviations
    assert [i for i, end in enumerate(two.take_out()[1][::-1]) if end < 0] == held


def test_renumbering_drops_and_closes_gaps() -> None:
    ids = np.array([0, 1, 2, 3, 0, 1, 2, 3, 3], np.int32)
    ends = np.array([0, 3, ~5, 6, 8, 9])
    table = np.array([1, -1, 0, -1], np.int32)
    held, lengths, start, token, paragraph = text.renumber(ids, ends, table, 0, 5, 0, 0, 0)
    assert (held.tolist(), lengths.tolist(), start, token, paragraph) == ([1], [1], 9, 3, 2)
    assert ids[:token].tolist() == [1, 0, 0]
    assert ends[: paragraph + 1].tolist() == [0, 2, 3]


@pytest.mark.skipif(not SAME_UNICODE, reason=f"the table is of Unicode {UNICODE}, this Python has another")
@pytest.mark.slow
def test_the_table_is_what_its_generator_writes() -> None:
    assert unicode_table.header() == HEADER.read_text()


@pytest.mark.skipif(not SAME_UNICODE, reason=f"the table is of Unicode {UNICODE}, this Python has another")
@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
def test_every_character_is_seen_as_by_the_twin(tokenizer: str) -> None:
    points = [*range(1, 0xD800), *range(0xE000, 0x32000), *range(0x32000, sys.maxunicode, 97), *range(0xE0000, 0xE0200)]
    texts = [f"a{c}b {c} 日{c}'" for c in map(chr, points)]
    assert cut(texts, tokenizer=tokenizer) == [text_twin.words_of(t, tokenizer=tokenizer) for t in texts]
