"""The command line: words on a terminal in, the verbs of likewise out.

A person's mistake is one sentence on standard error. Exit codes: 0; 1 for a negative verdict of `verify` or
`doctor`; 2 for bad input; 130 when interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from likewise import __version__
from likewise.errors import LikewiseError, nearest_spellings

VERBS = {
    "learn": "likewise.cli.learn:learn",
    "near": "likewise.cli.ask:near",
    "analogy": "likewise.cli.ask:analogy",
    "senses": "likewise.cli.senses:senses",
    "embed": "likewise.cli.ask:embed",
    "duplicates": "likewise.cli.texts:duplicates",
    "negatives": "likewise.cli.texts:negatives",
    "evaluate": "likewise.cli.judge:evaluate",
    "doctor": "likewise.cli.judge:doctor",
    "verify": "likewise.cli.judge:verify",
    "convert": "likewise.cli.files:convert",
    "recipes": "likewise.cli.learn:recipes",
    "tour": "likewise.cli.files:tour",
    "fasttext": "likewise.cli.fasttext:fasttext",
}


class Verbs(click.Group):
    """The verbs, each imported when it is typed: `likewise --help` costs no numpy."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name the verbs in the order in which a person needs them."""
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one verb."""
        if name not in VERBS:
            return None
        from importlib import import_module

        module, function = VERBS[name].split(":")
        command = getattr(import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or name the nearest one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = nearest_spellings(args[0], VERBS)
            hint = f"did you mean {near[0]}?" if near else f"verbs are {', '.join(VERBS)}"
            raise click.UsageError(f"there is no verb {args[0]!r}: {hint}")
        return super().resolve_command(context, args)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="likewise", message="%(prog)s %(version)s")
def likewise() -> None:
    """Learn embeddings from your own data, prove that they are good, and put them to use.

    Start with: likewise learn corpus.txt --out RUN, then likewise near RUN WORD, and open RUN/report.html.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    try:
        code: Any = likewise.main(args=arguments, prog_name="likewise", standalone_mode=False)
        sys.stdout.flush()
    except LikewiseError as error:
        return _fail(str(error), 2)
    except click.exceptions.Abort:
        return _fail("interrupted", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return 2
    except click.ClickException as error:
        where = f"\n{error.ctx.get_usage()}" if isinstance(error, click.UsageError) and error.ctx else ""
        return _fail(error.format_message() + where, 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except SystemExit:  # click's answer to a reader that has gone: `likewise near … | head`
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file that may not be read, a disk that fails
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 2)
    return code if isinstance(code, int) else 0


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"likewise: {sentence}\n")
    return code
