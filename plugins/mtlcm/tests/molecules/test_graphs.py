"""Packed molecules: a round trip, padding that says nothing, limits, batches."""

from __future__ import annotations

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_mtlcm.molecules.graphs import ATOM_FEATURES, BOND_FEATURES, QM9_LAYOUT, GraphLayout, Graphs

FIELDS = ("atoms", "positions", "bonds", "ends", "atom_counts", "bond_counts")
SMALL = GraphLayout(atoms=5, bonds=7, atom_features=3, bond_features=2)


def random_graphs(sizes: list[tuple[int, int]], seed: int = 0, layout: GraphLayout = SMALL) -> Graphs:
    generator = torch.Generator().manual_seed(seed)
    atom_counts, bond_counts = torch.tensor(sizes, dtype=torch.long).reshape(-1, 2).unbind(1)
    atoms, bonds = int(atom_counts.sum()), int(bond_counts.sum())
    limits = atom_counts.repeat_interleave(bond_counts)[:, None].expand(-1, 2)
    return Graphs(
        atoms=torch.randn(atoms, layout.atom_features, generator=generator, dtype=torch.float64),
        positions=torch.randn(atoms, 3, generator=generator, dtype=torch.float64),
        bonds=torch.randn(bonds, layout.bond_features, generator=generator, dtype=torch.float64),
        ends=(torch.rand(bonds, 2, generator=generator) * limits).long(),
        atom_counts=atom_counts,
        bond_counts=bond_counts,
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 7)), max_size=6),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_unpacking_gives_back_what_was_packed(sizes: list[tuple[int, int]], dtype: torch.dtype) -> None:
    graphs = random_graphs(sizes)
    rows = SMALL.pack(graphs, dtype)
    assert rows.shape == (len(sizes), SMALL.width)
    assert rows.dtype is dtype
    back = SMALL.unpack(rows)
    for name in FIELDS:
        expected = getattr(graphs, name)
        expected = expected.to(dtype) if expected.is_floating_point() else expected
        assert torch.equal(getattr(back, name), expected), name


def test_rows_are_molecules_whatever_the_batch() -> None:
    graphs = random_graphs([(3, 2), (5, 7), (1, 0), (4, 3)])
    rows = SMALL.pack(graphs, torch.float64)
    assert torch.equal(SMALL.pack(SMALL.unpack(rows[2:]), torch.float64), rows[2:])
    shuffled = rows[[2, 0, 3, 1]]
    assert torch.equal(SMALL.pack(SMALL.unpack(shuffled), torch.float64), shuffled)


def test_the_largest_molecule_of_qm9_fits() -> None:
    """C9H20, nonane: 29 atoms in a tree of 28 bonds."""
    assert (QM9_LAYOUT.atoms, QM9_LAYOUT.bonds) == (29, 28)
    assert QM9_LAYOUT.width == 2 + 29 * (11 + 3) + 28 * (2 + 4) == 576
    assert (len(ATOM_FEATURES), len(BOND_FEATURES)) == (11, 4)
    graphs = random_graphs([(29, 28)], layout=QM9_LAYOUT)
    assert torch.equal(QM9_LAYOUT.unpack(QM9_LAYOUT.pack(graphs, torch.float64)).ends, graphs.ends)


def test_bonds_run_in_both_directions_among_the_atoms_of_their_molecule() -> None:
    graphs = attrs.evolve(
        random_graphs([(3, 2), (1, 0), (2, 1)]), ends=torch.tensor([[0, 2], [1, 2], [0, 1]], dtype=torch.long)
    )
    source, target, bonds = graphs.directed()
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == [(0, 2), (1, 2), (4, 5), (2, 0), (2, 1), (5, 4)]
    assert torch.equal(bonds[:3], bonds[3:])
    assert graphs.molecule.tolist() == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(("size", "what"), [((6, 1), "6 atoms, a row holds 5"), ((2, 8), "8 bonds, a row holds 7")])
def test_a_molecule_too_large_is_refused(size: tuple[int, int], what: str) -> None:
    with pytest.raises(ValueError, match=f"molecule 1 has {what}"):
        SMALL.pack(random_graphs([(1, 0), size]), torch.float32)


def test_unpacking_is_differentiable_in_attributes_and_positions() -> None:
    rows = SMALL.pack(random_graphs([(3, 2), (5, 7)]), torch.float64).requires_grad_()
    graphs = SMALL.unpack(rows)
    (graphs.atoms.sum() + 2 * graphs.positions.sum()).backward()  # type: ignore[no-untyped-call]
    assert rows.grad is not None
    present = SMALL.unpack(rows.grad.clone().index_put_((torch.arange(2), torch.tensor(0)), rows.detach()[:, 0]))
    assert (present.atoms == 1).all()
    assert (present.positions == 2).all()
