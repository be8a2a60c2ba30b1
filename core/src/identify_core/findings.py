"""Finding: what an evaluator returns, with its tables and arrays; and Figure: a picture drawn from one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from identify_core.optional_packages import optional_package
from identify_core.saying import format_scalar
from identify_core.scores import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure
    from xarray import DataArray

Scalar = float | int | str | bool | None
"""A number, a text, a truth value or nothing: the value of a scalar or of a cell."""
_SHOWN_ROWS = 20


def _plain(value: object) -> Scalar:
    """Numpy and torch scalars as Python's own; anything else that is not a scalar is refused."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a finding's scalars and cells are numbers, strings, booleans or None, not {type(value).__name__}")


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _plain_mapping(values: Mapping[str, Any]) -> dict[str, Scalar]:
    return {name: _plain(value) for name, value in values.items()}


def _plain_rows(rows: Iterable[Iterable[Any]]) -> tuple[tuple[Scalar, ...], ...]:
    return tuple(tuple(_plain(cell) for cell in row) for row in rows)


class Tables(dict[str, "Table"]):
    """Tables by name, in order; a whole number means the table at that place: `tables[0]`."""

    def __missing__(self, place: object) -> Table:
        if isinstance(place, int) and -len(self) <= place < len(self):
            return list(self.values())[place]
        raise KeyError(f"{place!r}: there is {', '.join(map(repr, self)) or 'no table'}")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Table:
    """Rows under named columns.

    It converts where the other package is installed: `to_pandas()`, `to_polars()`, and whatever reads dataframes by
    their interchange protocol or Arrow tables, such as `polars.DataFrame(table)`.

    Args:
        columns: the column names, in order.
        rows: one sequence of cells a row, each as long as `columns`.
        caption: one sentence that says what the rows are.
        units: column name to unit, for columns that have one.
    """

    columns: tuple[str, ...] = attrs.field(converter=_texts)
    rows: tuple[tuple[Scalar, ...], ...] = attrs.field(converter=_plain_rows)
    caption: str = ""
    units: Mapping[str, str] = attrs.field(factory=dict)

    @rows.validator
    def _as_wide_as_columns(self, _: object, rows: Sequence[Sequence[Scalar]]) -> None:
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells under {len(self.columns)} columns: {row!r}")

    def column(self, name: str) -> list[Scalar]:
        """The cells of one column.

        Raises:
            KeyError: there is no such column.
        """
        if name not in self.columns:
            raise KeyError(f"{name!r}: there is {', '.join(map(repr, self.columns))}")
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def to_pandas(self) -> Any:
        """As a pandas.DataFrame.

        Raises:
            UsageError: pandas is not installed.
        """
        pandas = optional_package("pandas", purpose="a pandas.DataFrame")
        return pandas.DataFrame.from_records(list(self.rows), columns=list(self.columns))

    def to_polars(self) -> Any:
        """As a polars.DataFrame.

        Raises:
            UsageError: polars is not installed.
        """
        polars = optional_package("polars", purpose="a polars.DataFrame")
        return polars.DataFrame({name: self.column(name) for name in self.columns}, strict=False)

    def _arrow(self) -> Any:
        pyarrow = optional_package("pyarrow", extra="parquet", purpose="the interchange of dataframes")
        return pyarrow.table({name: _of_one_type(self.column(name)) for name in self.columns})

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        return self._arrow().__dataframe__(nan_as_null=nan_as_null, allow_copy=allow_copy)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        shown = [[format_scalar(cell) for cell in row] for row in self.rows[:_SHOWN_ROWS]]
        sizes = [max(map(len, cells)) for cells in zip(self.columns, *shown, strict=True)]
        lines = ["  ".join(map(str.ljust, row, sizes)).rstrip() for row in (self.columns, *shown)]
        more = len(self.rows) - len(shown)
        return "\n".join(
            [*lines, *([f"and {more} more rows"] if more else []), *([self.caption] if self.caption else [])]
        )

    def _repr_html_(self) -> str:
        def line(cells: Iterable[str], tag: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

        shown = [line(map(format_scalar, row), "td") for row in self.rows[:_SHOWN_ROWS]]
        more = len(self.rows) - len(shown)
        caption = f"{self.caption} {f'{more} more rows.' if more else ''}".strip()
        head = f"<caption>{escape(caption)}</caption><thead>{line(self.columns, 'th')}</thead>"
        return f"<table>{head}<tbody>{''.join(shown)}</tbody></table>"


def _of_one_type(cells: Sequence[Scalar]) -> Sequence[Scalar]:
    """The cells of a column as Arrow takes them: as they are, or as text where they are of several types."""
    kinds = {float if type(cell) is int else type(cell) for cell in cells if cell is not None}
    if kinds == {float}:
        return (
            [None if cell is None else float(cell) for cell in cells] if any(type(c) is float for c in cells) else cells
        )
    return cells if len(kinds) < 2 else [None if cell is None else str(cell) for cell in cells]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class LabelledArray:
    """An array with a name for each axis.

    Args:
        values: any shape; a numpy array.
        dimensions: one name an axis, such as `("replicate", "step")`.
        summary: what it holds, with its unit.
    """

    values: np.ndarray[Any, Any] = attrs.field(converter=np.asarray)
    dimensions: tuple[str, ...] = attrs.field(converter=_texts)
    summary: str = ""

    @dimensions.validator
    def _one_per_axis(self, _: object, dimensions: tuple[str, ...]) -> None:
        if len(dimensions) != self.values.ndim:
            raise ValueError(f"{len(dimensions)} dimension names for an array of shape {self.values.shape}")

    def to_xarray(self) -> DataArray:
        """As an xarray.DataArray; a dimension name that repeats gets a number.

        Raises:
            UsageError: xarray is not installed.
        """
        xarray = optional_package("xarray", extra="xarray", purpose="an xarray.DataArray")
        before = [self.dimensions[:place].count(name) for place, name in enumerate(self.dimensions)]
        dims = [f"{name}-{count + 1}" if count else name for name, count in zip(self.dimensions, before, strict=True)]
        array: DataArray = xarray.DataArray(self.values, dims=dims, attrs={"summary": self.summary})
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.values, dtype=dtype)

    def __repr__(self) -> str:
        sizes = " × ".join(f"{size} {name}" for size, name in zip(self.values.shape, self.dimensions, strict=True))
        return f"<array {sizes or 'of one number'}, {self.values.dtype}: {self.summary}>"


Labelled = LabelledArray | tuple[Sequence[str], Any] | tuple[Sequence[str], Any, str]
"""A labelled array, or `(dimensions, values)` or `(dimensions, values, summary)` of one, as xarray writes them."""


def _labelled(arrays: Mapping[str, Labelled]) -> dict[str, LabelledArray]:
    def make(name: str, array: Any) -> LabelledArray:
        if isinstance(array, LabelledArray):
            return array
        if type(array) is not tuple or not 2 <= len(array) <= 3 or isinstance(array[0], str):
            raise TypeError(
                f"the array {name!r} must be a LabelledArray or a tuple (dimensions, values, summary), not "
                f"{type(array).__name__}"
            )
        return LabelledArray(dimensions=tuple(array[0]), values=array[1], summary="".join(array[2:]))

    return {name: make(name, array) for name, array in arrays.items()}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Finding:
    """What an evaluator found.

    Args:
        summary: one sentence with the answer in it, for the terminal and the report.
        scalars: headline numbers; they go into run.json and into `identify runs`.
        tables: name to table; a whole number means the table at that place, too.
        arrays: name to labelled array or to `(dimensions, values, summary)`, stored under `findings/<label>/` in Zarr.
        conventions: how the numbers are to be read: normalisation, estimator, which half was fitted on.
        warnings: sentences about what could mislead; shown wherever the finding is.
        name: told apart where one evaluator returns several; the label of the spec's table otherwise.

    Example:
        >>> from identify_core import Finding
        >>> found = Finding(scalars={"largest": 3.0}, arrays={"losses": (("replicate",), [1.0, 3.0], "in the end")})
        >>> found.arrays["losses"]
        <array 2 replicate, float64: in the end>
    """

    summary: str = ""
    scalars: Mapping[str, Scalar] = attrs.field(factory=dict, converter=_plain_mapping)
    tables: Tables = attrs.field(factory=Tables, converter=Tables)
    arrays: Mapping[str, LabelledArray] = attrs.field(factory=dict, converter=_labelled)
    conventions: Mapping[str, str] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    name: str = ""

    def __repr__(self) -> str:
        numbers = [f"{name} {format_scalar(value)}" for name, value in list(self.scalars.items())[:_SHOWN_ROWS]]
        held = [f"{kind} {', '.join(held)}" for kind in ("tables", "arrays") if (held := list(getattr(self, kind)))]
        warnings = [f"! {each}" for each in self.warnings]
        return "\n".join(filter(None, [self.summary or "<finding>", *warnings, *numbers, *held]))


@attrs.frozen(kw_only=True, eq=False)
class Scored:
    """The scores of one representation together with the arrays behind them, such as a matrix that they are read off.

    Args:
        scores: name to score.
        arrays: name to labelled array or to `(dimensions, values, summary)`; those of all representations are stored
            together.
    """

    scores: Mapping[str, Score]
    arrays: Mapping[str, LabelledArray] = attrs.field(factory=dict, converter=_labelled)


@attrs.frozen(kw_only=True, eq=False)
class Figure:
    """A picture drawn from a finding.

    Args:
        name: file name without its ending: lower-case words joined by hyphens.
        caption: what is seen, in one or two sentences, with the settings that matter.
        static: a matplotlib figure made without pyplot, saved as PNG.
        interactive: a complete HTML fragment (plotly's `to_html(full_html=False, include_plotlyjs=False)`), or None.
    """

    name: str
    caption: str
    static: MatplotlibFigure
    interactive: str | None = None
