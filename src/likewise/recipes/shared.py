"""Options that all networks share: a short function with the options of one way to learn in, a recipe with all out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from likewise.recipes.options import Option

if TYPE_CHECKING:
    from likewise.contracts import Objective, View
    from likewise.recipes.vision import PictureRecipe

Dial = Literal["tiny", "small", "base"]
Network = Literal["resnet", "vit", "mlp"]
Stem = Literal["auto", "small", "patches", "large"]
Norm = Literal["batch", "group"]
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


def options_of_networks(
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
    time: Annotated[str | None, Option("learn for so long, such as 10m; without it and epochs: 10m")] = None,
    epochs: Annotated[int | None, Option("passes over the pictures, instead of a time", "passes", 1)] = None,
    batch: Annotated[int, Option("pictures in a step", "pictures", 2)] = 256,
    chunk: Annotated[
        int,
        Option(
            "encode so many at a time, to save memory; 0: all; with --norm group or a vit the gradient is the same",
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
    """Hold the options, their defaults, units and ranges."""


def network_recipe(**defaults: Any) -> Callable[[Callable[..., Way]], Callable[..., PictureRecipe]]:
    """Make a recipe of a function that takes the options of one way to learn and returns it.

    The recipe's signature has those options first, then the shared ones, with `defaults` for some of them.
    """

    def made(way: Callable[..., Way]) -> Callable[..., PictureRecipe]:
        shared = inspect.signature(options_of_networks).parameters
        own = inspect.signature(way).parameters
        parameters = [*own.values(), *(_with(parameter, defaults) for parameter in shared.values())]
        values = {parameter.name: parameter.default for parameter in parameters}

        @wraps(way)
        def recipe(**given: Any) -> PictureRecipe:
            from likewise.recipes.vision import PictureRecipe

            options = {**values, **given}
            return PictureRecipe(way.__name__, options, way(**{name: options[name] for name in own}))

        hints = get_type_hints(options_of_networks, include_extras=True) | get_type_hints(way, include_extras=True)
        recipe.__annotations__ = {name: hints[name] for name in values}
        recipe.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return recipe

    return made


def _with(parameter: inspect.Parameter, defaults: Mapping[str, Any]) -> inspect.Parameter:
    return parameter.replace(default=defaults.get(parameter.name, parameter.default))
