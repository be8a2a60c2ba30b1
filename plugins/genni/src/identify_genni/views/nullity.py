"""Pictures of the evaluator `nullity`: singular values, where the dimensions go, and the ellipsoid put to the test."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Any

import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, house_style, new_figure
from identify_genni.options.nullity import NullityOptions

Array = np.ndarray[Any, Any]

_RANK, _SYMMETRY, _EXCESS = PALETTE[0], PALETTE[2], PALETTE[4]
_FLOOR = 1e-18
_MOST_ROWS = 24


def draw(options: NullityOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One figure of three panels."""
    table = finding.tables["replicates"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    best: Any = finding.scalars["best-replicate"]
    height = max(4.8, 2.0 + 0.28 * min(len(rows), _MOST_ROWS))
    with house_style():
        figure, axes = new_figure(
            1,
            3,
            width=10.4,
            height=height,
            title=fill(finding.summary, 90),
            gridspec_kw={"width_ratios": (1.2, 1.2, 1)},
        )
        _spectrum(axes[0], finding, rows, best)
        _dimensions(axes[1], finding, rows)
        _ellipsoid(axes[2], options, finding, rows, best)
    caption = (
        f"Left: singular values of the Jacobian of the outputs on {options.samples} inputs of '{options.split}', as "
        f"parts of the largest; the dashed line is the tolerance {options.tolerance:g}. Middle: directions that move "
        "the outputs (rank), free ones that known symmetries explain, and free ones beyond. Right: the loss at random "
        "points of the predicted ellipsoid, 1 where the prediction is exact."
    )
    yield Figure(name="nullity", caption=caption, static=figure, interactive=_interactive(options, finding, rows))


def _relative(finding: Finding) -> Array:
    """Singular values on the first inputs, as parts of the largest of each replicate, (replicate, index)."""
    values = finding.arrays["singular-values"].values[:, 0]
    largest = values[:, :1]
    relative: Array = np.divide(values, largest, out=np.full_like(values, np.nan), where=largest > 0)
    return relative


def _spectrum(axes: Any, finding: Finding, rows: list[dict[str, Any]], best: int) -> None:
    values = _relative(finding)
    counts = np.isfinite(values).sum(1)
    axes.set(title="Singular values", xlabel="index", ylabel="σ / largest σ")
    tolerance: Any = finding.scalars["tolerance"]
    axes.set_yscale("log")
    few = values.shape[1] <= 40
    for row, own in zip(rows, values, strict=True):
        shown, chosen = np.maximum(own[np.isfinite(own)], _FLOOR), row["replicate"] == best
        axes.plot(
            np.arange(1, len(shown) + 1),
            shown,
            marker="o" if few else None,
            color=_RANK if chosen else MUTED,
            alpha=1.0 if chosen else 0.45,
            linewidth=2.0 if chosen else 1.0,
            markersize=6 if chosen else 4,
            zorder=3 if chosen else 2,
            label=f"replicate {best} (lowest J)" if chosen else None,
        )
    axes.axhline(tolerance, color=INK, linestyle="--", linewidth=1, label=f"tolerance {tolerance:g}")
    parameters: Any = finding.scalars["parameters"]
    known: Any = finding.scalars["symmetry-dimension"]
    if known is not None and parameters - known <= 1.3 * max(1, counts.max()):
        label = f"P − symmetry dimension = {parameters - known}"
        axes.axvline(parameters - known + 0.5, color=_SYMMETRY, linestyle=":", linewidth=1.6, label=label)
    axes.set_ylim(_FLOOR / 3, 5)
    axes.set_xlim(0.5, max(1.5, counts.max() + 0.5))
    if few:
        axes.set_xticks(np.arange(1, counts.max() + 1, max(1, counts.max() // 10)))
    if not counts.any():
        axes.text(0.5, 0.5, "all singular values are zero", transform=axes.transAxes, ha="center", color=MUTED)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)


def _dimensions(axes: Any, finding: Finding, rows: list[dict[str, Any]]) -> None:
    parameters: Any = finding.scalars["parameters"]
    axes.set(title=f"Where the {parameters:,} dimensions go", xlabel="part of all parameters", ylabel="replicate")
    shown = rows[:_MOST_ROWS]
    for position, row in enumerate(shown):
        if row["rank"] is None:
            axes.text(0.02, position, "the rank cannot be told", va="center", color=MUTED)
            continue
        known = row["symmetry dimension"] or 0
        parts = ((row["rank"], _RANK), (known, _SYMMETRY), (row["nullity"] - known, _EXCESS))
        left = 0.0
        for count, colour in parts:
            width = count / parameters
            axes.barh(position, width, left=left, color=colour, height=0.68, edgecolor="white")
            if width > 0.06:
                axes.text(
                    left + width / 2, position, f"{count:,}", ha="center", va="center", color="white", weight="bold"
                )
            left += width
        if min(count / parameters for count, _ in parts if count) <= 0.06:
            told = " + ".join(f"{count:,}" for count, _ in parts)
            axes.text(1.02, position, told, va="center", fontsize=7.5, color=INK)
    axes.set_yticks(range(len(shown)), [str(row["replicate"]) for row in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.grid(visible=False)
    handles = [_patch(colour) for colour in (_RANK, _SYMMETRY, _EXCESS)]
    words = ["rank", "free: known symmetry", "free: beyond (excess)"]
    axes.legend(handles, words, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)


def _patch(colour: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour)


def _ellipsoid(axes: Any, options: NullityOptions, finding: Finding, rows: list[dict[str, Any]], best: int) -> None:
    from identify_genni.evaluators.nullity import SCALES

    ratios = finding.arrays["ellipsoid-ratios"].values
    axes.set(
        title="The predicted ellipsoid {J ≤ ε}",
        xlabel="ε / Var(f*)",
        ylabel="J / ε at its boundary",
    )
    spread = np.random.default_rng(0)
    drawn = False
    for row, own in zip(rows, ratios, strict=True):
        chosen = row["replicate"] == best
        for place, values in enumerate(own):
            good = values[np.isfinite(values) & (values > 0)]
            if not len(good):
                continue
            drawn = True
            if chosen:
                jitter = place + spread.uniform(-0.18, 0.18, len(good))
                axes.plot(jitter, good, "o", markersize=2.5, color=_RANK, alpha=0.35, markeredgewidth=0)
            axes.plot(
                place, np.median(good), "_", markersize=26, markeredgewidth=2.2 if chosen else 1.2,
                color=_RANK if chosen else MUTED, zorder=4 if chosen else 3,
            )  # fmt: skip
    axes.axhline(1, color=INK, linestyle="--", linewidth=1)
    axes.set_xticks(range(len(SCALES)), [f"{scale * options.epsilon:g}" for scale in SCALES])
    axes.set_xlim(-0.5, len(SCALES) - 0.5)
    if not drawn:
        axes.set_axis_off()
        axes.text(0.5, 0.6, "nothing was drawn", transform=axes.transAxes, ha="center", color=MUTED)
        return
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, min(low, 0.8)), max(high, 1.2))
    if high > 20:
        axes.set_yscale("log")
        axes.set_ylim(min(0.3, np.nanmin(ratios[ratios > 0])), high)
    axes.text(
        0.02, 0.98, f"dots: replicate {best}\nbars: medians of all", transform=axes.transAxes, va="top", color=MUTED
    )


def _interactive(options: NullityOptions, finding: Finding, rows: list[dict[str, Any]]) -> str:
    """The singular values with each replicate to point at."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    for position, (row, own) in enumerate(zip(rows, _relative(finding), strict=True)):
        shown = np.maximum(own[np.isfinite(own)], _FLOOR)
        figure.add_scatter(
            x=np.arange(1, len(shown) + 1),
            y=shown,
            mode="lines+markers" if len(shown) <= 40 else "lines",
            line={"color": PALETTE[position % len(PALETTE)]},
            name=f"replicate {row['replicate']}: rank {row['rank']}",
            hovertemplate=f"replicate {row['replicate']}<br>σ%{{x}} = %{{y:.3g}} of the largest<extra></extra>",
        )
    figure.add_hline(y=options.tolerance, line={"color": INK, "dash": "dash", "width": 1})
    figure.update_xaxes(title_text="index")
    figure.update_yaxes(title_text="σ / largest σ", type="log", exponentformat="power")
    figure.update_layout(template="plotly_white", height=520, margin={"t": 30, "b": 50, "l": 70, "r": 20})
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id="nullity")
    return html
