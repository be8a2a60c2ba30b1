"""Options of the evaluator `subspace`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

_STUDY = "genni 1.0.3, postprocessing"


@attrs.frozen
class SubspaceOptions:
    """The options of `subspace`: which affine subspace, which grid on it, which tolerance, evaluated how."""

    dimension: int = option(3, help="The number of directions K that span the subspace.", limit=between(1, 4))
    directions: Literal["solutions", "null-space", "symmetry", "random", "principal"] = option(
        "solutions",
        help="Through other solutions, along the flattest directions of the Gauss–Newton matrix, along tangents of the "
        "symmetries, along random directions, or along principal components of the solutions.",
        source=f"{_STUDY}: through solutions; random directions in a template of its notebooks",
    )
    centre: int | None = option(
        None,
        help="The replicate at the origin; left out: the one with the lowest J, for `principal` the solutions' mean.",
        limit=at_least(0),
    )
    through: tuple[int, ...] = option(
        (),
        help="The replicates that the directions `solutions` lead to, in order; left out: the best after the centre.",
        limit=at_least(0),
    )
    filter_normalised: bool = option(
        False,
        help="Scale each filter of a `random` direction to the norm of the centre's filter.",
        source="Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, section 4",
    )
    counts: tuple[int, ...] = option(
        (35,),
        help="Grid points along each axis: one number for all axes or one each.",
        source=_STUDY,
        limit=at_least(2),
    )
    lower: tuple[float, ...] = option(
        (),
        help="Where each axis begins: one number for all or one each; left out: chosen from the solutions or from J.",
    )
    upper: tuple[float, ...] = option((), help="Where each axis ends, given in the same way as lower.")
    margin: float = option(
        0.35,
        help="How far automatic bounds go beyond the solutions on each side, as a part of their extent.",
        limit=at_least(0),
    )
    same_bounds: bool = option(False, help="Give every axis the widest of the automatic bounds.", source=_STUDY)
    epsilon: float = option(
        1e-2, help="The relative tolerance: a network counts as equivalent where J ≤ ε·Var(f*).", limit=above(0)
    )
    epsilon_absolute: float | None = option(
        None, help="A tolerance on J itself that takes the place of the relative one.", source=_STUDY, limit=above(0)
    )
    split: str = option("test", help="The split whose inputs J is averaged over; `train` for the training inputs.")
    inputs: int | None = option(None, help="Use only so many inputs, from the split's beginning.", limit=at_least(1))
    reduction: Literal["mean", "batch-mean"] = option(
        "mean", help="Average J over inputs, or take the unweighted mean of the means over batches.", source=_STUDY
    )
    batch_size: int = option(256, help="The batch size of batch-mean.", source=_STUDY, limit=at_least(1))
    precision: Literal["run", "float32", "float64"] = option(
        "run", help="The type of the evaluation; near J = 0 float32 carries relative errors of some per cent."
    )
    memory: int = option(
        268_435_456, help="How much memory intermediate results may take.", unit="bytes", limit=at_least(1)
    )
    refinement: Literal["none", "adaptive"] = option(
        "none", help="Evaluate every grid point, or refine a coarse grid only where the surface J = ε can pass."
    )
    levels: int = option(
        2, help="How many times the coarsest grid of `adaptive` is halved down to the full one.", limit=between(1, 6)
    )
    safety: float = option(
        2.0,
        help="How much sharper than seen √J may bend between coarse points before `adaptive` misses it; a piece of the "
        "set that falls between coarse points without a trace is missed at any safety.",
        limit=above(0),
    )
    embedding: Literal["auto", "on", "off"] = option(
        "auto", help="Embed the kept points with UMAP; `auto` does it for four directions, where no picture is exact."
    )
    neighbours: int = option(30, help="Neighbours of a point in the graph of UMAP.", limit=at_least(2))
    embedding_points: int = option(
        4000, help="Embed at most so many of the kept points, drawn at random.", limit=at_least(10)
    )
