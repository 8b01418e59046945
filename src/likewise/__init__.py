"""likewise: learn embeddings from your own data, prove that they are good, and put them to use.

>>> import likewise as lw
>>> run = lw.learn([["a", "rose", "is", "a", "rose"]] * 50, dim=8, min_count=1, epochs=1, threads=1)
>>> run.space["rose"].shape
(8,)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likewise.conversion import convert
    from likewise.embedding import embed_file
    from likewise.errors import LikewiseError
    from likewise.learning import learn
    from likewise.opening import Run, open
    from likewise.session import Session
    from likewise.space import Space

__version__ = "0.1.0"

_HOMES = {
    "LikewiseError": "errors",
    "Run": "opening",
    "Session": "session",
    "Space": "space",
    "convert": "conversion",
    "embed_file": "embedding",
    "learn": "learning",
    "open": "opening",
}

__all__ = ["LikewiseError", "Run", "Session", "Space", "__version__", "convert", "embed_file", "learn", "open"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import likewise` stays light (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'likewise' has no attribute {name!r}")
    value = getattr(import_module(f"likewise.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
