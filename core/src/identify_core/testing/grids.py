"""The grid of scores that `identify compare` makes with one evaluator, for tests of that evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identify_core.compare.pairs import Grid, Preparations, grid_finding, score_pairs
from identify_core.plugins import load_registry
from identify_core.run.context import Context
from identify_core.run.subject import Representation
from identify_core.spec import Chosen

__all__ = ["Grid", "grid_finding", "make_grid"]


def make_grid(evaluator: str, options: Any, representations: Sequence[Representation], context: Context) -> Grid:
    """Score every pair of representations with one evaluator of an installed plugin.

    Args:
        evaluator: its qualified name, such as "measures:cka".
        options: an instance of the evaluator's options class.
        representations: of equal rows, in the order of the grid.
        context: of the comparison; `make_context` makes one.

    Returns:
        The scores and verdicts of all pairs; `grid_finding` turns them into what a comparison stores.
    """
    plugin, _, name = evaluator.partition(":")
    registered = load_registry().resolve("evaluator", name, plugin=plugin)
    chosen = Chosen(registered=registered, options=options, label=name)
    return score_pairs(chosen, Preparations(representations), context)
