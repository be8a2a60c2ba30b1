"""The dataset `superconduct`: element amounts in, 80 features of the composition and the critical temperature out."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, LabelledArray, OptionsError, Samples, draw_subset, hold_out_keys
from identify_mtlcm.measured import standardise
from identify_mtlcm.options.superconduct import SuperconductOptions
from identify_mtlcm.superconduct.features import FEATURE_NAMES
from identify_mtlcm.superconduct.files import Superconductors, read_superconductors
from identify_mtlcm.superconduct.formulas import ELEMENTS

_TEMPERATURE = "critical_temp"
_DECIMALS = 8  # of the parts by which compositions are told apart: Mg1B2 and Mg2B4 are one


def make_superconduct(options: SuperconductOptions, context: Context) -> Samples:
    """Every task on every row: 80 features of train.csv without the number of elements, then the critical temperature.

    Ids are UCI's row numbers. The truths `target-mean` and `target-scale` lead back to the tasks' own units.

    Raises:
        RunError: the files are missing, incomplete or others than published.
        OptionsError: the options do not fit what the files hold.
    """
    table = read_superconductors(options, context)
    table = _without_unlabelled(table, options, context)
    table = _rows(table, draw_subset([str(row) for row in table.rows], options.subset, options.subset_seed))
    keys = composition_keys(table.amounts)
    splits = hold_out_keys(keys, options.test_part, options.split_seed)
    inputs = table.amounts
    if options.temperature_input:
        inputs = np.column_stack([inputs, table.temperature])
    targets = np.column_stack([table.features[:, 1:], table.temperature])
    x, x_scaling = standardise(inputs, options.standardise, splits["train"])
    y, y_scaling = standardise(targets, options.standardise, splits["train"])
    names = np.array([*FEATURE_NAMES[1:], _TEMPERATURE])
    return Samples(
        columns={"x": torch.from_numpy(x).to(context.dtype), "y": torch.from_numpy(y).to(context.dtype)},
        ids=table.rows,
        splits=splits,
        truths={
            "task-names": LabelledArray(values=names, dimensions=("task",)),
            "input-names": LabelledArray(
                values=np.array([*ELEMENTS, *([_TEMPERATURE] if options.temperature_input else [])]),
                dimensions=("input",),
            ),
            "target-mean": LabelledArray(values=y_scaling.mean, dimensions=("task",)),
            "target-scale": LabelledArray(values=y_scaling.scale, dimensions=("task",)),
        },
        facts={
            "tasks": targets.shape[1],
            "files": table.source,
            "compositions": len(set(keys)),
            "duplicate-part": 1 - len(set(keys)) / len(keys),
            "unlabelled": int(np.isnan(table.temperature).sum()),
            "constant-inputs": int(x_scaling.constant.sum()),
            "leak": options.temperature_input,
        },
    )


def composition_keys(amounts: np.ndarray[Any, Any]) -> list[str]:
    """One key for each composition, (n,): equal where the parts of the elements are."""
    parts = np.round(amounts / amounts.sum(axis=1, keepdims=True), _DECIMALS)
    keys = []
    for row in parts:
        present = np.flatnonzero(row)
        keys.append(" ".join(f"{ELEMENTS[each]}{row[each]:.{_DECIMALS}f}" for each in present))
    return keys


def _without_unlabelled(table: Superconductors, options: SuperconductOptions, context: Context) -> Superconductors:
    withheld = np.isnan(table.temperature)
    if not withheld.any():
        return table
    count = f"{withheld.sum():,} of {len(withheld):,} rows of {table.source} have no critical temperature"
    if options.unlabelled == "keep":
        if options.temperature_input:
            raise OptionsError(
                f"{count}, so that it can be no input of theirs",
                hint='set unlabelled = "drop" to leave them out, or temperature_input = false',
            )
        context.warn(f"{count}: their target in that task is missing")
        return table
    context.warn(f"{count}: they are left out")
    return _rows(table, np.flatnonzero(~withheld))


def _rows(table: Superconductors, rows: np.ndarray[Any, Any]) -> Superconductors:
    return attrs.evolve(
        table,
        rows=table.rows[rows],
        formulas=tuple(table.formulas[each] for each in rows),
        amounts=table.amounts[rows],
        features=table.features[rows],
        temperature=table.temperature[rows],
    )
