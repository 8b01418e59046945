"""A recipe as a scikit-learn estimator: texts in, one vector for each out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from likewise.contracts import Array
from likewise.errors import DataError
from likewise.learning import learn
from likewise.recipes import RECIPES, describe


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learn embeddings in `fit`, encode texts in `transform`.

    The named parameters are the options that people tune; None takes the recipe's default, and `options` holds any
    others of the recipe by name. With one thread the same seed gives the same vectors, hence `threads=1`. `pooling`
    says how the words of a text are taken together: mean, weighted (as None) or sif; see `likewise embed`.

    After `fit`: `run_` is the run in memory (its space, its encoder), `n_features_out_` the dimensions.

    >>> texts = ["a rose is a rose", "red as a rose", "the sky is blue", "blue is the sea"] * 20
    >>> Embedder(dim=8, min_count=1, epochs=1).fit_transform(texts).shape
    (80, 8)
    """

    def __init__(
        self,
        recipe: str = "word2vec",
        *,
        dim: int | None = None,
        window: int | None = None,
        epochs: int | None = None,
        min_count: int | None = None,
        seed: int | None = None,
        threads: int | None = 1,
        pooling: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.recipe = recipe
        self.dim = dim
        self.window = window
        self.epochs = epochs
        self.min_count = min_count
        self.seed = seed
        self.threads = threads
        self.pooling = pooling
        self.options = options

    def fit(self, X: Sequence[str], y: object = None) -> Self:
        """Learn from the texts `X`; `y` is ignored."""
        named = ("dim", "window", "epochs", "min_count", "seed", "threads")
        given = {name: value for name in named if (value := getattr(self, name)) is not None}
        if given.get("threads") == 1 and not _has_threads(self.recipe):
            del given["threads"]  # what is said by default is no mistake
        self.run_ = learn(_texts(X), recipe=self.recipe, report=False, **{**(self.options or {}), **given})
        if self.run_.manifest["status"] == "unfinished":
            raise KeyboardInterrupt  # a search over many fits must end, too
        self.n_features_out_ = self.run_.space.dim
        return self

    def transform(self, X: Sequence[str]) -> Float[Array, "n d"]:
        """Return one float32 row for each text; zeros for a text without a known word."""
        check_is_fitted(self)
        return self.run_.embed(_texts(X), pooling=self.pooling)

    def get_feature_names_out(self, input_features: object = None) -> Array:
        """Name the dimensions `embedder0`, `embedder1`, …"""
        check_is_fitted(self)
        return np.asarray([f"embedder{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Say that the input is text and not a matrix."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = True
        return tags


def _has_threads(recipe: str) -> bool:
    return recipe not in RECIPES or "threads" in describe(RECIPES[recipe])


def _texts(X: Any) -> list[str]:
    if isinstance(X, str | bytes):
        raise DataError(f"a list of texts is needed, one {type(X).__name__} came: put it into a list")
    texts = list(X)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"a list of texts is needed, item {place} is a {type(text).__name__}")
    return texts
