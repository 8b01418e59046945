"""The demo: nothing in, a run, its report and the tour's word panels out, and the next three commands to type."""

from __future__ import annotations

import sys
from pathlib import Path

from likewise.cli import render
from likewise.errors import LikewiseError
from likewise.tour import WORDS, take_tour

RUN, PAGE = Path("runs/demo"), Path("runs/tour.html")


def main() -> int:
    """Learn, measure, show; return the exit code."""
    try:
        with render.Screen() as session:
            panels = take_tour(PAGE, of=WORDS, keep=RUN, session=session)
    except LikewiseError as error:
        sys.stderr.write(f"likewise: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("likewise: interrupted\n")
        return 130
    for panel in panels:
        render.say(f"\n{panel.statement}", style="bold")
        render.say(f"  {panel.finding}")
    word = "king" if any("king" in panel.command for panel in panels if panel.name == "queen") else "function"
    render.say(f"\nThe tour      {PAGE.resolve().as_uri()}")
    render.say(f"The evidence  {(RUN / 'report.html').resolve().as_uri()}")
    render.say("\nNext:")
    for command in (f"near {RUN} {word}", f"doctor {RUN}", "learn YOUR-TEXT.txt --out runs/yours"):
        render.say(f"  .venv/bin/likewise {command}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
