"""Reports: a space and what is known about it in, a verdict and sections of evidence out, as JSON and as a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.errors import InputError
from likewise.evaluate import page
from likewise.evaluate.collapse import Diagnosis, diagnose
from likewise.evaluate.growth_sections import TITLE, movement
from likewise.evaluate.markup import join
from likewise.evaluate.scales import show_measured, show_value
from likewise.evaluate.sections import Section
from likewise.evaluate.shape_sections import agreement, beside_one_hot, meaning_of_cosine, overview, shape
from likewise.evaluate.similarity import ByLetters
from likewise.evaluate.subject import Before, Subject, subject
from likewise.evaluate.watched import by_course
from likewise.evaluate.word_sections import gold_analogies, gold_labels, gold_pairs, learning, readable_neighbours

FORMAT: Final = 1
NOT_MEASURED: Final = "This could not be measured"
"""How the text of a section begins that could not be made."""


@final
@dataclass(frozen=True)
class Report:
    """What was found out about a space: the verdict, the evidence in sections, and the facts of how it was made.

    `highlights` are the few figures to see first, name → (value, what to know about it).
    """

    title: str
    verdict: Mapping[str, Any]
    sections: Sequence[Section]
    facts: Mapping[str, Any] = field(default_factory=dict)
    lead: str = ""
    highlights: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for report.json."""
        return {
            "format": FORMAT,
            "title": self.title,
            "verdict": dict(self.verdict),
            "sections": [section.as_json() for section in self.sections],
            "facts": dict(self.facts),
        }

    def files(self) -> dict[str, bytes]:
        """Return the pictures that are also files, by their names in the run folder."""
        return {name: data for section in self.sections for name, data in section.files.items()}

    def to_html(self) -> str:
        """Return it as one page that needs no network."""
        said = {name: str(self.verdict.get(name, "")) for name in ("verdict", "evidence", "cause", "advice")}
        verdict = page.verdict_bar(said["verdict"], said["evidence"], f"{said['cause']} {said['advice']}".strip())
        facts = page.facts_table(self.facts)
        opening = [verdict, page.tiles(self.highlights)] if self.highlights else [verdict]
        return page.Page(
            self.title or "What these vectors are worth",
            self.lead,
            *(section.as_part() for section in self.sections),
            opening=opening,
            footer=None if facts is None else join(page.heading("How it was made and measured"), facts),
            brand="likewise · report",
        ).to_html()


def word_report(
    keys: Sequence[str],
    vectors: Float[Array, "n d"],
    *,
    counts: Int[Array, " n"] | None = None,
    history: Sequence[Mapping[str, Any]] | None = None,
    analogies: Mapping[str, Sequence[tuple[str, str, str, str, str]]] | None = None,
    pairs: Mapping[str, Sequence[tuple[str, str, float]]] | None = None,
    labels: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    second: Float[Array, "n e"] | None = None,
    untrained: Float[Array, "n d"] | None = None,
    by_letters: ByLetters | None = None,
    before: Before | None = None,
    facts: Mapping[str, Any] | None = None,
    title: str = "",
    seed: int = 0,
    session: Any = None,
) -> Report:
    """Measure what word vectors are worth, beside honest baselines.

    Keys are in falling frequency unless `counts` says otherwise. `history` holds a dictionary for each epoch,
    `second` the vectors of another seed and `untrained` those before training, for the same keys. Gold answers come
    by name; with `by_letters` pairs are also judged with unseen words placed by it. `before` is the space from
    which learning went on. What cannot be measured is left out
    or says why; a wish to stop of `session` ends the measuring early.
    """
    words = subject(
        keys, vectors, counts=counts, second=second, untrained=untrained, seed=seed,
        history=history, analogies=analogies, pairs=pairs, labels=labels, by_letters=by_letters, before=before,
    )  # fmt: skip
    diagnosis = diagnose(words.vectors, seed=seed)
    sections, seconds = _measure(words, diagnosis, session)
    n, dim = words.vectors.shape
    lead = f"{n:,} words, {dim:,} dimensions. "
    if not (words.analogies or words.pairs or words.labels):
        lead += "No gold answers were given: the evidence is the loss on unseen text, the neighbours and the shape. "
    return Report(
        title=title,
        verdict=diagnosis.as_json(),
        sections=sections,
        facts={**(facts or {}), "seconds of measuring": seconds},
        lead=lead + "Every number comes with its protocol, its interval and what plainer things reach.",
        highlights=_highlights(words, sections),
    )


def _measure(words: Subject, diagnosis: Diagnosis, session: Any) -> tuple[list[Section], dict[str, float]]:
    """Make the sections of a report on words."""
    steps: dict[str, Callable[[], list[Section]]] = {"Learning": lambda: learning(words)}
    if words.finite:
        steps |= {
            "Neighbours to read": lambda: readable_neighbours(words),
            "Map": lambda: overview(words),
            "Analogies": lambda: gold_analogies(words),
            "Similarity": lambda: gold_pairs(words),
            "Labels": lambda: gold_labels(words),
            "What a cosine means": lambda: meaning_of_cosine(words),
            "Which neighbours to trust": lambda: agreement(words),
            TITLE: lambda: movement(words),
            "Shape of the space": lambda: shape(words, diagnosis),
            "Beside one-hot vectors": lambda: beside_one_hot(words),
        }
    return measured(steps, session)


def network_report(
    unit: str,
    vectors: Float[Array, "n d"],
    history: Sequence[Mapping[str, Any]],
    diagnosis: Diagnosis,
    steps: Mapping[str, Callable[[], list[Section]]],
    *,
    title: str,
    facts: Mapping[str, Any] | None,
    session: Any,
) -> Report:
    """Return the report on a network's vectors of items, called `unit`: the verdict is by the logged course."""
    sections, seconds = measured(steps, session)
    n, dim = vectors.shape
    return Report(
        title=title,
        verdict=by_course(diagnosis, history).as_json(),
        sections=sections,
        facts={**(facts or {}), "seconds of measuring": seconds},
        lead=f"{n:,} {unit}, {dim:,} dimensions. Every number comes with its protocol, its interval and what plainer "
        "things reach.",
    )


def measured(steps: Mapping[str, Callable[[], list[Section]]], session: Any) -> tuple[list[Section], dict[str, float]]:
    """Make sections one after the other, and say how long each took; one that cannot be made says why."""
    sections: list[Section] = []
    seconds: dict[str, float] = {}
    for name, step in steps.items():
        if session is not None and session.stopped:
            sections.append(Section("Not measured", f"Stopped on request before “{name}”: the rest is missing."))
            break
        start = time.perf_counter()
        try:
            sections += step()
        except InputError as error:
            sections.append(Section(name, f"{NOT_MEASURED}: {error}."))
        seconds[name] = round(time.perf_counter() - start, 2)
    return sections, seconds


def _highlights(words: Subject, sections: Sequence[Section]) -> dict[str, tuple[str, str]]:
    """Return the few figures to see first."""
    found = {"words": (f"{len(words):,}", f"{words.vectors.shape[1]:,} dimensions each")}
    wanted = {
        "Learning": ("loss", False),
        "Analogies": ("analogies right", True),
        "Similarity": ("likeness as people see it", False),
        "Labels": ("labels read out", True),
        "Which neighbours to trust": ("neighbours two seeds share", True),
        TITLE: ("old neighbours kept", True),
    }
    for title, (shown, percent) in wanted.items():
        numbers = [n for s in sections if s.title.split(":")[0] == title for n in s.numbers]
        if numbers and numbers[0].n != 0:
            found[shown] = (_shown(numbers[0].value, percent), _beside(numbers[0], percent))
    return found


def _beside(number: Number, percent: bool) -> str:
    plain = next(
        (name for name in ("untrained", "the start", "most frequent class", "chance") if name in number.baselines), None
    )
    beside = f"; {plain}: {_shown(number.baselines[plain], percent)}" if plain else ""
    return number.name + beside


def _shown(value: float, percent: bool) -> str:
    return show_value(value, percent=True) if percent else show_measured(value)
