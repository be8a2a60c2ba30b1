"""How the values of a ground-truth factor may be read, in words that help texts share; imports nothing heavy."""

from __future__ import annotations

from typing import Literal, get_args

FactorKind = Literal["continuous", "circular", "ordinal", "categorical"]
"""What the values of a factor are; circular ones are in radians."""
KINDS: tuple[FactorKind, ...] = get_args(FactorKind)

SAID_KINDS = (*KINDS, "degrees")
"""What a user may say: a kind, or that circular values are in degrees, which become radians."""

RULE = (
    "Where no kind is said, integers, text, true and false are categorical and other numbers are continuous; circular "
    "values are in radians, or in degrees where the kind is degrees; missing values are refused."
)
"""The rule in words, for help texts."""
