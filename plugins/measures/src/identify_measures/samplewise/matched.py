"""The matchings of single latents as functions of two arrays."""

from __future__ import annotations

from typing import Any

from identify_core import Score
from identify_measures.inputs import fit_mask
from identify_measures.linear.two_arrays import asked, measure_pair
from identify_measures.options.linear import PairOptions
from identify_measures.options.samplewise import PermutationOptions, RankMatchingOptions
from identify_measures.samplewise.matching import HARD_MATCH, SOFT_MATCH, score_permutation, score_spearman_mcc
from identify_measures.samplewise.shared import share_arrays


def hard_match(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean signed Pearson correlation of latents matched one to one, min(p, q) pairs.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        interval: whether to give one.
        chance_draws: random rotations of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Li, Yosinski, Clune, Lipson & Hopcroft 2015, arXiv 1511.07543, section 3.

    Example:
        >>> from identify_measures import hard_match
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(hard_match(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(HARD_MATCH, options, x, y, seed=seed)


def soft_match(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
    """Mean signed Pearson correlation of every latent with its best partner, over both directions.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        interval: whether to give one.
        chance_draws: random rotations of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Li, Yosinski, Clune, Lipson & Hopcroft 2015, arXiv 1511.07543, section 3.

    Example:
        >>> from identify_measures import soft_match
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(soft_match(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
    return measure_pair(SOFT_MATCH, options, x, y, seed=seed)


def permutation_metric(
    x: Any, y: Any, *, centred: bool = True, interval: bool = False, chance_draws: int = 0, seed: int = 0
) -> Score:
    """The angle between two representations after the best permutation of latents: a metric.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x; the narrower is padded with zeros.
        centred: whether the mean of every latent is taken off first.
        interval: whether to give one.
        chance_draws: random pairings of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739.

    Example:
        >>> from identify_measures import permutation_metric
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(permutation_metric(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        0.0
    """
    options = PermutationOptions(centred=centred, interval=interval, chance_draws=chance_draws)
    return score_permutation("permutation-metric", share_arrays(x, y, seed=seed), 0, 1, options)


def permutation_distance(
    x: Any, y: Any, *, centred: bool = True, interval: bool = False, chance_draws: int = 0, seed: int = 0
) -> Score:
    """The Euclidean distance of two representations after the best permutation of latents: a metric.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x; the narrower is padded with zeros.
        centred: whether the mean of every latent is taken off first.
        interval: whether to give one.
        chance_draws: random pairings of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739.

    Example:
        >>> from identify_measures import permutation_distance
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(permutation_distance(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        12.814
    """
    options = PermutationOptions(centred=centred, interval=interval, chance_draws=chance_draws)
    return score_permutation("permutation-distance", share_arrays(x, y, seed=seed), 0, 1, options)


def spearman_mcc(
    x: Any,
    y: Any,
    *,
    held_out: bool = False,
    fit: Any = None,
    interval: bool = False,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Mean correlation coefficient of ranks under the best one-to-one matching of latents.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        held_out: match on one random half of the rows and correlate on the other.
        fit: the rows to match on: their number from the beginning, or a boolean mask of shape (n,).
        interval: whether to give one.
        chance_draws: random pairings of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers, or `fit` leaves less than two rows to
            either part.

    Source: Hyvärinen & Morioka 2016, arXiv 1605.06336, section 5.

    Example:
        >>> from identify_measures import spearman_mcc
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(spearman_mcc(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    shared = share_arrays(x, y, seed=seed)
    options = RankMatchingOptions(held_out=held_out or fit is not None, interval=interval, chance_draws=chance_draws)
    return score_spearman_mcc(shared, 0, 1, options, None if fit is None else fit_mask(fit, shared.n))
