"""Truncated, weighted, regressed and matched measures as functions of arrays: measures with settings."""

from __future__ import annotations

from typing import Any, Literal

from identify_core import Score
from identify_measures.inputs import as_matrix
from identify_measures.linear import canonical, correlation, regression, rotation
from identify_measures.linear.total_correlation import gaussian_total_correlation
from identify_measures.linear.two_arrays import asked, measure_pair
from identify_measures.options.linear import (
    GulpOptions,
    MatchingOptions,
    PwccaOptions,
    RegressionOptions,
    ShapeOptions,
    SvccaOptions,
    WeakMatchingOptions,
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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import svcca
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(svcca(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = SvccaOptions(
        variance=variance,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(canonical.SVCCA, options, x, y, seed=seed)


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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import pwcca
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(pwcca(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PwccaOptions(
        side=side,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(canonical.PWCCA, options, x, y, seed=seed)


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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import shape_metric
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(shape_metric(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.008
    """
    options = ShapeOptions(
        alpha=alpha,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(rotation.SHAPE_METRIC, options, x, y, seed=seed)


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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import linear_r2
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(linear_r2(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = RegressionOptions(
        average=average,
        held_out=held_out or fit is not None,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(regression.LINEAR_R2, options, x, y, seed=seed, fit=fit)


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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import gulp
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(gulp(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    options = GulpOptions(
        ridge=ridge,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(regression.GULP, options, x, y, seed=seed)


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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import pearson_mcc
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(pearson_mcc(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = MatchingOptions(
        held_out=held_out or fit is not None,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    return measure_pair(correlation.PEARSON_MCC, options, x, y, seed=seed, fit=fit)


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
        InputError: the arrays are not paired representations.
        ValueError: an interval or chance is asked for of ranks.

    Example:
        >>> from identify_measures import weak_mcc
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(weak_mcc(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = WeakMatchingOptions(
        components=components,
        correlation_of=correlation_of,
        held_out=held_out or fit is not None,
        interval=asked(interval),
        chance_draws=chance_draws,
    )
    formula, options = correlation.weak_formula(options)
    return measure_pair(formula, options, x, y, seed=seed, fit=fit)


def total_correlation(x: Any, *, interval: bool = False) -> Score:
    """Gaussian total correlation ½ (Σ ln C_ii − ln det C) of one representation, in nats.

    Args:
        x: shape (n, d), numpy or torch.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.

    Raises:
        InputError: x is not a representation.
    """
    return gaussian_total_correlation(as_matrix(x), interval=interval)
