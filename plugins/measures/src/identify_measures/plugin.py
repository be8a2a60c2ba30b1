"""What the measures plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Evaluator, hookimpl


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """The measures."""
    return ()
