"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

as_json = click.option("--json", is_flag=True, help="Print JSON for a program, and nothing else.")
quiet = click.option("--quiet", is_flag=True, help="No progress, only results and errors.")
keys_file = click.option("--keys", type=FILE, help="File of keys, one a line, for a bare .npy of vectors.")


def gold(command: Command) -> Command:
    """Add the files of gold answers that evidence can use."""
    for flag, text in (
        ("--labels", "File of KEY LABEL lines, for probes; may be repeated."),
        ("--pairs", "File of WORD WORD SCORE lines, judged by people; may be repeated."),
        ("--analogies", "File of analogy questions (': relation' lines, then A B C D); may be repeated."),
    ):
        command = click.option(flag, type=FILE, multiple=True, help=text)(command)
    return command


def text_file(command: Command) -> Command:
    """Add what says how a file of text is read."""
    for option in (
        click.option(
            "--errors",
            type=click.Choice(["strict", "replace", "ignore"]),
            default="strict",
            show_default=True,
            help="What to do with bytes that are not of that encoding.",
        ),
        click.option("--encoding", default="utf-8", show_default=True, help="How the text is encoded."),
        click.option("--column", help="Column of a CSV, JSONL or Parquet file that holds the text, or the pictures."),
    ):
        command = option(command)
    return command
