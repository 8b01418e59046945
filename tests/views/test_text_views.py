"""Views of texts: how many tokens are hidden or deleted, which, and what is put in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from likewise.contracts import View, Views
from likewise.errors import OptionError, ShapeError
from likewise.views.texts import Columns, Crops, Deleted, MaskedTokens, Noised, SameTwice, Whole, Windows, trimmed

FIRST, LAST, MASK, TOKENS = 2, 3, 4, 50
SPECIAL = (0, 1, FIRST, LAST, MASK)
VIEWS: dict[str, View] = {
    "whole": Whole(),
    "same twice": SameTwice(),
    "masked": MaskedTokens(MASK, TOKENS, SPECIAL),
    "masked in runs": MaskedTokens(MASK, TOKENS, SPECIAL, share=0.3, span=3),
    "deleted": Deleted(0.4, SPECIAL),
    "deleted twice": Deleted(0.4, SPECIAL, twice=True),
    "crops": Crops(SPECIAL),
    "windows": Windows(SPECIAL),
    "noised": Noised(0.6, SPECIAL),
    "columns": Columns(),
}
DRAWS = [name for name in VIEWS if name not in ("whole", "same twice", "columns")]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(*lengths: int, seed: int = 5) -> Tensor:
    """Return texts of so many ordinary tokens, between the first and the last, padded with −1."""
    draw, out = generator(seed), torch.full((len(lengths), max(lengths) + 2), -1)
    for row, n in enumerate(lengths):
        inside = torch.randint(5, TOKENS, (n,), generator=draw)
        out[row, : n + 2] = torch.cat([torch.tensor([FIRST]), inside, torch.tensor([LAST])])
    return out


BATCH = texts(*range(41))


def batch_of(name: str) -> Tensor:
    return torch.stack([BATCH, BATCH.flip(0)], 1) if name == "columns" else BATCH


def ordinary(x: Tensor) -> Tensor:
    return (x >= 5).sum(1)


def tensors(views: Views) -> list[Tensor]:
    return [*views.inputs, *views.keep, *([] if views.labels is None else [views.labels])]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view(name: str) -> None:
    view, batch = VIEWS[name], batch_of(name)
    before = batch.clone()
    made, again, other = (view(batch, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(batch, before)
    assert len(made) == 41
    assert {tensor.dtype for tensor in tensors(made)} == {torch.int64}
    assert {len(tensor) for tensor in tensors(made)} == {41}
    assert all(x.is_contiguous() for x in made.inputs)
    assert all(torch.equal(a, b) for a, b in zip(tensors(made), tensors(again), strict=True))
    assert torch.equal(made.inputs[0], other.inputs[0]) == (name not in DRAWS)
    for x in made.inputs:  # no gaps: what has ended does not go on
        assert not ((x[:, 1:] >= 0) & (x[:, :-1] < 0)).any()
        assert bool((x[:, 0] == FIRST).all())
        assert torch.equal((x == LAST).sum(1), torch.ones(41, dtype=torch.int64))


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_done_to_a_text_is_as_much_in_any_order(name: str) -> None:
    batch, order = batch_of(name), torch.randperm(41, generator=generator(3))
    made, other = VIEWS[name](batch, generator()), VIEWS[name](batch[order], generator())
    if name in ("deleted twice", "crops", "windows"):  # labels are the texts' numbers
        assert made.labels is not None
        assert other.labels is not None
        assert torch.equal(made.labels[order], other.labels)
    if name in ("crops", "windows"):
        return  # how much is kept is drawn
    for one, two in zip(made.inputs + made.keep, other.inputs + other.keep, strict=True):
        assert one.shape == two.shape
        assert torch.equal((one >= 0).sum(1)[order], (two >= 0).sum(1))
    if name not in DRAWS:
        assert torch.equal(made.inputs[0][order], other.inputs[0])


def test_nothing_is_done_to_whole_texts() -> None:
    labels = torch.arange(41)
    assert Whole()(BATCH).inputs == (BATCH,)
    one, two = SameTwice()(BATCH, labels=labels).inputs
    assert one is two is BATCH
    assert SameTwice()(BATCH, labels=labels).labels is labels


@pytest.mark.parametrize("seed", range(3))
def test_crops_are_runs_of_a_text(seed: int) -> None:
    made = Crops(SPECIAL, least=0.2, most=0.6)(BATCH, generator(seed))
    shares, places = [], []
    for x in made.inputs:
        for row, (whole, some) in enumerate(zip(BATCH.tolist(), x.tolist(), strict=True)):
            text, run = ([t for t in tokens if t >= 5] for tokens in (whole, some))
            assert len(text) == row
            assert min(row, max(1, round(0.2 * row))) <= len(run) <= max(1, round(0.6 * row))
            starts = [i for i in range(row - len(run) + 1) if text[i : i + len(run)] == run]
            assert starts
            if row > 20:
                shares.append(len(run) / row)
                places.append(starts[0] / (row - len(run)))
    assert min(shares) < 0.27
    assert max(shares) > 0.53
    assert min(places) < 0.1
    assert max(places) > 0.9
    assert not torch.equal(*(functional.pad(x, (0, 60 - x.shape[1]), value=-1) for x in made.inputs))


@pytest.mark.parametrize("seed", range(3))
def test_windows_are_neighbours_and_share_nothing(seed: int) -> None:
    before, after = Windows(SPECIAL)(BATCH, generator(seed)).inputs
    cuts = []
    for row, (whole, one, two) in enumerate(zip(BATCH.tolist(), before.tolist(), after.tolist(), strict=True)):
        text, first, second = ([t for t in tokens if t >= 5] for tokens in (whole, one, two))
        if row < 2:
            assert first == second == text
            continue
        assert first + second == text
        assert first
        assert second
        cuts.append(len(first) / row)
        assert row < 8 or 0.2 <= cuts[-1] <= 0.8
    assert max(cuts[20:]) - min(cuts[20:]) > 0.3


def test_texts_that_are_equal_are_known_by_their_numbers_whatever_is_cut() -> None:
    twice = torch.cat([BATCH[20:30], BATCH[20:25]])
    for view in (Crops(SPECIAL), Windows(SPECIAL), Deleted(0.4, SPECIAL, twice=True)):
        numbers = view(twice, generator()).labels
        assert numbers is not None
        assert numbers[10:].tolist() == numbers[:5].tolist()
        assert len(set(numbers.tolist())) == 10


def test_runs_are_parts_of_a_text() -> None:
    for least, most in ((0, 0.5), (0.6, 0.5), (0.5, 1.1)):
        with pytest.raises(OptionError, match="above 0 and at most 1, in order"):
            Crops(SPECIAL, least, most)


# --- hidden ---


@pytest.mark.parametrize("share", [0.15, 0.4, 0.9])
@pytest.mark.parametrize("span", [1, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_just_as_many_are_asked_for(share: float, span: int, seed: int) -> None:
    made = MaskedTokens(MASK, TOKENS, SPECIAL, share=share, span=span)(BATCH, generator(seed))
    (x,), (keep,), told = made.inputs, made.keep, made.labels
    assert told is not None
    assert (keep >= 0).sum(1).tolist() == [0, *(max(1, round(share * n)) for n in range(1, 41))]
    assert keep.shape == told.shape == (41, round(share * 40))
    there = keep >= 0
    assert torch.equal(told >= 0, there)
    assert torch.equal(told[there], BATCH.gather(1, keep.clamp(min=0))[there])
    assert bool((told[there] >= 5).all())  # never a special one
    assert bool(((keep[:, 1:] > keep[:, :-1]) | (keep[:, 1:] < 0)).all())  # rising, and −1 last
    asked = torch.zeros_like(BATCH, dtype=torch.bool)
    for row, places in enumerate(keep.tolist()):
        asked[row, [place for place in places if place >= 0]] = True
    assert torch.equal(x[~asked], BATCH[~asked])
    assert torch.equal(x < 0, BATCH < 0)
    assert not torch.isin(x[asked], torch.tensor([0, 1, FIRST, LAST])).any()


def within(found: int, n: int, share: float) -> bool:
    """Whether a count is within four deviations of a share of n."""
    return abs(found - n * share) <= 4 * np.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("span", [1, 4])
def test_eight_in_ten_are_hidden_one_is_another_token_and_one_stays(span: int) -> None:
    batch = texts(*[60] * 2000)
    made = MaskedTokens(MASK, TOKENS, SPECIAL, share=0.5, span=span)(batch, generator(1))
    (x,), (keep,), told = made.inputs, made.keep, made.labels
    assert told is not None
    shown, n, many = x.gather(1, keep), keep.numel(), TOKENS - len(SPECIAL)
    assert n == 60_000
    masked, stays = int((shown == MASK).sum()), int((shown == told).sum())
    assert within(masked, n, 0.8)
    assert within(stays, n, 0.1 + 0.1 / many)
    other = shown[(shown != MASK) & (shown != told)]
    assert within(len(other), n, 0.1 - 0.1 / many)
    often = torch.bincount(other, minlength=TOKENS)
    assert often[:5].tolist() == [0] * 5
    assert all(within(int(count), len(other), 1 / many) for count in often[5:])
    if span == 1:  # each place as often as any other
        often = torch.bincount(keep.flatten(), minlength=62)[1:61]
        assert all(within(int(count), 2000, 0.5) for count in often)


def test_special_tokens_anywhere_are_passed_over_when_one_is_drawn() -> None:
    view = MaskedTokens(7, 12, {3, 5, 11}, share=0.9)
    batch = torch.tensor([[0, 1, 2, 4, 6, 8, 9, 10]]).repeat(4000, 1)
    x = view(batch, generator()).inputs[0]
    assert sorted(set(x.unique().tolist())) == [0, 1, 2, 4, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("span", [1, 2, 4, 8])
def test_runs_are_as_long_as_was_asked_for(span: int) -> None:
    """In 40 tokens taken of runs one after the other, the first begins one, each other one with the chance 1 / span.

    Of the runs a tenth is followed by one that is hidden, too, and then the two look like one.
    """
    batch = texts(*[400] * 400)
    (keep,) = MaskedTokens(MASK, TOKENS, SPECIAL, share=0.1, span=span)(batch, generator()).keep
    begins = 1 + int((keep.diff(dim=1) > 1).sum()) / 400
    assert begins == pytest.approx(0.9 * (1 + 39 / span), rel=0.03)


def test_only_special_tokens() -> None:
    batch = torch.tensor([[FIRST, LAST, -1], [FIRST, MASK, LAST]])
    made = VIEWS["masked"](batch, generator())
    assert torch.equal(made.inputs[0], batch)
    assert made.keep[0].tolist() == [[-1], [-1]]
    assert made.labels is not None
    assert made.labels.tolist() == [[-1], [-1]]
    assert torch.equal(Deleted(0.9, SPECIAL)(batch, generator()).inputs[0], batch)
    nothing = torch.full((2, 3), -1)
    assert MaskedTokens(MASK, TOKENS, SPECIAL)(nothing, generator()).keep[0].tolist() == [[-1], [-1]]
    assert Deleted(0.5, SPECIAL)(nothing, generator()).inputs[0].tolist() == [[-1], [-1]]


# --- deleted ---


@pytest.mark.parametrize("share", [0.15, 0.6, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_is_in_order_and_as_much_as_it_should_be(share: float, seed: int) -> None:
    one, two = Deleted(share, SPECIAL, twice=True)(BATCH, generator(seed)).inputs
    assert one.shape == two.shape
    assert not torch.equal(one, two)
    left = [0, *(max(1, n - max(1, round(share * n))) for n in range(1, 41))]
    for x in (one, two):
        assert ordinary(x).tolist() == left
        assert x.shape[1] == max(left) + 2
        for short, whole in zip(x.tolist(), BATCH.tolist(), strict=True):
            rest = iter(whole)
            assert all(token in rest for token in short if token >= 0)  # in the order of the text
            assert short[: len(short) - short.count(-1)][-1] == LAST


def test_every_token_is_deleted_as_often() -> None:
    whole = torch.cat([torch.tensor([FIRST]), torch.arange(5, 45), torch.tensor([LAST])]).repeat(3000, 1)
    x = Deleted(0.25, SPECIAL)(whole, generator()).inputs[0]
    often = torch.bincount(x.flatten(), minlength=45)
    assert all(within(int(count), 3000, 0.75) for count in often[5:])


def test_noise_keeps_the_whole_text_beside() -> None:
    made = Noised(0.6, SPECIAL)(BATCH, generator())
    assert made.labels is BATCH
    assert made.keep == ()
    assert torch.equal(made.inputs[0], Deleted(0.6, SPECIAL)(BATCH, generator()).inputs[0])
    half = made.part(10, 20)
    assert half.labels is not None
    assert torch.equal(half.labels, BATCH[10:20])


# --- columns ---


def test_columns_are_as_wide_as_their_longest_text() -> None:
    batch = torch.full((3, 4, 9), -1)
    batch[:, 0, :2] = 7
    batch[:, 1, :9] = 8
    batch[1, 2, :5] = 9  # a negative that the others lack, and another that all lack
    labels = torch.arange(3)
    made = Columns()(batch, labels=labels)
    assert [x.shape for x in made.inputs] == [(3, 2), (3, 9), (3, 5), (3, 1)]
    assert made.inputs[2].tolist() == [[-1] * 5, [9] * 5, [-1] * 5]
    assert made.labels is labels
    assert torch.equal(trimmed(batch[:, 1]), batch[:, 1])


# --- what cannot be ---


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_shares_of_nothing_and_all(share: float) -> None:
    for make in (lambda: MaskedTokens(MASK, TOKENS, SPECIAL, share=share), lambda: Deleted(share, SPECIAL),
                 lambda: Noised(share, SPECIAL)):  # fmt: skip
        with pytest.raises(OptionError, match="more than 0 and less than 1"):
            make()


def test_what_cannot_be_seen_is_said() -> None:
    with pytest.raises(OptionError, match=r"span=0.5: the mean length of a run is 1 token or more"):
        MaskedTokens(MASK, TOKENS, SPECIAL, span=0.5)
    with pytest.raises(OptionError, match="5 tokens, all of them special"):
        MaskedTokens(MASK, 5, SPECIAL)
    pixels: Any = torch.zeros(2, 3)
    for view in (VIEWS["masked"], VIEWS["same twice"], VIEWS["deleted"]):
        with pytest.raises(ShapeError, match='texts are whole numbers "b t"'):
            view(pixels, generator())
    for shape in ((3, 4), (3, 1, 4)):
        with pytest.raises(ShapeError, match="an anchor, a positive, given negatives"):
            Columns()(torch.zeros(shape, dtype=torch.long))
