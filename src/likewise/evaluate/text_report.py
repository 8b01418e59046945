"""Reports on texts: texts, vectors and what encodes in, a verdict and sections of evidence out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np
from jaxtyping import Bool, Float

from likewise.contracts import Array, Number
from likewise.errors import DataError, MissingExtra
from likewise.evaluate import page
from likewise.evaluate.collapse import diagnose
from likewise.evaluate.course_sections import learning_course, shape
from likewise.evaluate.few_labels import FEW, Split, few_label_accuracy, linear_accuracy
from likewise.evaluate.figures import Bar, bar_chart
from likewise.evaluate.hidden_words import TITLE as HIDDEN
from likewise.evaluate.hidden_words import Guessed, hidden_words
from likewise.evaluate.markup import element, join
from likewise.evaluate.pull_push import pull_and_push
from likewise.evaluate.ranking import rankings, scored
from likewise.evaluate.report import Report, network_report
from likewise.evaluate.retrieval import neighbours
from likewise.evaluate.rows import unit
from likewise.evaluate.scales import show_value
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.stability import overlap_among
from likewise.evaluate.text_baselines import Bm25, Tfidf, TfidfSvd
from likewise.evaluate.text_pairs import cosine_likeness, text_likeness
from likewise.evaluate.two_views import view_retrieval

MOST_HALVED: Final = 1_000  # texts of which halves are matched
_LEAST_WORDS = 8  # of a text that is halved
_LEAST_OTHERS = 50  # texts that words are counted in
_ASKED, _NEAREST, _SHOWN = 8, 3, 110  # texts whose nearest are shown, how many, and characters of each
_ALL_RANKED = 5_000_000  # scores; where there are more, so many are ranked for each question:
_RANKED = 1_000
_DIMS = 256  # of the principal components of word counts
TRUST = "Which neighbours to trust"


class Searched(Protocol):
    """Documents and questions by name, which documents answer a question, and how well."""

    @property
    def documents(self) -> Mapping[str, str]:
        """Texts to search in."""

    @property
    def queries(self) -> Mapping[str, str]:
        """Texts to search by."""

    @property
    def judgements(self) -> Mapping[str, Mapping[str, float]]:
        """By question, the grades of documents: above 0 for what answers it."""


@dataclass(frozen=True)
class Written:
    """Texts with their vectors, and what is there to judge them by; `held_out` were not learned from.

    `encode` makes vectors of texts, what stands in `before` does so by the same network as it was drawn or begun;
    `second` are vectors that another seed has learned; `guessed` is what was told of hidden words; `scored` are pairs
    of texts with people's scores, `labelled` texts with labels, `searched` documents with questions that they answer,
    by name.
    """

    keys: Sequence[str]
    texts: Sequence[str]
    vectors: Float[Array, "n d"]
    held_out: Bool[Array, " n"]
    encode: Callable[[Sequence[str]], Array] | None = None
    before: Mapping[str, Callable[[Sequence[str]], Array]] = field(default_factory=dict)
    guessed: Guessed | None = None
    history: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    second: Float[Array, "n e"] | None = None
    scored: Mapping[str, Sequence[tuple[str, str, float]]] = field(default_factory=dict)
    labelled: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    searched: Mapping[str, Searched] = field(default_factory=dict)
    seed: int = 0


def text_report(
    subject: Written, *, title: str = "", facts: Mapping[str, Any] | None = None, session: Any = None
) -> Report:
    """Measure what vectors of texts are worth, beside counted words and the untrained network.

    What cannot be measured is left out or says why; a wish to stop of `session` ends the measuring early.
    """
    diagnosis = diagnose(subject.vectors, seed=subject.seed)
    steps: dict[str, Callable[[], list[Section]]] = {
        "Learning": lambda: learning_course(subject.history),
        HIDDEN: lambda: hidden_words(subject.guessed, subject.history),
        "Halves of one text": lambda: halves(subject),
        "Likeness": lambda: likeness(subject),
        "Labels": lambda: few_labels(subject),
        "Answers": lambda: answers(subject),
        "Pull and push": lambda: pull_and_push(subject.history),
        "Nearest texts": lambda: nearest_texts(subject),
        TRUST: lambda: agreement(subject),
        "Shape of the space": lambda: shape(subject.vectors, diagnosis),
    }
    return network_report(
        "texts", subject.vectors, subject.history, diagnosis, steps, title=title, facts=facts, session=session
    )


def halves(s: Written) -> list[Section]:
    """Say how often the second half of a text is found by its first among those of all others."""
    if s.encode is None:
        return []
    rows = [row for row in range(len(s.texts)) if len(s.texts[row].split()) >= _LEAST_WORDS]
    rows = [row for row in rows if s.held_out[row]] or rows
    rows = rows[:MOST_HALVED]
    if len(rows) < 10:
        raise DataError(f"{len(rows)} texts have {_LEAST_WORDS} words or more: 10 are needed to match halves")
    first, second = zip(*(_halved(s.texts[row]) for row in rows), strict=True)
    number = view_retrieval(np.asarray(s.encode(first)), np.asarray(s.encode(second)))
    beside = dict(number.baselines) | _counted(s, rows, first, second)
    for name, encode in s.before.items():
        beside[name] = view_retrieval(encode(first), encode(second)).value
    number = replace(number, name="half found@1", baselines=beside)
    bars = [Bar("these vectors", number.value, number.low, number.high)]
    bars += [Bar(name, value) for name, value in beside.items()]
    chart = bar_chart(
        bars, title="The other half of a text found", percent=True, high=1.0,
        description="How often the nearest of all halves of the other kind is of the same text.",
    )  # fmt: skip
    text = (
        f"{len(rows):,} texts were cut in the middle, and the nearest of all second halves is asked for each first, "
        "and the other way round: what a text is about stands in both of its halves, few of its words do. No label is "
        "needed. Beside it stand the network before it learned, and counted words (TF-IDF, by principal components)."
    )
    if any(beside[name] > number.value for name in s.before):
        text += " The network found more before it learned: what it has learned so far does not serve this."
    if number.value < max((value for name, value in beside.items() if name.startswith("TF-IDF")), default=0.0):
        text += " Here counted words find more: for search by words alone they are the better choice."
    return [Section("Halves of one text", text, (number,), (), (page.figure(chart),))]


def _halved(text: str) -> tuple[str, str]:
    words = text.split()
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def _counted(s: Written, asked: Sequence[int], first: Sequence[str], second: Sequence[str]) -> dict[str, float]:
    """Return the same of TF-IDF, its words and their weights from all other texts; nothing where they are too few."""
    left = set(asked)
    others = [text for row, text in enumerate(s.texts) if row not in left]
    if len(others) < _LEAST_OTHERS:
        return {}
    try:
        counted = TfidfSvd.learned(others, dim=_DIMS)
    except DataError:  # no word in them
        return {}
    return {f"TF-IDF of {len(others):,} texts": view_retrieval(*map(counted.embed, (first, second))).value}


def likeness(s: Written) -> list[Section]:
    """Say how well cosine agrees with people's scores of pairs, beside counted words and the network before."""
    sections = []
    for name, pairs in s.scored.items():
        if s.encode is None:
            raise DataError("there is nothing here that encodes texts, so pairs cannot be scored")
        first, second, scores = (list(each) for each in zip(*pairs, strict=True))
        beside = {"TF-IDF": cosine_likeness(Tfidf.learned(s.texts).cosines(first, second), scores)[0].value}
        for who, encode in s.before.items():
            beside[who] = text_likeness(encode(first), encode(second), scores)[0].value
        found = text_likeness(s.encode(first), s.encode(second), scores, name=name, seed=s.seed)
        numbers = (replace(found[0], baselines={**found[0].baselines, **beside}), found[1])
        bars = [Bar("these vectors", numbers[0].value, numbers[0].low, numbers[0].high)]
        bars += [Bar(who, value) for who, value in beside.items()]
        chart = bar_chart(
            bars, title="Agreement with people", description="Spearman's correlation of cosine and score.",
            low=min(0.0, *(bar.value for bar in bars)),
        )  # fmt: skip
        text = f"{len(pairs):,} pairs of texts that people scored: how far the order by cosine is theirs."
        if numbers[0].value < beside["TF-IDF"]:
            text += " Here counted words agree better: for likeness they are the better choice."
        sections.append(Section(f"Likeness: {name}", text, numbers, (), (page.figure(chart),)))
    return sections


def few_labels(s: Written) -> list[Section]:
    """Say what the vectors are worth with few labels: half of the labelled texts to learn from, half to test on."""
    sections = []
    for name, labelled in s.labelled.items():
        if s.encode is None:
            raise DataError("there is nothing here that encodes texts, so labels cannot be told")
        order = np.random.default_rng(s.seed).permutation(len(labelled))
        train, test = ([labelled[row] for row in half] for half in np.array_split(order, 2))
        known = {label for _, label in train}
        test = [each for each in test if each[1] in known]
        split = Split([label for _, label in train], [label for _, label in test])
        texts = [text for text, _ in train], [text for text, _ in test]
        makers: dict[str, Callable[[Sequence[str]], Array]] = {"these vectors": s.encode, **s.before}
        makers["TF-IDF"] = TfidfSvd.learned(texts[0], dim=_DIMS).embed
        found = {
            who: _accuracies(np.asarray(make(texts[0])), np.asarray(make(texts[1])), split)
            for who, make in makers.items()
        }
        ours = found.pop("these vectors")
        numbers = tuple(
            replace(number, baselines={**number.baselines, **{who: each[which].value for who, each in found.items()}})
            for which, number in ours.items()
        )
        text = f"{len(train):,} labelled texts to learn from and {len(test):,} to test on, of {len(known)} classes."
        sections.append(Section(f"Labels: {name}", text, numbers))
    return sections


def answers(s: Written) -> list[Section]:
    """Say how well what answers a question is found by cosine, beside BM25, TF-IDF and the network before."""
    sections = []
    for name, searched in s.searched.items():
        if s.encode is None:
            raise DataError("there is nothing here that encodes texts, so nothing can be searched")
        queries, documents = list(searched.queries.values()), list(searched.documents.values())
        makers = {"these vectors": s.encode, **s.before}
        scores = {who: _cosines(np.asarray(make(queries)), np.asarray(make(documents))) for who, make in makers.items()}
        scores |= _by_words(queries, documents)
        found = {who: _ranked(searched, each) for who, each in scores.items()}
        ours = found.pop("these vectors")
        numbers = tuple(
            replace(number, baselines={**{who: each[which].value for who, each in found.items()}, **number.baselines})
            for which, number in enumerate(ours)
        )
        bars = [Bar("these vectors", numbers[0].value, numbers[0].low, numbers[0].high)]
        bars += [Bar(who, each[0].value, each[0].low, each[0].high) for who, each in found.items()]
        chart = bar_chart(
            bars, title=f"Answers found: {numbers[0].name}", percent=True,
            description="How well the documents that answer a question stand first, 1 where none could stand better.",
        )  # fmt: skip
        text = (
            f"{len(queries):,} questions, to each of which {len(documents):,} documents are ordered by cosine. BM25 "
            "and TF-IDF order them by the words that they share with the question."
        )
        better = [who for who in ("BM25", "TF-IDF") if who in found and found[who][0].value > numbers[0].value]
        if better:
            text += f" Here {' and '.join(better)} find more: for such questions words are the better choice."
        sections.append(Section(f"Answers: {name}", text, numbers, (), (page.figure(chart),)))
    return sections


def _cosines(queries: Float[Array, "q d"], documents: Float[Array, "n d"]) -> Float[Array, "q n"]:
    return np.asarray(unit(queries) @ unit(documents).T)


def _by_words(queries: Sequence[str], documents: Sequence[str]) -> dict[str, Float[Array, "q n"]]:
    """Return the scores of searches by words; BM25 where its library is installed."""
    found: dict[str, Array] = {}
    with contextlib.suppress(MissingExtra):
        found["BM25"] = Bm25(documents).scores(queries)
    return found | {"TF-IDF": Tfidf.learned(documents).scores(queries, documents)}


def _ranked(searched: Searched, scores: Float[Array, "q n"]) -> list[Number]:
    """Return nDCG@10, MAP, recall@100 and MRR; of very many scores the best of each question are ranked."""
    documents = list(searched.documents)
    if scores.size <= _ALL_RANKED:
        table = scored(scores, list(searched.queries), documents)
    else:
        best = np.argpartition(-scores, _RANKED, axis=1)[:, :_RANKED]
        table = {
            query: {documents[column]: float(row[column]) for column in columns}
            for query, row, columns in zip(searched.queries, scores, best, strict=True)
        }
    return rankings(table, searched.judgements, documents=len(documents))


def _accuracies(train: Array, test: Array, split: Split) -> dict[str, Number]:
    found = {str(each): few_label_accuracy(train, test, split, each=each) for each in FEW}
    found["all"] = linear_accuracy(train, test, split)
    return {which: number for which, number in found.items() if number is not None}


def nearest_texts(s: Written) -> list[Section]:
    """Show some texts and the ones nearest to them, to read."""
    if len(s.keys) < 2:
        return []
    rows = np.flatnonzero(s.held_out)
    rows = rows if len(rows) >= _ASKED else np.arange(len(s.keys))
    asked = np.sort(np.random.default_rng(s.seed).permutation(rows)[:_ASKED])
    near = neighbours(s.vectors, _NEAREST, rows=asked)
    blocks = [
        element("blockquote", join(
            element("p", element("strong", _shown(s.texts[row]))),
            *(element("p", _shown(s.texts[other])) for other in others),
        ))
        for row, others in zip(asked, near, strict=True)
    ]  # fmt: skip
    table = Table(
        ("text", *(f"nearest {n + 1}" for n in range(near.shape[1]))),
        tuple((s.keys[row], *(s.keys[other] for other in others)) for row, others in zip(asked, near, strict=True)),
        "Their keys.",
    )
    return [Section("Nearest texts", "Some texts, and under each the ones nearest to it by cosine.", (), (table,),
                    (join(*blocks),))]  # fmt: skip


def _shown(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"


def agreement(s: Written) -> list[Section]:
    """Say how many neighbours a second seed agrees on; nothing where there is none."""
    if s.second is None or len(s.keys) < 3:
        return []
    chosen = s.held_out if s.held_out.any() else ~s.held_out
    number = overlap_among(s.vectors, s.second, chosen, seed=s.seed, who="two seeds")
    text = (
        f"The same texts learned with a second seed agree on {show_value(number.value, percent=True)} of the 10 "
        f"nearest neighbours (chance: {show_value(number.baselines['chance'], percent=True)}). A neighbour that "
        "another seed does not find is an accident."
    )
    return [Section(TRUST, text, (number,))]
