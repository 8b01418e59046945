"""What is seen in a network, as sections: windows, light, lines and the page that holds them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from page_checks import Tags

from likewise.contracts import Field, Number
from likewise.evaluate.inside import Attention, Excited, Filled, Inside, evenly, lit, patches_looked_at, window
from likewise.evaluate.inside_sections import attention, depths, exciting_patches, filled_in, first_filters
from likewise.evaluate.picture_report import picture_report
from likewise.evaluate.picture_sections import Pictured
from likewise.evaluate.pull_push import mean_of, pull_and_push
from likewise.evaluate.seen import look
from likewise.evaluate.thumbnails import mosaic, png
from likewise.evaluate.two_views import BINS, apartness, similarity_counts

pytest.importorskip("PIL")
RNG = np.random.default_rng(0)


def read(data: bytes) -> Any:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)))


# --- windows ---


def test_a_window_is_what_the_field_says_and_grey_outside() -> None:
    pixels = RNG.integers(0, 256, (3, 16, 16), np.uint8)
    seen = window(pixels, Field(size=7, stride=2, start=-3), (0, 4))
    assert seen.shape == (3, 7, 7)
    assert (seen[:, :3] == 128).all()
    np.testing.assert_array_equal(seen[:, 3:], pixels[:, :4, 5:12])
    corner = window(pixels, Field(size=5, stride=4, start=-1), (3, 3))
    np.testing.assert_array_equal(corner, pixels[:, 11:16, 11:16])


def test_where_everything_is_seen_the_place_is_framed() -> None:
    pixels = np.zeros((3, 16, 16), np.uint8)
    for field in (Field(4, 4, 0, everything=True), Field(20, 4, -8)):
        shown = window(pixels, field, (1, 2))
        assert shown.shape == pixels.shape
        down, across = np.nonzero(shown[0])
        assert (down.min(), down.max(), across.min(), across.max()) == (3, 8, 7, 12)
        assert not shown[0, 4:8, 8:12].any()


def test_a_picture_is_lit_where_it_is_looked_at() -> None:
    pixels = np.full((3, 8, 8), 200, np.uint8)
    shown = lit(pixels, np.array([[1.0, 0.0], [0.5, 0.0]]))
    assert (shown[:, :4, :4] == 200).all()
    assert (shown[:, :4, 4:] < 40).all()
    assert shown[0, 6, 0] == pytest.approx(112, abs=1)


def test_patches_looked_at_are_counted() -> None:
    even = np.full((1, 2, 4, 4), 1 / 20)
    one = np.zeros((1, 2, 4, 4))
    one[..., 1, 1] = 0.7
    assert patches_looked_at(even)[0] == pytest.approx(16)
    assert patches_looked_at(one)[0] == pytest.approx(1)


def test_evenly_takes_what_there_is() -> None:
    assert evenly(np.array([3, 5]), 5).tolist() == [3, 5]
    assert evenly(np.array([], int), 5).tolist() == []


def test_a_mosaic_is_transparent_between_its_cells() -> None:
    rows = [[np.full((1, 4, 4), 9, np.uint8), np.full((3, 40, 40), 7, np.uint8)], [np.zeros((3, 8, 8), np.uint8)]]
    made = mosaic(rows, cell=(8, 8), gap=2)
    assert made.shape == (4, 18, 18)
    assert (made[3, :8, :8] == 255).all()
    assert not made[3, 8:10].any()
    assert not made[3, 10:, 8:].any()
    assert (made[:3, :8, :8] == 9).all()
    np.testing.assert_array_equal(read(png(made)), made.transpose(1, 2, 0))


# --- pull and push ---


def test_similarities_of_views_are_counted() -> None:
    items = np.eye(6)
    pulled, pushed = similarity_counts(items, -items)
    assert pulled[0] == pulled.sum() == 6
    assert pushed[BINS // 2] == pushed.sum() == 30
    again, _ = similarity_counts(items, items)
    assert again[-1] == 6
    nothing, _ = similarity_counts(np.zeros((3, 4)), np.zeros((3, 4)))
    assert nothing[BINS // 2] == 3


def test_apartness_is_the_area_under_the_curve() -> None:
    from sklearn.metrics import roc_auc_score

    positive, negative = RNG.integers(0, BINS, 200), RNG.integers(0, BINS // 2, 500)
    counts = [np.bincount(x, minlength=BINS) for x in (positive, negative)]
    truth = roc_auc_score(np.r_[np.ones(200), np.zeros(500)], np.r_[positive, negative])
    assert apartness(*counts) == pytest.approx(truth)
    assert apartness(counts[0], counts[0]) == pytest.approx(0.5)
    assert apartness(np.zeros(BINS), counts[1]) == 0.5


def looks(noises: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return a history in which views of one item differ by so much noise at each look."""
    items = RNG.normal(size=(64, 16))
    lines = []
    for step, noise in enumerate(noises):
        a, b = (items + noise * RNG.normal(size=items.shape) for _ in range(2))
        seen = look(a, b, step=step * 10, progress=step / len(noises))
        lines.append({"step": step * 10, "doctor": seen.as_json()})
    return lines


def test_pull_and_push_are_told_at_start_middle_and_end() -> None:
    (section,) = pull_and_push(looks((3.0, 1.0, 0.5, 0.3, 0.1)))
    (number,) = section.numbers
    assert number.value > 0.99 > number.baselines["at the start"] > 0.5
    assert all(f"{name}, step" in "".join(section.pictures) for name in ("Start", "Middle", "End"))
    assert [row[0] for row in section.tables[0].rows] == [0, 10, 20, 30, 40]
    assert section.tables[0].rows[-1][1] > 0.95
    assert read(section.files["pull-and-push.png"]).ndim == 3
    assert pull_and_push(looks((1.0,))) == []
    assert pull_and_push([{"step": 3, "doctor": {"step": 3}}, {"step": 4}]) == []


def test_the_mean_of_counts_is_that_of_their_bins() -> None:
    counts = np.zeros(BINS, int)
    counts[[0, -1]] = 5
    assert mean_of(counts) == pytest.approx(0)
    counts[0] = 0
    assert mean_of(counts) == pytest.approx(1 - 1 / BINS)


# --- sections ---


def world(n: int = 240) -> Pictured:
    """Return pictures of two classes that the learned depths tell, the later the better, and the untrained do not."""
    classes = np.arange(n) % 2
    pixels = RNG.integers(0, 256, (n, 3, 16, 16), np.uint8)
    told = {
        name: (classes[:, None] * strength + RNG.normal(size=(n, 8))).astype(np.float32)
        for name, strength in (("stem", 0.0), ("stage1", 0.7), ("vector", 5.0))
    }
    noise = {name: RNG.normal(size=(n, 8)).astype(np.float32) for name in told}
    excited = {
        "stem": Excited(np.array([0, 4]), np.array([[5, 2], [7, 1]]), RNG.integers(0, 16, (2, 2, 2)), Field(3, 1, -1)),
        "stage1": Excited(np.array([1]), np.array([[5, 2]]), RNG.integers(0, 4, (1, 2, 2)), Field(45, 4, -20)),
    }
    maps = RNG.dirichlet(np.ones(16), (3, 2)).reshape(3, 2, 4, 4)
    inside = Inside(
        np.arange(n), told, noise, excited, Attention(np.array([0, 3, 9]), maps, np.full((3, 2, 4, 4), 1 / 16))
    )
    three = [RNG.integers(0, 256, (5, 3, 16, 16), np.uint8) for _ in range(3)]
    filled = Filled(*three, Number("squared error on hidden patches", 0.5, 0.4, 0.6, 200, {"untrained": 1.2}))
    return Pictured(
        [f"p{i}" for i in range(n)], told["vector"], np.arange(n) >= 2 * n // 3, [f"class {c}" for c in classes],
        pixels, noise["vector"], RNG.normal(size=(12, 3, 7, 7)), RNG.normal(size=(12, 3, 7, 7)), inside, filled,
        Number("variance of hidden tokens that is told", 0.3, 0.2, 0.4, 200, {"untrained": -0.5}),
        looks((2.0, 0.5, 0.1)),
    )  # fmt: skip


def test_depth_is_told_beside_pixels_manual_features_and_the_untrained() -> None:
    pytest.importorskip("skimage")
    (section,) = depths(world())
    rows = {row[0]: row for row in section.tables[0].rows}
    assert list(rows) == ["1. stem", "2. stage1", "3. vector", "raw pixels", "HOG + colour"]
    assert rows["3. vector"][3] > 0.95 > 0.8 > rows["1. stem"][3]
    assert rows["3. vector"][5] < 0.8
    assert "highest at vector" in section.text
    for number in section.numbers:
        assert number.n == 80
        assert {"chance", "raw pixels", "HOG + colour", "untrained network"} <= number.baselines.keys()


def test_a_depth_that_says_nothing_new_is_left_out() -> None:
    pytest.importorskip("skimage")
    s = world()
    assert s.inside is not None
    again = dict(s.inside.depths) | {"again": s.inside.depths["vector"] + 1e-7}
    s = Pictured(s.keys, s.vectors, s.held_out, s.labels, s.pixels, inside=Inside(s.inside.rows, again))
    (section,) = depths(s)
    assert [row[0] for row in section.tables[0].rows][:3] == ["1. stem", "2. stage1", "3. vector"]
    assert section.tables[0].rows[0][4:] == (None, None)


def test_every_section_is_there_only_where_there_is_something() -> None:
    bare = Pictured(["a", "b"], np.ones((2, 3)), np.array([True, False]))
    for section in (first_filters, exciting_patches, attention, depths):
        assert section(bare) == []
    assert filled_in(None) == []
    small = Pictured(["a"], np.ones((1, 3)), np.array([True]), filters=np.ones((4, 3, 2, 2)))
    assert first_filters(small) == []


def test_the_report_holds_them_all_as_pictures_and_as_files() -> None:
    pytest.importorskip("skimage")
    report = picture_report(world())
    titles = [section.title for section in report.sections]
    wanted = [
        "Pull and push",
        "Depth",
        "Filters",
        "What excites a unit",
        "Attention",
        "Hidden and filled in",
        "Hidden and predicted",
    ]
    assert [title for title in titles if title in wanted] == wanted
    files = report.files()
    assert set(files) == {
        "pull-and-push.png", "depth.png", "filters.png", "filters-untrained.png", "units-stem.png", "units-stage1.png",
        "attention.png", "filled-in.png",
    }  # fmt: skip
    assert all(data.startswith(b"\x89PNG") for data in files.values())
    assert read(files["attention.png"]).shape == (3 * 64 + 2 * 3, 5 * 64 + 4 * 3, 4)
    json.dumps(report.as_json(), allow_nan=False)
    tags = Tags(report.to_html())
    images = [attributes for tag, attributes in tags.seen if tag == "img"]
    assert images
    assert all((image["src"] or "").startswith("data:image/png;base64,") and image["alt"] for image in images)
    assert all(not name.startswith("on") for _, attributes in tags.seen for name in attributes)
