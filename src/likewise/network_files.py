"""The encoder of a run that is a network: its weights and a description in, files out, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from likewise.errors import DataError, IntegrityError, OptionError, RunError
from likewise.run import ENCODER, RunFolder, RunWriter

if TYPE_CHECKING:
    from likewise.contracts import Encoder, State
    from likewise.space import Space

WEIGHTS = "encoder/weights.safetensors"
_E = TypeVar("_E", bound="Encoder")


def write_network(writer: RunWriter, state: State, fingerprint: str) -> None:
    """Write weights, and what they are of."""
    from safetensors.numpy import save

    arrays, about = state
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with writer.open(WEIGHTS) as file:
        file.write(save(whole))  # by its own hand a full disk would be an error of another kind
    writer.write_json(ENCODER, about | {"weights": {"file": WEIGHTS}, "fingerprint": fingerprint})


def read_network(
    folder: RunFolder, space: Space, about: Mapping[str, Any], make: Callable[[State], _E], **more: Any
) -> _E:
    """Return what `make` makes of the weights, the description and `more`, which stands in files of its own.

    Raises IntegrityError if they are not those that the fingerprint names, RunError for another version's.
    """
    from safetensors.numpy import load_file

    try:
        encoder = make((load_file(folder.file(WEIGHTS)), {**about, **more}))
    except OptionError as error:  # an architecture or an option that is not there
        raise RunError(
            f"{folder.path / ENCODER} is of another version of likewise, {error}: use that version"
        ) from error
    except (DataError, KeyError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).split("\n")[0]
        raise IntegrityError(f"{folder.path / ENCODER} does not describe the weights beside it: {why}") from error
    if encoder.fingerprint != about.get("fingerprint") or encoder.fingerprint != space.fingerprint:
        raise IntegrityError(f"{folder.path / WEIGHTS} belongs to another run: its fingerprint is not the space's")
    return encoder
