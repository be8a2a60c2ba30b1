"""The 19 properties of QM9: their names, their units and the conversion of energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from identify_mtlcm.options.molecules import PROPERTIES

Array = np.ndarray[Any, Any]

HARTREE_IN_EV = 27.211386245988  # CODATA 2018
HARTREE_IN_KCAL_PER_MOL = 627.509  # with which tables of QM9 give atomisation energies, so that they come back exactly

ENERGIES = ("homo", "lumo", "gap", "zpve", "U0", "U", "H", "G")
ATOMISATION = ("U0-atom", "U-atom", "H-atom", "G-atom")
_UNITS = {
    "mu": "debye",
    "alpha": "bohr³",
    "r2": "bohr²",
    "Cv": "cal/(mol K)",
    "A": "GHz",
    "B": "GHz",
    "C": "GHz",
} | dict.fromkeys((*ENERGIES, *ATOMISATION), "hartree")

# As the properties follow each other on the second line of the authors' files, after the molecule's number.
FILE_ORDER = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
_OTHER_NAMES = {
    "u0": "U0",
    "u298": "U",
    "h298": "H",
    "g298": "G",
    "cv": "Cv",
    "u0_atom": "U0-atom",
    "u298_atom": "U-atom",
    "h298_atom": "H-atom",
    "g298_atom": "G-atom",
}

# Energies of free atoms in hartree: U0, U, H, G. Source: atomref.txt of Ramakrishnan et al. (2014).
_FREE_ATOMS = {
    1: (-0.500273, -0.498857, -0.497912, -0.510927),
    6: (-37.846772, -37.845355, -37.844411, -37.861317),
    7: (-54.583861, -54.582445, -54.581501, -54.598897),
    8: (-75.064579, -75.063163, -75.062219, -75.079532),
    9: (-99.718730, -99.717314, -99.716370, -99.733544),
}


def property_name(column: str) -> str:
    """The property that a column of a table of QM9 holds, whatever its spelling; the name itself where it is none."""
    return _OTHER_NAMES.get(column, column)


def with_atomisation(values: Sequence[float], numbers: Sequence[int]) -> list[float]:
    """The 15 numbers of an authors' file, and the four atomisation energies in hartree, as in `PROPERTIES`.

    Args:
        values: in `FILE_ORDER`.
        numbers: the atomic number of each atom.
    """
    named = dict(zip(FILE_ORDER, values, strict=True))
    for place, total in enumerate(("U0", "U", "H", "G")):
        named[f"{total}-atom"] = named[total] - sum(_FREE_ATOMS[number][place] for number in numbers)
    return [named[each] for each in PROPERTIES]


def in_unit(values: Array, names: Sequence[str], energies: Literal["eV", "hartree"]) -> tuple[Array, tuple[str, ...]]:
    """Columns of properties with their energies in a unit, and the unit of each column.

    Args:
        values: (n, k), energies in hartree.
        names: k properties.
        energies: the unit.
    """
    units = tuple(_UNITS[name] if _UNITS[name] != "hartree" else energies for name in names)
    factors = [HARTREE_IN_EV if unit == "eV" else 1.0 for unit in units]
    return values * np.array(factors), units
