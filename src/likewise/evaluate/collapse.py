"""Collapse: vectors in, a verdict in words out.

No single number tells: a constant plus noise has full centred rank, rank one has a healthy spread, and vectors far
from the origin have an uncentred rank near one although nothing is wrong. So the verdict reads three: how far the
vectors spread around their mean, how many directions they use once centred, and whether the spectrum breaks off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from likewise.contracts import Array, Number
from likewise.errors import ShapeError

COMPLETE_SPREAD = 0.005  # below it the vectors differ by half a percent of their length: a constant and noise
CONE_SPREAD = 0.3  # below it the mean carries 95 % of the energy (cosine .95 has .22): compare after centring
DEAD_VARIANCE = 1e-6  # of the largest: beyond what float32 and real data leave in a direction that is used
ALIKE = 0.99  # correlation of two units above which they say the same
NOISE_GAP = 300.0  # a fall between neighbouring eigenvalues that no healthy spectrum shows (see `used_directions`)
NOISE_SHARE = 0.05  # of all variance: what may lie behind such a fall and still be called noise
FEW = 0.25  # used directions below this share of D: dimensional, otherwise partial
ROWS_PER_DIM = 4  # N(0, I) with fewer rows than 4·D reads as a rank that falls short
EVEN = 0.95  # of D: an effective rank that is no fewer rows' doing, since they only lower it
MOST_ROWS = 20_000  # the sample that is looked at: the rank of N(0, I₅₁₂) is within 1 % from 8·D rows on


@dataclass(frozen=True)
class Diagnosis:
    """A verdict with one sentence of evidence, one of advice, and what one snapshot cannot tell.

    `cause` is a sentence where the course of a training was logged; vectors alone name none.
    """

    verdict: str
    evidence: str
    advice: str
    limits: str
    numbers: list[Number]
    spectrum: Float[Array, " d"]
    cause: str = ""

    @property
    def collapsed(self) -> bool:
        """Whether the verdict is a collapse of any kind, noise or divergence."""
        return self.verdict.endswith("collapse") or self.verdict in ("noise", "diverged")

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "verdict": self.verdict,
            "evidence": self.evidence,
            **({"cause": self.cause} if self.cause else {}),
            "advice": self.advice,
            "limits": self.limits,
            "numbers": [number.as_json() for number in self.numbers],
        }


VERDICTS = (
    "healthy",
    "anisotropic",
    "partial collapse",
    "dimensional collapse",
    "complete collapse",
    "cannot tell",
)

_ADVICE = {
    "healthy": "Nothing to do.",
    "anisotropic": "Subtract the mean before comparing by cosine: raw cosines are high for any two items.",
    "partial collapse": "Remove the dead directions (PCA) or learn with fewer dimensions; look for units that died.",
    "dimensional collapse": "Do not use these vectors as they are: add negatives, a variance or a decorrelation term, "
    "or lower the rate, and learn again.",
    "complete collapse": "Do not use these vectors: all items have become one point; learn again with negatives or a "
    "variance term, and check that the input differs from item to item.",
    "cannot tell": "Give more rows, or learn fewer dims, and ask again.",
}
_LIMITS = (
    "One snapshot cannot tell a uniform shrinking, which looks the same at every scale (it needs the vectors at the "
    "start of training), nor noise instead of signal (it needs two views of the same items, or gold answers)."
)


@dataclass(frozen=True)
class Signals:
    """What a verdict is made from; all of them are defined for every finite matrix."""

    n: int
    dim: int
    spectrum: Float[Array, " d"]
    effective_rank: float
    uncentred_rank: float
    spread: float
    mean_cosine: float
    deviation: float
    dead: int
    used: int
    duplicates: float


def spectrum_of(vectors: Num[Array, "n d"], *, centred: bool = True) -> Float[Array, " d"]:
    """Return the eigenvalues of the covariance (n in the denominator), largest first; uncentred: of the second moment.

    Rounding noise of float64 (below 1e-14 of the largest) is returned as zero.
    """
    x = np.asarray(vectors, np.float64)
    x = x - x.mean(axis=0) if centred else x
    scale = float(np.abs(x).max(initial=0.0))
    if scale == 0:
        return np.zeros(x.shape[1])
    x = x / scale
    values = np.linalg.eigvalsh(x.T @ x / len(x))[::-1].clip(min=0)
    values[values < values[0] * 1e-14] = 0
    result: Array = values * scale**2
    return result


def effective_rank(spectrum: Float[Array, " d"]) -> float:
    """Return exp of the entropy of the singular values' shares (RankMe, Garrido et al. 2023, equation 1).

    Singular values are the roots of the spectrum's eigenvalues. A constant has rank 0.
    """
    values = np.sqrt(np.asarray(spectrum, np.float64))
    total = values.sum()
    if total == 0:
        return 0.0
    shares = values[values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def spread(vectors: Num[Array, "n d"]) -> float:
    """Return the rms distance to the mean over the rms norm: 0 for a constant, 1 around the origin."""
    x = np.asarray(vectors, np.float64)
    scale = float(np.abs(x).max(initial=0.0))
    if scale == 0:
        return 0.0
    x = x / scale
    around = ((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()
    return float(np.sqrt(around / (x**2).sum(axis=1).mean()))


def used_directions(spectrum: Float[Array, " d"]) -> int:
    """Return how many directions stand before the spectrum breaks off.

    It breaks off where an eigenvalue is below 1e-6 of the largest, or where one is 300 times smaller than the one
    before it while less than 5 % of all variance lies behind: five directions and 1 % of noise fall by 10⁴ there,
    a power law of exponent 2 falls by 4 at its steepest, trained word vectors by less than 10.
    """
    values = np.asarray(spectrum, np.float64)
    if not len(values) or values[0] <= 0:
        return 0
    alive = int((values >= values[0] * DEAD_VARIANCE).sum())
    behind = values[::-1].cumsum()[::-1]
    for i in range(1, alive):
        if values[i - 1] > NOISE_GAP * values[i] and behind[i] < NOISE_SHARE * behind[0]:
            return i
    return alive


def measure(vectors: Num[Array, "n d"]) -> Signals:
    """Return the signals of some rows; the caller has made sure that they are finite."""
    x = np.asarray(vectors, np.float64)
    n, dim = x.shape
    values = spectrum_of(x)
    scaled = x / (np.abs(x).max(initial=0.0) or 1.0)
    lengths = np.sqrt((scaled**2).sum(axis=1))
    unit = scaled / np.where(lengths > 0, lengths, 1)[:, None]
    variances = x.var(axis=0)
    mean_square = float((unit.mean(axis=0) ** 2).sum())
    return Signals(
        n=n,
        dim=dim,
        spectrum=values,
        effective_rank=effective_rank(values),
        uncentred_rank=effective_rank(spectrum_of(x, centred=False)),
        spread=spread(x),
        mean_cosine=(n * mean_square - float((lengths > 0).mean())) / (n - 1) if n > 1 else 0.0,
        deviation=float(unit.std(axis=0).mean() * np.sqrt(dim)),
        dead=int((variances <= variances.max() * DEAD_VARIANCE).sum()),
        used=used_directions(values),
        duplicates=1 - _different(x) / n,
    )


def duplicate_units(vectors: Num[Array, "n d"]) -> float:
    """Return the share of units that say what an earlier one says, |correlation| above .99; dead ones say nothing."""
    x = np.asarray(vectors, np.float64)
    variances = x.var(axis=0)
    alive = x[:, variances > variances.max(initial=0.0) * DEAD_VARIANCE]
    if len(x) < 3 or alive.shape[1] < 2:
        return 0.0
    z = (alive - alive.mean(0)) / alive.std(0)
    alike = np.abs(np.triu(z.T @ z / len(z), 1)) > ALIKE
    return float(alike.any(axis=0).sum() / x.shape[1])


def _different(x: Float[Array, "n d"]) -> int:
    """Return how many different rows there are; rows are compared as bytes, which is 20 times quicker."""
    rows = np.ascontiguousarray(x + 0.0)  # −0 becomes 0
    return len(np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()))


def diagnose(vectors: Num[Array, "n d"], *, most_rows: int = MOST_ROWS, seed: int = 0) -> Diagnosis:
    """Say whether vectors have collapsed, from one snapshot; at most `most_rows` rows, drawn by `seed`, are read.

    Verdicts are in `VERDICTS`. The same verdict comes for the vectors rotated, scaled or in another order.
    """
    given = np.asarray(vectors)
    if given.ndim != 2 or 0 in given.shape:
        raise ShapeError(f"a matrix of n vectors × d dims is needed, its shape is {given.shape}")
    total = len(given)
    if total > most_rows:
        given = given[np.sort(np.random.default_rng(seed).choice(total, most_rows, replace=False))]
    finite = np.isfinite(given).all(axis=1)
    if not finite.all():
        return _not_finite(given.shape[1], int((~finite).sum()), total)
    signals = measure(given)
    verdict, evidence = _judge(signals)
    return Diagnosis(verdict, evidence, _ADVICE[verdict], _LIMITS, _numbers(signals), signals.spectrum)


def _judge(s: Signals) -> tuple[str, str]:
    if s.spread < COMPLETE_SPREAD:
        if s.n == 1:
            return "cannot tell", "There is one vector: it can be compared with nothing."
        return (
            "complete collapse",
            f"All {s.n:,} vectors are nearly one point: their distance to the mean is {s.spread:.2g} of their length "
            f"(complete below {COMPLETE_SPREAD}).",
        )
    if s.n < ROWS_PER_DIM * s.dim and s.effective_rank < EVEN * s.dim:
        return (
            "cannot tell",
            f"{s.n:,} vectors of {s.dim} dims are too few to tell the rank: it takes {ROWS_PER_DIM * s.dim:,}, or at "
            f"most {max(1, s.n // ROWS_PER_DIM)} dims; "
            f"they are not one point (spread {s.spread:.2f}, effective rank so far {s.effective_rank:.1f}).",
        )
    if s.used < min(s.dim, s.n - 1):  # n centred rows cannot use more than n − 1: one-hot ones use them all
        kind = "dimensional collapse" if s.used <= FEW * s.dim else "partial collapse"
        directions = "direction carries" if s.used == 1 else "directions carry"
        return (
            kind,
            f"Of {s.dim} dims, {s.used} {directions} all that varies, then the spectrum breaks off; "
            f"effective rank {s.effective_rank:.1f} (from {s.n:,} vectors).",
        )
    if s.spread < CONE_SPREAD:
        return (
            "anisotropic",
            f"The vectors lie in a cone: mean cosine {s.mean_cosine:.2f}, spread {s.spread:.2f} (cone below "
            f"{CONE_SPREAD}); once centred they use all {s.dim} dims, effective rank {s.effective_rank:.1f}.",
        )
    return (
        "healthy",
        f"Effective rank {s.effective_rank:.1f} of {s.dim}, no break in the spectrum, spread {s.spread:.2f}, "
        f"mean cosine {round(s.mean_cosine, 2) + 0.0:.2f} (from {s.n:,} vectors).",  # + 0.0: no −0.00
    )


def _numbers(s: Signals) -> list[Number]:
    return [
        Number("effective rank, centred", s.effective_rank, n=s.n, baselines={"dims": float(s.dim)}),
        Number("effective rank, uncentred (RankMe)", s.uncentred_rank, n=s.n),
        Number("spread", s.spread, n=s.n, baselines={"constant": 0.0, "around the origin": 1.0}),
        Number("mean cosine", s.mean_cosine, n=s.n),
        Number("deviation of unit vectors × √D", s.deviation, n=s.n),
        Number("directions before the spectrum breaks off", float(s.used), n=s.n, baselines={"dims": float(s.dim)}),
        Number("dead dimensions", float(s.dead), n=s.n),
        Number("share of exact duplicates", s.duplicates, n=s.n),
    ]


def _not_finite(dim: int, bad: int, total: int) -> Diagnosis:
    return Diagnosis(
        "cannot tell",
        f"{bad:,} of {total:,} vectors hold NaN or infinity.",
        "Find where they come from (a rate that is too high, a division by zero): until then nothing else is worth "
        "measuring.",
        _LIMITS,
        [Number("vectors that are not finite", float(bad), n=total)],
        np.zeros(dim),
    )
