"""Measures of one representation against ground-truth factors."""

from __future__ import annotations

from identify_measures.catalogue.record import Measure

_LOCATELLO = "Locatello et al. 2019, arXiv 1811.12359, appendix C"


def _measure(name: str, summary: str, definition: str, source: str, **more: object) -> Measure:
    facts = {"bounds": (0.0, 1.0), "invariant_to": ("permutation-scaling",), **more}
    return Measure(
        name=name,
        family="factors",
        summary=summary,
        definition=definition,
        source=source,
        larger_is="better",
        arity="representation",
        requires=("factors",),
        **facts,  # type: ignore[arg-type]
    )


FACTORS = (
    _measure(
        "mig",
        "Mutual information gap between the two latents that know most of a factor.",
        (
            "mean over factors of (largest − second largest mutual information) / H(factor), 20 equal-width "
            "bins a latent, nats"
        ),
        "Chen, Li, Grosse & Duvenaud 2018, arXiv 1802.04942, equation 6",
    ),
    _measure(
        "sap",
        "Gap between the two latents that predict a factor best, one at a time.",
        (
            "mean over factors of the gap between the two best scores of single latents: accuracy of a "
            "linear classifier, or R²"
        ),
        "Kumar, Sattigeri & Balakrishnan 2018, arXiv 1711.00848, section 3",
    ),
    _measure(
        "modularity",
        "Whether each latent knows of one factor only.",
        "mean over latents of 1 − (Σ m² − max m²) / (max m² (F − 1)), m the mutual information with the F factors",
        "Ridgeway & Mozer 2018, arXiv 1802.05312, equation 2",
    ),
    _measure(
        "explicitness",
        "How well a linear classifier reads each factor off all latents.",
        (
            "mean over factors and classes of the area under the curve of one-against-rest logistic "
            "regression, scaled from [½, 1] to [0, 1]"
        ),
        "Ridgeway & Mozer 2018, arXiv 1802.05312, section 3",
        invariant_to=("permutation",),
    ),
    _measure(
        "dci",
        "Disentanglement, completeness and informativeness from one predictor a factor.",
        "reports dci-disentanglement, dci-completeness and dci-informativeness",
        "Eastwood & Williams 2018, ICLR",
    ),
    _measure(
        "dci-disentanglement",
        "Whether each latent matters for one factor only.",
        "Σ_i w_i (1 − H(R_i / ΣR_i) / ln F), R the importances of latents for factors, w_i = ΣR_i / ΣR",
        "Eastwood & Williams 2018, ICLR, section 2",
    ),
    _measure(
        "dci-completeness",
        "Whether each factor is kept in one latent only.",
        "Σ_j w_j (1 − H(R_j / ΣR_j) / ln C), R the importances of C latents for factors, w_j = ΣR_j / ΣR",
        "Eastwood & Williams 2018, ICLR, section 2",
    ),
    _measure(
        "dci-informativeness",
        "How well the factors are predicted from all latents.",
        "mean over factors of the test accuracy, or R² for continuous factors",
        "Eastwood & Williams 2018, ICLR, section 2",
    ),
    _measure(
        "factor-vae",
        "Accuracy of telling which factor was held fixed from the latent that varies least.",
        "a majority vote of argmin of the variance over the global variance in batches of 64 with one factor fixed",
        "Kim & Mnih 2018, arXiv 1802.05983, section 4",
    ),
    _measure(
        "beta-vae",
        "Accuracy of telling which factor two batches share from the mean difference of their latents.",
        "a logistic regression on mean |z_1 − z_2| over pairs that share one factor",
        "Higgins et al. 2017, ICLR, section 3",
        invariant_to=("permutation",),
    ),
    _measure(
        "irs",
        "Interventional robustness: how little a latent moves when other factors change.",
        (
            "1 − the mean over realisations of the largest deviation that other factors cause, relative to "
            "the largest deviation"
        ),
        f"Suter, Miladinović, Schölkopf & Bauer 2019, arXiv 1811.00007; {_LOCATELLO}",
    ),
    _measure(
        "inactive-completeness",
        "Whether latents beyond the factors stay inactive.",
        "completeness with the latents that vary less than a threshold counted as inactive",
        "Hsu, Dorrell, Whittington, Wu & Finn 2023, arXiv 2305.18378",
    ),
)
