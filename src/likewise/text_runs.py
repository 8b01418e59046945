"""Runs of texts: an encoder in, its files out, and back; and the evidence of what its vectors are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.errors import DataError, IntegrityError, MissingExtra, OptionError, RunError
from likewise.run import ENCODER, RunFolder, RunWriter
from likewise.sources.gold import Files

if TYPE_CHECKING:
    from likewise.contracts import Encoder
    from likewise.evaluate.report import Report
    from likewise.space import Space

KIND = "text-network"
WEIGHTS = "encoder/weights.safetensors"
TOKENIZER = "encoder/tokenizer.json"


def write_text_encoder(writer: RunWriter, encoder: Encoder) -> str:
    """Write weights, architecture and tokeniser, the last in the form of the tokenizers library; return the kind."""
    from safetensors.numpy import save

    arrays, about = encoder.state()
    with writer.open(WEIGHTS) as file:
        file.write(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
    with writer.open(TOKENIZER) as file:
        file.write(json.dumps(about.pop("tokenizer"), ensure_ascii=False).encode())
    writer.write_json(ENCODER, about | {"weights": {"file": WEIGHTS}, "fingerprint": encoder.fingerprint})
    return KIND


def read_text_encoder(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Encoder:
    """Read an encoder of texts; IntegrityError if its files are not those that the fingerprint names."""
    from safetensors.numpy import load_file

    try:
        from likewise.encoders.texts import TextEncoder
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "text", f"encoding texts with {folder.path}") from None
    arrays, tokenizer = load_file(folder.file(WEIGHTS)), folder.json(TOKENIZER)
    try:
        encoder = TextEncoder.from_state((arrays, {**about, "tokenizer": tokenizer}))
    except OptionError as error:  # an architecture or an option that is not there
        raise RunError(
            f"{folder.path / ENCODER} is of another version of likewise, {error}: use that version"
        ) from error
    except (DataError, KeyError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).split("\n")[0]
        raise IntegrityError(f"{folder.path / ENCODER} does not describe the files beside it: {why}") from error
    if encoder.fingerprint != about.get("fingerprint") or encoder.fingerprint != space.fingerprint:
        raise IntegrityError(f"{folder.path / WEIGHTS} belongs to another run: its fingerprint is not the space's")
    return encoder


def report_on_texts(
    space: Space,
    *,
    history: Sequence[Mapping[str, Any]],
    beside: Mapping[str, Any] | None,
    pairs: Files = (),
    labels: Files = (),
    second: Space | None = None,
    title: str,
    facts: Mapping[str, Any],
    session: Any,
) -> Report:
    """Measure vectors of texts; `beside` has what encodes and what a run does not keep: the untrained network, guesses.

    `pairs` are files of scored pairs of texts (columns sentence1, sentence2, score), `labels` of texts with labels
    (text, label): CSV, JSONL or Parquet. `second` is the space of another seed on the same keys.
    """
    from likewise.evaluate.text_report import Written, text_report
    from likewise.sources.gold import several
    from likewise.sources.gold_texts import read_text_labels, read_text_pairs

    part = space.items.get("part")
    subject = Written(
        list(space.keys),
        [str(text) for text in space.items["text"]],
        space.vectors,
        np.zeros(len(space), bool) if part is None else np.asarray(part) == "held out",
        history=history,
        second=None if second is None else second[list(space.keys)],
        scored={Path(path).stem: read_text_pairs(path) for path in several(pairs)},
        labelled={Path(path).stem: read_text_labels(path) for path in several(labels)},
        **dict(beside or {}),
    )
    return text_report(subject, title=title, facts=facts, session=session)
