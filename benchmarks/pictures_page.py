"""The page of pictures.py: its entries in, docs/pictures-measured.md out; and which recipes they support.

    .venv/bin/python benchmarks/pictures_page.py

A test compares the page with what this makes of the results, and `recipes.EXPERIMENTAL` with what they support.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "pictures-measured.md"
Entry = dict[str, Any]
Group = tuple[str, str, str, str, int | None]
"""Recipe, options as JSON, machine, data, items."""

MARGIN = 0.03  # of accuracy, above pixels and the untrained network
FAMILIES = {
    "patches": "dictionary", "simclr": "contrast", "moco": "contrast", "supcon": "contrast, labels",
    "byol": "distillation", "simsiam": "distillation", "dino": "distillation",
    "vicreg": "decorrelation", "barlow": "decorrelation", "lejepa": "decorrelation",
    "mae": "masking", "ijepa": "prediction",
}  # fmt: skip
LINEAR_ALONE = ("masking", "prediction")
"""Families whose vectors are to be read out by a line, and need not lie near one another."""
TRANSFORMERS = ("mae", "ijepa")
COLUMNS = ("k-NN", "linear", "k-NN, PCA 128", "linear, PCA 128", "linear, 1 a class", "linear, 10 a class",
           "linear, 100 a class")  # fmt: skip
SPENT = ("recipe", "family", "options", "machine", "seeds", "epochs", "pictures/s", "time", "dim")
HEADS = ("k-NN", "linear", "k-NN, PCA", "linear, PCA", "1 label", "10", "100")

HEAD = """# Pictures, measured

What recipes for pictures are worth, made of `benchmarks/results/pictures.json` by `benchmarks/pictures_page.py`; a test
compares the two.

Data: a subset of CIFAR-10 (Krizhevsky 2009), 15,000 pictures to learn from without their labels, 5,000 to test on; the
doctor holds back 768 of the former. One and the same probe for all: accuracy in % of the 20 nearest by cosine, and of
ridge regression on standardised vectors; both again after PCA to 128; ridge regression with 1, 10 and 100 labels a
class (5 draws). Means over seeds, in brackets the least and the most; the 95 % interval of one accuracy is ±1.4 points.

A recipe is **supported** where the mean is at least 3 points above pixels and above the same network untrained, in k-NN
and in linear accuracy (masking and prediction: linear); with the budget of its row. All else says that it is
experimental, wherever its name appears.

```sh
.venv/bin/python benchmarks/pictures.py --recipes simclr --seeds 1 2 3 --set epochs=15 --growth
.venv/bin/python benchmarks/pictures.py --baselines --seeds 1 2 3
```
"""

_SECONDS = (
    "Seconds are of learning alone, beside other work; where threads 1 stands, of a process that mostly waited for it."
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def mean_of(entries: Sequence[Entry], name: str) -> float | None:
    """Return the mean over seeds of a number; None where an entry lacks it."""
    found = [entry["numbers"].get(name) for entry in entries]
    return None if None in found else statistics.mean(one["value"] for one in found if one)


def cell(entries: Sequence[Entry], name: str) -> str:
    values = [100 * entry["numbers"][name]["value"] for entry in entries if name in entry["numbers"]]
    if not values:
        return "–"
    around = f" ({min(values):.1f}–{max(values):.1f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{around}"


def groups(entries: Sequence[Entry]) -> dict[Group, list[Entry]]:
    """Return the entries of recipes by everything but the seed."""
    found: dict[Group, list[Entry]] = {}
    for entry in entries:
        if "recipe" in entry:
            about = (entry["recipe"], json.dumps(entry["set"]), entry["machine"], entry["data"], entry["items"])
            found.setdefault(about, []).append(entry)
    return dict(sorted(found.items(), key=lambda item: list(FAMILIES).index(item[0][0])))


def baselines(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if "baseline" in entry:
            said = ", ".join(f"{key} {value}" for key, value in entry.get("set", {}).items())
            found.setdefault(entry["baseline"] + (f" ({said})" if said else ""), []).append(entry)
    return found


def supports(recipe: str, group: Sequence[Entry], plain: Mapping[str, Sequence[Entry]]) -> bool:
    """Whether the recipe's vectors are `MARGIN` above pixels and the network untrained."""
    untrained = "untrained vit" if recipe in TRANSFORMERS else "untrained resnet"
    measures = ("linear",) if FAMILIES[recipe] in LINEAR_ALONE else ("k-NN", "linear")
    for name in measures:
        ours = mean_of(group, name)
        rivals = [mean_of(plain[each], name) for each in ("pixels", untrained) if each in plain]
        if ours is None or len(rivals) < 2 or any(rival is None or ours < rival + MARGIN for rival in rivals):
            return False
    return True


def supported(entries: Sequence[Entry]) -> set[str]:
    """Return the recipes that some budget supports."""
    plain = baselines(entries)
    return {
        about[0]
        for about, group in groups(entries).items()
        if about[3] == "cifar10" and about[4] is None and supports(about[0], group, plain)
    }


def budget(about: Group, group: Sequence[Entry]) -> list[str]:
    """Return the cells that say what was spent."""
    given = json.loads(about[1])
    options = ", ".join(f"{key} {value}" for key, value in given.items() if key != "epochs") or "defaults"
    rates = {entry["derived"].get("rate", {}).get("value") for entry in group} - {None}
    if rates and "rate" not in given:
        options += f", rate {max(rates):.4f}".rstrip("0")
    seconds = statistics.median(entry["seconds"] for entry in group)
    pace = statistics.median(entry["pictures_per_second"] for entry in group)
    epochs = f"{group[0]['epochs']:g}" if group[0]["epochs"] else "–"
    return [
        f"`{about[0]}`", FAMILIES[about[0]], options, about[2].split(",")[0], str(len(group)), epochs,
        f"{pace:,.0f}" if group[0]["epochs"] else "–", f"{seconds:.0f} s", str(group[0]["dim"]),
    ]  # fmt: skip


def worth(entries: Sequence[Entry]) -> str:
    """Return the table of recipes on CIFAR-10, every budget a row, and of what is plainer."""
    plain = baselines(entries)
    rows = []
    for about, group in groups(entries).items():
        if about[3] == "cifar10" and about[4] is None:
            said = "supported" if supports(about[0], group, plain) else "experimental"
            rows.append([*budget(about, group), *(cell(group, name) for name in COLUMNS), said])
    below = [[name, str(len(group)), str(group[0]["dim"]), *(cell(group, column) for column in COLUMNS)]
             for name, group in plain.items()]  # fmt: skip
    return (
        table([*SPENT, *HEADS, "so"], rows)
        + "\nBeside them, by the same probe:\n\n"
        + table(["baseline", "seeds", "dim", *HEADS], below)
    )


def against_manual(entries: Sequence[Entry]) -> str:
    """Say which rows are above manual features, in k-NN and in linear accuracy."""
    manual = baselines(entries).get("HOG + colour")
    if not manual:
        return ""
    above: dict[str, list[str]] = {name: [] for name in COLUMNS[:2]}
    for about, group in groups(entries).items():
        if about[3] == "cifar10" and about[4] is None:
            for name, said in above.items():
                ours, theirs = mean_of(group, name), mean_of(manual, name)
                if ours is not None and theirs is not None and ours > theirs:
                    said.append(f"`{about[0]}` ({budget(about, group)[2]}; {group[0]['epochs']:g} epochs)")
    told = [f"Above manual features in {name}: {', '.join(said) or 'none'}." for name, said in above.items()]
    return "\n".join(told) + "\n"


def growth(entries: Sequence[Entry]) -> str:
    """Return k-NN and linear accuracy at shares of a training, then by the number of pictures."""
    rows = []
    for entry in entries:
        if entry.get("growth"):
            steps = [f"{100 * each['k-NN']:.1f} / {100 * each['linear']:.1f}" for each in entry["growth"]]
            last = f"{100 * entry['numbers']['k-NN']['value']:.1f} / {100 * entry['numbers']['linear']['value']:.1f}"
            rows.append([f"`{entry['recipe']}`", f"{entry['epochs']:g}", *steps, last])
    return table(["recipe", "epochs", "10 %", "20 %", "40 %", "70 %", "100 %"], rows)


def by_items(entries: Sequence[Entry]) -> str:
    found = [entry for entry in entries if entry.get("items") and entry["data"] == "cifar10"]
    rows = [[f"`{e['recipe']}`", f"{e['items']:,}", f"{e['epochs']:g}", *(cell([e], name) for name in COLUMNS[:2])]
            for e in found]  # fmt: skip
    return table(["recipe", "pictures", "epochs", *HEADS[:2]], rows) if rows else ""


def page(entries: Sequence[Entry]) -> str:
    """Return the page."""
    machines = sorted({entry["machine"] for entry in entries if "machine" in entry})
    parts = [
        HEAD,
        f"Machines: {'; '.join(machines)}. {_SECONDS}\n",
    ]
    parts += ["## Worth\n", worth(entries), against_manual(entries)]
    grown, items = growth(entries), by_items(entries)
    if "%" in grown and "`" in grown:
        parts += ["## Growth with time\n", "k-NN / linear at shares of a training, off its checkpoints: the rate has"
                  " not fallen there, so they are lower bounds.\n", grown]  # fmt: skip
    if items:
        parts += ["## Growth with data\n", items]
    other = {about: group for about, group in groups(entries).items() if about[3] != "cifar10"}
    if other:
        rows = [[about[3], *budget(about, group), *(cell(group, name) for name in COLUMNS)]
                for about, group in other.items()]  # fmt: skip
        parts += ["## Other pictures\n", table(["data", *SPENT, *HEADS], rows)]
    return "\n".join(parts)


def entries_of() -> list[Entry]:
    return list(json.loads((HERE / "results" / "pictures.json").read_text()))


def write_page(entries: Sequence[Entry]) -> None:
    PAGE.write_text(page(entries))


if __name__ == "__main__":
    write_page(entries_of())
