"""The files of QM9: the authors' archive of geometries, other geometries, tables of SMILES strings, files of graphs."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from identify_core import (
    Context,
    FilePlaces,
    Interrupted,
    OptionsError,
    PublicFile,
    RunError,
    missing_file,
    obtain_file,
)
from identify_mtlcm.molecules.chemistry import NUMBERS, graph_of, graph_on_geometry, import_rdkit
from identify_mtlcm.molecules.properties import (
    ATOMISATION,
    FILE_ORDER,
    HARTREE_IN_KCAL_PER_MOL,
    property_name,
    with_atomisation,
)
from identify_mtlcm.molecules.records import Entry, Molecules, gather, read_graphs, write_graphs
from identify_mtlcm.options.molecules import PROPERTIES, Qm9Options

_SOURCE = "Ramakrishnan et al. (2014), doi 10.6084/m9.figshare.978904"

# Sizes and sums as tensorflow_datasets records them; the MD5 sums that figshare publishes belong to the same files.
ARCHIVE = PublicFile(
    name="dsgdb9nsd.xyz.tar.bz2",
    url="https://ndownloader.figshare.com/files/3195389",
    sha256="3a63848ac80691bdb8d41834b575afad345b9300d7a2db0c38adb7f6eaa8360c",
    size=86_144_227,
    licence="CC0",
    source=_SOURCE,
)
UNCHARACTERISED = PublicFile(
    name="uncharacterized.txt",
    url="https://ndownloader.figshare.com/files/3195404",
    sha256="3aa5115d540b356de94791d4a74c3bf1ed91c469ecf52a4f5d7cc0506fe02e24",
    size=486_752,
    licence="CC0",
    source=_SOURCE,
)
_GRAPH_FILES = "qm9*_graphs.npz"
_ARCHIVE_MOLECULES = 133_885
_SHOWN = 5


def read_molecules(options: Qm9Options, context: Context) -> Molecules:
    """Find the file that the options ask for, check it and read it; uncharacterised molecules are left out on request.

    Raises:
        RunError: it is nowhere, incomplete, another file than published, or damaged.
        UsageError: it needs RDKit, which is not installed.
        OptionsError: nobody can read that kind of file.
    """
    places = FilePlaces(collection="qm9", folder=options.folder)
    molecules = _read(_locate(options, places, context), places, context)
    for note in molecules.notes:
        context.warn(note)
    if options.uncharacterised == "keep":
        return molecules
    listed = _uncharacterised(molecules.source == ARCHIVE.name, options, places, context)
    return molecules.take(np.flatnonzero(~np.isin(molecules.ids, listed)))


def _locate(options: Qm9Options, places: FilePlaces, context: Context) -> Path:
    if options.file and options.file != ARCHIVE.name:
        found = places.find(options.file)
        if found is None:
            raise missing_file(PublicFile(name=options.file, source="dataset.file names it"), places)
        return found
    if not options.file and not options.download and places.find(ARCHIVE.name) is None:
        graphs = (each for folder in places.folders for each in sorted(folder.glob(_GRAPH_FILES)))
        found = next(graphs, None)
        if found is not None:
            return found
    return obtain_file(ARCHIVE, places, context, download=options.download, alternatives=[_GRAPH_FILES])


def _read(path: Path, places: FilePlaces, context: Context) -> Molecules:
    if path.name == ARCHIVE.name:
        return _read_archive(path, places, context)
    if path.suffix == ".npz":
        molecules = read_graphs(path)
        assert molecules is not None
        return molecules
    if path.suffix == ".xyz":
        with path.open("rb") as stream:
            return _gather_geometries(_frames(stream.read(), path), path.name)
    if path.name.endswith((".csv", ".csv.gz")):
        return _read_table(path)
    raise OptionsError(
        f"{path.name} is not a kind of file that can be read", hint=f"take {ARCHIVE.name}, .xyz, .csv, .csv.gz or .npz"
    )


def _read_archive(path: Path, places: FilePlaces, context: Context) -> Molecules:
    """The authors' archive; reading it takes minutes, so its graphs are kept next to it or where downloads go."""
    name = "dsgdb9nsd_graphs_1.npz"
    kept = places.find(name)
    molecules = None if kept is None else read_graphs(kept, made_from=ARCHIVE.sha256)
    if molecules is None:
        import_rdkit()
        frames = _members(path, context)
        molecules = _gather_geometries(frames, path.name)
        try:
            places.target.mkdir(parents=True, exist_ok=True)
            write_graphs(places.target / name, molecules, made_from=ARCHIVE.sha256)
        except OSError as error:
            context.warn(f"the graphs of {path.name} could not be kept, so the next run reads it again: {error}")
    return attrs.evolve(molecules, source=ARCHIVE.name)


def _members(path: Path, context: Context) -> Iterator[list[str]]:
    """The lines of each molecule of the archive."""
    try:
        with (
            context.progress(f"reading {path.name}", _ARCHIVE_MOLECULES, "molecules") as bar,
            tarfile.open(path, mode="r|bz2") as archive,
        ):
            for member in archive:
                stream = archive.extractfile(member)
                if stream is None or not member.name.endswith(".xyz"):
                    continue
                yield stream.read().decode("ascii").splitlines()
                bar.advance()
                if context.should_stop():
                    raise Interrupted(f"stopped while reading {path.name}", hint="run it again to begin again")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RunError(f"{path} is damaged or incomplete: {error}", hint="delete it and fetch it again") from error


def _frames(content: bytes, path: Path) -> Iterator[list[str]]:
    """The lines of each molecule of a file of several."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    start = 0
    while start < len(lines) and lines[start].strip():
        count = lines[start].strip()
        if not count.isdigit() or start + 2 + int(count) > len(lines):
            raise RunError(f"{path} is damaged or incomplete at line {start + 1}: a molecule's atoms do not follow")
        yield lines[start : start + 2 + int(count)]
        start += 2 + int(count)


def _gather_geometries(frames: Iterator[list[str]], source: str) -> Molecules:
    entries, unlike = [], []
    for lines in frames:
        number, entry = _geometry(lines, source)
        if entry is None:
            unlike.append(number)
        else:
            entries.append(entry)
    notes = []
    if unlike:
        more = ", …" if len(unlike) > _SHOWN else ""
        notes.append(
            f"left out of {source}: {len(unlike):,} whose geometry has other bonds than the SMILES string says "
            f"(gdb {', '.join(str(each) for each in unlike[:_SHOWN])}{more})"
        )
    return gather(entries, source, notes)


def _geometry(lines: list[str], source: str) -> tuple[int, Entry | None]:
    """One molecule of the authors' format, or of one with the atomisation energies and the SMILES on the second line.

    None for the entry where geometry and SMILES are different molecules.
    """
    try:
        count = int(lines[0])
        words = lines[1].split()
        number = int(words[1])
        atoms = [line.replace("*^", "e").split() for line in lines[2 : 2 + count]]
        elements = [atom[0] for atom in atoms]
        positions = np.array([[float(word) for word in atom[1:4]] for atom in atoms])
        values = [float(word) for word in words[2 : 2 + len(FILE_ORDER)]]
        properties = with_atomisation(values, [NUMBERS[element] for element in elements])
        named = words[-1].startswith("smiles=")  # otherwise two stand below: of GDB-9, and of the relaxed geometry
        strings = [words[-1].removeprefix("smiles=")] if named else lines[3 + count].split()
        graphs = (graph_on_geometry(smiles, elements, positions) for smiles in strings)
        graph = next((graph for graph in graphs if graph is not None), None)
    except (ValueError, IndexError, KeyError) as error:
        which = lines[1].strip().split("\t")[0] if len(lines) > 1 else "without a second line"
        raise RunError(f"{source} holds a molecule that cannot be read ({which}): {error}") from error
    if graph is None:
        return number, None
    return number, Entry(number=number, graph=graph, positions=positions, properties=properties)


def _read_table(path: Path) -> Molecules:
    """A table of `mol_id`, `smiles` and the 19 properties, atomisation energies in kcal/mol."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            return gather(_table_entries(stream), path.name)
    except (OSError, EOFError) as error:
        raise RunError(f"{path} is damaged or incomplete: {error}", hint="fetch it again") from error
    except (ValueError, KeyError) as error:
        raise RunError(f"{path} is not a table of QM9 that can be read: {error}") from error


def _table_entries(stream: io.TextIOBase | Any) -> Iterator[Entry]:
    for line in csv.DictReader(stream):
        values = {property_name(name): cell for name, cell in line.items()}
        properties = [
            float(values[name]) / (HARTREE_IN_KCAL_PER_MOL if name in ATOMISATION else 1.0) for name in PROPERTIES
        ]
        number = int(line["mol_id"].removeprefix("gdb_"))
        yield Entry(number=number, graph=graph_of(line["smiles"]), positions=None, properties=properties)


def _uncharacterised(whole: bool, options: Qm9Options, places: FilePlaces, context: Context) -> np.ndarray[Any, Any]:
    """The numbers on the authors' list; for a part of QM9 without the list next to it, none, with a warning."""
    if places.find(UNCHARACTERISED.name) is None and not (whole or options.download):
        context.warn(
            f"the list {UNCHARACTERISED.name} is not there, so nothing is known of uncharacterised molecules in this "
            "file: none is left out"
        )
        return np.array([], dtype=np.int64)
    path = obtain_file(UNCHARACTERISED, places, context, download=options.download)
    words = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    numbers = [int(each[0]) for each in words if each and each[0].isdigit()]
    return np.array([each for each in numbers if 1 <= each <= _ARCHIVE_MOLECULES])
