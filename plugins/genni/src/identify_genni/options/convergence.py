"""Options of the evaluator `convergence`."""

from __future__ import annotations

import attrs


@attrs.frozen
class ConvergenceOptions:
    """The options of `convergence`."""
