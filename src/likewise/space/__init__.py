"""The space: keys, vectors and metadata in, neighbours and operations out."""

from likewise.space.neighbours import Analogy, Neighbour
from likewise.space.space import Space

__all__ = ["Analogy", "Neighbour", "Space"]
