"""A BERT in the form of Hugging Face: its folder in, an encoder of texts out, without transformers.

MiniLM, E5, BGE and many others are of this form. How texts are cut is read from tokenizer.json, how tokens become a
vector from what sentence-transformers writes beside.
"""

from __future__ import annotations

from typing import Any, Final

from likewise.encoders.bert import Bert, from_huggingface
from likewise.encoders.checkpoint_folder import CheckpointFolder
from likewise.encoders.texts import Reading, TextEncoder, tokenizer_of
from likewise.errors import DataError, OptionError, ShapeError

_WEIGHTS: Final = "model.safetensors"
_MODES: Final = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "class",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
    "mean": "mean",  # as one name under pooling_mode, since sentence-transformers 6
    "cls": "class",
    "max": "max",
    "lasttoken": "last",
}
_POOLS: Final = ("mean", "class", "max", "last")
_USUAL: Final = {"hidden_act": "gelu", "position_embedding_type": "absolute", "add_cross_attention": False}


def is_bert(folder: CheckpointFolder) -> bool:
    """Whether the network is one that `likewise.encoders.bert` runs, and all of it lies there in one file each."""
    config = folder.json("config.json")
    usual = all(config.get(name, value) == value for name, value in _USUAL.items())
    return config.get("model_type") == "bert" and usual and folder.has(_WEIGHTS) and folder.has("tokenizer.json")


def read_bert(folder: CheckpointFolder, pool: str | None, *, precision: str, device: str) -> TextEncoder:
    """Return the encoder; DataError where a weight is missing or a file is damaged."""
    from safetensors.torch import load_file

    config = folder.json("config.json")
    reading = reading_of(folder, pool, config.get("max_position_embeddings"))
    try:
        network = Bert(
            tokens=config["vocab_size"], dim=config["hidden_size"], depth=config["num_hidden_layers"],
            heads=config["num_attention_heads"], wide=config["intermediate_size"],
            places=config["max_position_embeddings"], kinds=config.get("type_vocab_size", 2),
            smallest=config.get("layer_norm_eps", 1e-12), dropout=config.get("hidden_dropout_prob", 0.1),
            pool=reading.pool, causal=bool(config.get("is_decoder", False)),
        )  # fmt: skip
        weights = load_file(folder.path / _WEIGHTS)
        network.load_state_dict(from_huggingface(weights, network.state_dict()))
    except ShapeError as error:
        raise DataError(f"{folder.name} is not whole, {error}: fetch it again") from error
    except Exception as error:  # of safetensors, of torch: a damaged file, numbers that do not fit one another
        why = " ".join(str(error).split())[:300]
        raise DataError(f"{folder.name} cannot be loaded ({type(error).__name__}): {why}") from error
    tokenizer = tokenizer_of(folder.json("tokenizer.json"))
    return TextEncoder(network.float(), tokenizer, reading, precision=precision, device=device)


def reading_of(folder: CheckpointFolder, pool: str | None, places: int | None) -> Reading:
    """Return how texts become vectors: `pool` if it is given, else what is told there, else the mean."""
    if pool is not None and pool not in _POOLS:
        raise OptionError(f"pool is {pool!r}: of texts it is one of {', '.join(_POOLS)} in a checkpoint")
    told, normalised = _layers(folder)
    sentence = folder.json("sentence_bert_config.json")
    limits = [sentence.get("max_seq_length"), places, folder.json("tokenizer_config.json").get("model_max_length")]
    most = min((int(limit) for limit in limits if limit), default=512)
    prompts, prompt = _prompts(folder)
    lowercase = bool(sentence.get("do_lower_case", False))
    return Reading(pool or told or "mean", normalised, most, lowercase, prompts, prompt)


def _prompts(folder: CheckpointFolder) -> tuple[dict[str, str], str | None]:
    """Return what goes before texts, by what they are for, and the name of the usual one."""
    told = folder.json("config_sentence_transformers.json")
    kept = told.get("prompts") or {}
    if not isinstance(kept, dict):
        raise DataError(f"{folder.name}: prompts in config_sentence_transformers.json are no texts by name")
    prompts = {str(name): text for name, text in kept.items() if text}
    wrong = next((name for name, text in prompts.items() if not isinstance(text, str)), None)
    if wrong is not None:
        raise DataError(f"{folder.name}: prompt {wrong!r} in config_sentence_transformers.json is no text")
    usual = told.get("default_prompt_name")
    return prompts, usual if usual in prompts else None


def _layers(folder: CheckpointFolder) -> tuple[str | None, bool]:
    """Return how sentence-transformers pools and whether it normalises, by modules.json; DataError for other layers."""
    told: list[dict[str, Any]] = folder.json("modules.json").get("", [])
    pool, normalised = None, False
    for layer in told:
        kind = str(layer.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Pooling":
            pool = _pool(folder, str(layer.get("path", "")))
        elif kind == "Normalize":
            normalised = True
        elif kind != "Transformer":
            raise DataError(f"{folder.name} has a layer of kind {kind} behind the network, which cannot be read")
    return pool, normalised


def _pool(folder: CheckpointFolder, path: str) -> str:
    if ".." in path.split("/") or path.startswith("/"):
        raise DataError(f"{folder.name} names a file outside of its own folder: {path!r}")
    told = folder.json(f"{path}/config.json")
    chosen = [name for name, value in told.items() if name.startswith("pooling_mode") and value is True]
    if "pooling_mode" in told:
        named = told["pooling_mode"]
        chosen = [named] if isinstance(named, str) else [str(name) for name in named]
    if len(chosen) != 1 or chosen[0] not in _MODES:
        raise DataError(
            f"{folder.name} pools by {', '.join(chosen) or 'nothing'}: mean, cls, max or lasttoken can be read"
        )
    return _MODES[chosen[0]]
