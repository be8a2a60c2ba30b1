"""InfoMEC as a function of two arrays."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_core import LabelledArray, Score
from identify_measures.factors.functions import Latents, judge
from identify_measures.factors.truth import Kinds
from identify_measures.information.infomec import INFOMEC
from identify_measures.inputs import InputError
from identify_measures.options.infomec import InfomecOptions, Predictor, Spread, VariantName
from identify_measures.options.information import Bins, Estimator

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Infomec:
    """The scores of InfoMEC and what they were read off.

    Args:
        infom: whether each active latent knows of one factor only.
        infoe: how much of each factor a simple predictor reads off all latents.
        infoc: whether each factor is kept in one active latent only.
        infom_gap: the gap between the two factors that an active latent knows most of.
        infoc_gap: the gap between the two latents that know most of a factor.
        nmi: mutual information over the entropy of the factor; its dimensions say which axis is which.
        active: whether a latent is active, shape (d,).
        infoe_of_factor: InfoE of each factor, shape (F,).
        factors: names of the factors that vary, in the order of those axes.
    """

    infom: Score
    infoe: Score
    infoc: Score
    infom_gap: Score
    infoc_gap: Score
    nmi: LabelledArray
    active: Array
    infoe_of_factor: Array
    factors: tuple[str, ...]


def infomec(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    variant: VariantName = "identify",
    latents: Latents = "numbers",
    estimator: Estimator | None = None,
    neighbours: int | None = None,
    bins: Bins | None = None,
    active: Spread | None = None,
    active_above: float | None = None,
    infoe: Predictor | None = None,
    ridge: float | None = None,
    folds: int | None = None,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Infomec:
    """Modularity, explicitness and compactness in information (Hsu et al. 2023, arXiv 2305.18378, section 4).

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`; each counts by its classes.
        kinds: as for `mig`.
        variant: whose constants: `identify`, or one that was published, which fixes all that follows but `latents`.
        latents: `numbers`, or `symbols` of which only whether two are the same counts, such as indices of a codebook.
        estimator: of the information; by default neighbours for numbers, plug-in for symbols.
        neighbours: nearest ones; 10 by default.
        bins: of latents that are counted; 20 by default, or a rule of numpy.
        active: what tells active latents from others: `range`, `interquartile` or `deviation`.
        active_above: part of the widest latent's that an active one has to exceed; 0.05 by default.
        infoe: `converged`, `held-out`, `legacy` or `regression`.
        ridge: of the converged regression; 1e-9 by default.
        folds: of `held-out`; 5 by default.
        factor_bins: equal-width bins of continuous and circular factors.
        interval_draws: draws for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of the jitter, the folds and the draws.

    Raises:
        InputError: they are not latents and factors of the same samples, or all factors are constant.
        OptionsError: a published variant is asked for with another constant than its own.
    """
    options = InfomecOptions(
        variant=variant,
        latents=latents,
        estimator=estimator,
        neighbours=neighbours,
        bins=bins,
        active=active,
        active_above=active_above,
        infoe=infoe,
        ridge=ridge,
        folds=folds,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    found = judge(INFOMEC, codes, factors, kinds, options, seed)
    if not found.arrays:
        raise InputError(found.scores["infom"].reason, hint="give at least one factor that varies")
    return Infomec(
        **{name.replace("-", "_"): score for name, score in found.scores.items()},
        nmi=found.arrays["nmi"],
        active=found.arrays["active"].values,
        infoe_of_factor=found.arrays["infoe-of-factor"].values,
        factors=tuple(found.arrays["factor-names"].values.tolist()),
    )
