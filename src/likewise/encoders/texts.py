"""Texts to vectors: a network of tokens and its tokeniser in; an encoder of texts, and of words in them, out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final, Self, cast, final

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int
from torch import Tensor, nn

from likewise.contracts import Array, State
from likewise.encoders.architectures import build, name_of
from likewise.encoders.bert import NOTHING, POOLS, pooled
from likewise.encoders.finding import place_of, places_of
from likewise.errors import DataError, OptionError
from likewise.files import digest_of_arrays
from likewise.sources.tokenising import tokenizer_of as tokenizer_of
from likewise.sources.tokenising import unknown_of

VERSION = 2
PRECISIONS: Final = ("auto", "fp32", "bf16")
_LAST = "last"
_AT_ONCE = 4096  # tokens that are encoded together
_MOST_TEXTS = 256  # together
_TRIED = 2048  # tokens of which the precision is chosen; for fewer it is fp32


@dataclass(frozen=True)
class Reading:
    """How a text becomes a vector: the `pool` of its first `tokens` tokens' vectors, scaled to length 1 or not.

    `prompts` are texts that a network has learned to see before others, by what these are for (`query`, `document`);
    `prompt` is the name of the usual one. `embed` puts none before a text: `TextEncoder.prompted` does.
    """

    pool: str = "mean"
    normalised: bool = False
    tokens: int = 512
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.pool not in POOLS:
            raise OptionError(f"pool is {self.pool!r}: of texts it is one of {', '.join(POOLS)}")


@dataclass(frozen=True)
class Occurrence:
    """Where a word stands: in which of some texts, from and to which character."""

    row: int
    low: int
    high: int


@final
class TextEncoder:
    """An encoder of texts: strings in, one vector each out; a text of no tokens has a vector of zeros.

    `network` takes numbers of tokens, −1 where a text has ended (`likewise.encoders.bert`). `precision` fp32: a vector
    does not depend on what else is encoded with it, to 1e-5; bf16: to about 1e-2, twice as fast where the processor
    has it; auto: the quicker of the two, by a try when there is enough to encode. Evaluation mode.
    """

    kind = "text-network"

    def __init__(
        self, network: nn.Module, tokenizer: Any, reading: Reading, *, precision: str = "fp32", device: str = "cpu"
    ) -> None:
        if precision not in PRECISIONS:
            raise OptionError(f"precision is {precision!r}: it is one of {', '.join(PRECISIONS)}")
        self.network = network.to(device).eval().requires_grad_(False)
        self.tokenizer, self.reading, self.device, self.precision = tokenizer, reading, device, precision
        tokenizer.no_padding()
        tokenizer.enable_truncation(reading.tokens)

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return int(self.network.dim)  # type: ignore[arg-type]

    @cached_property
    def fingerprint(self) -> str:
        """Return the digest of weights, architecture, tokeniser and reading."""
        arrays, about = self.state()
        return digest_of_arrays(arrays, {"version": VERSION, **about})

    # --- texts ---

    def embed(
        self, objects: Sequence[str], *, kind: str | None = None, told: Callable[[int], None] | None = None
    ) -> Float32[Array, "n d"]:
        """Encode texts, those of like length together; of a longer one its first `reading.tokens` tokens.

        `told` hears how many are done. Raises DataError for what is no text.
        """
        ids = self._ids(objects)
        found, done = np.zeros((len(ids), self.dim), np.float32), 0
        with torch.inference_mode(), self._autocast(sum(map(len, ids)), ids):
            for rows in _together([len(one) for one in ids]):
                done += len(rows)
                rows = [row for row in rows if ids[row]]  # a text of no tokens has the vector of nothing
                if not rows:
                    continue
                x = _padded([ids[row] for row in rows]).to(self.device)
                vectors = self._vectors(x)
                if self.reading.normalised:
                    vectors = nn.functional.normalize(vectors, dim=1)
                found[rows] = vectors.cpu().numpy()
                if told is not None:
                    told(done)
        return found

    def prompted(self, texts: Sequence[str], task: str | None = None) -> list[str]:
        """Return texts behind the prompt for a task, `query` or `document`, or the usual one; as they are if none.

        A document's prompt may also be called passage or corpus, as sentence-transformers has it.
        """
        prompts = self.reading.prompts
        names = [task, *(("passage", "corpus") if task == "document" else ()), self.reading.prompt]
        before = next((prompts[name] for name in names if name is not None and name in prompts), "")
        return [before + text for text in texts]

    def _vectors(self, x: Int[Tensor, "b t"]) -> Float32[Tensor, "b d"]:
        network = cast(Any, self.network)
        if self.reading.pool == "layers":  # of which the network itself knows the weights
            return cast(Tensor, network(x).float())
        return pooled(network.tokens(x).float(), x, self.reading.pool)

    def count(self, objects: Sequence[str]) -> Int[Array, " n"]:
        """Return how many tokens each text has, those that are cut off among them."""
        self.tokenizer.no_truncation()
        try:
            return np.array([len(one) for one in self._ids(objects)], np.int64)
        finally:
            self.tokenizer.enable_truncation(self.reading.tokens)

    def known(self, objects: Sequence[str]) -> Bool[Array, " n"]:
        """Return of which texts any token that is read stands for text: not those of blanks, or of unknown signs."""
        nothing = self._nothing
        return np.array([any(token not in nothing for token in one) for one in self._ids(objects)], bool)

    @cached_property
    def _nothing(self) -> frozenset[int]:
        """The tokens that are no text, and that for what is unknown."""
        about = json.loads(self.tokenizer.to_str())
        special = {int(token["id"]) for token in about.get("added_tokens", []) if token.get("special")}
        around = self.tokenizer.encode("").ids
        return frozenset({*special, *around, *([] if self._unknown is None else [self._unknown])})

    @cached_property
    def _unknown(self) -> int | None:
        return unknown_of(self.tokenizer)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [one.ids for one in self.tokenizer.encode_batch_fast(self._ready(texts))]

    def _ready(self, texts: Sequence[str]) -> list[str]:
        _refuse_one(texts)
        checked = map(_checked, texts, range(len(texts)))
        return [text.lower() for text in checked] if self.reading.lowercase else list(checked)

    def _autocast(self, tokens: int, ids: Sequence[Sequence[int]]) -> AbstractContextManager[Any]:
        """Return what lets the network compute in its precision, which is chosen here where it is to be chosen."""
        if self.precision == "auto" and tokens >= _TRIED:
            self.precision = _quicker(self.network, ids, self.device)
        half = self.precision == "bf16"
        return torch.autocast(torch.device(self.device).type, torch.bfloat16) if half else nullcontext()

    # --- words in texts ---

    def word(
        self, word: str | Sequence[str], *, in_text: str | Sequence[str], layer: int | str | None = None, which: int = 0
    ) -> Float32[Array, "*n d"]:
        """Return the vector of a word where it stands in a text: the mean over the tokens that spell it.

        One word and one text give "d"; several texts, each with the same word or its own, "n d". `which` is the
        occurrence, from 0, or from the end by −1. `layer` is the number of a block (0: before the first; −1: the last,
        as without it) or a name of `layers`. A word that stands beyond `reading.tokens` is read with what is around it.
        Upper and lower case are one where the tokeniser makes them one. Raises DataError where a word is not there.

        >>> encoder.word("bank", in_text=["the river bank", "a bank account"]).shape  # doctest: +SKIP
        (2, 384)
        """
        texts = [in_text] if isinstance(in_text, str) else list(in_text)
        words = [word] * len(texts) if isinstance(word, str) else list(word)
        if len(words) != len(texts):
            raise OptionError(f"{len(words)} words came for {len(texts)} texts: give one word, or one for each text")
        spans = [place_of(w, t, which=which, any_case=self.any_case) for w, t in zip(words, texts, strict=True)]
        found = self.at(texts, [Occurrence(row, *span) for row, span in enumerate(spans)], layer=layer)
        return found[0] if isinstance(in_text, str) else found

    def occurrences(self, word: str, texts: Sequence[str]) -> list[Occurrence]:
        """Return every place where a word stands in some texts, in their order."""
        _refuse_one(texts)
        return [
            Occurrence(row, low, high)
            for row, text in enumerate(texts)
            for low, high in places_of(word, text, any_case=self.any_case)
        ]

    def at(
        self, texts: Sequence[str], places: Sequence[Occurrence], *, layer: int | str | None = None
    ) -> Float32[Array, "n d"]:
        """Return the mean vector of the tokens at each of some places of texts."""
        depth, network = self._layer(layer), cast(Any, self.network)
        if depth is None:  # tokens alone may take less than every depth
            return self._placed(texts, places, [_LAST], lambda x: {_LAST: network.tokens(x)})[_LAST]
        return self._placed(texts, places, [depth], network.intermediates)[depth]

    def depths(self, texts: Sequence[str], places: Sequence[Occurrence]) -> dict[str, Float32[Array, "n d"]]:
        """Return what `at` does for each of `layers`, by its name, in one pass."""
        return self._placed(texts, places, self.layers, cast(Any, self.network).intermediates)

    def _placed(
        self,
        texts: Sequence[str],
        places: Sequence[Occurrence],
        names: Sequence[str],
        run: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> dict[str, Float32[Array, "n d"]]:
        """Return the mean vector of the tokens at each place, for some of the vectors "b t d" that `run` gives."""
        windows = self._windows(texts, places)
        ids = [ids for ids, _ in windows]
        found = {name: np.zeros((len(places), self.dim), np.float32) for name in names}
        with torch.inference_mode(), self._autocast(sum(map(len, ids)), ids):
            for rows in _together([len(one) for one in ids]):
                made = run(_padded([ids[row] for row in rows]).to(self.device))
                for name, out in found.items():
                    for vectors, row in zip(made[name].float(), rows, strict=True):
                        out[row] = vectors[windows[row][1]].mean(0).cpu().numpy()
        return found

    def _windows(self, texts: Sequence[str], places: Sequence[Occurrence]) -> list[tuple[list[int], list[int]]]:
        """Return for each place `_window` of its text; texts without a place are not cut into tokens."""
        _refuse_one(texts)
        of: dict[int, list[int]] = {}
        for number, place in enumerate(places):
            of.setdefault(place.row, []).append(number)
        rows, found = sorted(of), dict[int, tuple[list[int], list[int]]]()
        self.tokenizer.no_truncation()
        try:
            for low in range(0, len(rows), _MOST_TEXTS):
                some = rows[low : low + _MOST_TEXTS]
                for row, cut in zip(
                    some, self.tokenizer.encode_batch(self._ready([texts[r] for r in some])), strict=True
                ):
                    for number in of[row]:
                        found[number] = _window(cut, places[number], self.reading.tokens, self._unknown)
        finally:
            self.tokenizer.enable_truncation(self.reading.tokens)
        return [found[number] for number in range(len(places))]

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of what there is before the first block and after each."""
        some = torch.zeros(1, 1, dtype=torch.long, device=self.device)
        with torch.inference_mode():
            return tuple(name for name in self.network.intermediates(some) if name != "vector")  # type: ignore[operator]

    @cached_property
    def any_case(self) -> bool:
        """Whether upper and lower case are one to the tokeniser."""
        normalizer = self.tokenizer.normalizer
        return self.reading.lowercase or (normalizer is not None and normalizer.normalize_str("A") == "a")

    def _layer(self, layer: int | str | None) -> str | None:
        names = self.layers
        if layer is None or layer in names:
            return layer
        if isinstance(layer, int) and -len(names) <= layer < len(names):
            return names[layer]
        raise OptionError(f"layer is {layer!r}: it is 0 to {len(names) - 1}, −1 for the last, or {', '.join(names)}")

    # --- what it is made of ---

    def state(self) -> State:
        """Return weights as arrays, and the architecture, the tokeniser and how texts are read."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}
        about = {
            "kind": self.kind,
            "architecture": {"name": name_of(self.network), "options": self.network.config},
            "tokenizer": json.loads(self.tokenizer.to_str()),
            "reading": {name: value for name, value in asdict(self.reading).items() if value not in ({}, None)},
            "dim": self.dim,
        }
        return arrays, about

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make an encoder from `state()`."""
        arrays, about = state
        network = build(about["architecture"]["name"], about["architecture"]["options"])
        network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
        return cls(network, tokenizer_of(about["tokenizer"]), Reading(**about["reading"]))


def _refuse_one(texts: object) -> None:
    """Raise DataError for a single text, whose letters would be read as texts."""
    if isinstance(texts, str):
        raise DataError(f"one text came, {texts[:40]!r}: give a list of texts, such as [text]")


def _checked(text: Any, row: int) -> str:
    if not isinstance(text, str):
        raise DataError(f"text {row + 1} is a {type(text).__name__}: give strings")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"text {row + 1} has half a character (a lone surrogate) at place {error.start + 1}: read it with "
            "errors='replace', or repair it"
        ) from None
    return text


def _together(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield rows to encode together, the longest first: so many tokens at a time, of like lengths."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    low = 0
    while low < len(order):
        longest = max(1, lengths[order[low]])
        count = max(1, min(_MOST_TEXTS, _AT_ONCE // longest))
        yield order[low : low + count]
        low += count


def _padded(ids: Sequence[Sequence[int]]) -> Int[Tensor, "b t"]:
    longest = max(1, max(map(len, ids)))
    x = np.full((len(ids), longest), NOTHING, np.int64)
    for row, one in enumerate(ids):
        x[row, : len(one)] = one
    return torch.from_numpy(x)


def _window(cut: Any, place: Occurrence, most: int, unknown: int | None = None) -> tuple[list[int], list[int]]:
    """Return tokens' numbers with the word among them, and the places of those that spell it.

    A text that is too long is read around the word, as many tokens on either side, with what stands at its ends.
    DataError where one unknown token stands for the word and for what is written together with it.
    """
    spelt = [t for t, (low, high) in enumerate(cut.offsets) if low < place.high and high > place.low]
    if not spelt:
        raise DataError(f"the tokeniser makes nothing of characters {place.low + 1} to {place.high}")
    low, high = cut.offsets[spelt[0]]
    if len(spelt) == 1 and cut.ids[spelt[0]] == unknown and (low < place.low or high > place.high):
        raise DataError(
            f"characters {low + 1} to {high} are one unknown token to the tokeniser, so words in there have no vector "
            "of their own: take a network whose tokeniser spells everything (--tokenizer bpe)"
        )
    if len(cut.ids) <= most:
        return cut.ids, spelt
    front = [t for t, special in enumerate(cut.special_tokens_mask) if special and t < spelt[0]][:1]
    back = [t for t, special in enumerate(cut.special_tokens_mask) if special and t > spelt[-1]][-1:]
    room = most - len(front) - len(back)
    if len(spelt) > room:
        raise DataError(f"a word of {len(spelt)} tokens does not fit into {most}: it is no word to be placed")
    inner = range(len(front), len(cut.ids) - len(back))
    low = max(inner.start, min(spelt[0] - (room - len(spelt)) // 2, inner.stop - room))
    kept = [*front, *range(low, min(low + room, inner.stop)), *back]
    where = {t: number for number, t in enumerate(kept)}
    return [cut.ids[t] for t in kept], [where[t] for t in spelt]


def _quicker(network: nn.Module, ids: Sequence[Sequence[int]], device: str) -> str:
    """Return fp32 or bf16: which of them encodes some of the texts in less time."""
    some: list[Sequence[int]] = []
    for one in sorted(ids, key=len)[len(ids) // 2 :]:
        some.append(one)
        if sum(map(len, some)) >= _TRIED:
            break
    x = _padded(some).to(device)
    kind = torch.device(device).type

    def seconds(half: bool) -> float:
        with torch.autocast(kind, torch.bfloat16) if half else nullcontext():
            cast(Any, network).tokens(x)
            start = time.perf_counter()
            cast(Any, network).tokens(x)
            if kind == "cuda":
                torch.cuda.synchronize()
            return time.perf_counter() - start

    return "bf16" if seconds(True) < seconds(False) else "fp32"
