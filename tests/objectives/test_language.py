"""Language: what is told of tokens, against short loops and transformers' own model; texts that are compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Views
from likewise.encoders import bert
from likewise.encoders.bert import Bert
from likewise.errors import OptionError, ShapeError
from likewise.objectives.contrastive import Pairs, SimCSE
from likewise.objectives.language import Denoising, MaskedLanguage, NextToken, to_huggingface
from likewise.train.engine import Engine
from likewise.train.gradient import Encoding, accumulate
from likewise.transformer import named
from likewise.views.texts import Columns, Crops, Deleted, MaskedTokens, Noised, SameTwice, Whole
from toy_networks import ToyNetwork, ToyTexts

TOKENS, FIRST, LAST, MASK = 30, 2, 3, 4
SPECIAL = (0, 1, FIRST, LAST, MASK)
CPU = Engine(torch.device("cpu"))


def network(*, dropout: float = 0.0, spread: float = 0.3, tokens: int = TOKENS) -> Bert:
    torch.manual_seed(7)
    made = Bert(tokens=tokens, dim=16, depth=2, heads=2, wide=24, places=16, dropout=dropout)
    for parameter in made.parameters():  # as it is drawn it hardly tells one place from another
        nn.init.normal_(parameter, std=spread)
    return made


def drawn(module: nn.Module, spread: float = 0.3) -> Any:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=spread)
    return module


def texts(items: int = 6, *, seed: int = 0, longest: int = 10, shape: tuple[int, ...] = ()) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(4, longest + 1, (items, *shape), generator=draw)[..., None]
    x, places = torch.randint(5, TOKENS, (items, *shape, longest), generator=draw), torch.arange(longest)
    x = x.masked_fill(places == 0, FIRST).masked_fill(places == lengths - 1, LAST)
    return x.masked_fill(places >= lengths, -1)


def masked(x: Tensor, seed: int = 1) -> Views:
    return MaskedTokens(MASK, TOKENS, SPECIAL, share=0.4)(x, torch.Generator().manual_seed(seed))


def head_of(objective: Any, y: Tensor, table: Tensor) -> Tensor:
    """Return log-probabilities of one vector, step by step."""
    y = functional.gelu(objective.head.layer.weight @ y + objective.head.layer.bias)
    y = (y - y.mean()) / (y.var(correction=0) + 1e-12).sqrt() * objective.head.norm.weight + objective.head.norm.bias
    logits = table @ y + objective.head.bias
    return logits - logits.exp().sum().log()


def means(per_text: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(costs).mean() if costs else torch.zeros(()) for costs in per_text]).mean()


# --- hidden tokens ---


def test_hidden_tokens_are_told_as_a_loop_tells_them() -> None:
    made = ToyTexts(TOKENS)
    objective, views = drawn(MaskedLanguage(made)), masked(texts())
    (x,), (keep,), told = views.inputs, views.keep, views.labels
    assert told is not None
    per_text: list[list[Tensor]] = []
    for i in range(6):
        y = made.tokens(x[i : i + 1])[0]
        asked = [(place, token) for place, token in zip(keep[i], told[i], strict=True) if place >= 0]
        per_text.append([-head_of(objective, y[place], made.table)[token] for place, token in asked])
    assert len({len(costs) for costs in per_text}) > 1
    loss = objective.loss(objective.encode(made, views))
    torch.testing.assert_close(loss.total, means(per_text))
    assert list(loss.parts) == ["masked"]


def test_a_text_of_which_nothing_is_asked_counts_nothing() -> None:
    made = ToyTexts(TOKENS)
    objective, x = drawn(MaskedLanguage(made)), texts()
    x[0] = torch.tensor([FIRST, LAST] + [-1] * 8)
    views = masked(x)
    assert views.keep[0][0].tolist() == [-1] * views.keep[0].shape[1]
    whole, rest = (objective.loss(objective.encode(made, v)).total for v in (views, views.part(1, 6)))
    torch.testing.assert_close(whole, rest * 5 / 6)  # so that parts of a batch add up
    none = objective.loss(objective.encode(made, views.part(0, 1))).total
    none.backward()
    assert none == 0


def test_hidden_tokens_are_told_as_transformers_tells_them() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    made = network().eval()
    objective = drawn(MaskedLanguage(made))
    config = transformers.BertConfig(
        vocab_size=TOKENS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=16,
    )  # fmt: skip
    theirs = transformers.BertForMaskedLM(config).eval()
    weights = {f"bert.{name}": tensor for name, tensor in bert.to_huggingface(made.state_dict()).items()}
    weights |= to_huggingface(objective.state_dict())
    missing, unknown = theirs.load_state_dict(weights, strict=False)
    assert unknown == []
    assert set(missing) <= {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}  # tied to the table
    theirs.tie_weights()
    views = masked(texts())
    (x,), (keep,), told = views.inputs, views.keep, views.labels
    assert told is not None
    costs_of = objective.told(made, views)[1]
    losses = []
    for i in range(6):
        there, places = x[i] >= 0, keep[i][keep[i] >= 0]
        labels = torch.full_like(x[i], -100)
        labels[places] = told[i][: len(places)]
        out = theirs(x[i : i + 1].clamp(min=0), attention_mask=there[None].long(), labels=labels[None])
        costs = -out.logits[0, places].log_softmax(-1)[torch.arange(len(places)), told[i][: len(places)]]
        torch.testing.assert_close(costs_of[i, : len(places)], costs, atol=1e-5, rtol=1e-5)
        losses.append(out.loss)
    loss = objective.loss(objective.encode(made, views)).total
    torch.testing.assert_close(loss, torch.stack(losses).mean(), atol=1e-5, rtol=1e-5)


def test_the_table_is_the_networks_own() -> None:
    made = network()
    objective = MaskedLanguage(made)
    assert {tuple(p.shape) for p in objective.parameters()} == {(16, 16), (16,), (TOKENS,)}
    views = masked(texts())
    objective.loss(objective.encode(made, views)).total.backward()
    unseen = sorted(set(range(TOKENS)) - set(views.inputs[0].unique().tolist()))
    assert unseen
    assert made.words.weight.grad is not None
    assert float(made.words.weight.grad[unseen].abs().min(1).values.min()) > 0  # they learn as what was not told


def test_logits_are_made_for_what_is_asked_for_alone() -> None:
    made = network()
    objective, rows = MaskedLanguage(made), list[int]()
    objective.head.register_forward_hook(lambda _module, _inputs, out: rows.append(out.shape[0]))
    views = masked(texts(40))
    objective.encode(made, views)
    assert rows == [int((views.keep[0] >= 0).sum())]
    assert rows[0] < views.keep[0].numel() < 40 * 10


def test_guesses_are_the_likeliest_tokens() -> None:
    made = network().eval()
    objective, views = drawn(MaskedLanguage(made)), masked(texts())
    (x,), (keep,) = views.inputs, views.keep
    tokens, chances = objective.guesses(made, x, keep, best=3)
    assert tokens.shape == chances.shape == (*keep.shape, 3)
    assert not chances.requires_grad
    told = objective.told(made, Views((x,), (keep,), tokens[:, :, 0]))[1].detach()
    there = keep >= 0
    torch.testing.assert_close(chances[:, :, 0][there], torch.exp(-told)[there])
    for token in range(TOKENS):  # none is likelier than the first guess
        other = objective.told(made, Views((x,), (keep,), torch.where(there, token, -1)))[1]
        assert bool((told <= other + 1e-5)[there].all())
    assert bool((tokens[~there] == -1).all())
    assert bool((chances[~there] == 0).all())
    assert objective.guesses(made, x, keep, best=99)[0].shape[2] == TOKENS


# --- each next token ---


def test_the_next_token_is_told_as_a_loop_tells_it() -> None:
    made, x = ToyTexts(TOKENS), texts()
    objective = drawn(NextToken(made))
    per_text: list[list[Tensor]] = []
    for row in x.tolist():
        text = [token for token in row if token >= 0]
        told = []
        for end in range(1, len(text)):
            y = made.tokens(torch.tensor([text[:end]]), causal=True)[0, -1]
            told.append(-head_of(objective, y, made.table)[text[end]])
        per_text.append(told)
    loss = objective.loss(objective.encode(made, Whole()(x)))
    torch.testing.assert_close(loss.total, means(per_text))
    assert list(loss.parts) == ["next"]


def test_the_next_token_is_told_without_the_future() -> None:
    made, x = network().eval(), texts(longest=8, seed=3)
    x[0] = torch.tensor([FIRST, 5, 6, 7, 8, 9, 10, LAST])
    other = x.clone()
    other[0, 4:] = torch.tensor([11, 12, 13, 14])
    objective = drawn(NextToken(made))
    one, two = (objective.told(made, Whole()(each))[1] for each in (x, other))
    torch.testing.assert_close(one[0, :3], two[0, :3])  # up to the token at place 3, told from places 0 to 2
    assert float((one[0, 3:] - two[0, 3:]).detach().abs().min()) > 1e-4
    torch.testing.assert_close(one[1:], two[1:])
    assert objective.told(made, Whole()(x))[2].sum(1).tolist() == ((x >= 0).sum(1) - 1).tolist()


# --- all tokens from a vector ---


def test_a_text_is_told_as_a_loop_tells_it() -> None:
    made, x = network().eval(), texts()
    objective = drawn(Denoising(made, depth=2, heads=2, places=16))
    views = Noised(0.5, SPECIAL)(x, torch.Generator().manual_seed(2))
    vectors = made(views.inputs[0])
    per_text: list[list[Tensor]] = []
    for i, row in enumerate(x.tolist()):
        text = [token for token in row if token >= 0]
        told = []
        for end, token in enumerate(text):  # it sees those before it, and the vector
            y = torch.cat([objective.start[None], made.table[text[:end]]]) + objective.places[: end + 1]
            for into, block in zip(objective.into, objective.blocks, strict=True):
                y = block((y + into(vectors[i]))[None], causal=True)[0]
            told.append(-head_of(objective, y[-1], made.table)[token])
        per_text.append(told)
    z = objective.encode(made, views)
    loss = objective.loss(z)
    torch.testing.assert_close(loss.total, means(per_text), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(z["z"][:, 0], vectors)
    assert list(loss.parts) == ["denoising"]


def test_attention_to_one_vector_is_its_addition() -> None:
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, t, 4, generator=draw) for t in (7, 1, 1))
    torch.testing.assert_close(functional.scaled_dot_product_attention(q, k, v), v.expand_as(q))


def test_a_text_is_told_from_its_vector() -> None:
    """After some steps what is left of a text tells it better than what is left of another."""
    made, x = network(spread=0.1), texts(16, longest=8)
    objective = Denoising(made, heads=2, places=8)
    optimiser = torch.optim.Adam([*made.parameters(), *objective.parameters()], lr=5e-3)
    view, draw = Noised(0.4, SPECIAL), torch.Generator().manual_seed(0)
    for _ in range(150):
        optimiser.zero_grad()
        objective.loss(objective.encode(made, view(x, draw))).total.backward()
        optimiser.step()
    views = view(x, draw)
    own = objective.loss(objective.encode(made, views)).total
    others = objective.loss(objective.encode(made, Views((views.inputs[0].roll(1, 0),), labels=x))).total
    assert float(own.detach()) < 0.7 * float(others.detach())


@pytest.mark.parametrize("kind", ["masked", "next", "denoising"])
def test_telling_every_token_alike_costs_the_constant(kind: str) -> None:
    made, x = network(), texts()
    makers: dict[str, Callable[[], Any]] = {
        "masked": lambda: MaskedLanguage(made),
        "next": lambda: NextToken(made),
        "denoising": lambda: Denoising(made, heads=2),
    }
    objective = makers[kind]()
    nn.init.zeros_(made.words.weight)
    views = {"masked": masked(x), "next": Whole()(x), "denoising": Noised(0.5, SPECIAL)(x, torch.Generator())}[kind]
    loss = float(objective.loss(objective.encode(made, views)).total.detach())
    assert objective.constants(6) == {"ln(tokens)": math.log(TOKENS)}
    assert loss == pytest.approx(math.log(TOKENS), rel=1e-6)


def test_what_cannot_be_told_is_said() -> None:
    with pytest.raises(OptionError, match="a ToyNetwork has no table of them: take encoder bert"):
        MaskedLanguage(ToyNetwork())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="1 blocks of 16 dims and 3 heads"):
        Denoising(network(), heads=3)
    made, x = network(), texts()
    with pytest.raises(ShapeError, match="use a view that masks tokens"):
        MaskedLanguage(made).encode(made, Whole()(x))
    with pytest.raises(ShapeError, match="use a view that makes noise"):
        Denoising(made).encode(made, Whole()(x))
    with pytest.raises(ShapeError, match=r'labels "b t" of up to 8 tokens, and \(6, 10\) came'):
        Denoising(made, places=8).encode(made, Noised(0.5, SPECIAL)(x, torch.Generator()))


# --- texts that are compared ---


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / a.norm() / b.norm())


def told(tokens: Tensor) -> tuple[int, ...]:
    return tuple(token for token in tokens.tolist() if token >= 0)


def ranked(z: Tensor, columns: Tensor, temperature: float) -> float:
    """Return the loss of finding positives, key by key; columns "b s t"."""
    costs = []
    for i in range(len(z)):
        scores, right = [], cosine(z[i, 0], z[i, 1]) / temperature
        for j in range(len(z)):
            for s in range(1, z.shape[1]):
                key = told(columns[j, s])
                if (i, 1) == (j, s):
                    scores.append(right)
                elif (
                    key
                    and key not in (told(columns[i, 0]), told(columns[i, 1]))
                    and not (s == 1 and told(columns[j, 0]) == told(columns[i, 0]))
                ):
                    scores.append(cosine(z[i, 0], z[j, s]) / temperature)
        costs.append(math.log(sum(math.exp(score) for score in scores)) - right)
    return sum(costs) / len(costs)


def columns_with_doubles() -> Tensor:
    """Return pairs with two negatives; some anchors, positives and negatives are equal, some negatives are missing."""
    x = texts(7, shape=(4,), seed=9)
    x[1, 1] = x[0, 1]
    x[3, 0] = x[2, 0]
    x[5, 1] = x[4, 0]
    x[2, 2] = x[6, 1]
    x[1, 3] = -1
    x[4, 2:] = -1
    return x


@pytest.mark.parametrize("head", [False, True])
def test_pairs_are_ranked_as_a_loop_ranks_them(head: bool) -> None:
    made, x = network().eval(), columns_with_doubles()
    objective = Pairs(made, temperature=0.2, head=head, symmetric=False)
    views = Columns()(x)
    with torch.no_grad():
        z = torch.zeros(7, 4, 16)
        for i, s in ((i, s) for i in range(7) for s in range(4) if told(x[i, s])):
            z[i, s] = objective.head(made(torch.tensor([told(x[i, s])])))[0]
        loss = float(objective.loss(objective.encode(made, views)).total)
        assert loss == pytest.approx(ranked(z, x, 0.2), rel=1e-5)
        both = Pairs(made, temperature=0.2, head=head)
        both.load_state_dict(objective.state_dict())
        back = ranked(z[:, [1, 0]], x[:, [1, 0]], 0.2)
        found = float(both.loss(both.encode(made, views)).total)
        assert found == pytest.approx((ranked(z, x, 0.2) + back) / 2, rel=1e-5)


def test_equal_texts_are_not_pushed_apart() -> None:
    made = network().eval()
    x = texts(2, shape=(2,), seed=4)
    x[1, 1] = x[0, 1]  # two questions with one answer: nothing is left to tell them from
    z = Pairs(made, symmetric=False).encode(made, Columns()(x))
    assert float(Pairs(made, symmetric=False).loss(z).total.detach()) == pytest.approx(0, abs=1e-6)
    x[1, 1, 1] = 5 if int(x[0, 1, 1]) != 5 else 6
    z = Pairs(made, symmetric=False).encode(made, Columns()(x))
    assert float(Pairs(made, symmetric=False).loss(z).total.detach()) > 1e-3


@pytest.mark.parametrize("missing", [[0], [1], [0, 1]])
def test_a_pair_that_lacks_a_side_does_not_count(missing: list[int]) -> None:
    made, x = network().eval(), texts(5, shape=(2,), seed=4)
    objective = Pairs(made)
    x[4, missing] = -1
    loss = objective.loss(objective.encode(made, Columns()(x))).total
    z = objective.encode(made, Columns()(x[:4]))
    without = objective.loss(z).total
    if len(missing) == 2:
        torch.testing.assert_close(loss, without)
        return
    rest = 1 - missing[0]  # it is still one more text for the others to be told from
    more = made(x[4:, rest])
    rows = functional.normalize(torch.cat([z["z"][:, rest], more]), dim=1)
    others = functional.normalize(z["z"][:, 1 - rest], dim=1)
    scores = others @ rows.T / 0.05
    one_way = functional.cross_entropy(scores, torch.arange(4))
    back = functional.cross_entropy(rows[:4] @ others.T / 0.05, torch.arange(4))
    torch.testing.assert_close(loss, (one_way + back) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", ["mean", "class", "max", "last"])
def test_a_missing_text_leaves_finite_gradients(pool: str) -> None:
    made, x = network(), texts(5, shape=(3,), seed=4)
    made.pool = pool
    x[1:, 2] = -1
    objective = Pairs(made)
    loss = objective.loss(objective.encode(made, Columns()(x))).total
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)


def test_a_text_has_one_number_whatever_stands_beside_it() -> None:
    x = texts(500, seed=2)
    numbers = named(x)
    assert torch.equal(named(functional.pad(x, (0, 7), value=-1)), numbers)
    assert len(set(numbers.tolist())) == len({told(row) for row in x}) > 490
    assert named(torch.full((2, 5), -1)).tolist() == [0, 0]
    swapped = torch.tensor([[2, 6, 5, 3], [2, 5, 6, 3], [5, 2, 6, 3], [0, 0, 0, 0], [0, 0, 0, -1], [0, 0, -1, -1]])
    assert len(set(named(swapped).tolist())) == 6


def test_simcse_is_the_papers() -> None:
    made, x = network(dropout=0.2), texts(8)
    objective = SimCSE(made, temperature=0.1)
    made.train()
    torch.manual_seed(3)
    z = objective.encode(made, SameTwice()(x))
    one, two = z["z"].detach().unbind(1)
    assert not torch.allclose(one, two)
    costs = []
    for i in range(8):
        scores = [cosine(one[i], two[j]) / 0.1 for j in range(8)]
        costs.append(math.log(sum(math.exp(score) for score in scores)) - scores[i])
    assert float(objective.loss(z).total.detach()) == pytest.approx(sum(costs) / 8, rel=1e-5)
    torch.manual_seed(3)
    both = torch.tanh(objective.head[0](made(torch.cat([x, x]))))
    torch.testing.assert_close(z["z"], torch.stack(both.chunk(2), 1))


def test_views_of_equal_texts_are_not_pushed_apart() -> None:
    made, x = network().eval(), texts(6, seed=4, longest=16)
    x = x[(x >= 0).sum(1).argsort(descending=True)]
    x[5] = x[0]  # the longest, of which views differ
    for view in (Crops(SPECIAL), Deleted(0.3, SPECIAL, twice=True)):
        views = view(x, torch.Generator().manual_seed(0))
        for each in views.inputs:
            assert not torch.equal(each[0], each[5])
        objective = SimCSE(made, temperature=1.0)  # at which every text of a batch counts
        z = objective.encode(made, views)
        one, two = functional.normalize(z["z"], dim=-1).unbind(1)
        scores = one @ two.T
        scores[0, 5] = scores[5, 0] = -torch.inf
        expected = functional.cross_entropy(scores, torch.arange(6))
        torch.testing.assert_close(objective.loss(z).total, expected)


def test_identical_vectors_cost_the_constants() -> None:
    made, x = network(), texts(6, shape=(2,))
    nn.init.zeros_(made.blocks[1].second_norm.weight)  # so every token, and every text, is the bias
    for objective, views in ((Pairs(made), Columns()(x)), (SimCSE(made), SameTwice()(x[:, 0]))):
        (constant,) = objective.constants(6).values()
        loss = objective.loss(objective.encode(made, views)).total
        assert float(loss.detach()) == pytest.approx(constant, rel=1e-5)
        assert constant == pytest.approx(math.log(6))


def test_pairs_need_two_texts() -> None:
    made = network()
    with pytest.raises(ShapeError, match="1 input came: use view Columns"):
        Pairs(made).encode(made, Whole()(texts()))
    with pytest.raises(ShapeError, match="SimCSE compares two views"):
        SimCSE(made).encode(made, Columns()(texts(shape=(3,))))


# --- batches in chunks ---


def stepped(
    objective: Callable[[Any], Any], views: Views, chunk: int, **options: float
) -> tuple[float, dict[str, Tensor]]:
    made = network(**options).double().train()
    torch.manual_seed(1)
    encoding = Encoding(made, objective(made)).double()
    torch.manual_seed(2)
    loss = accumulate(encoding, encoding.objective, views, CPU, chunk=chunk, scale=1.0)
    return float(loss.total), {key: p.grad for key, p in encoding.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("chunk", [4, 5])
@pytest.mark.parametrize("kind", ["pairs", "simcse", "masked", "next", "denoising"])
def test_chunks_have_the_gradient_of_the_whole_batch(kind: str, chunk: int) -> None:
    """Anchors, positives and negatives are of different lengths, so they are encoded one after the other."""
    triples, draw = texts(11, shape=(3,)), torch.Generator().manual_seed(1)
    triples[:, 0, 5:] = -1
    triples[::3, 2] = -1
    x = triples[:, 1]
    cases: dict[str, tuple[Callable[[Any], Any], Views]] = {
        "pairs": (Pairs, Columns()(triples)),
        "simcse": (SimCSE, SameTwice()(x)),
        "masked": (MaskedLanguage, masked(x)),
        "next": (NextToken, Whole()(x)),
        "denoising": (lambda made: Denoising(made, heads=2), Noised(0.5, SPECIAL)(x, draw)),
    }
    (loss, whole), (in_chunks, parts) = (stepped(*cases[kind], each) for each in (11, chunk))
    assert in_chunks == pytest.approx(loss, rel=1e-9)
    assert parts.keys() == whole.keys()
    for key, gradient in whole.items():
        torch.testing.assert_close(parts[key], gradient, rtol=1e-6, atol=1e-9, msg=key)


def test_the_second_pass_drops_what_the_first_has_dropped() -> None:
    """With dropout the gradient in two passes is that of one graph over the same chunks and the same draws."""
    x = texts(8, shape=(2,))
    x[:, 0, 6:] = -1
    views = Columns()(x)
    loss, found = stepped(Pairs, views, 4, dropout=0.3)
    made = network(dropout=0.3).double().train()
    objective = Pairs(made)
    torch.manual_seed(2)
    z = torch.stack([torch.cat([made(part) for part in column.split(4)]) for column in views.inputs], 1)
    total = objective.loss({"z": z, "texts": torch.stack([named(column) for column in views.inputs], 1)}).total
    total.backward()
    assert float(total.detach()) == pytest.approx(loss, rel=1e-9)
    for key, parameter in made.named_parameters():
        torch.testing.assert_close(found[f"network.{key}"], parameter.grad, rtol=1e-6, atol=1e-9, msg=key)
    assert stepped(Pairs, views, 4)[0] != pytest.approx(loss, rel=1e-3)
