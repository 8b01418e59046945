"""Runs of pictures show what was learned: in the report, as files that belong to the run, and where it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise.session import Session
from likewise.sources.small_pictures import small_pictures

pytest.importorskip("torch")
PICTURES = small_pictures(120, seed=3, size=16)
QUICK: dict[str, Any] = {"epochs": 2, "batch": 32, "precision": "fp32", "threads": 1, "device": "cpu"}


def learned(recipe: str, **options: Any) -> Any:
    given = {"filters": 12, "samples": 2000, "threads": 1} if recipe == "patches" else QUICK
    return lw.learn(PICTURES.source("colour"), recipe=recipe, **{**given, **options})


def sections(run: Any) -> dict[str, dict[str, Any]]:
    return {section["title"]: section for section in run.report["sections"]}


def test_masking_shows_what_was_hidden_and_told(tmp_path: Path) -> None:
    run = learned("mae", patch=4, out=tmp_path / "run")
    (number,) = sections(run)["Hidden and filled in"]["numbers"]
    assert 0 < number["value"] < number["baselines"]["untrained"]
    assert number["baselines"]["the mean of each patch"] == pytest.approx(1 - 1 / 48)
    names = {path.name for path in (tmp_path / "run" / "pictures").iterdir()}
    assert {"filled-in.png", "filters.png", "filters-untrained.png", "depth.png", "pull-and-push.png"} <= names
    assert {f"units-{depth}.png" for depth in ("patches", "block1", "block6")} <= names
    assert "attention.png" not in names  # its class token is not what was learned
    again = lw.open(tmp_path / "run")
    assert again.verify() == []
    again.save(tmp_path / "copy")
    kept = (tmp_path / "copy" / "pictures" / "filled-in.png").read_bytes()
    assert kept == (tmp_path / "run" / "pictures" / "filled-in.png").read_bytes()
    (tmp_path / "run" / "pictures" / "filled-in.png").write_bytes(kept[:-1])
    assert any("filled-in.png" in problem for problem in lw.open(tmp_path / "run").verify())


def test_a_class_token_shows_where_it_looks_and_a_resnet_has_none() -> None:
    vit, resnet = sections(learned("simclr", encoder="vit", patch=4)), sections(learned("simclr"))
    (number,) = vit["Attention"]["numbers"]
    assert 1 <= number["value"] <= number["baselines"]["all patches alike"] == 16
    assert "Attention" not in resnet
    assert not {"Hidden and filled in"} & (vit.keys() | resnet.keys())
    assert [row[0] for row in resnet["Depth"]["tables"][0]["rows"]][:4] == [
        "1. stem",
        "2. stage1",
        "3. stage2",
        "4. stage3",
    ]


def test_a_dictionary_is_shown_beside_filters_as_they_are_drawn() -> None:
    found = sections(learned("patches"))
    (number,) = found["Filters"]["numbers"]
    assert number["n"] == 12
    assert 0 < number["baselines"]["untrained"] < 1
    assert "Pull and push" not in found
    assert [row[0] for row in found["Depth"]["tables"][0]["rows"]][:2] == ["1. maps", "2. vector"]


def test_the_log_keeps_how_alike_views_were_and_a_stored_run_still_shows_it(tmp_path: Path) -> None:
    run = learned("vicreg", out=tmp_path / "run", report=False)
    looks = [line["doctor"] for line in lw.open(tmp_path / "run").log if "doctor" in line]
    held_out = int((run.space.items["part"] == "held out").sum())
    assert looks[0]["step"] == 0
    assert looks[-1]["step"] == run.log[-1]["step"]
    for look in looks:
        assert (sum(look["pulled"]), sum(look["pushed"])) == (held_out, held_out * (held_out - 1))
    titles = [section.title for section in lw.open(tmp_path / "run").evaluate(session=Session()).sections]
    assert "Pull and push" in titles
    assert "What excites a unit" not in titles  # the pictures are not in the run


def test_two_seeds_show_what_the_first_has_told() -> None:
    run, alone = (learned("mae", patch=4, epochs=1, seeds=seeds) for seeds in (2, 1))
    first, second = (sections(each)["Hidden and filled in"]["numbers"][0]["value"] for each in (run, alone))
    assert first == second
    np.testing.assert_array_equal(run.space.vectors, alone.space.vectors)
