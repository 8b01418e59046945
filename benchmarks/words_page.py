"""The page of measured words: committed results in, docs/words.md and a part of the README out.

    .venv/bin/python benchmarks/words_page.py          # writes both
    .venv/bin/python benchmarks/words_page.py --print

A test compares the two with what this makes of the results, so they cannot drift.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE, README = HERE.parent / "docs" / "words.md", HERE.parent / "README.md"
BEGIN, END = "<!-- made by benchmarks/words_page.py -->\n", "<!-- /made -->\n"
TASKS = {  # row: what it is, its rival, the aim, the row that holds its quality
    "reproducible": ("skip-gram, `--reproducible`, two threads, wall", "gensim, 2 workers", 14, "quality-reproducible"),
    "skipgram-1": ("skip-gram, one thread", "gensim", None, "quality"),
    "skipgram-2": ("skip-gram, two racing threads, wall", "gensim, 2 workers", None, "quality"),
    "fasttext-words": ("skip-gram, one thread", "fastText without subwords", 40, "fasttext-words"),
    "fasttext-subwords": ("subword skip-gram, one thread", "fastText", 15, "fasttext-subwords"),
    "glove": ("GloVe, text to vectors, 15 iterations, one thread", "stanfordnlp/GloVe", 20, "glove"),
    "cbow": ("CBOW, one thread", "gensim", 8, "quality-cbow"),
    "hierarchical-softmax": ("hierarchical softmax, one thread", "gensim", 8, "quality-hs"),
}
FAMILY = ("word2vec", "fasttext", "glove", "ppmi", "onehot")
SECOND = "words-zen4.json"  # the same rows on another machine
SCORES = {"analogy": "analogies", "wordsim353": "WordSim-353", "simlex999": "SimLex-999", "men": "MEN"}
FIRST_ROWS = {
    "fasttext": "fastText as it is",
    "fasttext-filled": "fastText, all rows at random",
    "tenth": "ours, its zeros",
    "all": "ours as it is",
    "none": "ours, every n-gram at zero",
}

HEAD = """# Words, measured

What the words family costs and is worth. This page is made of the files in `benchmarks/results/` by
`benchmarks/words_page.py`, and a test compares the two.

Text: 100 MB of English Wikipedia (15.8 M words of a–z, a paragraph a line). Machine: {machine}.
It was shared with other work: `load` is the load average when a side began, on two cores. Where many processes share
the cores CPU seconds rise too, on both sides; sides take turns. Where a later version of
ours was measured, its rounds stand beside the rival's of an hour before, at another load: from load 34–54 to 4–12 our
seconds of the same row fell by 0–13 %, so much may a ratio flatter us.
"""


def read(name: str) -> Any:
    file = HERE / "results" / name
    return json.loads(file.read_text()) if file.exists() else None


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def several(values: list[float], digits: int = 1) -> str:
    """Return the median and, in brackets, the least and the most."""
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return f"{middle} (one round)"
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def rival_of(measured: dict[str, Any]) -> str:
    return next(side for side in ("gensim", "fasttext", "stanford") if side in measured)


def speed(rows: dict[str, Any]) -> str:
    """Return the table of speeds."""
    out = []
    for row, (what, rival, aim, _) in TASKS.items():
        if row not in rows:
            continue
        measured = rows[row]
        best, lesser = measured["avx512"], measured.get("avx2")
        name = rival_of(measured)
        gate = f"{best['must_reach']:g}" + (f" · {aim}" if aim else "")
        loads = [load for side in (name, "avx512") for load in measured[side].get("load_average", [])]
        out.append(
            [
                f"`{row}`: {what}",
                f"{best['median']:.2f} s",
                f"{rival}: {measured[name]['median']:.1f} s",
                f"**{several(best['ratio']['all'])}**",
                gate,
                several(lesser["ratio"]["all"]) if lesser else "–",
                f"{len(best['all'])}",
                f"{min(loads):.0f}–{max(loads):.0f}" if loads else "–",
            ]
        )
    head = ["row", "likewise, AVX-512", "rival", "times as fast", "gate · aim", "AVX2 level", "rounds", "load"]
    return table(head, out)


def quality(rows: dict[str, Any]) -> str:
    """Return the quality beside each row, ours and the rival's."""
    out, seen = [], set()
    for _, rival, _, where in TASKS.values():
        found = rows.get(where, {}).get("quality")
        if found is None or where in seen:
            continue
        seen.add(where)
        cells = [f"`{where}`: against {rival.split(',')[0]}"]
        for name in SCORES:
            digits = 1 if name == "analogy" else 3
            values = [found[side][name]["mean"] for side in ("likewise", "rival")]
            cells.append(" / ".join(f"{value:.{digits}f}".replace("0.", ".", digits // 3) for value in values))
        cells.append("/".join(map(str, found["seeds"])))
        below = [SCORES[name] for name in found["below"]]
        out.append([*cells, f"below: {', '.join(below)}" if below else "not below"])
    return table(["row", *(f"{name} ours / rival" for name in SCORES.values()), "seeds", "verdict"], out)


def newest(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of each recipe of the version that was measured last, by seed."""
    last = {entry["recipe"]: (entry["machine"], entry["version"]) for entry in entries}
    return {
        recipe: sorted(
            (e for e in entries if e["recipe"] == recipe and (e["machine"], e["version"]) == about),
            key=lambda e: int(e["seed"]),
        )
        for recipe, about in last.items()
    }


def mean_of(entries: list[dict[str, Any]], *path: str) -> dict[str, float] | None:
    """Return the means over seeds of a number and of the ends of its interval."""
    found = []
    for entry in entries:
        place: Any = entry["quality"]
        for step in path:
            place = place.get(step) if place else None
        if place is None or place["value"] is None:
            return None
        found.append(place)
    return {key: statistics.mean(place[key] for place in found) for key in ("value", "low", "high")}


def shown(number: dict[str, float] | None, percent: bool) -> str:
    if number is None:
        return "–"
    if percent:
        return f"{100 * number['value']:.1f} ({100 * number['low']:.1f}–{100 * number['high']:.1f})"
    value, low, high = (f"{number[key]:.3f}".replace("0.", ".", 1) for key in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def family(by_recipe: dict[str, list[dict[str, Any]]]) -> str:
    """Return what each recipe is worth, then what it costs."""
    percents, numbers = ("analogy", "semantic", "syntactic"), ("wordsim353", "simlex999", "men", "rarewords")
    worth = [
        [f"`{name}`", f"{len(entries)}"]
        + [shown(mean_of(entries, key), True) for key in percents]
        + [shown(mean_of(entries, key), False) for key in numbers]
        + [shown(mean_of(entries, "rarewords_by_letters"), False)]
        for name, entries in by_recipe.items()
    ]
    head = ["recipe", "seeds", "analogies, %", "semantic", "syntactic", "WordSim-353", "SimLex-999", "MEN"]
    head += ["RareWords, both seen (931 pairs)", "RareWords, unseen by letters (2,034)"]
    costs = []
    for name, entries in by_recipe.items():
        cost = [entry["cost"] for entry in entries]
        loads = [entry["load_average"] for entry in entries]
        costs.append(
            [
                f"`{name}`",
                f"{statistics.median(c['cpu_seconds'] for c in cost):.1f}",
                several([c["seconds"] for c in cost]),
                f"{statistics.median(c['peak_anonymous'] for c in cost) / 1e6:.0f}",
                f"{statistics.median(c['bytes_of_run'] for c in cost) / 1e6:.0f}",
                f"{min(loads):.0f}–{max(loads):.0f}",
            ]
        )
    below = table(["recipe", "CPU seconds", "wall seconds", "peak memory, MB", "run on disk, MB", "load"], costs)
    return table(head, worth) + "\nWhat it costs, with each recipe's default epochs, two threads:\n\n" + below


def relations(by_recipe: dict[str, list[dict[str, Any]]]) -> str:
    names = next(iter(by_recipe.values()))[0]["quality"]["relations"]
    rows = [
        [name, f"{facts['n']:,}"] + [shown(mean_of(e, "relations", name), True) for e in by_recipe.values()]
        for name, facts in names.items()
    ]
    return table(["relation", "questions", *(f"`{name}`" for name in by_recipe)], rows)


def time_to_goal(by_recipe: dict[str, list[dict[str, Any]]], goal: float) -> str:
    rows = []
    for name, entries in by_recipe.items():
        first = entries[0]
        reached, best = first.get("time_to_goal"), mean_of(entries, "analogy")
        if reached:
            said = f"epoch {reached['epoch']} of {first['cost']['epochs']}: {reached['seconds']:.1f} s"
        else:
            said = "not reached in its default epochs" if first["cost"]["epochs"] else "not reached; it has no epochs"
        rows.append([f"`{name}`", said, f"{first['load_average']:.1f}", shown(best, True)])
    return table(["recipe", f"seconds from the text to {100 * goal:.1f} %, seed 1", "load", "at its end"], rows)


def first_rows(runs: list[dict[str, Any]]) -> str:
    rows = []
    for epochs in (0, 1, 5):
        for side, what in FIRST_ROWS.items():
            mine = [run for run in runs if run["side"] == side and run["epochs"] == epochs]
            if mine:
                values = [[run[name] for run in mine] for name in ("analogy", "wordsim353", "men")]
                cells = [f"{statistics.mean(v):.{1 if k == 0 else 3}f}" for k, v in enumerate(values)]
                cells = [cell.replace("0.", ".", 1) if cell.startswith("0.") else cell for cell in cells]
                rows.append([f"{epochs}", what, f"{len(mine)}", *cells])
    return table(["epochs", "side", "seeds", "analogies, %", "WordSim-353", "MEN"], rows)


def growth(slopes: dict[str, Any]) -> str:
    columns = {
        "CPU by words of text": ("tokens", "cpu"),
        "from 10 to 100 M": ("tokens", "cpu_last"),
        "memory by words of text": ("tokens", "peak_anonymous"),
        "CPU by vocabulary": ("vocabulary", "cpu"),
        "memory by vocabulary": ("vocabulary", "peak_anonymous"),
    }
    rows = [
        [f"`{name}`", *(f"{slopes[axis][name][key]:.2f}" for axis, key in columns.values())]
        for name in slopes["tokens"]
    ]
    head = ["recipe", *columns]
    return table(head, rows)


def second() -> list[str]:
    """Return the speeds on the second machine, where it was measured."""
    words = read(SECOND)
    if words is None:
        return []
    return [f"The same on another machine ({words['machine']}: its AVX-512 works in halves):\n", speed(words["rows"])]


def page() -> str:
    """Return the page."""
    words, whole, scale, started = map(
        read, ("words.json", "words-family.json", "scale.json", "fasttext-first-rows.json")
    )
    by_recipe = newest(whole["entries"])
    by_recipe = {name: by_recipe[name] for name in FAMILY if name in by_recipe}
    parts = [HEAD.format(machine=words["machine"])]
    parts += [
        "## Speed\n",
        "Seconds of CPU unless a row says wall; the median of its rounds, in brackets the least and the most. The\n"
        "programs of C and C++ learn from a part of the text, and we beside them.\n",
        "```sh\n.venv/bin/python benchmarks/words.py ROW --rounds 3\n```\n",
        speed(words["rows"]),
        *second(),
        "Quality of the same settings, means over seeds (5 epochs against gensim; else what was timed):\n",
        quality(words["rows"]),
        "Below is what falls short of the rival by more than 1 point of analogies or .01 of a correlation (CBOW: 1.5\n"
        "times that).\n",
        "## The family\n",
        "Each recipe with its own defaults; means over seeds, in brackets the 95 % interval over questions or pairs.\n",
        "```sh\n.venv/bin/python benchmarks/family.py\n```\n",
        family(by_recipe),
        "## Relation by relation\n",
        "Analogies right, %, of the 30,000 most frequent words.\n",
        relations(by_recipe),
        "## Time to a fixed quality\n",
        f"The quality is gensim's mean after 5 epochs, {100 * whole['goal']['value']:.1f} % of the analogies. In\n"
        "an epoch that is not the last the rate has not fallen to its end: it is an upper bound.\n",
        time_to_goal(by_recipe, whole["goal"]["value"]),
    ]
    if started:
        parts += [
            "## First rows of n-grams\n",
            "What fastText's first rows do ([fasttext](fasttext.md) says what follows), a quarter of the text:\n",
            "```sh\n.venv/bin/python benchmarks/fasttext_first_rows.py\n```\n",
            first_rows(started["runs"]),
        ]
    if scale and set(scale.get("slopes", ())) == {"tokens", "vocabulary"}:
        parts += [
            "## Growth\n",
            "```sh\n.venv/bin/python benchmarks/scale.py\n```\n",
            "![CPU seconds and memory against words of text and against words of vocabulary](pictures/growth.png)\n",
            "Slopes of the logarithms: 1 is linear, 0 no growth.\n",
            growth(scale["slopes"]),
            "Time is near-linear in the text once it outweighs the start. Memory of word2vec and fasttext is set by\n"
            "the vocabulary and its n-grams; that of glove by the pairs that stand together, up to `--memory`: then\n"
            "they go to disk. Beyond 15.8 M words the text is repeated in another order, which brings few new pairs.\n",
        ]
    return "\n".join(parts)


def short() -> str:
    """Return the README's table: each row with its rival, seconds and ratio."""
    rows = read("words.json")["rows"]
    told = {row: (what, rival) for row, (what, rival, _, _) in TASKS.items()}
    told |= {
        "count": ("cut and count the text", "gensim"),
        "pipeline": ("text file to a saved run, 5 epochs, two threads, wall", "gensim, 2 workers"),
    }
    out = []
    for row, (what, rival) in told.items():
        measured = rows[row]
        best, lesser = measured["avx512"], measured.get("avx2")
        times = f"{best['ratio']['median']:.1f}" + (f" ({lesser['ratio']['median']:.1f})" if lesser else "")
        out.append([what, f"{best['median']:.2f} s", f"{rival}: {measured[rival_of(measured)]['median']:.1f} s", times])
    return table(["task", "likewise", "rival", "times as fast (AVX2 level)"], out)


def readme() -> str:
    """Return the README with its table made anew."""
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return before + BEGIN + short() + END + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    if options.print:
        print(page())
    else:
        PAGE.write_text(page())
        README.write_text(readme())


if __name__ == "__main__":
    main()
