"""Pictures of the evaluator `symmetry`: the matrix of verdicts, and the loss between replicates."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Any

import attrs
import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, heat_map, house_style, new_figure
from identify_genni.options.symmetry import SymmetryOptions

Array = np.ndarray[Any, Any]

# In the order of the array `verdict`: words, marker and colour.
LOOKS = (
    ("symmetric copy", "o", PALETTE[2]),
    ("same connected piece", "D", PALETTE[0]),
    ("genuinely different", "X", PALETTE[1]),
    ("not decided", "P", PALETTE[3]),
    ("not searched", "s", PALETTE[4]),
    ("not equivalent", "_", MUTED),
)
_OUTSIDE = len(LOOKS) - 1
_LOWEST = 1e-6


@attrs.frozen(kw_only=True, eq=False)
class Page:
    """A finding, read back, with the replicates put in the order of their groups.

    Args:
        order: positions of the replicates, groups together.
        names: the replicates' numbers in that order.
        distance: relative distances in that order, (n, n).
        verdict: positions in `LOOKS` in that order, −1 on the diagonal.
        pairs: the rows of the table `pairs`.
        before: curves of the pairs.
        after: curves of the pairs after alignment.
    """

    order: list[int]
    names: list[str]
    distance: Array
    verdict: Array
    pairs: list[dict[str, Any]]
    before: Array
    after: Array

    @classmethod
    def of(cls, finding: Finding) -> Page:
        """Read a finding."""
        arrays = {name: each.values for name, each in finding.arrays.items()}
        members, pairs = finding.tables["replicates"], finding.tables["pairs"]
        groups = [row[members.columns.index("group")] for row in members.rows]
        order = sorted(range(len(groups)), key=lambda at: (groups[at] is None, groups[at] or 0, at))
        square = np.ix_(order, order)
        return cls(
            order=order,
            names=[str(arrays["replicates"][at]) for at in order],
            distance=arrays["distance"][square],
            verdict=arrays["verdict"][square],
            pairs=[dict(zip(pairs.columns, row, strict=True)) for row in pairs.rows],
            before=arrays["curves-before"],
            after=arrays["curves-after"],
        )

    @property
    def kinds(self) -> list[int]:
        """The verdicts that occur."""
        return sorted(set(self.verdict[self.verdict >= 0].tolist()))


def draw(options: SymmetryOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One figure of three panels."""
    page = Page.of(finding)
    count = len(page.names)
    side = float(np.clip(1.6 + 0.3 * count, 4.2, 6.0))
    with house_style():
        figure, axes = new_figure(
            2, 2, width=side + 4.4, height=side + 0.9, title=fill(finding.summary, round(9 * (side + 4.4))),
            gridspec_kw={"width_ratios": (side, 3.6)},
        )  # fmt: skip
        grid = axes[0, 0].get_gridspec()
        axes[0, 0].remove()
        axes[1, 0].remove()
        matrix = figure.add_subplot(grid[:, 0])
        _matrix(figure, matrix, page)
        axes[1, 1].sharex(axes[0, 1])
        axes[1, 1].sharey(axes[0, 1])
        _curves(axes[0, 1], page, page.before, "Straight segment, before alignment")
        _curves(axes[1, 1], page, page.after, "Straight segment, after alignment")
        axes[0, 1].set_xlabel("")
        _legend(figure, matrix, page)
    caption = (
        "Left: distance of each pair modulo symmetry, as a part of the parameters' size, with the verdict; replicates "
        "of one group stand together. Right: the loss along the straight segment between two replicates, "
        "and to the copy of the second that is nearest to the first. A path counts where J/Var(f*) ≤ "
        f"{options.path_tolerance:g} at every point looked at; 'genuinely different' means that none was found, "
        "'not decided' that the search's budget ended first."
    )
    yield Figure(name="symmetry", caption=caption, static=figure, interactive=_interactive(page))


def _matrix(figure: Any, axes: Any, page: Page) -> None:
    from matplotlib import colormaps

    count = len(page.names)
    shown = np.ma.masked_invalid(page.distance)
    highest = float(shown.max()) if shown.count() else 1.0
    colours = colormaps["Blues"].with_extremes(bad="#f4f4f4")
    image = heat_map(axes, shown, low=0, high=1.35 * max(highest, 1e-12), colours=colours)
    size = float(np.clip(150 / count, 3, 13))
    for kind in page.kinds:
        _, marker, colour = LOOKS[kind]
        rows, columns = np.nonzero(page.verdict == kind)
        thin = marker == "_"
        if thin:  # readable on dark squares too
            axes.scatter(columns, rows, marker=marker, s=1.25 * size**2, color="white", linewidths=4, zorder=2.5)
        axes.scatter(
            columns, rows, marker=marker, s=size**2, color=colour, linewidths=1.4 if thin else 0.8,
            **({} if thin else {"edgecolors": "white"}), zorder=3,
        )  # fmt: skip
    step = max(1, count // 25)
    axes.set_xticks(range(0, count, step), page.names[::step])
    axes.set_yticks(range(0, count, step), page.names[::step])
    axes.set(title="Distance modulo symmetry, and verdict", xlabel="replicate", ylabel="replicate")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("relative distance")
    bar.outline.set_visible(False)
    bar.ax.set_ylim(0, max(highest, 1e-12))


def _curves(axes: Any, page: Page, curves: Array, title: str) -> None:
    axes.set(title=title, xlabel="t, from one replicate to the other", ylabel="J / Var(f*)", xlim=(0, 1))
    t = np.linspace(0, 1, curves.shape[1])
    named = [words for words, *_ in LOOKS]
    faint = float(np.clip(12 / max(1, len(curves)), 0.12, 0.85))
    for pair, curve in sorted(
        zip(page.pairs, curves, strict=True), key=lambda each: -named.index(str(each[0]["verdict"]))
    ):
        kind = named.index(str(pair["verdict"]))
        finite = np.where(np.isfinite(curve), np.maximum(curve, _LOWEST), np.nan)
        alpha = faint if kind < _OUTSIDE else 0.6 * faint
        axes.plot(t, finite, color=LOOKS[kind][2], linewidth=1.5 if kind < _OUTSIDE else 1.0, alpha=alpha)
    axes.set_yscale("log")
    axes.axhline(1, color=INK, linestyle=":", linewidth=1)
    axes.annotate(
        "best constant function", (0.5, 1), ha="center", va="center", fontsize=7.5, color=INK, zorder=6,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip
    highest = float(np.nanmax(np.concatenate((page.before, page.after)), initial=1.0))
    axes.set_ylim(_LOWEST / 1.5, 3 * max(1.0, highest))


def _legend(figure: Any, axes: Any, page: Page) -> None:
    from matplotlib.lines import Line2D

    counts = {kind: int((page.verdict == kind).sum()) // 2 for kind in page.kinds}
    handles = [
        Line2D([], [], marker=LOOKS[kind][1], color=LOOKS[kind][2], linewidth=1.6, markersize=7, markeredgecolor=None)
        for kind in page.kinds
    ]
    words = [f"{LOOKS[kind][0]} ({counts[kind]})" for kind in page.kinds]
    figure.legend(handles, words, loc="outside lower center", ncols=min(3, len(handles)), frameon=False)


def _interactive(page: Page) -> str:
    """The matrix with all that is known of a pair under the pointer."""
    from plotly import graph_objects

    count = len(page.names)
    told = np.full((count, count), "", dtype=object)
    place = {at: position for position, at in enumerate(page.order)}
    named = {name: position for position, name in enumerate(page.names)}
    for pair in page.pairs:
        i, j = named[str(pair["replicate"])], named[str(pair["other"])]
        lines = [f"<b>{pair['replicate']} and {pair['other']}: {pair['verdict']}</b>"]
        lines += [f"{name}: {_short(pair[name])}" for name in pair if name not in ("replicate", "other", "verdict")]
        told[i, j] = told[j, i] = "<br>".join(lines)
    assert len(place) == count
    figure = graph_objects.Figure(
        graph_objects.Heatmap(
            z=page.distance,
            x=page.names,
            y=page.names,
            text=told,
            hovertemplate="%{text}<extra></extra>",
            colorscale="Blues",
            colorbar={"title": "relative distance"},
        )
    )
    symbols = ("circle", "diamond", "x", "cross", "square", "line-ew-open")
    for kind in page.kinds:
        rows, columns = np.nonzero(page.verdict == kind)
        figure.add_scatter(
            x=[page.names[column] for column in columns],
            y=[page.names[row] for row in rows],
            mode="markers",
            marker={
                "symbol": symbols[kind],
                "color": LOOKS[kind][2],
                "size": 12,
                "line": {"color": "white", "width": 1},
            },
            name=LOOKS[kind][0],
            hoverinfo="skip",
        )
    figure.update_xaxes(title_text="replicate", type="category")
    figure.update_yaxes(title_text="replicate", type="category", autorange="reversed", scaleanchor="x")
    figure.update_layout(
        template="plotly_white", height=640, legend={"orientation": "h", "y": -0.12}, margin={"t": 30, "b": 50}
    )
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id="symmetry")
    return html


def _short(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
