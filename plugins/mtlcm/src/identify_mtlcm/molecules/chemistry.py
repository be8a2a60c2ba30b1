"""From a SMILES string to the study's graph of a molecule, with RDKit, and onto the atoms of a geometry."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_core import optional_package
from identify_mtlcm.molecules.graphs import ATOM_FEATURES

Array = np.ndarray[Any, Any]

NUMBERS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
_RADII = {1: 0.31, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57}  # covalent, in ångström: Cordero et al. (2008)
_NEAR = 1.3  # atoms closer than this times the sum of their radii may be bonded


@attrs.frozen(kw_only=True, eq=False)
class MoleculeGraph:
    """One molecule with its hydrogens.

    Args:
        atoms: `ATOM_FEATURES` of each atom, (n, 11), uint8.
        ends: the two atoms of each bond, (b, 2).
        kinds: of each bond: 0 single, 1 double, 2 triple, 3 aromatic, (b,).
    """

    atoms: Array
    ends: Array
    kinds: Array


def import_rdkit() -> Any:
    """RDKit's module Chem.

    Raises:
        UsageError: it is not installed.
    """
    return optional_package(
        "rdkit.Chem",
        purpose="reading bonds from SMILES strings",
        extra="molecules",
        distribution="identify-mtlcm",
        instead="take a file of graphs (.npz)",
    )


def graph_of(smiles: str) -> MoleculeGraph:
    """The graph of a molecule: its heavy atoms in the order of the string, then the hydrogens of each in turn.

    Raises:
        ValueError: RDKit cannot read the string, or it holds an element that QM9 does not have.
    """
    Chem = import_rdkit()
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"RDKit cannot read the SMILES string {smiles!r}")
    molecule = Chem.AddHs(molecule)
    kinds = {
        Chem.BondType.SINGLE: 0,
        Chem.BondType.DOUBLE: 1,
        Chem.BondType.TRIPLE: 2,
        Chem.BondType.AROMATIC: 3,
    }
    atoms = np.array([_atom_features(atom, Chem.HybridizationType) for atom in molecule.GetAtoms()], dtype=np.uint8)
    bonds = list(molecule.GetBonds())
    return MoleculeGraph(
        atoms=atoms,
        ends=np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds], dtype=np.int64).reshape(
            -1, 2
        ),
        kinds=np.array([kinds[bond.GetBondType()] for bond in bonds], dtype=np.int64),
    )


def graph_on_geometry(smiles: str, elements: list[str], positions: Array) -> MoleculeGraph | None:
    """The graph with its atoms in the order of a geometry; None where the two are not the same molecule.

    The heavy atoms of the string are matched with those of the geometry: equal elements with equally many hydrogens,
    bonded atoms near each other; of several such matches the one with the shortest bonds.

    Args:
        smiles: the molecule.
        elements: symbols of the n atoms.
        positions: in ångström, (n, 3).

    Raises:
        ValueError: RDKit cannot read the string.
    """
    graph = graph_of(smiles)
    numbers = np.array([NUMBERS[element] for element in elements])
    if sorted(numbers) != sorted(graph.atoms[:, _NUMBER].tolist()):
        return None
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    heavy, hydrogens = np.flatnonzero(numbers > 1), np.flatnonzero(numbers == 1)
    ours = np.flatnonzero(graph.atoms[:, _NUMBER] > 1)
    if not len(heavy):
        return graph
    parents = heavy[distances[np.ix_(hydrogens, heavy)].argmin(axis=1)] if len(hydrogens) else hydrogens
    held = np.bincount(parents, minlength=len(numbers))
    place = _match_heavy(graph, ours, numbers, heavy, held, distances)
    if place is None:
        return None
    inside = np.isin(graph.ends, ours).all(axis=1)
    ends = np.concatenate([place[graph.ends[inside]], np.stack([parents, hydrogens], axis=1)])
    atoms = np.empty_like(graph.atoms)
    atoms[place[ours]] = graph.atoms[ours]
    atoms[hydrogens] = graph.atoms[graph.atoms[:, _NUMBER] == 1][: len(hydrogens)]
    kinds = np.concatenate([graph.kinds[inside], np.zeros(len(hydrogens), dtype=np.int64)])
    return MoleculeGraph(atoms=atoms, ends=ends, kinds=kinds)


_NUMBER, _HYDROGENS = ATOM_FEATURES.index("atomic-number"), ATOM_FEATURES.index("hydrogens")


def _atom_features(atom: Any, hybridisation: Any) -> list[int]:
    number, kind = atom.GetAtomicNum(), atom.GetHybridization()
    if number not in _RADII:
        raise ValueError(f"the molecules of QM9 are of H, C, N, O and F, but one holds {atom.GetSymbol()}")
    return [
        *(int(number == each) for each in NUMBERS.values()),
        number,
        int(atom.GetIsAromatic()),
        int(kind == hybridisation.SP),
        int(kind == hybridisation.SP2),
        int(kind == hybridisation.SP3),
        sum(neighbour.GetAtomicNum() == 1 for neighbour in atom.GetNeighbors()),
    ]


def _match_heavy(
    graph: MoleculeGraph, ours: Array, numbers: Array, heavy: Array, held: Array, distances: Array
) -> Array | None:
    """Where each heavy atom of the graph lies in the geometry, as an array over the graph's atoms; None without one."""
    inside = np.isin(graph.ends, ours).all(axis=1)
    radii = np.array([_RADII[int(number)] for number in numbers])
    near = distances < _NEAR * (radii[:, None] + radii[None])
    pairs = [(a, b) for i, a in enumerate(heavy) for b in heavy[i + 1 :] if near[a, b]]
    wanted = _labelled([(graph.atoms[a, _NUMBER], graph.atoms[a, _HYDROGENS]) for a in ours], graph.ends[inside], ours)
    given = _labelled([(numbers[a], held[a]) for a in heavy], pairs, heavy)
    matches = given.GetSubstructMatches(wanted, uniquify=False, maxMatches=10_000)
    best, shortest = None, np.inf
    for match in matches:
        place = np.full(len(graph.atoms), -1, dtype=np.int64)
        place[ours] = heavy[list(match)]
        ends = place[graph.ends[inside]]
        length = distances[ends[:, 0], ends[:, 1]].sum()
        if length < shortest - 1e-9:
            best, shortest = place, length
    return best


def _labelled(atoms: list[tuple[int, int]], bonds: Any, names: Array) -> Any:
    """A molecule of plain bonds whose atoms match by element and by number of hydrogens, written as an isotope."""
    Chem = import_rdkit()
    molecule = Chem.RWMol()
    for number, hydrogens in atoms:
        atom = Chem.Atom(int(number))
        atom.SetIsotope(int(hydrogens) + 1)
        atom.SetNoImplicit(True)
        molecule.AddAtom(atom)
    index = {int(name): place for place, name in enumerate(names)}
    for one, other in bonds:
        molecule.AddBond(index[int(one)], index[int(other)], Chem.BondType.SINGLE)
    return molecule.GetMol()
