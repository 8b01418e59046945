"""The page of text_quality.py: its entries in, docs/texts-measured.md out.

    .venv/bin/python benchmarks/text_quality_page.py

A test compares the page with what this makes of the results.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
GROWTH = HERE / "results" / "text-growth.json"
FILE, PAGE = HERE / "results" / "text-quality.json", HERE.parent / "docs" / "texts-measured.md"
Entry = dict[str, Any]

SIDES = {
    "tfidf": "TF-IDF of all words, learned from the Wikipedia text; for classes 300 directions of the set's own texts",
    "tfidf-svd": "the same in 300 directions of the Wikipedia text",
    "words": "Word2Vec of that text (default recipe, seed 1), plain mean of a text's words",
    "words-weighted": "the same words, weighted, as `embed` does by default",
    "words-sif": "the same words, SIF",
    "untrained": "a BERT of 4 blocks of 256 as it is drawn, MiniLM's tokeniser",
    "mlm-drawn": "the network of `mlm` below as it is drawn, with its tokens",
    "mlm": "a BERT of 4 blocks of 256, learned by `likewise learn mlm` from the Wikipedia text in 45 minutes, as below",
    "simcse": "the same, gone on with by `likewise learn simcse`, 30 minutes more",
    "minilm": "all-MiniLM-L6-v2, which others trained on a billion pairs; what is to be aimed at",
    "bm25": "BM25 by bm25s, scikit-learn's English stop words left out, nothing stemmed",
}
YEARS = ("2012", "2013", "2014", "2015", "2016")
LABELS = {"1 a class": "1", "10 a class": "10", "100 a class": "100", "all": "all", "k-NN": "20 nearest, all"}
SETS = {
    "banking77": "BANKING77: 77 things that people ask a bank, 10,003 to learn from, 3,080 to test on",
    "trec": "TREC: what a question asks for, 6 classes, 5,452 and 500",
    "subj": "SUBJ: of a plot or of a review, 8,000 and every fifth, 2,000",
}
MEASURES = {"ndcg@10": "nDCG@10", "map": "MAP", "recall@100": "recall@100", "mrr": "MRR"}
WHOLE, RIVER = "whole text", "recall of bank_bank_(geography)"

HEAD = """# Texts, measured

What vectors of texts are worth, made of `benchmarks/results/text-quality.json` by `benchmarks/text_quality_page.py`; a
test compares the two. [evaluate texts](evaluate-texts.md) says how each measure is defined. All figures × 100; in
brackets the 95 % interval over pairs, texts, draws of labels or queries.

```sh
.venv/bin/python benchmarks/text_quality.py --page                      # what stands here
.venv/bin/python benchmarks/text_quality.py --sides --runs RUN --page   # a run of your own beside it
```
"""


COMMANDS = """From 100 MB of Wikipedia, as one paragraph a line, without labels:

```sh
likewise learn mlm wiki.txt --mask .3 --dropout 0 --rate 1e-3 --time 45m --out mlm
grep -v '^<doc' wiki.txt | awk 'NF >= 10' > paragraphs.txt   # no headings: of two words nothing can be cropped
likewise learn simcse paragraphs.txt --start mlm --positive crops --length 96 --rate 5e-4 --time 30m --out simcse
```

On two cores of an Intel Xeon (AVX-512, AMX) `mlm` took 57 minutes, the first 27 of them beside tests (its second half
went at a pace of 46 for the whole), and `simcse` 39: its time was measured by short texts, which is mended.
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def shown(number: Any, *, around: bool = True) -> str:
    """Return × 100 with its interval."""
    if number is None:
        return "–"
    if not isinstance(number, dict):
        return f"{100 * number:.1f}"
    inside = number.get("low") is not None and around
    return f"{100 * number['value']:.1f}" + (
        f" ({100 * number['low']:.1f}–{100 * number['high']:.1f})" if inside else ""
    )


def value(number: Any) -> float:
    return float(number["value"] if isinstance(number, dict) else number)


def of(entries: Sequence[Entry], measure: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the sides of a measure with its numbers, in the order of `SIDES`, then runs by name."""
    found = [(entry["side"], entry["numbers"]) for entry in entries if entry["measure"] == measure]
    order = list(SIDES)
    return sorted(found, key=lambda one: (order.index(one[0]) if one[0] in order else len(order), one[0]))


# --- likeness ---


def likeness(entries: Sequence[Entry]) -> str:
    years = dict(of(entries, "sts"))
    rows = []
    for side, numbers in of(entries, "stsb"):
        each = [years.get(side, {}).get(year) for year in YEARS]
        mean = 100 * statistics.mean(value(one) for one in each) if all(each) else None
        rows.append(
            [f"`{side}`", shown(numbers["test spearman"]), shown(numbers["test pearson"], around=False),
             *(shown(one, around=False) for one in each), "–" if mean is None else f"{mean:.1f}"]
        )  # fmt: skip
    return table(["side", "STS-B test, Spearman", "Pearson", *(f"STS {year}" for year in YEARS), "their mean"], rows)


# --- classes ---


def classes(entries: Sequence[Entry]) -> str:
    parts = []
    for measure, title in SETS.items():
        found = of(entries, measure)
        if found:
            rows = [[f"`{side}`", *(shown(numbers.get(key)) for key in LABELS)] for side, numbers in found]
            note = next((n["100 a class"]["note"] for _, n in found if ";" in n["100 a class"].get("note", "")), "")
            few = f"; with 100 {note.partition('; ')[2]}, and give all they have" if note else ""
            parts.append(f"{title}; chance {shown(found[0][1]['chance'])}{few}.\n")
            parts.append(table(["side", *LABELS.values()], rows))
    return "\n".join(parts)


# --- senses ---


def senses(entries: Sequence[Entry]) -> str:
    """Return the table of CoarseWSD-20: bank first, then the ten words together."""
    found = of(entries, "coarsewsd")
    if not found:
        return ""
    counted = [one["most frequent"] for one in next(iter(found[0][1].values())).values()]
    bank = next(iter(found[0][1].values()))["bank"]
    rows = [["whoever counts senses alone", "", shown(bank["most frequent"]), "100.0", "0.0",
             shown(statistics.mean(counted)), shown(_even(found[0][1]))]]  # fmt: skip
    for side, depths in found:
        last = list(depths)[-1]
        for depth in dict.fromkeys((WHOLE, last)):
            words = depths[depth]
            both = [shown(words["bank"][key]) for key in ("accuracy", "recall of bank_bank", RIVER)]
            means = [shown(mean_over(words, key)) for key in ("accuracy", "mean recall")]
            rows.append([f"`{side}`", depth, *both, *means])
    return table(["side", "vector of", "bank: right", "money", "river", "ten words: right", "mean recall"], rows)


def _even(depths: dict[str, Any]) -> float:
    """Return the mean recall of whoever tells the most frequent sense: one sense in so many."""
    full = depths[WHOLE]
    return statistics.mean(1 / sum(key.startswith("recall of") for key in word) for word in full.values())


def mean_over(words: dict[str, Any], key: str) -> float:
    return statistics.mean(value(word[key]) for word in words.values())


def by_depth(entries: Sequence[Entry]) -> str:
    """Return what each depth of the networks tells: mean recall over ten words, the river, WiC."""
    same = dict(of(entries, "wic"))
    rows = []
    for side, depths in of(entries, "coarsewsd"):
        if len(depths) > 2:
            for depth, words in depths.items():
                wic = same.get(side, {}).get(depth, {}).get("test")
                river = words["bank"][RIVER]
                rows.append([f"`{side}`", depth, shown(mean_over(words, "mean recall")), shown(river), shown(wic)])
    return table(["side", "vector of", "ten words: mean recall", "bank: river", "WiC test"], rows) if rows else ""


def same_sense(entries: Sequence[Entry]) -> str:
    rows = []
    for side, numbers in of(entries, "wic"):
        best = numbers["best"]
        rows.append([f"`{side}`", shown(numbers[WHOLE]["test"]), *(
            ["–", "–"] if best == WHOLE else [best, shown(numbers[best]["test"])]
        )])  # fmt: skip
    return table(["side", "whole texts", "depth, best on dev", "the word there"], rows)


# --- answers ---


def answers(entries: Sequence[Entry]) -> str:
    found = of(entries, "cranfield")
    if not found:
        return ""
    rows = [["all in one tie", *(shown(found[0][1][key]["chance"]) for key in MEASURES)]]
    rows += [[f"`{side}`", *(shown(numbers[key]) for key in MEASURES)] for side, numbers in found]
    return table(["side", *MEASURES.values()], rows)


# --- in short, and growth ---


def primary(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """Return by measure, in the words of the page, the one number that stands for it, by side."""
    found: dict[str, dict[str, float]] = {}

    def put(name: str, side: str, number: Any) -> None:
        found.setdefault(name, {})[side] = 100 * value(number)

    for side, numbers in of(entries, "stsb"):
        put("STS-B test, Spearman", side, numbers["test spearman"])
    for side, numbers in of(entries, "sts"):
        put("STS 2012–2016, mean", side, statistics.mean(value(numbers[year]) for year in YEARS))
    for measure, name in (("banking77", "BANKING77"), ("trec", "TREC"), ("subj", "SUBJ")):
        for side, numbers in of(entries, measure):
            for key in ("10 a class", "all"):
                put(f"{name}, {LABELS[key]} labels{' a class' if key != 'all' else ''}", side, numbers[key])
    for side, depths in of(entries, "coarsewsd"):
        put("ten words, whole text: mean recall", side, mean_over(depths[WHOLE], "mean recall"))
        inside = {depth: mean_over(words, "mean recall") for depth, words in depths.items() if depth != WHOLE}
        if inside:
            put("ten words, the word there, best depth: mean recall", side, max(inside.values()))
    for side, numbers in of(entries, "wic"):
        put("WiC test, depth best on dev", side, numbers[numbers["best"]]["test"])
    for side, numbers in of(entries, "cranfield"):
        put("Cranfield, nDCG@10", side, numbers["ndcg@10"])
    return found


def in_short(entries: Sequence[Entry]) -> str:
    """Return what is learned here beside what it must beat, and a plain sentence of where it does not."""
    found = primary(entries)
    if not all(any(side in by for by in found.values()) for side in ("mlm", "simcse")):
        return ""
    rows, below = [], []
    for name, by in found.items():
        averaged = max((by[side] for side in ("words", "words-weighted", "words-sif") if side in by), default=None)
        counted = max((by[side] for side in ("tfidf", "tfidf-svd", "bm25") if side in by), default=None)
        drawn = by.get("mlm-drawn")
        cells = [averaged, counted, drawn, by.get("mlm"), by.get("simcse"), by.get("minilm")]
        rows.append([name, *("–" if cell is None else f"{cell:.1f}" for cell in cells)])
        ours = max(by.get("mlm", 0.0), by.get("simcse", 0.0))
        worse = {"averaged words": averaged, "counted words": counted, "the network as drawn": drawn}
        lost = [f"{what} {least:.1f}" for what, least in worse.items() if least is not None and least > ours]
        if lost:
            below.append(f"{name} ({ours:.1f}; {', '.join(lost)})")
    head = [
        "measure",
        "averaged words, the best of three",
        "counted words, the best",
        "as drawn",
        "`mlm`",
        "`simcse`",
        "MiniLM",
    ]
    said = (
        f"The better of `mlm` and `simcse` is below something plainer in: {'; '.join(below)}."
        if below
        else ("The better of `mlm` and `simcse` is above all that is plainer in every measure.")
    )
    return f"{COMMANDS}\n{table(head, rows)}\n{said}\n\n{growth(found)}"


def growth(found: dict[str, dict[str, float]]) -> str:
    """Return the course of what the two runs were worth, and what more of it would take."""
    runs = json.loads(GROWTH.read_text()) if GROWTH.exists() else []
    rows = [
        [f"`{run['run']}`", f"{point['step']:,}", f"{point['step'] / run['steps']:.0%}",
         "–" if point["loss"] is None else f"{point['loss']:.2f}", shown(point["dev"]), shown(point["test"])]
        for run in runs for point in run["points"]
    ]  # fmt: skip
    if not rows:
        return ""
    made = table(["run", "step", "of its steps", "loss", "STS-B dev", "STS-B test"], rows)
    by = found["STS-B test, Spearman"]
    first = next(run for run in runs if run["run"] == "mlm")
    *before, last = first["points"]
    half = min(before, key=lambda point: abs(point["step"] - last["step"] / 2))
    gain = 100 * (last["test"] - half["test"]) / math.log2(last["step"] / half["step"])
    gap = by["tfidf"] - max(by["mlm"], by["simcse"])
    told = (
        f"Growth, read off checkpoints, where the rate has not fallen yet. From step {half['step']:,} to "
        f"{last['step']:,} `mlm` gained {gain:.1f} points of STS-B a doubling of its steps, the rate's fall included. "
    )
    if gap > 0 and gain > 0:
        told += (
            f"TF-IDF is {gap:.1f} points above what came out: {gap / gain:.1f} doublings at that pace, about "
            f"{first['seconds']['learning'] / 3600 * 2 ** (gap / gain):.0f} hours of two such cores."
        )
    elif gap > 0:
        told += f"TF-IDF is {gap:.1f} points above what came out, and more steps of this kind do not lead there."
    best = max(before, key=lambda point: point["test"])
    if gap > 0 and best["test"] >= last["test"]:
        told += (
            f" Even that is hopeful: at step {best['step']:,} it stood at {100 * best['test']:.1f}, so it had stopped "
            "growing, and a larger network or more text is the likelier way than more of the same."
        )
    return f"{told}\n\n{made}"


def sides(entries: Sequence[Entry]) -> str:
    rows = []
    for side in dict.fromkeys([name for name in SIDES if any(e["side"] == name for e in entries)] + sorted(
        {entry["side"] for entry in entries} - set(SIDES)
    )):  # fmt: skip
        mine = [entry for entry in entries if entry["side"] == side]
        what = SIDES.get(side) or f"a run by `{mine[0].get('recipe')}`"
        versions = ", ".join(dict.fromkeys(entry["version"] for entry in mine))
        versions = versions[:19] if versions.startswith("sha256:") else versions
        rows.append([f"`{side}`", what, versions, f"{sum(entry['seconds'] for entry in mine):,.0f} s"])
    return table(["side", "what it is", "version", "measuring"], rows)


SECTIONS: dict[str, tuple[str, Callable[[Sequence[Entry]], str]]] = {
    "What two cores learn in an hour and a half": ("", in_short),
    "Likeness": (
        "Pairs of sentences that people scored; all pairs of a year together, as MTEB does. Of 2012 MSRvid is\n"
        "missing, of 2013 SMT.",
        likeness,
    ),
    "Few labels": ("Accuracy of ridge regression, mean of 5 draws of labels; of 20 nearest by cosine.", classes),
    "Which sense": (
        "CoarseWSD-20, ten of its words: the nearest mean of a sense. 433 of 455 texts on a bank are on money, so\n"
        "look at the river. *The word itself* is one vector for all texts.",
        senses,
    ),
    "Depth by depth": ("The same by the depth that a word's vector is taken from.", by_depth),
    "The same sense": ("WiC: half of the pairs have the same sense, so chance is 50.", same_sense),
    "Answers": (
        "Cranfield: 225 questions to 1,400 abstracts; the paper that a question was taken from is left out. A text is\n"
        "read as far as an encoder reads (MiniLM: 256 tokens).",
        answers,
    ),
}


def page(entries: Sequence[Entry]) -> str:
    """Return the page."""
    machines = sorted({entry["machine"] for entry in entries})
    parts = [HEAD + "\n" + sides(entries), f"Machines: {'; '.join(machines)}, beside other work.\n"]
    for title, (text, make) in SECTIONS.items():
        made = make(entries)
        if made:
            parts += [f"## {title}\n", *([f"{text}\n"] if text else []), made]
    return "\n".join(parts)


def entries_of() -> list[Entry]:
    return list(json.loads(FILE.read_text()))


def write_page(entries: Sequence[Entry]) -> None:
    PAGE.write_text(page(entries))


if __name__ == "__main__":
    write_page(entries_of())
