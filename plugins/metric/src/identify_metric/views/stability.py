"""The picture of the evaluator `stability`: how much each distance varies over replicates, pair by pair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, house_style, new_figure
from identify_metric.options.evaluators import StabilityOptions


def draw(options: StabilityOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Histograms of the coefficients of variation, and geodesic against Euclid pair by pair."""
    names = [f"geodesic-{each}" for each in options.ensembles]
    cvs = {name: finding.arrays[f"cv-{name}"].values for name in (*names, "euclid")}
    with house_style():
        figure, (left, right, bars) = new_figure(1, 3, width=13.2, height=3.8)
        top = max(float(values.max()) for values in cvs.values())
        bins = np.linspace(0, top if top > 0 else 1.0, 21)
        for number, (name, values) in enumerate(cvs.items()):
            left.hist(values, bins=bins, histtype="step", color=PALETTE[number % len(PALETTE)], label=name)
        left.set(title="Variation over replicates", xlabel="coefficient of variation", ylabel="pairs")
        left.legend()
        _scatter(right, names, cvs)
        _bars(bars, finding)
    yield Figure(
        name="stability",
        caption="Left: coefficients of variation over replicates, pair by pair. Middle: those of geodesic distances "
        f"against those of the latent Euclidean distance, {len(cvs['euclid'])} pairs; below the line the geodesic "
        "distance varies less. Right: how far models agree, ICC(3,1) and mean Spearman correlation.",
        static=figure,
    )


def _scatter(axes: Any, names: list[str], cvs: dict[str, Any]) -> None:
    for number, name in enumerate(names):
        colour = PALETTE[number % len(PALETTE)]
        axes.scatter(cvs["euclid"], cvs[name], s=14, color=colour, edgecolor=INK, linewidth=0.3, label=name)
    end = float(cvs["euclid"].max())
    axes.plot([0, end], [0, end], color=MUTED, linestyle="--", linewidth=1)
    axes.set(title="Pair by pair", xlabel="CV of the latent distance", ylabel="CV of the geodesic distance")
    axes.legend()


def _bars(axes: Any, finding: Finding) -> None:
    table = finding.tables["stability"]
    rows = [row for row in table.rows if row[0] != "ambient"]
    names = ("ICC(3,1)", "Spearman")
    values = np.array([[row[table.columns.index(name)] for name in names] for row in rows], dtype=float)
    for number, name in enumerate(names):
        places = np.arange(len(rows)) + 0.4 * number - 0.2
        axes.barh(places, values[:, number], height=0.36, color=PALETTE[number], label=name)
    low = float(values.min())
    axes.set_yticks(range(len(rows)), [str(row[0]) for row in rows])
    axes.set(title="Agreement of models", xlim=(low - 0.1 * (1 - low) - 1e-3, 1))
    axes.invert_yaxis()
    axes.legend(loc="lower right")
