"""The equivalence ladder: the smallest class of maps that carries one representation onto another."""

from __future__ import annotations

import math

from identify_measures.catalogue.record import Measure

LADDER = (
    Measure(
        name="ladder",
        family="ladder",
        summary="The best map of every rung, fitted on one part of the rows and judged on the other.",
        definition=(
            "1 − R² of the best map of each rung on held-out rows, the lowest rung that passes a tolerance, and "
            "the same fits on row-shuffled controls"
        ),
        source="the rungs' own definitions; 1 − R² with both representations centred on the rows of the fit",
        larger_is="more distant",
        bounds=(0.0, math.inf),
    ),
)
