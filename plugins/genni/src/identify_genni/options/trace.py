"""Options of the evaluator `trace`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

_TWO_NN = "Facco, d'Errico, Rodriguez & Laio 2017, Scientific Reports 7"


@attrs.frozen
class TraceOptions:
    """The options of `trace`."""

    samples: int = option(256, help="Inputs, from the beginning of the split.", limit=at_least(1))
    split: str = option("train", help="The split on which J is kept at 0.")
    held_out: str = option("test", help='The split on which points of the walks are looked at too; "" for none.')
    replicates: tuple[int, ...] = option(
        (), help="Which replicates; the best ones in the class where none is named.", limit=at_least(0)
    )
    best: int = option(3, help="How many of the best replicates, where none is named.", limit=at_least(1))
    around: Literal["target", "replicate"] = option(
        "target",
        help="The class of the target, for replicates that are in it; or of each replicate's own function.",
    )
    member_tolerance: float = option(
        0.01, help="A replicate is in the class of the target where J/Var(f*) is at most this.", limit=above(0.0)
    )
    tolerance: float = option(1e-10, help="J/Var(f*) that the corrector brings every point to.", limit=above(0.0))
    walkers: int = option(
        8, help="Walkers from each replicate; pairs set out in opposite directions.", limit=at_least(1)
    )
    steps: int = option(200, help="Steps that each walker tries.", limit=at_least(1))
    length: float = option(0.05, help="Length of a step as a part of |θ|.", limit=above(0.0))
    persistence: float = option(
        0.9,
        help="How much a walker keeps its direction: 0 is a random walk, 1 is straight on.",
        limit=between(0.0, 1.0),
    )
    strata: Literal["cross", "stay"] = option(
        "cross", help="Whether walkers pass to where the Jacobian has another rank, or turn back."
    )
    rank_tolerance: float = option(
        1e-6, help="Singular values above this part of the largest count towards the rank.", limit=above(0.0)
    )
    cloud: int = option(
        400,
        help="Points around each replicate from which the dimension is estimated.",
        source=_TWO_NN,
        limit=at_least(10),
    )
    cloud_radius: float = option(0.01, help="Radius of that cloud as a part of |θ|.", limit=above(0.0))
    kept: int = option(
        2_000_000,
        help="Numbers kept of the points of the walks; beyond it only their projections are.",
        limit=at_least(0),
    )
    memory: float = option(0.5, help="Memory for Jacobians.", unit="GB", limit=above(0.0))
