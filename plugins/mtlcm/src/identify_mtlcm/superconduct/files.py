"""The superconductor tables: the official files of UCI 464, or compositions with the properties of the elements."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
import numpy as np

from identify_core import Context, FilePlaces, PublicFile, RunError, check_file, missing_file, obtain_file
from identify_mtlcm.options.superconduct import SuperconductOptions
from identify_mtlcm.superconduct.features import FEATURE_NAMES, PROPERTIES, compute_features
from identify_mtlcm.superconduct.formulas import ELEMENTS, composition_matrix

Array = np.ndarray[Any, Any]

_LICENCE = "CC BY 4.0"
_SOURCE = "Hamidieh (2018), UCI 464, doi 10.24432/C53P47"
_TEMPERATURE = "critical_temp"

# The sums are those of the files as UCI served them in 2026, on which several independent projects agree.
ARCHIVE = PublicFile(
    name="superconductivty+data.zip",
    url="https://archive.ics.uci.edu/static/public/464/superconductivty+data.zip",
    sha256="87f4490d73390ff94ee01dbf0d7d32abc80b22f2c803d471765cfc46a9f6371e",
    size=8_300_005,
    licence=_LICENCE,
    source=_SOURCE,
)
FEATURES = PublicFile(
    name="train.csv",
    sha256="4dfb6e3a1f6ffd969e5a5e42f093c4800d1e2a6c8b1e309f8fcd9f23d86952f3",
    size=23_859_780,
    licence=_LICENCE,
    source=f"in the archive of {_SOURCE}",
)
COMPOSITIONS = PublicFile(
    name="unique_m.csv",
    sha256="b68ae6b55ea8581eff8b1ffba073a899db7e2d2f7f3b781bb0802f643f51e5f7",
    size=4_291_603,
    licence=_LICENCE,
    source=f"in the archive of {_SOURCE}",
)
COMPOSITION_NAMES = ("superconduct_unique_m.csv.gz", "superconduct_unique_m.csv")
ELEMENT_PROPERTIES = PublicFile(
    name="superconduct_element_properties.csv",
    licence=_LICENCE,
    source="a table of element and the eight properties of Hamidieh (2018), table 1",
)


@attrs.frozen(kw_only=True, eq=False)
class Superconductors:
    """The table, row for row as UCI numbers it.

    Args:
        rows: UCI row numbers from 0, (n,).
        formulas: n strings.
        amounts: of the 86 elements, (n, 86).
        features: (n, 81).
        temperature: critical temperature in kelvin, (n,); NaN where it is withheld.
        source: the files' names, for the record.
    """

    rows: Array
    formulas: tuple[str, ...]
    amounts: Array
    features: Array
    temperature: Array
    source: str


def read_superconductors(options: SuperconductOptions, context: Context) -> Superconductors:
    """Find the files that the options ask for, check them and read them.

    Raises:
        RunError: they are nowhere, incomplete, other files than published, or their content does not fit together.
    """
    places = FilePlaces(collection="superconduct", folder=options.folder)
    if options.files != "compositions":
        if places.find(ARCHIVE.name) is not None:
            return _read_archive(obtain_file(ARCHIVE, places, context))
        features, compositions = places.find(FEATURES.name), places.find(COMPOSITIONS.name)
        if features is not None and compositions is not None:
            check_file(features, FEATURES)
            check_file(compositions, COMPOSITIONS)
            with features.open("rb") as first, compositions.open("rb") as second:
                return _read_official(first, second, f"{features.name}, {compositions.name}")
        if options.download:
            return _read_archive(obtain_file(ARCHIVE, places, context, download=True))
    compositions = places.find(*COMPOSITION_NAMES)
    if options.files == "official" or compositions is None:
        wanted = "train.csv with unique_m.csv"
        others = [] if options.files == "official" else [f"{COMPOSITION_NAMES[0]} with {ELEMENT_PROPERTIES.name}"]
        if options.files == "compositions":
            raise missing_file(attrs.evolve(ELEMENT_PROPERTIES, name=others[0]), places)
        raise missing_file(ARCHIVE, places, alternatives=[wanted, *others])
    return _read_compositions(compositions, obtain_file(ELEMENT_PROPERTIES, places, context))


def _read_archive(path: Path) -> Superconductors:
    with _told(path), zipfile.ZipFile(path) as archive:
        held = archive.namelist()
        for name in (FEATURES.name, COMPOSITIONS.name):
            if name not in held:
                raise RunError(f"{path} holds no {name}, but {', '.join(held)}")
        with archive.open(FEATURES.name) as features, archive.open(COMPOSITIONS.name) as compositions:
            return _read_official(features, compositions, path.name)


def _read_official(features: IO[bytes], compositions: IO[bytes], source: str) -> Superconductors:
    with _told(source):
        header = features.readline().decode("utf-8").strip().split(",")
        _check_header(FEATURES.name, header, [*FEATURE_NAMES, _TEMPERATURE])
        table = np.loadtxt(features, delimiter=",", ndmin=2)
        amounts, temperature, formulas, rows = _read_amounts(compositions, COMPOSITIONS.name)
    if len(table) != len(amounts):
        raise RunError(f"{FEATURES.name} has {len(table)} rows and {COMPOSITIONS.name} {len(amounts)}: they must agree")
    different = np.flatnonzero(table[:, -1] != temperature)
    if len(different):
        raise RunError(
            f"{FEATURES.name} and {COMPOSITIONS.name} differ in the critical temperature of row {different[0]}: they "
            "are not of one version"
        )
    return Superconductors(
        rows=rows,
        formulas=formulas,
        amounts=amounts,
        features=table[:, :-1],
        temperature=temperature,
        source=source,
    )


def _read_compositions(path: Path, properties_path: Path) -> Superconductors:
    with _told(path), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        amounts, temperature, formulas, rows = _read_amounts(stream, path.name)
    properties = _read_properties(properties_path)
    with _told(properties_path):
        features = compute_features(amounts, properties, ELEMENTS)
    return Superconductors(
        rows=rows,
        formulas=formulas,
        amounts=amounts,
        features=features,
        temperature=temperature,
        source=f"{path.name}, {properties_path.name}",
    )


def _read_amounts(stream: Any, name: str) -> tuple[Array, Array, tuple[str, ...], Array]:
    """Amounts (n, 86), temperatures (n,), formulas and row numbers; the formulas must say the same as the amounts."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    lines = list(csv.reader(text))
    text.detach()  # the stream is its owner's to close
    numbered = lines[:1] != [] and lines[0][:1] == ["row"]
    header = [*(["row"] if numbered else []), *ELEMENTS, _TEMPERATURE, "material"]
    _check_header(name, lines[0] if lines else [], header)
    short = next((number for number, line in enumerate(lines) if len(line) != len(header)), None)
    if short is not None:
        raise RunError(f"line {short + 1} of {name} has {len(lines[short])} cells instead of {len(header)}")
    start = 1 if numbered else 0
    cells = [[cell or "nan" for cell in line[start:-1]] for line in lines[1:]]
    table = np.array(cells, dtype=float).reshape(len(cells), len(ELEMENTS) + 1)
    rows = np.array([int(line[0]) for line in lines[1:]] if numbered else np.arange(len(cells)))
    formulas = tuple(line[-1] for line in lines[1:])
    amounts = table[:, :-1]
    wrong = np.flatnonzero(~np.isclose(composition_matrix(formulas), amounts, rtol=1e-6, atol=1e-9).all(axis=1))
    if len(wrong):
        raise RunError(f"row {rows[wrong[0]]} of {name}: the formula {formulas[wrong[0]]} does not fit its amounts")
    return amounts, table[:, -1], formulas, rows


def _read_properties(path: Path) -> Array:
    """The eight properties of the 86 elements, (86, 8); NaN for elements that the table does not have."""
    with _told(path), path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
        _check_header(path.name, lines[0] if lines else [], ["element", *PROPERTIES])
        properties = np.full((len(ELEMENTS), len(PROPERTIES)), np.nan)
        for line in lines[1:]:
            if line[0] not in ELEMENTS:
                raise RunError(f"{path.name} names {line[0]!r}, which is not an element from H to Rn")
            properties[ELEMENTS.index(line[0])] = [float(cell) for cell in line[1:]]
    if not np.all((properties > 0) | np.isnan(properties)):
        raise RunError(f"{path.name} holds a property that is not positive; its geometric mean does not exist")
    return properties


def _check_header(name: str, header: list[str], expected: list[str]) -> None:
    if header != expected:
        differing = next((pair for pair in zip(header, expected, strict=False) if pair[0] != pair[1]), None)
        what = (
            f"the column {differing[0]!r} where {differing[1]!r} is expected"
            if differing
            else f"{len(header)} columns instead of {len(expected)}"
        )
        raise RunError(f"{name} is not the table of UCI 464: it has {what}")


@contextmanager
def _told(where: Path | str) -> Iterator[None]:
    """Say of anything that a damaged or foreign file does which file it was."""
    try:
        yield
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise RunError(f"{where} is damaged or incomplete: {error}", hint="fetch it again") from error
    except (ValueError, IndexError) as error:
        raise RunError(f"{where} cannot be read: {error}") from error
