"""Texts without labels: the named ways to learn, as short functions. No maths, no loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from likewise.contracts import Objective, View
from likewise.recipes.options import Option
from likewise.recipes.shared import Marks, TextWay, text_network

Positive = Literal["dropout", "deletion", "crops", "windows"]
_PLACES = 512  # of texts that are told
_DELETED = 0.3  # of the tokens, in each of two views
Mask = Annotated[float, Option("tokens that are hidden", "share", 0.01, 0.9)]
Temperature = Annotated[float, Option("cosines are divided by it", low=1e-3, high=1e3)]
Nested = Annotated[
    str | None, Option("also let the first so many dims be worth it by themselves, such as 64,128 (Matryoshka)")
]


def _nested(objective: Any, dims: str | None) -> Objective:
    if dims is None:
        return objective  # type: ignore[no-any-return]
    from likewise.objectives.nested import Matryoshka, dims_of

    return Matryoshka(objective, dims=dims_of(dims))


@text_network(dropout=0.0)  # in few passes nothing is learned by heart (Geiping & Goldstein 2022, arXiv:2212.14034)
def mlm(
    *,
    mask: Mask = 0.15,
    span: Annotated[int, Option("hide runs of tokens, so many in the mean", "tokens", 1, 10)] = 1,
) -> TextWay:
    """Fill in the hidden words of texts (masked language modelling, as BERT).

    Devlin et al. 2019 (arXiv:1810.04805), without telling next sentences; `span` is Joshi et al. 2020
    (SpanBERT, arXiv:1907.10529).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.language import MaskedLanguage

        return MaskedLanguage(network)

    def view(marks: Marks, options: Mapping[str, Any]) -> View:
        from likewise.views.texts import MaskedTokens

        return MaskedTokens(marks.mask, marks.tokens, marks.special, share=mask, span=span)

    return TextWay(objective, view, rate=1e-3, packs=True, causal=False, compares=False, tells=True)


@text_network(dropout=0.0)  # in few passes nothing is learned by heart (Geiping & Goldstein 2022, arXiv:2212.14034)
def next_token() -> TextWay:
    """Tell each word of a text from those before it (language modelling, as GPT).

    Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training".
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.language import NextToken

        return NextToken(network)

    def view(marks: Marks, options: Mapping[str, Any]) -> View:
        from likewise.views.texts import Whole

        return Whole()

    return TextWay(objective, view, rate=1e-3, packs=True, causal=True, compares=False)


@text_network(length=64, batch=128)
def simcse(
    *,
    temperature: Temperature = 0.05,
    positive: Annotated[
        Positive,
        Option(
            "dropout: a text twice; deletion: two times without some tokens; crops: two runs of its tokens; windows: "
            "what is before a place and behind it"
        ),
    ] = "dropout",
    matryoshka: Nested = None,
) -> TextWay:
    """Pull two encodings of a text together that differ by dropout alone, and push other texts away (SimCSE).

    Gao, Yao & Chen 2021 (arXiv:2104.08821), the unsupervised form; `positive` crops is Izacard et al. 2022
    (Contriever, arXiv:2112.09118), deletion Wu et al. 2020 (CLEAR, arXiv:2012.15466), windows as in DeCLUTR (Giorgi et
    al. 2021, arXiv:2006.03659).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.contrastive import SimCSE

        return _nested(SimCSE(network, temperature=temperature), matryoshka)

    def view(marks: Marks, options: Mapping[str, Any]) -> View:
        from likewise.views.texts import Crops, Deleted, SameTwice, Windows

        made: dict[str, Any] = {
            "dropout": SameTwice,
            "deletion": lambda: Deleted(_DELETED, marks.special, twice=True),
            "crops": lambda: Crops(marks.special),
            "windows": lambda: Windows(marks.special),
        }
        return made[positive]()  # type: ignore[no-any-return]

    return TextWay(objective, view, rate=2e-4)


@text_network(length=64, batch=128)
def pairs(*, temperature: Temperature = 0.05, matryoshka: Nested = None) -> TextWay:
    """Pull texts that belong together together: a question and its answer, with given hard negatives if there are any.

    Multiple negatives ranking (Henderson et al. 2017, arXiv:1705.00652; Karpukhin et al. 2020, arXiv:2004.04906). Data
    are a JSONL, CSV or Parquet file with columns anchor, positive and, if there are any, negative_1, negative_2 …
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.contrastive import Pairs

        return _nested(Pairs(network, temperature=temperature), matryoshka)

    def view(marks: Marks, options: Mapping[str, Any]) -> View:
        from likewise.views.texts import Columns

        return Columns()

    return TextWay(objective, view, rate=2e-4, pairs=True)


@text_network(length=64, batch=64)
def denoise_text(
    *, deleted: Annotated[float, Option("tokens that are left out", "share", 0.05, 0.95)] = 0.6
) -> TextWay:
    """Tell a whole text from the vector of what is left of it (TSDAE).

    Wang, Reimers & Gurevych 2021 (arXiv:2104.06979).
    """

    def objective(network: Any, options: Mapping[str, Any]) -> Objective:
        from likewise.objectives.language import Denoising

        return Denoising(network, places=max(_PLACES, options["length"]))

    def view(marks: Marks, options: Mapping[str, Any]) -> View:
        from likewise.views.texts import Noised

        return Noised(share=deleted, special=marks.special)

    return TextWay(objective, view, rate=5e-4, compares=False)
