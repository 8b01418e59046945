"""Pretrained encoders: a folder of a Hugging Face checkpoint, or its name on the hub, in; an encoder of ours out.

Only safetensors are read, and only networks that are part of transformers: no code that lies beside weights is run. A
download happens if somebody gives a name on the hub, and not otherwise. torchvision is not needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from likewise.encoders.bert_folder import is_bert, read_bert, reading_of
from likewise.encoders.borrowed import Borrowed, BorrowedTexts, as_plain, quietly, usual_pool
from likewise.encoders.checkpoint_folder import CheckpointFolder, folder_of
from likewise.encoders.pictures import PictureEncoder, Seeing
from likewise.encoders.texts import TextEncoder
from likewise.errors import DataError, MissingExtra, OptionError

KINDS: Final = ("image", "text")


def load(
    name: str | os.PathLike[str],
    *,
    kind: str | None = None,
    pool: str | None = None,
    revision: str | None = None,
    precision: str = "fp32",
    device: str = "cpu",
) -> PictureEncoder | TextEncoder:
    """Load a checkpoint of pictures or of texts, from a folder or from the hub.

    `kind` is `image` or `text`; without it the folder tells (a CLIP gives its pictures). `pool` says what a vector is:
    of pictures `class`, `mean` (of the patches), `pooler` or `projected`, else what is usual for the network; of texts
    `mean`, `class`, `max` or `last`, else what the folder says (as sentence-transformers write it), else the mean.
    Weights are kept in float32; `precision` says in what texts are encoded: fp32, bf16, or auto, the quicker by a try.

    Raises DataError for a folder that cannot be read, keeps its weights as pickle or needs code of its own; OptionError
    for a network that transformers does not have; MissingExtra without transformers, which a BERT does not need.
    """
    if kind not in (None, *KINDS):
        raise OptionError(f"kind is {kind!r}: it is image or text, or left out")
    folder = folder_of(name, revision=revision)
    if kind != "image" and is_bert(folder):
        return read_bert(folder, pool, precision=precision, device=device)
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtra("transformers", "pretrained", f"loading {name}") from None
    config = _config(folder)
    kind = kind or _kind(folder, config)
    if kind == "image":
        return _pictures(folder, config, pool, device)
    return _texts(folder, config, pool, precision, device)


def _config(folder: CheckpointFolder) -> Any:
    from transformers import AutoConfig

    try:
        with quietly():
            return AutoConfig.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise OptionError(f"{folder.name} is of a network that transformers does not have here: {why}") from error


def _kind(folder: CheckpointFolder, config: Any) -> str:
    sees = hasattr(config, "image_size") or hasattr(config, "num_channels") or hasattr(config, "vision_config")
    reads = folder.has("tokenizer.json") or folder.has("vocab.txt") or folder.has("tokenizer_config.json")
    if sees or folder.has("preprocessor_config.json"):
        return "image"
    if reads:
        return "text"
    raise DataError(f"{folder.name} says neither how pictures nor how texts are read: give kind")


def _model(folder: CheckpointFolder, config: Any) -> tuple[nn.Module, bool]:
    """Return the network with its weights, and whether those of a pooler are there, which few checkpoints have.

    Raises DataError if others are missing: they would be drawn at random.
    """
    from transformers import AutoModel

    try:
        with quietly():
            model, told = AutoModel.from_pretrained(
                folder.path,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as error:
        why = " ".join(str(error).split())[:300]
        raise DataError(f"{folder.name} cannot be loaded ({type(error).__name__}): {why}") from error
    wrong = sorted(key for key in told["missing_keys"] if not key.startswith("pooler."))
    wrong += sorted(str(key[0] if isinstance(key, tuple) else key) for key in told.get("mismatched_keys", ()))
    if wrong:
        raise DataError(f"{folder.name} lacks {len(wrong)} of the network's weights, {wrong[0]} first: fetch it again")
    return model.float().eval(), not any(key.startswith("pooler.") for key in told["missing_keys"])


# --- pictures ---


def _pictures(folder: CheckpointFolder, config: Any, pool: str | None, device: str) -> PictureEncoder:
    chosen = pool or usual_pool(config)
    model, with_pooler = _model(folder, config)
    if chosen == "pooler" and not with_pooler:
        raise OptionError(f"{folder.name} has no weights of a pooler: take pool class or mean")
    try:
        network = Borrowed.around(model, as_plain(config), chosen)
    except (AttributeError, IndexError, TypeError) as error:
        raise OptionError(f"pool {chosen} does not fit {folder.name}, a {config.model_type}: {error}") from error
    return PictureEncoder(network, _seeing(folder, network), device=device)


def _seeing(folder: CheckpointFolder, network: Borrowed) -> Seeing:
    """Return how pictures are made ready, by preprocessor_config.json; DataError if that is not told."""
    told = folder.json("preprocessor_config.json")
    if not told:
        raise DataError(f"{folder.name} does not say how pictures are made ready: preprocessor_config.json is missing")
    scale = float(told.get("rescale_factor", 1 / 255)) * 255 if told.get("do_rescale", True) else 255.0
    normalises = told.get("do_normalize", True)
    mean = told["image_mean"] if normalises else [0.0] * 3
    deviation = told["image_std"] if normalises else [1.0] * 3
    channels = network.config["config"].get("num_channels", 3)
    covered = _height_and_width(told.get("size"), network.size)
    seen = _height_and_width(told.get("crop_size"), covered) if told.get("do_center_crop") else covered
    if seen[0] > covered[0] or seen[1] > covered[1]:
        covered = seen
    return Seeing(
        seen,
        tuple(float(m) / scale for m in mean[:channels]),
        tuple(float(d) / scale for d in deviation[:channels]),
        covered=None if covered == seen else covered,
    )


def _height_and_width(size: Any, other: tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, Mapping):
        if "height" in size:
            return int(size["height"]), int(size["width"])
        size = size.get("shortest_edge")
    return (int(size), int(size)) if size else other


# --- texts ---


def _texts(folder: CheckpointFolder, config: Any, pool: str | None, precision: str, device: str) -> TextEncoder:
    from transformers import AutoTokenizer

    try:
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=False, use_fast=True
            )
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{folder.name} does not say how texts are cut into tokens: {why}") from error
    reading = reading_of(folder, pool, getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length)
    network = BorrowedTexts.around(_model(folder, config)[0], as_plain(config), reading.pool)
    return TextEncoder(network, tokenizer.backend_tokenizer, reading, precision=precision, device=device)
