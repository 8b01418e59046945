"""Networks that are killed −9 while they learn: `learn --resume` comes to the same bits, whatever the moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pytest

import likewise as lw
from likewise import checkpoints
from likewise.errors import RunError
from likewise.sources.small_language import small_language
from likewise.sources.small_pictures import small_pictures
from stopping import Stops

pytest.importorskip("torch")
pytest.importorskip("tokenizers")
CASES: dict[str, dict[str, Any]] = {
    "simclr": {"epochs": 16},
    "byol": {"epochs": 12},  # a teacher
    "moco": {"epochs": 14, "queue": 64},  # a teacher and a queue
    "dino": {"epochs": 10, "prototypes": 64, "small_crops": 1},  # a teacher and a centre
    "mae": {"epochs": 12, "patch": 2},
}
TEXTS: dict[str, dict[str, Any]] = {
    "mlm": {"epochs": 8, "dropout": 0.1},  # first vectors of tokens, dropout
    "simcse": {"epochs": 5},
}
SHORT: dict[str, Any] = {"length": 12, "vocabulary": 200}
SAME: dict[str, Any] = {"batch": 16, "precision": "fp32", "threads": 1, "device": "cpu"}
# Learning is begun by a process that has imported everything already and becomes two: each is killed like any other,
# and twenty of them do not spend their time on importing torch. Checkpoints are as many as they can be.
STARTER = """
import json, os, sys
import likewise.recipes.vision, likewise.train.monitor, likewise.train.keeping, likewise.train.choosing
import likewise.encoders.pictures, likewise.objectives.distillation, likewise.objectives.contrastive
import likewise.objectives.masking, likewise.views.pictures, likewise.sources.images_prepared
import likewise.recipes.text_material, likewise.recipes.first_tokens, likewise.objectives.language, likewise.views.texts
from likewise import checkpoints
from likewise.cli import main
checkpoints.LEAST, checkpoints.SHARE = 0.02, 1
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main(json.loads(line))
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Starter:
    """Starts `likewise learn` and kills it."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self.errors = process, errors
        self.pid = 0

    def start(self, *arguments: Any) -> None:
        self._say(json.dumps(["learn", *map(str, arguments), "--quiet"]))
        self.pid = self._number()

    def _number(self) -> int:
        line = cast(IO[str], self.process.stdout).readline()
        assert line, "the process that starts others has ended"
        return int(line)

    def kill(self) -> bool:
        """Kill what was started; return whether it was still running."""
        os.kill(self.pid, signal.SIGKILL)  # nobody has waited for it yet: the number is still its own
        return self.ended() == -signal.SIGKILL

    def ended(self) -> int:
        """Wait for its end and return how it ended: 0, or −9."""
        self._say("")
        return self._number()

    def to_the_end(self, *arguments: Any) -> None:
        self.start(*arguments)
        assert self.ended() == 0, self.errors.read_text()

    def _say(self, line: str) -> None:
        stdin = cast(IO[str], self.process.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    errors = tmp_path_factory.mktemp("said") / "errors"
    with (
        errors.open("w") as said,
        subprocess.Popen(
            [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        yield Starter(process, errors)
        cast(IO[str], process.stdin).close()


def pictures(folder: Path, n: int = 72) -> Path:
    np.save(folder / "pictures.npy", small_pictures(n, seed=4, size=8).pixels)
    return folder / "pictures.npy"


def lines(folder: Path) -> Path:
    made = small_language(sentences=180).lines
    (folder / "lines.txt").write_text("\n".join(line if isinstance(line, str) else " ".join(line) for line in made))
    return folder / "lines.txt"


def data_for(recipe: str, folder: Path) -> Path:
    return lines(folder) if recipe in TEXTS else pictures(folder)


def options_of(recipe: str) -> dict[str, Any]:
    return SAME | (SHORT | TEXTS[recipe] if recipe in TEXTS else CASES[recipe])


def given(recipe: str, data: Path) -> list[Any]:
    options = options_of(recipe)
    return [recipe, data, "--no-report", *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


def bits(run: Path) -> dict[str, Any]:
    """Return all that may not depend on where learning was cut off."""
    opened = lw.open(run)
    assert opened.verify() == []
    assert not (run / "checkpoints").exists()
    kept = {name: (run / name).read_bytes() for name in ("encoder/weights.safetensors", "space/vectors.safetensors")}
    log = [{name: value for name, value in line.items() if not name.endswith("_per_second")} for line in opened.log]
    return {**kept, "log": log, "status": opened.manifest["status"]}


def is_learning(run: Path) -> bool:
    """Whether what was killed had not come to its end, and left something to go on from."""
    left = run.with_name(f"{run.name}.partial")
    return newest(run) > 0 and not (left / "run.json").exists() and not run.exists()


def can_be_resumed(run: Path) -> bool:
    """Whether what was killed had written down what was asked for, or was whole but for its name."""
    left = run.with_name(f"{run.name}.partial")
    return (left / "checkpoints" / "order.json").exists() or (left / "run.json").exists()


def newest(run: Path) -> int:
    """Return the number of the newest checkpoint, 0 where there is none."""
    place = run.with_name(f"{run.name}.partial") / "checkpoints"
    return max((int(path.stem[-6:]) for path in place.glob("seed-1-*.json")), default=0)


def wait_for_checkpoint(run: Path, before: int) -> None:
    """Wait for a newer checkpoint than that of before: each process writes one when it begins to learn."""
    end = time.perf_counter() + 60
    while time.perf_counter() < end and not run.exists() and newest(run) <= before:
        time.sleep(0.001)


FEW = 2
MOMENTS = [pytest.param(name, FEW, marks=[] if name in ("simclr", "moco") else pytest.mark.slow) for name in CASES]
MOMENTS += [pytest.param(name, 20, marks=pytest.mark.slow) for name in CASES]
MOMENTS += [pytest.param(name, 10, marks=pytest.mark.slow) for name in TEXTS]


@pytest.mark.parametrize(("recipe", "moments"), MOMENTS)
def test_kill_9_at_any_moment(recipe: str, moments: int, started: Starter, tmp_path: Path) -> None:
    """Moments are drawn from the time of learning; half of those that go on are killed again.

    Some kills fall into what comes before, and are not counted.
    """
    rng = random.Random(f"{recipe} {moments}")
    begin = given(recipe, data_for(recipe, tmp_path))
    started.to_the_end(*begin, "--out", tmp_path / "whole")
    wanted, steps = bits(tmp_path / "whole"), []
    learning = lw.open(tmp_path / "whole").manifest["seconds"]["learning"]
    for number in range(3 * moments):
        out = tmp_path / f"run-{number}"
        again: list[Any] = [*begin, "--out", out]
        while len(steps) < moments:
            before = newest(out)
            started.start(*again)
            if rng.random() < 0.8:
                wait_for_checkpoint(out, before)
            time.sleep(rng.uniform(0, 0.9 * learning))
            if not started.kill() or out.exists():
                break  # it was faster
            if is_learning(out) and newest(out) > before:
                steps.append(step_of(out))
            again = ["--resume", out] if can_be_resumed(out) else again
            if len(steps) == moments or rng.random() < 0.5:
                started.to_the_end(*again)
                break
        else:
            break
        assert bits(out) == wanted
        assert not (tmp_path / f"{out.name}.partial").exists()
    assert len(steps) == moments, "too few kills hit a run that was learning"
    assert any(steps), "no kill fell behind the first step"
    assert len(set(steps)) > moments // 4, f"the kills fell behind the same few steps: {steps}"


def step_of(run: Path) -> int:
    """Return at which step the newest checkpoint of what was killed stands."""
    values = checkpoints.latest(run.with_name(f"{run.name}.partial") / "checkpoints")
    assert values is not None
    return int(values["training"]["plain"]["of"]["training"]["of"]["done"])


@pytest.mark.parametrize("recipe", CASES | TEXTS)
def test_the_same_seed_gives_the_same_bits(recipe: str, tmp_path: Path) -> None:
    data = data_for(recipe, tmp_path)
    options = options_of(recipe) | {"epochs": 2, "recipe": recipe, "report": False}
    for out, seed in (("one", 7), ("two", 7), ("other", 8)):
        lw.learn(data, out=tmp_path / out, seed=seed, **options)
    assert bits(tmp_path / "one") == bits(tmp_path / "two")
    assert bits(tmp_path / "one") != bits(tmp_path / "other")


@pytest.mark.parametrize(
    ("on_collapse", "steps", "stops"),
    [
        ("rollback", [*range(13), 9], (5, 11)),
        ("rescue", [*range(13), 9, 10, 11, 12], (12, 13, 16)),
    ],
)
def test_what_the_doctor_does_is_the_same_after_a_stop(
    on_collapse: str, steps: list[int], stops: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the last good look, at step 9, and a bad one, at 12, it goes back to 9; then it ends."""
    from likewise.evaluate.course import Judgement
    from likewise.train import monitor

    def judge(course: Any, setting: Any) -> Judgement:
        bad = course[-1].step == 12 and len(course) == 5
        return Judgement("noise", "Seen.", "", "") if bad else Judgement("healthy", "Fine.")

    monkeypatch.setattr(monitor, "judge", judge)
    monkeypatch.setattr(monitor, "sound", lambda course, setting: True)
    monkeypatch.setattr(monitor, "LOOKS", (0.1, 0.2, 0.3, 0.4, 0.6, 1.0))
    data = pictures(tmp_path)
    options: dict[str, Any] = SAME | {"recipe": "simclr", "epochs": 10, "report": False, "on_collapse": on_collapse}
    whole = lw.learn(data, out=tmp_path / "whole", **options)
    assert [line["step"] for line in whole.log] == steps
    for lines in stops:
        cut = tmp_path / f"cut-{lines}"
        assert lw.learn(data, out=cut, session=Stops(lines), **options).manifest["status"] == "unfinished"
        lw.learn(resume=cut)
        assert bits(cut) == bits(tmp_path / "whole")


def test_what_was_measured_at_the_start_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from likewise.train import choosing

    data, options = pictures(tmp_path), SAME | {"recipe": "simclr", "epochs": 4, "report": False, "precision": "auto"}
    begun = lw.learn(data, out=tmp_path / "run", session=Stops(3), **options)
    assert begun.manifest["status"] == "unfinished"
    monkeypatch.setattr(choosing, "choose_engine", None)
    done = lw.learn(resume=tmp_path / "run")
    assert done.manifest["status"] == "finished"
    assert done.manifest["derived"] == begun.manifest["derived"]
    assert {"precision", "rate"} <= done.manifest["derived"].keys()


def changed(run: Path, change: Any) -> None:
    """Change the values of the newest checkpoint of a run that was cut off."""
    (path,) = (run / "checkpoints").glob("seed-1-*.json")
    values = json.loads(path.read_bytes())
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.update(format=99), "has format 99, here it is 1: use the likewise of then"),
        (lambda v: v["plan"].update(more=1), r"does not fit this version of likewise \(TypeError: .*more"),
        (lambda v: v["training"]["plain"]["of"].pop("doctor"), r"does not fit this version of likewise \(KeyError"),
        (lambda v: v["training"]["plain"]["of"]["training"]["of"].pop("slower"), "KeyError: 'slower'"),
        (lambda v: v["training"]["kinds"].update({"training.network.stem.0.weight": ["float32", [3]]}), "RuntimeError"),
        (lambda v: v["training"]["plain"]["of"]["training"]["of"]["network"]["of"].pop("stem.0.weight"), "Missing key"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_version_is_a_sentence(change: Any, says: str, tmp_path: Path) -> None:
    options = SAME | {"recipe": "simclr", "epochs": 4, "report": False}
    lw.learn(pictures(tmp_path), out=tmp_path / "run", session=Stops(3), **options)
    lw.open(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "run.partial")
    (tmp_path / "run.partial" / "run.json").unlink()
    changed(tmp_path / "run.partial", change)
    with pytest.raises(RunError, match=says):
        lw.learn(resume=tmp_path / "run")
    assert (tmp_path / "run.partial" / "checkpoints" / "order.json").exists()
