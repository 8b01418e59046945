"""Pictures without labels: the named ways to learn, as short functions. No maths, no loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from likewise.contracts import Objective, View
from likewise.recipes.options import Option
from likewise.recipes.shared import Way, picture_network

Denominator = Literal["all", "negatives"]

Crop = Annotated[float, Option("smallest part of a picture that a crop shows", "share", 0.01, 1)]
Colour = Annotated[float, Option("how much brightness, contrast, saturation and hue are changed", low=0, high=1)]
Head = Annotated[int, Option("dimensions in which the loss compares; thrown away with the head", low=2)]
Momentum = Annotated[float, Option("of the teacher: how much of it stays at a step, at the start", "share", 0, 1)]
Temperature = Annotated[float, Option("cosines are divided by it", low=1e-3, high=1e3)]
Weight = Annotated[float, Option("weight of this term", low=0)]


def _changed(picture: Any, options: Mapping[str, Any]) -> Any:
    """Return what happens to a crop: as in SimCLR, with the options' strength and smallest share."""
    from dataclasses import replace

    from likewise.views.augmentation import simclr as changes

    strength = options["colour"]
    made = changes(picture.size, strength=strength, mean=picture.mean, std=picture.deviation)
    made = replace(made, scale=(options["crop"], 1.0))
    return made if strength else replace(made, jitter=0.0, grey=0.0)


def _crops(picture: Any, options: Mapping[str, Any]) -> View:
    from likewise.views.pictures import TwoCrops

    return TwoCrops(_changed(picture, options))


def _light(picture: Any, options: Mapping[str, Any]) -> Any:
    from dataclasses import replace

    from likewise.views.pictures import light

    return replace(light(picture.size, mean=picture.mean, std=picture.deviation), scale=(options["crop"], 1.0))


@picture_network(encoder="resnet")
def simclr(
    *,
    temperature: Temperature = 0.2,
    denominator: Annotated[
        Denominator, Option("all: the positive is in the sum (NT-Xent); negatives: it is not (decoupled)")
    ] = "all",
    head: Head = 128,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Pull two views of a picture together and push all others away (SimCLR).

    Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations" (arXiv:2002.05709);
    `denominator` negatives is Yeh et al. 2022 (arXiv:2110.06848).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.contrastive import SimCLR

        return SimCLR(network, out=head, temperature=temperature, denominator=denominator)

    return Way(objective, _crops)


@picture_network(encoder="resnet")
def moco(
    *,
    temperature: Temperature = 0.2,
    queue: Annotated[int, Option("keys of earlier steps that are negatives", "keys", 2)] = 4096,
    momentum: Momentum = 0.99,
    head: Head = 128,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Tell a picture's other view from a queue of views that a slowly moving network encoded (MoCo v2).

    He et al. 2020 (arXiv:1911.05722) with the head of Chen et al. 2020 (arXiv:2003.04297).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.contrastive import MoCo

        seed = options["seed"]
        return MoCo(network, out=head, queue=queue, momentum=momentum, temperature=temperature, seed=seed)

    return Way(objective, _crops)


@picture_network(encoder="resnet")
def supcon(*, temperature: Temperature = 0.1, head: Head = 128, crop: Crop = 0.2, colour: Colour = 0.5) -> Way:
    """Pull pictures of one class together, by the labels that the data have (SupCon).

    Khosla et al. 2020, "Supervised Contrastive Learning" (arXiv:2004.11362), equation 2; pictures without a label are
    alike to their own views alone.
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.contrastive import SupCon

        return SupCon(network, out=head, temperature=temperature)

    return Way(objective, _crops, learns_from_labels=True)


@picture_network(encoder="resnet")
def byol(
    *,
    momentum: Momentum = 0.95,
    predictor: Annotated[bool, Option("without it and without a moving teacher, everything becomes one point")] = True,
    stop_gradient: Annotated[bool, Option("without it, everything becomes one point")] = True,
    head: Head = 128,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Predict what a slowly moving copy of the network says of another view (BYOL).

    Grill et al. 2020, "Bootstrap Your Own Latent" (arXiv:2006.07733).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.distillation import BYOL

        return BYOL(
            network, out=head, momentum=momentum, predictor=predictor, stop_gradient=stop_gradient, last_norm=True
        )

    return Way(objective, _crops)


@picture_network(encoder="resnet")
def simsiam(
    *,
    predictor: Annotated[bool, Option("without it, everything becomes one point")] = True,
    stop_gradient: Annotated[bool, Option("without it, everything becomes one point")] = True,
    head: Head = 512,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Predict what the network itself says of another view, without a gradient on that side (SimSiam).

    Chen & He 2021, "Exploring Simple Siamese Representation Learning" (arXiv:2011.10566).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.distillation import SimSiam

        return SimSiam(network, out=head, predictor=predictor, stop_gradient=stop_gradient)

    return Way(objective, _crops)


@picture_network(encoder="resnet", batch=128)
def dino(
    *,
    prototypes: Annotated[int, Option("classes that the network makes for itself", low=2)] = 4096,
    temperature: Temperature = 0.1,
    teacher_temperature: Annotated[float, Option("smaller: the teacher's answers are sharper", low=1e-3)] = 0.04,
    momentum: Momentum = 0.99,
    centring: Annotated[bool, Option("without it, one class takes everything")] = True,
    small_crops: Annotated[int, Option("crops of small parts, which the student alone sees", "crops", 0)] = 4,
    crop: Crop = 0.3,
    colour: Colour = 0.5,
) -> Way:
    """Sort views into classes that a moving teacher makes, whatever part they show (DINO).

    Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers" (arXiv:2104.14294).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.distillation import DINO

        return DINO(
            network,
            prototypes=prototypes,
            temperature=temperature,
            teacher_temperature=(teacher_temperature, teacher_temperature),
            momentum=momentum,
            centring=centring,
        )

    def view(picture: Any, options: Mapping[str, Any]) -> View:
        from likewise.views.pictures import MultiCrop

        return MultiCrop(
            _changed(picture, options),
            locals=small_crops,
            global_scale=(crop, 1.0),
            local_scale=(min(0.1, crop / 2), crop),
        )

    return Way(objective, view, rate=1e-3)


@picture_network(encoder="resnet")
def vicreg(
    *,
    invariance: Weight = 25.0,
    variance: Weight = 25.0,
    covariance: Weight = 1.0,
    head: Head = 512,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Keep views alike, every dimension wide and no two dimensions alike (VICReg).

    Bardes, Ponce & LeCun 2022 (arXiv:2105.04906).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.decorrelation import VICReg

        return VICReg(network, out=head, invariance=invariance, variance=variance, covariance=covariance)

    return Way(objective, _crops)


@picture_network(encoder="resnet")
def barlow(*, redundancy: Weight = 5e-3, head: Head = 512, crop: Crop = 0.2, colour: Colour = 0.5) -> Way:
    """Make the correlations of two views' dimensions the identity (Barlow Twins).

    Zbontar et al. 2021 (arXiv:2103.03230).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.decorrelation import BarlowTwins

        return BarlowTwins(network, out=head, redundancy=redundancy)

    return Way(objective, _crops)


@picture_network(encoder="resnet")
def lejepa(
    *,
    weight: Annotated[float, Option("of the Gaussian term; it does not depend on the batch", low=0)] = 5.0,
    slices: Annotated[int, Option("random directions in which the vectors are to be Gaussian", low=1)] = 256,
    head: Head = 64,
    crop: Crop = 0.2,
    colour: Colour = 0.5,
) -> Way:
    """Predict one view from another while all vectors together stay an isotropic Gaussian (LeJEPA).

    Balestriero & LeCun 2025 (arXiv:2511.08544).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.decorrelation import LeJEPA

        return LeJEPA(network, out=head, weight=weight, count=slices, seed=options["seed"])

    return Way(objective, _crops)


@picture_network(encoder="vit")
def mae(
    *,
    mask: Annotated[float, Option("patches that are hidden", "share", 0.1, 0.95)] = 0.75,
    normalised: Annotated[bool, Option("tell each patch after its own mean and deviation")] = True,
    crop: Crop = 0.5,
) -> Way:
    """Fill in the hidden patches of a picture (MAE).

    He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners" (arXiv:2111.06377).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.masking import MAE

        return MAE(network, channels=network.config["channels"], normalise=normalised)

    def view(picture: Any, options: Mapping[str, Any]) -> View:
        from likewise.views.pictures import MaskedPatches

        return MaskedPatches(_light(picture, options), picture.grid, share=mask)

    return Way(objective, view, needs_tokens=True, tells="pixels", rate=1.06e-3)


@picture_network(encoder="vit")
def ijepa(
    *,
    momentum: Momentum = 0.99,
    blocks: Annotated[int, Option("parts to predict", low=1, high=16)] = 4,
    crop: Crop = 0.3,
) -> Way:
    """Predict what a moving teacher makes of the hidden parts of a picture, from the part that is seen (I-JEPA).

    Assran et al. 2023 (arXiv:2301.08243).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.prediction import IJEPA

        return IJEPA(network, momentum=momentum)

    def view(picture: Any, options: Mapping[str, Any]) -> View:
        from likewise.views.pictures import JepaBlocks

        return JepaBlocks(_light(picture, options), picture.grid, targets=blocks)

    return Way(objective, view, needs_tokens=True, tells="tokens", rate=7.1e-4)
