"""Measures of the sound plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from identify_core.comparisons.estimates import Cost, Work
from identify_core.contexts.context import Context
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.scores import Score

Array = np.ndarray[Any, Any]
SCORE: dict[str, Any] = {"is_metric": False, "estimator": "centred", "dtype": "float64"}


def prepare(representations: Sequence[Representation], context: Context) -> list[Array]:
    """The centred arrays."""
    return [centred(each.values()) for each in representations]


def estimate(options: Any, sizes: list[tuple[int, int]]) -> Cost:
    """Products of the columns."""
    return Cost(work=Work(operations=float(sum(n * d * d for n, d in sizes))), bytes=0.0)


def centred(values: Array) -> Array:
    """Columns of mean zero."""
    result: Array = values - values.mean(0)
    return result


def align(options: Any, subject: Subject, context: Context) -> Score:
    """Linear CKA."""
    x, y = (subject.prepared[index] for index in subject.indices)
    value = linear_cka(x, y)
    return Score(
        measure="alignment",
        value=value,
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
        n=len(x),
        widths=(x.shape[1], y.shape[1]),
        **SCORE,
    )


def linear_cka(x: Array, y: Array) -> float:
    """|XᵀY|² / (|XᵀX| |YᵀY|)."""
    return float(np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def linear_r2(x: Array, y: Array) -> float:
    """How much of the second a linear map of the first explains."""
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return float(np.linalg.norm(fitted) ** 2 / np.linalg.norm(y) ** 2)


def predict(options: Any, subject: Subject, context: Context) -> dict[str, Score]:
    """R² of a linear regression of the factors."""
    representation = subject.representations[0]
    x = centred(representation.values())
    factors = np.stack([each.values for each in representation.factors.values()], axis=1).astype(np.float64)
    return {
        "prediction": Score(
            measure="prediction",
            value=linear_r2(x, centred(factors)),
            larger_is="better",
            bounds=(0.0, 1.0),
            invariant_to=("affine",),
            n=len(x),
            widths=(x.shape[1],),
            **SCORE,
        )
    }
