"""`python -m likewise`: the command line."""

from likewise.cli import main

main()
