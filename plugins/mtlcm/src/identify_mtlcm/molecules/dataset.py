"""The dataset `qm9`: molecules as packed graphs in, quantum-chemical properties out."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, LabelledArray, OptionsError, Samples, draw_subset, hold_out_keys
from identify_mtlcm.measured import standardise
from identify_mtlcm.molecules.files import read_molecules
from identify_mtlcm.molecules.graphs import QM9_LAYOUT
from identify_mtlcm.molecules.properties import in_unit
from identify_mtlcm.options.molecules import PROPERTIES, Qm9Options


def make_qm9(options: Qm9Options, context: Context) -> Samples:
    """One row a molecule: its graph in `x` (a `QM9_LAYOUT` row), every property on every row of `y`.

    Ids are the molecules' numbers in GDB-9. The truths `task-units`, `target-mean` and `target-scale` lead back to the
    properties in their units. Where the file has no coordinates all positions are 0, which the fact `coordinates` says.

    Raises:
        RunError: the files are missing, incomplete or others than published.
        UsageError: the file needs RDKit, which is not installed.
        OptionsError: the options do not fit what the file holds.
    """
    molecules = read_molecules(options, context)
    molecules = molecules.take(draw_subset([str(each) for each in molecules.ids], options.subset, options.subset_seed))
    if molecules.positions is None:
        context.warn(
            f"{molecules.source} has no coordinates: every distance is 0, and a network sees the bonds of a molecule "
            "but not its shape"
        )
    try:
        x = QM9_LAYOUT.pack(molecules.graphs(), context.dtype)
    except ValueError as error:
        raise OptionsError(f"{molecules.source} does not hold molecules of QM9: {error}") from error
    splits = hold_out_keys([str(each) for each in molecules.ids], options.test_part, options.split_seed)
    columns = [PROPERTIES.index(name) for name in options.properties]
    values, units = in_unit(molecules.properties[:, columns], options.properties, options.energies)
    y, scaling = standardise(values, options.standardise, splits["train"])
    return Samples(
        columns={"x": x, "y": torch.from_numpy(y).to(context.dtype)},
        ids=molecules.ids,
        splits=splits,
        truths={
            "task-names": LabelledArray(values=np.array(options.properties), dimensions=("task",)),
            "task-units": LabelledArray(values=np.array(units), dimensions=("task",)),
            "target-mean": LabelledArray(values=scaling.mean, dimensions=("task",), summary="in each task's unit"),
            "target-scale": LabelledArray(values=scaling.scale, dimensions=("task",), summary="in each task's unit"),
        },
        facts={
            "tasks": len(options.properties),
            "files": molecules.source,
            "coordinates": molecules.positions is not None,
            "atoms": int(molecules.atom_counts.sum()),
            "bonds": int(molecules.bond_counts.sum()),
        },
    )
