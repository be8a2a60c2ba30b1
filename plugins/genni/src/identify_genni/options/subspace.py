"""Options of the evaluator `subspace`."""

from __future__ import annotations

import attrs


@attrs.frozen
class SubspaceOptions:
    """The options of `subspace`."""
