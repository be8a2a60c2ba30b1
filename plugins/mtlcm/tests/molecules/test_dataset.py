"""The dataset of molecules: tasks and units, splits by molecule, subsets that follow no run, what is said aloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from identify_core import Context, OptionsError
from identify_core.testing.contexts import make_context
from identify_mtlcm.molecules.dataset import make_qm9
from identify_mtlcm.molecules.graphs import QM9_LAYOUT
from identify_mtlcm.molecules.properties import HARTREE_IN_EV, in_unit, with_atomisation
from identify_mtlcm.molecules.records import Molecules, write_graphs
from identify_mtlcm.options.molecules import PROPERTIES, STUDY_PROPERTIES, Qm9Options
from identify_mtlcm.tasks import task_rows

SHARED = Path(__file__).parents[5] / "shared" / "data"
COUNT = 60


def chains(*, positions: bool = True, longest: int = 9) -> Molecules:
    """Chains of carbon without hydrogens: enough to be packed."""
    sizes = np.arange(COUNT) % longest + 1
    atoms = np.zeros((sizes.sum(), 11), dtype=np.uint8)
    atoms[:, [1, 5]] = 1, 6
    generator = np.random.default_rng(0)
    return Molecules(
        ids=np.arange(COUNT) * 3 + 7,
        atoms=atoms,
        positions=generator.normal(size=(sizes.sum(), 3)) if positions else None,
        ends=np.concatenate([np.stack([np.arange(size - 1), np.arange(1, size)], axis=1) for size in sizes]),
        kinds=np.zeros(int((sizes - 1).sum()), dtype=np.int64),
        atom_counts=sizes,
        bond_counts=sizes - 1,
        properties=generator.normal(size=(COUNT, 19)) * np.arange(1, 20),
        source="chains",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_graphs(tmp_path / "qm9_chains_graphs.npz", chains(), made_from="")
    return tmp_path


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path / "scratch")


def options(folder: Path, **more: object) -> Qm9Options:
    return Qm9Options(folder=str(folder), uncharacterised="keep", **more)  # type: ignore[arg-type]


def test_a_row_is_a_molecule_and_the_tasks_are_the_studys(folder: Path, context: Context) -> None:
    samples = make_qm9(options(folder), context)
    assert samples.shape.inputs == (576,)
    assert list(samples.ids) == list(chains().ids)
    assert STUDY_PROPERTIES == ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
    assert tuple(samples.truths["task-names"].values) == STUDY_PROPERTIES
    assert task_rows(samples).names == STUDY_PROPERTIES
    graphs = QM9_LAYOUT.unpack(samples.tensor("x"))
    expected = chains().graphs()
    torch.testing.assert_close(graphs.positions, expected.positions.float())
    assert torch.equal(graphs.ends, expected.ends)
    assert context.warnings == []


def test_targets_lead_back_to_their_units_and_are_standardised_by_the_training_rows(
    folder: Path, context: Context
) -> None:
    samples = make_qm9(options(folder), context)
    y, train = samples.tensor("y").double().numpy(), samples.splits["train"]
    np.testing.assert_allclose(y[train].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y[train].std(0), 1, atol=1e-5)
    back = y * samples.truths["target-scale"].values + samples.truths["target-mean"].values
    native = chains().properties
    units = dict(zip(STUDY_PROPERTIES, samples.truths["task-units"].values.tolist(), strict=True))
    assert {units[name] for name in ("homo", "lumo", "gap", "zpve", "U0", "U", "H", "G")} == {"eV"}
    assert (units["mu"], units["alpha"], units["r2"], units["Cv"]) == ("debye", "bohr³", "bohr²", "cal/(mol K)")
    for place, name in enumerate(STUDY_PROPERTIES):
        factor = HARTREE_IN_EV if units[name] == "eV" else 1.0
        np.testing.assert_allclose(back[:, place], factor * native[:, PROPERTIES.index(name)], rtol=1e-4, atol=1e-3)
    study = make_qm9(options(folder, standardise="all", test_part=0.0), context)
    np.testing.assert_allclose(study.tensor("y").double().numpy().std(0), 1, atol=1e-5)
    assert list(study.splits["train"]) == list(study.splits["test"]) == list(range(COUNT))


def test_all_nineteen_properties_are_tasks_where_they_are_asked_for(folder: Path, context: Context) -> None:
    samples = make_qm9(options(folder, properties=PROPERTIES, standardise="none", energies="hartree"), context)
    assert samples.facts["tasks"] == 19
    np.testing.assert_allclose(samples.tensor("y"), chains().properties, rtol=1e-6)
    assert "eV" not in samples.truths["task-units"].values
    two = make_qm9(options(folder, properties=("Cv", "A"), standardise="none"), context)
    np.testing.assert_allclose(two.tensor("y"), chains().properties[:, [11, 16]], rtol=1e-6)


def test_the_same_molecules_whatever_the_runs_seed(folder: Path, tmp_path: Path) -> None:
    """The study drew its subset with the run's seed, so that rows of different runs were different molecules."""
    first, second = (make_qm9(options(folder, subset=40), make_context(tmp_path / str(s), seed=s)) for s in (0, 1))
    assert first.fingerprint == second.fingerprint
    assert len(first) == 40
    other = make_qm9(options(folder, subset=40, subset_seed=5), make_context(tmp_path / "2"))
    assert list(other.ids) != list(first.ids)


def test_a_molecule_keeps_its_side_and_its_row_in_any_subset(folder: Path, context: Context) -> None:
    whole, part = make_qm9(options(folder), context), make_qm9(options(folder, subset=40), context)
    assert {whole.ids[row] for row in whole.splits["test"]} >= {part.ids[row] for row in part.splits["test"]}
    rows = np.searchsorted(whole.ids, part.ids)
    assert torch.equal(whole.tensor("x")[rows], part.tensor("x"))
    np.testing.assert_array_equal(whole.row_fingerprints[rows], part.row_fingerprints)


def test_missing_coordinates_are_zeros_and_said_aloud(tmp_path: Path, context: Context) -> None:
    write_graphs(tmp_path / "qm9_flat_graphs.npz", chains(positions=False), made_from="")
    samples = make_qm9(options(tmp_path), context)
    assert samples.facts["coordinates"] is False
    assert not QM9_LAYOUT.unpack(samples.tensor("x")).positions.any()
    assert context.warnings == [
        "qm9_flat_graphs.npz has no coordinates: every distance is 0, and a network sees the bonds of a molecule but "
        "not its shape"
    ]


def test_molecules_larger_than_those_of_qm9_are_refused(tmp_path: Path, context: Context) -> None:
    write_graphs(tmp_path / "qm9_long_graphs.npz", chains(longest=40), made_from="")
    with pytest.raises(OptionsError, match=r"does not hold molecules of QM9: molecule 39 has 40 atoms, a row holds 29"):
        make_qm9(options(tmp_path), context)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (("mu", "colour"), "'colour' is not a property of QM9: there are mu, alpha"),
        (("mu", "mu"), "the property 'mu' is named twice"),
        ((), "properties must not be empty"),
    ],
)
def test_properties_that_are_none_are_refused(properties: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Qm9Options(properties=properties)


def test_energies_of_atomisation_are_what_free_atoms_leave() -> None:
    """Water, gdb 3: U0 is −76.404702 hartree and the table says −213.088 kcal/mol of its atomisation."""
    values = dict.fromkeys(PROPERTIES, 0.0) | {"U0": -76.404702}
    given = with_atomisation(
        [values[name] for name in ("A", "B", "C", *PROPERTIES[:7], "U0", "U", "H", "G", "Cv")], [8, 1, 1]
    )
    assert given[PROPERTIES.index("U0-atom")] * 627.509 == pytest.approx(-213.087624)
    converted, units = in_unit(np.ones((1, 2)), ("U0-atom", "mu"), "eV")
    assert units == ("eV", "debye")
    np.testing.assert_allclose(converted, [[HARTREE_IN_EV, 1.0]])


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_the_real_molecules_fit_their_rows(context: Context) -> None:
    samples = make_qm9(Qm9Options(folder=str(SHARED)), context)
    assert samples.facts["atoms"] == 72_036
    graphs = QM9_LAYOUT.unpack(samples.tensor("x"))
    assert int(graphs.atom_counts.max()) <= 29
    assert (graphs.atoms[:, :5].sum(1) == 1).all()
    source, target, _ = graphs.directed()
    hydrogens = torch.zeros(len(graphs.atoms)).index_add(0, target, (graphs.atoms[source, 0] == 1).float())
    torch.testing.assert_close(hydrogens, graphs.atoms[:, 10])
    assert source.shape == (148_990,)
