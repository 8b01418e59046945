"""Beside a run of texts: a network and its objective, which are about to be thrown away, in; guesses at words out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from torch import Tensor, nn

from likewise.contracts import Views
from likewise.evaluate.hidden_words import BEST, LOGGED, Counts, Guess, Guessed, Moment
from likewise.session import Logged, Session

if TYPE_CHECKING:
    from likewise.contracts import View
    from likewise.sources.texts_prepared import Texts
    from likewise.train.loop import Stepped, Training

MOMENTS: Final = (0.05, 0.2, 0.5, 1.0)
"""When guesses are noted, in shares of the training, beside its start: early, since that is when most changes."""
_NOTED = 3  # that are noted on the way
_AT_ONCE = 32  # texts
_MEASURED = 256  # texts of which hidden tokens are counted
_ON_THE_WAY = 64  # of them at each moment, which costs a part of a step
_SHOWN = 6  # texts to look at
_LENGTH = 16  # tokens: so long, about, are the texts that are shown
_LEAST = 6  # tokens of a text: fewer tell nothing of one another
_HIDDEN = "▢"
_GOES_ON = "##"  # of WordPiece, where a token goes on with the word of the one before it


@final
class HiddenTokens:
    """Texts held out of which tokens are hidden, the same for the same seed; `view` chooses which.

    All of them become the token that hides; of those that are learned from, a tenth stay and a tenth become others.
    """

    def __init__(self, view: View, prepared: Texts, length: int, *, seed: int) -> None:
        self._prepared = prepared
        rows = np.flatnonzero(prepared.probe.lengths > _LEAST)[:_MEASURED]
        rows = rows if len(rows) else np.arange(min(len(prepared.probe), _MEASURED))
        self.whole = torch.from_numpy(prepared.batch(rows, length, held_out=True))
        chosen: Any = view(self.whole, torch.Generator().manual_seed(seed))
        self.places, self.truth = chosen.keep[0], chosen.labels
        shown = self.whole.clone()
        row, number = torch.nonzero(self.places >= 0, as_tuple=True)
        shown[row, self.places[row, number]] = prepared.specials.mask
        self.views = Views((shown,), (self.places,), self.truth)
        self.shown = np.argsort([self._hard(row) for row in range(len(rows))], kind="stable")[:_SHOWN].tolist()
        self.some = sorted({*self.shown, *range(min(_ON_THE_WAY, len(rows)))})

    @cached_property
    def frequents(self) -> Tensor:
        """The most frequent tokens of the texts to learn from, of those that stand for text and may be hidden."""
        special = list(self._prepared.specials.every)
        counts = self._prepared.train.counts(self._prepared.tokenizer.get_vocab_size())
        counts[special] = 0
        return torch.from_numpy(np.argsort(-counts, kind="stable")[:BEST])

    def best(self, network: Any, objective: Any, rows: Sequence[int] | None = None) -> Tensor:
        """Return the best guesses at each hidden token of all texts, or of some, "b k best"."""
        device = next(network.parameters()).device
        views, found = self.views if rows is None else self._part(rows), []
        with _evaluating(network, objective):
            for low in range(0, len(views), _AT_ONCE):
                part = views.part(low, low + _AT_ONCE)
                x, keep = part.inputs[0].to(device), part.keep[0].to(device)
                found.append(objective.guesses(network, x, keep, best=BEST)[0].cpu())
        return torch.cat(found)

    def counts(self, best: Tensor, rows: Sequence[int] | None = None) -> Counts:
        """Return how many tokens are asked for, and how many of them were guessed, "b k best"."""
        truth = (self.truth if rows is None else self.truth[rows])[:, :, None]
        asked, among, frequents = truth >= 0, best == truth, self.frequents == truth
        found = (asked, asked & among[..., :1], asked & among, asked & frequents[..., :1], asked & frequents)
        return Counts(*(int(one.any(-1).sum()) for one in found))

    def text(self, row: int) -> str:
        """Return a text with "▢" where tokens are hidden."""
        gone, pieces, run = {place for place, _ in self._hidden(row)}, list[str](), list[int]()
        decode = self._prepared.tokenizer.decode
        for place, token in enumerate(self.whole[row].tolist()):
            if place in gone:
                pieces += [decode(run), _HIDDEN]
                run = []
            elif token >= 0:
                run.append(token)
        return " ".join(" ".join([*pieces, decode(run)]).split()).replace(f"{_HIDDEN} {_GOES_ON}", _HIDDEN)

    def words(self, row: int, best: Tensor) -> list[tuple[str, list[str]]]:
        """Return what stood at each hidden place of a text, as they stand there, and the guesses `best`, "k best"."""
        name = self._prepared.tokenizer.id_to_token
        return [
            (name(int(self.whole[row, place])), [name(token) for token in best[number].tolist()])
            for place, number in self._hidden(row)
        ]

    def _hard(self, row: int) -> float:
        """Return how hard a text is to read with tokens hidden: too short or too long, words in many pieces."""
        ids = [token for token in self.whole[row].tolist() if token >= 0]
        words = len(self._prepared.tokenizer.decode(ids).split())
        return abs(len(ids) - _LENGTH) / _LENGTH + len(ids) / max(1, words)

    def _hidden(self, row: int) -> list[tuple[int, int]]:
        """Return the hidden places of a text in order, and the number of each among what is asked for."""
        return sorted((place, number) for number, place in enumerate(self.places[row].tolist()) if place >= 0)

    def _part(self, rows: Sequence[int]) -> Views:
        return Views((self.views.inputs[0][rows],), (self.places[rows],), self.truth[rows])


def guessed(learned: tuple[Any, Any], fresh: tuple[Any, Any], hidden: HiddenTokens) -> Guessed:
    """Let a network and its objective tell hidden tokens of texts held out; `fresh` are the same, as drawn."""
    device = next(learned[0].parameters()).device
    ours, drawn = hidden.best(*learned), hidden.best(*(part.to(device) for part in fresh))
    numbers = hidden.counts(ours).numbers("untrained", hidden.counts(drawn))
    return Guessed([_shown(hidden, row, ours, drawn) for row in hidden.shown], numbers)


def _shown(hidden: HiddenTokens, row: int, ours: Tensor, drawn: Tensor) -> Guess:
    both = zip(hidden.words(row, ours[row]), hidden.words(row, drawn[row]), strict=True)
    return Guess(hidden.text(row), [(word, best, before) for (word, best), (_, before) in both])


@final
@dataclass
class Guessing:
    """Notes in the log, at the start and at `MOMENTS`, what a network that learns guesses at hidden tokens.

    A training that goes on has what was noted before in its log, so nothing else is to be remembered.
    """

    hidden: HiddenTokens
    session: Session

    def start(self, training: Training) -> None:
        """Note the guesses of a network that has learned nothing, in a line of their own."""
        if training.done or any(LOGGED in line for line in training.history):
            return
        line = {"step": 0, LOGGED: self._moment(training).as_json()}
        training.history.append(line)
        self.session.tell(Logged(line))

    def after_step(self, training: Training, stepped: Stepped) -> None:
        """Note the guesses in the line of this step if it is time to; not where the training was just put back."""
        if training.done == stepped.step + 1 and training.done in _steps(training.plan.steps):
            training.signals[LOGGED] = self._moment(training).as_json()

    def _moment(self, training: Training) -> Moment:
        hidden, rows = self.hidden, self.hidden.some
        best = hidden.best(training.network, training.objective, rows)
        texts = [(hidden.text(row), hidden.words(row, best[rows.index(row), :, :_NOTED])) for row in hidden.shown]
        return Moment(training.done, hidden.counts(best, rows), texts)


def _steps(steps: int) -> set[int]:
    return {max(1, round(share * steps)) for share in MOMENTS}


@contextmanager
def _evaluating(*parts: nn.Module) -> Iterator[None]:
    """Let modules evaluate inside this block; afterwards each is in the mode in which it was."""
    modes = [(module, module.training) for part in parts for module in part.modules()]
    for part in parts:
        part.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
