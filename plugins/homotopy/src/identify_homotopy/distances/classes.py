"""Distances by affine maps and by isometries: mean square, quantile and largest row, and the best largest row."""

from __future__ import annotations

import torch

from identify_core import ByRole, Context, Invariance, Score, Subject
from identify_homotopy.distances.prepared import Prepared, chosen, distance_score
from identify_homotopy.options.distances import ClassOptions
from identify_measures.deformation import Bracket, fit, minimax, reduce_rows, row_norms

_OUTLIERS = 2.0  # times the 0.99 quantile: beyond it the largest row says little about the others


def affine(options: ClassOptions, subject: Subject, context: Context) -> dict[str, Score]:
    """How far affine maps of the first stay from the second."""
    source, target = chosen(subject)
    rows = row_norms(source.source.residual(target.values), "l2")
    bracket = minimax("affine", source.given, target.values, gap=options.gap, iterations=options.iterations)
    warnings = []
    if source.source.interpolates:
        n, rank = len(rows), source.source.rank
        warnings.append(f"{rank} independent columns of the source interpolate {n} rows: every target is at distance 0")
    unit = "similarity" if options.normalise else "orthogonal"
    invariant = ByRole(source=("affine",), target=(unit,))
    return _scores("affine", options, subject, rows, bracket, invariant, warnings)


def isometry(options: ClassOptions, subject: Subject, context: Context) -> dict[str, Score]:
    """How far rotations, reflections and shifts of the first stay from the second."""
    source, target = chosen(subject)
    fitted = fit("isometry", source.given, target.values)
    rows = row_norms(_residual(source, target, fitted.matrix, fitted.shift), "l2")
    bracket = minimax("isometry", source.given, target.values, gap=options.gap, iterations=options.iterations)
    return _scores("isometry", options, subject, rows, bracket, ("orthogonal",), [])


def _residual(source: Prepared, target: Prepared, matrix: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """With columns of zeros for the narrower of the two."""
    width = len(matrix)
    g, h = (torch.nn.functional.pad(each.values, (0, width - each.values.shape[1])) for each in (source, target))
    return h - g @ matrix - shift


def _scores(
    name: str,
    options: ClassOptions,
    subject: Subject,
    rows: torch.Tensor,
    bracket: Bracket,
    invariant_to: Invariance,
    warnings: list[str],
) -> dict[str, Score]:
    target = chosen(subject)[1]
    largest, usual = reduce_rows(rows, "max"), reduce_rows(rows, "q99")
    scale = 1e-9 * target.radius
    if largest > _OUTLIERS * usual and largest > scale:
        warnings = [*warnings, f"the largest residual is {largest / max(usual, scale):.1f} times the 0.99 quantile"]
    closed = f"certified: at least {bracket.lower:.6g} before normalisation, {bracket.iterations} rounds"
    minimised = [*warnings]
    if bracket.gap > max(10 * options.gap, 2e-3) and bracket.upper > scale:
        minimised.append(f"the bounds of the largest residual stayed {100 * bracket.gap:.1f} % apart")
    found = {
        f"{name}-rms": (
            reduce_rows(rows, "rms"),
            target.deviation,
            "least squares, root mean square of rows",
            warnings,
        ),
        f"{name}-q99": (usual, target.radius, "least squares, 0.99 quantile of rows", warnings),
        f"{name}-max": (largest, target.radius, "least squares, largest row", warnings),
        f"{name}-minimax": (bracket.upper, target.radius, f"smallest largest row, {closed}", minimised),
    }
    return {
        each: distance_score(
            each,
            value,
            unit,
            subject,
            f"{how}, Euclidean, in sample",
            invariant_to=invariant_to,
            normalise=options.normalise,
            warnings=said,
        )
        for each, (value, unit, how, said) in found.items()
    }
