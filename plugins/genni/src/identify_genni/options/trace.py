"""Options of the evaluator `trace`."""

from __future__ import annotations

import attrs


@attrs.frozen
class TraceOptions:
    """The options of `trace`."""
