"""Runs of texts: an encoder in, its files out, and back; and the evidence of what its vectors are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.errors import MissingExtra
from likewise.network_files import read_network, write_network
from likewise.run import RunFolder, RunWriter
from likewise.sources.gold import Files

if TYPE_CHECKING:
    from likewise.contracts import Encoder
    from likewise.evaluate.report import Report
    from likewise.space import Space

KIND = "text-network"
TOKENIZER = "encoder/tokenizer.json"


def write_text_encoder(writer: RunWriter, encoder: Encoder) -> str:
    """Write weights, architecture and tokeniser, the last in the form of the tokenizers library; return the kind."""
    arrays, about = encoder.state()
    with writer.open(TOKENIZER) as file:
        file.write(json.dumps(about.pop("tokenizer"), ensure_ascii=False).encode())
    write_network(writer, (arrays, about), encoder.fingerprint)
    return KIND


def read_text_encoder(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Encoder:
    """Read an encoder of texts, as `read_network` does."""
    try:
        from likewise.encoders.texts import TextEncoder
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "text", f"encoding texts with {folder.path}") from None
    return read_network(folder, space, about, TextEncoder.from_state, tokenizer=folder.json(TOKENIZER))


def report_on_texts(
    space: Space,
    *,
    history: Sequence[Mapping[str, Any]],
    beside: Mapping[str, Any] | None,
    pairs: Files = (),
    labels: Files = (),
    answers: Files = (),
    second: Space | None = None,
    title: str,
    facts: Mapping[str, Any],
    session: Any,
) -> Report:
    """Measure vectors of texts; `beside` has what encodes and what a run does not keep: the untrained network, guesses.

    `pairs` are files of scored pairs of texts (columns sentence1, sentence2, score), `labels` of texts with labels
    (text, label): CSV, JSONL or Parquet; `answers` are folders of documents and questions, in the layout of BEIR.
    `second` is the space of another seed on the same keys.
    """
    from likewise.evaluate.text_report import Written, text_report
    from likewise.sources.gold import several
    from likewise.sources.gold_texts import read_answers, read_text_labels, read_text_pairs

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
        searched={Path(path).name: read_answers(path) for path in several(answers)},
        **dict(beside or {}),
    )
    return text_report(subject, title=title, facts=facts, session=session)
