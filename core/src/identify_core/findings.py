"""Finding: what an evaluator returns; and Figure: a picture drawn from one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from identify_core.scores import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

Scalar = float | int | str | bool | None


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


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """Rows under named columns.

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


@attrs.frozen(kw_only=True, eq=False)
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


@attrs.frozen(kw_only=True, eq=False)
class Finding:
    """What an evaluator found.

    Args:
        summary: one sentence with the answer in it, for the terminal and the report.
        scalars: headline numbers; they go into run.json and into `identify runs`.
        tables: name to table.
        arrays: name to labelled array, stored under `findings/<label>/` in Zarr.
        conventions: how the numbers are to be read: normalisation, estimator, which half was fitted on.
        warnings: sentences about what could mislead; shown wherever the finding is.
        name: told apart where one evaluator returns several; the label of the spec's table otherwise.
    """

    summary: str = ""
    scalars: Mapping[str, Scalar] = attrs.field(factory=dict, converter=_plain_mapping)
    tables: Mapping[str, Table] = attrs.field(factory=dict)
    arrays: Mapping[str, LabelledArray] = attrs.field(factory=dict)
    conventions: Mapping[str, str] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    name: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Scored:
    """The scores of one representation together with the arrays behind them, such as a matrix that they are read off.

    Args:
        scores: name to score.
        arrays: name to labelled array; those of all representations are stored together.
    """

    scores: Mapping[str, Score]
    arrays: Mapping[str, LabelledArray] = attrs.field(factory=dict)


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
