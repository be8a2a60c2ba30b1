"""Options of the dataset `qm9` and of the model `egnn`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import Known, Sizes, above, at_least, between, dense_parameters, not_empty, option

_CODE = "jdhorwood/mtlcm, qm9"
STUDY_PROPERTIES = ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
PROPERTIES = (*STUDY_PROPERTIES, "U0-atom", "U-atom", "H-atom", "G-atom", "A", "B", "C")


@attrs.frozen
class Qm9Options:
    """The options of `qm9`."""

    folder: str = option(
        "",
        help="The folder with the files, and where a download goes; empty for IDENTIFY_DATA or the cache.",
        names_file=True,
    )
    file: str = option(
        "",
        help="The file in that folder: the official archive of geometries, other geometries (.xyz) or graphs (.npz); "
        "empty takes the official archive, and where it is not there a file called qm9*_graphs.npz.",
        names_file=True,
    )
    download: bool = option(
        False, help="Whether the official files may be downloaded (figshare, 86 MB, CC0) where they are not there."
    )
    properties: tuple[str, ...] = option(
        STUDY_PROPERTIES,
        help=f"The tasks, in this order: any of {', '.join(PROPERTIES)}.",
        source=_CODE,
        limit=not_empty(),
    )
    energies: Literal["eV", "hartree"] = option(
        "eV",
        help="The unit of energies before they are standardised: orbitals, zero-point, total and atomisation energies.",
        source="DGL QM9EdgeDataset",
    )
    uncharacterised: Literal["exclude", "keep"] = option(
        "exclude",
        help="What is done with the 3,054 molecules whose geometry failed the authors' consistency check; to exclude "
        "them takes the official list, or a file that left them out already.",
        source="DGL QM9EdgeDataset has 130,831 of 133,885 molecules",
    )
    standardise: Literal["train", "all", "none"] = option(
        "train", help="The rows whose mean and spread standardise the targets; the study took all.", source=_CODE
    )
    test_part: float = option(
        0.2,
        help="The part of the molecules that is held out, chosen by a hash of their id; 0 holds out none and makes the "
        "split `test` all molecules, as in the study.",
        limit=between(0.0, 0.9),
    )
    split_seed: int = option(0, help="Which molecules the hash holds out.", limit=at_least(0))
    subset: int | None = option(
        None, help="How many molecules, drawn without replacement; without it all of them.", limit=at_least(2)
    )
    subset_seed: int = option(
        0, help="Which molecules are drawn; the run's seed has no part in it, so that runs can be compared."
    )

    def __attrs_post_init__(self) -> None:
        unknown = [each for each in self.properties if each not in PROPERTIES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a property of QM9: there are {', '.join(PROPERTIES)}")
        twice = sorted({each for each in self.properties if self.properties.count(each) > 1})
        if twice:
            raise ValueError(f"the property {twice[0]!r} is named twice: a task is listed once")


@attrs.frozen
class EgnnOptions:
    """The options of `egnn`."""

    latent_dim: int = option(8, help="Latents of a molecule.", source="5 to 10 in the study", limit=at_least(1))
    hidden: int = option(64, help="Width of the layers.", source=_CODE, limit=above(0))
    layers: int = option(2, help="Rounds of messages.", source=_CODE, limit=at_least(1))
    narrow: bool = option(
        False,
        help="Whether the messages of the last layer are as narrow as the latents, as in the study.",
        source=f"{_CODE}: EGNNConv(hidden, latent_dim, latent_dim)",
    )
    relu_coords: bool = option(
        False,
        help="Whether a ReLU is applied to the coordinates between layers, as in the study; it ends the invariance to "
        "shifts and rotations.",
        source=_CODE,
    )
    distances: bool = option(
        True,
        help="Whether messages see the squared distance of the two atoms; without it, or where a file has no "
        "coordinates, they see 0.",
    )


_ATOMS, _BONDS, _ATOM_FEATURES, _BOND_FEATURES = 29, 28, 11, 4  # of `QM9_LAYOUT`, which imports torch
_WIDTH = 2 + _ATOMS * (_ATOM_FEATURES + 3) + _BONDS * (2 + _BOND_FEATURES)
_MOLECULES = 133_885
_READ = 3  # the graphs as they are read, those that are kept, and their rows


def qm9_sizes(options: Qm9Options, known: Known) -> Sizes:
    """The dataset `qm9`: a file may hold fewer molecules than GDB-9 has, so that their number is not told."""
    rows = _MOLECULES if options.subset is None else min(options.subset, _MOLECULES)
    outputs = len(options.properties)
    return Sizes(
        parts={
            "molecules as they are read": (_READ - 1) * _MOLECULES * _WIDTH * 4,
            "molecules as rows": rows * _WIDTH * known.itemsize,
            "targets": rows * outputs * (8 + known.itemsize),
        },
        inputs=(_WIDTH,),
        outputs=(outputs,),
        factors=0,
    )


def egnn_sizes(options: EgnnOptions, known: Known) -> Sizes:
    """The model `egnn`: of each layer the messages, the shift of atoms in all but the last, and the update."""
    total, inputs = 0, _ATOM_FEATURES
    for number in range(options.layers):
        last = number == options.layers - 1
        hidden = options.latent_dim if last and options.narrow else options.hidden
        outputs = options.latent_dim if last else options.hidden
        total += dense_parameters((2 * inputs + 1 + _BOND_FEATURES, hidden, hidden))
        total += 0 if last else dense_parameters((hidden, hidden)) + hidden
        total += dense_parameters((inputs + hidden, hidden, outputs))
        inputs = outputs
    return Sizes(parameters=total, latents=options.latent_dim)
