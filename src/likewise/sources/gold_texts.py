"""Gold answers about texts: the public sets as they lie in their files in; pairs, classes, senses and searches out.

A person's own scored pairs are read from a table. Each reader names file and line of what it cannot use.
"""

from __future__ import annotations

import json
import math
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from likewise.errors import DataError, OptionError
from likewise.sources.gold import Label, Pair, Place, no_such_file
from likewise.sources.records import read_records, utf8

STS_YEARS: Final = (2012, 2013, 2014, 2015, 2016)
WIC_PARTS: Final = ("train", "dev", "test")
_STSB_PARTS: Final = ("train", "dev", "test")
_JUDGED: Final = ("qrels/test.tsv", "qrels.tsv")
_SOURCE: Final = -1  # where a grade of Cranfield would stand: the paper whose author asked the question


@dataclass(frozen=True, slots=True)
class Classes:
    """Texts with the class of each: those to learn from, and those to test on."""

    train: Sequence[Label]
    test: Sequence[Label]


@dataclass(frozen=True, slots=True)
class Marked:
    """A word where it stands in a text: from and to which character."""

    text: str
    low: int
    high: int

    @property
    def word(self) -> str:
        """The word as it is written there."""
        return self.text[self.low : self.high]


@dataclass(frozen=True, slots=True)
class TwoUses:
    """A word in two texts, and whether it means the same in both."""

    word: str
    first: Marked
    second: Marked
    same: bool


@dataclass(frozen=True, slots=True)
class SenseTexts:
    """A word, and the sense that it has in each text: those to learn from, and those to test on."""

    word: str
    train: Sequence[tuple[Marked, str]]
    test: Sequence[tuple[Marked, str]]


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents and queries by name, and by query the grades of documents: the higher, the more relevant.

    `sources` are documents that a query was made from: they are to be taken out of its ranking.
    """

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, float]]
    sources: Mapping[str, str]


# --- scored pairs ---


def read_text_pairs(
    path: Place, *, first: str = "sentence1", second: str = "sentence2", score: str = "score"
) -> list[Pair]:
    """Read scored pairs of texts from a CSV, JSONL or Parquet file with these columns.

    Raises DataError for a column that is not there, a side that is empty, a score that is no number, and where there
    are fewer than two pairs or all scores are the same: then there is nothing to correlate with.
    """
    pairs = []
    for line, (a, b, told) in read_records(Path(path), (first, second, score)):
        where = f"{path}:{line}"
        pairs.append(Pair(_side(a, first, where), _side(b, second, where), _score(told, score, where)))
    return _comparable(pairs, path)


def read_text_labels(path: Place, *, text: str = "text", label: str = "label") -> list[Label]:
    """Read labelled texts from a CSV, JSONL or Parquet file with these columns; labels may be numbers.

    Raises DataError for a column that is not there, a side that is empty, and where there are fewer than two classes.
    """
    found = []
    for line, (said, told) in read_records(Path(path), (text, label)):
        where = f"{path}:{line}"
        told = str(told) if isinstance(told, int | bool) else told
        found.append(Label(_side(said, text, where), _side(told, label, where)))
    if len({each.label for each in found}) < 2:
        raise DataError(f"{path} has {len(found):,} texts of one class or none: two classes are needed to tell apart")
    return found


def read_stsb(folder: Place, part: str = "test") -> list[Pair]:
    """Read a part of the STS Benchmark (Cer et al. 2017), sts-test.csv: tabs between, no quotes, scores 0 to 5."""
    _one_of(part, _STSB_PARTS)
    path, pairs = Path(folder) / f"sts-{part}.csv", []
    for number, line in _lines(path):
        cells = line.split("\t")
        if len(cells) < 7:
            raise DataError(f"{path}:{number} has {len(cells)} fields: 7 are needed, score and texts last of them")
        pairs.append(Pair(cells[5], cells[6], _score(cells[4], "score", f"{path}:{number}")))
    return _comparable(pairs, path)


def read_sts(archive: Place, year: int) -> dict[str, list[Pair]]:
    """Read the test sets of a year of SemEval's STS (2012 to 2016) by name; pairs that nobody scored are left out.

    `archive` is a tar file with `…/YEAR/NAME.test.tsv`: score, text, text.
    """
    if year not in STS_YEARS:
        raise OptionError(f"year {year}: there are {', '.join(map(str, STS_YEARS))}")
    sets = {}
    for name, data in _tarred(archive, rf"(?:.*/)?{year}/([^/]+)\.test\.tsv"):
        pairs = []
        for number, line in enumerate(utf8(data, f"{archive} {name}").rstrip("\n").split("\n"), 1):
            cells = line.split("\t")
            if len(cells) != 3:
                raise DataError(
                    f"{archive} {year}/{name}:{number} has {len(cells)} fields: score, text, text is needed"
                )
            if cells[0].strip():
                pairs.append(Pair(cells[1], cells[2], _score(cells[0], "score", f"{archive} {year}/{name}:{number}")))
        sets[name] = _comparable(pairs, f"{archive} {year}/{name}")
    if not sets:
        raise DataError(f"{archive} has no {year}/NAME.test.tsv: is it the right file?")
    return dict(sorted(sets.items()))


# --- classes ---


def read_banking77(folder: Place) -> Classes:
    """Read BANKING77 (Casanueva et al. 2020): what people ask a bank, 77 classes; train.csv and test.csv."""
    train, test = (_table_of_labels(Path(folder) / f"{part}.csv") for part in ("train", "test"))
    return Classes(train, test)


def read_trec(archive: Place, *, fine: bool = False) -> Classes:
    """Read TREC's questions (Li and Roth 2002) by what they ask for: 6 classes, or 50 `fine` ones.

    `archive` is a zip file with qc/train.txt and qc/test.txt in Latin-1: `COARSE:fine question`.
    """
    parts = []
    for part in ("train", "test"):
        name, labels = f"qc/{part}.txt", []
        for number, line in enumerate(_zipped(archive, name).decode("latin-1").splitlines(), 1):
            label, blank, question = line.partition(" ")
            if not blank or ":" not in label:
                raise DataError(f"{archive} {name}:{number}: COARSE:fine QUESTION is needed, this came: {_shown(line)}")
            labels.append(Label(question, label if fine else label.partition(":")[0]))
        parts.append(labels)
    return Classes(*parts)


def read_subjectivity(archive: Place) -> Classes:
    """Read SUBJ (Pang and Lee 2004): sentences of plots, and of reviews. Every fifth of each is to test on.

    The set has no parts of its own; `archive` is a zip file with subjectivity/plot… and subjectivity/quote….
    """
    train: list[Label] = []
    test: list[Label] = []
    for label in ("plot", "quote"):
        name = f"subjectivity/{label}.tok.gt9.5000"
        sentences = [line.strip() for line in utf8(_zipped(archive, name), f"{archive} {name}").split("\n")]
        for number, sentence in enumerate(filter(None, sentences)):
            (test if number % 5 == 4 else train).append(Label(sentence, label))
    return Classes(train, test)


# --- words in texts ---


def read_wic(folder: Place, part: str) -> list[TwoUses]:
    """Read a part of Word-in-Context (Pilehvar and Camacho-Collados 2019): train, dev or test."""
    _one_of(part, WIC_PARTS)
    data, gold = Path(folder) / f"{part}.data.txt", Path(folder) / f"{part}.gold.txt"
    answers = [line.strip() for _, line in _lines(gold)]
    uses = []
    for number, line in _lines(data):
        cells = line.split("\t")
        places = re.fullmatch(r"(\d+)-(\d+)", cells[2]) if len(cells) == 5 else None
        if places is None:
            raise DataError(f"{data}:{number}: WORD KIND I-J TEXT TEXT with tabs is needed, this came: {_shown(line)}")
        if number > len(answers) or answers[number - 1] not in ("T", "F"):
            raise DataError(f"{gold}:{number}: T or F is needed for {data.name}:{number}")
        first, second = (
            _marked(text, int(place), f"{data}:{number}")
            for text, place in zip(cells[3:], places.groups(), strict=True)
        )
        uses.append(TwoUses(cells[0], first, second, answers[number - 1] == "T"))
    return uses


def read_coarsewsd(archive: Place) -> dict[str, SenseTexts]:
    """Read CoarseWSD-20 (Loureiro et al. 2021) by word: what it means in a text, of 2 to 5 senses.

    `archive` is a tar file with a folder for each word: classes_map.txt and, of train and test, data and gold.
    """
    files = dict(_tarred(archive, r"(?:.*/)?([^/]+/[^/]+)\.txt"))
    found = {}
    for word in sorted({name.split("/")[0] for name in files}):
        parts = [_senses(archive, files, word, part) for part in ("train", "test")]
        found[word] = SenseTexts(word, *parts)
    if not found:
        raise DataError(f"{archive} has no WORD/classes_map.txt: is it the right file?")
    return found


def _senses(archive: Place, files: Mapping[str, bytes], word: str, part: str) -> list[tuple[Marked, str]]:
    names = [f"{word}/{name}" for name in ("classes_map", f"{part}.data", f"{part}.gold")]
    missing = [name for name in names if name not in files]
    if missing:
        raise DataError(f"{archive} has no {missing[0]}.txt: is it whole?")
    classes, data, gold = (utf8(files[name], f"{archive} {name}.txt").rstrip("\n") for name in names)
    senses, answers, found = json.loads(classes), gold.split("\n"), []
    for number, line in enumerate(data.split("\n"), 1):
        where = f"{archive} {names[1]}.txt:{number}"
        place, tab, text = line.partition("\t")
        if not tab or not place.isdigit():
            raise DataError(f"{where}: PLACE, a tab and a text are needed, this came: {_shown(line)}")
        if number > len(answers) or answers[number - 1] not in senses:
            raise DataError(f"{where} has no answer in {names[2]}.txt that classes_map.txt names")
        found.append((_marked(text, int(place), where, word=word), senses[answers[number - 1]]))
    return found


def _marked(text: str, place: int, where: str, *, word: str | None = None) -> Marked:
    """Return the word at a place, counted in what stands between blanks; `word`: the nearest that is spelled so."""
    pieces = text.split(" ")
    if place >= len(pieces) or not pieces[place]:
        raise DataError(f"{where}: there is no word {place} in a text of {len(pieces)}: {_shown(text)}")
    if word is not None and pieces[place] != word:  # one line of CoarseWSD-20 is a few places off
        there = [other for other, piece in enumerate(pieces) if piece == word]
        if not there:
            raise DataError(f"{where}: {word!r} does not stand in {_shown(text)}")
        place = min(there, key=lambda other: abs(other - place))
    low = sum(len(piece) + 1 for piece in pieces[:place])
    return Marked(text, low, low + len(pieces[place]))


# --- searches ---


def read_cranfield(folder: Place) -> Collection:
    """Read the Cranfield collection (Cleverdon 1967): 1,400 abstracts, 225 questions, grades 1 (least) to 4 (best).

    cranqrel has 1 for the best and 4 for the least: they are turned round here. Its −1 stands once for each question,
    at the paper whose author asked it; such papers are `sources`, and no answers. Questions are counted in the order
    of cran.qry, as cranqrel does.
    """
    home = Path(folder)
    documents = {name: fields.get("W") or fields.get("T", "") for name, fields in _smart(home / "cran.all.1400")}
    queries = {str(number): fields.get("W", "") for number, (_, fields) in enumerate(_smart(home / "cran.qry"), 1)}
    judgements: dict[str, dict[str, float]] = {name: {} for name in queries}
    sources: dict[str, str] = {}
    path = home / "cranqrel"
    for number, line in _lines(path):
        cells = line.split()
        if len(cells) != 3 or cells[0] not in queries or cells[1] not in documents:
            raise DataError(f"{path}:{number}: QUERY DOCUMENT GRADE is needed, this came: {_shown(line)}")
        grade = _score(cells[2], "grade", f"{path}:{number}")
        if grade == _SOURCE:
            sources[cells[0]] = cells[1]
        else:
            judgements[cells[0]][cells[1]] = 5 - grade
    return Collection(documents, queries, judgements, sources)


def read_answers(folder: Place) -> Collection:
    """Read a folder in the layout of BEIR (Thakur et al. 2021): corpus.jsonl, queries.jsonl, and who answers whom.

    Lines of the first two have `_id`, `text` and perhaps `title`, which goes before the text. qrels/test.tsv, or
    qrels.tsv, has a query, a document and a grade in each line, with tabs; a first line that names them is passed over.
    Raises DataError for a line that is not so, a name that comes twice, and a judgement of what is not there.
    """
    home = Path(folder)
    if not home.is_dir():
        raise DataError(f"{home} is no folder: one with corpus.jsonl, queries.jsonl and qrels/test.tsv is needed")
    documents, queries = _named_texts(home / "corpus.jsonl"), _named_texts(home / "queries.jsonl")
    path = next((home / name for name in _JUDGED if (home / name).is_file()), home / _JUDGED[0])
    judgements: dict[str, dict[str, float]] = {}
    for number, line in _lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and len(cells) == 3 and not _is_number(cells[2]):
            continue
        if len(cells) != 3:
            raise DataError(f"{path}:{number}: QUERY DOCUMENT GRADE with tabs is needed, this came: {_shown(line)}")
        for name, known, what in ((cells[0], queries, "query"), (cells[1], documents, "document")):
            if name not in known:
                raise DataError(f"{path}:{number}: there is no {what} {name!r}")
        judgements.setdefault(cells[0], {})[cells[1]] = _score(cells[2], "grade", f"{path}:{number}")
    if not any(grade > 0 for grades in judgements.values() for grade in grades.values()):
        raise DataError(f"{path} names no document that answers a query: there is nothing to find")
    asked = {name: text for name, text in queries.items() if name in judgements}
    return Collection(documents, asked, judgements, {})


def _named_texts(path: Path) -> dict[str, str]:
    """Return the texts of a file of JSON lines by their `_id`."""
    found: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DataError(f'{path}:{number} is no JSON ({error}): a line is {{"_id": …, "text": …}}') from error
        name, text = (entry.get("_id"), entry.get("text")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(text, str):
            raise DataError(f"{path}:{number} has no _id and text that are strings, this came: {_shown(line)}")
        if name in found:
            raise DataError(f"{path}:{number}: _id {name!r} came before: name each text once")
        title = entry.get("title")
        found[name] = f"{title} {text}".strip() if isinstance(title, str) else text
    if not found:
        raise DataError(f"{path} is empty: there is nothing to search")
    return found


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _smart(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield number and fields of each entry of a file of the SMART system: `.I 1`, then `.T`, `.W` and text."""
    name, field, fields = "", "", dict[str, list[str]]()
    for number, line in _lines(path):
        mark = re.fullmatch(r"\.([A-Z])(?: +(\d+))?", line.rstrip())
        if mark is None:
            if not name:
                raise DataError(f"{path}:{number}: .I and a number are needed first, this came: {_shown(line)}")
            fields.setdefault(field, []).append(line.strip())
        elif mark[1] == "I":
            if name:
                yield name, {key: " ".join(lines).strip() for key, lines in fields.items()}
            name, field, fields = mark[2] or "", "", {}
        else:
            field = mark[1]
    if name:
        yield name, {key: " ".join(lines).strip() for key, lines in fields.items()}


# --- files ---


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, line) of each line that is not empty."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(no_such_file(path)) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    for number, line in enumerate(utf8(data, str(path)).split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")


def _tarred(archive: Place, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tar file that fit `wanted` wholly, by the part of their names in its brackets."""
    try:
        with tarfile.open(archive) as file:
            for member in file:
                fits = re.fullmatch(wanted, member.name)
                content = file.extractfile(member) if fits and member.isfile() else None
                if fits is not None and content is not None:
                    yield fits[1], content.read()
    except FileNotFoundError:
        raise DataError(no_such_file(Path(archive))) from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{archive} cannot be read as a tar file ({error}): fetch it again") from error


def _zipped(archive: Place, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as file:
            return file.read(name)
    except FileNotFoundError:
        raise DataError(no_such_file(Path(archive))) from None
    except KeyError:
        raise DataError(f"{archive} has no {name}: is it the right file?") from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{archive} cannot be read as a zip file ({error}): fetch it again") from error


def _table_of_labels(path: Path) -> list[Label]:
    return [
        Label(_side(text, "text", f"{path}:{line}"), _side(label, "category", f"{path}:{line}"))
        for line, (text, label) in read_records(path, ("text", "category"))
    ]


def _side(value: Any, column: str, where: str) -> str:
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: {column} is {_shown(str(value))}, not text: name a column of text")
    if value is None or not value.strip():
        raise DataError(f"{where}: {column} is empty: fill it in, or leave the line out")
    return value


def _score(value: Any, column: str, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        told = "missing" if value is None else f"{_shown(str(value))}, not a number"
        raise DataError(f"{where}: {column} is {told}: give a number that is higher for what is more alike")
    return number


def _comparable(pairs: list[Pair], path: Place) -> list[Pair]:
    if len(pairs) < 2:
        raise DataError(
            f"{path} holds too few scored pairs, {len(pairs)}: two or more are needed, to compare their order"
        )
    if len({pair.score for pair in pairs}) == 1:
        raise DataError(f"{path}: all {len(pairs):,} pairs have the score {pairs[0].score:g}: some must be more alike")
    return pairs


def _one_of(part: str, parts: Sequence[str]) -> None:
    if part not in parts:
        raise OptionError(f"part {part!r}: there are {', '.join(parts)}")


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "…")
