"""A space: what goes in is checked, what comes out is right where the truth is known."""

import time

import numpy as np
import pytest

from likewise.errors import DataError, DirectionError, FingerprintError, KeyMissing, OptionError, ShapeError
from likewise.space import Space


@pytest.fixture
def words():
    rng = np.random.default_rng(3)
    return Space([f"w{i}" for i in range(200)], rng.normal(size=(200, 12)), items={"count": np.arange(200)[::-1]})


def test_looking_up(words):
    assert words["w7"].dtype == np.float32
    assert np.array_equal(words["w7"], words.vectors[7])
    assert np.array_equal(words[["w7", "w1"]], words.vectors[[7, 1]])
    assert words.index("w9") == 9
    assert words.row("nothing") is None
    assert "w9" in words
    assert "x" not in words
    assert len(words) == 200
    assert words.dim == 12
    assert words.keys[:2] == ("w0", "w1")
    assert repr(words) == "Space(200 words × 12 dims)"


def test_nothing_changes_it(words):
    with pytest.raises(ValueError, match="read-only"):
        words.vectors[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        words["w1"][0] = 1
    with pytest.raises(TypeError):
        words.items["new"] = np.zeros(200)


def test_an_unknown_key_names_the_nearest_spellings():
    space = Space(["queen", "Queen", "king", "straße", "internationally"], np.eye(5))
    for given, meant in [
        ("qeen", "queen"), ("QUEEN", "queen"), ("quene", "queen"), ("kingg", "king"), ("strase", "straße"),
        ("internasionaly", "internationally"),
    ]:  # fmt: skip
        with pytest.raises(KeyMissing, match=rf"{given!r} is not here among 5 keys: did you mean.*{meant!r}"):
            space[given]
    with pytest.raises(KeyMissing, match=r"'zzz' is not here among 5 keys, and none is spelled like it$"):
        space[["king", "zzz"]]
    with pytest.raises(KeyMissing, match="7 is not here"):
        space.index(7)
    with pytest.raises(KeyError):
        space.near("")


def test_an_unknown_key_is_told_quickly_among_many():
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, (400_000, 9)).astype(np.uint8)
    keys = [f"{row.tobytes().decode()}{i}" for i, row in enumerate(letters)]
    space = Space(keys, np.ones((len(keys), 1)))
    start = time.perf_counter()
    for wrong in ("abcdefg", keys[5] + "x", keys[9].swapcase()):
        with pytest.raises(KeyMissing):
            space[wrong]
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("keys", "vectors", "error", "says"),
    [
        (["a", "b"], np.zeros((3, 2)), ShapeError, "2 keys came for 3 vectors"),
        (["a"], np.zeros(3), ShapeError, r"shape \(3,\)"),
        (["a"], np.zeros((1, 0)), ShapeError, "at least one dim"),
        (["a", "b"], [[1, 2], [3, np.nan]], DataError, r"vector of 'b' \(row 1\) holds NaN"),
        (["a", "b"], [[np.inf, 2], [3, 1]], DataError, r"vector of 'a' \(row 0\)"),
        (["a"], [[1e300]], DataError, "beyond float32"),
        (["a", "b", "a"], np.zeros((3, 2)), DataError, "'a' comes twice, in rows 0 and 2"),
        (["a", "\ud83d"], np.zeros((2, 2)), DataError, "half of a surrogate pair"),
        (["a", 5], np.zeros((2, 2)), DataError, "key 5 of row 1 is a int"),
        (["a"], np.array([["x"]]), DataError, "numbers are needed"),
        (["a"], np.array([[1j]]), DataError, "numbers are needed"),
    ],
)
def test_the_door(keys, vectors, error, says):
    with pytest.raises(error, match=says):
        Space(keys, vectors)


def test_columns_have_one_value_a_key():
    with pytest.raises(ShapeError, match="'count'"):
        Space(["a"], np.zeros((1, 1)), items={"count": [1, 2]})


def test_large_but_finite_numbers_pass_the_door():
    assert len(Space(["a", "b"], np.full((2, 4), 3e38))) == 2


def test_near_of_a_key_a_vector_and_several(words):
    cosines = words.normalise().vectors @ words.normalise().vectors.T
    order = np.argsort(-cosines[4])
    assert order[0] == 4
    assert [n.key for n in words.near("w4", 5)] == [f"w{i}" for i in order[1:6]]
    assert words.near("w4", 1)[0].score == pytest.approx(cosines[4, order[1]], abs=1e-6)
    assert words.near(words["w4"], 1)[0].key == "w4"
    assert [found[0].key for found in words.near(words.vectors[:3], 1)] == ["w0", "w1", "w2"]
    assert words.near(["w4", "w5"], 3) == [words.near("w4", 3), words.near("w5", 3)]
    assert words.near("w4", 2, exclude=[f"w{order[1]}"])[0].key == f"w{order[2]}"
    assert len(words.near("w4", 1000)) == 199
    assert words.near([], 3) == []


def test_near_by_other_metrics(words):
    rows = words.vectors.astype(float)
    far = np.linalg.norm(rows - rows[4], axis=1)
    found = words.near("w4", 3, metric="euclidean")
    assert [n.key for n in found] == [f"w{i}" for i in np.argsort(far)[1:4]]
    assert found[0].score == pytest.approx(np.sort(far)[1], rel=1e-6)
    dots = rows @ rows[4]
    dots[4] = -np.inf
    assert words.near("w4", 1, metric="dot")[0].key == f"w{dots.argmax()}"


def test_near_refuses_what_it_cannot_search(words):
    with pytest.raises(ShapeError, match="this space has 12 dims"):
        words.near(np.zeros(3))
    with pytest.raises(DataError, match="NaN"):
        words.near(np.full(12, np.nan))
    with pytest.raises(OptionError, match="metric"):
        words.near("w1", metric="manhattan")


def test_zero_vectors_have_cosine_zero_and_never_nan():
    space = Space(["zero", "one", "nil"], [[0, 0], [1, 0], [0, 0]])
    assert [n.score for n in space.near("zero")] == [0, 0]
    assert space.distance("zero", "one") == 1
    assert np.array_equal(space.normalise().vectors, space.vectors)
    for method in ("3cosadd", "3cosmul"):
        assert np.isfinite([n.score for n in space.analogy("zero", "nil", "one", method=method).included]).all()


def test_distance(words):
    a, b = words["w1"].astype(float), words["w2"].astype(float)
    assert words.distance("w1", "w2") == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert words.distance("w1", "w2", "euclidean") == pytest.approx(np.linalg.norm(a - b))
    with pytest.raises(OptionError, match="an inner product is none"):
        words.distance("w1", "w2", "dot")
    with pytest.raises(FingerprintError, match="another encoder"):
        words.distance("w1", "w2", other=words.normalise())


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogies_equal_their_formulas(words, method):
    unit = words.vectors / np.linalg.norm(words.vectors, axis=1, keepdims=True).astype(np.float64)
    a, b, c = (unit @ unit[i] for i in (1, 2, 3))
    scores = b - a + c if method == "3cosadd" else (b + 1) / 2 * (c + 1) / 2 / ((a + 1) / 2 + 0.001)
    order = np.argsort(-scores)
    answer = words.analogy("w1", "w2", "w3", 7, method=method)
    assert [n.key for n in answer.included] == [f"w{i}" for i in order[:7]]
    assert [n.key for n in answer.excluded] == [f"w{i}" for i in order if i not in (1, 2, 3)][:7]
    if method == "3cosmul":
        assert answer.included[0].score == pytest.approx(scores.max(), rel=1e-6)


def test_an_analogy_that_holds_exactly():
    rng = np.random.default_rng(0)
    royal, female, person = np.linalg.qr(rng.normal(size=(8, 3)))[0].T
    rows = [person, person + female, person + royal, person + royal + female, *0.3 * rng.normal(size=(30, 8))]
    space = Space(["man", "woman", "king", "queen", *map(str, range(30))], rows)
    assert space.analogy("man", "woman", "king").excluded[0].key == "queen"
    with pytest.raises(OptionError, match="3cosadd and 3cosmul"):
        space.analogy("man", "woman", "king", method="pair")
    with pytest.raises(KeyMissing, match=r"'kong'.*'king'"):
        space.analogy("man", "woman", "kong")


def test_projection(words):
    direction = words["w1"] - words["w2"]
    away = words.project_away(direction)
    assert np.abs(away.vectors @ direction).max() < 1e-5
    assert np.allclose(away.vectors + words.project_onto(direction).vectors, words.vectors, atol=1e-6)
    twice = away.project_away(direction)
    assert np.allclose(twice.vectors, away.vectors, atol=1e-6)
    basis = words.vectors[:5]
    onto = words.project_onto(basis)
    assert np.linalg.matrix_rank(onto.vectors, tol=1e-4) == 5
    assert np.allclose(onto.vectors[:5], basis, atol=1e-5)
    assert np.allclose(words.project_onto(np.eye(12)).vectors, words.vectors, atol=1e-6)


@pytest.mark.parametrize(
    ("direction", "says"),
    [
        (np.zeros(12), "two ends are the same vector"),
        (np.ones(5), "this space has 12 dims"),
        (np.full(12, np.inf), "NaN or infinity"),
        (np.ones((2, 12)), "fewer dimensions"),
        (np.ones((13, 12)), "fewer dimensions"),
        (np.ones((0, 12)), "zero"),
        (np.ones((2, 2, 12)), "have shape"),
    ],
)
def test_directions_without_direction(words, direction, says):
    with pytest.raises(DirectionError, match=says):
        words.project_away(direction)


def test_fingerprints_chain_and_guard(words):
    again = Space(words.keys, words.vectors)
    assert again.fingerprint == words.fingerprint
    assert words.normalise().fingerprint == again.normalise().fingerprint != words.fingerprint
    assert words.project_away(words["w1"]).fingerprint != words.project_away(words["w2"]).fingerprint
    assert words.project_away(words["w1"]).fingerprint != words.project_onto(words["w1"]).fingerprint
    assert words.select(["w1"]).fingerprint == words.top(5).fingerprint == words.fingerprint
    assert Space(["a", "bc"], np.eye(2)).fingerprint != Space(["ab", "c"], np.eye(2)).fingerprint
    with pytest.raises(FingerprintError, match="do the same operations on both"):
        words.join(words.normalise())


def test_select_top_and_join(words):
    one, other = words.select(["w5", "w3"]), words.select(["w9"])
    assert one.keys == ("w5", "w3")
    assert one.items["count"].tolist() == [194, 196]
    both = one.join(other)
    assert both.keys == ("w5", "w3", "w9")
    assert np.array_equal(both["w9"], words["w9"])
    assert both.items["count"].tolist() == [194, 196, 190]
    assert words.top(3).keys == ("w0", "w1", "w2")
    assert len(words.top(10_000)) == 200
    with pytest.raises(DataError, match="both spaces hold 'w3'"):
        one.join(words)
    with pytest.raises(OptionError, match="top 0"):
        words.top(0)
    with pytest.raises(ShapeError, match="cannot join 12 dims with 3 dims"):
        one.join(Space(["z"], np.ones((1, 3)), fingerprint=words.fingerprint))
