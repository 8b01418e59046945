"""Beside a run of pictures: an encoder and what it learned from in, what evidence needs and a run does not keep out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Int64

    from likewise.contracts import Array, Number
    from likewise.encoders.pictures import PictureEncoder
    from likewise.evaluate.inside import Filled
    from likewise.recipes.vision import Prepared, Shown
    from likewise.sources.images_prepared import Pictures

_LEARNED_FROM, _HELD_OUT = 1_500, 750  # pictures that are looked at inside of a network
_SEEN = 1_000  # pictures that batch normalisation of the untrained network has seen
_LOOKED_AT = 6  # pictures whose attention is shown
_FILLED = 8  # pictures that are shown filled in
_MEASURED, _AT_ONCE = 256, 64  # pictures whose error is measured, and how many at a time
_EQUAL = 1e-9  # variance of tokens, below which they are one
_GREY = 128  # of what is hidden


def as_drawn(architecture: str, options: Any, prepared: Prepared, *, seed: int, device: str = "cpu") -> PictureEncoder:
    """Return the encoder with the network as it was drawn; its batch normalisation has seen some pictures."""
    import torch

    from likewise.encoders.architectures import build
    from likewise.encoders.pictures import PictureEncoder
    from likewise.train.monitor import calibrated

    some = torch.from_numpy(prepared.pictures.batch(prepared.train[:_SEEN]))
    network = build(architecture, options, seed=seed)
    return PictureEncoder(calibrated(network, [prepared.seeing.normalised(some)]), prepared.seeing, device=device)


def seen_inside(encoder: PictureEncoder, untrained: PictureEncoder, prepared: Prepared, *, seed: int) -> dict[str, Any]:
    """Return the first filters and what every depth makes of some pictures, learned and as it was drawn."""
    import numpy as np

    from likewise.encoders.inside import look_inside

    rng = np.random.default_rng(seed)
    pictures = prepared.pictures
    rows = np.concatenate(
        [_labelled_first(pictures, prepared.train, rng)[:_LEARNED_FROM],
         _labelled_first(pictures, prepared.probe, rng)[:_HELD_OUT]]
    )  # fmt: skip
    looked_at = np.sort(rng.permutation(prepared.probe)[:_LOOKED_AT])
    return {
        "filters": first_filters(encoder),
        "untrained_filters": first_filters(untrained),
        "inside": look_inside(encoder, pictures.pixels, np.sort(rows), untrained=untrained, looked_at=looked_at),
    }


def _labelled_first(pictures: Pictures, rows: Int64[Array, " n"], rng: Any) -> Array:
    """Return rows in an order that is drawn, those with a label first."""
    import numpy as np

    drawn = rng.permutation(rows)
    if pictures.labels is None:
        return np.asarray(drawn)
    return np.asarray(drawn[np.argsort([not pictures.labels[row] for row in drawn], kind="stable")])


def first_filters(encoder: PictureEncoder) -> Any:
    """Return the filters of the first layer, "k c h w", or None where a network has none.

    Those of a dictionary less their mean, as it takes off each patch's.
    """
    state = encoder.network.state_dict()
    name = next((name for name in ("filters", "stem.0.weight", "cut.weight") if name in state), None)
    if name is None:
        return None
    found = state[name].detach().cpu().numpy()
    return found - found.mean((1, 2, 3), keepdims=True) if name == "filters" else found


def filled_in(learned: Any, fresh: Any, view: Any, prepared: Prepared, shown: Shown, *, seed: int) -> Filled:
    """Let a network and an objective, which is about to be thrown away, tell hidden patches of pictures held out.

    `learned` and `fresh` are (network, objective) as they are now and as they were drawn; `view` hides.
    """
    import numpy as np

    from likewise.contracts import Number
    from likewise.evaluate.inside import Filled
    from likewise.evaluate.intervals import bootstrap_mean

    network, objective = learned
    views = _views(network, view, prepared, seed)
    device = views.inputs[0].device
    error, drawn = (_errors(one.to(device).eval(), other.to(device).eval(), views) for one, other in (learned, fresh))
    low, high = bootstrap_mean(error)
    beside = {**objective.constants(len(error)), "untrained": float(drawn.mean())}
    number = Number("squared error on hidden patches", float(error.mean()), low, high, len(error), beside)
    x, seen = views.inputs[0][:_FILLED], views.keep[0][:_FILLED]
    mean, deviation = (np.array(v, np.float32)[:, None, None] for v in (shown.mean, shown.deviation))
    given, told = (_pixels(each, mean, deviation) for each in (x, objective.reconstruct(network, x, seen)))
    hidden = np.full_like(given, _GREY)
    return Filled(given, np.where(_places(seen.cpu().numpy(), shown), given, hidden), told, number)


def predicted(learned: Any, fresh: Any, view: Any, prepared: Prepared, *, seed: int) -> Number:
    """Return how much of the variance of hidden tokens is told: 1 − squared error over variance, of pictures held out.

    The interval is over pictures. `learned` and `fresh` are (network, objective) as they are now and as they were
    drawn, each asked for its own tokens. Where all tokens are equal nothing can be told: 0.
    """
    from likewise.contracts import Number
    from likewise.evaluate.intervals import bootstrap

    views = _views(learned[0], view, prepared, seed)
    device = views.inputs[0].device
    error, by_mean, variance = _of_tokens(learned[0], learned[1], views)
    drawn, _, drawn_variance = _of_tokens(fresh[0].to(device), fresh[1].to(device), views)

    def share(errors: Array, of: Array) -> float:
        return 1 - float(errors.sum()) / float(of.sum()) if of.sum() > _EQUAL * len(of) else 0.0

    low, high = bootstrap(lambda rows: share(error[rows], variance[rows]), len(error))
    beside = {"mean of all": 0.0, "mean of what is seen": share(by_mean, variance)}
    beside["untrained"] = share(drawn, drawn_variance)
    return Number("variance of hidden tokens that is told", share(error, variance), low, high, len(error), beside)


def _of_tokens(network: Any, objective: Any, views: Any) -> tuple[Array, Array, Array]:
    """Return by picture the squared error of what is told, that of the mean of what is seen, and the variance."""
    import torch

    parts = [views.part(low, low + _AT_ONCE) for low in range(0, len(views), _AT_ONCE)]
    found = [objective.eval().told(network.eval(), part) for part in parts]
    told, targets, seen = (torch.cat([each[i].float().cpu() for each in found]) for i in range(3))
    mean = targets.mean((0, 1))
    error, by_mean, variance = ((x - targets).square().mean((1, 2)).numpy() for x in (told, seen, mean))
    return error, by_mean, variance


def _views(network: Any, view: Any, prepared: Prepared, seed: int) -> Any:
    """Return views of some pictures that are held out."""
    import torch

    device = next(network.parameters()).device
    pixels = torch.from_numpy(prepared.pictures.batch(prepared.probe[:_MEASURED])).to(device)
    return view(pixels, torch.Generator(device).manual_seed(seed))


def _errors(network: Any, objective: Any, views: Any) -> Array:
    import numpy as np

    parts = [views.part(low, low + _AT_ONCE) for low in range(0, len(views), _AT_ONCE)]
    return np.concatenate([objective.errors(network, part).float().cpu().numpy() for part in parts])


def _places(seen: Array, shown: Shown) -> Array:
    """Return which pixels are seen, "m 1 h w"."""
    import numpy as np

    grid = np.zeros((len(seen), shown.grid[0] * shown.grid[1]), bool)
    np.put_along_axis(grid, seen, True, 1)
    cells = grid.reshape(len(seen), 1, *shown.grid)
    return cells.repeat(shown.size[0] // shown.grid[0], 2).repeat(shown.size[1] // shown.grid[1], 3)


def _pixels(x: Any, mean: Array, deviation: Array) -> Array:
    import numpy as np

    shown = x.float().cpu().numpy() * deviation + mean
    made: Array = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    return made
