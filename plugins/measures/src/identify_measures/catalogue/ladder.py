"""The equivalence ladder: the smallest class of maps that carries one representation onto another."""

from __future__ import annotations

import math

from identify_measures.catalogue.record import Measure
from identify_measures.options.ladder import LadderOptions

LADDER = (
    Measure(
        name="ladder",
        family="ladder",
        summary="The best map of every rung, fitted on one part of the rows and judged on the other.",
        definition=(
            "for every rung, 1 − R² = Σ|y_i − f(x_i)|² / Σ|y_i − m|² over held-out rows, m the mean of the other rows "
            "and f the best map of the class found on them, its own fit or that of a class within, X and Y as they "
            "are; the worse of both directions, with a jackknife interval; a rung passes where the interval's upper "
            "end is within the tolerance; the verdict names the lowest rungs that pass, what the fits of each class "
            "alone leave of a representation and itself, and what is left of rows paired at random"
        ),
        source="the rungs' own definitions, `identify describe rungs`; fits as their modules in rungs/ cite",
        larger_is="more distant",
        bounds=(0.0, math.inf),
        standard=True,
        options=LadderOptions,
        target="identify_measures.evaluators.ladder:ladder",
        prepare="identify_measures.evaluators.ladder:prepare",
        estimate="identify_measures.evaluators.ladder:estimate",
        draw="identify_measures.rungs.figures:draw",
        function="identify_measures.rungs.verdict:equivalence_ladder",
    ),
)
