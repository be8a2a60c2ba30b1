"""Options of the evaluator `symmetry`."""

from __future__ import annotations

import attrs

from identify_core import above, at_least, option

_REBASIN = "Ainsworth, Hayase & Srinivasa 2023, git re-basin"


@attrs.frozen
class SymmetryOptions:
    """The options of `symmetry`."""

    samples: int = option(500, help="Inputs, from the beginning of the split.", limit=at_least(1))
    split: str = option("train", help="The split on which J is measured.")
    replicates: tuple[int, ...] = option((), help="Which replicates; all where none is named.", limit=at_least(0))
    tolerance: float = option(
        0.01, help="A replicate is in the class where J/Var(f*) is at most this.", limit=above(0.0)
    )
    polish: bool = option(
        True,
        help="Move replicates in the class to the nearest solution by Gauss–Newton first, so that copies can be told "
        "from neighbours.",
    )
    copy_tolerance: float = option(
        1e-3,
        help="Two replicates are symmetric copies where their distance modulo symmetry is below this part of them.",
        limit=above(0.0),
    )
    restarts: int = option(
        8, help="Random starts of the weight matching of networks with several hidden layers.", source=_REBASIN,
        limit=at_least(0),
    )  # fmt: skip
    points: int = option(
        25, help="Points of each segment at which J is computed.", source=f"{_REBASIN}, figure 2", limit=at_least(3)
    )
    paths: bool = option(True, help="Look for a path of low loss between replicates that are not copies.")
    path_tolerance: float = option(1e-4, help="J/Var(f*) allowed everywhere on a path.", limit=above(0.0))
    path_nodes: int = option(16, help="Nodes of a path at first.", limit=at_least(3))
    path_most_nodes: int = option(128, help="Nodes of a path at the most.", limit=at_least(3))
    path_iterations: int = option(60, help="Rounds of smoothing and projection of each attempt.", limit=at_least(1))
    path_attempts: int = option(3, help="Starting paths: the straight one, then bent ones.", limit=at_least(1))
    path_parameters: int = option(
        2000, help="Networks with more parameters than this are not searched for paths.", limit=at_least(1)
    )
    effort: float = option(
        20.0,
        help="Work allowed for polishing, and as much again for all paths together, the most promising pairs first; a "
        "CPU core does between one and three of these in a second.",
        unit="billion multiplications",
        limit=above(0.0),
    )
    memory: float = option(0.5, help="Memory for Jacobians.", unit="GB", limit=above(0.0))
