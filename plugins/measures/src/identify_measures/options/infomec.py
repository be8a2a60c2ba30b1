"""Options of InfoMEC, and what each published variant fixes."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import attrs

from identify_core import OptionsError, above, at_least, between, option
from identify_measures.options.factors import LATENTS, FactorOptions, LatentsRead
from identify_measures.options.information import ESTIMATOR_SOURCE, Bins, Estimator

VariantName = Literal["identify", "standalone", "library", "tripod", "factor-qvae"]
Spread = Literal["range", "interquartile", "deviation"]
Predictor = Literal["converged", "held-out", "legacy", "regression"]

_IDENTIFY_ALONE = ("estimator", "neighbours", "bins", "active", "active_above", "infoe", "ridge", "folds")


@attrs.frozen(kw_only=True)
class Variant:
    """The constants of one way to compute InfoMEC.

    Args:
        neighbours: of the estimate for latents that are numbers.
        spread: what tells an active latent from another.
        part: numbers: active is a spread above this part of the largest one.
        symbol_spread: the same of symbols, by the numbers that stand for them.
        symbol_part: symbols: active is a spread above this part of the largest one.
        symbol_least: symbols: and above this.
        infoe: how the factors are predicted.
        iterations: of scikit-learn's regression, for `legacy`.
        orientation: which axis of the matrix of normalised information comes first.
        drops: whether latents that know of no factor are left out of the mean; where not, it has no value.
        zero_when_dead: whether all scores are 0 where no latent is active; where not, they have no value.
        source: where it was published.
    """

    neighbours: int
    spread: Spread
    part: float
    symbol_spread: Spread = "range"
    symbol_part: float = 0.0
    symbol_least: float = 0.0
    infoe: Predictor = "legacy"
    iterations: int = 100
    orientation: Literal["sources first", "latents first"] = "sources first"
    drops: bool = False
    zero_when_dead: bool = False
    source: str


_HSU = "Hsu, Dorrell, Whittington, Wu & Finn 2023, arXiv 2305.18378, section 4"
VARIANTS = MappingProxyType(
    {
        "identify": Variant(
            neighbours=10, spread="range", part=1 / 20, infoe="converged", drops=True, source=f"{_HSU}, converged"
        ),
        "standalone": Variant(neighbours=10, spread="range", part=1 / 20, source=f"{_HSU}, the function to call alone"),
        "library": Variant(
            neighbours=3,
            spread="range",
            part=1 / 8,
            symbol_part=1 / 8,
            orientation="latents first",
            drops=True,
            source=f"{_HSU}, as logged in training",
        ),
        "tripod": Variant(
            neighbours=10,
            spread="interquartile",
            part=1 / 10,
            symbol_spread="interquartile",
            symbol_least=0.1,
            zero_when_dead=True,
            source="Hsu, Hamid, Burns, Finn & Wu 2024, arXiv 2404.10282, section 5",
        ),
        "factor-qvae": Variant(
            neighbours=3,
            spread="range",
            part=1 / 20,
            iterations=500,
            source="Baykal, Kandemir & Unal 2024, arXiv 2409.14851, section 4",
        ),
    }
)
"""Every variant by name."""


@attrs.frozen
class InfomecOptions(FactorOptions):
    """The options of `infomec`."""

    variant: VariantName = option(
        "identify",
        help=(
            "Whose constants: `identify` can be changed by the options below; a published variant fixes neighbours, "
            "the rule for active latents, the predictor and the orientation of the matrix."
        ),
        source=_HSU,
    )
    latents: LatentsRead = option("declared", help=LATENTS)
    estimator: Estimator | None = option(
        None,
        help="How information is estimated; by default from neighbours for numbers and from counts for symbols.",
        source=ESTIMATOR_SOURCE,
    )
    neighbours: int | None = option(None, help="Nearest neighbours; 10 by default.", limit=at_least(1))
    bins: Bins | None = option(
        None, help="Bins of each latent where it is counted; 20 by default, or a rule of numpy.", limit=at_least(2)
    )
    active: Spread | None = option(
        None, help="What tells active latents from others; the range by default, and of symbols whether they vary."
    )
    active_above: float | None = option(
        None,
        help="Active latents spread more than this part of the widest one; 0.05 by default.",
        limit=between(0.0, 1.0),
    )
    infoe: Predictor | None = option(
        None,
        help=(
            "How factors are predicted: by a logistic regression that has converged, by one that is judged on rows "
            "that it was not fitted on, by scikit-learn's stopped at 100 iterations, or by a linear regression of the "
            "classes' numbers."
        ),
    )
    ridge: float | None = option(
        None, help="Penalty on squared weights that keeps the regression finite; 1e-9 by default.", limit=above(0.0)
    )
    folds: int | None = option(None, help="Parts of the rows for `held-out`; 5 by default.", limit=at_least(2))

    def __attrs_post_init__(self) -> None:
        changed = [name for name in _IDENTIFY_ALONE if getattr(self, name) is not None]
        if self.variant != "identify" and changed:
            raise OptionsError(
                f"the variant {self.variant!r} fixes {', '.join(changed)}",
                hint="leave that out, or choose the variant 'identify', which has constants of your own",
            )
