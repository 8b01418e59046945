"""The named ways to learn, as short functions: options in, a Recipe out. No maths, no loops."""

from __future__ import annotations

from collections.abc import Callable

from likewise.contracts import Recipe
from likewise.recipes.counts import glove, ppmi
from likewise.recipes.identity import onehot
from likewise.recipes.options import Described, Option, check, describe, unknown
from likewise.recipes.patches import patches
from likewise.recipes.pictures import barlow, byol, dino, ijepa, lejepa, mae, moco, simclr, simsiam, supcon, vicreg
from likewise.recipes.texts import denoise_text, mlm, next_token, pairs, simcse
from likewise.recipes.words import fasttext, word2vec

RECIPES: dict[str, Callable[..., Recipe]] = {
    "word2vec": word2vec,
    "fasttext": fasttext,
    "glove": glove,
    "ppmi": ppmi,
    "onehot": onehot,
}
"""The recipes for words of text by name; the first is chosen where none is named."""

TEXTS: dict[str, Callable[..., Recipe]] = {
    "mlm": mlm,
    "next-token": next_token,
    "simcse": simcse,
    "pairs": pairs,
    "denoise-text": denoise_text,
}
"""The recipes for whole texts, and words in them, by name."""

PICTURES: dict[str, Callable[..., Recipe]] = {
    "patches": patches,
    "simclr": simclr,
    "moco": moco,
    "supcon": supcon,
    "byol": byol,
    "simsiam": simsiam,
    "dino": dino,
    "vicreg": vicreg,
    "barlow": barlow,
    "lejepa": lejepa,
    "mae": mae,
    "ijepa": ijepa,
}
"""The recipes for pictures by name; the first is chosen where none is named: it takes minutes on a processor."""

EXPERIMENTAL = frozenset({"ijepa", *TEXTS})
"""Recipes that have not been shown to beat what is plainer by 3 points; said wherever they are named.

docs/pictures-measured.md and docs/texts-measured.md have the figures, and tests compare them with this.
"""

UNSHOWN = dict.fromkeys(PICTURES, "it has not been shown to beat raw pixels and its own network untrained by 3 points")
"""What experimental means, by recipe."""
UNSHOWN |= dict.fromkeys(TEXTS, "it has not been shown to beat averaged word vectors, learned from the same text")
UNSHOWN |= dict.fromkeys(
    ("mlm", "simcse"),
    "what it learns on two cores in an hour and a half is about as good as averaged word vectors of the same text, and "
    "better in some measures alone (docs/texts-measured.md)",
)

EVERY: dict[str, Callable[..., Recipe]] = RECIPES | TEXTS | PICTURES
"""All recipes by name."""

__all__ = [
    "EVERY",
    "EXPERIMENTAL",
    "PICTURES",
    "RECIPES",
    "TEXTS",
    "UNSHOWN",
    "Described",
    "Option",
    "check",
    "describe",
    "fasttext",
    "glove",
    "onehot",
    "patches",
    "ppmi",
    "unknown",
    "word2vec",
]
