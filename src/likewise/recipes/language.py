"""Networks that learn from texts: a recipe's options and texts in, an encoder out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likewise.contracts import Source
from likewise.errors import MissingExtra, OptionError
from likewise.files import atomic
from likewise.recipes.shared import TextWay
from likewise.run import CHECKPOINTS
from likewise.session import Note, Progress, Session
from likewise.sources.tokenising import LEAST_BPE

if TYPE_CHECKING:
    from likewise.checkpoints import Checkpoints
    from likewise.contracts import OnEpoch
    from likewise.encoders.texts import TextEncoder
    from likewise.sources.texts_prepared import Texts
    from likewise.space import Space

_PROBED = 4  # texts held out for each dimension, so that the rank of their vectors can be told


@dataclass(frozen=True)
class TextRecipe:
    """A way to learn from texts with a network.

    `start` is an encoder whose network and tokeniser it begins with; `tokenizer` is one to cut by, else one is learned.
    """

    name: str
    options: Mapping[str, Any]
    way: TextWay
    start: TextEncoder | None = None
    tokenizer: Any = None

    @property
    def takes(self) -> str:
        """The kind of source: `text`, or `pair` of texts."""
        return "pair" if self.way.pairs else "text"

    def going_on(self, start: TextEncoder) -> TextRecipe:
        """Return the recipe with an encoder to begin with."""
        return replace(self, start=start)

    def prepare(self, source: Source, session: Session, *, folder: Path | None = None) -> Texts:
        """Read all texts, learn a tokeniser if there is none to begin with, and part them."""
        need(self.name)
        self._refuse()
        from likewise.encoders.bert import SIZES
        from likewise.sources.texts_prepared import prepare_texts

        options = self.options
        dim = SIZES[options["size"]].dim if self.start is None else self.start.dim
        kept = None if folder is None else folder / CHECKPOINTS / "tokenizer.json"
        tokenizer = self.tokenizer or (_tokenizer(kept) if self.start is None else self.start.tokenizer)
        with session.stage("reading"):
            prepared = prepare_texts(
                source, session=session, kind=options["tokenizer"], vocabulary=options["vocabulary"],
                lowercase=options["lowercase"], sentences=options["parts"] == "sentences", probe=_PROBED * dim,
                keep=options["keep"], tokenizer=tokenizer, pairs=self.way.pairs, folder=folder,
                folded=self.start is not None and self.start.reading.lowercase,
            )  # fmt: skip
        if not self.way.packs:
            self._tell_cut(prepared, session)
        if kept is not None and tokenizer is None:  # who goes on cuts as whoever began
            kept.parent.mkdir(exist_ok=True)
            with atomic(kept) as file:
                file.write(prepared.tokenizer.to_str().encode())
        return prepared

    def fit(
        self,
        prepared: Texts,
        session: Session,
        *,
        seed: int | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> TextEncoder:
        """Learn one network, going on from a checkpoint where there is one."""
        from likewise.recipes.fitting import fitted
        from likewise.recipes.text_material import TextMaterial

        material = TextMaterial(self, prepared, self.options["seed"] if seed is None else seed, session)
        made = fitted(material, self.options, session, seed=material.seed, on_epoch=on_epoch, checkpoints=checkpoints)
        encoder: Any = made.encoder
        prepared.told[encoder.fingerprint] = made.told
        return encoder  # type: ignore[no-any-return]

    def embed(self, encoder: Any, prepared: Texts, session: Session | None = None) -> Space:
        """Return the space of the texts that are kept, with what they say and whether they were learned from."""
        import numpy as np

        from likewise.space import Space

        keys, texts, held = zip(*prepared.shown, strict=True) if prepared.shown else ((), (), ())

        def told(done: int) -> None:
            if session is not None:
                session.tell(Progress("embedding", done, len(keys), "texts"))

        vectors = encoder.embed(texts, told=told)
        items: dict[str, Any] = {"part": np.array(["held out" if each else "train" for each in held], object)}
        items["text"] = np.array(texts, object)
        return Space(_apart(keys), vectors, fingerprint=encoder.fingerprint, items=items, kind="text")

    def beside(self, encoder: Any, prepared: Texts) -> Mapping[str, Any]:
        """Return what encodes, now and as the network was drawn or begun, and what was told of hidden tokens."""
        from likewise.recipes.text_material import TextMaterial

        before = TextMaterial(self, prepared, self.options["seed"]).as_drawn()
        name = "untrained network" if self.start is None else "as it began"
        told = prepared.told.get(encoder.fingerprint, {})
        return {"encode": encoder.embed, "before": {name: before.embed}, **told}

    def _tell_cut(self, prepared: Texts, session: Session) -> None:
        """Say how many texts are longer than what is read of them."""
        length = self.options["length"]
        cut = int((prepared.train.lengths >= length).sum())  # what begins a text is not counted there
        if cut:
            session.tell(
                Note(f"{cut:,} of {len(prepared.train):,} texts have more than {length} tokens, which are read of them")
            )

    def _refuse(self) -> None:
        """Raise OptionError for options that do not fit together or cannot be had here, before anything is read."""
        from likewise.recipes.fitting import refuse_training

        options = self.options
        refuse_training(options)
        pool = options["pool"] if self.start is None else self.start.reading.pool
        if self.way.causal and pool == "class":
            raise OptionError("pool class: the first token has seen nothing where each sees those before it; take last")
        if options.get("matryoshka") is not None:
            from likewise.encoders.bert import SIZES
            from likewise.objectives.nested import dims_of

            most = SIZES[options["size"]].dim if self.start is None else self.start.dim
            if max(dims_of(options["matryoshka"])) > most:
                raise OptionError(f"matryoshka {options['matryoshka']}: the network has {most} dims, take fewer")
        if options["tokenizer"] == "bpe" and (options["vocabulary"] or LEAST_BPE) < LEAST_BPE and self.start is None:
            raise OptionError(
                f"vocabulary {options['vocabulary']}: pieces of bytes begin with {LEAST_BPE} tokens, take more"
            )
        if self.start is not None and options["length"] > self.start.reading.tokens:
            read = self.start.reading.tokens
            raise OptionError(
                f"length {options['length']}: what it begins with reads {read} tokens of a text, take --length {read}"
            )


def _tokenizer(path: Path | None) -> Any:
    """Return the tokeniser that a run had begun with, None where there is none."""
    if path is None or not path.is_file():
        return None
    from likewise.sources.tokenising import tokenizer_of

    return tokenizer_of(json.loads(path.read_bytes()))


def _apart(keys: tuple[str, ...]) -> list[str]:
    """Return keys that differ: a second one of a name is numbered."""
    seen: dict[str, int] = {}
    out = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        out.append(key if seen[key] == 1 else f"{key} ({seen[key]})")
    return out


def need(recipe: str) -> None:
    """Raise MissingExtra, with the pip command, where torch or tokenizers is not installed."""
    from importlib.util import find_spec

    for package in ("torch", "tokenizers"):
        if find_spec(package) is None:
            raise MissingExtra(package, "text", f"learning with {recipe}")
