"""The page of measured pictures is what its results make of it, and names as experimental what they do not support."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from likewise.recipes import EXPERIMENTAL, PICTURES

ROOT = Path(__file__).resolve().parents[1]
MAKER = ROOT / "benchmarks" / "pictures_page.py"


@pytest.fixture(scope="module")
def made() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures_page", MAKER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_results_make_of_it(made: Any) -> None:
    assert made.PAGE.read_text() == made.page(made.entries_of()), "run python benchmarks/pictures_page.py"


def test_experimental_is_what_the_results_do_not_support(made: Any) -> None:
    assert frozenset(PICTURES) - made.supported(made.entries_of()) == EXPERIMENTAL & frozenset(PICTURES)


def entry(numbers: dict[str, float], **about: Any) -> dict[str, Any]:
    told = {name: {"value": value, "low": None, "high": None} for name, value in numbers.items()}
    return {"numbers": told, "set": {}, "machine": "here", "data": "cifar10", "items": None, "seed": 1} | about


@pytest.mark.parametrize(
    ("recipe", "knn", "linear", "right"),
    [
        ("simclr", 0.44, 0.46, True),
        ("simclr", 0.44, 0.42, False),
        ("simclr", 0.42, 0.46, False),
        ("mae", 0.10, 0.47, True),
        ("mae", 0.10, 0.45, False),
    ],
)
def test_support_takes_three_points_above_pixels_and_the_untrained(
    made: Any, recipe: str, knn: float, linear: float, right: bool
) -> None:
    plain = [
        entry({"k-NN": 0.40, "linear": 0.42}, baseline="pixels"),
        entry({"k-NN": 0.30, "linear": 0.35}, baseline="untrained resnet"),
        entry({"k-NN": 0.30, "linear": 0.43}, baseline="untrained vit"),
    ]
    found = made.supported([*plain, entry({"k-NN": knn, "linear": linear}, recipe=recipe)])
    assert found == ({recipe} if right else set())
    assert made.supported([entry({"k-NN": 1.0, "linear": 1.0}, recipe=recipe)]) == set(), "nothing to compare with"
