"""Flat pictures of a subspace: the line, the contour map, slices and the embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core import INK, MUTED, house_style, new_figure
from identify_genni.views.subspace_landscape import NET_COLOURS, Array, Landscape

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

COLOURS = "magma"
_LEVELS = 60
_FINE = 500  # points along each axis on which the exact class is traced


def draw_line(landscape: Landscape) -> MatplotlibFigure:
    """J along the only direction, on a logarithmic scale."""
    with house_style():
        figure, axes = new_figure(title="Loss along a line of parameter space")
        floor = landscape.tolerance * 1e-4
        axes.semilogy(landscape.axes[0], np.maximum(landscape.relative, floor), color="#0072B2")
        axes.axhline(landscape.tolerance, color="#D55E00", linestyle="--", label=_epsilon(landscape))
        inside = landscape.relative <= landscape.tolerance
        axes.fill_between(
            landscape.axes[0], 0, 1, where=inside, transform=axes.get_xaxis_transform(), color="#D55E00", alpha=0.15
        )
        for net, place, loss, colour in _nets(landscape):
            axes.plot(place[0], max(loss, floor), "o", markersize=8, color=colour, markeredgecolor=INK, label=net)
        axes.set_xlabel(landscape.labels[0])
        axes.set_ylabel(f"${landscape.quantity}$")
        axes.legend()
    return figure


def draw_contour(landscape: Landscape) -> MatplotlibFigure:
    """The map of log J over the first two directions, with the ε-line, the nets and the exact class if it is known."""
    with house_style():
        figure, axes = new_figure(width=7.2, height=5.4, title="Where networks are equivalent to the target")
        fixed = {k: landscape.nearest(k, 0.0) for k in range(2, landscape.dimension)}
        filled = _plane(axes, landscape, fixed, width=1.4)
        trace_class(axes, landscape)
        _mark_nets(axes, landscape)
        _colour_bar(figure, filled, axes, landscape)
        axes.set_xlabel(landscape.labels[0])
        axes.set_ylabel(landscape.labels[1])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
    return figure


def draw_slices(landscape: Landscape) -> MatplotlibFigure:
    """The first two directions at several coefficients of the third, and of the fourth where there is one."""
    columns, rows = (3, 2) if landscape.dimension == 3 else (3, 3)
    third = _spread(landscape.axes[2], columns * rows if landscape.dimension == 3 else columns)
    fourth = _spread(landscape.axes[3], rows)[::-1] if landscape.dimension == 4 else [0]
    with house_style():
        figure, grid = new_figure(
            rows, columns, width=8.4, height=2.7 * rows + 0.5, title="Slices through the subspace",
            sharex=True, sharey=True, squeeze=False,
        )  # fmt: skip
        for panel, axes in enumerate(grid.flat):
            fixed = {2: third[panel if landscape.dimension == 3 else panel % columns]}
            if landscape.dimension == 4:
                fixed[3] = fourth[panel // columns]
            filled = _plane(axes, landscape, fixed, width=0.7)
            place = [f"$c_{k + 1}={landscape.axes[k][position]:.2g}$" for k, position in fixed.items()]
            axes.set_title(", ".join(place), fontsize=9, pad=4)
        for axes in grid[-1]:
            axes.set_xlabel("$c_1$")
        for axes in grid[:, 0]:
            axes.set_ylabel("$c_2$")
        _colour_bar(figure, filled, grid.ravel().tolist(), landscape)
    return figure


def draw_embedding(landscape: Landscape) -> MatplotlibFigure:
    """The kept points in the plane, coloured by J, with the nets among them."""
    if landscape.embedding is None:
        raise ValueError("this finding has no embedding")
    places, losses = landscape.embedding
    points, nets = places[: len(losses)], places[len(losses) :]
    with house_style():
        figure, axes = new_figure(width=6.8, height=5.6, title="The kept networks, embedded in the plane")
        order = np.argsort(-losses)
        dots = axes.scatter(
            *points[order].T, c=np.log10(np.maximum(losses[order], 1e-3 * landscape.tolerance)),
            cmap=COLOURS, s=9, linewidths=0, alpha=0.85,
        )  # fmt: skip
        for place, name, colour in zip(nets, landscape.net_names, NET_COLOURS, strict=False):
            axes.scatter(*place, s=130, color=colour, edgecolors=INK, linewidths=1.2, label=name, zorder=5)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_aspect("equal", "datalim")
        bar = figure.colorbar(dots, ax=axes, shrink=0.8, pad=0.02)
        bar.set_label(rf"$\log_{{10}}\, {landscape.quantity}$")
        bar.outline.set_visible(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False)
    return figure


def trace_class(axes: Any, landscape: Landscape) -> None:
    """Draw the exact class on a subspace of two directions, where it is known in closed form."""
    if landscape.slopes is None or landscape.dimension != 2:
        return
    from contourpy import contour_generator

    first, second = (np.linspace(axis[0], axis[-1], _FINE) for axis in landscape.axes)
    grids = np.meshgrid(first, second)
    excess = landscape.class_excess(*grids)
    if excess is None:
        return
    scale = 0.05 * float(np.sqrt(landscape.tolerance * landscape.unit))  # slopes so close give a J far below ε
    drawn = False
    for zero, other in ((0, 1), (1, 0)):
        lines: Any = contour_generator(*grids, excess[..., zero]).lines(0.0)
        for line in lines:
            at_line = landscape.class_excess(line[:, 0], line[:, 1])
            assert at_line is not None
            on_class = np.abs(at_line[:, other : other + 1]) < scale
            shown = np.where(on_class, line, np.nan)
            if np.isfinite(shown).any():
                label = None if drawn else "exact class"
                axes.plot(*shown.T, color="#56B4E9", linewidth=2.2, linestyle=(0, (3, 1.5)), label=label, zorder=4)
                drawn = True


def _plane(axes: Any, landscape: Landscape, fixed: dict[int, int], *, width: float) -> Any:
    low, high = landscape.log_range
    plane = landscape.plane(fixed)
    first, second = landscape.axes[:2]
    filled = axes.contourf(first, second, plane, levels=np.linspace(low, high, _LEVELS), cmap=COLOURS, extend="both")
    border = float(np.log10(landscape.tolerance))
    if plane.min() < border < plane.max():
        axes.contourf(first, second, plane, levels=[-99, border], colors=["#ffffff"], alpha=0.18)
        axes.contour(first, second, plane, levels=[border], colors=["white"], linewidths=width, linestyles="solid")
    axes.grid(False)
    axes.set_xlim(first[0], first[-1])
    axes.set_ylim(second[0], second[-1])
    return filled


def _mark_nets(axes: Any, landscape: Landscape) -> None:
    for net, place, loss, colour in _nets(landscape):
        marker, size = ("*", 17) if net == landscape.net_names[0] else ("o", 9)
        face = colour if loss <= landscape.tolerance else "none"
        axes.plot(
            place[0], place[1], marker, markersize=size, markerfacecolor=face, color=colour, markeredgecolor="white",
            markeredgewidth=1.2, label=_net_label(landscape, net, loss), zorder=6, linestyle="none",
        )  # fmt: skip
    axes.plot([], [], color=MUTED, linewidth=1.4, label=_epsilon(landscape))


def _nets(landscape: Landscape) -> Sequence[tuple[str, Array, float, str]]:
    return list(
        zip(landscape.net_names, landscape.nets, landscape.net_losses, NET_COLOURS[: len(landscape.nets)], strict=True)
    )


def _net_label(landscape: Landscape, name: str, loss: float) -> str:
    role = "centre: " if name == landscape.net_names[0] else ""
    return role + name + ("" if loss <= landscape.tolerance else " (not within ε)")


def _epsilon(landscape: Landscape) -> str:
    return rf"${landscape.quantity} = {landscape.tolerance:.3g}$ (ε)"


def _colour_bar(figure: Any, filled: Any, axes: Any, landscape: Landscape) -> None:
    low, high = landscape.log_range
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    bar = figure.colorbar(filled, ax=axes, shrink=0.9, pad=0.02, ticks=ticks)
    bar.ax.set_yticklabels([f"$10^{{{int(tick)}}}$" for tick in ticks])
    bar.ax.axhline(float(np.log10(landscape.tolerance)), color="white", linewidth=1.4)
    bar.set_label(f"${landscape.quantity}$")
    bar.outline.set_visible(False)


def _spread(axis: Array, count: int) -> list[int]:
    """Positions spread evenly over an axis, without its ends."""
    return [int(p) for p in np.linspace(0, len(axis) - 1, count + 2).round()[1:-1]]
