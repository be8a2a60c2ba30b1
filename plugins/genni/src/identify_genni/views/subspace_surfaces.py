"""Pictures of a subspace with depth: the loss surface over two directions, and the surface J = ε in three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core import INK, MUTED, house_style, new_figure
from identify_genni.subspace.isosurface import Surface, find_surface
from identify_genni.views.subspace_landscape import NET_COLOURS, Array, Landscape

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

_ELEVATION, _AZIMUTH = 24.0, -58.0
_LIGHT = np.array([0.35, -0.55, 0.76])  # nearly a unit vector: from above the viewer's left shoulder
_MOST_TRIANGLES = 120_000


def draw_surface(landscape: Landscape) -> MatplotlibFigure:
    """√J as a landscape over the first two directions, with the set J ≤ ε lying on its floor.

    The root is the distance from the target in function space. On a logarithmic scale a valley narrower than the grid
    would have a floor like a comb.
    """
    from matplotlib import colormaps

    low, high = landscape.log_range
    first, second = np.meshgrid(*landscape.axes[:2])
    logarithm = landscape.plane({k: landscape.nearest(k, 0.0) for k in range(2, landscape.dimension)})
    height = 10 ** (logarithm / 2)
    top = float(np.quantile(height, 0.9))
    height = np.minimum(height, top)
    colours = colormaps["magma"](np.clip((logarithm - low) / (high - low), 0, 1))[..., :3]
    colours = np.clip(colours * _daylight(height / top)[..., None], 0, 1)
    with house_style():
        figure, axes = new_figure(width=7.2, height=5.8, projection="3d", title="The distance from the target")
        axes.plot_surface(
            first,
            second,
            height,
            facecolors=colours,
            rcount=200,
            ccount=200,
            linewidth=0,
            antialiased=False,
            shade=False,
        )
        border = float(np.log10(landscape.tolerance))
        if logarithm.min() < border < logarithm.max():
            axes.contourf(first, second, logarithm, levels=[-99, border], colors=["#0072B2"], offset=-0.45 * top)
        axes.set_zlim(-0.45 * top, top)
        _mark_nets(axes, landscape, lambda place, loss: min(loss**0.5, top))
        axes.set_zticks([tick for tick in axes.get_zticks() if 0 <= tick <= top])
        axes.set_zlabel(rf"$\sqrt{{{landscape.quantity}}}$")
        _dress(axes, landscape, azimuth=-60.0, elevation=36.0)
    return figure


def draw_isosurface(landscape: Landscape) -> MatplotlibFigure:
    """The surface J = ε over the first three directions, closed where the grid ends inside the set."""
    surface = isosurface(landscape)
    title = "Everything equivalent to the target"
    with house_style():
        figure, axes = new_figure(width=7.2, height=6.2, projection="3d", title=title)
        if surface is None:
            axes.text2D(0.5, 0.5, "no surface: the grid lies on one side of ε", transform=axes.transAxes, ha="center")
        else:
            axes.add_collection3d(_solid(landscape, surface))
        for k, set_limits in enumerate((axes.set_xlim, axes.set_ylim, axes.set_zlim)):
            set_limits(landscape.axes[k][0], landscape.axes[k][-1])
        _mark_nets(axes, landscape, lambda place, loss: place[2])
        axes.set_zlabel(landscape.labels[2])
        _dress(axes, landscape, azimuth=_AZIMUTH, elevation=_ELEVATION)
    return figure


def isosurface(landscape: Landscape, *, most: int = _MOST_TRIANGLES) -> Surface | None:
    """The closed surface J = ε over the first three directions, at the fourth's coefficient nearest to 0.

    A grid that would give more than `most` triangles is thinned first.
    """
    values = landscape.relative
    if landscape.dimension == 4:
        values = values[landscape.nearest(3, 0.0)]
    step = 1
    while True:
        axes = [axis[::step] for axis in landscape.axes[:3]]
        surface = find_surface(values[::step, ::step, ::step], axes, landscape.tolerance, closed=True)
        if surface is None or len(surface.triangles) <= most or min(len(axis) for axis in axes) < 20:
            return surface
        step += 1


def _daylight(height: Array) -> Array:
    """How bright each point of a landscape is, height and ground in boxes of side 1: soft light, no black shadows."""
    down, across = (np.gradient(height, axis=axis) * (height.shape[axis] - 1) for axis in (0, 1))
    normals = np.stack([-across, -down, np.full_like(height, 1.5)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    brightness: Array = 0.72 + 0.36 * np.clip(normals @ _LIGHT, -0.3, 1)
    return brightness


def _solid(landscape: Landscape, surface: Surface) -> Any:
    """The surface with light from above, colour along its height and mist in the distance; cut faces are plain."""
    from matplotlib import colormaps
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    extent = np.array([axis[-1] - axis[0] for axis in landscape.axes[:3]])
    origin = np.array([axis[0] for axis in landscape.axes[:3]])
    corners = surface.vertices[surface.triangles]
    normals = surface.normals[surface.triangles].mean(1) * extent  # as seen: each axis is scaled to the box
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    place = (corners.mean(1) - origin) / extent
    elevation, azimuth = np.radians([_ELEVATION, _AZIMUTH])
    eye = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    colours = colormaps["viridis"](0.08 + 0.84 * place[:, 2])[:, :3]
    colours[surface.cut] = 0.25 * colours[surface.cut] + 0.75 * np.array([0.93, 0.91, 0.87])
    diffuse = np.clip(normals @ _LIGHT, 0, 1)
    halfway = (_LIGHT + eye) / np.linalg.norm(_LIGHT + eye)
    glint = np.clip(normals @ halfway, 0, 1) ** 40
    glint[surface.cut] = 0
    shaded = colours * (0.42 + 0.62 * diffuse[:, None]) + 0.28 * glint[:, None]
    mist = 0.38 * (1 - (place @ eye - (place @ eye).min()) / max(1e-12, np.ptp(place @ eye)))[:, None]
    shaded = np.clip(shaded * (1 - mist) + mist, 0, 1)
    return Poly3DCollection(corners, facecolors=shaded, edgecolors=shaded, linewidths=0.15, antialiased=True)


def _mark_nets(axes: Any, landscape: Landscape, height: Any) -> None:
    for k, (name, place, loss) in enumerate(
        zip(landscape.net_names, landscape.nets, landscape.net_losses, strict=True)
    ):
        axes.scatter(
            place[0], place[1], height(place, loss), s=190 if k == 0 else 80, marker="*" if k == 0 else "o",
            color=NET_COLOURS[k], edgecolors=INK, linewidths=0.9, depthshade=False, zorder=100,
            label=("centre: " if k == 0 else "") + name,
        )  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.0), frameon=False)


def _dress(axes: Any, landscape: Landscape, *, azimuth: float, elevation: float) -> None:
    axes.computed_zorder = False
    axes.view_init(elev=elevation, azim=azimuth)
    axes.set_xlabel(landscape.labels[0])
    axes.set_ylabel(landscape.labels[1])
    axes.set_box_aspect((1, 1, 0.85), zoom=1.06)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("#f7f8f9")
        axis.pane.set_edgecolor("#e3e5e8")
        axis._axinfo["grid"].update(color="#e6e8eb", linewidth=0.5)
        axis.line.set_color(MUTED)
