"""Runs of words: an encoder of words in, its files out, and back. What the space holds already is pointed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from likewise.errors import IntegrityError
from likewise.run import ENCODER, ITEMS, VECTORS, RunFolder, RunWriter
from likewise.space import Space
from likewise.space.tensors import read_matrix, write_matrix
from likewise.words.pooling import A, Poolings
from likewise.words.subword_table import SubwordTable
from likewise.words.subwords import read_used, subwords
from likewise.words.table import WordTable

TOKENIZER, OUTPUT = "encoder/tokenizer.json", "encoder/output.safetensors"
ROWS, BUCKETS, COMPONENT = "encoder/rows.safetensors", "encoder/buckets.npy", "encoder/component.safetensors"


def write_word_encoder(writer: RunWriter, encoder: WordTable | SubwordTable) -> str:
    """Write tables, tokenizer and poolings; return the kind."""
    arrays, about = encoder.state()
    writer.write_json(TOKENIZER, about.pop("tokenizer"))
    about |= {"words": {"file": ITEMS, "column": "key"}, "vectors": {"file": VECTORS, "tensor": "vectors"}}
    for name, place in (("rows", ROWS), ("output", OUTPUT), ("component", COMPONENT)):
        if name in arrays:
            with writer.open(place) as file:
                write_matrix(file, name, encoder.dim, [np.atleast_2d(arrays[name])])
            about[name] = {"file": place, "tensor": name}
    if "used" in arrays:
        with writer.open(BUCKETS) as file:
            np.save(file, arrays["used"], allow_pickle=False)
    texts = {name: encoder.fingerprint_of(f"text:{name}") for name in encoder.poolings.names}
    writer.write_json(ENCODER, about | {"fingerprint": encoder.fingerprint, "texts": texts})
    return encoder.kind


def read_word_table(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> WordTable:
    """Read an encoder of words; IntegrityError if it is another run's."""
    if about.get("fingerprint") != space.fingerprint:
        raise IntegrityError(f"{folder.path / ENCODER} belongs to another run: its fingerprint is not the space's")
    output = read_matrix(folder.file(OUTPUT), "output") if OUTPUT in folder.files else None
    facts = {"tokenizer": folder.json(TOKENIZER), "poolings": _read_poolings(folder, space, about)}
    table = WordTable(space, output=output, fingerprint=space.fingerprint, **facts)
    _check_texts(folder, table, about)
    return table


def read_subword_table(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> SubwordTable:
    """Read an encoder of words and their letters; IntegrityError if it is another run's."""
    options: dict[str, Any] = {name: about.get(name) for name in ("min_n", "max_n", "buckets")}
    if not all(type(value) is int for value in options.values()):
        raise IntegrityError(f"{folder.path / ENCODER} lacks whole numbers for {', '.join(options)}: {options}")
    table = SubwordTable(
        space.keys,
        read_matrix(folder.file(ROWS), "rows"),
        subwords(space.keys, **options, used=read_used(folder.file(BUCKETS)) if BUCKETS in folder.files else None),
        items=space.items,
        output=read_matrix(folder.file(OUTPUT), "output") if OUTPUT in folder.files else None,
        tokenizer=folder.json(TOKENIZER),
        poolings=_read_poolings(folder, space, about),
    )
    if table.fingerprint != space.fingerprint:
        raise IntegrityError(f"{folder.path / ROWS} belongs to another run: its fingerprint is not the space's")
    _check_texts(folder, table, about)
    return table


def _check_texts(folder: RunFolder, encoder: WordTable | SubwordTable, about: Mapping[str, Any]) -> None:
    texts = {name: encoder.fingerprint_of(f"text:{name}") for name in encoder.poolings.names}
    if about.get("texts", texts) != texts:
        raise IntegrityError(f"{folder.path / ENCODER} belongs to another run: its texts were pooled in other ways")


def _read_poolings(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Poolings:
    """Read what texts are pooled by; a run from before there was SIF has counts only."""
    component = read_matrix(folder.file(COMPONENT), "component").ravel() if COMPONENT in folder.files else None
    pooling = about.get("pooling", {"a": A})
    if not isinstance(pooling, dict) or type(pooling.get("a")) not in (int, float):
        raise IntegrityError(f"{folder.path / ENCODER} lacks the number a by which words are weighed: {pooling}")
    return Poolings(space.items, space.dim, component=component, a=pooling["a"])
