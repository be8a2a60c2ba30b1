"""What every distance takes of one representation, made at first use and once for all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from identify_core import Context, Invariance, Representation, Score, Subject
from identify_measures.deformation import LinearSource, Norm, minimax, row_distances


class Prepared:
    """One representation, in float64 on the run's device.

    Args:
        values: shape (n, d).
    """

    def __init__(self, values: torch.Tensor) -> None:
        self.given = values
        self._distances: dict[Norm, torch.Tensor] = {}

    @cached_property
    def values(self) -> torch.Tensor:
        """The latents, float64, (n, d)."""
        return self.given.double()

    @cached_property
    def source(self) -> LinearSource:
        """Ready for least squares onto any target."""
        return LinearSource.of(self.given)

    @cached_property
    def constant(self) -> bool:
        """Whether all rows are the same."""
        return bool((self.values == self.values[0]).all())

    @cached_property
    def radius(self) -> float:
        """What the best constant leaves on the worst row: the radius of the smallest ball around all rows."""
        if self.constant:
            return 0.0
        return minimax("constant", self.values, self.values, gap=1e-4, iterations=400).upper

    @cached_property
    def deviation(self) -> float:
        """What the mean leaves, as a root mean square over rows."""
        return (
            0.0 if self.constant else float((self.values - self.values.mean(dim=0)).square().sum(dim=1).mean().sqrt())
        )

    def distances(self, norm: Norm) -> torch.Tensor:
        """Distances of all pairs of rows, (n, n)."""
        if norm not in self._distances:
            self._distances[norm] = row_distances(self.values, norm)
        return self._distances[norm]


def prepare(representations: Sequence[Representation], context: Context) -> list[Prepared]:
    """Every representation, ready to be source or target; rows in the order of their ids."""
    return [
        Prepared(torch.from_numpy(each.values()[np.argsort(each.ids, kind="stable")]).to(context.device))
        for each in representations
    ]


def chosen(subject: Subject) -> tuple[Prepared, Prepared]:
    """The source, which comes first, and the target of a pair."""
    i, j = subject.indices
    return subject.prepared[i], subject.prepared[j]


def distance_score(
    name: str,
    value: float,
    unit: float,
    subject: Subject,
    estimator: str,
    *,
    invariant_to: Invariance,
    normalise: bool,
    warnings: Sequence[str] = (),
) -> Score:
    """A directed distance as a score; `unit` is what the best constant leaves."""
    source, target = subject.representations
    reason = ""
    if normalise:
        value = value / unit if unit > 0 else float("nan")
        reason = "" if unit > 0 else f"all rows of {target.label} are the same"
    return Score(
        measure=name,
        value=value,
        larger_is="more distant",
        bounds=(0.0, float("inf")),
        is_metric=False,
        invariant_to=invariant_to,
        n=source.shape[0],
        widths=(source.shape[1], target.shape[1]),
        estimator=f"from the first to the second; {estimator}; "
        + ("a part of what the best constant leaves" if normalise else f"the best constant leaves {unit:.4g}"),
        dtype=str(subject.prepared[subject.indices[0]].given.dtype).removeprefix("torch."),
        warnings=tuple(warnings),
        reason=reason,
    )
