"""The loop: it learns, goes on bit by bit, reads ahead in order, and never takes a step that is no number."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from toys import CPU, Contrast, pixels, training

from likewise.errors import OptionError
from likewise.session import Logged, Progress, Session
from likewise.train.batches import Order, ahead
from likewise.train.engine import Engine, device_here, fastest, named
from likewise.train.keeping import packed
from likewise.train.loop import Training
from likewise.train.optim import LARS, optimiser, rate_at
from likewise.train.plan import Plan
from likewise.train.state import flattened, restored, same_bits


def bits(made: Training) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    flattened(made.state(), tensors)
    return tensors


class At:
    """Does something after a step."""

    def __init__(self, step: int, what: Any) -> None:
        self.step, self.what = step, what

    def start(self, training: Training) -> None:
        pass

    def after_step(self, training: Training, stepped: Any) -> None:
        if training.done == self.step:
            self.what(training)


@pytest.mark.parametrize("plan", [{}, {"average": 0.9}, {"chunk": 8}, {"optimiser": "lars", "rate": 0.1}])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_it_goes_on_bit_by_bit(plan: dict[str, Any], norm: str) -> None:
    whole, session = training(norm=norm, **plan), Session()
    assert whole.run(session)
    cut, stopped = training(norm=norm, **plan), Session()
    assert not cut.run(stopped, [At(3, lambda _: stopped.stop())])
    assert cut.done == 3
    tensors: dict[str, torch.Tensor] = {}
    plain = json.loads(json.dumps(flattened(cut.state(), tensors)))
    again = training(norm=norm, **plan)
    again.load(restored(plain, {name: tensor.clone() for name, tensor in tensors.items()}))
    assert again.run(Session())
    assert same_bits(bits(again), bits(whole))
    assert again.history == whole.history


def test_the_same_seed_gives_the_same_bits_and_another_gives_others() -> None:
    one, two, other = training(), training(), training(seed=2)
    for each in (one, two, other):
        each.run(Session())
    assert same_bits(bits(one), bits(two))
    assert not same_bits(bits(one), bits(other))


def test_it_learns_and_tells_how_far_it_is() -> None:
    events: list[Any] = []
    made = training(steps=30)
    assert made.run(Session(events.append))
    losses = [event.values["loss"] for event in events if isinstance(event, Logged)]
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress
    assert progress[-1].total == 30 * 32
    assert {"pictures_per_second", "loss", "contrast"} <= progress[-1].facts.keys()


def test_a_step_that_is_no_number_is_not_taken_and_many_end_it() -> None:
    class Broken(Contrast):
        def loss(self, z: Any) -> Any:
            found = super().loss(z)
            return type(found)(found.total * math.nan, found.parts)

    made = training(objective=Broken, steps=50)
    before = {name: value.clone() for name, value in made.network.named_parameters()}
    assert not made.run(Session())
    assert made.ended == "diverged"
    assert made.done < 50
    assert all(torch.equal(value, before[name]) for name, value in made.network.named_parameters())


def test_the_average_follows_the_weights() -> None:
    made = training(average=0.5, steps=10)
    made.run(Session())
    assert made.learned is made.averaged
    gaps = [
        (p - q).detach().abs().max() for p, q in zip(made.averaged.parameters(), made.network.parameters(), strict=True)
    ]  # type: ignore[union-attr]
    assert 0 < float(max(gaps)) < 0.1


def test_every_item_is_seen_once_an_epoch_and_processes_share_a_batch() -> None:
    order = Order(97, 32, seed=1)
    epoch = np.concatenate([order.rows(step) for step in range(order.steps_per_epoch)])
    assert order.steps_per_epoch == 3
    assert len(set(epoch.tolist())) == 96
    assert not np.array_equal(order.rows(0), order.rows(3))
    parts = [Order(97, 32, seed=1, rank=rank, world=2).rows(4) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(parts), order.rows(4))
    with pytest.raises(OptionError, match="98 cannot be made of 97"):
        Order(97, 98, seed=1)
    with pytest.raises(OptionError, match="cannot be parted among 3"):
        Order(97, 32, seed=1, world=3)


def test_what_is_measured_by_is_as_long_as_batches_are_in_the_mean() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 4000) ** 2
    order = Order(4000, 50, seed=1, lengths=lengths)
    mean = np.mean([lengths[order.rows(step)].max() for step in range(80)])
    assert abs(lengths[order.rows(order.typical())].max() - mean) < 0.15 * mean
    assert Order(4000, 50, seed=1).typical() == 0


def test_items_of_like_length_come_together_and_each_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 1000)
    order = Order(1000, 10, seed=1, lengths=lengths)
    seen = [order.rows(step) for step in range(order.steps_per_epoch)]
    assert sorted(np.concatenate(seen).tolist()) == list(range(1000))
    padding = sum(10 * lengths[rows].max() - lengths[rows].sum() for rows in seen) / lengths.sum()
    plain = Order(1000, 10, seed=1)
    shuffled = [plain.rows(step) for step in range(plain.steps_per_epoch)]
    assert padding < 0.1
    assert sum(10 * lengths[rows].max() - lengths[rows].sum() for rows in shuffled) / lengths.sum() > 0.5
    means = [lengths[rows].mean() for rows in seen]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3  # short ones do not come first
    again = Order(1000, 10, seed=1, lengths=lengths)
    np.testing.assert_array_equal(again.rows(57), seen[57])
    assert not np.array_equal(again.rows(100), seen[0])  # another epoch, another order
    odd = Order(1000, 128, seed=1, lengths=lengths)  # 104 are left out of each epoch, others each time
    assert len({row for step in range(20 * odd.steps_per_epoch) for row in odd.rows(step).tolist()}) == 1000
    parts = [Order(1000, 10, seed=1, rank=rank, world=2, lengths=lengths).rows(3) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(parts), seen[3])


def test_reading_ahead_keeps_the_order_and_passes_errors_on() -> None:
    assert [int(x) for x in ahead(lambda step: torch.tensor(step), 2, 6)] == [2, 3, 4, 5]

    def fails(step: int) -> torch.Tensor:
        if step == 1:
            raise OSError("gone")
        return torch.tensor(step)

    with pytest.raises(OSError, match="gone"):
        list(ahead(fails, 0, 3))


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 100, peak=2.0, warmup=10, floor=0.2) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[9] == pytest.approx(2.0)
    assert rates[-1] == pytest.approx(0.2, abs=0.01)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_lars_takes_the_steps_of_the_paper() -> None:
    w, bias = torch.nn.Parameter(torch.tensor([[3.0, 4.0]])), torch.nn.Parameter(torch.tensor([1.0]))
    module = torch.nn.Module()
    module.w, module.bias = w, bias
    made = optimiser("lars", [module], rate=0.5, weight_decay=0.1)
    assert isinstance(made, LARS)
    w.grad, bias.grad = torch.tensor([[0.7, 0.6]]), torch.tensor([0.2])
    made.step()
    # g + λw = (1, 1); trust · ‖w‖ / ‖g + λw‖ = 1e-3 · 5 / √2
    ratio = 1e-3 * 5 / math.sqrt(2)
    assert w.detach().numpy() == pytest.approx(np.array([[3 - 0.5 * ratio, 4 - 0.5 * ratio]]))
    assert float(bias.detach()) == pytest.approx(1 - 0.5 * 0.2)
    with pytest.raises(OptionError, match="adamw, or lars"):
        optimiser("sgd", [module], rate=1, weight_decay=0)


def test_biases_and_gains_do_not_decay() -> None:
    made = training(weight_decay=0.3)
    groups = made.optimiser.param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    assert {p.ndim for p in groups[1]["params"]} == {1}


def test_what_cannot_be_kept_is_named() -> None:
    with pytest.raises(TypeError, match=r"a\.1 holds a object"):
        flattened({"a": [1, object()]}, {})
    arrays, values = packed({"x": torch.tensor(3, dtype=torch.int64), "y": torch.ones(2, dtype=torch.bfloat16)})
    assert values["kinds"] == {"x": ["int64", []], "y": ["bfloat16", [2]]}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}


def test_bf16_learns_too_and_stays_finite() -> None:
    made = training(engine=Engine(torch.device("cpu"), "bf16", True), norm="batch", steps=20)
    assert made.run(Session())
    assert made.history[-1]["loss"] < made.history[0]["loss"]
    assert {p.dtype for p in made.network.parameters()} == {torch.float32}


def test_the_quickest_is_taken_and_a_missing_device_is_a_sentence() -> None:
    import time

    slow, quick = Engine(torch.device("cpu"), "fp32"), Engine(torch.device("cpu"), "bf16", True)
    chosen, seconds = fastest([slow, quick], lambda engine: lambda: time.sleep(0.02 if engine is slow else 0.001))
    assert chosen is quick
    assert seconds[named(slow)] > seconds[named(quick)]
    with pytest.raises(OptionError, match="cannot be used here"):
        device_here("cuda:7")
    with pytest.raises(OptionError, match="cannot be used here"):
        device_here("abacus")


def test_a_plan_that_cannot_be_is_a_sentence() -> None:
    for wrong in ({"rate": 0.0}, {"batch": 0}, {"average": 1.0}):
        with pytest.raises(OptionError):
            Plan(**{"steps": 1, "batch": 1, "rate": 1.0} | wrong)


def test_pictures_stay_as_they_are() -> None:
    made = training()
    before = pixels()
    made.run(Session())
    assert torch.equal(made.data.read(np.arange(96)), before)
    assert made.engine == CPU


def test_who_reads_ahead_may_be_an_epoch_further_in_another_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    order, alone = Order(40, 20, seed=1), [Order(40, 20, seed=1).rows(step) for step in range(400)]
    made: list[int] = []
    remake = Order._made

    def noted(self: Order, epoch: int) -> Any:
        made.append(epoch)
        return remake(self, epoch)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(Order, "_made", noted)
        for step in range(2, 400):  # the reader is two steps, one epoch, ahead
            ahead, now = pool.submit(order.rows, step), pool.submit(order.rows, step - 2)
            np.testing.assert_array_equal(ahead.result(), alone[step])
            np.testing.assert_array_equal(now.result(), alone[step - 2])
        assert len(made) <= 200 + 2  # each epoch once: neither drops what the other has in hand


def test_what_drops_out_is_drawn_by_the_step_alone() -> None:
    class Dropping(Contrast):
        def encode(self, network: Any, views: Any) -> Any:
            z = super().encode(network, views)
            return {**z, "z": torch.nn.functional.dropout(z["z"], 0.5, self.training)}

    def losses(steps: range, seed: int = 1, global_seed: int = 0) -> list[float]:
        torch.manual_seed(global_seed)
        one = training(objective=Dropping, seed=seed)
        found = []
        for step in steps:
            one.done = step
            torch.rand(step + 1)  # what others draw changes nothing
            found.append(one.step(one.data.read(one.order.rows(0))).loss)
            assert torch.initial_seed() == global_seed
        return found

    assert losses(range(3)) == losses(range(3), global_seed=5)
    assert losses(range(3)) != losses(range(3), seed=2)
