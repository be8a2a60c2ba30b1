"""What `identify compare` makes with one evaluator, its grid of scores and the cost that it states, for tests of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identify_core.comparisons.estimates import Cost, cost_of
from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.evaluation.grids import grid_finding
from identify_core.evaluation.journal import Journal
from identify_core.evaluation.pairs import Grid, Preparations, missing_pairs, pairs_of, score_pairs
from identify_core.evaluation.subjects import Representation
from identify_core.plugins import load_registry
from identify_core.spec import Chosen

__all__ = ["Grid", "grid_finding", "make_grid", "order_of_pairs", "stated_cost"]


def make_grid(evaluator: str, options: Any, representations: Sequence[Representation], context: Context) -> Grid:
    """Score every pair of representations with one evaluator of an installed plugin.

    Args:
        evaluator: its qualified name, such as "measures:cka".
        options: an instance of the evaluator's options class; None for the defaults.
        representations: of equal rows, in the order of the grid.
        context: of the comparison; `make_context` makes one.

    Returns:
        The scores and verdicts of all pairs; `grid_finding` turns them into what a comparison stores.
    """
    return score_pairs(_chosen(evaluator, options), Preparations(representations), context)


def order_of_pairs(evaluator: Evaluator, count: int) -> list[tuple[int, int]]:
    """The pairs of `count` representations in the order in which a comparison takes them, neighbours together."""
    return list(missing_pairs(evaluator, pairs_of(evaluator, count), Journal()))


def stated_cost(evaluator: str, options: Any, sizes: Sequence[tuple[int, int]]) -> Cost:
    """What one evaluator of an installed plugin says that all pairs cost.

    Args:
        evaluator: its qualified name.
        options: an instance of the evaluator's options class; None for the defaults.
        sizes: (n, d) of every representation.
    """
    return cost_of(_chosen(evaluator, options), list(sizes))


def _chosen(evaluator: str, options: Any) -> Chosen:
    plugin, _, name = evaluator.partition(":")
    registered = load_registry(only=(plugin,)).resolve("evaluator", name, plugin=plugin)
    return Chosen(
        registered=registered, options=registered.component.options() if options is None else options, label=name
    )
