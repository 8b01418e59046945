"""Beside a run of texts: a network and its objective, which is about to be thrown away, in; guesses at words out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likewise.evaluate.text_report import Guess, Guessed
    from likewise.sources.texts_prepared import Texts

_BEST = 5  # guesses that are shown
_AT_ONCE = 32  # texts
_HIDDEN = "▢"


def guessed(
    learned: tuple[Any, Any], fresh: tuple[Any, Any], view: Any, prepared: Texts, length: int, *, seed: int, shown: int,
    measured: int,
) -> Guessed:  # fmt: skip
    """Let a network tell hidden tokens of texts held out; `fresh` is the same, as it was drawn."""
    import numpy as np
    import torch

    from likewise.contracts import Number
    from likewise.evaluate.intervals import wilson
    from likewise.evaluate.text_report import Guessed

    rows = np.flatnonzero(prepared.probe.lengths > 6)[:measured]
    rows = rows if len(rows) else np.arange(min(len(prepared.probe), measured))
    batch = torch.from_numpy(prepared.batch(rows, length, held_out=True))
    views = view(batch, torch.Generator().manual_seed(seed))
    ours, drawn = (_best(*both, views) for both in (learned, fresh))
    asked, truth = views.keep[0] >= 0, views.labels
    right, before = (int(((best[..., 0] == truth) & asked).sum()) for best in (ours, drawn))
    count = int(asked.sum())
    common = int(np.bincount(prepared.train.stream).argmax())
    beside = {"most frequent token": float(((truth == common) & asked).sum()) / max(1, count)}
    beside["untrained"] = before / max(1, count)
    number = Number("hidden tokens guessed@1", right / max(1, count), *wilson(right, count), count, beside)
    order = np.argsort(prepared.probe.lengths[rows], kind="stable")[:shown]
    texts = [_shown(prepared, batch[i], views.keep[0][i], ours[i], drawn[i]) for i in order]
    return Guessed(texts, number)


def _best(network: Any, objective: Any, views: Any) -> Any:
    """Return the best guesses at each place that is asked for, "b k best"."""
    import torch

    device = next(network.parameters()).device
    network.eval()
    objective.to(device).eval()
    found = []
    for low in range(0, len(views), _AT_ONCE):
        part = views.part(low, low + _AT_ONCE)
        x, keep = part.inputs[0].to(device), part.keep[0].to(device)
        found.append(objective.guesses(network.to(device), x, keep, best=_BEST)[0].cpu())
    return torch.cat(found)


def _shown(prepared: Texts, x: Any, keep: Any, ours: Any, drawn: Any) -> Guess:
    """Return one text with its hidden tokens, and the guesses at them, in the order in which they stand."""
    from likewise.evaluate.text_report import Guess

    tokenizer = prepared.tokenizer
    places = sorted((int(place), number) for number, place in enumerate(keep.tolist()) if place >= 0)
    hidden = []
    for place, number in places:
        best, before = ([tokenizer.id_to_token(token) for token in one[number].tolist()] for one in (ours, drawn))
        hidden.append((tokenizer.id_to_token(int(x[place])), best, before))
    ids, gone = x.tolist(), {place for place, _ in places}
    pieces, run = [], list[int]()
    for place, token in enumerate(ids):
        if place in gone:
            pieces += [tokenizer.decode(run), _HIDDEN]
            run = []
        elif token >= 0:
            run.append(token)
    pieces.append(tokenizer.decode(run))
    return Guess(" ".join(" ".join(pieces).split()), hidden)
