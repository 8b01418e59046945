"""What a network sees: a subject with what was seen inside of it in; sections on filters, units and depth out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from likewise.contracts import Array, Number
from likewise.evaluate import page
from likewise.evaluate.charts import lines_png
from likewise.evaluate.few_labels import Split, knn_accuracy, linear_accuracy
from likewise.evaluate.figures import Bar, Line, bar_chart, histogram, line_chart
from likewise.evaluate.inside import Attention, Filled, Inside, lit, patches_looked_at, window
from likewise.evaluate.intervals import bootstrap_mean
from likewise.evaluate.manual import hog_and_colour, raw
from likewise.evaluate.orientation import orientation_selectivity, selectivity_number
from likewise.evaluate.picture_sections import Pictured
from likewise.evaluate.sections import Section, Table
from likewise.evaluate.thumbnails import from_png, mosaic, png, sheet

_FILTERS = 200  # shown at most
_LEAST_SIDE = 3  # of a filter, fewer pixels show nothing
_CELL = 48  # pixels of a thumbnail in a sheet


def first_filters(s: Pictured) -> list[Section]:
    """Show the filters of the first layer, and how selective they are for directions."""
    if s.filters is None or min(s.filters.shape[2:]) < _LEAST_SIDE:
        return []
    pictures, files = [], {}
    for name, filters in (("filters", s.filters), ("filters-untrained", s.untrained_filters)):
        if filters is not None:
            shown = sheet(np.asarray(filters[:_FILTERS]))
            alt = "filters of the first layer" + (", untrained" if name != "filters" else "")
            caption = "As learned." if name == "filters" else "As drawn, before learning."
            data = files[f"{name}.png"] = png(shown)
            picture = from_png(data, name=alt, side=min(960, shown.shape[2] * 4))
            pictures.append(page.figure(picture, caption if s.untrained_filters is not None else ""))
    learned = orientation_selectivity(np.asarray(s.filters))
    drawn = None if s.untrained_filters is None else orientation_selectivity(np.asarray(s.untrained_filters))
    groups = {"learned": learned} | ({} if drawn is None else {"untrained": drawn})
    pictures.append(
        page.figure(
            histogram(
                groups, title="Orientation selectivity", x_label="1 − circular variance", bins=20,
                description="How selective filters are for the direction of a grating, learned and untrained.",
            ),
            "1 − circular variance of the answers to gratings of 24 directions, at the frequency that each filter "
            "answers most to: 0 answers all directions alike, 1 a single one.",
        )
    )  # fmt: skip
    k, _, height, width = s.filters.shape
    text = (
        f"The {min(k, _FILTERS)} filters of the first layer, {height} × {width} pixels each; grey is 0. Natural "
        "pictures give oriented edges and pairs of opposite colours. A filter that is selective answers gratings of "
        "one direction alone (Ringach et al. 2002)."
    )
    if min(height, width) < 5:
        text += " Filters this small tell few directions apart: read the figure beside that of the untrained ones."
    return [Section("Filters", text, (selectivity_number(learned, drawn),), (), (page.pair(*pictures),), files)]


def exciting_patches(s: Pictured) -> list[Section]:
    """Show what excites some units of each depth most."""
    if s.inside is None or s.pixels is None or not s.inside.excited:
        return []
    pictures, files = [], {}
    for name, found in s.inside.excited.items():
        rows = [
            [window(s.pixels[row], found.field, place) for row, place in zip(of_unit, places, strict=True)]
            for of_unit, places in zip(found.rows.tolist(), found.places.tolist(), strict=True)
        ]
        shown = mosaic(rows, cell=(_CELL, _CELL))
        size, (height, width) = found.field.size, s.pixels.shape[2:]
        whole = found.field.everything or size >= min(height, width)
        sees = "the whole picture, from the place that is framed" if whole else f"{size} × {size} pixels"
        units = ", ".join(map(str, found.units.tolist()))
        data = files[f"units-{name}.png"] = png(shown)
        picture = from_png(data, name=f"what excites units of {name} most", side=shown.shape[2])
        pictures.append(page.figure(picture, f"{name}: a unit sees {sees}. Units {units}, a row each."))
    text = (
        f"A row is one unit, and the patches of {len(s.inside.rows):,} pictures that it answers most to, one from each "
        "picture, the strongest first. Units are taken at equal steps among those that answer differently to different "
        "pictures: none was chosen for its looks. Where the patches of a row are alike, the unit stands for something."
    )
    return [Section("What excites a unit", text, pictures=(page.pair(*pictures),), files=files)]


def attention(s: Pictured) -> list[Section]:
    """Show where the class token looks."""
    if s.inside is None or s.pixels is None or s.inside.attention is None:
        return []
    seen = s.inside.attention
    rows = []
    for i, row in enumerate(seen.rows.tolist()):
        mean = seen.maps[i].mean(0)
        maps = [mean, *seen.maps[i]] + ([] if seen.untrained is None else [seen.untrained[i].mean(0)])
        rows.append([s.pixels[row], *(lit(s.pixels[row], each) for each in maps)])
    shown = mosaic(rows, cell=(64, 64))
    heads = seen.maps.shape[1]
    last = "" if seen.untrained is None else "; last, the untrained network's mean"
    caption = f"A picture that was not learned from; the mean of all heads; each of the {heads} heads{last}."
    data = png(shown)
    picture = page.figure(from_png(data, name="where the class token looks", side=shown.shape[2]), caption)
    text = (
        "How much the class token looks at each patch in the last block: bright where most. A class token that looks "
        "at all patches alike has found nothing that matters more than the rest."
    )
    return [Section("Attention", text, (_looked_number(seen),), (), (picture,), {"attention.png": data})]


def _looked_number(seen: Attention) -> Number:
    found = patches_looked_at(seen.maps)
    low, high = bootstrap_mean(found)
    beside = {"all patches alike": float(np.prod(seen.maps.shape[2:]))}
    if seen.untrained is not None:
        beside["untrained"] = float(patches_looked_at(seen.untrained).mean())
    return Number("patches looked at (exp of the entropy)", float(found.mean()), low, high, len(found), beside)


def filled_in(filled: Filled | None) -> list[Section]:
    """Show pictures of which a part was hidden, and how the network filled it in."""
    if filled is None:
        return []
    shown = filled_sheet(filled)
    caption = "The picture; what the network was shown; the hidden patches as it told them."
    data = png(shown)
    picture = page.figure(from_png(data, name="hidden patches filled in", side=shown.shape[2]), caption)
    text = (
        "Pictures that were not learned from, with patches hidden at random, and what the network made of the rest. "
        "Where pixels are told patch by patch, a patch's own mean and contrast are put back to show it: the network "
        "did not tell those, only the pattern. What fills in is thrown away after training."
    )
    return [Section("Hidden and filled in", text, (filled.error,), (), (picture,), {"filled-in.png": data})]


def predicted(number: Number | None) -> list[Section]:
    """Say how much of the tokens of hidden parts was told."""
    if number is None:
        return []
    bars = [Bar("predicted", number.value, number.low, number.high)]
    bars += [Bar(name, value) for name, value in number.baselines.items()]
    least = min(0.0, number.value, *number.baselines.values())
    chart = bar_chart(
        bars, title="Told of hidden tokens", low=least, percent=True,
        description="The share of the variance of hidden tokens that is told, beside plainer guesses.",
    )  # fmt: skip
    text = (
        "How much of what varies in the tokens of hidden parts is told from the parts that are seen: 0 is telling the "
        "mean of all tokens, 1 telling everything. The tokens are a teacher's, and the teacher follows the learner: "
        "tokens that are easy to tell may say little, so read this beside the probes."
    )
    return [Section("Hidden and predicted", text, (number,), (), (page.figure(chart),))]


def filled_sheet(filled: Filled) -> Array:
    """Return given, seen and told side by side, two pictures in a row."""
    each = [list(three) for three in zip(filled.given, filled.seen, filled.told, strict=True)]
    rows = [[picture for three in each[i : i + 2] for picture in three] for i in range(0, len(each), 2)]
    return mosaic(rows, cell=(64, 64))


def depths(s: Pictured) -> list[Section]:
    """Say how much a probe finds at every depth, learned and untrained, beside raw pixels and manual features."""
    inside = s.inside
    if inside is None or len(inside.depths) < 2 or s.pixels is None or s.labels is None or not any(s.labels):
        return []
    train, test, split = _split(s, inside)
    pixels = s.pixels[inside.rows]
    beside = {
        name: _probed(make(pixels), train, test, split)
        for name, make in (("raw pixels", raw), ("HOG + colour", hog_and_colour))
    }
    names = [name for name in inside.depths if not _repeats(inside.depths, name)]
    learned = {name: _probed(inside.depths[name], train, test, split) for name in names}
    drawn = {name: _probed(inside.untrained[name], train, test, split) for name in names if name in inside.untrained}
    charts = _depth_charts(learned, drawn, beside, split)
    rows = [
        (f"{i}. {name}", inside.depths[name].shape[1], *_cells(learned[name]), *_cells(drawn.get(name)))
        for i, name in enumerate(names, 1)
    ]
    rows += [(name, None, *_cells(found), None, None) for name, found in beside.items()]
    best = max(learned, key=lambda name: learned[name][1].value)
    text = (
        f"The same probe at every depth, from the first to the last: {len(split.train):,} pictures with labels to "
        f"learn from, {len(split.test):,} held out; of each depth the mean over its places. Linear accuracy is highest "
        f"at {best}, {learned[best][1].value:.1%}."
    )
    figures = [
        line_chart(
            lines, title=f"{kind} by depth", x_label="depth", levels=levels, whole_x=True,
            description=f"{kind} accuracy at each depth, learned and untrained.",
        )
        for kind, (lines, levels) in charts.items()
    ]  # fmt: skip
    columns = ("depth", "dims", "k-NN@20", "linear", "untrained k-NN@20", "untrained linear")
    table = Table(columns, tuple(rows), "Raw pixels and HOG + colour have the same pictures and the same probe.")
    files = {"depth.png": lines_png(charts, x_label="depth")}
    last = names[-1]
    numbers = tuple(_beside(learned[last][i], i, drawn.get(last), beside, split) for i in range(2))
    pictures = [page.figure(each, f"{kind} accuracy.") for kind, each in zip(charts, figures, strict=True)]
    return [Section("Depth", text, numbers, (table,), (page.pair(*pictures),), files)]


def _split(s: Pictured, inside: Inside) -> tuple[Int[Array, " t"], Int[Array, " e"], Split]:
    """Return places in `inside.rows` to learn from and to test on, and their labels."""
    assert s.labels is not None
    labels, held = np.array([s.labels[row] for row in inside.rows]), s.held_out[inside.rows]
    train = np.flatnonzero((labels != "") & ~held)
    test = np.flatnonzero(np.isin(labels, np.unique(labels[train])) & (labels != "") & held)
    return train, test, Split(labels[train].tolist(), labels[test].tolist())


def _probed(
    x: Float[Array, "n e"], train: Int[Array, " t"], test: Int[Array, " e"], split: Split
) -> tuple[Number, Number]:
    return knn_accuracy(x[train], x[test], split), linear_accuracy(x[train], x[test], split)


def _repeats(depths: Mapping[str, Array], name: str) -> bool:
    """Whether a depth is the mean over places of the one before it, as a ResNet's vector is."""
    names = list(depths)
    before = depths[names[names.index(name) - 1]] if names.index(name) else None
    return before is not None and before.shape == depths[name].shape and np.allclose(before, depths[name], atol=1e-5)


def _depth_charts(
    learned: Mapping[str, tuple[Number, Number]],
    drawn: Mapping[str, tuple[Number, Number]],
    beside: Mapping[str, tuple[Number, Number]],
    split: Split,
) -> dict[str, tuple[list[Line], dict[str, float]]]:
    charts = {}
    for i, kind in enumerate(("k-NN", "linear")):
        lines = [
            Line(name, [float(n) for n in range(1, len(found) + 1)], [both[i].value for both in found.values()])
            for name, found in (("learned", learned), ("untrained", drawn))
            if found
        ]
        levels = {name: both[i].value for name, both in beside.items()} | {"chance": split.chance}
        charts[kind] = (lines, levels)
    return charts


def _cells(found: tuple[Number, Number] | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found[0].value, found[1].value)


def _beside(
    number: Number,
    i: int,
    drawn: tuple[Number, Number] | None,
    beside: Mapping[str, tuple[Number, Number]],
    split: Split,
) -> Number:
    baselines = {"chance": split.chance} | {name: both[i].value for name, both in beside.items()}
    if drawn is not None:
        baselines["untrained network"] = drawn[i].value
    return Number(number.name, number.value, number.low, number.high, number.n, baselines, "at the last depth")
