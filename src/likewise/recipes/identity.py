"""One-hot words: a text in, a table of words out in which every two words are equally far apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from likewise.contracts import Source
from likewise.recipes.counts import Cutting, Digit, Folding, MinCount
from likewise.recipes.options import Option
from likewise.recipes.words import (
    _READING,
    _TOKENIZING,
    Connectors,
    Joining,
    Passes,
    Together,
    _phrase_search,
    _plain,
    component,
)
from likewise.session import Derived, Session

if TYPE_CHECKING:
    from likewise.checkpoints import Checkpoints
    from likewise.contracts import OnEpoch
    from likewise.space import Space
    from likewise.words.corpus import Reading
    from likewise.words.table import WordTable

_PIECES = 1  # the seed of the pieces of text that SIF learns from: nothing else is drawn, so there is no option


def onehot(
    *,
    min_count: MinCount = 5,
    max_vocabulary: Annotated[
        int, Option("keep only the most frequent words; n of them take 4·n² bytes", "words", 1)
    ] = 5_000,
    tokenizer: Cutting = "words",
    lowercase: Folding = True,
    digits: Digit = "keep",
    phrases: Joining = None,
    phrase_min_count: Together = 10,
    phrase_passes: Passes = 1,
    phrase_connectors: Connectors = None,
) -> OneHotRecipe:
    """Give each word a dimension of its own (one-hot): the baseline that knows words apart and nothing else.

    Nothing is learned and nothing drawn: no epochs, no loss, no seed. A text is a bag of words: `mean` is the share of
    each word in it, `weighted` counts frequent words less, `sif` takes off what all texts have in common.
    """
    options = dict(locals())
    from likewise.words.onehot import check_room

    check_room(max_vocabulary)  # better said before the text is read
    return OneHotRecipe(options)


@dataclass(frozen=True)
class OneHotRecipe:
    """The words of a text as rows of the identity."""

    options: Mapping[str, Any]

    takes = "text"

    def beside(self, encoder: Any, prepared: Any) -> None:
        """Return nothing: a run of words keeps all that evidence needs."""

    name: str = "onehot"

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Reading:
        """Tokenise and count `source` in one pass."""
        from likewise.words.corpus import read_corpus

        picked = self._picked(*(name for name in _READING if name != "held_out"))
        search = _phrase_search(self.options)
        return read_corpus(source, held_out=0.0, session=session, folder=folder, **picked, phrases=search)

    def fit(
        self,
        prepared: Reading,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> WordTable:
        """Make the table; `seed` changes nothing, there are no epochs to show and nothing to go on from."""
        from likewise.space import Space
        from likewise.words.onehot import identity
        from likewise.words.table import WordTable

        vocabulary, cutter = prepared.vocabulary, self.options["tokenizer"]
        session.tell(Derived("dim", len(vocabulary), "one for each word"))
        table = WordTable(
            Space(vocabulary.words, identity(len(vocabulary)), items={"count": vocabulary.counts}),
            tokenizer=_plain(self._picked(*_TOKENIZING), prepared.phrases),
            cutter=cutter if callable(cutter) else None,
        )
        return table.with_component(component(table, prepared, _PIECES))

    def embed(self, encoder: Any, prepared: Reading) -> Space:
        """Return the table's own space: its keys are the words."""
        space: Space = encoder.space
        return space

    def _picked(self, *names: str) -> dict[str, Any]:
        return {name: self.options[name] for name in names}
