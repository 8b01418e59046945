"""Word vectors against gensim: a text file in, ratios of speed, memory and quality out as JSON.

Claims, at dim 100, window 5, 5 noise words, sample 1e-3, min-count 5, on 100 MB of English Wikipedia (a-z words, one
paragraph a line, the same file for both sides): skip-gram on one thread at least 10 times as many raw words per
CPU-second as gensim with AVX-512 and 6 times with AVX2; on two threads at least 8 and 5 times as fast by the clock;
counting 3 times; from the text file to a learned run 5 and 3 times; peak anonymous memory at most 1.2 times gensim's;
all that at equal quality (`quality`: analogies no more than 1 point, WordSim-353 no more than .01 below gensim's mean).

    .venv/bin/python benchmarks/words.py                          # every row: writes benchmarks/results/words.json
    .venv/bin/python benchmarks/words.py skipgram-1 --rounds 1    # one row
    .venv/bin/python benchmarks/words.py quality --seeds 3        # adds to benchmarks/results/words-quality.json

Against fastText's program on one thread and a quarter of the text (LIKEWISE_FASTTEXT names it; built outside the
project with -O3 -march=native -funroll-loops, its own flags: without them it is slower and no fair rival): 25 times
without subwords, 8 with them, half of each with AVX2.

Each measurement is a process of its own, both sides take turns. The corpus file and gensim's environment are made
once, under `.bench/`. LIKEWISE_DATA is the folder with the shared data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BENCH = ROOT / ".bench"
DATA = Path(os.environ.get("LIKEWISE_DATA", ROOT.parent / "shared" / "data"))
TEXT = DATA / "text" / "wiki2015_en_100MB.txt.xz"
PACKAGES = ["gensim==4.4.0", "numpy==2.4.6"]
RESULTS = HERE / "results"
AVX512, AVX2 = "avx512", "avx2"
Settings = tuple[str, ...]
ALGORITHM = (
    "kernels/words*.?pp",
    "kernels/words.py",
    "words/word2vec.py",
    "words/huffman.py",
    "words/sweep.py",
)  # decide what is learned


def rival_python() -> Path:
    """Make gensim's environment once, and return its Python."""
    home = BENCH / "words"
    python, done = home / "bin" / "python", home / "installed.json"
    if not done.exists() or json.loads(done.read_text()) != PACKAGES:
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(command, check=True)
        done.write_text(json.dumps(PACKAGES))
    return python


def corpus_file() -> Path:
    """Make the corpus once: the words of a-z of each paragraph on a line, without the <doc> lines."""
    corpus = BENCH / "corpus.txt"
    if not corpus.exists():
        if not TEXT.exists():
            raise SystemExit(f"{TEXT} is not there: set LIKEWISE_DATA to the folder with the shared data")
        partial = corpus.with_suffix(".partial")
        with lzma.open(TEXT, "rt", encoding="utf-8") as text, partial.open("w") as out:
            for line in text:
                words = [] if line.startswith(("<doc ", "</doc>")) else re.findall("[a-z]+", line.lower())
                if words:
                    out.write(" ".join(words) + "\n")
        partial.rename(corpus)
    return corpus


def run_side(side: str, *arguments: object, level: str = "", threads: int = 1) -> dict[str, Any]:
    """Run one side in a process of its own and return what it prints."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    limits |= {"LIKEWISE_KERNEL": level} if level else {}
    python = rival_python() if side == "gensim" else Path(sys.executable)
    script = HERE / ("rival_gensim.py" if side == "gensim" else "words_likewise.py")
    command = [str(python), str(script), str(corpus_file()), *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | limits, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def take_turns(sides: dict[str, Callable[[], dict[str, Any]]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run all sides one after another, `rounds` times."""
    out: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name, run in sides.items():
            out[name].append(run())
            print(f"round {turn + 1} {name}: {json.dumps(out[name][-1])}", file=sys.stderr, flush=True)
    return out


def levels() -> list[str]:
    from likewise.kernels import available

    return [name for name in reversed(available()) if name in (AVX512, AVX2)] or [available()[-1]]


def summary(values: list[float]) -> dict[str, Any]:
    return {"median": round(statistics.median(values), 4), "all": [round(value, 4) for value in values]}


def ratios(name: str, ours: dict[str, list[float]], theirs: list[float], must: dict[str, float]) -> dict[str, Any]:
    """Return the seconds (or bytes) of both sides, and how many times ours gensim's are, by round and in the middle."""
    out: dict[str, Any] = {"measure": name, "gensim": summary(theirs)}
    for level, values in ours.items():
        times = [b / a for a, b in zip(values, theirs, strict=True)]
        out[level] = summary(values) | {"ratio": summary(times)}
        if level in must:
            out[level] |= {"must_reach": must[level], "reached": out[level]["ratio"]["median"] >= must[level]}
    return out


def skipgram(
    options: argparse.Namespace,
    workers: int,
    clock: str,
    must: dict[str, float],
    same: Settings = (),
    ours: Settings = (),
) -> dict[str, Any]:
    """One epoch of training, without counting: raw words per second of `clock` of both sides.

    `same` are settings for both sides, `ours` for us alone.
    """
    arguments = ("--epochs", 1, "--workers", workers, *same)
    sides = {level: lambda level=level: run_side("likewise", *arguments, *ours, level=level) for level in levels()}
    runs = take_turns(sides | {"gensim": lambda: run_side("gensim", *arguments)}, options.rounds)
    seconds = {name: [run["train"][clock] for run in each] for name, each in runs.items()}
    theirs = seconds.pop("gensim")
    out = ratios(f"{clock} seconds of training for one epoch, {workers} thread(s)", seconds, theirs, must)
    words = runs["gensim"][0]["raw_words"]
    for name in (*seconds, "gensim"):
        out[name]["raw_words_per_second"] = round(words / out[name]["median"])
        out[name]["both_clocks"] = [{key: round(value, 3) for key, value in run["train"].items()} for run in runs[name]]
    return out


def reproducible(options: argparse.Namespace) -> dict[str, Any]:
    """The same bits at any number of threads, against gensim's two workers that race."""
    return skipgram(options, 2, "wall", {AVX512: 6, AVX2: 3}, ours=("--reproducible",))


def cbow(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, 1, "cpu", {AVX512: 5, AVX2: 2.5}, same=("--model", "cbow"))


def hierarchical(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, 1, "cpu", {AVX512: 3, AVX2: 1.5}, same=("--loss", "hs"))


def skipgram_1(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, 1, "cpu", {AVX512: 10, AVX2: 6})


def skipgram_2(options: argparse.Namespace) -> dict[str, Any]:
    return skipgram(options, 2, "wall", {AVX512: 8, AVX2: 5})


def count(options: argparse.Namespace) -> dict[str, Any]:
    """Tokenising and counting the file, which for us includes encoding it; gensim's `build_vocab` does not encode."""
    best = levels()[0]
    sides = {
        best: lambda: run_side("likewise", "--epochs", 0),
        "gensim": lambda: run_side("gensim", "--epochs", 0),
    }
    runs = take_turns(sides, max(3, options.rounds))
    ours, theirs = ([run["count"]["cpu"] for run in runs[name]] for name in (best, "gensim"))
    return ratios("cpu seconds to tokenise and count", {best: ours}, theirs, {best: 3})


def pipeline(options: argparse.Namespace) -> dict[str, Any]:
    """From the text file to a learned run on disk, 5 epochs, all cores; gensim: count, train with 2 workers, save."""
    workers = len(os.sched_getaffinity(0))
    arguments = ("--epochs", 5, "--workers", workers)
    sides = {
        level: lambda level=level: run_side("likewise", *arguments, "--pipeline", level=level) for level in levels()
    }
    runs = take_turns(sides | {"gensim": lambda: run_side("gensim", *arguments, "--out", BENCH / "pipeline")}, 1)
    theirs = [sum(run[stage]["wall"] for stage in ("count", "train", "save")) for run in runs["gensim"]]
    ours = {level: [run["pipeline"]["wall"] for run in each] for level, each in runs.items() if level != "gensim"}
    out = ratios(
        f"wall seconds from the text file to a saved run, {workers} threads", ours, theirs, {AVX512: 5, AVX2: 3}
    )
    out["report_seconds"] = runs[levels()[0]][0]["report"]
    out["peak_anonymous"] = {name: each[0]["peak_anonymous"] for name, each in runs.items()}
    return out


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak of anonymous memory above that of the started process, while counting and learning."""
    best = levels()[0]
    arguments = ("--epochs", 1, "--workers", 2)
    sides = {side: lambda side=side: run_side(side, *arguments) for side in ("likewise", "gensim")}
    runs = take_turns(sides, 1)
    peaks = {side: [float(run["peak_anonymous"]) for run in each] for side, each in runs.items()}
    out = ratios("bytes of peak anonymous memory", {best: peaks["likewise"]}, peaks["gensim"], {best: 1 / 1.2})
    out["share_of_gensim"] = round(peaks["likewise"][0] / peaks["gensim"][0], 3)
    return out


def glove_program() -> Path:
    """Return the folder of stanfordnlp/GloVe's programs, which are built outside the project."""
    home = Path(os.environ.get("LIKEWISE_GLOVE", BENCH / "rivals" / "GloVe" / "build"))
    if not (home / "glove").exists():
        raise SystemExit(f"{home} has no glove: build stanfordnlp/GloVe and set LIKEWISE_GLOVE to its build folder")
    return home.resolve()


def quarter_file() -> Path:
    """Make the first quarter of the corpus once, in whole paragraphs."""
    quarter = BENCH / "quarter.txt"
    if not quarter.exists():
        text = corpus_file().read_bytes()
        quarter.write_bytes(text[: text.index(b"\n", len(text) // 4) + 1])
    return quarter


def run_glove(side: str, corpus: Path, threads: int, seed: int, level: str = "") -> dict[str, Any]:
    """Run one side of the GloVe row in a process of its own; return what it prints, and its scores."""
    import numpy as np

    from words_quality import score

    out = BENCH / f"glove-{side}"
    command = [sys.executable, str(HERE / "words_glove.py"), str(corpus), "--workers", str(threads)]
    command += ["--seed", str(seed), "--out", str(out)]
    command += ["--rival", str(glove_program())] if side == "stanford" else []
    surroundings = os.environ | ({"LIKEWISE_KERNEL": level} if level else {})
    done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
    run = dict(json.loads(done.stdout.splitlines()[-1]))
    return run | {"scores": score(DATA, Path(f"{out}.txt").read_text().split("\n"), np.load(f"{out}.npy"))}


def glove(options: argparse.Namespace) -> dict[str, Any]:
    """From a quarter of the text to GloVe vectors: 15 iterations, window 10, one thread."""
    sides: dict[str, Callable[[], dict[str, Any]]] = {
        level: lambda level=level: run_glove("likewise", quarter_file(), 1, 1, level)  # type: ignore[misc]
        for level in levels()
    }
    runs = take_turns(sides | {"stanford": lambda: run_glove("stanford", quarter_file(), 1, 1)}, options.rounds)
    cpu = {name: [run["all"]["cpu"] for run in each] for name, each in runs.items()}
    theirs = cpu.pop("stanford")
    out = ratios("cpu seconds from a quarter of the text to vectors, 1 thread", cpu, theirs, {AVX512: 10, AVX2: 5})
    out["stanford"] = out.pop("gensim")
    for name, each in runs.items():
        out[name] |= {"stages": {key: value for key, value in each[-1].items() if isinstance(value, dict)}}
    return out


def fasttext_program() -> Path | None:
    """Return fastText's program, which is built outside the project; None where there is none."""
    given = os.environ.get("LIKEWISE_FASTTEXT")
    return Path(given).resolve() if given and Path(given).exists() else None


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def run_fasttext(side: str, seed: int, settings: Settings, level: str = "") -> dict[str, Any]:
    """Run one side of a fastText row in a process of its own; return what it prints, and its scores."""
    import numpy as np

    from words_quality import score

    out = BENCH / f"fasttext-{side}-{os.getpid()}"
    command = [sys.executable, str(HERE / "words_fasttext.py"), str(quarter_file()), "--seed", str(seed), *settings]
    command += ["--out", str(out), *(["--rival", str(fasttext_program())] if side == "fasttext" else [])]
    surroundings = os.environ | ({"LIKEWISE_KERNEL": level} if level else {})
    done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
    run = dict(json.loads(done.stdout.splitlines()[-1]))
    return run | {"scores": score(DATA, Path(f"{out}.txt").read_text().split("\n"), np.load(f"{out}.npy"))}


def against_fasttext(options: argparse.Namespace, settings: Settings, must: dict[str, float]) -> dict[str, Any]:
    """Learning on a quarter of the text, one thread; each round has a seed of its own, and its scores beside."""
    if fasttext_program() is None:
        return {"measure": "not measured: build fastText's program and set LIKEWISE_FASTTEXT to it"}
    turn = {name: iter(range(1, options.rounds + 1)) for name in (*levels(), "fasttext")}
    sides: dict[str, Callable[[], dict[str, Any]]] = {
        level: lambda level=level: run_fasttext("likewise", next(turn[level]), settings, level)  # type: ignore[misc]
        for level in levels()
    }
    sides["fasttext"] = lambda: run_fasttext("fasttext", next(turn["fasttext"]), settings)
    runs = take_turns(sides, options.rounds)
    cpu = {name: [run["learn"]["cpu"] for run in each] for name, each in runs.items()}
    theirs = cpu.pop("fasttext")
    told = " ".join(settings)
    out = ratios(f"cpu seconds of learning, 1 thread, a quarter of the text, {told}", cpu, theirs, must)
    program = fasttext_program()
    out["fasttext"] = out.pop("gensim") | {"program_sha256": digest_of(program) if program else None}
    raw, epochs = runs[levels()[0]][0]["raw_words"], int(settings[settings.index("--epochs") + 1])
    for name, each in runs.items():
        out[name] |= {"raw_words_per_second": round(raw * epochs / out[name]["median"])}
        out[name] |= {"scores": {key: summary([run["scores"][key] for run in each]) for key in each[0]["scores"]}}
    return out


def fasttext_words(options: argparse.Namespace) -> dict[str, Any]:
    settings = ("--epochs", "5", "--max-n", "0", "--sample", "1e-3", "--rate", "0.025")
    return against_fasttext(options, settings, {AVX512: 25, AVX2: 12.5})


def fasttext_subwords(options: argparse.Namespace) -> dict[str, Any]:
    return against_fasttext(options, ("--epochs", "1"), {AVX512: 8, AVX2: 4})


def quality(options: argparse.Namespace) -> dict[str, Any]:
    """Score vectors of both sides for each seed, keeping what was scored before on this machine and version."""
    path = RESULTS / "words-quality.json"
    known: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    folder = BENCH / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(1, options.seeds + 1):
        for side in ("likewise", "gensim"):
            entry = {"side": side, "version": version_of(side), "machine": machine(), "seed": seed}
            entry |= {"epochs": options.epochs, "level": levels()[0] if side == "likewise" else ""}
            if any(all(old[key] == value for key, value in entry.items()) for old in known):
                continue
            known.append(entry | quality_of(side, seed, options.epochs, folder))
            path.write_text(json.dumps(known, indent=1) + "\n")
    return compare_quality([old for old in known if old["machine"] == machine()], options)


def quality_of(side: str, seed: int, epochs: int, folder: Path) -> dict[str, Any]:
    import numpy as np

    from words_quality import score

    out = folder / f"{side}-{seed}"
    run = run_side(side, "--epochs", epochs, "--seed", seed, "--out", out)
    keys = Path(f"{out}.txt").read_text(encoding="utf-8").split("\n")
    scores = score(DATA, keys, np.load(f"{out}.npy"))
    print(f"{side} {seed}: {json.dumps(scores)}", file=sys.stderr, flush=True)
    return {"train_cpu": round(run["train"]["cpu"], 2), "losses": run.get("losses")} | scores


def compare_quality(known: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    out: dict[str, Any] = {"measure": f"mean and seeds after {options.epochs} epochs"}
    for side in ("likewise", "gensim"):
        mine = [e for e in known if e["side"] == side and e["version"] == version_of(side)]
        mine = [e for e in mine if e["epochs"] == options.epochs and e["seed"] <= options.seeds]
        names = ("analogy", "semantic", "syntactic", "wordsim353", "simlex999", "men")
        out[side] = {
            name: {"mean": round(statistics.mean(e[name] for e in mine), 4), "all": [e[name] for e in mine]}
            for name in names
        }
    ours, theirs = out["likewise"], out["gensim"]
    out["equal"] = bool(
        ours["analogy"]["mean"] >= theirs["analogy"]["mean"] - 1
        and ours["wordsim353"]["mean"] >= theirs["wordsim353"]["mean"] - 0.01
    )
    return out


def version_of(side: str) -> str:
    """Return gensim's version, or ours with a digest of the files that decide what is learned."""
    if side == "gensim":
        return PACKAGES[0]
    import likewise

    package = Path(likewise.__file__).parent
    files = [path for pattern in ALGORITHM for path in sorted(package.glob(pattern))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    return f"likewise {likewise.__version__} {digest.hexdigest()[:12]}"


def machine() -> str:
    """Name the processor and what the kernels may use of it."""
    from likewise.kernels import available

    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", described, re.M))
    numbers = f"family {fields.get('cpu family')} model {fields.get('model')}"
    name = f"{fields.get('model name', platform.processor())} {numbers}"
    return f"{name}, {os.cpu_count()} cores, {available()[-1]}"


ROWS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "skipgram-1": skipgram_1,
    "skipgram-2": skipgram_2,
    "reproducible": reproducible,
    "cbow": cbow,
    "hierarchical-softmax": hierarchical,
    "count": count,
    "memory": memory,
    "pipeline": pipeline,
    "glove": glove,
    "fasttext-words": fasttext_words,
    "fasttext-subwords": fasttext_subwords,
    "quality": quality,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="of quality")
    parser.add_argument("--out", type=Path, default=RESULTS / "words.json")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    before = json.loads(options.out.read_text()) if options.out.exists() else {}
    settings = "dim 100, window 5, negative 5, sample 1e-3, min-count 5"
    result: dict[str, Any] = {"machine": machine(), "python": platform.python_version(), "settings": settings}
    result["rivals"] = PACKAGES
    result["rows"] = before.get("rows", {}) if before.get("machine") == machine() else {}
    for row in options.rows or ROWS:
        load = os.getloadavg()[0]
        measured = ROWS[row](options)
        if measured["measure"].startswith("not measured") and row in result["rows"]:
            print(f"{row} stays as it was, {measured['measure']}", file=sys.stderr)
            continue
        loads = {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)}
        result["rows"][row] = measured | {"version": version_of("likewise"), "load_average": loads}
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
