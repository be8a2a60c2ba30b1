"""Options of the evaluators."""

from __future__ import annotations

import attrs

from identify_core import at_least, option


@attrs.frozen
class RecoveryOptions:
    """Options of `recovery`."""

    rows: int = option(
        20_000,
        help="The most rows from which correlations over all tasks together are computed, drawn at random.",
        limit=at_least(10),
        source="the study's code takes at most 10,000 for the weak score",
    )
    per_task: bool = option(
        True,
        help="Whether to give the study's own figure too: rank correlations with another assignment in every task.",
        source="github.com/jdhorwood/mtlcm, eval_A",
    )
    mixings: int = option(
        3, help="Random linear mixings of the true latents from which the floor is averaged.", limit=at_least(1)
    )
    refit: bool = option(
        True, help="Whether to fit the causal model again, with restarts, to say how far from the optimum a run ended."
    )
    restarts: int = option(4, help="Restarts of that fit.", limit=at_least(0))


@attrs.frozen
class TaskRankOptions:
    """Options of `task-rank`."""

    tolerance: float = option(
        1e-3,
        help="A direction counts where its singular value is above this part of the largest.",
        limit=at_least(0),
    )
