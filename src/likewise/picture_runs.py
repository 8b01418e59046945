"""Runs of pictures: an encoder in, its files out, and back; and the evidence of what its vectors are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.errors import IntegrityError, MissingExtra, OptionError, RunError
from likewise.run import ENCODER, RunFolder, RunWriter

if TYPE_CHECKING:
    from likewise.contracts import Encoder
    from likewise.evaluate.report import Report
    from likewise.space import Space

KIND = "picture-network"
WEIGHTS = "encoder/weights.safetensors"


def write_picture_encoder(writer: RunWriter, encoder: Encoder) -> str:
    """Write weights, architecture and preprocessing; return the kind."""
    from safetensors.numpy import save

    arrays, about = encoder.state()
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with writer.open(WEIGHTS) as file:
        file.write(save(whole))  # by its own hand a full disk would be an error of another kind
    writer.write_json(ENCODER, about | {"weights": {"file": WEIGHTS}, "fingerprint": encoder.fingerprint})
    return KIND


def read_picture_encoder(folder: RunFolder, space: Space, about: Mapping[str, Any]) -> Encoder:
    """Read an encoder of pictures; IntegrityError if its weights are not those that the fingerprint names."""
    from safetensors.numpy import load_file

    try:
        from likewise.encoders.pictures import PictureEncoder
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "vision", f"encoding pictures with {folder.path}") from None
    arrays = load_file(folder.file(WEIGHTS))
    try:
        encoder = PictureEncoder.from_state((arrays, dict(about)))
    except OptionError as error:  # an architecture or an option that is not there
        raise RunError(
            f"{folder.path / ENCODER} is of another version of likewise, {error}: use that version"
        ) from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).split("\n")[0]
        raise IntegrityError(f"{folder.path / ENCODER} does not describe the weights beside it: {why}") from error
    if encoder.fingerprint != about.get("fingerprint") or encoder.fingerprint != space.fingerprint:
        raise IntegrityError(f"{folder.path / WEIGHTS} belongs to another run: its fingerprint is not the space's")
    return encoder


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
