"""Options of the measures that cross-products of latents are enough for."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, between, option


@attrs.frozen
class PairOptions:
    """What every pair measure of this family can be asked for next to its value."""

    interval: Literal["auto", "always", "never"] = option(
        "auto",
        help="Give a 95 % interval by a jackknife over blocks of rows: where it is cheap, always, or never.",
    )
    chance_draws: int = option(
        0,
        help="Random rotations of the rows from which chance is estimated where it has no closed form; 0 for none.",
        limit=at_least(0),
    )


@attrs.frozen
class SvccaOptions(PairOptions):
    """The options of `svcca`."""

    variance: float = option(
        0.99,
        help="Part of the variance that the kept principal components hold.",
        source="Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017, arXiv 1706.05806",
        limit=between(0.0, 1.0),
    )


@attrs.frozen
class PwccaOptions(PairOptions):
    """The options of `pwcca`."""

    side: Literal["x", "y", "smaller"] = option(
        "x",
        help="Whose canonical variates are weighted by what they explain of it; smaller: the narrower, x on ties.",
        source="Morcos, Raghu & Bengio 2018, arXiv 1806.05759",
    )


@attrs.frozen
class ShapeOptions(PairOptions):
    """The options of `shape-metric`."""

    alpha: float = option(
        0.5,
        help="How much of each representation's own covariance is kept: 1 is Procrustes, 0 is whitening (CCA).",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        limit=between(0.0, 1.0),
    )


@attrs.frozen
class RegressionOptions(PairOptions):
    """The options of `linear-r2`."""

    average: Literal["variance", "uniform", "root"] = option(
        "variance",
        help="Weight outputs by their variance, take the mean of each output's R², or the mean of its square root.",
    )
    held_out: bool = option(False, help="Fit on one half of the rows and judge on the other.")


@attrs.frozen
class GulpOptions(PairOptions):
    """The options of `gulp`."""

    ridge: float = option(
        0.0,
        help="λ, the ridge of the regressions whose predictions are compared, for data of mean squared row norm one.",
        source="Boix-Adserà, Lawrence, Stepaniants & Rigollet 2022, arXiv 2210.06545",
        limit=at_least(0.0),
    )


@attrs.frozen
class MatchingOptions(PairOptions):
    """The options of `pearson-mcc`."""

    held_out: bool = option(False, help="Match latents on one half of the rows and correlate them on the other.")


@attrs.frozen
class WeakMatchingOptions(MatchingOptions):
    """The options of `weak-mcc`."""

    components: int | None = option(
        None, help="How many canonical components are matched; the smaller rank where none is said.", limit=at_least(1)
    )
    correlation_of: Literal["values", "ranks"] = option(
        "values",
        help="Pearson's correlation of the canonical variates, or Spearman's, as in the study of multi-task causal "
        "models; ranks have neither interval nor chance.",
        source="Spearman: Chen et al., TMLR 2024, arXiv 2306.14861, released code, cal_weak_strong_mcc",
    )

    def __attrs_post_init__(self) -> None:
        if self.correlation_of == "ranks" and (self.interval == "always" or self.chance_draws):
            raise ValueError(
                'correlation_of is "ranks", for which there is neither an interval nor chance: leave out interval and '
                "chance_draws"
            )


@attrs.frozen
class SingleOptions:
    """The options of `total-correlation`."""

    interval: Literal["auto", "always", "never"] = option(
        "auto",
        help="Give a 95 % interval by a jackknife over blocks of rows: where it is cheap, always, or never.",
    )
