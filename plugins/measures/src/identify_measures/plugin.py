"""What the measures plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Evaluator, hookimpl
from identify_measures.catalogue import CATALOGUE


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """The measures that stand on their own; the others are reported by these."""
    return [each.evaluator() for each in CATALOGUE.values() if each.target]
