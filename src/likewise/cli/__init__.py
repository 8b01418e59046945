"""The command line, a file for each kind of verb."""

from likewise.cli.main import main, run

__all__ = ["main", "run"]
