"""The ladder as a picture: which class contains which, and what the best map of each leaves unexplained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import attrs
import numpy as np

from identify_core import INK, MUTED, PALETTE, RUNGS, Context, Figure, Finding, house_style, includes, new_figure
from identify_measures.options.ladder import LadderOptions

Matrix = np.ndarray[Any, Any]

_PASSES, _FAILS = PALETTE[2], PALETTE[1]
_INTERVALS = 12  # up to this many pairs each has its interval in the ladder
_RESIDUALS = (1e-8, 100.0)  # the ladder's axis; what lies beyond is drawn at its ends

# Where each rung stands across the picture of the order, so that no line runs through a rung that it does not join.
_LANES = {
    "identity": 1,
    "permutation": 1,
    "signed-permutation": 2,
    "permutation-positive-scaling": 0,
    "permutation-scaling": 1,
    "permutation-monotone": 0,
    "orthogonal": 2,
    "similarity": 3,
    "linear": 1,
    "affine": 2,
    "isometry": 0,
    "lipschitz": 3,
    "homeomorphism": 1,
}


def draw(options: LadderOptions, finding: Finding, context: Context | None) -> list[Figure]:
    """The ladder of one comparison: target of the evaluator's `draw`."""
    matrices = {
        name.removesuffix("value").rstrip("-"): array.values
        for name, array in finding.arrays.items()
        if name.endswith("value") and array.values.ndim == 2
    }
    return [ladder_figure(finding, matrices)]


def ladder_figure(finding: Finding, matrices: dict[str, Matrix]) -> Figure:
    """The partial order of the classes, and next to each what it leaves unexplained of every pair.

    Args:
        finding: of `grid_finding`, for an evaluator that gives verdicts.
        matrices: rung to the residuals of all pairs, (M, M).
    """
    if "" in matrices:  # the matrix of a finding with a single score has no name of its own
        matrices = {next((str(row[2]) for row in finding.tables["directions"].rows), ""): matrices[""]}
    names = [name for name in RUNGS if name in matrices] or list(matrices)
    table = finding.tables["ladder"]
    tolerance = next((float(row[5]) for row in table.rows if isinstance(row[5], (int, float))), None)
    lowest = Counter(name for row in table.rows for name in str(row[2]).split(" or "))
    rungs = [_Rung.of(name, finding, matrices[name], tolerance, lowest[name]) for name in names]
    count = max(len(rung.values) for rung in rungs)
    shown = "one point a pair, the bar is their median" if count > 1 else "with its interval"
    with house_style():
        figure, (order, axes) = new_figure(
            1, 2, width=8.6, height=1.9 + 0.4 * len(names), width_ratios=(1, 3.4), sharey=True
        )
        _draw_order(order, rungs)
        for position, rung in enumerate(rungs):
            _draw_rung(axes, position, rung, intervals=count <= _INTERVALS)
        _finish_ladder(figure, order, axes, rungs, tolerance, count)
        figure.suptitle(fill(finding.summary, 80), x=0.01, ha="left")
    return Figure(
        name="ladder",
        caption=(
            "The equivalence ladder. Left: the classes of maps, each joined to the smallest that contain it; classes "
            "on different branches do not contain one another; filled where all pairs pass. Right: what the best map "
            f"of each class leaves unexplained on rows that it was not fitted on, in the worse direction, {shown}. A "
            "class passes where the interval ends within the tolerance; the lowest that pass are marked. Grey: the "
            "same fits on a representation and itself, and on rows paired at random."
        ),
        static=figure,
    )


@attrs.frozen(kw_only=True, eq=False)
class _Rung:
    """What the figure shows of one rung: arrays with one entry a pair, and the controls."""

    name: str
    values: Matrix
    low: Matrix
    high: Matrix
    passes: Matrix
    lowest: int
    shuffled: Matrix
    itself: Matrix

    @classmethod
    def of(cls, name: str, finding: Finding, matrix: Matrix, tolerance: float | None, lowest: int) -> _Rung:
        count = len(matrix)
        pairs = np.triu_indices(count, 1) if count > 1 else np.diag_indices(1)

        def read(kind: str) -> Matrix:
            prefix = f"{name}-" if f"{name}-value" in finding.arrays else ""
            array = finding.arrays.get(f"{prefix}{kind}")
            return np.full(len(pairs[0]), np.nan) if array is None else np.asarray(array.values[pairs], dtype=float)

        values, high = matrix[pairs], read("high")
        upper = np.where(np.isnan(high), values, high)
        return cls(
            name=name,
            values=values,
            low=read("low"),
            high=high,
            passes=np.zeros(len(values), dtype=bool) if tolerance is None else upper <= tolerance,
            lowest=lowest,
            shuffled=read("chance"),
            itself=_own_control(finding, name),
        )

    @property
    def colour(self) -> str:
        return _PASSES if self.passes.any() else _FAILS


def _own_control(finding: Finding, name: str) -> Matrix:
    """What the same fit leaves of each representation and itself, in either order of the pairs."""
    rows = finding.tables["directions"].rows
    values = [float(row[5]) for row in rows if row[2] == name and isinstance(row[5], (int, float))]
    return np.unique(values)


def _draw_order(axes: Any, rungs: Sequence[_Rung]) -> None:
    """The Hasse diagram of the rungs that are there, each at the height of its row."""
    places = {rung.name: (_LANES.get(rung.name, 0), position) for position, rung in enumerate(rungs)}
    for larger, (x, y) in places.items():
        for smaller, (u, v) in places.items():
            between = (other for other in places if other not in (larger, smaller))
            if larger == smaller or not includes(larger, smaller):
                continue
            if not any(includes(larger, other) and includes(other, smaller) for other in between):
                axes.plot([x, u], [y, v], color=MUTED, linewidth=1.0, alpha=0.6, zorder=1)
    for rung in rungs:
        axes.scatter(
            *places[rung.name],
            s=150 if rung.lowest else 52,
            marker="*" if rung.lowest else "o",
            color=rung.colour if rung.passes.all() else "white",
            edgecolor=rung.colour,
            linewidth=1.4,
            zorder=3,
        )


def _draw_rung(axes: Any, position: int, rung: _Rung, *, intervals: bool) -> None:
    """One row: the pairs, their median, and the two controls in grey."""
    kept = np.isfinite(rung.values)
    values = rung.values[kept]
    colours = np.where(rung.passes[kept], _PASSES, _FAILS)
    spread = position + (np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(len(values)))
    for control, marker in ((rung.itself, "o"), (rung.shuffled, "x")):
        shown = _within(control[np.isfinite(control)])
        axes.scatter(
            shown,
            np.full(len(shown), position),
            s=20,
            marker=marker,
            color="none" if marker == "o" else MUTED,
            edgecolor=MUTED if marker == "o" else None,
            linewidth=0.9,
            alpha=0.55,
            zorder=2,
        )
    if intervals:
        axes.hlines(spread, _within(rung.low[kept]), _within(rung.high[kept]), color=colours, linewidth=2.2, alpha=0.55)
    large = len(values) == 1
    axes.scatter(
        _within(values),
        spread,
        s=34 if large else 14,
        color=colours,
        alpha=1 if large else 0.6,
        linewidth=0,
        zorder=4,
    )
    if len(values) > 1:
        axes.plot([_within(np.median(values))] * 2, [position - 0.33, position + 0.33], color=INK, zorder=5)


def _finish_ladder(
    figure: Any, order: Any, axes: Any, rungs: Sequence[_Rung], tolerance: float | None, count: int
) -> None:
    """Scales, names, the tolerance and the legend."""
    from matplotlib.lines import Line2D

    for position, rung in enumerate(rungs):
        if rung.lowest:
            for each in (order, axes):
                each.axhspan(position - 0.5, position + 0.5, color=_PASSES, alpha=0.12, linewidth=0, zorder=0)
        said = f"{rung.passes.sum()} of {count}" if count > 1 else "passes" if rung.passes.all() else ""
        axes.annotate(
            said, (1.01, position), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=rung.colour
        )
    if count > 1:
        axes.annotate("pass", (1.01, len(rungs) - 0.4), xycoords=("axes fraction", "data"), fontsize=8, color=MUTED)
    if tolerance is not None:
        axes.axvspan(_RESIDUALS[0] / 3, tolerance, color=MUTED, alpha=0.06, linewidth=0, zorder=0)
        axes.axvline(tolerance, color=INK, linestyle="--", linewidth=1.1, zorder=2)
    axes.set_xscale("log")
    axes.set_xlim(_RESIDUALS[0] / 3, _RESIDUALS[1] * 3)
    ticks = [1e-8, 1e-6, 1e-4, 1e-2, 1, 100]
    axes.set_xticks(ticks, ["≤ 10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1", "≥ 100"])
    axes.minorticks_off()
    axes.grid(visible=False, axis="y")
    order.grid(visible=False)
    order.set_xlim(-0.6, 3.6)
    order.set_ylim(-0.7, len(rungs) - (0.1 if count > 1 else 0.3))
    order.set_xticks([])
    order.tick_params(length=0)
    for spine in order.spines.values():
        spine.set_visible(False)
    order.set_yticks(range(len(rungs)), [rung.name for rung in rungs])
    for label, rung in zip(order.get_yticklabels(), rungs, strict=True):
        label.set_fontweight("bold" if rung.lowest else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("residual 1 − R² on held-out rows")
    order.set_xlabel("what contains what")
    grey: dict[str, Any] = {"color": MUTED, "linestyle": "none", "markersize": 5, "alpha": 0.7}
    handles = [
        Line2D([], [], marker="*", color=_PASSES, linestyle="none", markersize=10, label="lowest that passes"),
        Line2D([], [], marker="o", color=_PASSES, linestyle="none", markersize=6, label="passes"),
        Line2D([], [], marker="o", color=_FAILS, linestyle="none", markersize=6, label="fails"),
        Line2D([], [], marker="o", markerfacecolor="none", label="with itself", **grey),
        Line2D([], [], marker="x", label="rows shuffled", **grey),
    ]
    if tolerance is not None:
        handles.append(Line2D([], [], color=INK, linestyle="--", linewidth=1.1, label=f"tolerance {tolerance:g}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, columnspacing=1.2)


def _within(values: Any) -> Any:
    """Residuals put onto the ends of the axis where they lie beyond them."""
    return np.clip(values, *_RESIDUALS)
