"""What the benchmark of pictures reads off a training on its way: the weights at shares of it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from likewise.session import Session
from likewise.sources.small_pictures import small_pictures

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module("pictures")
    sys.modules.pop("pictures")


def test_the_network_is_kept_at_shares_of_a_training(benchmark: Any) -> None:
    from likewise.recipes import PICTURES

    recipe = PICTURES["simclr"](epochs=5, batch=16, precision="fp32", device="cpu")
    session, moments = Session(), benchmark.Moments()
    prepared = recipe.prepare(small_pictures(60, size=8).source(), session)
    encoder: Any = recipe.fit(prepared, session, checkpoints=moments)
    steps = max(line["step"] for line in session.log)
    assert [done for done, _, _ in moments.kept] == [round(share * steps) for share in benchmark.SHARES]
    last = encoder.network.state_dict()
    for _, seconds, weights in moments.kept:
        assert seconds > 0
        assert weights.keys() == last.keys()
        assert any((weights[name] != last[name]).any() for name in last), "it has learned on since"
