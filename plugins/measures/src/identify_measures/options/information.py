"""Options of what is read off the matrix of mutual information between latents and factors."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, option
from identify_measures.options.factors import LATENTS, LOCATELLO, FactorOptions, LatentsRead

Estimator = Literal["plug-in", "miller-madow", "permutation", "neighbours"]
Bins = int | Literal["auto", "fd", "doane", "scott", "rice", "sturges", "sqrt"]


ESTIMATOR = (
    "How information is estimated: from counts, as they are, corrected by the number of occupied cells, or less the "
    "expectation over permutations; or from the nearest neighbours of latents that are real numbers."
)
ESTIMATOR_SOURCE = "Miller 1955; Vinh, Epps & Bailey 2010, JMLR 11; Ross 2014, PLoS ONE 9(2) e87357"


@attrs.frozen
class MatrixOptions(FactorOptions):
    """What the matrix of information can be asked for."""

    latents: LatentsRead = option("declared", help=LATENTS)
    estimator: Estimator = option("plug-in", help=ESTIMATOR, source=ESTIMATOR_SOURCE)
    bins: Bins = option(
        20,
        help="Equal-width bins of each latent, or a rule of numpy for their number.",
        source=LOCATELLO,
        limit=at_least(2),
    )
    neighbours: int = option(3, help="Nearest neighbours of the estimator `neighbours`.", limit=at_least(1))
