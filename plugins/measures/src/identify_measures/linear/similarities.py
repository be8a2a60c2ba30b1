"""Alignment, canonical correlation and Procrustes as functions of two arrays: measures without settings of their own.

A function says what the catalogue says of its measure, takes what all of them take, and shows one value.
"""

from __future__ import annotations

from typing import Any, Protocol

from identify_core import Score
from identify_measures.catalogue import measure
from identify_measures.linear import canonical, cka, rotation
from identify_measures.linear.measuring import Formula
from identify_measures.linear.two_arrays import asked, measure_pair
from identify_measures.options.linear import PairOptions

_DOCUMENTATION = """{summary}

    {definition}.

    Args:
        x: shape (n, p), numpy or torch.
        y: shape (n, q), paired with the rows of x.
        interval: whether to give a 95 % interval by a jackknife over 20 random blocks of rows.
        chance_draws: random rotations of the rows from which chance is estimated where it has no closed form.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired representations.

    Source: {source}.

    Example:
        >>> from identify_measures import {name}
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round({name}(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        {shown}
    """


class PairFunction(Protocol):
    """A measure of two arrays without settings of its own."""

    def __call__(self, x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
        """The score of two arrays."""


def _of_pair(formula: Formula, shown: float) -> PairFunction:
    def function(x: Any, y: Any, *, interval: bool = False, chance_draws: int = 0, seed: int = 0) -> Score:
        options = PairOptions(interval=asked(interval), chance_draws=chance_draws)
        return measure_pair(formula, options, x, y, seed=seed)

    facts = measure(formula.name)
    function.__name__ = function.__qualname__ = formula.name.replace("-", "_")
    function.__doc__ = _DOCUMENTATION.format(
        summary=facts.summary, definition=facts.definition, source=facts.source, name=function.__name__, shown=shown
    )
    return function


linear_cka = _of_pair(cka.LINEAR_CKA, shown=1.0)
debiased_cka = _of_pair(cka.DEBIASED_CKA, shown=1.0)
angular_cka = _of_pair(cka.ANGULAR_CKA, shown=0.0)
cca = _of_pair(canonical.CCA, shown=1.0)
cca_r2 = _of_pair(canonical.CCA_R2, shown=1.0)
yanai = _of_pair(canonical.YANAI, shown=1.0)
pillai = _of_pair(canonical.PILLAI, shown=3.0)
procrustes = _of_pair(rotation.PROCRUSTES, shown=12.814)
procrustes_normalised = _of_pair(rotation.PROCRUSTES_NORMALISED, shown=0.0)
procrustes_angular = _of_pair(rotation.PROCRUSTES_ANGULAR, shown=0.0)
procrustes_disparity = _of_pair(rotation.PROCRUSTES_DISPARITY, shown=0.0)
procrustes_similarity = _of_pair(rotation.PROCRUSTES_SIMILARITY, shown=1.0)
