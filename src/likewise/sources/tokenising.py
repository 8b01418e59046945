"""Tokenisers: texts in, a tokeniser in the form of the tokenizers library out, and the marks that it puts around texts.

WordPiece is that of BERT (Schuster & Nakajima 2012; Devlin et al. 2019, arXiv:1810.04805), trained by merging pairs;
BPE merges pairs of bytes (Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019), so that nothing is unknown.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from likewise.errors import DataError, MissingExtra

PAD: Final = "[PAD]"
UNKNOWN: Final = "[UNK]"
FIRST: Final = "[CLS]"
LAST: Final = "[SEP]"
MASK: Final = "[MASK]"
SPECIAL: Final = (PAD, UNKNOWN, FIRST, LAST, MASK)
KINDS: Final = ("wordpiece", "bpe")
LEAST_BPE: Final = 256 + len(SPECIAL)
"""How many tokens a tokeniser of bytes has at least."""
_RAREST: Final = 2  # a piece that occurs once is not worth a token
_LETTERS: Final = 1000  # different characters that WordPiece begins with, the most frequent ones
_COVERED: Final = 0.9995  # of all characters; where a thousand are fewer than that, as of Chinese, more begin
_MARKS: Final = 0.001  # of all characters: with more vowel signs than that the signs of a script are letters
_LONGEST_WORD: Final = 1000  # characters; longer ones are unknown (the library's own 100 are few without blanks)
_BEGINS: Final = "▁"  # before a word, while pairs are merged


@dataclass(frozen=True)
class Specials:
    """Numbers of the tokens that are no text: what begins one, ends one, and hides a token."""

    first: int
    last: int
    mask: int
    every: tuple[int, ...]


def train_tokenizer(texts: Iterable[str], *, kind: str, vocabulary: int, lowercase: bool) -> Any:
    """Return a tokeniser with at most `vocabulary` tokens, learned from texts; the same texts give the same one.

    Raises DataError where the texts hold nothing that could be a token.
    """
    made = (_wordpiece if kind == "wordpiece" else _bpe)(_library(), list(texts), vocabulary, lowercase)
    if made.get_vocab_size() <= len(SPECIAL):
        raise DataError("the texts hold nothing that a token could be made of: they are empty, or blanks")
    parts = _library()
    first, last = (cast(int, made.token_to_id(token)) for token in (FIRST, LAST))
    made.post_processor = parts.processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}", pair=f"{FIRST} $A {LAST} $B:1 {LAST}:1",
        special_tokens=[(FIRST, first), (LAST, last)],
    )  # fmt: skip
    return made


def _wordpiece(parts: Any, texts: list[str], vocabulary: int, lowercase: bool) -> Any:
    """Return a WordPiece tokeniser whose pieces are those of pairs that are merged.

    The library's own trainer for it numbers letters in the order of a hash table, anew in each process, and breaks ties
    by these numbers. So pairs are merged with the beginning of a word marked, and the mark is turned round afterwards:
    pieces that begin a word stand as they are, the others behind ##. Han characters are words by themselves, so they
    have no such twin. Accents are folded with case, but not where marks are vowels, as in Thai and Hindi.
    """
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    strips = False if _vowels_are_marks(counts) else None  # None: as case is folded
    normalizer = parts.normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strips)
    letters, alone = _letters(counts, normalizer, tokens=(vocabulary - len(SPECIAL)) * 2 // 3)
    merging = parts.Tokenizer(parts.models.BPE())
    merging.normalizer = normalizer
    merging.pre_tokenizer = parts.pre_tokenizers.Sequence(
        [parts.pre_tokenizers.BertPreTokenizer(), parts.pre_tokenizers.Metaspace(prepend_scheme="always", split=False)]
    )
    merging.train_from_iterator(texts, parts.trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=_RAREST, initial_alphabet=[_BEGINS, *letters],
        limit_alphabet=len(letters) + 1, show_progress=False,
    ))  # fmt: skip
    merged = sorted(merging.get_vocab().items(), key=lambda item: item[1])
    first = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters if letter not in alone)]
    pieces = list(first)
    pieces += [token[1:] if token[0] == _BEGINS else f"##{token}" for token, _ in merged if len(token) > 1]
    kept = list(dict.fromkeys(pieces))[: max(vocabulary, len(first))]
    made = parts.Tokenizer(parts.models.WordPiece(
        {piece: number for number, piece in enumerate(kept)}, unk_token=UNKNOWN,
        max_input_chars_per_word=_LONGEST_WORD,
    ))  # fmt: skip
    made.normalizer = normalizer
    made.pre_tokenizer = parts.pre_tokenizers.BertPreTokenizer()
    made.decoder = parts.decoders.WordPiece()
    made.add_special_tokens(list(SPECIAL))
    return made


def _letters(counts: Mapping[str, int], normalizer: Any, *, tokens: int) -> tuple[list[str], set[str]]:
    """Return the most frequent characters that are no blanks, and which of them are words by themselves.

    They take no more than so many tokens: one where a character stands alone, else two.
    """
    plain, alone = Counter[str](), set[str]()
    for letter, count in counts.items():
        said = normalizer.normalize_str(letter)
        for each in said:
            if not each.isspace():
                plain[each] += count
        if len(said) == 3 and said[0] == said[2] == " ":  # as the normaliser sets Han characters apart
            alone.add(said[1])
    letters: list[str] = []
    seen, enough = 0, _COVERED * plain.total()
    for letter in sorted(plain, key=lambda letter: (-plain[letter], letter)):
        tokens -= 1 if letter in alone else 2
        if letters and (tokens < 0 or (len(letters) >= _LETTERS and seen >= enough)):
            break
        letters.append(letter)
        seen += plain[letter]
    return letters, alone


def _vowels_are_marks(counts: Mapping[str, int]) -> bool:
    """Whether marks that are no accents stand in texts: in Thai or Hindi they are vowels."""
    marks = sum(n for each, n in counts.items() if unicodedata.category(each) == "Mn" and not _is_accent(each))
    return marks > _MARKS * sum(counts.values())


def _is_accent(mark: str) -> bool:
    """Whether a mark is one of those that go on letters of Latin, Greek or Cyrillic."""
    return "\u0300" <= mark <= "\u036f"


def _bpe(parts: Any, texts: list[str], vocabulary: int, lowercase: bool) -> Any:
    """Return a tokeniser of pairs of bytes that are merged."""
    made = parts.Tokenizer(parts.models.BPE())
    made.normalizer = parts.normalizers.Sequence(
        [parts.normalizers.NFC(), *([parts.normalizers.Lowercase()] if lowercase else [])]
    )
    made.pre_tokenizer = parts.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = parts.decoders.ByteLevel()
    made.train_from_iterator(texts, parts.trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=_RAREST, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=sorted(parts.pre_tokenizers.ByteLevel.alphabet()),
    ))  # fmt: skip
    return made


def specials_of(tokenizer: Any) -> Specials:
    """Return the special tokens of a tokeniser; DataError where it puts nothing around texts or has no mask.

    What begins and ends a text is read off an empty one; the mask by its usual names.
    """
    around = tokenizer.encode("").ids
    if len(around) != 2:
        raise DataError(f"the tokeniser puts {len(around)} tokens around a text: one before and one behind are needed")
    mask = next((n for n in map(tokenizer.token_to_id, (MASK, "<mask>")) if n is not None), None)
    if mask is None:
        raise DataError("the tokeniser has no token that hides another ([MASK], <mask>): begin with one that has")
    told = json.loads(tokenizer.to_str()).get("added_tokens", [])
    every = {int(token["id"]) for token in told if token.get("special")} | {*around, int(mask)}
    return Specials(int(around[0]), int(around[1]), int(mask), tuple(sorted(every)))


def unknown_of(tokenizer: Any) -> int | None:
    """Return the number of the token for what is unknown; None where everything can be spelled."""
    told = json.loads(tokenizer.to_str())["model"].get("unk_token")
    return None if told is None else cast("int | None", tokenizer.token_to_id(str(told)))


def tokenizer_of(about: Mapping[str, Any]) -> Any:
    """Return a tokeniser from its JSON; DataError where it is none."""
    library = _library()
    try:
        return library.Tokenizer.from_str(json.dumps(about))
    except Exception as error:  # the library raises plain Exception
        raise DataError(f"what came is no tokeniser of the tokenizers library: {error}") from error


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise MissingExtra("tokenizers", "text", "cutting texts into tokens") from None
    return tokenizers
