"""The finding of a subspace study: what is kept of it, under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch

from identify_core import Finding, LabelledArray, Scalar, Table
from identify_genni.subspace.adaptive import Refined
from identify_genni.subspace.analytic import Slopes
from identify_genni.subspace.axes import Array, Grid
from identify_genni.subspace.directions import Placed
from identify_genni.subspace.tolerance import Net, Tolerance, warn_of


@attrs.frozen(kw_only=True, eq=False)
class Study:
    """Everything that a subspace study found out.

    Args:
        placed: the subspace and the replicates that it was laid through.
        vectors: the parameters of every replicate, (R, P).
        grid: the grid on it.
        refined: J on the grid.
        nets: every replicate.
        tolerance: ε.
        centre: what is at the origin.
        slopes: of the target, where the class is known in closed form.
        behaviours: what some of the kept networks do over the inputs.
    """

    placed: Placed
    vectors: torch.Tensor
    grid: Grid
    refined: Refined
    nets: Sequence[Net]
    tolerance: Tolerance
    centre: Net
    slopes: Slopes | None
    behaviours: Sequence[str]

    @property
    def on_subspace(self) -> list[Net]:
        """The nets that lie on the subspace: the centre, then those that it was laid through."""
        through = [self.nets[r] for r in self.placed.members if r != self.placed.centre]
        leads_there = set(self.placed.subspace.spanned_by)
        return [self.centre, *(net for net in through if net.name in leads_there)]

    @property
    def net_coordinates(self) -> Array:
        """(c1, …, cK) of the nets on the subspace."""
        origin = torch.zeros(1, self.placed.subspace.dimension, dtype=torch.float64)
        others = [net.replicate for net in self.on_subspace[1:] if net.replicate is not None]
        found = self.placed.subspace.coordinates(self.vectors[others])
        coordinates: Array = torch.cat([origin, found]).numpy()
        return coordinates

    @property
    def kept(self) -> Array:
        """Which grid points are within ε; the filled values stand for points that were not evaluated."""
        mask: Array = self.refined.filled <= self.tolerance.absolute
        return mask


def make_finding(study: Study, *, embedding: tuple[Array, Array] | None, conventions: Mapping[str, str]) -> Finding:
    """The finding that the store keeps and that the views draw from.

    Args:
        study: what was found out.
        embedding: numbers of embedded grid points, and their places followed by those of the nets on the subspace.
        conventions: how the numbers are to be read.
    """
    scalars = _scalars(study)
    return Finding(
        summary=_summary(study, scalars),
        scalars=scalars,
        tables={"nets": _net_table(study)},
        arrays=dict(_arrays(study, embedding)),
        conventions=conventions,
        warnings=tuple(_warnings(study, scalars)),
    )


def _scalars(study: Study) -> dict[str, Scalar]:
    tolerance, kept, filled = study.tolerance, study.kept, study.refined.filled
    inside = filled[kept]
    lowest = float(np.nanmin(study.refined.values))
    scalars: dict[str, Scalar] = {
        "kept-fraction": float(kept.mean()),
        "kept-points": int(kept.sum()),
        "lowest-loss": lowest,
        "lowest-relative-loss": lowest / tolerance.constant if tolerance.constant else None,
        "epsilon": tolerance.absolute,
        "epsilon-relative": tolerance.relative if tolerance.constant else None,
        "target-variance": tolerance.constant,
        "target-energy": tolerance.zero,
        "kept-beating-constant": float((inside < tolerance.constant).mean()) if len(inside) else None,
        "kept-beating-zero": float((inside < tolerance.zero).mean()) if len(inside) else None,
        "kept-constant-functions": _constant_fraction(study.behaviours),
        "points": study.grid.size,
        "points-evaluated": sum(study.refined.rounds),
        "dimension": study.placed.subspace.dimension,
        "parameters": study.placed.subspace.centre.numel(),
        "volume": float(np.prod([axis[-1] - axis[0] for axis in study.grid.axes])),
        "centre": study.centre.name,
    }
    if study.slopes is not None:
        scalars |= {"target-slope-positive": study.slopes.positive, "target-slope-negative": study.slopes.negative}
    return scalars


def _constant_fraction(behaviours: Sequence[str]) -> float | None:
    return sum(each != "varies" for each in behaviours) / len(behaviours) if behaviours else None


def _summary(study: Study, scalars: Mapping[str, Scalar]) -> str:
    relative = f", {study.tolerance.relative:.2g} of the target's variance" if study.tolerance.constant else ""
    evaluated = ""
    if scalars["points-evaluated"] != scalars["points"]:
        evaluated = f"; {scalars['points-evaluated']:,} of {scalars['points']:,} points were evaluated"
    return (
        f"{scalars['kept-fraction']:.2%} of a {' × '.join(str(n) for n in study.grid.shape[::-1])} grid around "
        f"{study.centre.name} are equivalent to the target: J ≤ {study.tolerance.absolute:.3g}{relative}{evaluated}."
    )


def _warnings(study: Study, scalars: Mapping[str, Scalar]) -> Iterator[str]:
    judged = study.on_subspace if study.centre.replicate is not None else study.on_subspace[1:]
    yield from warn_of(judged, study.tolerance)
    if not study.kept.any():
        yield (
            f"no grid point is within ε = {study.tolerance.absolute:.3g}; "
            f"the lowest J is {scalars['lowest-loss']:.3g}: "
            "the set is thinner than the grid, or the subspace does not meet it"
        )
    elif (beating := scalars["kept-beating-constant"]) is not None and float(beating) < 1:
        yield (
            f"only {float(beating):.1%} of the kept points are better than the best constant function, and "
            f"{float(scalars['kept-beating-zero'] or 0):.1%} better than the zero function"
        )
    if (constant := _constant_fraction(study.behaviours)) is not None and constant > 0:
        yield (
            f"{constant:.1%} of {len(study.behaviours)} kept networks that were looked at give one output for all "
            "inputs: the picture is partly that of a constant function"
        )
    infinite = int(np.isinf(study.refined.values).sum())
    if infinite:
        yield f"J is not finite at {infinite:,} grid points; they count as outside"


def _net_table(study: Study) -> Table:
    """Every replicate, those on the subspace first."""
    subspace, tolerance = study.placed.subspace, study.tolerance
    on = [net.replicate for net in study.on_subspace if net.replicate is not None]
    columns = (
        "net",
        "role",
        *(f"c{k + 1}" for k in range(subspace.dimension)),
        "distance",
        "J",
        "J / Var(f*)",
        "equivalent",
    )
    rows: list[list[Scalar]] = []
    if study.centre.replicate is None:
        rows.append(
            [study.centre.name, "centre", *([0.0] * subspace.dimension), 0.0, *_judged(study.centre, tolerance)]
        )
    rest = [net.replicate for net in study.nets if net.replicate is not None and net.replicate not in on]
    for replicate in (*on, *rest):
        net, vector = study.nets[replicate], study.vectors[replicate]
        role = "centre" if replicate == study.placed.centre else "direction" if replicate in on else "elsewhere"
        inside = replicate in on
        coordinates = (
            [0.0] * subspace.dimension if role == "centre" else [float(c) for c in subspace.coordinates(vector)]
        )
        distance = 0.0 if inside else float(subspace.distance(vector))
        rows.append([net.name, role, *coordinates, distance, *_judged(net, tolerance)])
    caption = "The replicates: where they project to on the subspace, how far they are from it, and how good they are."
    return Table(columns=columns, rows=rows, caption=caption)


def _judged(net: Net, tolerance: Tolerance) -> list[Scalar]:
    relative = net.loss / tolerance.constant if tolerance.constant else None
    verdict = "yes" if net.loss <= tolerance.absolute else "no"
    return [net.loss, relative, verdict if net.behaviour == "varies" else f"{verdict}, {net.behaviour}"]


def _arrays(study: Study, embedding: tuple[Array, Array] | None) -> Iterator[tuple[str, LabelledArray]]:
    grid, subspace = study.grid, study.placed.subspace
    summary = "J at c + Σ a_k b_k; NaN where it was not evaluated"
    yield "values", LabelledArray(values=study.refined.values, dimensions=grid.dimensions, summary=summary)
    if np.isnan(study.refined.values).any():
        summary = "J, and where it was not evaluated the square of the interpolated √J"
        yield "values-filled", LabelledArray(values=study.refined.filled, dimensions=grid.dimensions, summary=summary)
    yield "equivalent", LabelledArray(values=study.kept, dimensions=grid.dimensions, summary="whether J ≤ ε")
    for k, axis in enumerate(grid.axes, start=1):
        name = subspace.spanned_by[k - 1]
        leads_to = f"towards {name}" if name.startswith("replicate") else f"along {name}"
        yield (
            f"c{k}",
            LabelledArray(values=axis, dimensions=(f"c{k}",), summary=f"coefficients of b_{k}, {leads_to}"),
        )
    yield (
        "basis",
        LabelledArray(
            values=subspace.basis.numpy(), dimensions=("direction", "parameter"), summary="orthonormal rows b_1, …, b_K"
        ),
    )
    yield "centre", LabelledArray(values=subspace.centre.numpy(), dimensions=("parameter",), summary="c")
    yield (
        "net-coordinates",
        LabelledArray(
            values=study.net_coordinates,
            dimensions=("net", "direction"),
            summary="the nets on the subspace, in the order of the table `nets`: "
            + ", ".join(n.name for n in study.on_subspace),
        ),
    )
    if embedding is not None:
        numbers, places = embedding
        yield (
            "embedding-points",
            LabelledArray(
                values=numbers,
                dimensions=("embedded",),
                summary="numbers of the embedded grid points, in C order of `values`",
            ),
        )
        yield (
            "embedding",
            LabelledArray(
                values=places,
                dimensions=("embedded-and-nets", "plane"),
                summary="UMAP of these points, then of the nets",
            ),
        )
