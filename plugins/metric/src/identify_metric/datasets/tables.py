"""Tables: cells by principal components from CSV and .h5ad files, and generated cells in clusters."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core import Context, Factor, OptionsError, RunError, Samples, optional_package
from identify_metric.datasets.images import held_out
from identify_metric.options.data import CellsOptions, TableOptions

Array = np.ndarray[Any, Any]

_CLASS = 3  # types in a class, about
_SPREAD = (4.0, 1.6, 0.5)  # of classes, of types in a class, of cells in a type


def make_table(options: TableOptions, context: Context) -> Samples:
    """Rows of numbers, such as cells by principal components.

    Raises:
        OptionsError: no file is named, or it has fewer columns than are wanted.
        RunError: there is no such file, or it is not sound.
        UsageError: an .h5ad file needs h5py, which is not installed.
    """
    if not options.file:
        raise OptionsError("no table is named", hint='set dataset.file = "cells.csv"')
    path = Path(options.file).expanduser()
    if not path.is_file():
        raise RunError(f"there is no file {path}", hint="dataset.file names a CSV or .h5ad file")
    read = _read_h5ad if path.suffix == ".h5ad" else _read_csv
    x, labels, names = read(path, options)
    wrong = ~np.isfinite(x)
    if wrong.any():
        row, column = (int(each[0]) for each in np.nonzero(wrong))
        raise RunError(f"row {row} of {path} has {x[row, column]} in component {column}; numbers are finite")
    if options.components is not None:
        if options.components > x.shape[1]:
            raise OptionsError(f"{options.components} components are wanted, and {path} has {x.shape[1]}")
        x = x[:, : options.components]
    if options.scale == "first":
        level = float(x[:, 0].std())
        if not level > 0:
            raise RunError(f"the first component of {path} is constant", hint='set dataset.scale = "none"')
        x = x / level
    return _samples(x, labels, names, options, context)


def _read_csv(path: Path, options: TableOptions) -> tuple[Array, dict[str, Array], list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    if len(rows) < 2:
        raise RunError(f"{path} has {len(rows)} lines; the first names the columns, and each further one is a row")
    head, body = rows[0], rows[1:]
    apart = (*options.labels, *([options.ids] if options.ids else []))
    for name in apart:
        if name not in head:
            raise OptionsError(f"{path} has no column {name!r}; it has {', '.join(head[:20])}")
    kept = [number for number, name in enumerate(head) if name not in apart]
    for number, row in enumerate(body, 2):
        if len(row) != len(head):
            raise RunError(f"line {number} of {path} has {len(row)} cells; the first line names {len(head)}")
    try:
        x = np.array([[float(row[column]) for column in kept] for row in body])
    except ValueError as error:
        raise RunError(f"{path} holds text where numbers are wanted: {error}", hint="name it in `labels`") from error
    labels = {name: np.array([row[head.index(name)] for row in body]) for name in options.labels}
    names = [row[head.index(options.ids)] for row in body] if options.ids else [str(n) for n in range(len(body))]
    return x, labels, names


def _read_h5ad(path: Path, options: TableOptions) -> tuple[Array, dict[str, Array], list[str]]:
    """The array of `obsm`, columns of `obs` and the cells' names, as anndata writes them."""
    h5py = optional_package("h5py", purpose=f"reading {path.name}", extra="hdf5")
    with h5py.File(path) as file:
        arrays = file.get("obsm", {})
        if options.array not in arrays:
            raise OptionsError(
                f"{path} has no array {options.array!r}; it has {', '.join(sorted(arrays)) or 'none'}",
                hint="set dataset.array",
            )
        obs = file["obs"]
        for name in options.labels:
            if name not in obs:
                raise OptionsError(f"{path} has no column {name!r}; it has {', '.join(sorted(obs))}")
        labels = {name: _h5_column(obs[name]) for name in options.labels}
        index = _h5_column(obs[options.ids or obs.attrs.get("_index", "_index")])
        return np.asarray(arrays[options.array], dtype=np.float64), labels, [str(each) for each in index]


def _h5_column(column: Any) -> Array:
    """Plain values, or codes of categories."""
    if hasattr(column, "keys"):
        categories = _text(np.asarray(column["categories"]))
        codes = np.asarray(column["codes"])  # −1 where a cell has none
        return np.where(codes < 0, "", categories[codes].astype(str))
    return _text(np.asarray(column))


def _text(values: Array) -> Array:
    return np.array([each.decode() for each in values]) if values.dtype.kind in "SO" else values


def make_cells(options: CellsOptions, context: Context) -> Samples:
    """Generated cells: types in classes, each a stretched Gaussian cloud in principal components of falling variance.

    A stand-in, offline, for the 23,822 cells of Tasic et al. (Nature 2018) that the study's first figure shows.
    """
    random = np.random.default_rng(options.data_seed)
    falling = 0.9 ** np.arange(options.components)
    classes = -(-options.types // _CLASS)
    of_class = np.arange(options.types) % classes
    apart, within, cell = _SPREAD
    centres = random.normal(size=(classes, options.components))[of_class] * apart
    centres = centres + random.normal(size=(options.types, options.components)) * within
    sizes = random.dirichlet(np.full(options.types, 3.0))
    kind = random.choice(options.types, options.cells, p=sizes)
    stretch = np.exp(0.4 * random.normal(size=(options.types, options.components)))
    x = (centres[kind] + cell * stretch[kind] * random.normal(size=(options.cells, options.components))) * falling
    x = (x - x.mean(0)) / x[:, 0].std()
    labels = {"type": kind, "class": of_class[kind]}
    return _samples(x, labels, [str(number) for number in range(options.cells)], options, context)


def _samples(
    x: Array, labels: dict[str, Array], names: list[str], options: TableOptions | CellsOptions, context: Context
) -> Samples:
    return Samples(
        columns={"x": torch.from_numpy(np.ascontiguousarray(x)).to(context.dtype)},
        ids=np.array(names),
        splits=held_out(names, options),
        factors={name: Factor(values=values, kind="categorical") for name, values in labels.items()},
    )
