"""Going on: what a kill or Ctrl-C leaves comes to the same end, and what cannot be gone on with gets a sentence."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise as lw
from likewise import checkpoints
from likewise.checkpoints import Checkpoints
from likewise.cli import run as command
from likewise.errors import DataError, IntegrityError, OptionError, RunError, RunExists
from likewise.kernels import levels
from likewise.run import RunFolder, RunWriter
from likewise.session import Estimate, Event, Note, Session
from likewise.words.cooccurrence import count

CASES: dict[str, dict[str, Any]] = {
    "word2vec": {"recipe": "word2vec", "reproducible": True, "threads": 1, "epochs": 8},
    "word2vec-hs": {"recipe": "word2vec", "model": "cbow", "loss": "hs", "threads": 1, "epochs": 8},
    "fasttext": {"recipe": "fasttext", "reproducible": True, "threads": 1, "buckets": 2000, "epochs": 4},
    "fasttext-1": {"recipe": "fasttext", "threads": 1, "buckets": 2000, "epochs": 4},
    "glove": {"recipe": "glove", "threads": 2, "memory": 0.0, "epochs": 6},
    "phrases": {"recipe": "word2vec", "phrases": 0.01, "threads": 1, "epochs": 4},
}
TOGETHER = "word2vec-2"  # threads that wait for one another: slow where there are fewer cores than threads
CASES[TOGETHER] = CASES["word2vec"] | {"threads": 2}
MARKED = [pytest.param(case, marks=[pytest.mark.slow] if case == TOGETHER else []) for case in CASES]
TIMES = ("seconds", "words_per_second", "counts_per_second")


def text(folder: Path, lines: int = 4000) -> Path:
    """Write a text in which some hundred words stand as often as in a language."""
    rng = random.Random(7)
    words = [f"{a}{b}{c}" for a in "bdfgklmnprstvz" for b in ("ab", "el", "is", "o") for c in "dfgklmnprst"]
    path = folder / "corpus.txt"
    weights = [1 / (i + 1) for i in range(len(words))]
    path.write_text("\n".join(" ".join(rng.choices(words, weights, k=12)) for _ in range(lines)))
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text(tmp_path_factory.mktemp("text"))


def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let learning be cut finely, into pieces that no clock decides on."""
    monkeypatch.setattr("likewise.words.word2vec.chunk_for", lambda learn, total, seconds: (4096, 1e6))
    monkeypatch.setattr("likewise.words.glove._PIECE", 100)
    monkeypatch.setitem(count.__kwdefaults__, "block", 16)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a checkpoint be due after some looks, the next after half as many more, without a clock and a disk's time."""
    fine(monkeypatch)
    looks: dict[Checkpoints, tuple[int, float]] = {}

    def due(self: Checkpoints) -> bool:
        seen, most = looks.get(self, (0, 6.0))
        looks[self] = seen + 1, most
        return seen > most and self._folder is not None

    def plan(self: Checkpoints, cost: float) -> None:
        looks[self] = 0, 1.5 * looks.get(self, (0, 4.0))[1]

    monkeypatch.setattr(Checkpoints, "due", property(due))
    monkeypatch.setattr(Checkpoints, "_plan", plan)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def learn(corpus: Path, out: Path, case: str = "word2vec", **more: Any) -> lw.Run:
    return lw.learn(corpus, out=out, **{"dim": 16, "report": False, **CASES[case], **more})


def bits(run: Path) -> dict[str, Any]:
    """Return all that may not depend on where learning was cut off."""
    assert lw.open(run).verify() == []
    assert not (run / "checkpoints").exists()
    files = [path for path in (run / "space").rglob("*") if path.suffix == ".safetensors"]
    files += [path for path in (run / "encoder").rglob("*") if path.is_file()]
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {
        **{path.relative_to(run).as_posix(): path.read_bytes() for path in files},
        "log": [{name: value for name, value in entry.items() if name not in TIMES} for entry in log],
        "status": lw.open(run).manifest["status"],
    }


def snapshots(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Keep what a kill right behind each checkpoint would leave; `folder` gets a copy of the partial run for each."""
    write = Checkpoints._write

    def and_copy(self: Checkpoints, place: Path, *given: Any) -> None:
        write(self, place, *given)
        if len(list(folder.glob("*"))) < 60:
            shutil.copytree(place.parent, folder / f"{len(list(folder.glob('*'))):03d}" / "run.partial")

    folder.mkdir()
    monkeypatch.setattr(Checkpoints, "_write", and_copy)
    return folder


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("case", MARKED)
def test_whatever_a_kill_leaves_comes_to_the_same_end(
    case: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(corpus, tmp_path / "run", case)
    wanted = bits(tmp_path / "run")
    with monkeypatch.context() as patch:
        left = snapshots(patch, tmp_path / "left")
        learn(corpus, tmp_path / "again", case)
    assert bits(tmp_path / "again") == wanted, "writing checkpoints changed what was learned"
    kept = sorted(left.iterdir())
    within = [place for place in kept if inside_an_epoch(place)]
    for place in {kept[0], kept[-1], within[0], within[len(within) // 2]}:
        lw.learn(resume=place / "run")
        assert bits(place / "run") == wanted


def inside_an_epoch(place: Path, name: str = "run.partial") -> bool:
    values = checkpoints.latest(place / name / "checkpoints")
    assert values is not None
    return bool(values["rounds"] or values["places"] if "rounds" in values else values["pace"]["done"])


LONGER = {"word2vec": 25, "fasttext": 15, "glove": 150}  # epochs, so that there is something to kill
DRIVER = """
import sys
from likewise import checkpoints
from likewise.cli import main
checkpoints.LEAST, checkpoints.SHARE = 0.05, 1
main(sys.argv[1:])
"""


def started(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, "learn", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(process: subprocess.Popen[str], moment: float) -> bool:
    """Kill a process −9 after `moment` seconds; return whether it was still running. By itself it must end well."""
    try:
        _, said = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, said
    return False


def killed_after(process: subprocess.Popen[str], run: Path, number: int, wait: float) -> bool:
    """Kill a process −9 some time after its checkpoint of that number; return whether it was still running."""
    place = run.with_name(f"{run.name}.partial") / "checkpoints"
    while process.poll() is None and not any(path.stem[-6:] >= f"{number:06d}" for path in place.glob("seed-1-*.json")):
        time.sleep(0.002)
    return killed(process, wait)


@pytest.mark.parametrize("moments", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", ["word2vec", "fasttext", "glove"])
def test_kill_9_at_any_moment(case: str, moments: int, tmp_path: Path) -> None:
    """Some moments are drawn from the whole time, the rest lie behind a checkpoint; some go on and are killed again."""
    corpus, rng = text(tmp_path), random.Random(f"{case} {moments}")
    given = CASES[case] | {"epochs": LONGER[case]}
    options = [f"--{name}={value}" for name, value in given.items() if name not in ("recipe", "reproducible")]
    options += ["--dim=16", "--no-report", "--quiet", *(["--reproducible"] if "reproducible" in given else [])]
    begin = [case, str(corpus), *options]
    start = time.perf_counter()
    assert not killed(started([*begin, "--out", str(tmp_path / "whole")]), 300)
    whole = time.perf_counter() - start
    wanted, kills, resumed = bits(tmp_path / "whole"), 0, 0
    for number in range(4 * moments):
        if kills >= moments:
            break
        out = tmp_path / f"run-{number}"
        process, checkpoint = started([*begin, "--out", str(out)]), rng.randint(1, 4)
        anywhere = rng.random() < 0.5 and moments > 2
        while (
            killed(process, rng.random() * whole)
            if anywhere
            else killed_after(process, out, checkpoint, 0.1 * rng.random())
        ):
            left = tmp_path / f"{out.name}.partial" / "checkpoints"
            if out.exists() and not left.exists():
                break  # it had its name already, and was only ending
            kills += 1
            known = (left / "order.json").exists() or (left.parent / "run.json").exists()
            values = checkpoints.latest(left)
            resumed += values is not None
            process = started(["--resume", str(out), "--quiet"] if known else [*begin, "--out", str(out)])
            anywhere, checkpoint = rng.random() < 0.5, checkpoint + rng.randint(1, 4)
            if kills >= moments or rng.random() < 0.5:
                assert not killed(process, 300)
                break
        assert bits(out) == wanted
        assert not (tmp_path / f"{out.name}.partial").exists()
    assert kills >= moments
    assert resumed, "no kill fell behind a checkpoint"


@pytest.mark.usefixtures("often")
def test_threads_that_race_go_on_sensibly(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        left = sorted(snapshots(patch, tmp_path / "left").iterdir())
        whole = learn(corpus, tmp_path / "run", reproducible=False, threads=2)
    left = sorted((tmp_path / "left").iterdir())
    place = left[len(left) // 2]
    run = lw.learn(resume=place / "run")
    assert [entry["epoch"] for entry in run.log] == list(range(9))
    assert run.log[-1]["loss_train"] == pytest.approx(whole.log[-1]["loss_train"], rel=0.05)
    assert any(note.startswith("going on after ") for note in run.manifest["notes"])


class Looks(threading.Event):
    """A wish to stop that comes when somebody has looked for it so often, once learning has begun."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.begun, self.left = False, most

    def is_set(self) -> bool:
        self.left -= self.begun
        return super().is_set() or self.left < 0


def stopping_after(looks: int) -> Session:
    stop = Looks(looks)

    def look(event: Event) -> None:
        stop.begun = stop.begun or isinstance(event, Estimate)

    return Session(look, stop=stop)


@pytest.mark.parametrize("case", MARKED)
def test_an_interrupted_run_goes_on_to_the_same_end(
    case: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine(monkeypatch)
    learn(corpus, tmp_path / "whole", case)
    run = learn(corpus, tmp_path / "run", case, session=stopping_after(20))
    assert run.manifest["status"] == "unfinished"
    assert "`likewise learn --resume RUN` goes on" in run.manifest["notes"][-1]
    assert len(run.log) < CASES[case]["epochs"]
    assert inside_an_epoch(tmp_path, "run")
    assert lw.open(tmp_path / "run").verify() == []
    again = lw.learn(resume=tmp_path / "run", session=stopping_after(30))
    assert (again.manifest["status"], again.path) == ("unfinished", tmp_path / "run")
    assert lw.open(tmp_path / "run").verify() == []
    lw.learn(resume=tmp_path / "run")
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "whole"}


def test_stopped_after_the_last_epoch_there_is_only_the_end_left(corpus: Path, tmp_path: Path) -> None:
    session = Session()
    learn(corpus, tmp_path / "whole", epochs=2)
    run = learn(
        corpus,
        tmp_path / "run",
        epochs=2,
        session=session,
        on_epoch=lambda epoch, space: session.stop() if epoch == 2 else None,
    )
    assert run.manifest["status"] == "unfinished"
    lw.learn(resume=tmp_path / "run")
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")


def test_an_interrupted_replacement_goes_on_under_its_own_name(corpus: Path, tmp_path: Path) -> None:
    learn(corpus, tmp_path / "run", epochs=1)
    before = (tmp_path / "run" / "run.json").read_bytes()
    run = learn(corpus, tmp_path / "run", overwrite=True, session=stopping_after(5))
    assert run.path == tmp_path / "run-unfinished-1"
    done = lw.learn(resume=tmp_path / "run-unfinished-1")
    assert (done.path, done.manifest["status"]) == (tmp_path / "run-unfinished-1", "finished")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.fixture
def left(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: None) -> Path:
    """What a kill in the middle leaves of a run; the name of the run."""
    with monkeypatch.context() as patch:
        kept = snapshots(patch, tmp_path / "left")
        learn(corpus, tmp_path / "whole", epochs=10)
    place = sorted(kept.iterdir())[3]
    shutil.move(place / "run.partial", tmp_path / "run.partial")
    shutil.rmtree(kept)
    return tmp_path / "run"


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_killed_replacement_replaces_the_old_run_at_its_end(corpus: Path, left: Path) -> None:
    learn(corpus, left.with_name("other"), epochs=1)
    left.with_name("other").rename(left)
    with pytest.raises(RunExists, match="exists: choose another --out, or replace it with --overwrite"):
        lw.learn(resume=left)
    assert checkpoints.latest(left.with_name("run.partial") / "checkpoints") is not None
    lw.learn(resume=left, overwrite=True)
    assert bits(left) == bits(left.with_name("whole"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 11}, "was begun with epochs 10, and 11 came: nothing can be changed on the way"),
        ({"rate": 0.1}, "was begun with rate 0.025, and 0.1 came"),
        ({"recipe": "glove"}, "was begun with recipe 'word2vec', and 'glove' came"),
        ({"seeds": 2}, "was begun with seeds 1, and 2 came"),
        ({"encoding": "latin-1"}, "was begun with encoding 'utf-8', and 'latin-1' came"),
        ({"column": "text"}, "was begun with column None, and 'text' came"),
        ({"pairs": "other.tsv"}, "was begun with pairs"),
        ({"vector_size": 16}, "vector_size is what gensim calls it: here it is dim"),
        ({"out": "elsewhere"}, "a run goes on under its own name"),
    ],
)
def test_nothing_can_be_changed_on_the_way(given: dict[str, Any], says: str, left: Path) -> None:
    before = tree(left.with_name("run.partial"))
    with pytest.raises(OptionError, match=says):
        lw.learn(resume=left, **given)
    assert tree(left.with_name("run.partial")) == before


def test_what_is_the_same_may_be_said_again(left: Path) -> None:
    lw.learn(resume=left, recipe="word2vec", epochs=10, window=5, report=False)
    assert bits(left) == bits(left.with_name("whole"))


def test_the_partial_name_is_understood(left: Path) -> None:
    lw.learn(resume=left.with_name("run.partial"))
    assert bits(left) == bits(left.with_name("whole"))


def begun_with(run: Path, corpus: Path) -> Path:
    """Let the order of a run that was cut off name another place of its data."""
    file = run.with_name("run.partial") / "checkpoints" / "order.json"
    order = json.loads(file.read_bytes())
    order["data"] = [str(corpus), str(corpus)]
    file.write_text(json.dumps(order))
    return corpus


def test_data_that_have_changed_are_refused_and_nothing_is_lost(corpus: Path, left: Path, tmp_path: Path) -> None:
    other = begun_with(left, shutil.copy(corpus, tmp_path / "copy.txt"))
    with other.open("a") as file:
        file.write(" one more\n")
    before = tree(left.with_name("run.partial"))
    with pytest.raises(DataError, match="the data have changed since the run was begun"):
        lw.learn(resume=left)
    assert tree(left.with_name("run.partial")) == before


def test_data_that_are_gone_may_be_elsewhere(corpus: Path, left: Path, tmp_path: Path) -> None:
    begun_with(left, tmp_path / "gone.txt")
    with pytest.raises(DataError, match=r"gone\.txt, from which .*run was learning, is gone: bring it back, or say"):
        lw.learn(resume=left)
    lw.learn(corpus, resume=left)
    assert bits(left) == bits(left.with_name("whole"))


def test_standard_input_cannot_be_read_again(corpus: Path, left: Path) -> None:
    file = left.with_name("run.partial") / "checkpoints" / "order.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"data": "-"}))
    with pytest.raises(DataError, match="was begun with standard input, which cannot be read again: give a file"):
        lw.learn(resume=left)
    lw.learn(corpus, resume=left)
    assert bits(left) == bits(left.with_name("whole"))


def test_data_in_memory_and_a_function_of_the_callers_are_given_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = corpus.read_text().splitlines()
    given: dict[str, Any] = {"dim": 16, "report": False, "tokenizer": str.split, **CASES["word2vec"]}
    lw.learn(lines, out=tmp_path / "run", session=stopping_after(5), **given)
    lw.learn(lines, out=tmp_path / "whole", **given)
    with pytest.raises(OptionError, match=r"a function of the caller's as tokenizer, str\.split"):
        lw.learn(lines, resume=tmp_path / "run")
    with pytest.raises(DataError, match="was begun with data in memory: give them again"):
        lw.learn(resume=tmp_path / "run", tokenizer=str.split)
    lw.learn(lines, resume=tmp_path / "run", tokenizer=str.split)
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")


def test_a_machine_without_the_kernel_level_is_told_so(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = levels.level()
    monkeypatch.setenv(levels.VARIABLE, "numpy")
    with pytest.raises(
        OptionError, match=f"LIKEWISE_KERNEL asks for numpy, and .*run was begun with kernel level {begun}"
    ):
        lw.learn(resume=left)
    monkeypatch.delenv(levels.VARIABLE)
    with monkeypatch.context() as patch:
        patch.setattr("likewise.resuming.available", lambda: ("numpy",))
        with pytest.raises(OptionError, match=f"kernel level {begun}, which this machine cannot run .it can run numpy"):
            lw.learn(resume=left)
    lw.learn(resume=left)
    assert bits(left) == bits(left.with_name("whole"))


def test_the_level_and_the_threads_of_then_are_kept(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(levels.VARIABLE, "baseline")
    learn(corpus, tmp_path / "run", reproducible=False, threads=0, session=stopping_after(5))
    monkeypatch.delenv(levels.VARIABLE)
    monkeypatch.setattr("likewise.words.sweep.os.sched_getaffinity", lambda _: set(range(7)), raising=False)
    run = lw.learn(resume=tmp_path / "run")
    assert run.manifest["derived"]["level"]["value"] == "baseline"
    assert run.manifest["derived"]["threads"]["value"] != 7


def test_what_cannot_be_resumed_says_why(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run .*none and no none\.partial beside it"):
        lw.learn(resume=tmp_path / "none")
    (tmp_path / "early.partial").mkdir()
    with pytest.raises(RunError, match="was cut off before it had begun, there is nothing to go on from: learn again"):
        lw.learn(resume=tmp_path / "early")
    learn(corpus, tmp_path / "done", epochs=1)
    with pytest.raises(RunError, match="done is finished: there is nothing left to go on with"):
        lw.learn(resume=tmp_path / "done")
    lw.learn(corpus, dim=8, session=stopping_after(5), report=False).save(tmp_path / "saved")
    with pytest.raises(RunError, match="saved is unfinished and keeps no checkpoint"):
        lw.learn(resume=tmp_path / "saved")
    with pytest.raises(OptionError, match="nothing came to learn from"):
        lw.learn()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format": 99}, "has format 99, this version reads 1: use a newer likewise"),
        ({"recipe": "bert"}, "is of the recipe 'bert', which this likewise lacks"),
        ({"options": None}, "was altered after it was written"),
    ],
)
def test_an_order_of_another_version_is_named(changed: dict[str, Any], says: str, left: Path) -> None:
    file = left.with_name("run.partial") / "checkpoints" / "order.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | changed))
    with pytest.raises(RunError, match=says):
        lw.learn(resume=left)


def test_another_version_of_likewise_is_noted_and_another_tokeniser_refused(left: Path) -> None:
    partial = left.with_name("run.partial") / "checkpoints"
    order, (state,) = partial / "order.json", partial.glob("seed-1-*.json")
    order.write_text(json.dumps(json.loads(order.read_bytes()) | {"likewise": "0.0.1"}))
    values = json.loads(state.read_bytes())
    state.write_text(json.dumps(values | {"tokenizer": 0}))
    with pytest.raises(RunError, match="has tokenizer 0, here it is 1: use the likewise of then"):
        lw.learn(resume=left)
    state.write_text(json.dumps(values))
    notes = lw.learn(resume=left).manifest["notes"]
    assert f"begun with likewise 0.0.1, this is {lw.__version__}: bits may differ" in notes


def test_the_data_are_found_from_another_folder(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.parent)
    learn(Path(corpus.name), tmp_path / "run", session=stopping_after(5))
    monkeypatch.chdir(tmp_path)
    assert lw.learn(resume="run").manifest["status"] == "finished"


def test_damage_is_named(left: Path) -> None:
    partial = left.with_name("run.partial") / "checkpoints"
    (tables,) = partial.glob("*.safetensors")
    data = bytearray(tables.read_bytes())
    data[-1] ^= 1
    tables.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"seed-1-\d+\.safetensors was altered after it was written"):
        lw.learn(resume=left)
    assert tables.exists()
    (partial / "order.json").write_text('{"format": 1}')
    with pytest.raises(IntegrityError, match=r"order\.json was altered"):
        lw.learn(resume=left)


def test_a_run_that_is_being_written_is_left_alone(left: Path) -> None:
    with RunWriter(left, resume=True), pytest.raises(RunExists, match="is being written by another process"):
        lw.learn(resume=left)
    assert checkpoints.latest(left.with_name("run.partial") / "checkpoints") is not None


def test_what_was_learned_is_not_cleared_away_unasked(corpus: Path, left: Path) -> None:
    before = tree(left.with_name("run.partial"))
    says = r"run\.partial holds what a run had learned when it was cut off: go on .*--resume .*run`, or .*--overwrite"
    with pytest.raises(RunExists, match=says):
        learn(corpus, left, epochs=1)
    with pytest.raises(RunExists, match=says):
        lw.learn(corpus, dim=8, epochs=1, report=False).save(left)
    assert tree(left.with_name("run.partial")) == before
    seen: list[Event] = []
    run = learn(corpus, left, epochs=1, overwrite=True, session=Session(seen.append))
    assert any(isinstance(event, Note) and "thrown away" in event.text for event in seen)
    assert len(run.log) == 2
    assert not left.with_name("run.partial").exists()


def test_killed_before_anything_was_learned_it_begins_again(left: Path) -> None:
    partial = left.with_name("run.partial")
    for file in (partial / "checkpoints").glob("seed-*"):
        file.unlink()
    run = lw.learn(resume=left)
    assert "nothing had been learned when it was cut off: it begins again" in run.manifest["notes"]
    assert bits(left) == bits(left.with_name("whole"))


@pytest.mark.usefixtures("often")
def test_a_run_that_goes_on_from_another_is_resumed_as_one(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(corpus, tmp_path / "old", min_count=20)
    new = tmp_path / "new.txt"
    new.write_text("\n".join(f"the new word {i % 7} beside dabd and {i % 5}" for i in range(9000)))
    given: dict[str, Any] = {"start": tmp_path / "old", "report": False, "threads": 1, "epochs": 8}
    with monkeypatch.context() as patch:
        left = snapshots(patch, tmp_path / "left")
        lw.learn(new, out=tmp_path / "whole", **given)
    wanted = bits(tmp_path / "whole")
    one, two, three = [place for place in sorted(left.iterdir()) if inside_an_epoch(place)][:3]
    run = lw.learn(resume=one / "run")
    assert bits(one / "run") == wanted
    assert run.manifest["start"]["name"] == "old"
    with pytest.raises(OptionError, match="was begun with start .*old', and '.*whole' came"):
        lw.learn(resume=two / "run", start=tmp_path / "whole")
    lw.learn(resume=two / "run", start=tmp_path / "old", epochs=8)
    assert bits(two / "run") == wanted
    learn(corpus, tmp_path / "old", overwrite=True, min_count=20, seed=5)
    with pytest.raises(DataError, match="the run from which this one goes on is another than when it was begun"):
        lw.learn(resume=three / "run")


def test_counts_without_epochs_begin_again(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = lw.learn(corpus, recipe="ppmi", dim=8, report=False)

    def die(*given: Any, **named: Any) -> None:
        shutil.copytree(tmp_path / "run.partial", tmp_path / "left")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("likewise.words.ppmi.PPMI.fit", die)
        with pytest.raises(KeyboardInterrupt):
            lw.learn(corpus, recipe="ppmi", dim=8, report=False, out=tmp_path / "run")
    assert not (tmp_path / "run.partial").exists()
    (tmp_path / "left").rename(tmp_path / "run.partial")
    run = lw.learn(resume=tmp_path / "run")
    np.testing.assert_array_equal(run.space.vectors, wanted.space.vectors)


@pytest.mark.usefixtures("often")
def test_a_disk_that_is_full_at_the_end_costs_nothing(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    learn(corpus, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "finish", full)
        with pytest.raises(RunError, match=r"No space left on device; `likewise learn --resume .*run` goes on later"):
            learn(corpus, tmp_path / "run")
    lw.learn(resume=tmp_path / "run")
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")


@pytest.mark.usefixtures("often")
def test_what_cannot_be_learned_leaves_nothing(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(epoch: int, space: lw.Space) -> None:
        if epoch == 7:
            raise OptionError("the loss is no longer a number")

    with pytest.raises(OptionError):
        learn(corpus, tmp_path / "run", on_epoch=diverge)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("often")
def test_a_checkpoint_that_cannot_be_written_stops_nothing(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "_write", full)
    run = learn(corpus, tmp_path / "run")
    assert run.manifest["status"] == "finished"
    told = [note for note in run.manifest["notes"] if "no checkpoint could be written" in note]
    assert told == ["no checkpoint could be written (No space left on device): a kill now costs more"]


@pytest.mark.usefixtures("often")
def test_the_second_seed_goes_on_too(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(run: lw.Run) -> list[Any]:
        return [section for section in run.report["sections"] if "overlap" in json.dumps(section)]

    with monkeypatch.context() as patch:
        left = snapshots(patch, tmp_path / "left")
        whole = learn(corpus, tmp_path / "whole", epochs=10, seeds=2, report=True)
    second = [place for place in sorted(left.iterdir()) if list(place.rglob("seed-2*.json"))]
    run = lw.learn(resume=second[len(second) // 2] / "run")
    assert run.manifest["seeds"] == 2
    assert len(run.log) == 11
    assert judged(run) == judged(whole)
    assert judged(run)


def test_a_whole_run_gets_the_name_that_it_lacked(corpus: Path, tmp_path: Path) -> None:
    learn(corpus, tmp_path / "run", epochs=1)
    digest = lw.open(tmp_path / "run").space.content_digest()
    (tmp_path / "run").rename(tmp_path / "run.partial")
    (tmp_path / "run.partial" / "checkpoints").mkdir()
    with pytest.raises(RunExists, match="go on with it by"):
        learn(corpus, tmp_path / "run", epochs=1)
    assert lw.learn(resume=tmp_path / "run").space.content_digest() == digest
    assert RunFolder(tmp_path / "run").verify() == []
    shutil.copytree(tmp_path / "run", tmp_path / "run.partial")
    with pytest.raises(RunError, match=r"is a whole run, and so is .*run\.partial"):
        lw.learn(resume=tmp_path / "run")


def test_seconds_are_those_of_all_parts(corpus: Path, tmp_path: Path) -> None:
    learn(corpus, tmp_path / "run", session=stopping_after(5))
    (tmp_path / "run").rename(tmp_path / "run.partial")
    (tmp_path / "run.partial" / "run.json").unlink()
    for file in (tmp_path / "run.partial" / "checkpoints").glob("seed-1*.json"):
        file.write_text(json.dumps(json.loads(file.read_bytes()) | {"learning": 1000.0, "seconds": 2000.0}))
    both = lw.learn(resume=tmp_path / "run")
    assert 1000 < both.manifest["seconds"]["learning"] < 1500
    assert 2000 < both.manifest["seconds"]["all"] < 2500


def test_on_the_command_line(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def code(*arguments: Any) -> tuple[int, str]:
        result = command(["learn", *map(str, arguments), "--quiet"])
        return result, capsys.readouterr().err

    learn(corpus, tmp_path / "run", "glove", session=stopping_after(5))
    assert code("--resume", tmp_path / "run", "--x-max", "5")[1].count("was begun with x_max 100.0, and 5.0 came")
    assert code("--resume", tmp_path / "run", "--negative", "5")[1].count("glove has no option --negative")
    assert code("word2vec", "--resume", tmp_path / "run")[1].count("was begun with recipe 'glove', and 'word2vec' came")
    assert code("--resume", tmp_path / "run", "--out", tmp_path / "b")[1].count("goes on under its own name")
    assert code("glove", corpus, "--resume", tmp_path / "run", "--epochs", "6") == (0, "")
    assert code("--resume", tmp_path / "run")[0] == 2


@pytest.mark.parametrize("at", range(24))
def test_the_newest_checkpoint_survives_a_kill_at_every_step_of_writing(at: int, tmp_path: Path) -> None:
    """The n-th call that changes the disk is the last one that is made: three checkpoints make some twenty."""
    calls = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **named)

        return call

    child = os.fork()
    if not child:
        os.fsync, os.replace, os.rename = dying(os.fsync), dying(os.replace), dying(os.rename)
        Path.replace, Path.unlink = dying(Path.replace), dying(Path.unlink)  # type: ignore[method-assign]
        series = Checkpoints(tmp_path, about={"data": "d"})
        for number in range(1, 4):
            series.write({"table": np.full((100, 3), number, np.float32)}, {"number": number})
            (tmp_path / f"done-{number}").touch()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or at > 15
    done = len(list(tmp_path.glob("done-*")))
    kept = Checkpoints(tmp_path, about={"data": "d"}).newest()
    if kept is None:
        assert done == 0
        return
    assert kept.values["number"] in (done, done + 1)
    np.testing.assert_array_equal(kept.arrays["table"], np.full((100, 3), kept.values["number"], np.float32))
    Checkpoints(tmp_path, about={"data": "d"}).write({"table": np.zeros((1, 1), np.float32)}, {})
    assert len([path for path in tmp_path.iterdir() if not path.name.startswith("done-")]) == 2, "nothing is left over"


def test_a_checkpoint_is_due_when_it_is_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("likewise.checkpoints.time.perf_counter", lambda: now)
    series = Checkpoints(tmp_path)
    assert not series.due
    series.expect(int(1e8))  # a second on a slow disk
    now += 49.0
    assert not series.due
    now += 2.0
    assert series.due
    series.write({"table": np.zeros((1, 1), np.float32)}, {})
    assert not series.due
    now += checkpoints.LEAST
    assert series.due
    assert not Checkpoints().due
