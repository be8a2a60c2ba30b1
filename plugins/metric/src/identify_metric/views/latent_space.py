"""Pictures of `latent-space`: the same samples in several latent spaces, on their volumes and their uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from identify_core import INK, PALETTE, SEQUENTIAL, Context, Figure, Finding, house_style, new_figure
from identify_metric.options.evaluators import LatentSpaceOptions

_SHOWN = 3
_GROUNDS = (("log-volume", "½ log det G"), ("uncertainty", "disagreement of the decoders"))


def draw(options: LatentSpaceOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One row a ground, one column a replicate; and a view of the first replicate to move in."""
    arrays = {name: each.values for name, each in finding.arrays.items()}
    shown = min(_SHOWN, len(arrays["samples"]))
    with house_style():
        figure, axes = new_figure(len(_GROUNDS), shown, width=3.6 * shown, height=6.6)
        grid = np.asarray(axes, dtype=object).reshape(len(_GROUNDS), shown)
        for row, (name, title) in enumerate(_GROUNDS):
            for column in range(shown):
                _panel(grid[row, column], arrays, name, column)
                grid[row, column].set_title(f"{title}, replicate {column}")
    yield Figure(
        name="latent-space",
        caption=f"The same test samples in the latent spaces of {shown} replicates. Above: log-volume, with unit balls "
        "of the metric (scaled) and geodesics of the same pairs in every space. Below: how far the decoders of a "
        "replicate disagree. Coordinates differ between replicates; the lengths of the curves are what they agree on.",
        static=figure,
        interactive=_interactive(arrays),
    )


def _panel(axes: Any, arrays: dict[str, Any], name: str, replicate: int) -> None:
    first, second = arrays["axes"][replicate]
    axes.pcolormesh(first, second, arrays[name][replicate].T, shading="auto", cmap=SEQUENTIAL, rasterized=True)
    z = arrays["samples"][replicate]
    colours = [PALETTE[code % len(PALETTE)] for code in arrays["labels"]] if "labels" in arrays else INK
    axes.scatter(*z.T, s=4, c=colours, linewidth=0)
    if name == "log-volume":
        step = (first[-1] - first[0]) / 16
        for centre, ball in zip(arrays["centres"][replicate], arrays["balls"][replicate], strict=True):
            scaled = centre + ball * step / max(
                float(np.median(np.linalg.norm(arrays["balls"][replicate], axis=2))), 1e-12
            )
            axes.plot(*np.concatenate([scaled, scaled[:1]]).T, color=INK, linewidth=0.5)
    for curve in arrays["curves"][replicate]:
        axes.plot(*curve.T, color="white", linewidth=2.2)
        axes.plot(*curve.T, color=INK, linewidth=1)
    axes.set(xlim=(first[0], first[-1]), ylim=(second[0], second[-1]), xlabel="$z_1$", ylabel="$z_2$")


def _interactive(arrays: dict[str, Any]) -> str:
    import plotly.graph_objects as go

    first, second = arrays["axes"][0]
    z = arrays["samples"][0]
    codes = arrays.get("labels", np.zeros(len(z), dtype=int))
    page = go.Figure(
        [
            go.Heatmap(x=first, y=second, z=arrays["log-volume"][0].T, colorscale="Viridis", name="½ log det G"),
            go.Scatter(
                x=z[:, 0],
                y=z[:, 1],
                mode="markers",
                marker={"size": 5, "color": [PALETTE[code % len(PALETTE)] for code in codes]},
                text=[f"sample {row}, label {code}" for row, code in enumerate(codes)],
                name="samples",
            ),
            *(
                go.Scatter(
                    x=curve[:, 0], y=curve[:, 1], mode="lines", line={"color": "black"}, name=f"geodesic {number}"
                )
                for number, curve in enumerate(arrays["curves"][0])
            ),
        ]
    )
    page.update_layout(xaxis_title="z₁", yaxis_title="z₂", showlegend=False, height=560)
    html: str = page.to_html(full_html=False, include_plotlyjs=False)
    return html
