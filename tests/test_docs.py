"""Every code block of README and docs runs: console lines through the command line, Python as it stands."""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path

import pytest

from likewise.cli import run

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _write_examples(folder: Path) -> None:
    """Write the small files that the pages speak of."""
    rng = random.Random(1)
    roles = {"king": "queen", "man": "woman", "prince": "princess", "actor": "actress", "uncle": "aunt"}
    things = ["crown", "throne", "river", "money", "bank", "song", "stage", "garden", "horse", "letter"]
    lines = []
    for _ in range(3000):
        male = rng.choice(list(roles))
        who, own = rng.choice([(male, "his"), (roles[male], "her")])
        lines.append(
            f"the {who} of the {rng.choice(things)} took {own} {rng.choice(things)} to the {rng.choice(things)} ."
        )
    (folder / "corpus.txt").write_text("\n".join(lines))
    again, places = random.Random(2), ["bridge", "castle", *things[:5]]
    more = [f"the {again.choice([*roles])} came to the {again.choice(places)} of the town ." for _ in range(900)]
    (folder / "more.txt").write_text("\n".join(more))
    (folder / "corpus.csv").write_text("id,text\n" + "\n".join(f"{i},{line}" for i, line in enumerate(lines)))
    pairs = list(roles.items())
    asked = [f"{a} {b} {c} {d}" for a, b in pairs for c, d in pairs if a != c]
    (folder / "questions.txt").write_text(": family\n" + "\n".join(asked))
    judged = [f"{a}\t{b}\t9" for a, b in pairs] + [f"{a}\t{b}\t{rng.random() * 5:.1f}" for a in roles for b in things]
    (folder / "pairs.tsv").write_text("\n".join(judged))
    labels = [f"{w}\tperson" for pair in pairs for w in pair] + [f"{w}\tthing" for w in things]
    (folder / "labels.tsv").write_text("\n".join(labels))
    (folder / "new.txt").write_text("the king of the river\nthe queen took her horse\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    for language, body in BLOCK.findall(page.read_text()):
        if language == "python":
            exec(compile(body, str(page), "exec"), {})
            continue
        for line in body.splitlines():
            if line.startswith("$ likewise"):
                _run(line, page, capsys)


def _run(line: str, page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run one line of the command line; `# exit 1` behind it says which exit code is right."""
    command, _, remark = line[2:].partition("  # exit ")
    code = run(shlex.split(command, comments=True)[1:])
    printed = capsys.readouterr()
    assert code == int(remark or 0), f"{page.name}: {command} gave {code}\n{printed.out}\n{printed.err}"
