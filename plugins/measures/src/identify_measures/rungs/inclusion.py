"""Inclusion: every map of a class belongs to the classes that contain it, so that none of them leaves more.

A fit minimises over its own class on the rows to fit on; on the rows that judge, a class within may have the better
map, because the larger one was fitted to too few rows. What a class leaves is therefore what the best of the maps found
in it leaves: of its own fit, and of the fits of all classes within.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from identify_core import includes
from identify_measures.rungs.residuals import Residual


@attrs.frozen(kw_only=True)
class Best:
    """What the best map found in a class leaves.

    Args:
        residual: its value; the ends of the interval are the lowest of all maps found in the class.
        of: the class whose fit it is.
    """

    residual: Residual
    of: str


def best_of_class(fitted: Mapping[str, Residual]) -> dict[str, Best]:
    """The best map of every class, from the fits of all classes in one direction.

    Values and both ends of intervals keep the order of the inclusions: none is larger than that of a class within.

    Args:
        fitted: rung to what its own fit leaves.
    """
    best = {}
    for name, own in fitted.items():
        found = Best(residual=own, of=name)
        for other, each in fitted.items():
            if other != name and includes(name, other):
                found = _better(found, Best(residual=each, of=other))
        best[name] = found
    return best


def _better(first: Best, second: Best) -> Best:
    """The first where both are as good; a residual that is NaN is so for every map to the same target."""
    a, b = first.residual, second.residual
    return Best(
        residual=Residual(value=min(a.value, b.value), low=min(a.low, b.low), high=min(a.high, b.high)),
        of=second.of if b.value < a.value else first.of,
    )
