"""What a stored subspace finding says, in the form in which the views draw it."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_core import Finding
from identify_genni.subspace.analytic import Slopes, network_slopes

Array = np.ndarray[Any, Any]

# The nets' colours: the study's centre was gold; the others are told apart without red against green.
NET_COLOURS = ("#ffb000", "#dc267f", "#648fff", "#fe6100", "#785ef0")


@attrs.frozen(kw_only=True, eq=False)
class Landscape:
    """J over a grid, the nets on it and the tolerance.

    Args:
        axes: coefficients along b_1, …, b_K.
        labels: what each axis is called.
        relative: J / unit over the grid, (n_K, …, n_1).
        tolerance: ε / unit.
        unit: what J is divided by: the target's variance, or 1 where the target is constant.
        quantity: the name of J / unit, in mathematical type.
        nets: coordinates of the nets on the subspace, (nets, K), the centre first.
        net_names: their names.
        net_losses: J / unit of each.
        evaluated: how many points were evaluated.
        slopes: of the target, where the class is known in closed form.
        rows: the centre above the basis, (K + 1, P).
        embedding: places in the plane of the embedded points and then of the nets; and J / unit of the points.
    """

    axes: tuple[Array, ...]
    labels: tuple[str, ...]
    relative: Array
    tolerance: float
    unit: float
    quantity: str
    nets: Array
    net_names: tuple[str, ...]
    net_losses: tuple[float, ...]
    evaluated: int
    slopes: Slopes | None
    rows: Array
    embedding: tuple[Array, Array] | None

    @property
    def dimension(self) -> int:
        """K."""
        return len(self.axes)

    @property
    def logarithm(self) -> Array:
        """log₁₀ of the relative J, from two decades below ε up to where the landscape is steep everywhere."""
        low, high = self.log_range
        logarithm: Array = np.clip(np.log10(np.maximum(self.relative, 10.0**low)), low, high)
        return logarithm

    @property
    def log_range(self) -> tuple[float, float]:
        """The ends of the colour scale."""
        low = float(np.floor(np.log10(self.tolerance))) - 1.0
        finite = self.relative[np.isfinite(self.relative)]
        high = float(np.log10(max(np.quantile(finite, 0.95), 1e-300))) if len(finite) else low
        return low, min(max(high, low + 2), low + 6)

    def plane(self, fixed: dict[int, int]) -> Array:
        """log J over the first two directions, (n_2, n_1), with the others at these grid positions."""
        index = tuple(fixed[k] for k in range(self.dimension - 1, 1, -1))
        plane: Array = self.logarithm[index]
        return plane

    def nearest(self, axis: int, value: float) -> int:
        """The grid position on an axis nearest to a coefficient."""
        return int(np.abs(self.axes[axis] - value).argmin())

    def class_excess(self, first: Array, second: Array) -> Array | None:
        """(a₊ − a₊*, a₋ − a₋*) over coefficients of the first two directions, the others at 0; (..., 2)."""
        if self.slopes is None:
            return None
        coefficients = np.zeros((*np.broadcast_shapes(first.shape, second.shape), self.dimension))
        coefficients[..., 0], coefficients[..., 1] = first, second
        found = network_slopes(self.rows[0] + coefficients @ self.rows[1:])
        excess: Array = found - np.array([self.slopes.positive, self.slopes.negative])
        return excess


def read_landscape(finding: Finding) -> Landscape:
    """The landscape of a finding of the evaluator `subspace`."""
    arrays, scalars = finding.arrays, finding.scalars
    dimension = _number(finding, "dimension", int)
    variance = _number(finding, "target-variance", float)
    unit = variance if variance > 0 else 1.0
    stored = arrays.get("values-filled", arrays["values"]).values
    rows = finding.tables["nets"].rows
    nets = arrays["net-coordinates"].values
    column = finding.tables["nets"].columns.index("J")
    labels = tuple(f"$c_{k}$, " + arrays[f"c{k}"].summary.partition(", ")[2] for k in range(1, dimension + 1))
    slopes = None
    if "target-slope-positive" in scalars:
        slopes = Slopes(
            positive=_number(finding, "target-slope-positive", float),
            negative=_number(finding, "target-slope-negative", float),
        )
    embedding = None
    if "embedding" in arrays:
        embedding = (arrays["embedding"].values, stored.reshape(-1)[arrays["embedding-points"].values] / unit)
    return Landscape(
        axes=tuple(arrays[f"c{k}"].values for k in range(1, dimension + 1)),
        labels=labels,
        relative=stored / unit,
        tolerance=_number(finding, "epsilon", float) / unit,
        unit=unit,
        quantity=r"J / \mathrm{Var}(f^*)" if variance > 0 else "J",
        nets=nets,
        net_names=tuple(str(row[0]) for row in rows[: len(nets)]),
        net_losses=tuple(float(row[column] or 0.0) / unit for row in rows[: len(nets)]),
        evaluated=_number(finding, "points-evaluated", int),
        slopes=slopes,
        rows=np.concatenate([arrays["centre"].values[None], arrays["basis"].values]),
        embedding=embedding,
    )


def _number(finding: Finding, name: str, kind: Any) -> Any:
    return kind(finding.scalars[name])
