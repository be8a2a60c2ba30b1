"""Options of the evaluator `nullity`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, not_empty, option

_SPEC = "Grigsby, Lindsey, Meyerhoff & Wu 2022, functional dimension of ReLU networks"


@attrs.frozen
class NullityOptions:
    """The options of `nullity`."""

    samples: int = option(500, help="Inputs of each split, from its beginning.", limit=at_least(1))
    split: str = option("train", help="The split on which equivalence is meant.")
    held_out: str = option("test", help='The split that it is set next to; "" for none.')
    replicates: tuple[int, ...] = option((), help="Which replicates; all where none is named.", limit=at_least(0))
    tolerance: float = option(
        1e-6,
        help="Singular values above this part of the largest count towards the rank in the headline.",
        source=_SPEC,
        limit=above(0.0),
    )
    tolerances: tuple[float, ...] = option(
        (1e-10, 1e-8, 1e-6, 1e-4, 1e-2),
        help="Further tolerances for which ranks are listed.",
        limit=(not_empty(), above(0.0)),
    )
    epsilon: float = option(1e-3, help="J/Var(f*) of the predicted ellipsoid.", limit=above(0.0))
    draws: int = option(
        64,
        help="Points of the ellipsoid at which J is compared with ε; 8 at the most above 10,000 parameters, and for "
        "the best replicate alone where the Jacobian is large.",
        limit=at_least(0),
    )
    method: Literal["auto", "svd", "qr", "gram", "sketch"] = option(
        "auto",
        help="How singular values are computed: exactly at once or block by block, from a Gram matrix, or the largest "
        "ones by a sketch.",
    )
    sketch: int = option(256, help="How many of the largest singular values a sketch finds.", limit=at_least(1))
    effort: float = option(
        4000.0,
        help="Work allowed with `auto`: replicates beyond it, those with the largest J first, are left out; a CPU core "
        "does between 20 and 50 of these in a second.",
        unit="billion multiplications",
        limit=above(0.0),
    )
    memory: float = option(1.0, help="Memory for Jacobians.", unit="GB", limit=above(0.0))
