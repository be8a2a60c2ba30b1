"""The evaluator `agreement`: the mean squared canonical correlation of two representations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from identify_core import Chance, Context, Figure, Finding, Measured, Subject, heat_map, house_style, new_figure

from identify_your_plugin.options import AgreementOptions

Array = np.ndarray[Any, Any]


def measure_agreement(options: AgreementOptions, subject: Subject, context: Context) -> Measured:
    """How much of the smaller representation's space the other one shares, between 0 and 1.

    The centred representations span column spaces with orthonormal bases Q and Q'; the value is |Qᵀ Q'|² / min(r, r')
    with their ranks r and r'. It is 1 exactly where an affine map carries one representation onto the other (or onto a
    part of it), and independent representations have max(r, r') / (n - 1) on average.
    """
    first, second = (each.values() for each in subject.representations)
    bases = (column_space(first, options.rank_tolerance), column_space(second, options.rank_tolerance))
    ranks = (bases[0].shape[1], bases[1].shape[1])
    value = agreement(*bases)
    return Measured(
        value,
        ranks=ranks,
        estimator="columns centred, no correction for chance",
        chance=Chance(mean=max(ranks) / (len(first) - 1)) if min(ranks) else None,
        reason="a representation is constant" if math.isnan(value) else "",
    )


def column_space(values: Array, tolerance: float) -> Array:
    """An orthonormal basis of the space that the centred columns of (n, d) span, (n, r), in float64."""
    centred = values.astype(np.float64) - values.astype(np.float64).mean(0)
    basis, singular, _ = np.linalg.svd(centred, full_matrices=False)
    # Of a constant column, centring leaves the rounding of its numbers and of their mean.
    rounding = np.linalg.norm(values) * max(np.finfo(values.dtype).eps, len(values) * np.finfo(np.float64).eps)
    kept: Array = basis[:, singular > max(tolerance * singular[0], rounding)]
    return kept


def agreement(first: Array, second: Array) -> float:
    """The mean squared canonical correlation of two column spaces (n, r) and (n, r'); NaN where one is empty."""
    rank = min(first.shape[1], second.shape[1])
    return min(float(np.square(first.T @ second).sum()) / rank, 1.0) if rank else math.nan


def draw_agreement(options: AgreementOptions, finding: Finding, context: Context | None) -> Iterator[Figure]:
    """All pairs as a heat map, from nothing but what the finding stores."""
    labels = [str(label) for label in finding.arrays["labels"].values]
    if len({label.rpartition(":")[0] for label in labels}) == 1:  # all of one run, which the report names
        labels = [label.rpartition(":")[2] for label in labels]
    values = finding.arrays["value"].values
    side = 2.4 + 0.5 * len(labels)
    with house_style():
        figure, axes = new_figure(width=side + 1.2, height=side)
        written = "{:.2f}".format if len(labels) <= 12 else None
        heat_map(axes, values, low=0, high=1, rows=labels, label="agreement", written=written)
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_title("Mean squared canonical correlation")
    caption = "Agreement of every pair of representations: 1 where an affine map relates them, near 0 by chance."
    yield Figure(name="agreement", caption=caption, static=figure)
