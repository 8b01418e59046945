"""Pictures from end to end: learned, saved, opened, searched, judged, gone on with; what cannot be is a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import likewise as lw
from likewise.cli.main import likewise as program
from likewise.errors import DataError, IntegrityError, MissingExtra, OptionError
from likewise.recipes import EXPERIMENTAL, PICTURES, describe
from likewise.resuming import recipe_for
from likewise.session import Logged, Note, Progress, Session
from likewise.sources.small_pictures import small_pictures
from stopping import Stops

torch = pytest.importorskip("torch")
PICTURES_HERE = small_pictures(160, seed=2, size=16)
QUICK: dict[str, Any] = {"epochs": 2, "batch": 32, "precision": "fp32", "threads": 1, "device": "cpu"}
ENCODERS = {"mae": {"patch": 4}, "ijepa": {"patch": 2}}


def learned(recipe: str, **options: Any) -> Any:
    quick = {} if recipe == "patches" else QUICK
    given = {"filters": 12, "samples": 2000, "threads": 1} if recipe == "patches" else ENCODERS.get(recipe, {})
    return lw.learn(PICTURES_HERE.source("colour"), recipe=recipe, **{"report": False, **quick, **given, **options})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from PIL import Image

    place = tmp_path / "photos"
    for number, (pixels, label) in enumerate(
        zip(PICTURES_HERE.pixels[:60], PICTURES_HERE.labels("colour"), strict=False)
    ):
        (place / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / label / f"{number}.png")
    return place


@pytest.mark.parametrize("recipe", ["patches", "simclr", "vicreg", "byol", "mae"])
def test_a_run_of_pictures_is_a_run_like_any_other(recipe: str, tmp_path: Path) -> None:
    run = learned(recipe, out=tmp_path / "run")
    again = lw.open(tmp_path / "run")
    assert not again.verify()
    assert again.space.kind == "image"
    assert len(again.space) == 160
    assert np.isfinite(again.space.vectors).all()
    np.testing.assert_array_equal(again.space.vectors, run.space.vectors)
    assert set(again.space.items) == {"part", "label", *PICTURES_HERE.source("colour").metadata}
    for name, column in PICTURES_HERE.source("colour").metadata.items():
        assert list(again.space.items[name]) == list(column)
    np.testing.assert_allclose(again.embed(list(PICTURES_HERE.pixels[:3])), again.space.vectors[:3], atol=1e-4)
    assert again.space.near(again.space.keys[0], 3)
    assert again.doctor().verdict


def test_patches_know_colours_and_the_report_says_beside_what() -> None:
    report = learned("patches", report=True, filters=40).report
    labels = next(section for section in report["sections"] if section["title"] == "Labels")
    linear = next(number for number in labels["numbers"] if number["name"] == "linear accuracy")
    assert linear["value"] > linear["baselines"]["chance"] + 0.2
    assert {"chance", "raw pixels", "HOG + colour"} <= linear["baselines"].keys()


def test_a_network_is_watched_and_judged_beside_the_untrained_one() -> None:
    events: list[Any] = []
    run = learned("simclr", report=True, session=Session(events.append))
    trained = int((run.space.items["part"] == "train").sum())
    assert run.log[-1]["step"] == 2 * (trained // 32)
    seen = [event.values["doctor"] for event in events if isinstance(event, Logged) and "doctor" in event.values]
    assert seen
    assert {"rank", "retrieval", "spread", "signal"} <= seen[-1].keys()
    labels = next(section for section in run.report["sections"] if section["title"] == "Labels")
    assert "untrained network" in labels["numbers"][0]["baselines"]
    assert run.manifest["derived"]["precision"]["value"].startswith("fp32")


@pytest.mark.parametrize("recipe", ["simclr", "byol", "moco"])
def test_what_was_stopped_goes_on_to_the_same_bits(recipe: str, tmp_path: Path) -> None:
    pixels = tmp_path / "pixels.npy"
    np.save(pixels, PICTURES_HERE.pixels)
    options = {"report": False, **QUICK, "epochs": 3}
    whole = lw.learn(pixels, recipe=recipe, out=tmp_path / "whole", **options)
    stopped = lw.learn(pixels, recipe=recipe, out=tmp_path / "cut", session=Stops(4), **options)
    assert stopped.manifest["status"] == "unfinished"
    assert not np.array_equal(stopped.space.vectors, whole.space.vectors)
    rest = lw.learn(resume=tmp_path / "cut")
    assert rest.manifest["status"] == "finished"
    np.testing.assert_array_equal(rest.space.vectors, whole.space.vectors)
    assert rest.space.fingerprint == whole.space.fingerprint


def test_the_same_seed_gives_the_same_bits() -> None:
    one, two, other = (learned("vicreg", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.space.vectors, two.space.vectors)
    assert not np.array_equal(one.space.vectors, other.space.vectors)


def test_the_command_line_looks_at_a_folder_and_chooses(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    out = tmp_path / "run"
    done = CliRunner().invoke(program, ["learn", str(folder), "--out", str(out), "--quiet", "--filters", "8"])
    assert done.exit_code == 0, done.output
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["recipe"] == "patches"
    assert any("broken.png" in note for note in manifest["notes"])
    picture = next(folder.rglob("[0-9]*.png"))
    found = CliRunner().invoke(program, ["near", str(out), "--file", str(picture), "-k", "2", "--json"])
    nearest = json.loads(found.output)[0]["near"]
    assert nearest[0]["key"] == picture.relative_to(folder).as_posix()
    assert nearest[0]["score"] == pytest.approx(1.0, abs=1e-3)


def test_weights_that_were_exchanged_are_found(tmp_path: Path) -> None:
    learned("patches", out=tmp_path / "a")
    learned("patches", out=tmp_path / "b", seed=5)
    (tmp_path / "a" / "encoder" / "weights.safetensors").write_bytes(
        (tmp_path / "b" / "encoder" / "weights.safetensors").read_bytes()
    )
    with pytest.raises(IntegrityError, match="altered"):
        lw.open(tmp_path / "a").embed(list(PICTURES_HERE.pixels[:1]))


@pytest.mark.parametrize(
    ("recipe", "options", "error", "says"),
    [
        ("simclr", {"time": "soon"}, OptionError, "a number and s, m or h"),
        ("simclr", {"time": "1m", "epochs": 2}, OptionError, "give one of them"),
        ("mae", {"encoder": "resnet"}, OptionError, "leave --encoder vit"),
        ("mae", {"patch": 5}, OptionError, "cannot be cut into patches of 5"),
        ("simclr", {"device": "abacus"}, OptionError, "cannot be used here"),
        ("simclr", {"precision": "fp16"}, OptionError, "needs an accelerator"),
        ("patches", {"patch": 20}, DataError, "too small for patches of 20"),
        ("patches", {"dim": 5000}, OptionError, "take 0 for all, or fewer"),
    ],
)
def test_what_cannot_be_is_a_sentence(recipe: str, options: dict[str, Any], error: type[Exception], says: str) -> None:
    if "time" in options and "epochs" not in options:
        options = options | {"epochs": None}
    with pytest.raises(error, match=says):
        learned(recipe, **options)


def test_labels_are_needed_to_learn_from_them() -> None:
    with pytest.raises(DataError, match="learns from labels and memory has none"):
        lw.learn(PICTURES_HERE.pixels, recipe="supcon", report=False, **QUICK)


def test_a_batch_larger_than_the_data_is_told() -> None:
    events: list[Any] = []
    learned("simclr", batch=4096, epochs=1, session=Session(events.append))
    assert any("a batch of 4096 is more than" in event.text for event in events if isinstance(event, Note))


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_no_option_of_a_recipe_hides_one_of_learn(name: str) -> None:
    from likewise.cli.learn import learn

    own = {parameter.name for parameter in learn.params}
    assert not own & set(describe(PICTURES[name]))
    shown = CliRunner().invoke(program, ["learn", name, "--help"])
    assert shown.exit_code == 0
    assert ("Experimental" in shown.output) == (name in EXPERIMENTAL)


def trusted(run: Any) -> dict[str, Any]:
    (section,) = [s for s in run.report["sections"] if s["title"] == "Which neighbours to trust"]
    return dict(section)


def test_two_seeds_are_compared_in_the_report() -> None:
    run = learned("patches", report=True, seeds=2, filters=40)
    assert run.manifest["seeds"] == 2
    section = trusted(run)
    held, known = section["numbers"]
    assert (held["name"], known["name"]) == (
        "overlap@10, pictures held out, two seeds",
        "overlap@10, pictures learned from, two seeds",
    )
    assert held["n"] == int((run.space.items["part"] == "held out").sum())
    for number in (held, known):
        assert number["baselines"]["chance"] == pytest.approx(10 / 159)
        assert number["baselines"]["chance"] + 0.1 < number["low"] <= number["value"] < 1
    other = learned("patches", report=False, seed=2, filters=40)
    from likewise.evaluate.retrieval import overlap

    rows = np.flatnonzero(run.space.items["part"] == "held out")
    assert held["value"] == pytest.approx(
        float(overlap(run.space.vectors, other.space.vectors, k=10, rows=rows).mean())
    )
    (table,) = section["tables"]
    assert [row[0] for row in table["rows"]] == ["this seed", "second seed"]
    labels = next(s for s in run.report["sections"] if s["title"] == "Labels")
    assert table["rows"][0][1:] == labels["tables"][0]["rows"][0][2:4]


def test_the_second_seed_of_a_network_has_the_plan_and_the_engine_of_the_first() -> None:
    from likewise.train import choosing

    seen: list[Any] = []
    asked: list[int] = []
    real = choosing.choose_engine

    def choose(*given: Any, **named: Any) -> Any:
        asked.append(1)
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "choose_engine", choose)
        run = learned("simclr", report=True, seeds=2, precision="auto", session=Session(seen.append))
    assert len(asked) == 1
    assert "before learning" in trusted(run)["numbers"][0]["baselines"]
    steps = [event.values["step"] for event in seen if isinstance(event, Logged)]
    half = len(steps) // 2
    assert steps[:half] == steps[half:]
    assert len(run.log) == half
    assert any("once more with seed 2" in event.text for event in seen if isinstance(event, Note))


def test_a_second_seed_that_agrees_on_nothing_is_said_to_be_doubtful() -> None:
    from likewise.evaluate.picture_sections import Pictured
    from likewise.evaluate.seeds_sections import agreement

    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 300, 8)).astype(np.float32)
    held = np.arange(300) < 100
    (section,) = agreement(Pictured([str(i) for i in range(300)], one, held, second=other))
    assert section.numbers[0].value < 0.1
    assert "Here that is most of them" in section.text
    (same,) = agreement(Pictured([str(i) for i in range(300)], one, held, second=one * 2))
    assert [number.value for number in same.numbers] == [1.0, 1.0]
    assert "Here that is most of them" not in same.text
    assert agreement(Pictured([str(i) for i in range(300)], one, held)) == []


# --- what was found wanting by somebody who tried it ---


def test_evaluate_makes_the_baselines_again_of_the_same_pictures_alone(folder: Path, tmp_path: Path) -> None:
    lw.learn(folder, recipe="simclr", out=tmp_path / "run", report=False, **QUICK)
    alone, beside = (
        CliRunner().invoke(program, ["evaluate", str(tmp_path / "run"), "--json", *more], catch_exceptions=False)
        for more in ([], ["--data", str(folder)])
    )
    found = [
        {n["name"]: n.get("baselines", {}) for s in json.loads(one.stdout)["sections"] for n in s.get("numbers", [])}
        for one in (alone, beside)
    ]
    assert "untrained network" not in found[0]["linear accuracy"]
    assert {"raw pixels", "untrained network", "HOG + colour"} <= found[1]["linear accuracy"].keys()
    next(folder.rglob("*.png")).unlink()
    with pytest.raises(OptionError, match="are not the pictures that .*run was learned from"):
        CliRunner().invoke(program, ["evaluate", str(tmp_path / "run"), "--data", str(folder)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("recipe", "options", "says"),
    [
        ("simclr", {"time": "5"}, "time '5': it is a number and s, m or h"),
        ("simclr", {"time": "5m", "epochs": 2}, "time 5m and epochs 2 came: give one of them"),
        ("simclr", {"epochs": 1, "patch": 4}, "patch is 4: it is of a vit, and the encoder is a resnet"),
        ("simclr", {"epochs": 1, "encoder": "vit", "norm": "group"}, "norm is 'group': it is of a resnet"),
        ("simclr", {"epochs": 1, "encoder": "mlp", "recompute": True}, "recompute saves the maps of a resnet or a vit"),
        ("simclr", {"epochs": 1, "device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
        ("mae", {"epochs": 1, "encoder": "resnet"}, "mae hides patches, which a resnet cannot"),
    ],
)
def test_options_that_cannot_be_are_refused_before_a_picture_is_read(
    recipe: str, options: dict[str, Any], says: str, folder: Path
) -> None:
    seen: list[Any] = []
    with pytest.raises(OptionError, match=says):
        lw.learn(folder, recipe=recipe, session=Session(seen.append), **options)
    assert not [event for event in seen if isinstance(event, Progress)]


def test_the_recipe_for_pictures_follows_the_time_and_the_options(folder: Path) -> None:
    import torch

    quick = "patches" if not torch.cuda.is_available() else "simclr"
    assert recipe_for(folder)[0] == "patches"
    assert recipe_for(folder, {"time": "10m"})[0] == quick
    assert recipe_for(folder, {"time": "3h"})[0] == "simclr"
    assert recipe_for(folder, {"epochs": 3})[0] == "simclr"
    assert recipe_for(folder, {"filters": 12, "seed": 2})[0] == "patches"
    run = lw.learn(folder, time="30s", filters=8, samples=500, report=False)
    assert run.manifest["recipe"] == "patches"
    said = CliRunner().invoke(program, ["learn", str(folder), "--time", "5"], catch_exceptions=True)
    assert "time '5'" in str(said.exception)


def test_without_torch_a_time_for_pictures_is_answered_by_a_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else there(name))
    with pytest.raises(MissingExtra, match=r"needs torch: pip install 'likewise\[vision\]'"):
        recipe_for(folder, {"time": "10m"})


def test_experimental_is_said_while_learning_and_kept() -> None:
    run = learned("ijepa")
    assert any("ijepa is experimental" in note for note in run.manifest["notes"])
    assert not any("experimental" in note for note in learned("simclr").manifest["notes"])


def test_a_training_that_the_doctor_ended_says_so_in_its_record() -> None:
    run = learned("simclr", rate=1e30, on_collapse="rollback", epochs=4)
    assert run.manifest["ended"].startswith("ended at step")
    assert "diverged, rolled back" in run.manifest["ended"]
    assert "ended" not in learned("simclr").manifest
    with pytest.raises(OptionError, match=r"it diverged: .*rate .*is too high.*--on-collapse rollback"):
        learned("simclr", rate=1e30, epochs=4)


def test_chunks_and_batch_normalisation_are_told_not_to_be_the_whole_batch() -> None:
    for norm, told in (("batch", True), ("group", False)):
        notes = learned("simclr", chunk=8, norm=norm, epochs=1).manifest["notes"]
        assert any("not that of the whole batch" in note for note in notes) == told


def test_linked_folders_are_read_and_links_back_are_not_followed(folder: Path, tmp_path: Path) -> None:
    from likewise.sources.images import open_images

    linked = tmp_path / "linked"
    linked.mkdir()
    for inner in folder.iterdir():
        (linked / inner.name).symlink_to(inner, target_is_directory=True)
    assert sorted(open_images(linked).keys) == sorted(open_images(folder).keys)
    (linked / "round").mkdir()
    (linked / "round" / "back").symlink_to(linked, target_is_directory=True)
    assert len(open_images(linked)) == 60


def test_a_recipe_that_was_chosen_by_time_goes_on_by_it(folder: Path) -> None:
    """The order of a run that is cut off names the recipe, and the time by which it was chosen."""
    from likewise.resuming import Order

    order = Order(folder, "patches", None, {"time": "30s"}, {}, {}, True, 1, False, named=False)
    assert order.make()[0].name == "patches"
    with pytest.raises(OptionError, match="patches has no option time"):
        replace(order, named=True).make()


def test_columns_beside_the_pictures_are_kept(tmp_path: Path) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    def encoded(pixels: Any) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    table = {"image": [encoded(p) for p in PICTURES_HERE.pixels[:40]], "year": list(range(40)),
             "key": [f"k{i}" for i in range(40)], "maker": [None, *"ab" * 19, "c"]}  # fmt: skip
    pq.write_table(pa.table(table), tmp_path / "data.parquet")
    lw.learn(tmp_path / "data.parquet", recipe="patches", filters=8, samples=500, report=False, out=tmp_path / "run")
    items = lw.open(tmp_path / "run").space.items
    assert items["year"].tolist() == table["year"]
    assert items["key (data)"].tolist() == table["key"]
    assert items["maker"].tolist() == table["maker"]


def test_how_pictures_are_seen_is_found_in_blocks_and_of_some_rows() -> None:
    from likewise.encoders.pictures import Seeing

    pixels = PICTURES_HERE.pixels.transpose(0, 3, 1, 2)
    rows = np.arange(3, 150, 2)
    seeing = Seeing.of(pixels, rows=rows)
    np.testing.assert_allclose(seeing.mean, pixels[rows].mean((0, 2, 3)) / 255, atol=1e-6)
    np.testing.assert_allclose(seeing.deviation, pixels[rows].std((0, 2, 3)) / 255, atol=1e-6)
