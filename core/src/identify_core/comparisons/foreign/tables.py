"""Tables: csv, tsv and parquet, whose columns are latents, ids and factors by name."""

from __future__ import annotations

import csv
import fnmatch
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from identify_core.comparisons.foreign.numbers import as_real
from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.errors import UsageError
from identify_core.optional_packages import optional_package
from identify_core.suggestions import did_you_mean

_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-nan", "#n/a"))
_INDEX_NAMES = ("", "Unnamed: 0")
_CELL = 120  # bytes of memory that a cell of text takes while it is read


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """A table whose columns are read when they are asked for.

    Args:
        path: its file.
        names: of its columns, in order.
        rows: how many it has.
        column: reads a column as numbers where all of it are numbers, else as text; 2-D where its cells are lists.
        text: reads a column as it is written, for ids.
        index: the column that pandas wrote its index into, if there is one.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    column: Callable[[str], Array]
    text: Callable[[str], Array]
    index: str | None = None

    def latents(self, key: str, *, leave_out: Sequence[str] = ()) -> ForeignArray:
        """The columns that a key names, or all but those that are ids or factors, side by side.

        Args:
            key: names or patterns with commas between them, such as `z1,z2` or `z*`; empty for all.
            leave_out: columns that are not latents.

        Raises:
            UsageError: a name fits no column, or a column holds text.
        """
        ids = self.default_ids()
        left_out = {*leave_out, ids, self.index}
        names = self._named(key) if key else [name for name in self.names if name not in left_out]
        if not names:
            raise UsageError(f"{self.path} has no column left for latents", hint=f"it has: {', '.join(self.names)}")
        if not self.rows:
            raise UsageError(f"{self.path} has no rows")
        values = np.concatenate([self._numbers(name) for name in names], axis=1)
        others = [name for name in self.names if name not in names]
        return ForeignArray(
            name=f"{self.path}:{key}" if key else str(self.path),
            shape=values.shape,
            dtype=str(values.dtype),
            read=lambda selection: values[selection],
            axes=("sample", "latent"),
            ids=None if ids is None else partial(self.text, ids),
            columns={name: partial(self.column, name) for name in others},
        )

    def default_ids(self) -> str | None:
        """The column `id`, or the index that pandas wrote if it is more than row numbers; None where there is none."""
        named = [name for name in self.names if name.strip().lower() == "id"]
        if named:
            return named[0]
        if self.index is None:
            return None
        numbered = [str(each) for each in self.text(self.index).tolist()] == [str(i) for i in range(self.rows)]
        return None if numbered else self.index

    def _named(self, key: str) -> list[str]:
        names: list[str] = []
        for pattern in [key] if key in self.names else key.split(","):
            found = [pattern] if pattern in self.names else fnmatch.filter(self.names, pattern)
            if not found:
                raise UsageError(f"{self.path} has no column {pattern!r}", hint=did_you_mean(pattern, self.names))
            names += [name for name in found if name not in names]
        return names

    def _numbers(self, name: str) -> Array:
        values = self.column(name)
        if values.dtype.kind not in "fiub":
            text = next((each for each in values.reshape(-1).tolist() if _number(str(each)) is None), "")
            numbers = [each for each in self.names if self.column(each).dtype.kind in "fiub"]
            raise UsageError(
                f"the column {name!r} of {self.path} holds text, such as {text!r}",
                hint=f"--factors {name}, or --ids {name} between tables"
                + (f", or name the columns that are latents: {self.path}:{','.join(numbers)}" if numbers else ""),
            )
        return as_real(values).reshape(len(values), -1)


def open_text_table(path: Path) -> Table:
    """A csv or tsv file; its first row are names unless all of it are numbers."""
    header, columns = _read_text(path)
    named = dict(zip(header, columns, strict=True))
    return Table(
        path=path,
        names=tuple(header),
        rows=len(columns[0]) if columns else 0,
        column=lru_cache(maxsize=None)(lambda name: _typed(named[name])),
        text=lambda name: np.asarray(named[name], dtype=np.str_),
        index=header[0] if header[0] in _INDEX_NAMES else None,
    )


def _read_text(path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    size = path.stat().st_size * (10 if path.suffix == ".gz" else 1)
    judge_size(str(path), (size // 4,), _CELL)
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                content = file.read(size + (1 << 24))
                if file.read(1):
                    raise UsageError(f"{path} unpacks to more than ten times its size", hint="unpack it first")
        else:
            content = path.read_bytes()
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        text = content.decode(encoding)
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8", hint="save it as UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = max("\t,;", key=first.count) if not path.name.endswith((".tsv", ".tsv.gz")) else "\t"
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise UsageError(f"{path} is not a table: {error}") from error
    if not rows:
        raise UsageError(f"{path} is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UsageError(f"{path} has {len(rows[0])} columns, but its row {number} has {len(row)}")
    numbers = all(_number(cell) is not None and cell.strip() for cell in rows[0])
    header = [f"column-{i + 1}" for i in range(len(rows[0]))] if numbers else [cell.strip() for cell in rows.pop(0)]
    for name in header:
        if header.count(name) > 1:
            raise UsageError(f"{path} has {header.count(name)} columns called {name!r}")
    return header, list(zip(*rows, strict=True)) if rows else [()] * len(header)


def _number(cell: str) -> float | None:
    text = cell.strip()
    if text.lower() in _MISSING:
        return np.nan
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _typed(cells: Sequence[str]) -> Array:
    """Numbers where every cell is one or missing; integers where all are written so."""
    numbers = [_number(cell) for cell in cells]
    if any(each is None for each in numbers):
        return np.asarray([cell.strip() for cell in cells], dtype=np.str_)
    stripped = [cell.strip().lstrip("+-") for cell in cells]
    if all(each.isascii() and each.isdigit() and len(each) < 19 for each in stripped):
        return np.asarray([int(cell) for cell in cells], dtype=np.int64)
    return np.asarray(numbers, dtype=np.float64)


def open_parquet(path: Path) -> Table:
    """A parquet file; a column of lists of one length is as many latents."""
    parquet = optional_package("pyarrow.parquet", extra="parquet", purpose=f"reading {path}")
    try:
        file = parquet.ParquetFile(path)
        names, rows = tuple(file.schema_arrow.names), int(file.metadata.num_rows)
        notes = file.schema_arrow.metadata or {}
    except Exception as error:
        raise UsageError(f"{path} is a damaged parquet file: {error}", hint="write or download it again") from error
    judge_size(str(path), (rows, len(names)), 8)

    @cache
    def column(name: str) -> Array:
        try:
            return _from_arrow(file.read(columns=[name]).column(name), f"the column {name!r} of {path}")
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"the column {name!r} of {path} cannot be read: {error}") from error

    return Table(path=path, names=names, rows=rows, column=column, text=column, index=_pandas_index(notes))


def _pandas_index(notes: Mapping[bytes, bytes]) -> str | None:
    """The one column that pandas wrote its index into."""
    try:
        columns = json.loads(notes.get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return None
    return columns[0] if len(columns) == 1 and isinstance(columns[0], str) else None


def _from_arrow(column: Any, label: str) -> Array:
    import pyarrow

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        lengths = set(pyarrow.compute.list_value_length(column).to_pylist())
        if len(lengths) != 1 or None in lengths:
            raise UsageError(f"{label} holds lists of different lengths")
        flat = pyarrow.compute.list_flatten(column)
        return _from_arrow(flat, label).reshape(len(column), -1)
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return np.asarray(["" if each is None else each for each in column.to_pylist()], dtype=np.str_)
    if pyarrow.types.is_decimal(kind):
        column = column.cast(pyarrow.float64())
    elif not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_boolean(kind)):
        raise UsageError(f"{label} holds {kind} values, neither numbers nor text")
    elif pyarrow.types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    return np.asarray(column.to_numpy())  # a missing value makes floats of integers, and is NaN
