"""The catalogue: every measure by name, in light modules grouped by what they are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from identify_core import UsageError, did_you_mean
from identify_measures.catalogue.dissimilarities import DISSIMILARITIES
from identify_measures.catalogue.factors import FACTORS
from identify_measures.catalogue.ladder import LADDER
from identify_measures.catalogue.linear import LINEAR
from identify_measures.catalogue.record import Measure as Measure
from identify_measures.catalogue.samples import SAMPLES

CATALOGUE: Mapping[str, Measure] = MappingProxyType(
    {each.name: each for each in (*LADDER, *LINEAR, *SAMPLES, *DISSIMILARITIES, *FACTORS)}
)
"""Every measure by name."""


def measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in CATALOGUE:
        raise UsageError(f"there is no measure {name!r}", hint=did_you_mean(name, CATALOGUE))
    return CATALOGUE[name]
