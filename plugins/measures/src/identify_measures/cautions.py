"""Cautions: what of the rows themselves could mislead, said in the same words by every measure that it touches."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from identify_measures import repeats
from identify_measures.catalogue import measure as find_measure


@attrs.frozen(kw_only=True)
class Traits:
    """What is found once of a representation.

    Args:
        label: what messages call it.
        width: columns.
        constant: latents that have one value; 0 where the measures at hand do not look for them.
    """

    label: str
    width: int
    constant: int = 0


def cautions(measure: str, traits: Sequence[Traits], n: int, distinct: int) -> list[str]:
    """What a score of this measure has to say of its input, the gravest first.

    Args:
        measure: its name in the catalogue, which says what touches it.
        traits: of the representations; one that is compared with itself counts once.
        n: rows.
        distinct: how many of the rows of all representations together are distinct.
    """
    touched = find_measure(measure).touched_by
    each_once = list({each.label: each for each in traits}.values())
    found = []
    if "repeated rows" in touched:
        found += repeats.caution(distinct, n, [each.label for each in each_once])
    for each in each_once:
        if "constant latents" in touched and each.constant:
            verb = "is" if each.constant == 1 else "are"
            found.append(f"{each.constant} of {each.width} latents of {each.label} {verb} constant")
        if "few rows" in touched and distinct <= each.width:
            rows = f"{distinct} distinct rows" if distinct < n else f"{n} rows"
            found.append(f"{each.label} has {each.width} columns and {rows}: unrelated rows agree well there too")
    return found
