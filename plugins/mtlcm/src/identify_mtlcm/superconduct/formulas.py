"""Chemical formulas such as Ba0.2La1.8Cu1O4 as amounts of the 86 elements of the superconductor table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_ROWS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar",
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
    "Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf",
    "Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
)
ELEMENTS: tuple[str, ...] = tuple(element for row in _ROWS for element in row.split())
_PLACES = {element: place for place, element in enumerate(ELEMENTS)}
_TERM = re.compile(r"([A-Z][a-z]?)((?:\d+\.?\d*|\.\d+)?(?:[eE][-+]?\d+)?)")


def parse_formula(formula: str) -> dict[str, float]:
    """Amount of each element; an element without a number counts once, one that is named twice is added up.

    Raises:
        ValueError: something in it is not an element with an amount.
    """
    amounts: dict[str, float] = {}
    place = 0
    for term in _TERM.finditer(formula):
        element, number = term.groups()
        if term.start() != place or element not in _PLACES:
            break
        amounts[element] = amounts.get(element, 0.0) + (float(number) if number else 1.0)
        place = term.end()
    if place != len(formula) or not amounts:
        raise ValueError(
            f"{formula!r} is not a formula: {formula[place:]!r} is not an element from H to Rn with an amount"
        )
    return amounts


def composition_matrix(formulas: Sequence[str]) -> np.ndarray[Any, Any]:
    """Amounts of the 86 elements in each formula, (n, 86).

    Raises:
        ValueError: one of them is not a formula.
    """
    matrix = np.zeros((len(formulas), len(ELEMENTS)))
    for row, formula in zip(matrix, formulas, strict=True):
        for element, amount in parse_formula(formula).items():
            row[_PLACES[element]] = amount
    return matrix
