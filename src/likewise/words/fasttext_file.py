"""fastText's own files (`.bin`): a path in, a table of words and n-grams with all its buckets out, and back.

The format, little-endian and without padding: magic and version (int32 each), twelve int32 of options and a double;
int32 entries, words, labels, int64 tokens and pruned buckets; for each entry its bytes, a NUL, its int64 count and a
byte of kind (0 word, 1 label), the words first; then two matrices, each a byte (is it quantised?), int64 rows and
dims, and float32 numbers: the rows of words and after them of all buckets, and those of the other side of training.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32, Int64

from likewise.contracts import Array
from likewise.errors import FormatError, OptionError
from likewise.space.content import first_not_finite
from likewise.space.formats.opening import FASTTEXT
from likewise.space.formats.rows import rows_at_once
from likewise.space.formats.text import not_decoded
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import LONGEST, ngram_buckets, subwords

MAGIC = int.from_bytes(FASTTEXT, "little")
VERSIONS = (11, 12)
MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
TOKENIZER = {"tokenizer": "whitespace", "lowercase": False, "digits": "keep"}  # how fastText's program cuts text

_HEADER = struct.Struct("<2i12id3i2q")
_ENTRY = struct.Struct("<qb")
_MATRIX = struct.Struct("<b2q")
_OPTIONS = (
    *("dim", "window", "epochs", "min_count", "negative", "word_ngrams", "loss", "model"),
    *("buckets", "min_n", "max_n", "rate_updates", "sample"),
)
_COUNTS = ("entries", "words", "labels", "tokens", "pruned")
_CODES = {"cbow": 1, "skipgram": 2, "hs": 1, "ns": 2}  # of what is written: a table of words has no labels
_USUAL: dict[str, Any] = {
    "window": 5,
    "epochs": 5,
    "min_count": 1,
    "negative": 5,
    "loss": "ns",
    "model": "skipgram",
    "sample": 1e-4,
}


@final
class FastTextFile:
    """One of fastText's files; only its first bytes are read before `table` is asked for.

    FormatError where it is quantised, cut off, or does not hold what it says.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> None:
        self.path, self._encoding, self._errors = path, encoding, errors
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
        if not start.startswith(FASTTEXT):
            raise FormatError(f"{path} is not a fastText file: those begin with the number {MAGIC}")
        if len(start) < _HEADER.size:
            raise self._cut_off("its first lines of numbers")
        _, self.version, *numbers = _HEADER.unpack(start)
        self._args: dict[str, Any] = dict(zip(_OPTIONS, numbers, strict=False))
        self._counts: dict[str, int] = dict(zip(_COUNTS, numbers[len(_OPTIONS) :], strict=True))
        self._check()

    @property
    def options(self) -> dict[str, Any]:
        """The options with which it was trained, by our names."""
        named = {"model": MODELS[self._args["model"]], "loss": LOSSES[self._args["loss"]]}
        left_out = ("word_ngrams", "rate_updates")
        return {name: value for name, value in (self._args | named).items() if name not in left_out}

    @property
    def about(self) -> dict[str, Any]:
        """Where the table comes from, for the record of a run."""
        labels = {"labels left out": self._counts["labels"]} if self._counts["labels"] else {}
        return {"file": self.path.name, "format": "fasttext", "version": self.version} | labels

    @cached_property
    def table(self) -> SubwordTable:
        """The words with their n-grams; what is large stays in the file and is mapped."""
        with self.path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        words, counts, at = self._words(data)
        rows, at = self._matrix(data, at, "input")
        output, _ = self._matrix(data, at, "output")
        n, (min_n, max_n, buckets) = len(words), self._ngrams()
        if len(rows) < n + buckets:
            raise self._forged(f"{n:,} words and {buckets:,} buckets, but {len(rows):,} rows")
        keys = self._decoded(words)
        rows, used = self._in_use(rows[: n + buckets], keys, words)
        parts = subwords(words, min_n=min_n, max_n=max_n, buckets=max(buckets, 1), used=used)
        paired = self._args["model"] != 3 and self._args["loss"] == 2 and len(output) == n
        items = {"count": counts}
        return SubwordTable(keys, rows, parts, items=items, output=output if paired else None, tokenizer=TOKENIZER)

    def _check(self) -> None:
        """Refuse what cannot be, before anything is read or any memory taken by it."""
        args, counts = self._args, self._counts
        if self.version not in VERSIONS:
            raise FormatError(f"{self.path} is a fastText file of version {self.version}: 11 and 12 are read")
        if args["model"] not in MODELS or args["loss"] not in LOSSES:
            raise self._forged(f"model {args['model']} and loss {args['loss']}, which fastText does not have")
        words, labels = counts["words"], counts["labels"]
        if not 0 <= args["sample"] < float("inf"):
            raise self._forged(f"a threshold for frequent words of {args['sample']}")
        if not (args["dim"] >= 1 and args["buckets"] >= 0 and words >= 0 <= labels):
            raise self._forged(f"{args['dim']} dims, {args['buckets']} buckets, {words} words and {labels} labels")
        room = (self.path.stat().st_size - _HEADER.size) // (_ENTRY.size + 1)
        if counts["entries"] != words + labels or words + labels > room:
            raise self._forged(f"{words:,} words and {labels:,} labels, in a file with room for {room:,}")
        if words == 0:
            raise FormatError(f"{self.path} holds no words: there is nothing to open")
        if self._ngrams()[1] > LONGEST:
            raise FormatError(f"{self.path} has n-grams of {args['max_n']} characters: up to {LONGEST} are read")

    def _ngrams(self) -> tuple[int, int, int]:
        """Return lengths of n-grams and the number of buckets; 0, 0, 0 where words are not made of n-grams."""
        args = self._args
        old = self.version == 11 and args["model"] == 3  # classifiers of that time had none, whatever their file says
        if old or args["max_n"] < max(args["min_n"], 1):
            return 0, 0, 0
        if args["buckets"] == 0:
            raise self._forged(f"n-grams of up to {args['max_n']} characters, but no buckets for them")
        return max(args["min_n"], 0), args["max_n"], args["buckets"]

    def _words(self, data: mmap.mmap) -> tuple[list[bytes], Int64[Array, " n"], int]:
        """Return the words, their counts, and the byte after the last entry."""
        total, wanted = self._counts["entries"], self._counts["words"]
        entries: list[bytes] = []
        numbers: list[tuple[int, int]] = []
        at = _HEADER.size
        for _ in range(total):
            end = data.find(b"\0", at)
            if end < 0 or end + 1 + _ENTRY.size > len(data):
                raise self._cut_off(f"entry {len(entries) + 1:,} of its {total:,}")
            entries.append(data[at:end])
            numbers.append(_ENTRY.unpack_from(data, end + 1))
            at = end + 1 + _ENTRY.size
        counts, kinds = np.array(numbers, np.int64).reshape(-1, 2).T
        if kinds[:wanted].any() or (kinds[wanted:] != 1).any() or (counts < 0).any():
            raise self._forged("entries that are neither words with their counts nor, after them, labels")
        if self._counts["pruned"] > 0:
            raise self._quantised()
        return entries[:wanted], counts[:wanted].copy(), at

    def _matrix(self, data: mmap.mmap, at: int, name: str) -> tuple[Float32[Array, "r d"], int]:
        """Return a matrix as it lies in the file, and the byte after it."""
        start = at + _MATRIX.size
        if start > len(data):
            raise self._cut_off(f"its {name} matrix")
        quantised, rows, dim = _MATRIX.unpack_from(data, at)
        if quantised and name == "input":
            raise self._quantised()
        if dim != self._args["dim"] or rows < 0:
            raise self._forged(f"{self._args['dim']} dims, but an {name} matrix of {rows:,} × {dim:,}")
        size = 4 * rows * dim
        if size > len(data) - start:
            raise self._cut_off(f"its {name} matrix of {rows:,} × {dim:,} numbers")
        return np.frombuffer(data, "<f4", rows * dim, start).reshape(rows, dim), start + size

    def _in_use(
        self, rows: Float32[Array, "r d"], keys: list[str], words: list[bytes]
    ) -> tuple[Float32[Array, "s d"], Int64[Array, " b"]]:
        """Return the rows without those of empty buckets, and the buckets that are left.

        fastText's program begins with random numbers in every bucket, so its own files have none that is empty. Where
        few are, they stay, so that no copy has to be made.
        """
        bad = first_not_finite(rows)
        n, step = len(words), rows_at_once(rows.shape[1])
        if bad is not None:
            what = f"of {keys[bad]!r}" if bad < n else f"of bucket {bad - n:,}"
            raise FormatError(f"{self.path}: the row {what} holds NaN or infinity: train it again at a lower rate")
        shared = rows[n:]
        full = [shared[low : low + step].any(axis=1) for low in range(0, len(shared), step)]
        filled = np.concatenate([np.zeros(0, bool), *full])
        if 2 * int(filled.sum()) > len(filled) or not len(filled):
            return rows, np.arange(len(filled))
        min_n, max_n, buckets = self._ngrams()
        filled[ngram_buckets(words, min_n=min_n, max_n=max_n, buckets=buckets)[0]] = True
        used = np.flatnonzero(filled)
        return np.concatenate([rows[:n], shared[used]]), used

    def _decoded(self, words: list[bytes]) -> list[str]:
        keys = []
        for row, word in enumerate(words):
            try:
                keys.append(word.decode(self._encoding, self._errors))
            except UnicodeDecodeError as error:
                raise not_decoded(f"{self.path}, word {row + 1:,}", word, self._encoding) from error
        return keys

    def _cut_off(self, where: str) -> FormatError:
        return FormatError(f"{self.path} ends inside of {where}: the file is cut off, fetch it again")

    def _forged(self, what: str) -> FormatError:
        return FormatError(f"{self.path} says that it holds {what}: it is damaged, or not a fastText file")

    def _quantised(self) -> FormatError:
        return FormatError(
            f"{self.path} is quantised (.ftz), which keeps no exact vectors: open the .bin from which it was made"
        )


def size_of_file(table: SubwordTable) -> int:
    """Return about how many bytes `write_fasttext` will write: every bucket has a row, used or not."""
    n, buckets = table.parts.words, _buckets(table)
    return 4 * table.dim * (2 * n + buckets) + sum(len(key.encode()) + 10 for key in table.space.keys) + _HEADER.size


def fasttext_blocks(table: SubwordTable, options: Mapping[str, Any] | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file of version 12 that fastText's program and gensim open, about 16 MB at a time.

    `options` are those of the recipe, for the record. Buckets without a row are zeros; so is the other side of
    training where it was not kept. OptionError for a word with a NUL, which ends a word there.
    """
    parts, n, step = table.parts, table.parts.words, rows_at_once(table.dim)
    output = table.output
    yield _opening(table, _recorded(options or {}))
    yield _MATRIX.pack(0, n + _buckets(table), table.dim)
    for low in range(0, n, step):
        yield _numbers(table.rows[low : min(low + step, n)])
    for low in range(0, _buckets(table), step):
        high = min(low + step, parts.buckets)
        first, last = np.searchsorted(parts.used, [low, high])
        block = np.zeros((high - low, table.dim), np.float32)
        block[parts.used[first:last] - low] = table.rows[n + first : n + last]
        yield _numbers(block)
    yield _MATRIX.pack(0, n, table.dim)
    for low in range(0, n, step):
        some = slice(low, min(low + step, n))
        yield _numbers(np.zeros((some.stop - low, table.dim)) if output is None else output[some])


def _opening(table: SubwordTable, options: Mapping[str, Any]) -> bytes:
    """Return all that comes before the matrices."""
    parts, keys = table.parts, table.space.keys
    counts = np.asarray(table.space.items.get("count", np.ones(len(keys))), np.int64)
    letters = {"buckets": _buckets(table), "min_n": parts.min_n, "max_n": parts.max_n, "dim": table.dim}
    given = {**options, **letters, "word_ngrams": 1, "rate_updates": 100}
    given |= {name: _CODES[options[name]] for name in ("model", "loss")}
    numbers = [given[name] for name in _OPTIONS]
    head = _HEADER.pack(MAGIC, VERSIONS[-1], *numbers, len(keys), len(keys), 0, int(counts.sum()), -1)
    entries = [key.encode() + b"\0" + _ENTRY.pack(count, 0) for key, count in zip(keys, counts.tolist(), strict=True)]
    bad = next((key for key in keys if "\0" in key), None)
    if bad is not None:
        raise OptionError(f"the word {bad!r} holds a NUL, which ends a word in fastText's files: rename it first")
    return head + b"".join(entries)


def _recorded(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the file has a place for, the usual ones where there are none."""
    kept = {name: options[name] for name, usual in _USUAL.items() if type(options.get(name)) is type(usual)}
    return _USUAL | {name: value for name, value in kept.items() if not isinstance(value, str) or value in _CODES}


def _buckets(table: SubwordTable) -> int:
    return table.parts.buckets if table.parts.max_n else 0


def _numbers(rows: Array) -> bytes:
    return np.ascontiguousarray(rows, "<f4").tobytes()
