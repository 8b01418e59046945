"""Counts on disk: counts and what they were made of in, a folder of two plain files out, and back.

    RUN.counts/
      counts.safetensors   `entries` (U64: row in its tile, 16 bits; column, 16 bits; count, float32), all
                           tiles of row block 0 first; `ends` (I64: where each tile begins, block by block);
                           `blocks` (I64: the first word of each block, and the number of words)
      counts.json          format, window, weighting, symmetric, digests of text, vocabulary and counts.safetensors

The safetensors file is written before counts.json, which is written last: a folder without it is unfinished.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from likewise.errors import DataError
from likewise.files import atomic, digest_of_file, digest_of_json
from likewise.space.tensors import map_arrays, write_arrays
from likewise.words.cooccurrence import Counts, room_for_counts

if TYPE_CHECKING:
    from likewise.words.corpus import Reading

FORMAT = 1
ARRAYS, ABOUT = "counts.safetensors", "counts.json"


def description(reading: Reading, *, window: int, weighting: str, symmetric: bool) -> dict[str, Any]:
    """Return what counts depend on, as JSON."""
    vocabulary = reading.vocabulary
    words = digest_of_json([list(vocabulary.words), vocabulary.counts.tolist()])
    about = {"window": window, "weighting": weighting, "symmetric": symmetric}
    return {"format": FORMAT, **about, "vocabulary": words, "text": reading.digest}


def write_counts(folder: Path, counts: Counts, about: dict[str, Any]) -> None:
    """Write counts into `folder`, which is made; DataError where there is no room."""
    with room_for_counts(folder):
        folder.mkdir(exist_ok=True)
        (folder / ABOUT).unlink(missing_ok=True)
        for unfinished in folder.glob(".*.tmp"):  # of a process that was killed while it wrote
            unfinished.unlink(missing_ok=True)
        with atomic(folder / ARRAYS) as file:
            write_arrays(file, {"entries": counts.rows, "ends": [counts.ends], "blocks": [counts.blocks]})
        with atomic(folder / ABOUT) as file:
            file.write(json.dumps(about | {"sha256": digest_of_file(folder / ARRAYS)}, indent=2).encode() + b"\n")


def read_counts(folder: Path, about: dict[str, Any]) -> Counts | None:
    """Return the counts in `folder`, mapped; None if there are none. DataError if they are of something else."""
    try:
        kept = json.loads((folder / ABOUT).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / ABOUT} cannot be read: delete {folder}, or learn without keep_counts") from error
    if not isinstance(kept, dict):
        raise DataError(f"{folder / ABOUT} is not a JSON object: delete {folder}, or learn without keep_counts")
    other = [name for name, value in about.items() if kept.get(name) != value]
    if other:
        told = ", ".join(_difference(name, kept.get(name), about[name]) for name in other)
        raise DataError(f"the counts in {folder} do not fit: {told}; delete them, or give another --out")
    path = folder / ARRAYS
    if not path.is_file() or digest_of_file(path) != kept.get("sha256"):
        raise DataError(f"{path} is missing or was changed since it was written: delete {folder}")
    arrays = map_arrays(path)
    ends, blocks = np.array(arrays["ends"]), np.array(arrays["blocks"])
    rows = np.split(arrays["entries"], np.cumsum(ends[:, -1])[:-1])
    return Counts(blocks, rows, ends, about["window"], about["weighting"], about["symmetric"], spilled=True)


def _difference(name: str, kept: object, wanted: object) -> str:
    if name in ("text", "vocabulary"):
        return f"they are of another {name}"
    return f"{name} is {kept!r} there and {wanted!r} here"
