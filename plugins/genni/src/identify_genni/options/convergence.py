"""Options of the evaluator `convergence`."""

from __future__ import annotations

import attrs

from identify_core import above, at_least, option


@attrs.frozen
class ConvergenceOptions:
    """The options of `convergence`."""

    tolerance: float | None = option(
        None, help="J/Var(f*) up to which a replicate has converged; without it the objective's own.", limit=above(0.0)
    )
    points: int = option(
        400, help="Steps that are kept for the curves, evenly spaced on a log axis.", limit=at_least(2)
    )
    samples: int = option(
        2000, help="Training inputs on which a unit must give one output to be called dead.", limit=at_least(2)
    )
