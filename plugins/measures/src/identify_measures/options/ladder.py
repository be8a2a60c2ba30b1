"""Options of the ladder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from identify_core import RUNGS, above, at_least, between, option


@attrs.frozen
class names_of_rungs:  # noqa: N801 - reads as a predicate
    """Names of rungs, each once."""

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Iterable[str]) -> None:
        given = tuple(value)
        for name in given:
            if name not in RUNGS:
                raise ValueError(f"{name!r} is not a rung: {attribute.name} must be {self}")
        if len(set(given)) < len(given):
            raise ValueError(f"{attribute.name} names a rung twice")

    def __str__(self) -> str:
        return f"some of {', '.join(RUNGS)}"


@attrs.frozen
class LadderOptions:
    """How the ladder is fitted, judged and read."""

    rungs: tuple[str, ...] = option(
        (), help="The rungs to fit; empty for every rung that latents alone can decide.", limit=names_of_rungs()
    )
    tolerance: float = option(
        0.01,
        help=(
            "The residual 1 − R² up to which a rung passes. The upper end of the interval counts, not the value. 0.01 "
            "asks for the 99 % of the variance that singular vector CCA takes for the signal of a representation; what "
            "rounding leaves is ten orders below, what training noise leaves is often above."
        ),
        source="Raghu et al., SVCCA, NeurIPS 2017, section 2",
        limit=(above(0), between(0, 1)),
    )
    fit_fraction: float = option(
        0.5,
        help="The part of the rows on which maps are fitted; the others judge them.",
        limit=between(0.1, 0.9),
    )
    blocks: int = option(
        20, help="Blocks of held-out rows for the jackknife interval; fewer where rows are fewer.", limit=at_least(2)
    )
    level: float = option(0.95, help="The coverage of the interval.", limit=between(0.5, 0.999))
    centre: bool = option(
        False,
        help=(
            "Whether the means are taken away first, so that every class is judged up to a translation. Off, classes "
            "are what the ladder says: permutations, scalings, rotations and linear maps keep the origin."
        ),
    )
    lipschitz: float | None = option(
        None,
        help=(
            "The constant L of the Lipschitz rung, the same for both directions; without one the rung is left out. "
            "The best affine map with spectral norm up to L stands for the class."
        ),
        source="Chan et al., On affine homotopy between language encoders, NeurIPS 2024, arXiv 2406.02329",
        limit=at_least(1),
    )
    monotone_rows: int = option(
        10_000,
        help="Rows of the fit part, drawn at random, that ranks and monotone maps are found from; all are judged.",
        limit=at_least(10),
    )
