"""Molecules: graphs, ids and properties of many molecules as arrays, from one at a time and to a file of graphs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import RunError, replacing
from identify_mtlcm.molecules.chemistry import MoleculeGraph
from identify_mtlcm.molecules.graphs import ATOM_FEATURES, BOND_FEATURES, Graphs
from identify_mtlcm.molecules.properties import ATOMISATION, HARTREE_IN_KCAL_PER_MOL, property_name
from identify_mtlcm.options.molecules import PROPERTIES

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Molecules:
    """Many molecules of QM9.

    Args:
        ids: their numbers in GDB-9, (G,).
        atoms: attributes of all atoms end to end, (N, 11).
        positions: in ångström, (N, 3); None where the file has none.
        ends: the two atoms of each bond, each bond once, counted within its molecule, (B, 2).
        kinds: 0 single, 1 double, 2 triple, 3 aromatic, (B,).
        atom_counts: of each molecule, (G,).
        bond_counts: of each molecule, (G,).
        properties: (G, 19) in the order of `PROPERTIES`, energies in hartree.
        source: the file's name.
        notes: what the user should know of how they were read.
    """

    ids: Array
    atoms: Array
    positions: Array | None
    ends: Array
    kinds: Array
    atom_counts: Array
    bond_counts: Array
    properties: Array
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Array) -> Molecules:
        """Some molecules, in the given order."""
        atoms, bonds = _spans(self.atom_counts, rows), _spans(self.bond_counts, rows)
        return attrs.evolve(
            self,
            ids=self.ids[rows],
            atoms=self.atoms[atoms],
            positions=None if self.positions is None else self.positions[atoms],
            ends=self.ends[bonds],
            kinds=self.kinds[bonds],
            atom_counts=self.atom_counts[rows],
            bond_counts=self.bond_counts[rows],
            properties=self.properties[rows],
        )

    def graphs(self) -> Graphs:
        """As tensors: bond kinds as one-hot attributes, positions of zero where there are none."""
        positions = np.zeros((len(self.atoms), 3)) if self.positions is None else self.positions
        return Graphs(
            atoms=torch.from_numpy(self.atoms.astype(np.float64)),
            positions=torch.from_numpy(np.asarray(positions, dtype=np.float64)),
            bonds=torch.from_numpy(np.eye(len(BOND_FEATURES))[self.kinds]),
            ends=torch.from_numpy(self.ends.astype(np.int64)),
            atom_counts=torch.from_numpy(self.atom_counts.astype(np.int64)),
            bond_counts=torch.from_numpy(self.bond_counts.astype(np.int64)),
        )


@attrs.frozen(kw_only=True, eq=False)
class Entry:
    """One molecule as a file gives it: its number, graph, positions if there are any, and 19 properties."""

    number: int
    graph: MoleculeGraph
    positions: Array | None
    properties: list[float]


def gather(entries: Iterable[Entry], source: str, notes: Iterable[str] = ()) -> Molecules:
    """Molecules of single entries, in order of their numbers.

    Raises:
        RunError: there are none.
    """
    held = sorted(entries, key=lambda entry: entry.number)
    if not held:
        raise RunError(f"{source} holds no molecule")
    placed = [entry.positions for entry in held if entry.positions is not None]
    return Molecules(
        ids=np.array([entry.number for entry in held]),
        atoms=np.concatenate([entry.graph.atoms for entry in held]),
        positions=np.concatenate(placed) if len(placed) == len(held) else None,
        ends=np.concatenate([entry.graph.ends for entry in held]),
        kinds=np.concatenate([entry.graph.kinds for entry in held]),
        atom_counts=np.array([len(entry.graph.atoms) for entry in held]),
        bond_counts=np.array([len(entry.graph.ends) for entry in held]),
        properties=np.array([entry.properties for entry in held]),
        source=source,
        notes=tuple(notes),
    )


def write_graphs(path: Path, molecules: Molecules, *, made_from: str) -> None:
    """A file of graphs that `read_graphs` reads, written whole or not at all.

    Args:
        path: ends in `.npz`.
        molecules: what it holds.
        made_from: the SHA-256 of the file that they were read from.
    """
    directed = np.concatenate([molecules.ends, molecules.ends[:, ::-1]])
    owner = np.tile(np.repeat(np.arange(len(molecules)), molecules.bond_counts), 2)
    order = np.argsort(owner, kind="stable")
    arrays: dict[str, Array] = {
        "mol_id": molecules.ids.astype(np.int32),
        "node_attr": molecules.atoms.astype(np.uint8),
        "node_ptr": _offsets(molecules.atom_counts),
        "edge_index": directed[order].T.astype(np.uint8),
        "edge_type": np.tile(molecules.kinds, 2)[order].astype(np.uint8),
        "edge_ptr": _offsets(2 * molecules.bond_counts),
        "targets": molecules.properties,
        "target_names": np.array(PROPERTIES),
        "atomisation_unit": np.array("hartree"),
        "made_from": np.array(made_from),
        "notes": np.array(molecules.notes, dtype=str),
    }
    if molecules.positions is not None:
        arrays["positions"] = molecules.positions
    with replacing(path) as draft:
        np.savez(draft, **arrays)  # type: ignore[arg-type]


def read_graphs(path: Path, *, made_from: str = "") -> Molecules | None:
    """Molecules of a file of graphs: atoms, bonds in both directions, properties, and positions where it has any.

    Args:
        path: the file.
        made_from: the SHA-256 of the file that it must have been made from; empty for any.

    Returns:
        the molecules; None where it was made from another file.

    Raises:
        RunError: it is damaged, or no file of graphs.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"{path} is damaged or no file of arrays: {error}", hint="fetch or make it again") from error
    wanted = {"node_attr", "node_ptr", "edge_index", "edge_type", "edge_ptr", "targets", "target_names", "mol_id"}
    if not wanted <= held.keys():
        raise RunError(f"{path} is not a file of molecular graphs: it has no {', '.join(sorted(wanted - held.keys()))}")
    if made_from and str(held.get("made_from", "")) != made_from:
        return None
    names = [property_name(str(name)) for name in held["target_names"]]
    absent = [name for name in PROPERTIES if name not in names]
    if absent or held["node_attr"].shape[1] != len(ATOM_FEATURES):
        what = f"the properties {', '.join(absent)}" if absent else f"{len(ATOM_FEATURES)} attributes of each atom"
        raise RunError(f"{path} does not hold {what}")
    properties = held["targets"][:, [names.index(name) for name in PROPERTIES]].astype(float)
    if str(held.get("atomisation_unit", "")) != "hartree":  # tables of QM9 give these four in kcal/mol
        properties[:, [PROPERTIES.index(name) for name in ATOMISATION]] /= HARTREE_IN_KCAL_PER_MOL
    ends = held["edge_index"].astype(np.int64).T
    once = ends[:, 0] < ends[:, 1]
    owner = np.repeat(np.arange(len(held["mol_id"])), np.diff(held["edge_ptr"]))
    if 2 * once.sum() != len(ends):
        raise RunError(f"{path} does not hold every bond in both directions")
    return Molecules(
        ids=held["mol_id"].astype(np.int64),
        atoms=held["node_attr"],
        positions=held.get("positions"),
        ends=ends[once],
        kinds=held["edge_type"][once].astype(np.int64),
        atom_counts=np.diff(held["node_ptr"]).astype(np.int64),
        bond_counts=np.bincount(owner[once], minlength=len(held["mol_id"])),
        properties=properties,
        source=path.name,
        notes=tuple(str(note) for note in held.get("notes", ())),
    )


def _offsets(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _spans(counts: Array, rows: Array) -> Array:
    """Row numbers of what belongs to some owners, each owner's in its own order."""
    first = np.cumsum(counts) - counts
    taken = counts[rows]
    within = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
    spans: Array = np.repeat(first[rows], taken) + within
    return spans
