"""Distance is likeness: neighbours to read, and which cosine means "related"."""

from __future__ import annotations

from likewise.evaluate.baselines import untrained
from likewise.evaluate.calibration import calibrate
from likewise.evaluate.figures import histogram
from likewise.evaluate.page import figure
from likewise.evaluate.sections import Table
from likewise.evaluate.similarity import similarity
from likewise.sources.gold import Pair, read_pairs
from likewise.tour.ground import Ground
from likewise.tour.panel import NotShown, Panel

_FREQUENT = 10_000  # rarer words lie closer together, whatever they mean
_FEWEST = 10  # pairs
_WORDS = (
    "music",
    "river",
    "money",
    "doctor",
    "german",
    "seven",
    "blue",
    "quickly",
    "function",
    "array",
    "error",
    "file",
)


def show(ground: Ground) -> Panel:
    """Calibrate cosine on random pairs, and hold it against people's judgements where there are any."""
    space = ground.need(100).top(_FREQUENT)
    random = untrained(len(space), space.dim)
    sets = {path.stem: read_pairs(path, lowercase=True) for path in ground.gold["pairs"]}
    related = next(iter(sets.values()), _twins(ground))
    if len(related) < _FEWEST:
        raise NotShown("it needs pairs of words that are known to be alike, and none are known for this text")
    found = calibrate(space.vectors, keys=space.keys, pairs=related)
    numbers = [
        similarity(space.keys, space.vectors, pairs, name=name, untrained=random) for name, pairs in sets.items()
    ]
    words = ([word for word in _WORDS if word in space] or list(space.keys[100:108]))[:8]
    rows = tuple((word, tuple(n.key for n in space.near(word, 6))) for word in words)
    what = "pairs that people call alike" if sets else "a word and another form of it"
    misses = found.numbers[-1].value
    return Panel(
        name="likeness",
        statement="Distance is likeness: words that mean alike lie close",
        command=f"likewise near RUN {' '.join(words[:3])}"
        + "".join(f"\nlikewise evaluate RUN --pairs {path.name}" for path in ground.gold["pairs"]),
        finding=f"Among the {len(space):,} most frequent words, one random pair in a hundred has a cosine above "
        f"{found.threshold:.2f}; of {what}, {1 - misses:.0%} have one.",
        fails="Antonyms and co-hyponyms lie as close as synonyms (hot and cold keep the same company); rare words have "
        "neighbours by chance; a few hubs are near everything.",
        pictures=(
            figure(
                histogram(
                    {"random pairs": found.random, "related pairs": found.related},
                    title="Cosine of random and of related pairs",
                    description="Related pairs lie to the right of random ones.",
                    x_label="cosine",
                    marks={"1 in 100": found.threshold},
                ),
                f"Random pairs of words against {what}.",
            ),
        ),
        numbers=(*numbers, *found.numbers),
        tables=(Table(("word", "its nearest"), rows),),
        holds=misses < 0.5,
    )


def _twins(ground: Ground) -> list[Pair]:
    """Return a word and another form of it as related, where nobody's judgements are on this machine."""
    pairs = {(q.a, q.b) for q in ground.questions}
    return [Pair(a, b, 1.0) for a, b in sorted(pairs)] + [Pair(a, a, 0.0) for a, _ in sorted(pairs)[:1]]
