"""Options of the measures of one representation against ground-truth factors."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

LOCATELLO = "Locatello et al. 2019, arXiv 1811.12359, appendix C"
LATENTS = (
    "What latents are: numbers, whose order and distances count, or symbols, of which only whether two are the same "
    "counts, as of the indices of a codebook; by default as they are declared, and numbers where nothing is."
)
LatentsRead = Literal["declared", "numbers", "symbols"]


@attrs.frozen
class FactorOptions:
    """What every measure against factors can be asked for."""

    factor_bins: int = option(
        20,
        help="Equal-width bins of a continuous factor, or arcs of a circular one, where classes are needed.",
        limit=at_least(2),
    )
    interval_draws: int = option(
        0, help="Bootstrap resamples of the rows for a 95 % interval; 0 for none.", limit=at_least(0)
    )
    chance_draws: int = option(
        0, help="Random pairings of rows with factors from which chance is estimated; 0 for none.", limit=at_least(0)
    )


@attrs.frozen
class SplitOptions(FactorOptions):
    """What is fitted on some rows and judged on the others."""

    train_fraction: float = option(
        2 / 3, help="The part of the rows, drawn at random, that predictors are fitted on.", limit=between(0.05, 0.95)
    )


@attrs.frozen
class SapOptions(SplitOptions):
    """The options of `sap`."""

    latents: LatentsRead = option("declared", help=LATENTS)


@attrs.frozen
class ExplicitnessOptions(SplitOptions):
    """The options of `explicitness`."""

    scaled: bool = option(
        False,
        help="Give 2 AUC − 1, of which chance is 0, instead of the area under the curve, of which it is ½.",
        source="Ridgeway & Mozer 2018, arXiv 1802.05312, section 3",
    )


@attrs.frozen
class DciOptions(SplitOptions):
    """The options of `dci`."""

    latents: LatentsRead = option("declared", help=LATENTS)
    mode: Literal["reference", "fast"] = option(
        "reference",
        help=(
            "reference: scikit-learn's gradient boosting with its defaults, up to ties among equal splits; fast: "
            "the same algorithm on latents in 80 bins, several times faster and within 0.012 of it on eight published "
            "VAEs, within 0.022 on noisier latents."
        ),
        source=LOCATELLO,
    )
    jobs: int = option(0, help="Factors fitted side by side; 0 for as many as there are cores.", limit=at_least(0))


@attrs.frozen
class BetaVaeOptions(FactorOptions):
    """The options of `beta-vae`."""

    batch: int = option(64, help="Samples, or pairs of them, behind each vote.", source=LOCATELLO, limit=at_least(2))
    train_votes: int = option(
        10_000, help="Votes that the classifier is fitted on.", source=LOCATELLO, limit=at_least(10)
    )
    test_votes: int = option(5_000, help="Votes that judge it.", source=LOCATELLO, limit=at_least(10))
    least_rows: int = option(
        16,
        help="Rows that have to share the value of a factor before batches are drawn among them.",
        limit=at_least(2),
    )


@attrs.frozen
class FactorVaeOptions(BetaVaeOptions):
    """The options of `factor-vae`."""

    inactive_below: float = option(
        0.05,
        help="Latents whose standard deviation, in their own unit, is below this are left out; 0 for constant ones.",
        source="Kim & Mnih 2018, arXiv 1802.05983, section 4",
        limit=at_least(0.0),
    )


@attrs.frozen
class IrsOptions(FactorOptions):
    """The options of `irs`."""

    quantile: float = option(
        0.99,
        help="The quantile of the deviations that stands for the largest one; 1 is the paper's version.",
        source=LOCATELLO,
        limit=(above(0.0), between(0.0, 1.0)),
    )
