"""Folders that other programs read: an encoder of texts in; a folder of sentence-transformers or Hugging Face out.

The network goes out under the names of `BertModel`, the tokeniser as the tokenizers library writes it, and how a text
becomes a vector as sentence-transformers says it. `likewise.encoders.pretrained` reads both folders back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from likewise.errors import DataError, OptionError, RunError, RunExists
from likewise.files import sync_folder
from likewise.run import exchange

if TYPE_CHECKING:
    from likewise.encoders.bert import Bert
    from likewise.encoders.texts import TextEncoder

LAYOUTS: Final = ("sentence-transformers", "huggingface")
_MODES: Final = {
    "mean": "pooling_mode_mean_tokens",
    "class": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "last": "pooling_mode_lasttoken",
}
_ROLES: Final = {
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
}
_WEIGHTS: Final = "model.safetensors"
_OURS: Final = {
    "config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt",
    "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling", "2_Normalize",
}  # fmt: skip


def write_text_folder(
    encoder: TextEncoder, path: str | os.PathLike[str], *, to: str = "sentence-transformers", overwrite: bool = False
) -> Path:
    """Write an encoder of texts as a folder that `SentenceTransformer(path)` or `AutoModel.from_pretrained` loads.

    The folder takes its name when it is whole. That of Hugging Face does not say how tokens' vectors become that of a
    text. Neither has a pooler: what transformers shows as `pooler_output` is drawn at random.

    Raises OptionError for a network that is no BERT, DataError for a tokeniser without a token to fill up with,
    RunExists where the place is taken; `overwrite` replaces nothing but such a folder.
    """
    if to not in LAYOUTS:
        raise OptionError(f"to is {to!r}: a folder of texts is written for {' or '.join(LAYOUTS)}")
    network = _bert(encoder)
    files = _files(encoder, network)
    if to == "sentence-transformers":
        files |= _sentence_files(encoder)
    place = Path(path)
    with _whole_folder(place, overwrite=overwrite) as folder:
        _save_weights(network, folder / _WEIGHTS)
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(
                content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )
    return place


def _bert(encoder: TextEncoder) -> Bert:
    from likewise.encoders.bert import Bert

    if not isinstance(encoder.network, Bert):
        raise OptionError(
            f"a network of type {type(encoder.network).__name__} is run as transformers has it: only a BERT is "
            "written; copy the folder that it came from"
        )
    if encoder.reading.pool not in _MODES:
        raise OptionError(
            f"pool {encoder.reading.pool}: other programs know {', '.join(_MODES)}; learn with one of these to convert"
        )
    return encoder.network


# --- what is in the files ---


def _files(encoder: TextEncoder, network: Bert) -> dict[str, Any]:
    """Return what both folders hold beside the weights, by name: text, or what becomes JSON."""
    about = _tokenizer(encoder)
    special = _special(encoder, about)
    vocabulary = encoder.tokenizer.get_vocab()
    files: dict[str, Any] = {
        "config.json": _config(network, vocabulary[special["pad_token"]]),
        "tokenizer.json": about,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",  # BertTokenizer would make normaliser and cuts anew
            "model_max_length": encoder.reading.tokens,
            **special,
        },
        "special_tokens_map.json": special,
    }
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    if about["model"]["type"] == "WordPiece" and [vocabulary[word] for word in words] == list(range(len(words))):
        files["vocab.txt"] = "".join(f"{word}\n" for word in words)
    return files


def _config(network: Bert, pad: int) -> dict[str, Any]:
    ours = network.config
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": ours["tokens"],
        "hidden_size": ours["dim"],
        "num_hidden_layers": ours["depth"],
        "num_attention_heads": ours["heads"],
        "intermediate_size": ours["wide"],
        "max_position_embeddings": ours["places"],
        "type_vocab_size": ours["kinds"],
        "layer_norm_eps": ours["smallest"],
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": ours["causal"],
        "hidden_dropout_prob": ours["dropout"],
        "attention_probs_dropout_prob": ours["dropout"],
        "initializer_range": 0.02,
        "pad_token_id": pad,
    }


def _tokenizer(encoder: TextEncoder) -> dict[str, Any]:
    """Return the tokeniser's JSON; where texts are read in lower case, it makes them so, but for tokens kept whole."""
    about: dict[str, Any] = json.loads(encoder.tokenizer.to_str())
    if encoder.reading.lowercase:
        normalizer = about.get("normalizer")
        parts = normalizer["normalizers"] if normalizer and normalizer["type"] == "Sequence" else [normalizer]
        about["normalizer"] = {
            "type": "Sequence",
            "normalizers": [{"type": "Lowercase"}, *(part for part in parts if part)],
        }
    return about


def _special(encoder: TextEncoder, about: Mapping[str, Any]) -> dict[str, str]:
    """Return the tokens that are no text by the names of their roles; DataError where none can fill up.

    Others than those that the tokeniser keeps whole are not named: transformers would keep them whole from then on.
    """
    whole = [token["content"] for token in about.get("added_tokens", []) if token["special"]]
    found = {role: next((name for name in names if name in whole), None) for role, names in _ROLES.items()}
    fills = next((name for name in _ROLES["pad_token"] if encoder.tokenizer.token_to_id(name) is not None), None)
    found["pad_token"] = fills or next(iter(whole), None)
    if found["pad_token"] is None:
        raise DataError(
            "the tokeniser has no token to fill up with ([PAD], <pad>), which other programs need for texts of unlike "
            "length: take one that has"
        )
    return {role: name for role, name in found.items() if name is not None}


def _sentence_files(encoder: TextEncoder) -> dict[str, Any]:
    """Return what sentence-transformers reads, under the names that all its versions know."""
    reading = encoder.reading
    kinds = ["Transformer", "Pooling", *(["Normalize"] if reading.normalised else [])]
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{kind}" if number else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for number, kind in enumerate(kinds)
    ]
    pooling = {"word_embedding_dimension": encoder.dim} | {mode: pool == reading.pool for pool, mode in _MODES.items()}
    files: dict[str, Any] = {
        "modules.json": modules,
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "prompts": dict(reading.prompts),
            "default_prompt_name": reading.prompt,
            "similarity_fn_name": "cosine",
        },
        "sentence_bert_config.json": {"max_seq_length": reading.tokens, "do_lower_case": reading.lowercase},
        "1_Pooling/config.json": pooling,
    }
    return files | ({"2_Normalize/config.json": {}} if reading.normalised else {})


def _save_weights(network: Bert, path: Path) -> None:
    from safetensors.torch import save_file

    from likewise.encoders.bert import to_huggingface

    weights = to_huggingface(network.state_dict())
    plain = {name: tensor.detach().float().cpu().contiguous() for name, tensor in weights.items()}
    save_file(plain, path, metadata={"format": "pt"})  # transformers refuses weights that do not say so


# --- whole or not at all ---


@contextmanager
def _whole_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its name when the block ends well, and goes when it does not."""
    check_place(path, overwrite=overwrite)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        for file in sorted(fresh.rglob("*")):
            _sync(file)
        _take_name(fresh, path)
        sync_folder(path.parent)
    except OSError as error:
        raise RunError(
            f"could not write {path}: {error.strerror or error}; nothing of it was kept, choose another place"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_place(path: Path, *, overwrite: bool) -> None:
    """Raise RunExists or RunError if a folder could not be written there, before any work is done."""
    if not path.name:
        raise RunError(f"{str(path)!r} is no name for a folder: give that of a new one")
    if not path.exists():
        return
    if not overwrite:
        raise RunExists(f"{path} exists: choose another name, or replace it with --overwrite")
    strange = sorted({entry.name for entry in path.iterdir()} - _OURS) if path.is_dir() else [path.name]
    if strange or not (path / _WEIGHTS).is_file():
        why = f"holds {strange[0]}" if path.is_dir() and strange else "is no such folder"
        raise RunExists(
            f"{path} exists and {why}: --overwrite replaces what likewise wrote for other programs; choose another name"
        )


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _take_name(fresh: Path, path: Path) -> None:
    if not path.exists():
        fresh.rename(path)
    elif not exchange(fresh, path):  # two steps, where the system has no single one
        old = path.with_name(f".{path.name}.replaced")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        fresh.rename(path)
        shutil.rmtree(old, ignore_errors=True)
