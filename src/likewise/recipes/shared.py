"""Options that all networks share: a short function with the options of one way to learn in, a recipe with all out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from likewise.recipes.options import Option

if TYPE_CHECKING:
    from likewise.contracts import Objective, View
    from likewise.recipes.language import TextRecipe
    from likewise.recipes.vision import PictureRecipe

Dial = Literal["tiny", "small", "base"]
Network = Literal["resnet", "vit", "mlp"]
Stem = Literal["auto", "small", "patches", "large"]
Norm = Literal["batch", "group"]
Tokenizer = Literal["wordpiece", "bpe"]
Parts = Literal["lines", "sentences"]
Pool = Literal["mean", "class", "last", "layers"]
Begin = Literal["words", "drawn"]
Optimiser = Literal["adamw", "lars"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
OnCollapse = Literal["warn", "stop", "rollback", "rescue"]


@dataclass(frozen=True)
class Way:
    """One way to learn: what makes its objective and its views; `learns_from_labels` where classes are used.

    `rate` is what is usual with AdamW for 128 pictures in a step, where it is not that of most.
    `needs_tokens` where patches are hidden, which takes a network of tokens; `tells` what the objective then tells of
    them, for evidence that must be made before it is thrown away: their pixels or their tokens.
    """

    objective: Callable[[Any, Mapping[str, Any]], Objective]
    view: Callable[[Any, Mapping[str, Any]], View]
    learns_from_labels: bool = False
    needs_tokens: bool = False
    tells: Literal["pixels", "tokens"] | None = None
    rate: float | None = None


@dataclass(frozen=True)
class TextWay:
    """One way to learn from texts: what makes its objective, and its views of tokens that are `marked` out.

    `packs` where texts follow one another in rows of equal length; `pairs` where an item is two texts that belong
    together; `causal` says whether a token sees those before it alone, also afterwards (None: as the network has it);
    `tells` where the objective tells
    hidden tokens, for evidence that must be made before it is thrown away.
    """

    objective: Callable[[Any, Mapping[str, Any]], Objective]
    view: Callable[[Marks, Mapping[str, Any]], View]
    rate: float
    packs: bool = False
    pairs: bool = False
    causal: bool | None = None
    compares: bool = True
    tells: bool = False


@dataclass(frozen=True)
class Marks:
    """What a view needs to know of a tokeniser: how many tokens it has, which hides another, which are no text."""

    tokens: int
    mask: int
    special: tuple[int, ...]


def options_of_pictures(
    *,
    encoder: Annotated[Network, Option("resnet: convolutions; vit: a transformer of patches; mlp: plain layers")],
    size: Annotated[Dial, Option("the dial: how large the network is; batch and rate follow")] = "tiny",
    image: Annotated[
        int | None, Option("pictures are scaled and cut to this; else by their own size", "pixels", 8, 1024)
    ] = None,
    patch: Annotated[int | None, Option("of a vit; else an eighth of the picture", "pixels", 1, 512)] = None,
    stem: Annotated[
        Stem,
        Option(
            "of a resnet; small: 3×3; patches: 5×5, begun with clustered patches; large: 7×7 and pooling, from 65 px"
        ),
    ] = "auto",
    norm: Annotated[Norm, Option("of a resnet; group: a picture's vector never depends on its batch")] = "batch",
) -> None:
    """Hold the options of networks for pictures, their defaults, units and ranges."""


def options_of_texts(
    *,
    size: Annotated[Dial, Option("the dial: how large the network is; batch and rate follow")] = "tiny",
    tokenizer: Annotated[
        Tokenizer, Option("wordpiece: as BERT; bpe: pieces of bytes, which spell anything")
    ] = "wordpiece",
    vocabulary: Annotated[
        int | None, Option("tokens that the tokenizer has; else by the length of the text", "tokens", 64, 250_000)
    ] = None,
    lowercase: Annotated[bool, Option("fold case and accents")] = True,
    parts: Annotated[Parts, Option("what a text is; sentences: lines are parted into them")] = "lines",
    length: Annotated[int, Option("tokens of a text that are read", "tokens", 8, 8192)] = 128,
    pool: Annotated[
        Pool, Option("a text's vector: the mean of its tokens', that of the first or last, or the mean of all depths'")
    ] = "mean",
    dropout: Annotated[float, Option("of what the network holds, while it learns", "share", 0, 0.9)] = 0.1,
    begin: Annotated[
        Begin, Option("words: tokens begin with vectors by the tokens beside them (word2vec); drawn: at random")
    ] = "words",
    keep: Annotated[int, Option("texts whose vectors stand in the run", "texts", 1)] = 10_000,
) -> None:
    """Hold the options of networks for texts, their defaults, units and ranges."""


def options_of_training(
    *,
    time: Annotated[str | None, Option("learn for so long, such as 10m; without it and epochs: 10m")] = None,
    epochs: Annotated[int | None, Option("passes over the data, instead of a time", "passes", 1)] = None,
    batch: Annotated[int, Option("items in a step", "items", 2)] = 256,
    chunk: Annotated[
        int,
        Option(
            "encode so many at a time, to save memory; 0: all; without batch normalisation the gradient is the same",
            low=0,
        ),
    ] = 0,
    recompute: Annotated[
        bool, Option("save more memory: make maps again when they are needed, a third more work")
    ] = False,
    rate: Annotated[float | None, Option("learning rate at its peak; else from the batch", low=1e-9)] = None,
    warmup: Annotated[float, Option("steps in which the rate rises", "share", 0, 0.5)] = 0.05,
    optimiser: Annotated[Optimiser, Option("lars: for batches of thousands")] = "adamw",
    weight_decay: Annotated[
        float | None, Option("of matrices, not of biases and gains; else .05, and with lars 1e-6", low=0)
    ] = None,
    clip: Annotated[float, Option("longest gradient; 0: any", low=0)] = 3.0,
    average: Annotated[
        float, Option("keep an average of the weights, in which so much stays at a step", "share", 0, 0.99999)
    ] = 0.0,
    look: Annotated[int, Option("the doctor looks every so many steps; 0: at nine moments", "steps", 0)] = 0,
    on_collapse: Annotated[OnCollapse, Option("what to do when the doctor finds a collapse")] = "warn",
    precision: Annotated[Precision, Option("auto: the quickest of fp32 and bf16 here, by a try")] = "auto",
    device: Annotated[str, Option("auto, cpu, cuda, cuda:1, mps …")] = "auto",
    threads: Annotated[int, Option("of the processor; 0: as torch chooses", low=0)] = 0,
    tensorboard: Annotated[str | None, Option("also write losses and signals here, for TensorBoard")] = None,
    seed: Annotated[int, Option("of everything random; the same bits on one machine", low=0)] = 1,
) -> None:
    """Hold the options of every training, their defaults, units and ranges."""


def picture_network(**defaults: Any) -> Callable[[Callable[..., Way]], Callable[..., PictureRecipe]]:
    """Make a recipe for pictures of a function that takes the options of one way to learn and returns it."""

    def made(name: str, options: Mapping[str, Any], way: Way) -> PictureRecipe:
        from likewise.recipes.vision import PictureRecipe

        return PictureRecipe(name, options, way)

    return _network(made, (options_of_pictures, options_of_training), defaults)


def text_network(**defaults: Any) -> Callable[[Callable[..., TextWay]], Callable[..., TextRecipe]]:
    """Make a recipe for texts of a function that takes the options of one way to learn and returns it."""

    def made(name: str, options: Mapping[str, Any], way: TextWay) -> TextRecipe:
        from likewise.recipes.language import TextRecipe

        return TextRecipe(name, options, way)

    return _network(made, (options_of_texts, options_of_training), {"batch": 64, **defaults})


def _network(
    make: Callable[[str, Mapping[str, Any], Any], Any],
    shared: Sequence[Callable[..., None]],
    defaults: Mapping[str, Any],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what makes a recipe of a function.

    The recipe's signature has the function's options first, then the shared ones, with `defaults` for some of them.
    """

    def made(way: Callable[..., Any]) -> Callable[..., Any]:
        name = way.__name__.replace("_", "-")
        own = inspect.signature(way).parameters
        beside = [p for holder in shared for p in inspect.signature(holder).parameters.values() if p.name not in own]
        parameters = [*own.values(), *(_with(parameter, defaults) for parameter in beside)]
        values = {parameter.name: parameter.default for parameter in parameters}

        @wraps(way)
        def recipe(**given: Any) -> Any:
            options = {**values, **given}
            return make(name, options, way(**{each: options[each] for each in own}))

        hints: dict[str, Any] = {}
        for holder in (*shared, way):
            hints |= get_type_hints(holder, include_extras=True)
        recipe.__annotations__ = {each: hints[each] for each in values}
        recipe.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return recipe

    return made


def _with(parameter: inspect.Parameter, defaults: Mapping[str, Any]) -> inspect.Parameter:
    return parameter.replace(default=defaults.get(parameter.name, parameter.default))
