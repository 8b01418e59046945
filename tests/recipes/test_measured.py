"""What the package says of its recipes is what the committed results say, and the command line shows it."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from likewise.cli import run
from likewise.recipes import EVERY, RECIPES
from likewise.recipes.measured import measured

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "words-family.json"


def maker() -> Any:
    """Return benchmarks/measured.py, which is no part of the package."""
    if not RESULTS.exists():
        pytest.skip("the results of benchmarks are not in a source distribution")
    spec = importlib.util.spec_from_file_location("made_measured", ROOT / "benchmarks" / "measured.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_package_says_what_the_results_say() -> None:
    wanted = maker().measured(json.loads(RESULTS.read_text()))
    packaged = {name: facts for name in {*wanted, *RECIPES} if (facts := measured(name)) is not None}
    assert packaged == wanted, "the results changed: run python benchmarks/measured.py"


def test_the_last_machine_and_version_count_and_seeds_are_averaged() -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"entries": []}
    made = maker()
    entry = next(e for e in results["entries"] if e["recipe"] == "word2vec")

    def other(seed: int, version: str, analogy: float, seconds: float) -> dict[str, Any]:
        new: dict[str, Any] = copy.deepcopy(entry) | {"seed": seed, "version": version}
        new["quality"]["analogy"]["value"], new["cost"]["seconds"] = analogy, seconds
        return new

    entries = [other(1, "old", 0.9, 99.0), other(2, "new", 0.2, 5.0), other(1, "new", 0.4, 4.0)]
    facts = made.measured({"text": "a text", "entries": entries})["word2vec"]
    assert facts["version"] == "new"
    assert facts["seeds"] == [1, 2]
    assert facts["quality"]["analogy"] == {"mean": pytest.approx(0.3), "least": 0.2, "most": 0.4}
    assert facts["cost"]["seconds"] == {"mean": 4.5, "least": 4.0, "most": 5.0}


def test_recipes_show_a_line_each(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    facts = measured("word2vec")
    assert facts is not None
    monkeypatch.setattr("likewise.cli.learn.measured", lambda name: facts if name == "word2vec" else None)
    assert run(["recipes"]) == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if f"{100 * facts['quality']['analogy']['mean']:.1f} %" in line]
    assert len(lines) == 1
    assert lines[0].startswith("word2vec")
    assert f"{facts['quality']['wordsim353']['mean']:.3f}"[1:] in lines[0]
    assert " s " in lines[0]
    assert lines[0].endswith(" MB")
    assert facts["machine"] in shown
    assert facts["text"] in shown
    assert run(["recipes", "--json"]) == 0
    told = {recipe["name"]: recipe["measured"] for recipe in json.loads(capsys.readouterr().out)}
    assert told == {name: facts if name == "word2vec" else None for name in EVERY}


def test_without_a_measurement_none_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likewise.cli.learn.measured", lambda name: None)
    assert run(["recipes"]) == 0
    assert "analogies" not in capsys.readouterr().out
