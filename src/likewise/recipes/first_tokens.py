"""A first table of tokens: texts that were cut in, a vector for each token by the tokens beside it (word2vec) out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from likewise.session import Event, Progress, Session

if TYPE_CHECKING:
    from torch import Tensor

    from likewise.sources.texts_prepared import Texts

EPOCHS = 3
_MOST_DIMS = 256  # more cost time and say no more
_DEVIATION = 0.05  # of the numbers: what stands where is drawn with .02, and is not to drown what the tokens are
_TURN = 0  # the seed of the turn into more dims


def first_tokens(prepared: Texts, dim: int, *, seed: int, session: Session | None = None) -> Tensor:
    """Return a row for each token, "tokens d", learned by skip-gram from the texts; not a number where none was.

    Vectors are centred, scaled as a whole, and where the network has more dims turned into them, which keeps angles.
    The same seed gives the same bits with any number of threads.
    """
    import numpy as np
    import torch

    from likewise.words.corpus import Corpus
    from likewise.words.vocabulary import Vocabulary
    from likewise.words.word2vec import Word2Vec

    tokens, count = prepared.train, prepared.tokenizer.get_vocab_size()
    counts = tokens.counts(count)
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    number = np.full(count, -1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    names = [str(token) for token in order.tolist()]
    vocabulary = Vocabulary(names, counts[order], raw_words=len(tokens.stream))
    corpus = Corpus(tokens.renumbered(number), tokens.starts)
    wide, session = min(dim, _MOST_DIMS), session or Session()
    aside = session.aside(_told(session))
    trained = Word2Vec(dim=wide, epochs=EPOCHS, seed=seed, reproducible=True).fit(corpus, vocabulary, session=aside)
    if session.stopped:
        raise KeyboardInterrupt  # nothing was learned yet that could be kept
    vectors = trained.vectors - trained.vectors.mean(0)
    if wide < dim:
        drawn = np.random.default_rng(_TURN).normal(size=(dim, wide))
        vectors = vectors @ np.linalg.qr(drawn)[0].T
    table = np.full((count, dim), np.nan, np.float32)
    table[order] = vectors * (_DEVIATION / vectors.std())
    return torch.from_numpy(table)


def _told(session: Session) -> Callable[[Event], None]:
    """Return what passes on how far it is, under a name of its own."""

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            session.tell(Progress("first vectors of tokens", event.done, event.total, "tokens", event.facts))

    return listen
