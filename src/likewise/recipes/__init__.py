"""The named ways to learn, as short functions: options in, a Recipe out. No maths, no loops."""

from __future__ import annotations

from collections.abc import Callable

from likewise.contracts import Recipe
from likewise.recipes.counts import glove, ppmi
from likewise.recipes.identity import onehot
from likewise.recipes.options import Described, Option, check, describe, unknown
from likewise.recipes.words import fasttext, word2vec

RECIPES: dict[str, Callable[..., Recipe]] = {
    "word2vec": word2vec,
    "fasttext": fasttext,
    "glove": glove,
    "ppmi": ppmi,
    "onehot": onehot,
}
"""The recipes by name; the first is chosen for plain text."""

__all__ = [
    "RECIPES",
    "Described",
    "Option",
    "check",
    "describe",
    "fasttext",
    "glove",
    "onehot",
    "ppmi",
    "unknown",
    "word2vec",
]
