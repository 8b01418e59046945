"""docs/words.md and the README's table say what the committed results say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKER, PAGE = ROOT / "benchmarks" / "words_page.py", ROOT / "docs" / "words.md"


def test_the_page_is_what_the_results_make() -> None:
    if not MAKER.exists():
        pytest.skip("benchmarks are not in a source distribution")
    spec = importlib.util.spec_from_file_location("words_page", MAKER)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    assert PAGE.read_text() == made.page(), "run python benchmarks/words_page.py"
    assert made.README.read_text() == made.readme(), "run python benchmarks/words_page.py"
