"""History curves as inline SVG: median and bands over replicates, on at most 2000 points, in the page's colours."""

from __future__ import annotations

import itertools
import math
from typing import Any

import attrs
import numpy as np
from markupsafe import Markup

from identify_core.reports.numerals import typeset
from identify_core.reports.templating import render

Array = np.ndarray[Any, Any]

POINTS = 2000
QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)
_DECADES_FOR_LOGARITHM = 1.5

_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 18, 10, 38


@attrs.frozen(kw_only=True, eq=False)
class Curve:
    """One quantity of a run's history, ready to draw.

    Args:
        steps: (S,), increasing.
        quantiles: (5, S): minimum, 10 %, median, 90 % and maximum over the replicates whose value is finite; NaN where
            none is.
        replicates: how many replicates it is about; 1 for a quantity of the whole run.
        lost: how many replicates have no finite value at the last step.
    """

    steps: Array
    quantiles: Array
    replicates: int
    lost: int


def summarise(steps: Array, values: Array) -> Curve:
    """The quantiles over replicates of a history array.

    Args:
        steps: (S,).
        values: (S,) or (S, R).
    """
    rows = np.asarray(values, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    finite = np.isfinite(rows)
    quantiles = np.full((len(QUANTILES), len(rows)), np.nan)
    # nanquantile goes row by row in Python: it is left the few rows that need it
    whole = finite.all(axis=1)
    if whole.any():
        quantiles[:, whole] = np.quantile(rows[whole], QUANTILES, axis=1)
    some = finite.any(axis=1) & ~whole
    if some.any():
        quantiles[:, some] = np.nanquantile(np.where(finite, rows, np.nan)[some], QUANTILES, axis=1)
    return Curve(
        steps=np.asarray(steps, dtype=np.float64),
        quantiles=quantiles,
        replicates=rows.shape[1],
        lost=int((~finite[-1]).sum()) if len(rows) else 0,
    )


def downscale(curve: Curve, points: int = POINTS) -> Curve:
    """At most `points` steps: each group of neighbours keeps its lowest minimum, highest maximum and middle quantiles.

    The first and the last step stay as they are, so that the curve begins and ends where training did.
    """
    count = len(curve.steps)
    if count <= points:
        return curve
    edges = np.linspace(1, count - 1, points - 1).round().astype(int)
    groups = [slice(0, 1), *(slice(a, b) for a, b in itertools.pairwise(edges)), slice(count - 1, count)]
    steps = np.array([curve.steps[group][-1] for group in groups])
    quantiles = np.stack([_merge(curve.quantiles[:, group]) for group in groups], axis=1)
    return attrs.evolve(curve, steps=steps, quantiles=quantiles)


def draw_curve(name: str, curve: Curve) -> Markup:
    """The curve as a figure with a caption that says what its lines and bands are, and where it ends."""
    curve = downscale(curve)
    if not np.isfinite(curve.quantiles).any():
        words, svg = f"{name}: no finite value was recorded.", None
    else:
        words = _caption(curve)
        svg = _drawing(curve)
    return render("parts.html:curve", name=name.replace("-", " "), words=words, svg=svg)


def _merge(group: Array) -> Array:
    if not np.isfinite(group).any():
        return np.full(len(QUANTILES), np.nan)
    group = group[:, np.isfinite(group).any(axis=0)]
    middle = np.median(group[1:4], axis=1)
    return np.array([group[0].min(), *middle, group[4].max()])


def _caption(curve: Curve) -> str:
    finite = curve.quantiles[:, np.isfinite(curve.quantiles[2])][:, -1]
    low, median, high = (typeset(float(value)) for value in (finite[0], finite[2], finite[4]))
    if curve.replicates == 1:
        words = f"Ends at {median}."
    else:
        words = f"Ends at {median}; {curve.replicates - curve.lost} replicates between {low} and {high}."
    if curve.lost:
        words += f" {curve.lost} of {curve.replicates} have no finite value at the end."
    return words


@attrs.frozen(kw_only=True)
class _Axis:
    """A linear or logarithmic scale from data onto pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, values: Array) -> Array:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high = math.log10(low), math.log10(high)
            values = np.log10(np.maximum(values, self.low))
        return self.start + (self.end - self.start) * (values - low) / (high - low)

    def ticks(self, finest: float = 0.0) -> list[float]:
        """Round values on the axis, at least `finest` apart where it is linear."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            stride = max(1, math.ceil((last - first + 1) / 6))
            return [10.0**power for power in range(first, last + 1, stride)]
        step = max(_round_step((self.high - self.low) / 5), finest)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _vertical_axis(quantiles: Array) -> _Axis:
    finite = quantiles[np.isfinite(quantiles)]
    positive = finite[finite > 0]
    low, high = float(finite.min()), float(finite.max())
    bottom, top = _HEIGHT - _BOTTOM, _TOP
    if low >= 0 and len(positive) and math.log10(high) - math.log10(positive.min()) > _DECADES_FOR_LOGARITHM:
        low, high = float(positive.min()) * 0.8, high * 1.25
        if math.log10(high) - math.log10(low) < 2:  # so that at least two powers of ten are labelled
            low = 10.0 ** math.floor(math.log10(low))
        return _Axis(low=low, high=high, start=bottom, end=top, logarithmic=True)
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return _Axis(low=low - margin, high=high + margin, start=bottom, end=top)


def _drawing(curve: Curve) -> dict[str, Any]:
    """The coordinates of one curve's picture, in its own pixels, as the template writes them."""
    drawn = np.isfinite(curve.quantiles).all(axis=0)
    steps, quantiles = curve.steps[drawn], curve.quantiles[:, drawn]
    first, last = float(steps[0]), float(steps[-1])
    across = _Axis(low=first, high=last if last > first else first + 1, start=_LEFT, end=_WIDTH - _RIGHT)
    up = _vertical_axis(quantiles)
    x, y = across(steps), np.stack([up(row) for row in quantiles])
    replicated = curve.replicates > 1
    return {
        "up": [(_place(up, tick), _power(tick) if up.logarithmic else _tick(tick)) for tick in up.ticks()],
        "across": [(_place(across, tick), _tick(tick)) for tick in across.ticks(finest=1.0)],  # there are no half steps
        "bands": [
            (style, _points(np.r_[x, x[::-1]], np.r_[y[low], y[high][::-1]]))
            for low, high, style in ((0, 4, "range"), (1, 3, "band"))
            if replicated
        ],
        "dots": [(f"{x[0]:.1f}", f"{y[2][0]:.1f}")] if len(steps) == 1 else [],
        "median": _points(x, y[2]),
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "bottom": _HEIGHT - _BOTTOM,
    }


def _place(axis: _Axis, tick: float) -> str:
    return f"{float(axis(np.asarray(tick))):.1f}"


def _tick(value: float) -> str:
    return typeset(int(value)) if value == int(value) and abs(value) < 1e6 else typeset(value)


def _power(value: float) -> str:
    superscripts = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return "10" + str(round(math.log10(value))).translate(superscripts)


def _points(x: Array, y: Array) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
