"""The scikit-learn estimator: the checks that apply to text, a pipeline, a search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from likewise.errors import DataError, OptionError
from likewise.sklearn import Embedder
from likewise.sources.small_language import small_language

TEXTS = small_language(sentences=400).lines


def test_it_stands_in_a_pipeline_and_can_be_searched() -> None:
    language = small_language(sentences=600)
    roles = {label.key for label in language.labels if label.label == "role"}
    y = np.asarray([int(bool(roles & set(line.split()))) for line in language.lines])
    model = make_pipeline(Embedder(dim=16, min_count=1, epochs=3), LogisticRegression())
    search = GridSearchCV(model, {"embedder__dim": [8, 16]}, cv=2).fit(language.lines, y)
    assert search.score(language.lines, y) > max(y.mean(), 1 - y.mean())


def test_the_same_seed_gives_the_same_vectors() -> None:
    embedder = Embedder(dim=8, min_count=1, epochs=1, seed=3)
    one, two = embedder.fit_transform(TEXTS), clone(embedder).fit_transform(TEXTS)
    np.testing.assert_array_equal(one, two)
    assert one.shape == (len(TEXTS), 8)
    assert list(embedder.get_feature_names_out()) == [f"embedder{i}" for i in range(8)]


def test_other_options_go_through() -> None:
    assert Embedder(min_count=1, options={"negative": 2, "dim": 5}, epochs=1).fit(TEXTS).run_.space.dim == 5


def test_a_recipe_without_threads_needs_no_word_about_them() -> None:
    made = Embedder("onehot", min_count=1, pooling="mean").fit_transform(TEXTS)
    np.testing.assert_allclose(made.sum(axis=1), 1, atol=1e-6)
    with pytest.raises(OptionError, match="onehot has no option threads"):
        Embedder("onehot", min_count=1, threads=2).fit(TEXTS)


def test_the_words_of_a_text_are_pooled_as_is_said() -> None:
    made = {name: Embedder(dim=8, min_count=1, epochs=1, pooling=name) for name in (None, "mean", "weighted", "sif")}
    found = {name: clone(embedder).fit_transform(TEXTS) for name, embedder in made.items()}
    np.testing.assert_array_equal(found[None], found["weighted"])
    for one, two in (("mean", "weighted"), ("weighted", "sif"), ("mean", "sif")):
        assert np.abs(found[one] - found[two]).max() > 1e-3
    run = made["sif"].fit(TEXTS).run_
    np.testing.assert_array_equal(found["sif"], run.embed(TEXTS, pooling="sif"))


@pytest.mark.parametrize("bad", ["one text", [1, 2], [["a", "b"]], b"bytes"])
def test_what_is_no_list_of_texts_gets_a_sentence(bad: Any) -> None:
    with pytest.raises(DataError, match="a list of texts is needed"):
        Embedder().fit(bad)


APPLY = (
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)
# All other checks of a transformer feed matrices of numbers, which is no text: scikit-learn itself leaves them out for
# an estimator whose tags say so, and `test_other_input_is_refused` shows what they would get.


@pytest.mark.parametrize("name", APPLY)
def test_the_checks_of_scikit_learn_that_apply_to_text(name: str) -> None:
    found = [getattr(estimator_checks, n) for n in dir(estimator_checks) if n.startswith(name)]
    if not found:
        pytest.skip(f"this version of scikit-learn has no {name}")
    for check in found:
        check("Embedder", Embedder(min_count=1))


@pytest.mark.filterwarnings("ignore:Can't test estimator Embedder")
def test_scikit_learn_runs_no_check_on_us_that_fails() -> None:
    for estimator, check in estimator_checks_generator(Embedder(min_count=1), mark=None):
        check(estimator)


def test_other_input_is_refused() -> None:
    with pytest.raises(DataError, match="item 0 is a ndarray"):
        Embedder().fit(np.zeros((3, 2)))  # type: ignore[arg-type]


def test_transform_before_fit_is_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        Embedder().transform(TEXTS)
