"""Molecular graphs, many end to end, and one molecule as one row of numbers, so that batches are rows of a matrix."""

from __future__ import annotations

import attrs
import torch


@attrs.frozen(kw_only=True, eq=False)
class Graphs:
    """G graphs end to end: N atoms and B bonds in all, each bond once.

    Args:
        atoms: attributes, (N, F).
        positions: in ångström, (N, 3); zeros where they are not known.
        bonds: attributes, (B, K).
        ends: the two atoms of each bond, counted within its own molecule, (B, 2), int64.
        atom_counts: atoms of each molecule, (G,), int64.
        bond_counts: bonds of each molecule, (G,), int64.
    """

    atoms: torch.Tensor
    positions: torch.Tensor
    bonds: torch.Tensor
    ends: torch.Tensor
    atom_counts: torch.Tensor
    bond_counts: torch.Tensor

    def __len__(self) -> int:
        return len(self.atom_counts)

    @property
    def molecule(self) -> torch.Tensor:
        """Which molecule each atom belongs to, (N,)."""
        return _repeat(self.atom_counts, len(self.atoms))

    def directed(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Every bond in both directions: source (2B,), target (2B,) among all atoms, and attributes (2B, K)."""
        first = self.atom_counts.cumsum(0) - self.atom_counts
        ends = self.ends + first[_repeat(self.bond_counts, len(self.ends)), None]
        one, other = ends.unbind(1)
        return torch.cat([one, other]), torch.cat([other, one]), torch.cat([self.bonds, self.bonds])


@attrs.frozen(kw_only=True)
class GraphLayout:
    """How a molecule lies in a row: its two counts, then atoms, positions, ends and bonds, each padded with zeros.

    Whole numbers are kept as floating-point numbers, which is exact.

    Args:
        atoms: the most atoms of a molecule.
        bonds: the most bonds of a molecule.
        atom_features: F.
        bond_features: K.
    """

    atoms: int
    bonds: int
    atom_features: int
    bond_features: int

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return 2 + self.atoms * (self.atom_features + 3) + self.bonds * (2 + self.bond_features)

    def pack(self, graphs: Graphs, dtype: torch.dtype) -> torch.Tensor:
        """The rows of the molecules, (G, width).

        Raises:
            ValueError: a molecule has more atoms or bonds than a row holds.
        """
        for what, counts, most in (
            ("atoms", graphs.atom_counts, self.atoms),
            ("bonds", graphs.bond_counts, self.bonds),
        ):
            if len(counts) and int(counts.max()) > most:
                raise ValueError(f"molecule {int(counts.argmax())} has {int(counts.max())} {what}, a row holds {most}")
        rows = torch.zeros(len(graphs), self.width, dtype=dtype)
        rows[:, 0], rows[:, 1] = graphs.atom_counts.to(dtype), graphs.bond_counts.to(dtype)
        atoms, positions, ends, bonds = self._parts(rows)
        present_atoms, present_bonds = self._present(graphs.atom_counts, graphs.bond_counts)
        atoms[present_atoms] = graphs.atoms.to(dtype)
        positions[present_atoms] = graphs.positions.to(dtype)
        ends[present_bonds] = graphs.ends.to(dtype)
        bonds[present_bonds] = graphs.bonds.to(dtype)
        return rows

    def unpack(self, rows: torch.Tensor) -> Graphs:
        """The molecules of rows (G, width), without the padding; differentiable in attributes and positions.

        Raises:
            ValueError: the rows were not packed by this layout.
        """
        atom_counts, bond_counts = rows[:, 0].round().long(), rows[:, 1].round().long()
        # Reading numbers here also says that what follows depends on them: no recording stands for another batch.
        most_atoms, most_bonds = (int(counts.max()) if len(counts) else 0 for counts in (atom_counts, bond_counts))
        if most_atoms > self.atoms or most_bonds > self.bonds:
            raise ValueError(
                f"a row says that it holds {most_atoms} atoms and {most_bonds} bonds, at most {self.atoms} and "
                f"{self.bonds} fit: it is not a packed molecule"
            )
        atoms, positions, ends, bonds = self._parts(rows)
        present_atoms, present_bonds = self._present(atom_counts, bond_counts)
        return Graphs(
            atoms=atoms[present_atoms],
            positions=positions[present_atoms],
            bonds=bonds[present_bonds],
            ends=ends[present_bonds].round().long(),
            atom_counts=atom_counts,
            bond_counts=bond_counts,
        )

    def _parts(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Views of atoms (G, A, F), positions (G, A, 3), ends (G, B, 2) and bonds (G, B, K)."""
        sizes = ((self.atoms, self.atom_features), (self.atoms, 3), (self.bonds, 2), (self.bonds, self.bond_features))
        parts, start = [], 2
        for count, features in sizes:
            parts.append(rows[:, start : start + count * features].view(len(rows), count, features))
            start += count * features
        return tuple(parts)

    def _present(self, atom_counts: torch.Tensor, bond_counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which places of a row hold an atom (G, A), and which a bond (G, B)."""
        atoms = torch.arange(self.atoms, device=atom_counts.device) < atom_counts[:, None]
        bonds = torch.arange(self.bonds, device=bond_counts.device) < bond_counts[:, None]
        return atoms, bonds


def _repeat(counts: torch.Tensor, total: int) -> torch.Tensor:
    """0, 1, 2, … each as often as `counts` says, `total` numbers."""
    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts, output_size=total)


# The 11 atom attributes and 4 bond types of the study's data (DGL's QM9EdgeDataset, torch_geometric's QM9). The largest
# molecule of nine heavy atoms, C9H20, has 29 atoms and 28 bonds; each ring takes two hydrogens and leaves 1 bond less.
ATOM_FEATURES = ("H", "C", "N", "O", "F", "atomic-number", "aromatic", "sp", "sp2", "sp3", "hydrogens")
BOND_FEATURES = ("single", "double", "triple", "aromatic")
QM9_LAYOUT = GraphLayout(atoms=29, bonds=28, atom_features=len(ATOM_FEATURES), bond_features=len(BOND_FEATURES))
