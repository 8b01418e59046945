"""Collapses that are forced on small made pictures: flagged, with the right cause; gone back behind; rescued."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import likewise as lw
from likewise.cli.main import likewise as program
from likewise.evaluate.course import BAD, judge
from likewise.evaluate.seen import course_of, setting_of
from likewise.sources.images import open_images
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")
PICTURES = small_pictures(300, seed=2, size=16)
QUICK: dict[str, Any] = {"encoder": "mlp", "batch": 50, "epochs": 30, "precision": "fp32", "threads": 1}
CONSTANT = np.repeat(PICTURES.pixels[:1], 300, 0)
BLACK = np.zeros_like(CONSTANT)


def learned(recipe: str, *, pixels: Any = None, **options: Any) -> Any:
    source = PICTURES.source() if pixels is None else open_images(pixels)
    return lw.learn(source, recipe=recipe, report=False, device="cpu", **{**QUICK, **options})


@cache
def byol_that_collapsed() -> Any:
    return learned("byol", stop_gradient=False)


@cache
def vicreg_that_collapsed() -> Any:
    return learned("vicreg", variance=0.0, head=64)


@cache
def simclr_that_learned() -> Any:
    return learned("simclr", on_collapse="stop")


def first_bad(run: Any) -> Any:
    """Return the first bad verdict of a run's course, or None."""
    course, setting = course_of(run.log), setting_of(run.log)
    for end in range(1, len(course) + 1):
        found = judge(course[:end], setting)
        if found.bad:
            return found
    return None


ZOO = [
    (byol_that_collapsed, "dimensional collapse", "no stop-gradient"),
    (vicreg_that_collapsed, "complete collapse", "variance term is 0"),
    (lambda: learned("simclr", pixels=CONSTANT, epochs=5), "complete collapse", "data are nearly constant"),
    (lambda: learned("simclr", pixels=BLACK, epochs=5), "complete collapse", "data are nearly constant"),
]


@pytest.mark.parametrize(("run", "kind", "cause"), ZOO)
def test_a_forced_collapse_is_flagged_with_its_cause(run: Callable[[], Any], kind: str, cause: str) -> None:
    found = first_bad(run())
    assert found is not None
    assert found.verdict == kind
    assert cause in found.cause
    assert found.advice


def test_a_healthy_training_is_left_alone() -> None:
    run = simclr_that_learned()
    assert first_bad(run) is None
    assert run.log[-1]["step"] == 120
    assert run.log[-1]["verdict"] == "healthy"


def test_a_rollback_ends_where_nothing_was_lost() -> None:
    collapsed, back = byol_that_collapsed(), learned("byol", stop_gradient=False, on_collapse="rollback")
    went = next(line for line in back.log if "back_from" in line)
    assert went["step"] < went["back_from"] < 120
    assert course_of(back.log)[-1].step == went["step"]
    assert _directions(back) > 1.5 * _directions(collapsed)
    assert back.doctor().verdict not in BAD
    assert any("rolled back" in note for note in back.manifest["notes"])


def test_a_rescue_ends_healthy() -> None:
    collapsed, rescued = byol_that_collapsed(), learned("byol", stop_gradient=False, on_collapse="rescue")
    assert collapsed.doctor().verdict == "dimensional collapse"
    assert rescued.log[-1]["step"] == 120
    assert any("rescue" in line for line in rescued.log)  # the part of the loss that was added
    assert rescued.doctor().verdict == "healthy"
    assert _directions(rescued) > 1.5 * _directions(collapsed)


def _directions(run: Any) -> float:
    """Return how many directions a run's vectors use: exp of the entropy of the singular values' shares."""
    x = np.asarray(run.space.vectors, np.float64)
    values = np.linalg.svd(x - x.mean(0), compute_uv=False)
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def test_the_doctor_of_a_run_tells_by_its_course(tmp_path: Path) -> None:
    vicreg_that_collapsed().save(tmp_path / "bad")
    simclr_that_learned().save(tmp_path / "good")
    bad, good = (CliRunner().invoke(program, ["doctor", str(tmp_path / name), "--json"]) for name in ("bad", "good"))
    found = json.loads(bad.output)
    assert bad.exit_code == 1
    assert found["verdict"] == "complete collapse"
    assert "variance term is 0" in found["cause"]
    assert "--variance 25" in found["advice"]
    views = next(number for number in found["numbers"] if number["name"] == "view retrieval@1")
    assert {"step 0", "chance"} <= views["baselines"].keys()
    assert "10 looks" in found["limits"]
    assert good.exit_code == 0
    assert json.loads(good.output)["verdict"] == "healthy"
    shown = CliRunner().invoke(program, ["doctor", str(tmp_path / "bad")])
    assert "The weight of the variance term is 0" in shown.output


def test_a_run_whose_log_has_no_course_is_judged_by_its_vectors() -> None:
    run = lw.learn(PICTURES.source(), recipe="patches", report=False, filters=12, samples=2000, threads=1)
    found = run.doctor()
    assert not found.cause
    assert "One snapshot" in found.limits
