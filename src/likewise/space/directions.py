"""Directions and subspaces: one vector or a few in, an orthonormal basis and what lies along it out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64

from likewise.contracts import Array
from likewise.errors import DirectionError

_BLOCK = 65536


def orthonormal(directions: Float[Array, "*r d"], dim: int) -> Float64[Array, "r d"]:
    """Return an orthonormal basis of what one direction (d,) or several (r, d) span, from their SVD.

    DirectionError if a direction is zero, not finite, has the wrong number of dimensions, or is (nearly:
    singular value below 1e-6 of the largest) a mixture of the others.
    """
    rows = np.atleast_2d(np.asarray(directions, np.float64))
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise DirectionError(
            f"directions have shape {np.shape(directions)}, this space has {dim} dims: give (d,) or (r, d)"
        )
    if not np.isfinite(rows).all():
        raise DirectionError("a direction holds NaN or infinity")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not len(rows) or not lengths.all():
        raise DirectionError("direction is zero: its two ends are the same vector")
    _, sizes, basis = np.linalg.svd(rows / lengths, full_matrices=False)
    if len(rows) > dim or sizes[-1] < 1e-6 * sizes[0]:
        raise DirectionError(
            f"{len(rows)} directions span fewer dimensions than that: leave out those that depend on others"
        )
    return np.asarray(basis)


def along(vectors: Float32[Array, "n d"], basis: Float64[Array, "r d"], *, away: bool) -> Float32[Array, "n d"]:
    """Return what of each vector lies inside the subspace of an orthonormal basis, or what is left `away` from it."""
    out = np.empty_like(vectors)
    for start in range(0, len(vectors), _BLOCK):
        rows = np.asarray(vectors[start : start + _BLOCK], np.float64)
        inside = (rows @ basis.T) @ basis
        out[start : start + _BLOCK] = rows - inside if away else inside
    return out
