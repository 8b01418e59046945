"""A small language: a seed in, a text with known structure and its gold answers out.

It serves the tests, which need a text whose truth is known and that is learned in seconds. It is no language of
anybody's, and is never shown as real data.

Nouns belong to topics, and each topic has verbs and adjectives of its own. Twelve roles have two forms, as king and
queen are: both forms keep to the verbs of their role, and each form to the pronouns of its gender. Function words are
everywhere, the first of them most often (Zipf).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from likewise.sources.gold import Label, Pair, Question

_ONSETS = [*"bdfgklmnprstvz", "br", "dr", "gr", "kl", "pl", "st", "tr"]
_VOWELS = [*"aeiou", "ai", "ou"]
_ROLES, _TOPICS, _NOUNS = 12, 6, 15


@dataclass(frozen=True)
class SmallLanguage:
    """The text, a sentence a line, and what is true of its words."""

    lines: list[str]
    analogies: list[Question]
    pairs: list[Pair]
    labels: list[Label]

    @property
    def text(self) -> str:
        """The sentences, each on its line."""
        return "\n".join(self.lines) + "\n"


def small_language(*, seed: int = 0, sentences: int = 20_000) -> SmallLanguage:
    """Make a small language and a text of it; the same seed makes the same.

    >>> small_language(sentences=3).lines == small_language(sentences=3).lines
    True
    """
    rng = np.random.default_rng(seed)
    words = _Words(rng)
    roles = [(words.new(), words.new(), [words.new() for _ in range(3)]) for _ in range(_ROLES)]
    genders = [[words.new() for _ in range(4)] for _ in range(2)]
    topics = [
        ([words.new() for _ in range(_NOUNS)], [words.new() for _ in range(4)], [words.new() for _ in range(4)])
        for _ in range(_TOPICS)
    ]
    common = [words.new() for _ in range(20)]
    weights = 1 / np.arange(1, len(common) + 1)

    def little() -> str:
        return str(rng.choice(common, p=weights / weights.sum()))

    def about_role() -> list[str]:
        *forms, verbs = roles[rng.integers(_ROLES)]
        gender = int(rng.integers(2))
        mark = rng.choice(genders[gender], 2)
        return [little(), str(mark[0]), forms[gender], str(rng.choice(verbs)), little(), str(mark[1]), little()]

    def about_topic() -> list[str]:
        nouns, verbs, adjectives = topics[rng.integers(_TOPICS)]
        one, other = rng.choice(nouns, 2)
        parts = [little(), rng.choice(adjectives), one, rng.choice(verbs), little(), rng.choice(adjectives), other]
        return [str(part) for part in parts]

    lines = [" ".join(about_role() if rng.random() < 0.5 else about_topic()) for _ in range(sentences)]
    questions = [Question("role", a, b, c, d) for a, b, _ in roles for c, d, _ in roles if a != c]
    labels = [Label(noun, f"topic {i}") for i, (nouns, _, _) in enumerate(topics) for noun in nouns]
    labels += [Label(form, "role") for a, b, _ in roles for form in (a, b)]
    return SmallLanguage(lines, questions, _judged(topics, rng), labels)


def _judged(topics: list[tuple[list[str], list[str], list[str]]], rng: np.random.Generator) -> list[Pair]:
    """Score pairs of nouns as people would: 9 within a topic, 1 across."""
    pairs = []
    for i, (nouns, _, _) in enumerate(topics):
        others = [noun for j, (more, _, _) in enumerate(topics) if j != i for noun in more]
        for one, two in pairwise(nouns):
            pairs.append(Pair(one, two, 9.0))
            pairs.append(Pair(one, str(rng.choice(others)), 1.0))
    return pairs


class _Words:
    """New words that can be spoken, none twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._used = rng, set[str]()

    def new(self) -> str:
        """Return a word of two or three syllables."""
        while True:
            syllables = int(self._rng.integers(2, 4))
            word = "".join(str(self._rng.choice(_ONSETS)) + str(self._rng.choice(_VOWELS)) for _ in range(syllables))
            if word not in self._used:
                self._used.add(word)
                return word
