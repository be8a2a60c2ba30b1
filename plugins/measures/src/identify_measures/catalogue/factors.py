"""Measures of one representation against ground-truth factors."""

from __future__ import annotations

import math

from identify_measures.catalogue.record import Measure
from identify_measures.options.factors import (
    BetaVaeOptions,
    DciOptions,
    ExplicitnessOptions,
    FactorVaeOptions,
    IrsOptions,
    SapOptions,
)
from identify_measures.options.infomec import InfomecOptions
from identify_measures.options.information import MatrixOptions

_LOCATELLO = "Locatello et al. 2019, arXiv 1811.12359, appendix C"
_EITHER = ("numbers", "symbols")
_HSU = "Hsu, Dorrell, Whittington, Wu & Finn 2023, arXiv 2305.18378, section 4"


def _measure(name: str, summary: str, definition: str, source: str, *, offered: bool = True, **more: object) -> Measure:
    function = name.replace("-", "_")
    place = f"identify_measures.factors.functions:{function}" if offered else ""
    facts = {"bounds": (0.0, 1.0), "function": place, "invariant_to": ("permutation-scaling",), **more}
    return Measure(
        name=name,
        family="factors",
        summary=summary,
        definition=definition,
        source=source,
        larger_is="better",
        arity="representation",
        requires=("factors",),
        target=f"identify_measures.evaluators.factors:{function}" if offered else "",
        **facts,  # type: ignore[arg-type]
    )


FACTORS = (
    _measure(
        "mig",
        "Mutual information gap between the two latents that know most of a factor.",
        (
            "mean over factors of (largest − second largest mutual information) / H(factor), 20 equal-width "
            "bins a latent, nats; adding a constant to a latent changes nothing either, bending it does"
        ),
        f"Chen, Li, Grosse & Duvenaud 2018, arXiv 1802.04942, equation 6; {_LOCATELLO}",
        options=MatrixOptions,
        takes=_EITHER,
    ),
    _measure(
        "sap",
        "Gap between the two latents that predict a factor best, one at a time.",
        (
            "mean over factors of the gap between the two best scores of single latents: test accuracy of a linear "
            "support vector classifier (C = 0.01, balanced), or squared Pearson correlation for a continuous factor, "
            "for which alone the scale of a latent does not matter"
        ),
        f"Kumar, Sattigeri & Balakrishnan 2018, arXiv 1711.00848, section 3; {_LOCATELLO}",
        invariant_to=("signed-permutation",),
        options=SapOptions,
        takes=_EITHER,
    ),
    _measure(
        "modularity",
        "Whether each latent knows of one factor only.",
        (
            "mean over latents of 1 − (Σ m² − max m²) / (max m² (F − 1)), m the mutual information with the F factors; "
            "a latent that knows of none counts 0"
        ),
        f"Ridgeway & Mozer 2018, arXiv 1802.05312, equation 2; {_LOCATELLO}",
        options=MatrixOptions,
        takes=_EITHER,
    ),
    _measure(
        "explicitness",
        "How well a linear classifier reads each factor off all latents.",
        (
            "mean over factors and classes of the area under the curve of one class against the others, from a "
            "logistic regression on standardised latents, on rows that it was not fitted on; chance is ½"
        ),
        f"Ridgeway & Mozer 2018, arXiv 1802.05312, section 3; {_LOCATELLO}",
        bounds=(-1.0, 1.0),
        options=ExplicitnessOptions,
    ),
    _measure(
        "dci",
        "Disentanglement, completeness and informativeness from one boosted predictor a factor.",
        "reports dci-disentanglement, dci-completeness and dci-informativeness",
        f"Eastwood & Williams 2018, ICLR; {_LOCATELLO}",
        bounds=(-math.inf, 1.0),
        options=DciOptions,
        takes=_EITHER,
    ),
    _measure(
        "dci-disentanglement",
        "Whether each latent matters for one factor only.",
        "Σ_i w_i (1 − H(R_i / ΣR_i) / ln F), R the importances of latents for F factors, w_i = ΣR_i / ΣR",
        "Eastwood & Williams 2018, ICLR, section 2",
        offered=False,
        takes=_EITHER,
        invariant_to=("permutation-monotone",),
    ),
    _measure(
        "dci-completeness",
        "Whether each factor is kept in one latent only.",
        "Σ_j w_j (1 − H(R_j / ΣR_j) / ln C), R the importances of C latents for factors, w_j = ΣR_j / ΣR",
        "Eastwood & Williams 2018, ICLR, section 2",
        offered=False,
        takes=_EITHER,
        invariant_to=("permutation-monotone",),
    ),
    _measure(
        "dci-informativeness",
        "How well the factors are predicted from all latents.",
        "mean over factors of the test accuracy, or of the test R² of continuous and circular factors",
        "Eastwood & Williams 2018, ICLR, section 2",
        offered=False,
        takes=_EITHER,
        bounds=(-math.inf, 1.0),
    ),
    _measure(
        "factor-vae",
        "Accuracy of telling which factor was held fixed from the latent that varies least.",
        (
            "test accuracy of a majority vote on the argmin of the variance over the global variance, in batches of 64 "
            "with one factor fixed; latents with a standard deviation below 0.05 are left out"
        ),
        f"Kim & Mnih 2018, arXiv 1802.05983, section 4; {_LOCATELLO}",
        invariant_to=("signed-permutation",),
        options=FactorVaeOptions,
    ),
    _measure(
        "beta-vae",
        "Accuracy of telling which factor two batches share from the mean difference of their latents.",
        "test accuracy of a logistic regression on mean |z_1 − z_2| over 64 pairs that share one factor",
        f"Higgins et al. 2017, ICLR, section 3; {_LOCATELLO}",
        invariant_to=("signed-permutation",),
        options=BetaVaeOptions,
    ),
    _measure(
        "irs",
        "Interventional robustness: how little a latent moves when other factors change.",
        (
            "Σ_i w_i max_j (1 − mean over values of factor j of the largest deviation within it / m_i), m_i the "
            "largest deviation of latent i and w_i = m_i / Σm, so that the scale of one latent matters to its weight"
        ),
        f"Suter, Miladinović, Schölkopf & Bauer 2019, arXiv 1811.00007; {_LOCATELLO}",
        bounds=(-1.0, 1.0),
        invariant_to=("signed-permutation",),
        options=IrsOptions,
    ),
    _measure(
        "infomec",
        "Modularity, explicitness and compactness in information, by any published variant.",
        "reports infom, infoe, infoc, infom-gap and infoc-gap",
        _HSU,
        invariant_to=("signed-permutation",),
        options=InfomecOptions,
        takes=_EITHER,
        bounds=(-math.inf, math.inf),
        touched_by=("repeated rows", "constant latents"),
        function="identify_measures.information.functions:infomec",
    ),
    _measure(
        "infom",
        "Whether each active latent knows of one factor only.",
        "(mean over active latents of max_j N_ij / Σ_j N_ij − 1/F) / (1 − 1/F), N = I(z_i; s_j) / H(s_j)",
        f"{_HSU}, equation 6",
        invariant_to=("signed-permutation",),
        offered=False,
        takes=_EITHER,
    ),
    _measure(
        "infoe",
        "How much of each factor a linear classifier reads off all latents.",
        (
            "mean over factors of 1 − (cross-entropy of a multinomial logistic regression, classes of equal weight) / "
            "log K"
        ),
        f"{_HSU}, equation 8; Xu et al. 2020, arXiv 2002.10689",
        invariant_to=("linear",),
        offered=False,
        takes=_EITHER,
        bounds=(-math.inf, 1.0),
    ),
    _measure(
        "infoc",
        "Whether each factor is kept in one active latent only.",
        "(mean over factors of max_i N_ij / Σ_i N_ij − 1/A) / (1 − 1/A) over the A active latents",
        f"{_HSU}, equation 7",
        invariant_to=("signed-permutation",),
        offered=False,
        takes=_EITHER,
    ),
    _measure(
        "infom-gap",
        "How much more an active latent knows of one factor than of any other.",
        "mean over active latents of (largest − second largest N_ij over factors)",
        f"{_HSU}, appendix",
        invariant_to=("signed-permutation",),
        offered=False,
        takes=_EITHER,
        bounds=(0.0, math.inf),
    ),
    _measure(
        "infoc-gap",
        "How much more one latent knows of a factor than any other, all latents counted.",
        "mean over factors of (largest − second largest N_ij over all latents)",
        f"{_HSU}, appendix; with counted information it is mig",
        offered=False,
        takes=_EITHER,
        bounds=(0.0, math.inf),
    ),
)
