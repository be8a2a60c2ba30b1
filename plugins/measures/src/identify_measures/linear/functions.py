"""The linear family as functions of two arrays."""

from __future__ import annotations

from typing import Any, Literal

from identify_core.scores import Score
from identify_measures.inputs import as_matrix
from identify_measures.linear import canonical, cka, correlation, regression, rotation
from identify_measures.linear.measuring import Formula, evaluate
from identify_measures.linear.total_correlation import gaussian_total_correlation
from identify_measures.options.linear import (
    GulpOptions,
    MatchingOptions,
    PairOptions,
    PwccaOptions,
    RegressionOptions,
    ShapeOptions,
    SvccaOptions,
    WeakMatchingOptions,
)
from identify_measures.statistics.gathering import BLOCKS, from_arrays


def linear_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Linear CKA: |XᵀY|² / (|XᵀX| |YᵀY|) of centred columns, biased by width over rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(cka.LINEAR_CKA, options, x, y, seed=seed)


def debiased_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Linear CKA with unbiased (U-centred) estimates of each term; at least four rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(cka.DEBIASED_CKA, options, x, y, seed=seed)


def angular_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """The arccos of linear CKA in radians: a metric.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(cka.ANGULAR_CKA, options, x, y, seed=seed)


def cca(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean canonical correlation over the smaller rank, exact.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(canonical.CCA, options, x, y, seed=seed)


def cca_r2(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean squared canonical correlation over the smaller rank, exact.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(canonical.CCA_R2, options, x, y, seed=seed)


def yanai(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Yanai's generalised coefficient of determination: Σ ρ² / √(r_x r_y).

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(canonical.YANAI, options, x, y, seed=seed)


def pillai(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Pillai's trace: Σ ρ².

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PairOptions(interval=_asked(interval), chance_draws=chance_draws)
    return _pair(canonical.PILLAI, options, x, y, seed=seed)


def procrustes(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Size-and-shape distance √(|X|² + |Y|² − 2 |XᵀY|_*) of centred rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    return _pair(
        rotation.PROCRUSTES, PairOptions(interval=_asked(interval), chance_draws=chance_draws), x, y, seed=seed
    )


def procrustes_normalised(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """√(2 − 2c) with c = |XᵀY|_* / (|X| |Y|).

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    return _pair(
        rotation.PROCRUSTES_NORMALISED,
        PairOptions(interval=_asked(interval), chance_draws=chance_draws),
        x,
        y,
        seed=seed,
    )


def procrustes_angular(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """arccos c in radians with c = |XᵀY|_* / (|X| |Y|).

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    return _pair(
        rotation.PROCRUSTES_ANGULAR, PairOptions(interval=_asked(interval), chance_draws=chance_draws), x, y, seed=seed
    )


def procrustes_disparity(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """1 − c² with c = |XᵀY|_* / (|X| |Y|), as scipy's disparity.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    return _pair(
        rotation.PROCRUSTES_DISPARITY,
        PairOptions(interval=_asked(interval), chance_draws=chance_draws),
        x,
        y,
        seed=seed,
    )


def procrustes_similarity(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """c = |XᵀY|_* / (|X| |Y|), the normalised Bures similarity.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    return _pair(
        rotation.PROCRUSTES_SIMILARITY,
        PairOptions(interval=_asked(interval), chance_draws=chance_draws),
        x,
        y,
        seed=seed,
    )


def svcca(
    x: Any,
    y: Any,
    *,
    variance: float = 0.99,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Mean CCA of the fewest principal components that hold a part of the variance.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        variance: the part of the variance, of squared singular values.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = SvccaOptions(
        variance=variance,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(canonical.SVCCA, options, x, y, seed=seed)


def pwcca(
    x: Any,
    y: Any,
    *,
    side: Literal["x", "y", "smaller"] = "x",
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Canonical correlations weighted by what their variates explain of one side.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        side: whose variates give the weights; smaller: the narrower representation, x on equal widths.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = PwccaOptions(
        side=side,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(canonical.PWCCA, options, x, y, seed=seed)


def shape_metric(
    x: Any,
    y: Any,
    *,
    alpha: float = 0.5,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """The Procrustes angle of partly whitened representations.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        alpha: 1 keeps each covariance (Procrustes), 0 whitens it (CCA).
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = ShapeOptions(
        alpha=alpha,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(rotation.SHAPE_METRIC, options, x, y, seed=seed)


def linear_r2(
    x: Any,
    y: Any,
    *,
    average: Literal["variance", "uniform", "root"] = "variance",
    held_out: bool = False,
    fit: Any = None,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """R² of the least-squares map from x to y.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        average: over outputs: weighted by variance, plain, or of √R².
        held_out: fit on one random half of the rows and judge on the other.
        fit: the rows to fit on: their number from the beginning, or a boolean mask.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = RegressionOptions(
        average=average,
        held_out=held_out or fit is not None,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(regression.LINEAR_R2, options, x, y, seed=seed, fit=fit)


def gulp(
    x: Any,
    y: Any,
    *,
    ridge: float = 0.0,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """The squared GULP distance of ridge predictions.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        ridge: λ, for data of mean squared row norm one.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = GulpOptions(
        ridge=ridge,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(regression.GULP, options, x, y, seed=seed)


def pearson_mcc(
    x: Any,
    y: Any,
    *,
    held_out: bool = False,
    fit: Any = None,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Mean absolute Pearson correlation of latents under the best one-to-one matching.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        held_out: match on one random half of the rows and correlate on the other.
        fit: the rows to match on: their number from the beginning, or a boolean mask.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = MatchingOptions(
        held_out=held_out or fit is not None,
        interval=_asked(interval),
        chance_draws=chance_draws,
    )
    return _pair(correlation.PEARSON_MCC, options, x, y, seed=seed, fit=fit)


def weak_mcc(
    x: Any,
    y: Any,
    *,
    components: int | None = None,
    correlation_of: Literal["values", "ranks"] = "values",
    held_out: bool = False,
    fit: Any = None,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Mean correlation coefficient of canonical variates, from an exact CCA.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        components: how many; the smaller rank where none is said.
        correlation_of: `values` for Pearson's correlation of the variates, `ranks` for Spearman's.
        held_out: fit on one random half of the rows and correlate on the other.
        fit: the rows to fit on: their number from the beginning, or a boolean mask.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows; not for ranks.
        chance_draws: random rotations of the rows from which chance is estimated; not for ranks.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired representations.
    """
    options = WeakMatchingOptions(
        components=components,
        held_out=held_out or fit is not None,
        interval=_asked(interval and correlation_of == "values"),
        chance_draws=chance_draws if correlation_of == "values" else 0,
    )
    formula = correlation.WEAK_MCC if correlation_of == "values" else correlation.WEAK_MCC_OF_RANKS
    return _pair(formula, options, x, y, seed=seed, fit=fit)


def total_correlation(x: Any, *, interval: bool = False) -> Score:
    """Gaussian total correlation ½ (Σ ln C_ii − ln det C) of one representation, in nats.

    Args:
        x: shape (n, d), numpy or torch.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.

    Raises:
        InputError: x is no representation.
    """
    return gaussian_total_correlation(as_matrix(x), interval=interval)


def _asked(interval: bool) -> Literal["always", "never"]:
    return "always" if interval else "never"


def _pair(formula: Formula, options: PairOptions, x: Any, y: Any, *, seed: int, fit: Any = None) -> Score:
    random_blocks = options.interval == "always" or getattr(options, "held_out", False)
    statistics = from_arrays(x, y, blocks=BLOCKS if random_blocks else 1, fit=fit)
    return evaluate(formula, statistics, 0, 1, options, seed=seed)
