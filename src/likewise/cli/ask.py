"""`near`, `analogy`, `embed`: questions to a space in, answers out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from likewise.cli import render
from likewise.cli.options import FILE, as_json, keys_file, quiet, text_file
from likewise.cli.texts import how, one_line, show_found
from likewise.errors import KeyMissing, OptionError

if TYPE_CHECKING:
    from likewise.embedding import Embedded
    from likewise.opening import Run
    from likewise.space import Space
    from likewise.space.neighbours import Neighbour


@contextmanager
def _numbered_rows(run: Path, keys: Path | None) -> Iterator[None]:
    """Say that an .npy file without keys has numbers for keys, when a key is not found in it."""
    try:
        yield
    except KeyMissing as error:
        if run.suffix != ".npy" or keys is not None or run.with_suffix(".keys.txt").exists():
            raise
        raise OptionError(f"{error.key!r} is not in {run}, whose rows have only numbers: give --keys FILE") from error


count = click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many answers.")


@click.command(short_help="Find what is most like a key or a text, also in a file of texts.")
@click.argument("run", type=FILE)
@click.argument("wanted", nargs=-1, metavar="[KEY]...")
@click.option("--text", multiple=True, help="A new text to encode and search by; may be repeated.")
@click.option("--file", multiple=True, type=FILE, help="A new picture to encode and search by; may be repeated.")
@click.option(
    "--in",
    "texts",
    type=FILE,
    help="File of texts to search in, one a line, or a table with --column. [RUN's own keys]",
)
@how
@count
@click.option("--metric", type=click.Choice(["cosine", "dot", "euclidean"]), default="cosine", show_default=True)
@text_file
@keys_file
@quiet
@as_json
def near(run: Path, wanted: tuple[str, ...], text: tuple[str, ...], texts: Path | None, **given: Any) -> None:
    """Find what is most like each KEY in RUN (a run folder or a file of vectors).

    Several keys are several questions. A key is never among its own answers. A word that a run with n-grams (fasttext)
    has not seen is placed by its letters.

    With --in the texts of a file are searched by --text. RUN then is a run that encodes texts (of words, of texts), or
    the folder of a checkpoint (BERT, MiniLM …).
    """
    if texts is not None:
        _search(run, wanted, text, texts, given)
        return
    _refuse_checkpoint(run)
    if given["column"] is not None:
        raise OptionError(f"--column {given['column']} is of a file of texts, and none came: give it by --in")
    answers, placed, opened = _answers(run, wanted, text, given)
    if given["json"]:
        render.say_json(
            [
                {"query": query, "near": [{"key": found.key, "score": found.score} for found in row]}
                | ({"equally_near": tied} if tied else {})
                | ({"by_letters": {"known": placed[query][0], "of": placed[query][1]}} if query in placed else {})
                for query, (row, tied) in answers.items()
            ]
        )
        return
    for query, (row, tied) in answers.items():
        _say_placed(opened, {query: placed[query]} if query in placed else {})
        render.table(*_table(opened.space, _shown(query), given["metric"], row))
        if tied:
            render.say(
                f"{tied:,} of {len(opened.space):,} {opened.space.kind}s are equally near, at {row[-1].score:.3f}: of "
                "those the first are shown, and their order means nothing",
                style="dim",
            )
        render.say()


def _answers(
    run: Path, wanted: tuple[str, ...], text: tuple[str, ...], given: Mapping[str, Any]
) -> tuple[dict[str, tuple[list[Neighbour], int]], dict[str, tuple[int, int]], Run]:
    """Return what is near each question, which words were placed by their letters, and the run."""
    import likewise as lw

    files = tuple(str(file) for file in given["file"])
    k, metric = given["k"], given["metric"]
    if not wanted and not text and not files:
        raise OptionError(f"near needs a key, --text or --file: likewise near {run} KEY")
    if given["pooling"] and not text:
        raise OptionError(f"--pooling {given['pooling']} is of the words of a --text, and none came: leave it out")
    opened = lw.open(run, keys=given["keys"])
    with _numbered_rows(run, given["keys"]):
        answers = {key: _nearest(opened.with_words([key]), key, k, metric) for key in wanted}
    placed = _by_letters(opened, wanted) if opened.space.kind == "word" else {}
    if (files and opened.space.kind != "image") or (text and opened.space.kind == "image"):
        wrong, right = ("--file", "--text") if files else ("--text", "--file")
        raise OptionError(f"{run} holds {opened.space.kind}s: {right} is what they are searched by, not {wrong}")
    if files:
        vectors = opened.embed(files)
        answers |= {f: _nearest(opened.space, vector, k, metric) for f, vector in zip(files, vectors, strict=True)}
    if text:
        vectors = opened.embed(list(text), pooling=given["pooling"])
        encoder: Any = opened.encoder
        known: Any = encoder.known(text) if opened.space.kind == "text" else vectors.any(axis=1)
        empty = [t for t, there in zip(text, known, strict=True) if not there]
        if empty:
            raise OptionError(f"no word of {_shown(empty[0])!r} is known to {run}: nothing to search by")
        words = opened.words_as_texts(given["pooling"])
        answers |= {t: _nearest(words, vector, k, metric) for t, vector in zip(text, vectors, strict=True)}
    return answers, placed, opened


def _table(space: Space, query: str, metric: str, row: Sequence[Neighbour]) -> tuple[list[str], list[Sequence[str]]]:
    """Return the columns and rows that are shown; where the space holds texts, with what the keys stand for."""
    if space.kind != "text" or "text" not in space.items:
        return [query, f"{metric}#"], [(found.key, f"{found.score:.3f}") for found in row]
    texts = space.items["text"]
    told = [one_line(str(texts[space.index(found.key)])) for found in row]
    return [query, f"{metric}#", "  text"], [
        (found.key, f"{found.score:.3f}", f"  {text}") for found, text in zip(row, told, strict=True)
    ]


def _search(run: Path, wanted: tuple[str, ...], text: tuple[str, ...], texts: Path, given: Mapping[str, Any]) -> None:
    """Search in a file of texts."""
    from likewise.sources.text import open_text
    from likewise.text_search import near_texts

    wrong = [f"the key {wanted[0]!r}"] if wanted else [f"--{name}" for name in ("file", "keys") if given[name]]
    if wrong or not text:
        came = f"{wrong[0]} came, and" if wrong else "nothing came to search by:"
        raise OptionError(f"{came} texts are searched by --text: likewise near {run} --text TEXT --in {texts}")
    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        source = open_text(str(texts), **{name: given[name] for name in ("column", "encoding", "errors")})
        found = near_texts(
            run, list(text), source, given["k"], metric=given["metric"], pooling=given["pooling"], session=session
        )
    show_found(dict(zip(text, found, strict=True)), given["metric"], json=given["json"])


def _refuse_checkpoint(run: Path) -> None:
    from likewise.text_models import is_checkpoint

    if is_checkpoint(run):
        raise OptionError(f"{run} is a network and holds no keys: give --in FILE with the texts to search in")


def _nearest(space: Space, query: Any, k: int, metric: str) -> tuple[list[Neighbour], int]:
    """Return the k nearest, and how many words share the last one's score where some of those are not shown; else 0."""
    found = space.near(query, k + 1, metric=metric)
    if len(found) <= k or found[k].score != found[k - 1].score:
        return found[:k], 0
    return found[:k], sum(other.score == found[k].score for other in space.near(query, len(space), metric=metric))


def _by_letters(run: Run, words: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many n-grams are known, of how many, for each word that is placed by its letters."""
    unseen = [word for word in words if word not in run.space]
    if not unseen:
        return {}
    placed = run.place(unseen)
    rows = zip(unseen, placed.seen.tolist(), placed.known.tolist(), placed.ngrams.tolist(), strict=True)
    return {word: (known, ngrams) for word, seen, known, ngrams in rows if not seen}


def _say_placed(run: Run, placed: Mapping[str, tuple[int, int]]) -> None:
    for word, (known, ngrams) in placed.items():
        render.say(
            f"{_shown(word)} is not among the {len(run.space):,} words: placed by its letters, {known:,} of {ngrams:,} "
            "n-grams known",
            style="dim",
        )


def _shown(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:39]}…"


@click.command(short_help="A is to B as C is to ?")
@click.argument("run", type=FILE)
@click.argument("a")
@click.argument("b")
@click.argument("c")
@count
@click.option("--method", type=click.Choice(["3cosadd", "3cosmul"]), default="3cosadd", show_default=True)
@keys_file
@as_json
def analogy(run: Path, a: str, b: str, c: str, k: int, method: str, **given: Any) -> None:
    """A is to B as C is to ?: likewise analogy RUN man king woman.

    Both answers are shown: with A, B and C left out, as the field counts it, and with them left in. Words that a run
    with n-grams (fasttext) has not seen are placed by their letters.
    """
    import likewise as lw

    opened = lw.open(run, keys=given["keys"])
    with _numbered_rows(run, given["keys"]):
        answer = opened.with_words([a, b, c]).analogy(a, b, c, k, method=method)
    placed = _by_letters(opened, [a, b, c])
    if given["json"]:
        render.say_json(
            {
                "question": [a, b, c],
                "method": method,
                "excluded": [{"key": n.key, "score": n.score} for n in answer.excluded],
                "included": [{"key": n.key, "score": n.score} for n in answer.included],
            }
            | ({"by_letters": {w: {"known": n[0], "of": n[1]} for w, n in placed.items()}} if placed else {})
        )
        return
    _say_placed(opened, placed)
    render.say(f"{b} − {a} + {c} ≈ ?  ({method})\n")
    render.table(
        ["inputs left out", "score#", "   inputs left in", "score#"],
        [
            (out.key, f"{out.score:.3f}", f"   {kept.key}", f"{kept.score:.3f}")
            for out, kept in zip(answer.excluded, answer.included, strict=False)
        ],
    )


@click.command(short_help="Encode each line of a file, or each picture of a folder, and write the vectors.")
@click.argument("run", type=FILE)
@click.argument("file", type=FILE)
@click.option(
    "--out", type=FILE, help="File of vectors to write; the ending chooses the format. [FILE.vectors.parquet]"
)
@click.option(
    "--kind",
    type=click.Choice(["text", "word", "image"]),
    help="What FILE holds. A word is its own key, and an unseen one is placed by its letters where RUN has n-grams. "
    "[text, or image where RUN holds pictures]",
)
@how
@text_file
@click.option("--overwrite", is_flag=True, help="Replace the file to write if it is there.")
@quiet
@as_json
def embed(run: Path, file: Path, out: Path | None, **given: Any) -> None:
    """Encode each line of FILE, or each picture of a folder, with RUN and write the vectors.

    The vector of a text is a mean of the vectors of its known words: the plain one, weighted so that frequent words
    count less, or SIF, which also takes off what all texts have in common. Vectors of two poolings cannot be compared.
    A text without a known word gets zeros, and is counted.

    Where RUN holds pictures, FILE is a folder of pictures, a picture, an IDX, npy, npz or Parquet file. A key is the
    path inside the folder, or the number of a row. What cannot be decoded is skipped, and counted.
    """
    import likewise as lw

    out = out or _beside(file)
    with render.Screen(quiet=given["quiet"] or given["json"]) as session:
        made = lw.embed_file(
            run,
            file,
            out,
            kind=given["kind"],
            pooling=given["pooling"],
            column=given["column"],
            encoding=given["encoding"],
            errors=given["errors"],
            overwrite=given["overwrite"],
            session=session,
        )
    if made.pictures:
        _say_pictures(made, json=given["json"])
        return
    if given["json"]:
        facts = {"out": str(made.path), "texts": made.texts, "dim": made.dim, "empty": made.empty}
        facts |= {"pooling": made.pooling, "fingerprint": made.fingerprint}
        render.say_json(facts | ({"by_letters": made.by_letters} if given["kind"] == "word" else {}))
        return
    pooled = f" (pooling: {made.pooling})" if made.pooling else ""
    render.say(f"{made.texts:,} {given['kind'] or 'text'}s × {made.dim} → {out}{pooled}")
    if made.by_letters:
        render.say(f"{made.by_letters:,} of them were not seen: placed by their letters")
    if made.empty:
        what = "are unknown" if given["kind"] == "word" else "hold no known word"
        render.say(f"{made.empty:,} of them {what}: their vectors are zero")


def _beside(file: Path) -> Path:
    """Return the file that is written where none is named: beside what is read, also where that is `.`."""
    named = file if file.name not in ("", "..") else file.resolve()
    return named.with_name(f"{named.name or 'root'}.vectors.parquet")


def _say_pictures(made: Embedded, *, json: bool) -> None:
    if json:
        facts = {"out": str(made.path), "pictures": made.pictures, "dim": made.dim, "skipped": made.skipped}
        render.say_json(facts | {"fingerprint": made.fingerprint})
        return
    what = "picture" if made.pictures == 1 else "pictures"
    render.say(f"{made.pictures:,} {what} × {made.dim} → {made.path}")
    if made.skipped:
        render.say(f"{made.skipped:,} more could not be decoded, and were skipped")
