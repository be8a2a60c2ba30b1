"""Alignment, canonical correlation and Procrustes as functions of two arrays: measures without settings."""

from __future__ import annotations

from typing import Any

from identify_core import Score
from identify_measures.linear import canonical, cka, rotation
from identify_measures.linear.two_arrays import asked, measure_pair
from identify_measures.options.linear import (
    PairOptions,
)


def linear_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Linear CKA: |XᵀY|² / (|XᵀX| |YᵀY|) of centred columns, biased by width over rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import linear_cka
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(linear_cka(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(cka.LINEAR_CKA, options, x, y, seed=seed)


def debiased_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Linear CKA with unbiased (U-centred) estimates of each term; at least four rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import debiased_cka
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(debiased_cka(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(cka.DEBIASED_CKA, options, x, y, seed=seed)


def angular_cka(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """The arccos of linear CKA in radians: a metric.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import angular_cka
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(angular_cka(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(cka.ANGULAR_CKA, options, x, y, seed=seed)


def cca(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean canonical correlation over the smaller rank, exact.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import cca
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(cca(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(canonical.CCA, options, x, y, seed=seed)


def cca_r2(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean squared canonical correlation over the smaller rank, exact.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import cca_r2
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(cca_r2(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(canonical.CCA_R2, options, x, y, seed=seed)


def yanai(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Yanai's generalised coefficient of determination: Σ ρ² / √(r_x r_y).

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import yanai
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(yanai(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(canonical.YANAI, options, x, y, seed=seed)


def pillai(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Pillai's trace: Σ ρ².

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import pillai
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(pillai(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        3.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(canonical.PILLAI, options, x, y, seed=seed)


def procrustes(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Size-and-shape distance √(|X|² + |Y|² − 2 |XᵀY|_*) of centred rows.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import procrustes
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(procrustes(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        12.814
    """
    return measure_pair(
        rotation.PROCRUSTES, PairOptions(interval=asked(interval), chance_draws=chance_draws), x, y, seed=seed
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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import procrustes_normalised
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(procrustes_normalised(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    return measure_pair(
        rotation.PROCRUSTES_NORMALISED,
        PairOptions(interval=asked(interval), chance_draws=chance_draws),
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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import procrustes_angular
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(procrustes_angular(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    return measure_pair(
        rotation.PROCRUSTES_ANGULAR, PairOptions(interval=asked(interval), chance_draws=chance_draws), x, y, seed=seed
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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import procrustes_disparity
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(procrustes_disparity(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    return measure_pair(
        rotation.PROCRUSTES_DISPARITY,
        PairOptions(interval=asked(interval), chance_draws=chance_draws),
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
        InputError: the arrays are not paired representations.

    Example:
        >>> from identify_measures import procrustes_similarity
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(procrustes_similarity(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    return measure_pair(
        rotation.PROCRUSTES_SIMILARITY,
        PairOptions(interval=asked(interval), chance_draws=chance_draws),
        x,
        y,
        seed=seed,
    )
