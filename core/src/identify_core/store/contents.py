"""What a run holds, as named arrays and as sheets of rows: the material of an export."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from identify_core.errors import StoreError
from identify_core.findings import Table
from identify_core.store.arrays import Array, read_array
from identify_core.store.latents import StoredLatents
from identify_core.store.layout import ARRAYS, decode_name
from identify_core.store.nodes import Node, walk
from identify_core.store.reader import StoredRun

Rows = tuple[Sequence[str], Iterable[Sequence[Any]]]


@attrs.frozen(kw_only=True)
class NamedArray:
    """An array of a run.

    Args:
        key: such as `latents/hidden-1` or `weights/0.weight`.
        dimensions: one name an axis.
        load: reads it.
    """

    key: str
    dimensions: tuple[str, ...]
    load: Callable[[], Array]


@attrs.frozen(kw_only=True)
class Sheet:
    """Rows under named columns.

    Args:
        key: such as `history/loss` or `findings/subspace/solutions`.
        load: gives the column names and the rows, which are read as they are asked for.
    """

    key: str
    load: Callable[[], Rows]


def named_arrays(run: StoredRun) -> Iterator[NamedArray]:
    """Every array of a run under the path that it has in arrays.zarr, and as `ids/<latents>` the ids of their rows.

    Raises:
        StoreError: an array is damaged.
    """
    root = run.folder / ARRAYS
    for section in ("samples", "latents", "weights", "history"):
        for node in _arrays_below(root, section):
            yield _named("/".join(map(decode_name, node.path.split("/"))), node, root)
    for name, latents in run.latents.items():
        yield NamedArray(key=f"ids/{name}", dimensions=("sample",), load=partial(getattr, latents, "ids"))
    for label, entry in run.document.get("findings", {}).items():
        group = str(entry["group"])
        for node in _arrays_below(root, group):
            yield _named(f"findings/{label}/{decode_name(node.path.removeprefix(f'{group}/'))}", node, root)


def sheets(run: StoredRun) -> Iterator[Sheet]:
    """What reads well as rows: latents, histories, and the tables of findings."""
    for name, latents in run.latents.items():
        yield Sheet(key=f"latents/{name}", load=partial(_latents_rows, latents))
    for name, (steps, values) in run.history().items():
        yield Sheet(key=f"history/{name}", load=partial(_history_rows, steps, values))
    for label, stored in run.findings.items():
        for name, table in stored.finding.tables.items():
            yield Sheet(key=f"findings/{label}/{name}", load=partial(_table_rows, table))


def array_rows(array: NamedArray) -> Rows:
    """An array as rows: one column an axis, then the value; indices count from 0."""
    values = array.load()
    rows = ((*index, values[index]) for index in itertools.product(*map(range, values.shape)))
    return (*array.dimensions, "value"), rows


def _arrays_below(root: Path, path: str) -> Iterator[Node]:
    for where, node, problem in walk(root, path):
        if node is None:
            raise StoreError(f"{where} of the run {root.parent.name} cannot be read: {problem}")
        if node.is_array:
            yield node


def _named(key: str, node: Node, root: Path) -> NamedArray:
    dimensions = node.dimensions[: len(node.shape) - ("encoding" in node.attributes)]
    return NamedArray(key=key, dimensions=dimensions, load=partial(read_array, root, node.path))


def _latents_rows(latents: StoredLatents) -> Rows:
    width = max((d for _, d in latents.sizes), default=0)

    def rows() -> Iterator[Sequence[Any]]:
        for replicate in range(latents.count):
            for identifier, row in zip(latents.ids, latents.values(replicate), strict=True):
                yield (replicate, identifier, *row, *([""] * (width - len(row))))

    return ("replicate", "sample", *(f"latent-{axis}" for axis in range(width))), rows()


def _history_rows(steps: Array, values: Array) -> Rows:
    if values.ndim == 1:
        return ("step", "value"), zip(steps, values, strict=True)
    columns = ("step", *(f"replicate-{replicate}" for replicate in range(values.shape[1])))
    return columns, ((step, *row) for step, row in zip(steps, values, strict=True))


def _table_rows(table: Table) -> Rows:
    columns = [f"{name} [{table.units[name]}]" if table.units.get(name) else name for name in table.columns]
    return columns, table.rows
