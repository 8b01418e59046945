"""Borrowed networks: the configuration of somebody's network of pictures in; a network as ours out, by transformers.

The class is always one of the transformers package: nothing that lies beside weights is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likewise.encoders.bert import pooled
from likewise.errors import DataError, MissingExtra, OptionError

POOLS: Final = ("class", "mean", "pooler", "projected")
_WITH_CLASS_TOKEN: Final = {
    "vit",
    "vit_mae",
    "vit_msn",
    "deit",
    "beit",
    "data2vec-vision",
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
}
_OF_PLACE_AND_TIME: Final = ("transformers_version", "_name_or_path", "torch_dtype", "dtype", "architectures")


@final
class Borrowed(nn.Module):
    """A network of pictures that transformers builds from `config`; its weights are to be filled in.

    `pool` says what a picture's vector is: `class`, the class token after the last norm; `mean` of the patches' tokens;
    `pooler`, what the network itself makes of its last maps; `projected`, the vector that CLIP compares with texts.
    """

    def __init__(self, *, config: Mapping[str, Any], pool: str) -> None:
        super().__init__()
        self._name(config, pool)
        with quietly():
            self._take(_transformers().AutoModel.from_config(config_of(config)))

    @classmethod
    def around(cls, model: nn.Module, config: Mapping[str, Any], pool: str) -> Borrowed:
        """Return a network around a model that has its weights already."""
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._name(config, pool)
        made._take(model)
        return made

    def _name(self, config: Mapping[str, Any], pool: str) -> None:
        if pool not in POOLS:
            raise OptionError(f"pool is {pool!r}: of pictures it is one of {', '.join(POOLS)}")
        self.pool = pool
        self.config: dict[str, Any] = {"config": dict(config), "pool": pool}

    def _take(self, model: Any) -> None:
        self._type = str(model.config.model_type)
        spare = self.pool in ("class", "mean") and self._type in _WITH_CLASS_TOKEN
        self.model = without_pooler(model) if spare else model
        self._seen = getattr(model.config, "vision_config", model.config)
        if self._type == "vit_mae":
            model.config.mask_ratio = 0.0  # it hides patches, also when nothing is learned
        size = getattr(self._seen, "image_size", None) or 64
        height, width = (size, size) if isinstance(size, int) else size
        self.size = (int(height), int(width))
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            some = torch.zeros(1, int(getattr(self._seen, "num_channels", 3)), *self.size)
            self.dim = int(self.eval()(some).shape[1])

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Encode a batch."""
        return self._vector(self._out(x), x)

    def tokens(
        self, x: Float[Tensor, "b c h w"], *, keep: Int[Tensor, "b k"] | None = None, causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        """Return a vector for each place, row by row; `keep` takes some of them, which have seen all others."""
        if causal:
            raise OptionError(f"{self._type} sees all places at once: it cannot be causal")
        tokens = self._patches(self._out(x).last_hidden_state, x)
        if keep is None:
            return tokens
        return tokens.gather(1, keep[:, :, None].expand(-1, -1, tokens.shape[2]))

    def intermediates(self, x: Float[Tensor, "b c h w"]) -> Mapping[str, Tensor]:
        """Return what each depth makes of a batch, and the vectors."""
        out = self._out(x, output_hidden_states=True)
        found = {
            f"layer{number}": y if y.ndim == 4 else self._patches(y, x) for number, y in enumerate(out.hidden_states)
        }
        return found | {"vector": self._vector(out, x)}

    def _out(self, x: Tensor, **wanted: Any) -> Any:
        model = self.model
        if self._type == "vit_mae":  # patches in their own order
            count = (x.shape[2] // self._seen.patch_size) * (x.shape[3] // self._seen.patch_size)
            wanted["noise"] = torch.arange(count, device=x.device).expand(len(x), -1).float()
        if self._seen is not model.config:
            model = model.vision_model
        return cast(Any, model)(pixel_values=x, return_dict=True, **wanted)

    def _vector(self, out: Any, x: Tensor) -> Float[Tensor, "b d"]:
        last = out.last_hidden_state
        if self.pool == "class" and last.ndim != 3:
            raise OptionError(f"a {self._type} has no class token: take pool mean or pooler")
        if self.pool == "class":
            return cast(Tensor, last[:, 0])
        if self.pool == "mean":
            return self._patches(last, x).mean(1)
        pooled = out.pooler_output.flatten(1)
        return cast(Tensor, cast(Any, self.model).visual_projection(pooled) if self.pool == "projected" else pooled)

    def _patches(self, y: Tensor, x: Tensor) -> Float[Tensor, "b t d"]:
        """Return the tokens of places: without those of the class and of registers, or maps as tokens."""
        if y.ndim == 4:
            return y.flatten(2).transpose(1, 2)
        patch = getattr(self._seen, "patch_size", None)
        if patch is None:
            return y
        high, wide = (patch, patch) if isinstance(patch, int) else patch
        places = (x.shape[2] // high) * (x.shape[3] // wide)
        return y[:, max(0, y.shape[1] - places) :]


@final
class BorrowedTexts(nn.Module):
    """A network of texts that transformers builds from `config`; its weights are to be filled in.

    `x` are numbers of tokens, "b t", −1 where a text has ended. `pool`: mean, class, max or last, as of a `Bert`.
    """

    def __init__(self, *, config: Mapping[str, Any], pool: str = "mean") -> None:
        super().__init__()
        with quietly():
            self._take(_transformers().AutoModel.from_config(config_of(config)), config, pool)

    @classmethod
    def around(cls, model: nn.Module, config: Mapping[str, Any], pool: str = "mean") -> BorrowedTexts:
        """Return a network around a model that has its weights already."""
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._take(model, config, pool)
        return made

    def _take(self, model: Any, config: Mapping[str, Any], pool: str) -> None:
        self.model, self.pool = without_pooler(model), pool
        self.config: dict[str, Any] = {"config": dict(config), "pool": pool}
        self.dim = int(model.config.hidden_size)

    def tokens(
        self, x: Int[Tensor, "b t"], *, keep: Int[Tensor, "b k"] | None = None, causal: bool = False
    ) -> Float[Tensor, "b t d"]:
        """Return a vector for each token, or for those at the places `keep`, which have seen all others."""
        if causal:
            raise OptionError(f"{self.model.config.model_type} sees as it was built to: causal cannot be asked of it")
        y = cast(Tensor, self._out(x).last_hidden_state)
        return y if keep is None else y.gather(1, keep[:, :, None].expand(-1, -1, self.dim))

    def forward(self, x: Int[Tensor, "b t"]) -> Float[Tensor, "b d"]:
        """Encode a batch of texts."""
        return pooled(self.tokens(x), x, self.pool)

    def intermediates(self, x: Int[Tensor, "b t"]) -> Mapping[str, Tensor]:
        """Return the tokens' vectors before the first block and after each, and the texts' vectors."""
        states = self._out(x, output_hidden_states=True).hidden_states
        names = ["embeddings", *(f"block{number}" for number in range(1, len(states)))]
        return dict(zip(names, states, strict=True)) | {"vector": pooled(states[-1], x, self.pool)}

    def _out(self, x: Tensor, **wanted: Any) -> Any:
        there = (x >= 0).long()
        return cast(Any, self.model)(input_ids=x.clamp(min=0), attention_mask=there, return_dict=True, **wanted)


def usual_pool(config: Any) -> str:
    """Return what is usually taken as the vector of a picture, by the kind of network."""
    if getattr(config, "vision_config", None) is not None:
        if config.model_type != "clip":
            raise DataError(f"networks of pictures and texts of type {config.model_type!r} cannot be read; clip can")
        return "projected"
    if config.model_type == "ijepa":
        return "mean"
    return "class" if config.model_type in _WITH_CLASS_TOKEN else "pooler"


def as_plain(config: Any) -> dict[str, Any]:
    """Return a configuration as JSON, without where and by what it was written."""
    value: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return {name: one for name, one in value.items() if name not in _OF_PLACE_AND_TIME}


def config_of(value: Mapping[str, Any]) -> Any:
    """Return the configuration that JSON describes; OptionError where transformers has no such network."""
    if "auto_map" in value:
        raise OptionError("the network needs code of its own (auto_map), which is never run")
    kind = value.get("model_type")
    try:
        return _transformers().AutoConfig.for_model(**value)
    except (TypeError, ValueError) as error:
        raise OptionError(f"transformers has no network of type {kind!r} that fits: {_first(error)}") from error


def without_pooler(model: Any) -> Any:
    """Take the pooler away where it is not used: checkpoints often lack it, and then it would be drawn at random."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


@contextmanager
def quietly() -> Iterator[None]:
    """Let transformers say nothing inside this block."""
    logging = _transformers().utils.logging
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtra("transformers", "pretrained", "a network of somebody else's") from None
    return transformers
