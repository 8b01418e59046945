"""Runs of pictures: an encoder in, its files out, and back; and the evidence of what its vectors are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.errors import MissingExtra
from likewise.network_files import read_network, write_network
from likewise.run import RunFolder, RunWriter

if TYPE_CHECKING:
    from likewise.contracts import Encoder
    from likewise.evaluate.report import Report
    from likewise.space import Space

KIND = "picture-network"


def write_picture_encoder(writer: RunWriter, encoder: Encoder) -> str:
    """Write weights, architecture and preprocessing; return the kind."""
    write_network(writer, encoder.state(), encoder.fingerprint)
    return KIND


def read_picture_encoder(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Encoder:
    """Read an encoder of pictures, as `read_network` does."""
    try:
        from likewise.encoders.pictures import PictureEncoder
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "vision", f"encoding pictures with {folder.path}") from None
    return read_network(folder, space, about, PictureEncoder.from_state)


def report_on_pictures(
    space: Space,
    *,
    history: Sequence[Mapping[str, Any]],
    beside: Mapping[str, Any] | None,
    second: Space | None = None,
    title: str,
    facts: Mapping[str, Any],
    session: Any,
) -> Report:
    """Measure vectors of pictures; `beside` has what a run does not keep: pixels, untrained vectors, filters.

    `second` is the space of another seed on the same keys.
    """
    from likewise.evaluate.picture_report import picture_report
    from likewise.evaluate.picture_sections import Pictured

    part = space.items.get("part")
    held_out = np.zeros(len(space), bool) if part is None else np.asarray(part) == "held out"
    labels = space.items.get("label")
    subject = Pictured(
        list(space.keys),
        space.vectors,
        held_out,
        labels=None if labels is None else [str(label or "") for label in labels],
        history=history,
        second=None if second is None else second[list(space.keys)],
        **dict(beside or {}),
    )
    return picture_report(subject, title=title, facts=facts, session=session)
