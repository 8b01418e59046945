"""`fasttext`: fastText's own command line in, the same by the recipe fasttext out, for people's scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from likewise.cli import render
from likewise.errors import KeyMissing, OptionError, nearest_spellings

if TYPE_CHECKING:
    from likewise.opening import Run

LEARNING = ("skipgram", "cbow")
# fastText's option → the recipe's, and what its value is
OPTIONS: dict[str, tuple[str, type]] = {
    "-dim": ("dim", int),
    "-ws": ("window", int),
    "-neg": ("negative", int),
    "-loss": ("loss", str),
    "-minn": ("min_n", int),
    "-maxn": ("max_n", int),
    "-epoch": ("epochs", int),
    "-lr": ("rate", float),
    "-t": ("sample", float),
    "-minCount": ("min_count", int),
    "-bucket": ("buckets", int),
    "-thread": ("threads", int),
    "-seed": ("seed", int),
}
FILES = ("-input", "-output")
WITHOUT_MEANING = ("-verbose", "-lrUpdateRate", "-wordNgrams", "-minCountLabel", "-label")  # taken, of no effect here
NOT_HERE = {
    "-pretrainedVectors": "words learned before are gone on with by `likewise learn`: see its --help",
    "-saveOutput": "the other side of training is in the .bin already",
    **dict.fromkeys(("-cutoff", "-retrain", "-qnorm", "-qout", "-dsub"), "it quantises classifiers"),
    **dict.fromkeys(("-autotune-validation", "-autotune-metric", "-autotune-duration"), "it tunes classifiers"),
}
CLASSIFIER = (
    "likewise learns no classifiers; `likewise evaluate MODEL --labels FILE` tells what vectors know of classes"
)
INSTEAD = {
    "supervised": CLASSIFIER,
    "test": CLASSIFIER,
    "test-label": CLASSIFIER,
    "predict": CLASSIFIER,
    "predict-prob": CLASSIFIER,
    "quantize": "quantised files keep no exact vectors, and likewise writes none; keep the .bin",
    "print-sentence-vectors": "`likewise embed MODEL FILE` writes a vector a line; --pooling mean is the plain mean",
    "print-ngrams": "in Python, likewise.open(MODEL).encoder has the rows of n-grams and their buckets",
    "analogies": "`likewise analogy MODEL A B C` asks: A is to B as C is to what?",
    "dump": "`likewise convert MODEL OUT.vec` writes the vectors",
}


@click.command(
    "fasttext",
    short_help="fastText's own command line, for scripts: skipgram, cbow, nn, print-word-vectors.",
    context_settings={
        "help_option_names": ["--help"],
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    },
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="VERB [ARGUMENTS]")
def fasttext(words: tuple[str, ...]) -> None:
    """Take fastText's own command line, so that scripts go on working.

    \b
    likewise fasttext skipgram|cbow -input FILE -output NAME [-dim N] [-ws N] [-neg N] [-loss ns|hs] [-minn N]
        [-maxn N] [-epoch N] [-lr X] [-t X] [-minCount N] [-bucket N] [-thread N] [-seed N]
    likewise fasttext nn MODEL [K]                  neighbours of each word on standard input
    likewise fasttext print-word-vectors MODEL      vectors of each word on standard input

    The first two write NAME.bin and NAME.vec, replacing what is there, as fastText does. Words are parted by white
    space and case is kept. For new work use `likewise learn fasttext`: it keeps its evidence.
    """
    verb, *rest = words or [""]
    verbs: dict[str, Callable[[Sequence[str]], None]] = {"nn": _nearest, "print-word-vectors": _print_vectors}
    if verb in LEARNING:
        _learn(verb, rest)
    elif verb in verbs:
        verbs[verb](rest)
    elif verb in INSTEAD:
        raise OptionError(f"fastText's {verb} is not here: {INSTEAD[verb]}")
    else:
        known = [*LEARNING, *verbs]
        near = nearest_spellings(verb, [*known, *INSTEAD], most=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise OptionError(f"fasttext {verb or '…'}: {hint}")


def _learn(verb: str, rest: Sequence[str]) -> None:
    import likewise as lw
    from likewise.conversion import write_fasttext, write_vectors

    files, options, told = _parsed(verb, rest)
    with render.Screen(quiet="-verbose 0" in told) as session:
        run = lw.learn(
            files["-input"],
            recipe="fasttext",
            model=verb,
            tokenizer="whitespace",
            lowercase=False,
            held_out=0.0,
            report=False,
            session=session,
            **options,
        )
        if session.stopped:
            raise KeyboardInterrupt
        made = [Path(f"{files['-output']}{ending}") for ending in (".bin", ".vec")]
        write_fasttext(made[0], run, session)
        write_vectors(made[1], run.space)
    for path in made:
        render.say(f"{len(run.space):,} words × {run.space.dim} → {path}")


def _parsed(verb: str, rest: Sequence[str]) -> tuple[dict[str, str], dict[str, Any], set[str]]:
    """Return files, options of the recipe, and what is said without effect."""
    files: dict[str, str] = {}
    options: dict[str, Any] = {}
    told: set[str] = set()
    given = iter(rest)
    for flag in given:
        if flag in NOT_HERE:
            raise OptionError(f"{verb} has no {flag} here: {NOT_HERE[flag]}")
        if flag not in (*OPTIONS, *FILES, *WITHOUT_MEANING):
            raise OptionError(_unknown(verb, flag))
        value = next(given, None)
        if value is None:
            raise OptionError(f"{flag} needs a value behind it")
        if flag in FILES:
            files[flag] = value
        elif flag in OPTIONS:
            name, kind = OPTIONS[flag]
            options[name] = _value(flag, value, kind)
        else:
            told.add(f"{flag} {value}")
    missing = [flag for flag in FILES if flag not in files]
    if missing:
        raise OptionError(f"{verb} needs {' and '.join(missing)}: likewise fasttext {verb} -input FILE -output NAME")
    if options.get("max_n") == 0:
        options.pop("buckets", None)  # scripts that want no n-grams say -bucket 0, too
    _check_place(files["-output"])
    return files, options, told


def _check_place(output: str) -> None:
    """Refuse names of files that cannot be written, before anything is learned."""
    if not Path(output).name or output.endswith("/"):
        raise OptionError(f"-output is {output!r}: it is a name to which .bin and .vec are added")
    there = next(folder for folder in Path(output).absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OptionError(f"-output is {output!r}: {there} cannot be written into; choose another place")


def _value(flag: str, value: str, kind: type) -> Any:
    if flag == "-loss" and value not in ("ns", "hs"):
        raise OptionError(f"-loss is {value!r}: here it is ns or hs; the others are for classifiers")
    try:
        return kind(value)
    except ValueError:
        number = "a whole number" if kind is int else "a number"
        raise OptionError(f"{flag} is {value!r}: it must be {number}") from None


def _unknown(verb: str, flag: str) -> str:
    known = [*FILES, *OPTIONS]
    if not flag.startswith("-"):
        return f"{verb} does not know what to do with {flag!r}: an option such as -dim comes before each value"
    if "=" in flag:
        name, value = flag.split("=", 1)
        return f"{verb} does not know what to do with {flag!r}: a blank stands between both, {name} {value}"
    near = nearest_spellings(flag.lstrip("-"), [name[1:] for name in known], most=1)
    hint = f"did you mean -{near[0]}?" if near else f"it has {' '.join(known)}"
    return f"{verb} has no option {flag}: {hint}"


def _model(verb: str, rest: Sequence[str], *, most: int) -> Run:
    import likewise as lw

    if not 1 <= len(rest) <= most:
        raise OptionError(f"{verb} needs a model: likewise fasttext {verb} MODEL{' [K]' * (most - 1)} < WORDS")
    return lw.open(rest[0])


def _nearest(rest: Sequence[str]) -> None:
    """Answer each word of standard input as fastText does, its prompt included."""
    k = _value("K", rest[1], int) if len(rest) > 1 else 10
    if k < 1:
        raise OptionError(f"K is {k}: how many neighbours, 1 or more")
    run = _model("nn", rest, most=2)
    sys.stdout.write("Query word? ")
    for word in _words():
        try:
            found = run.with_words([word]).near(word, k)
        except KeyMissing as error:
            sys.stderr.write(f"likewise: {error}\n")
            found = []
        answers = "".join(f"{render.visible(near.key)} {near.score:.6g}\n" for near in found)
        sys.stdout.write(f"{answers}Query word? ")
        sys.stdout.flush()
    sys.stdout.write("\n")


def _print_vectors(rest: Sequence[str]) -> None:
    """Print each word of standard input and its vector; one without a place has zeros, as with fastText."""
    run = _model("print-word-vectors", rest, most=1)
    for word in _words():
        vector = run.place([word]).vectors[0]
        sys.stdout.write(f"{word} {''.join(f'{number:.5g} ' for number in vector.tolist())}\n")


def _words() -> Iterator[str]:
    for line in sys.stdin:
        yield from line.split()
