"""The picture of the evaluator `deformable`: what the map of every ordered pair leaves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from identify_core import SEQUENTIAL, Context, Figure, Finding, house_style, new_figure
from identify_homotopy.options.distances import DeformableOptions

_LONGEST = 24
"""Of longer labels, such as paths, the end is shown."""
_WRITTEN = 8
"""Up to so many encoders numbers fit into the squares."""


def draw(options: DeformableOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Sources down, targets across, one scale; a ring where the pair counts as deformed."""
    left, deformed = (finding.arrays[name].values for name in ("left", "deformed"))
    labels = [_short(each) for each in dict.fromkeys(str(row[0]) for row in finding.tables["pairs"].rows)]
    count = len(labels)
    with house_style():
        size = 2.4 + 0.55 * min(count, 16)
        figure, axes = new_figure(1, 1, width=size + 1.4, height=size)
        image = axes.imshow(left, cmap=SEQUENTIAL, vmin=0, vmax=max(1.0, float(np.nanmax(left))))
        axes.set(title="What an affine map leaves", xlabel="target", ylabel="source")
        axes.set_xticks(range(count), labels, rotation=45, ha="right")
        axes.set_yticks(range(count), labels)
        axes.grid(visible=False)
        rows, columns = np.nonzero(deformed & ~np.eye(count, dtype=bool))
        axes.scatter(columns, rows, s=420, facecolor="none", edgecolor="white", linewidth=1.4)
        if count <= _WRITTEN:
            for (i, j), value in np.ndenumerate(left):
                dark = value < 0.5 * image.norm.vmax
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if dark else "black", size=8)
        figure.colorbar(image, ax=axes, label="part of what the mean leaves")
    yield Figure(
        name="deformable",
        caption="What the affine map from the source leaves of the target on sentences that it was not fitted on, in "
        f"parts of what the mean leaves. Rings: the interval ends below {options.tolerance:g}, and chance is above.",
        static=figure,
    )


def _short(label: str) -> str:
    """The encoder's name without that of its layer, which all have."""
    name = label.partition("[")[2].removesuffix("]") or label
    return name if len(name) <= _LONGEST else f"…{name[-_LONGEST:]}"
