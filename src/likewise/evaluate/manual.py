"""Manual features: pictures in; what people designed before features were learned out, as a baseline."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from likewise.contracts import Array
from likewise.errors import MissingExtra

_ORIENTATIONS, _CELLS, _BINS = 9, 4, 8


def hog_and_colour(pixels: UInt8[Array, "n c h w"]) -> Float32[Array, "n e"]:
    """Return histograms of oriented gradients (Dalal & Triggs 2005) and of each channel's values, for each picture.

    Nine orientations in cells of a quarter of the picture, normalised in blocks of 2 × 2 (L2-Hys); eight bins for each
    channel, as roots of shares: 348 numbers for a square picture in colour. Raises MissingExtra without scikit-image.
    """
    try:
        from skimage.feature import hog
    except ImportError:
        raise MissingExtra("scikit-image", "vision", "the baseline of manual features") from None
    n, _, height, width = pixels.shape
    cell = (max(1, height // _CELLS), max(1, width // _CELLS))
    rows = []
    for picture in pixels:
        shape = hog(
            picture.transpose(1, 2, 0), orientations=_ORIENTATIONS, pixels_per_cell=cell, cells_per_block=(2, 2),
            channel_axis=-1, feature_vector=True,
        )  # fmt: skip
        bins = [np.bincount(c.ravel() // (256 // _BINS), minlength=_BINS) / (height * width) for c in picture]
        rows.append(np.concatenate([shape, np.sqrt(np.concatenate(bins))]))
    return np.asarray(rows, np.float32).reshape(n, -1)


def raw(pixels: UInt8[Array, "n c h w"]) -> Float32[Array, "n e"]:
    """Return the pixels themselves as one vector a picture, between 0 and 1."""
    return np.asarray(pixels, np.float32).reshape(len(pixels), -1) / 255


def principal(
    train: Float32[Array, "n e"], *others: Float32[Array, "m e"], dim: int = 128
) -> tuple[Float32[Array, "n k"], ...]:
    """Return the first `dim` principal components of `train`, and of others by the same directions."""
    from sklearn.decomposition import PCA

    k = min(dim, *train.shape)
    fitted = PCA(k, svd_solver="covariance_eigh" if train.shape[1] <= 4096 else "randomized", random_state=0).fit(train)
    return tuple(np.asarray(fitted.transform(x), np.float32) for x in (train, *others))
