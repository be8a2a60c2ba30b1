"""The matrix of information and InfoMEC as functions of two arrays."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np

from identify_core import LabelledArray, Score, check_option
from identify_measures.factors.functions import Latents, judge
from identify_measures.factors.measuring import LEVEL
from identify_measures.factors.study import Study, make_study, takes_symbols
from identify_measures.factors.truth import Kinds
from identify_measures.information.infomec import INFOMEC
from identify_measures.information.matrix import describe, mutual_information
from identify_measures.inputs import InputError
from identify_measures.options.infomec import InfomecOptions, Predictor, Spread, VariantName
from identify_measures.options.information import Bins, Estimator, MatrixOptions

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


@attrs.frozen(kw_only=True, eq=False)
class InformationMatrix:
    """What every latent knows of every factor.

    Args:
        values: mutual information in the unit that was asked for, shape (d, F).
        nats: the same in nats.
        entropies: of the factors in nats, shape (F,).
        latent_entropies: of the latents in nats, shape (d,); None where they are real numbers.
        null_mean: the mean of `values` over random pairings of the rows, shape (d, F); None where none was asked for.
        null_deviation: its standard deviation over them.
        low: lower ends of 95 % intervals, shape (d, F); None where none were asked for.
        high: their upper ends.
        factors: names of the factors that vary.
        estimator: the convention in words.
        notes: what could mislead.
    """

    values: Array
    nats: Array
    entropies: Array
    latent_entropies: Array | None
    null_mean: Array | None
    null_deviation: Array | None
    low: Array | None
    high: Array | None
    factors: tuple[str, ...]
    estimator: str
    notes: tuple[str, ...]


def information_matrix(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    latents: Latents = "numbers",
    estimator: Estimator | None = None,
    normalise: Literal["sources", "latents", "none"] = "sources",
    neighbours: int = 10,
    bins: Bins = 20,
    factor_bins: int = 20,
    interval_draws: int = 0,
    null_draws: int = 0,
    seed: int = 0,
) -> InformationMatrix:
    """Mutual information of every latent with every factor, all pairs at once, on the device of the latents.

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`; each counts by its classes.
        kinds: as for `mig`.
        latents: `numbers`, or `symbols` of which only whether two are the same counts.
        estimator: `plug-in`, `miller-madow`, `permutation` or `neighbours`; by default neighbours for numbers, plug-in
            for symbols.
        normalise: by the entropies of `sources`, which are the factors, by those of `latents`, or not.
        neighbours: nearest ones, of the estimator of that name.
        bins: of latents that are counted: how many of equal width, or a rule of numpy.
        factor_bins: equal-width bins of continuous and circular factors.
        interval_draws: draws for 95 % intervals; 0 for none. Rows are drawn with replacement, or by halves for
            neighbours, which would take repeated rows for near ones.
        null_draws: random pairings of rows for what chance gives; 0 for none.
        seed: of the jitter and the draws.

    Raises:
        InputError: they are not latents and factors of the same samples, no factor varies, or the latents have no
            entropy to normalise by.
    """
    check_option("normalise", normalise, Literal["sources", "latents", "none"])
    options = MatrixOptions(
        latents=latents,
        estimator=estimator or ("plug-in" if latents == "symbols" else "neighbours"),
        bins=bins,
        neighbours=neighbours,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=null_draws,
    )
    study = make_study(codes, factors, kinds=kinds, factor_bins=factor_bins, symbols=takes_symbols(options), seed=seed)
    if not study.truth:
        raise InputError("no factor has more than one value", hint="give at least one factor that varies")
    information = mutual_information(study, options, seed=seed)
    values = information.normalised(normalise)
    null, drawn = _draws(study, options, normalise, seed)
    low = high = None
    if len(drawn) > 1:
        ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        low, high = (np.maximum(2 * values - end, 0.0) for end in (ends[1], ends[0]))
    return InformationMatrix(
        values=values,
        nats=information.values,
        entropies=information.entropies,
        latent_entropies=information.latent_entropies,
        null_mean=np.mean(null, axis=0) if null else None,
        null_deviation=np.std(null, axis=0, ddof=1) if len(null) > 1 else None,
        low=low,
        high=high,
        factors=tuple(factor.name for factor in study.truth),
        estimator=describe(study, options),
        notes=(*study.notes, *information.notes),
    )


def _draws(
    study: Study, options: MatrixOptions, normalise: Literal["sources", "latents", "none"], seed: int
) -> tuple[list[Array], list[Array]]:
    """The matrices of random pairings, and those of resamples or halves that keep every factor."""
    generator = np.random.default_rng(seed)

    def of(other: Study) -> Array:
        return mutual_information(other, options, seed=seed).normalised(normalise)

    null = [of(study.shuffled(generator)) for _ in range(options.chance_draws)]
    draw = Study.halved if options.estimator == "neighbours" else Study.resampled
    others = (draw(study, generator) for _ in range(options.interval_draws))
    return null, [of(other) for other in others if len(other.truth) == len(study.truth)]


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
