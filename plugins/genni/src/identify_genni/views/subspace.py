"""The pictures of the evaluator `subspace`, drawn from its stored finding."""

from __future__ import annotations

from collections.abc import Iterator

from identify_core import Context, Figure, Finding
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.views import subspace_interactive as interactive
from identify_genni.views import subspace_planes as planes
from identify_genni.views import subspace_surfaces as surfaces
from identify_genni.views.subspace_landscape import Landscape, read_landscape


def draw(options: SubspaceOptions, finding: Finding, context: Context) -> Iterator[Figure]:
    """A line, a map and a surface, or an iso-surface and slices: what shows K dimensions; and the embedding if any."""
    landscape = read_landscape(finding)
    facts = _facts(landscape, finding)
    if landscape.dimension == 1:
        caption = f"J along a line through parameter space; shaded where J ≤ ε. {facts}"
        yield Figure(name="subspace-line", caption=caption, static=planes.draw_line(landscape))
    if landscape.dimension == 2:
        yield from _two(landscape, facts)
    if landscape.dimension >= 3:
        yield from _more(landscape, facts)
    if landscape.embedding is not None:
        yield _embedded(landscape, options, facts)


def _two(landscape: Landscape, facts: str) -> Iterator[Figure]:
    known = " Dashed: the exact class, from its closed form." if landscape.slopes is not None else ""
    yield Figure(
        name="subspace-contour",
        caption=f"J over the plane, logarithmic; white line: J = ε; hollow marks: nets outside ε.{known} {facts}",
        static=planes.draw_contour(landscape),
        interactive=interactive.contour_view(landscape),
    )
    yield Figure(
        name="subspace-surface",
        caption=f"√J, the distance from the target, coloured by log J; on the floor, in blue, the set J ≤ ε. {facts}",
        static=surfaces.draw_surface(landscape),
        interactive=interactive.surface_view(landscape),
    )


def _more(landscape: Landscape, facts: str) -> Iterator[Figure]:
    at = f" at c4 = {landscape.axes[3][landscape.nearest(3, 0.0)]:.3g}" if landscape.dimension == 4 else ""
    yield Figure(
        name="subspace-isosurface",
        caption=f"The surface J = ε{at} by marching cubes; pale faces are where the grid ends inside the set. {facts}",
        static=surfaces.draw_isosurface(landscape),
        interactive=interactive.isosurface_view(landscape),
    )
    yield Figure(
        name="subspace-slices",
        caption=f"J over the first two directions at several coefficients of the others; white line: J = ε. {facts}",
        static=planes.draw_slices(landscape),
        interactive=interactive.slices_view(landscape),
    )


def _embedded(landscape: Landscape, options: SubspaceOptions, facts: str) -> Figure:
    exact = (
        "The points lie in an affine subspace of this many dimensions, which the other pictures show exactly; "
        if landscape.dimension <= 3
        else ""
    )
    return Figure(
        name="subspace-embedding",
        caption=f"UMAP of the kept points' coefficients ({options.neighbours} neighbours, seeded). {exact}"
        f"distances in it mean little, only neighbourhoods do. {facts}",
        static=planes.draw_embedding(landscape),
        interactive=interactive.embedding_view(landscape),
    )


def _facts(landscape: Landscape, finding: Finding) -> str:
    count = landscape.relative.size
    evaluated = "" if landscape.evaluated == count else f", {landscape.evaluated:,} of them evaluated"
    counts = " × ".join(str(len(axis)) for axis in landscape.axes)
    name = "J / Var(f*)" if landscape.unit != 1.0 else "J"
    return (
        f"Centre: {finding.scalars['centre']}; ε: {name} = {landscape.tolerance:.3g}; "
        f"grid: {counts} points{evaluated}; {finding.conventions['inputs']}."
    )
