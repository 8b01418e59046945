"""The space: keys, vectors and metadata in, neighbours and operations out."""

from likewise.space.space import Space

__all__ = ["Space"]
