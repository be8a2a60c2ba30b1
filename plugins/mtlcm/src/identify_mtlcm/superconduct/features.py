"""The 81 features of Hamidieh (2018): statistics of eight properties over the elements of a composition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PROPERTIES = (
    "atomic_mass",
    "fie",
    "atomic_radius",
    "Density",
    "ElectronAffinity",
    "FusionHeat",
    "ThermalConductivity",
    "Valence",
)
STATISTICS = ("mean", "gmean", "entropy", "range", "std")
FEATURE_NAMES: tuple[str, ...] = (
    "number_of_elements",
    *(
        f"{prefix}{statistic}_{element_property}"
        for element_property in PROPERTIES
        for statistic in STATISTICS
        for prefix in ("", "wtd_")
    ),
)


def compute_features(amounts: Array, properties: Array, elements: Sequence[str] = ()) -> Array:
    """The features of compositions, (n, 81), in the order of `FEATURE_NAMES`.

    With p the parts of a composition and t the property of its k elements, w = t/Σt and a = pw/Σpw: the mean Σt/k, the
    geometric mean (Πt)^(1/k), the entropy −Σw log w, the range max t − min t and the standard deviation
    √(Σ(t − mean)²/k); and weighted Σpt, Πt^p, −Σa log a, max pt − min pt and √(Σp(t − Σpt)²). Source: K. Hamidieh, A
    data-driven statistical model for predicting the critical temperature of a superconductor, Computational Materials
    Science 154 (2018), table 2.

    Args:
        amounts: (n, e), at least one positive in each row.
        properties: (e, 8), positive; NaN for elements whose properties are not known.
        elements: e names for messages.

    Raises:
        ValueError: a composition contains an element whose properties are not known.
    """
    present = amounts > 0
    unknown = np.flatnonzero(np.isnan(properties).any(axis=1) & present.any(axis=0))
    if len(unknown):
        named = ", ".join(elements[each] if elements else str(each) for each in unknown.tolist())
        raise ValueError(f"the properties of {named} are not known, but row {_first(present[:, unknown])} contains it")
    count = present.sum(axis=1)
    # A composition has a few of the 86 elements: only as many places as the longest one needs are looked at.
    places = np.argsort(~present, axis=1, kind="stable")[:, : count.max(initial=1)]
    parts = np.take_along_axis(amounts / amounts.sum(axis=1, keepdims=True), places, axis=1)
    here = np.take_along_axis(present, places, axis=1)
    columns = [count.astype(float)]
    for values in properties.T:
        columns += _statistics(np.nan_to_num(values, nan=1.0)[places], parts, here, count)
    return np.stack(columns, axis=1)


def _statistics(t: Array, p: Array, present: Array, count: Array) -> list[Array]:
    """Ten columns of one property; absent elements are left out of every sum and every extreme."""
    mean = _sum(t * present) / count
    weighted_mean = _sum(p * t)
    log = np.log(t)
    share = t * present / _sum(t * present)[:, None]
    weighted_share = p * share / _sum(p * share)[:, None]
    weighted = p * t
    return [
        mean,
        weighted_mean,
        np.exp(_sum(log * present) / count),
        np.exp(_sum(p * log)),
        _entropy(share),
        _entropy(weighted_share),
        _range(t, present),
        _range(weighted, present),
        np.sqrt(_sum((t - mean[:, None]) ** 2 * present) / count),
        np.sqrt(_sum(p * (t - weighted_mean[:, None]) ** 2)),
    ]


def _sum(values: Array) -> Array:
    total: Array = values.sum(axis=1)
    return total


def _entropy(shares: Array) -> Array:
    return -_sum(shares * np.log(np.where(shares > 0, shares, 1.0)))


def _range(values: Array, present: Array) -> Array:
    highest = np.where(present, values, -np.inf).max(axis=1)
    lowest: Array = np.where(present, values, np.inf).min(axis=1)
    return np.asarray(highest - lowest)


def _first(present: Array) -> int:
    return int(present.any(axis=1).argmax())
