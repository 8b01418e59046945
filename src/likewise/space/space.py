"""A Space: keys and vectors in, likeness out."""

from __future__ import annotations


class Space:
    """Keys × vectors."""
