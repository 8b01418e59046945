"""Hugging Face checkpoints: a folder or a name on the hub in; a folder that is read without running anything out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from likewise.errors import DataError, MissingExtra

_NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WANTED: Final = ("*.json", "*.safetensors", "*.txt", "*.model", "*/config.json")
_PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder with a configuration and weights that can be read without running anything; `name` is as it was given.

    Raises DataError for what is no such folder, keeps its weights as pickle, or comes with code of its own.
    """

    path: Path
    name: str

    def __post_init__(self) -> None:
        """Refuse what could run code, and what is not whole."""
        if not (self.path / "config.json").is_file():
            raise DataError(f"{self.name} is no checkpoint: it has no config.json; give a folder of save_pretrained")
        for file in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
            if "auto_map" in self.json(file):
                raise DataError(
                    f"{self.name} comes with code of its own (auto_map in {file}), which is never run: take a "
                    "checkpoint whose network is part of transformers"
                )
        if not self._has_weights():
            pickled = sorted(path.name for kind in _PICKLED for path in self.path.glob(kind))
            if pickled:
                raise DataError(
                    f"{self.name} keeps its weights as {pickled[0]}, which can run code when it is opened: save it as "
                    "safetensors (save_pretrained does), or take a revision that has them"
                )
            raise DataError(f"{self.name} has no weights: model.safetensors is missing")

    def _has_weights(self) -> bool:
        return (self.path / "model.safetensors").is_file() or (self.path / "model.safetensors.index.json").is_file()

    def json(self, file: str) -> dict[str, Any]:
        """Return what a JSON file of the folder holds, nothing where there is none."""
        try:
            value = json.loads((self.path / file).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DataError(f"{self.name}: {file} cannot be read ({error}): fetch it again") from error
        return value if isinstance(value, dict) else {"": value}

    def has(self, file: str) -> bool:
        """Whether there is such a file."""
        return (self.path / file).is_file()


def folder_of(name: str | os.PathLike[str], *, revision: str | None = None) -> CheckpointFolder:
    """Return the folder of that name, or what the hub has under it, which is fetched unless it was before.

    Raises DataError where there is neither.
    """
    path = Path(name)
    if path.is_dir():
        return CheckpointFolder(path, str(name))
    if path.exists():
        raise DataError(f"{name} is a file: give the folder that it lies in")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("."):
        raise DataError(f"{name} does not exist: give a folder with a checkpoint, or a name on the hub (owner/name)")
    return CheckpointFolder(_fetched(name, revision), name)


def _fetched(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtra("transformers", "pretrained", f"fetching {name}") from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(_WANTED)))
    except Exception as error:  # of the network, of the hub, of the name: each has its own kind
        why = " ".join(str(error).split())[:200]
        raise DataError(
            f"there is no folder {name} here, and the hub did not give it ({type(error).__name__}: {why}): is that "
            "how it is spelled, and is there a network?"
        ) from error
