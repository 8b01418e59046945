"""Decorrelation: embeddings of views in, a loss that pulls views together and keeps the batch spread out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from likewise.contracts import Loss, Network, Views, Z
from likewise.objectives.heads import mlp
from likewise.objectives.objective import Learning, encoded, full_precision, pair, traits

_FURTHEST, _KNOTS = 3.0, 17  # where LeJEPA's code looks at a characteristic function: 17 places from 0 to 3


@full_precision
def vicreg(
    a: Float[Tensor, "b d"], b: Float[Tensor, "b d"], *, invariance: float = 25.0, variance: float = 25.0,
    covariance: float = 1.0,
) -> Loss:  # fmt: skip
    """Return VICReg (Bardes et al. 2022, arXiv:2105.04906, equations 1–6) of two views.

    invariance: mean over items *and dims* of (a − b)², as algorithm 1 has it (equation 5 sums over dims; the weight 25
    belongs to the mean). variance: Σ over both views of the mean over dims of max(0, 1 − √(Var + 1e-4)); the authors'
    code halves it. covariance: Σ over both views of the sum of squares off the diagonal **divided by D**, not by
    D (D − 1). Variances and covariances divide by n − 1.
    """
    pull = invariance * functional.mse_loss(a, b)
    spread = variance * (_hinge(a) + _hinge(b))
    decorrelated = covariance * (off_diagonal(covariance_of(a)) + off_diagonal(covariance_of(b))) / a.shape[1]
    return Loss(pull + spread + decorrelated, {"invariance": pull, "variance": spread, "covariance": decorrelated})


def _hinge(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    return functional.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def covariance_of(z: Float[Tensor, "b d"]) -> Float[Tensor, "d d"]:
    """Return the covariance of dims, dividing by n − 1."""
    centred = z - z.mean(0)
    return centred.T @ centred / (len(z) - 1)


def off_diagonal(matrix: Float[Tensor, "d d"]) -> Float[Tensor, ""]:
    """Return the sum of squares off the diagonal."""
    return matrix.square().sum() - matrix.diagonal().square().sum()


@full_precision
def barlow_twins(a: Float[Tensor, "b d"], b: Float[Tensor, "b d"], *, redundancy: float = 5e-3) -> Loss:
    """Return Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230, equation 1): Σ (1 − Cᵢᵢ)² + redundancy · Σ Cᵢⱼ².

    C is the correlation of the views' dims over the batch: each dim less its mean, over √(Var + 1e-5) as BatchNorm has
    it, and divided by n. Both sums are over dims, not means: the loss grows with D.
    """
    correlation = _standardised(a).T @ _standardised(b) / len(a)
    pull = (1 - correlation.diagonal()).square().sum()
    decorrelated = redundancy * off_diagonal(correlation)
    return Loss(pull + decorrelated, {"invariance": pull, "redundancy": decorrelated})


def _standardised(z: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    centred = z - z.mean(0)
    return centred / (centred.square().mean(0) + 1e-5).sqrt()


@full_precision
def sigreg(z: Float[Tensor, "b d"], slices: Float[Tensor, "d m"]) -> Float[Tensor, ""]:
    """Return how far `z` is from a standard normal along `slices` of length 1, the mean over them.

    ∫ |φ(t) − exp(−t²/2)|² exp(−t²/2) dt, φ the characteristic function of the batch (Balestriero & LeCun 2025,
    arXiv:2511.08544, section 4).

    The integral runs from −3 to 3 by the trapezoidal rule, 17 places on each side. The Epps–Pulley statistic of the
    paper and of its code is this *times the number of items*, so that their weight means something else for each batch;
    here it is left out: `sigreg_weight` converts. A perfect normal sample of n items has about 1.05/n, not 0.
    """
    places = torch.linspace(0, _FURTHEST, _KNOTS, dtype=z.dtype, device=z.device)
    normal = (-places.square() / 2).exp()
    turns = (z @ slices)[..., None] * places
    apart = (turns.cos().mean(0) - normal).square() + turns.sin().mean(0).square()
    return 2 * torch.trapezoid(apart * normal, places, dim=-1).mean()


def sigreg_weight(share: float, items: int) -> float:
    """Return the weight of `sigreg` beside 1 · invariance that acts as LeJEPA's λ does in batches of `items`.

    The paper minimises (1 − λ) · invariance + λ · items · sigreg; divided by 1 − λ this is λ · items / (1 − λ).

    >>> round(sigreg_weight(0.02, 256), 2), round(sigreg_weight(0.05, 128), 2)
    (5.22, 6.74)
    """
    return share * items / (1 - share)


def slices(dim: int, count: int, *, seed: int) -> Float[Tensor, "d m"]:
    """Return `count` random directions of length 1, as columns; the same for a seed on every device."""
    drawn = torch.randn(dim, count, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(drawn, dim=0)


@final
class VICReg(Learning):
    """Bardes et al. 2022 (arXiv:2105.04906): views alike, each dim wide enough, dims not alike.

    Views go through the network one after the other, as in the authors' code. Three layers.
    """

    gather = True

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 512, invariance: float = 25.0, variance: float = 25.0,
        covariance: float = 1.0, norm: str = "batch",
    ) -> None:  # fmt: skip
        super().__init__()
        self.head = mlp((network.dim, hidden, hidden, out), norm=norm, last_bias=False)
        self.weights = {"invariance": invariance, "variance": variance, "covariance": covariance}

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of both views."""
        return {"z": encoded(lambda x: self.head(network(x)), pair(views, "VICReg"), together=False)}

    def loss(self, z: Z) -> Loss:
        """Return `vicreg`."""
        a, b = z["z"].unbind(1)
        return vicreg(a, b, **self.weights)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of identical vectors."""
        return {"all vectors equal": self.weights["variance"] * 2 * (1 - math.sqrt(1e-4))}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that the variance term prevents collapse."""
        return traits(weights=self.weights)


@final
class BarlowTwins(Learning):
    """Zbontar et al. 2021 (arXiv:2103.03230): each dim alike in both views, and unlike the other dims.

    Views go through the network one after the other, as in the authors' code. Three layers.
    """

    gather = True

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 512, redundancy: float = 5e-3, norm: str = "batch"
    ) -> None:
        super().__init__()
        self.head = mlp((network.dim, hidden, hidden, out), norm=norm, last_bias=False)
        self.redundancy, self.out = redundancy, out

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of both views."""
        return {"z": encoded(lambda x: self.head(network(x)), pair(views, "Barlow Twins"), together=False)}

    def loss(self, z: Z) -> Loss:
        """Return `barlow_twins`."""
        a, b = z["z"].unbind(1)
        return barlow_twins(a, b, redundancy=self.redundancy)

    def constants(self, items: int) -> Mapping[str, float]:
        """Return D, the loss of identical vectors, and of views that have nothing in common."""
        return {"D": float(self.out)}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that the correlation matrix prevents collapse."""
        return traits(weights={"invariance": 1.0, "redundancy": self.redundancy})


@final
class LeJEPA(Learning):
    """Balestriero & LeCun 2025 (arXiv:2511.08544): views near their mean, embeddings of a batch a standard normal.

    The mean is that of the first `centre_views` views (the paper's global ones; None: all, as in its minimal code).
    Each view has its own statistic, along `count` directions that are drawn anew for each step. Views of one shape go
    through the network as one batch, as in the authors' code. `weight` does not depend on the batch: `sigreg_weight`.
    """

    gather = True

    def __init__(
        self, network: Network, *, hidden: int = 512, out: int = 64, weight: float = 5.0, count: int = 256,
        centre_views: int | None = None, norm: str = "batch", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.head = mlp((network.dim, hidden, hidden, out), norm=norm)
        self.weight, self.count, self.out, self.centre_views = weight, count, out, centre_views
        self.register_buffer("seed", torch.tensor(seed))
        self.register_buffer("step", torch.tensor(0))
        self.seed: Tensor
        self.step: Tensor

    def encode(self, network: nn.Module, views: Views) -> Z:
        """Return "z" of all views."""
        return {"z": encoded(lambda x: self.head(network(x)), views.inputs, together=True)}

    def loss(self, z: Z) -> Loss:
        """Return the mean square distance to the views' mean, and `weight` times `sigreg`."""
        return lejepa(z["z"], self._slices(z["z"]), weight=self.weight, centre_views=self.centre_views)

    def _slices(self, z: Tensor) -> Tensor:
        """Draw the directions of this step, on the processor, so that every process and device has the same."""
        seed = int(self.seed) * 1_000_003 + int(self.step)
        return slices(self.out, self.count, seed=seed).to(z.device, torch.promote_types(z.dtype, torch.float32))

    @torch.no_grad()
    def after_step(self, network: nn.Module, progress: float) -> None:
        """Go on to the next directions."""
        self.step += 1

    def constants(self, items: int) -> Mapping[str, float]:
        """Return the loss of vectors that are all 0."""
        nothing = sigreg(torch.zeros(1, self.out), slices(self.out, 1, seed=0))
        return {"all vectors 0": self.weight * float(nothing)}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Return that the distance to a normal prevents collapse."""
        return traits(weights={"invariance": 1.0, "sigreg": self.weight})


@full_precision
def lejepa(
    z: Float[Tensor, "b v d"], directions: Float[Tensor, "d m"], *, weight: float, centre_views: int | None = None
) -> Loss:
    """Return mean (z − mean over views)² + weight · `sigreg`, the mean over views."""
    pull = (z - z[:, :centre_views].mean(1, keepdim=True)).square().mean()
    normal = weight * torch.stack([sigreg(view, directions) for view in z.unbind(1)]).mean()
    return Loss(pull + normal, {"invariance": pull, "sigreg": normal})
