"""The files of QM9: the authors' archive, geometries, tables and graphs give the same molecules, and every message."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import attrs
import numpy as np
import pytest

from identify_core import Context, Interrupted, OptionsError, RunError, UsageError
from identify_core.testing.contexts import make_context
from identify_mtlcm.molecules import files
from identify_mtlcm.molecules.files import read_molecules
from identify_mtlcm.molecules.properties import ATOMISATION, FILE_ORDER, HARTREE_IN_KCAL_PER_MOL
from identify_mtlcm.molecules.records import Molecules, read_graphs, write_graphs
from identify_mtlcm.options.molecules import PROPERTIES, Qm9Options

SHARED = Path(__file__).parents[5] / "shared" / "data"
METHANOL = """6
gdb 8\t1.0\t2.0\t3.0\t1.5\t20.0\t-0.25\t0.05\t0.3\t100.0\t0.05\t-115.0\t-114.9\t-114.8\t-115.1\t9.0\t
C\t0.0\t0.0\t0.0\t-0.3
O\t1.42\t0.0\t0.0\t-0.4
H\t-0.36\t1.03\t0.0\t1.2*^-2
H\t-0.36\t-0.51\t0.89\t0.1
H\t-0.36\t-0.51\t-0.89\t0.1
H\t1.75\t0.89\t2.5*^-6\t0.3
300.0\t400.0
CO\tCO\t
InChI=1S/CH4O/c1-2/h2H,1H3\tInChI=1S/CH4O/c1-2/h2H,1H3
"""
# the same with its atoms in another order: the SMILES string must be laid onto it
HYDROGEN_CYANIDE = """3
gdb 5\t0.0\t4.0\t4.0\t2.9\t12.0\t-0.36\t0.02\t0.38\t48.0\t0.016\t-93.4\t-93.3\t-93.2\t-93.5\t6.0\t
N\t0.0\t0.0\t1.15\t-0.3
H\t0.0\t0.0\t-1.07\t0.1
C\t0.0\t0.0\t0.0\t0.2
700.0
C#N\tC#N\t
InChI=1S/CHN/c1-2/h1H\tInChI=1S/CHN/c1-2/h1H
"""
# an oxygen 3 Å away from where its SMILES string wants it: the geometry came apart
BROKEN = METHANOL.replace("gdb 8", "gdb 21").replace("O\t1.42", "O\t4.42").replace("H\t1.75", "H\t4.75")
FRAMES = {8: METHANOL, 5: HYDROGEN_CYANIDE, 21: BROKEN}
LIST = "heading\n\n====\n  8  C 1.0 2\n 9999999 no molecule\n----\nend 2\n"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path / "scratch")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, no other place to look at, and no published checksums."""
    monkeypatch.delenv("IDENTIFY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("ARCHIVE", "UNCHARACTERISED"):
        monkeypatch.setattr(files, name, attrs.evolve(getattr(files, name), sha256="", size=0))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def write_archive(folder: Path) -> Path:
    path = folder / "dsgdb9nsd.xyz.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for number, text in FRAMES.items():
            member = tarfile.TarInfo(f"dsgdb9nsd_{number:06d}.xyz")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def as_frame(text: str) -> str:
    """An authors' file as one frame with the atomisation energies and the SMILES string on its second line."""
    lines = text.splitlines()
    count = int(lines[0])
    second = lines[1].rstrip() + "\t-1.0\t-2.0\t-3.0\t-4.0\tsmiles=" + lines[3 + count].split()[0]
    return "\n".join([lines[0], second, *lines[2 : 2 + count]]) + "\n"


def options(folder: Path, **more: object) -> Qm9Options:
    return Qm9Options(folder=str(folder), **({"uncharacterised": "keep"} | more))  # type: ignore[arg-type]


def toy(*, positions: bool = True) -> Molecules:
    """Hydrogen cyanide and methanol by hand, atoms in the order of the strings above."""
    atoms = np.zeros((9, 11), dtype=np.uint8)
    number_of_hydrogens = [0, 0, 1, 3, 1, 0, 0, 0, 0]
    for row, number, hydrogens in zip(atoms, [7, 1, 6, 6, 8, 1, 1, 1, 1], number_of_hydrogens, strict=True):
        row[[1, 6, 7, 8].index(number)] = 1
        row[5], row[10] = number, hydrogens
    atoms[[0, 2], 7] = 1  # sp
    atoms[[3, 4], 9] = 1  # sp3
    lines = [*HYDROGEN_CYANIDE.splitlines()[2:5], *METHANOL.splitlines()[2:8]]
    values = np.zeros((2, 19))
    for place, text in enumerate((HYDROGEN_CYANIDE, METHANOL)):
        numbers = [float(word) for word in text.splitlines()[1].split()[2:]]
        values[place, [PROPERTIES.index(name) for name in FILE_ORDER]] = numbers
    # free atoms in hartree at 0 K: H −0.500273, C −37.846772, N −54.583861, O −75.064579
    values[0, PROPERTIES.index("U0-atom")] = -93.4 + 0.500273 + 37.846772 + 54.583861
    values[1, PROPERTIES.index("U0-atom")] = -115.0 + 4 * 0.500273 + 37.846772 + 75.064579
    return Molecules(
        ids=np.array([5, 8]),
        atoms=atoms,
        positions=np.array([[float(word.replace("*^", "e")) for word in line.split()[1:4]] for line in lines])
        if positions
        else None,
        ends=np.array([[2, 0], [2, 1], [0, 1], [0, 2], [0, 3], [0, 4], [1, 5]]),
        kinds=np.array([2, 0, 0, 0, 0, 0, 0]),
        atom_counts=np.array([3, 6]),
        bond_counts=np.array([2, 5]),
        properties=values,
        source="by hand",
    )


def bonds(molecules: Molecules) -> list[set[tuple[int, int, int]]]:
    found, first = [], 0
    for count in molecules.bond_counts.tolist():
        pairs = zip(molecules.ends[first : first + count].tolist(), molecules.kinds[first : first + count], strict=True)
        found.append({(min(pair), max(pair), int(kind)) for pair, kind in pairs})
        first += count
    return found


def assert_same(given: Molecules, expected: Molecules) -> None:
    np.testing.assert_array_equal(given.ids, expected.ids)
    np.testing.assert_array_equal(given.atoms, expected.atoms)
    np.testing.assert_array_equal(given.atom_counts, expected.atom_counts)
    assert bonds(given) == bonds(expected)
    if expected.positions is None:
        assert given.positions is None
    else:
        assert given.positions is not None
        np.testing.assert_array_equal(given.positions, expected.positions)
    known = [PROPERTIES.index(name) for name in (*FILE_ORDER, "U0-atom")]
    np.testing.assert_allclose(given.properties[:, known], expected.properties[:, known], rtol=1e-9, atol=1e-12)


def test_the_authors_archive_gives_the_molecules_and_leaves_out_what_came_apart(folder: Path, context: Context) -> None:
    pytest.importorskip("rdkit")
    write_archive(folder)
    assert_same(read_molecules(options(folder), context), toy())
    assert context.warnings == [
        "left out of dsgdb9nsd.xyz.tar.bz2: 1 whose geometry has other bonds than the SMILES string says (gdb 21)"
    ]


def test_the_archive_is_read_once_and_its_graphs_are_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rdkit")
    write_archive(folder)
    first = make_context(tmp_path / "one")
    assert_same(read_molecules(options(folder), first), toy())
    monkeypatch.setattr(files, "_members", None)
    again = make_context(tmp_path / "two")
    kept = read_molecules(options(folder), again)
    assert_same(kept, toy())
    assert kept.source == "dsgdb9nsd.xyz.tar.bz2"
    assert again.warnings == first.warnings != []


def test_graphs_kept_of_another_archive_are_made_anew(
    folder: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rdkit")
    from identify_core import file_sum

    path = write_archive(folder)
    monkeypatch.setattr(files, "ARCHIVE", attrs.evolve(files.ARCHIVE, sha256=file_sum(path)))
    write_graphs(folder / "dsgdb9nsd_graphs_1.npz", toy(positions=False), made_from="0" * 64)
    assert_same(read_molecules(options(folder), context), toy())


def test_geometries_in_one_file_give_the_same(folder: Path, context: Context) -> None:
    pytest.importorskip("rdkit")
    (folder / "some.xyz").write_text("".join(as_frame(text) for text in FRAMES.values()))
    assert_same(read_molecules(options(folder, file="some.xyz"), context), toy())


def test_graphs_come_back_from_their_file(folder: Path, context: Context) -> None:
    for positions in (True, False):
        write_graphs(folder / "qm9_two_graphs.npz", toy(positions=positions), made_from="somewhere")
        assert_same(read_molecules(options(folder), context), toy(positions=positions))
    assert read_graphs(folder / "qm9_two_graphs.npz", made_from="elsewhere") is None
    assert [each.name for each in folder.iterdir()] == ["qm9_two_graphs.npz"]


def test_a_table_of_strings_gives_the_same_graphs_in_the_strings_own_order(folder: Path, context: Context) -> None:
    pytest.importorskip("rdkit")
    names = {name: name for name in PROPERTIES} | {"U0": "u0", "U": "u298", "H": "h298", "G": "g298", "Cv": "cv"}
    names |= {"U0-atom": "u0_atom", "U-atom": "u298_atom", "H-atom": "h298_atom", "G-atom": "g298_atom"}
    expected = toy(positions=False)
    lines = [",".join(["mol_id", "smiles", *names.values()])]
    for number, smiles, values in zip((5, 8), ("N#C", "CO"), expected.properties.tolist(), strict=True):
        cells = [
            value * HARTREE_IN_KCAL_PER_MOL if name in ATOMISATION else value
            for name, value in zip(PROPERTIES, values, strict=True)
        ]
        lines.append(",".join([f"gdb_{number}", smiles, *map(repr, cells)]))
    (folder / "table.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    given = read_molecules(options(folder, file="table.csv.gz"), context)
    order = [0, 2, 1, 3, 4, 5, 6, 7, 8]  # the string has the nitrogen, the carbon, then the hydrogen
    np.testing.assert_array_equal(given.atoms, expected.atoms[order])
    assert bonds(given) == [{(0, 1, 2), (1, 2, 0)}, bonds(expected)[1]]
    np.testing.assert_allclose(given.properties, expected.properties, rtol=1e-12)


def test_uncharacterised_molecules_are_left_out_by_the_authors_list(folder: Path, context: Context) -> None:
    write_graphs(folder / "qm9_two_graphs.npz", toy(), made_from="")
    (folder / "uncharacterized.txt").write_text(LIST)
    kept = read_molecules(options(folder, uncharacterised="exclude"), context)
    assert_same(kept, toy().take(np.array([0])))
    assert context.warnings == []
    assert len(read_molecules(options(folder), context)) == 2


def test_without_the_list_a_part_of_qm9_is_taken_as_it_is_and_said_to_be(folder: Path, context: Context) -> None:
    write_graphs(folder / "qm9_two_graphs.npz", toy(), made_from="")
    assert len(read_molecules(options(folder, uncharacterised="exclude"), context)) == 2
    assert "the list uncharacterized.txt is not there" in context.warnings[0]


def test_without_the_list_the_whole_of_qm9_is_refused(folder: Path, context: Context) -> None:
    pytest.importorskip("rdkit")
    write_archive(folder)
    with pytest.raises(RunError, match=r"there is no uncharacterized\.txt in") as caught:
        read_molecules(options(folder, uncharacterised="exclude"), context)
    assert "https://ndownloader.figshare.com/files/3195404" in caught.value.hint


def test_molecules_are_taken_whole_and_in_the_order_asked_for() -> None:
    turned = toy().take(np.array([1, 0]))
    assert turned.ids.tolist() == [8, 5]
    assert turned.atoms[:, 5].tolist() == [6, 8, 1, 1, 1, 1, 7, 1, 6]
    assert bonds(turned) == bonds(toy())[::-1]
    assert_same(turned.take(np.array([1, 0])), toy())


def test_the_files_are_named_where_there_are_none(folder: Path, context: Context) -> None:
    with pytest.raises(RunError, match=r"there is no dsgdb9nsd\.xyz\.tar\.bz2 or qm9\*_graphs\.npz in ") as caught:
        read_molecules(options(folder), context)
    assert str(folder) in caught.value.message
    assert "https://ndownloader.figshare.com/files/3195389" in caught.value.hint
    assert "CC0" in caught.value.hint
    with pytest.raises(RunError, match=r"there is no mine\.npz in"):
        read_molecules(options(folder, file="mine.npz"), context)


def test_a_file_of_another_kind_is_refused(folder: Path, context: Context) -> None:
    (folder / "qm9.sdf").write_text("")
    with pytest.raises(OptionsError, match=r"qm9\.sdf is not a kind of file that can be read") as caught:
        read_molecules(options(folder, file="qm9.sdf"), context)
    assert ".npz" in caught.value.hint


def test_another_archive_than_the_published_one_is_refused(
    folder: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(folder)
    monkeypatch.setattr(files, "ARCHIVE", attrs.evolve(files.ARCHIVE, sha256="0" * 64))
    with pytest.raises(RunError, match=r"dsgdb9nsd\.xyz\.tar\.bz2 is not what it should be: its SHA-256 is"):
        read_molecules(options(folder), context)


def test_the_published_sums_are_whole() -> None:
    for file in (files.ARCHIVE, files.UNCHARACTERISED):
        assert len(bytes.fromhex(file.sha256)) == 32
    assert (files.ARCHIVE.size, files.UNCHARACTERISED.size) == (86_144_227, 486_752)


def test_a_truncated_archive_is_told(folder: Path, context: Context) -> None:
    pytest.importorskip("rdkit")
    path = write_archive(folder)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match=r"dsgdb9nsd\.xyz\.tar\.bz2 is damaged or incomplete"):
        read_molecules(options(folder), context)


def test_reading_the_archive_stops_when_asked(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("rdkit")
    write_archive(folder)
    with pytest.raises(Interrupted, match="stopped while reading"):
        read_molecules(options(folder), make_context(tmp_path / "stopping", stop_requested=lambda: True))
    assert not list(folder.glob("*.npz"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n0.0", "\nx", r"holds no molecule"),
        ("gdb 8", "gdb eight", r"some\.xyz holds a molecule that cannot be read \(gdb eight\): invalid literal"),
        ("O\t1.42", "S\t1.42", r"some\.xyz holds a molecule that cannot be read \(gdb 8\): 'S'"),
        ("O\t1.42", "O\tfar", r"cannot be read \(gdb 8\): could not convert string to float: 'far'"),
        ("smiles=CO", "smiles=C(", r"cannot be read \(gdb 8\): RDKit cannot read the SMILES string 'C\('"),
    ],
)
def test_a_molecule_that_cannot_be_read_is_named(
    old: str, new: str, message: str, folder: Path, context: Context
) -> None:
    pytest.importorskip("rdkit")
    text = as_frame(METHANOL)
    (folder / "some.xyz").write_text(text.replace(old, new) if old in text else "")
    with pytest.raises(RunError, match=message):
        read_molecules(options(folder, file="some.xyz"), context)


@pytest.mark.parametrize("text", [as_frame(METHANOL)[:-60], "six\n", "99\n\n"])
def test_geometries_that_end_early_are_told(text: str, folder: Path, context: Context) -> None:
    (folder / "some.xyz").write_text(text)
    with pytest.raises(RunError, match=r"(some\.xyz is damaged or incomplete at line 1|cannot be read)"):
        read_molecules(options(folder, file="some.xyz"), context)


def test_damaged_and_foreign_files_of_graphs_are_told(folder: Path, context: Context) -> None:
    path = folder / "qm9_two_graphs.npz"
    write_graphs(path, toy(), made_from="")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=r"qm9_two_graphs\.npz is damaged or no file of arrays"):
        read_molecules(options(folder), context)
    np.save(folder / "one.npy", np.zeros(3))
    (folder / "one.npy").replace(path)
    with pytest.raises(RunError, match=r"qm9_two_graphs\.npz is damaged or no file of arrays: File is not a zip file"):
        read_molecules(options(folder), context)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(RunError, match=r"is not a file of molecular graphs: it has no edge_index, edge_ptr"):
        read_molecules(options(folder), context)
    path.write_bytes(whole)
    with np.load(path) as file:
        held = {name: file[name] for name in file.files}
    np.savez(path, **(held | {"target_names": np.array(["mu"] * 19)}))
    with pytest.raises(RunError, match=r"does not hold the properties alpha, homo"):
        read_molecules(options(folder), context)
    np.savez(path, **(held | {"node_attr": held["node_attr"][:, :5]}))
    with pytest.raises(RunError, match=r"does not hold 11 attributes of each atom"):
        read_molecules(options(folder), context)
    one_way = {"edge_index": np.sort(held["edge_index"], axis=0)}
    np.savez(path, **(held | one_way))
    with pytest.raises(RunError, match=r"does not hold every bond in both directions"):
        read_molecules(options(folder), context)


def test_a_table_that_is_none_is_told(folder: Path, context: Context) -> None:
    (folder / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunError, match=r"table\.csv is not a table of QM9 that can be read"):
        read_molecules(options(folder, file="table.csv"), context)
    (folder / "table.csv.gz").write_bytes(gzip.compress(b"mol_id\n" * 999)[:-30])
    with pytest.raises(RunError, match=r"table\.csv\.gz is damaged or incomplete"):
        read_molecules(options(folder, file="table.csv.gz"), context)


def test_without_rdkit_the_extra_is_named(folder: Path, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rdkit.Chem", None)
    write_archive(folder)
    with pytest.raises(UsageError, match="needs rdkit, which is not installed") as caught:
        read_molecules(options(folder), context)
    assert "pip install 'identify-mtlcm[molecules]'" in caught.value.hint


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_graphs_table_and_geometries_of_qm9_agree(context: Context) -> None:
    """The graphs were made from the strings; geometries of the same molecules have the same properties and bonds."""
    pytest.importorskip("rdkit")
    graphs, table, geometries = (
        read_molecules(options(SHARED, file=name), context)
        for name in ("qm9_4000_graphs.npz", "qm9_4000.csv.gz", "qm9_113_geometries.xyz")
    )
    assert (len(graphs), len(table), len(geometries)) == (4000, 4000, 112)  # the ring of gdb 125471 came open
    np.testing.assert_array_equal(table.atoms, graphs.atoms)
    np.testing.assert_allclose(table.properties, graphs.properties, rtol=1e-12)
    assert bonds(table) == bonds(graphs)
    named = dict(zip(PROPERTIES, graphs.properties.T, strict=True))
    np.testing.assert_allclose(named["gap"], named["lumo"] - named["homo"], atol=1.01e-4)  # all have four digits
    both = np.intersect1d(graphs.ids, geometries.ids)
    assert len(both) == 19
    ours, theirs = (each.take(np.searchsorted(each.ids, both)) for each in (graphs, geometries))
    np.testing.assert_allclose(theirs.properties, ours.properties, rtol=1e-6)
    np.testing.assert_array_equal(theirs.bond_counts, ours.bond_counts)
    for one, other in zip(_described(theirs), _described(ours), strict=True):
        assert one == other
    assert theirs.positions is not None
    first = np.repeat(np.cumsum(theirs.atom_counts) - theirs.atom_counts, theirs.bond_counts)[:, None]
    ends = theirs.ends + first
    lengths = np.linalg.norm(theirs.positions[ends[:, 0]] - theirs.positions[ends[:, 1]], axis=1)
    assert 0.9 < lengths.min() < lengths.max() < 1.7


def _described(molecules: Molecules) -> list[list[tuple[object, ...]]]:
    """Every bond by its kind and the attributes of its atoms, whatever the order of atoms."""
    found, first_atom, first_bond = [], 0, 0
    for atoms, count in zip(molecules.atom_counts.tolist(), molecules.bond_counts.tolist(), strict=True):
        attributes = [tuple(row) for row in molecules.atoms[first_atom : first_atom + atoms].tolist()]
        found.append(
            sorted(
                (int(kind), *sorted((attributes[a], attributes[b])))
                for (a, b), kind in zip(
                    molecules.ends[first_bond : first_bond + count].tolist(),
                    molecules.kinds[first_bond : first_bond + count],
                    strict=True,
                )
            )
        )
        first_atom, first_bond = first_atom + atoms, first_bond + count
    return found
