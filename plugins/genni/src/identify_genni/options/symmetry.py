"""Options of the evaluator `symmetry`."""

from __future__ import annotations

import attrs


@attrs.frozen
class SymmetryOptions:
    """The options of `symmetry`."""
