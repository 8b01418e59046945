"""Tokenisers: texts in, a tokeniser in the form of the tokenizers library out, and the marks that it puts around texts.

WordPiece is that of BERT (Schuster & Nakajima 2012; Devlin et al. 2019, arXiv:1810.04805), trained by merging pairs;
BPE merges pairs of bytes (Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019), so that nothing is unknown.
"""

from __future__ import annotations

import json
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
_RAREST: Final = 2  # a piece that occurs once is not worth a token
_LETTERS: Final = 1000  # different characters that WordPiece begins with, the most frequent ones
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
    pieces that begin a word stand as they are, the others behind ##.
    """
    normalizer = parts.normalizers.BertNormalizer(lowercase=lowercase)
    letters = _letters(texts, normalizer, most=min(_LETTERS, max(1, (vocabulary - len(SPECIAL)) // 3)))
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
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    pieces += [token[1:] if token[0] == _BEGINS else f"##{token}" for token, _ in merged if len(token) > 1]
    kept = list(dict.fromkeys(pieces))[: max(vocabulary, len(SPECIAL) + 2 * len(letters))]
    made = parts.Tokenizer(
        parts.models.WordPiece({piece: number for number, piece in enumerate(kept)}, unk_token=UNKNOWN)
    )
    made.normalizer = normalizer
    made.pre_tokenizer = parts.pre_tokenizers.BertPreTokenizer()
    made.decoder = parts.decoders.WordPiece()
    made.add_special_tokens(list(SPECIAL))
    return made


def _letters(texts: Iterable[str], normalizer: Any, *, most: int) -> list[str]:
    """Return the most frequent characters of texts that are no blanks, the more frequent first."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    plain = Counter[str]()
    for letter, count in counts.items():
        for each in normalizer.normalize_str(letter):
            if not each.isspace():
                plain[each] += count
    return sorted(plain, key=lambda letter: (-plain[letter], letter))[:most]


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
