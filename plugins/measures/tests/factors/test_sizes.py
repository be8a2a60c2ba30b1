"""The measures against factors at the smallest and at large numbers of rows, on a code that keeps factors apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from identify_core import Score
from identify_measures.factors import functions
from identify_measures.factors.functions import Dci
from identify_measures.information.functions import infomec
from identify_measures.inputs import InputError

Measure = Callable[..., Any]


def perfect(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Three factors of 2, 3 and 4 values, and a latent for each that lies around its value."""
    rng = np.random.default_rng(n)
    factors = np.stack([rng.integers(0, values, size=n) for values in (2, 3, 4)], axis=1)
    return factors + 0.02 * rng.normal(size=(n, 3)), factors


def values(found: Score | Dci) -> list[float]:
    if isinstance(found, Dci):
        return [found.disentanglement.value, found.completeness.value, found.informativeness.value]
    return [found.value]


def infom(*arrays: Any, **options: Any) -> Score:
    return infomec(*arrays, **options).infom


def infoe(*arrays: Any, **options: Any) -> Score:
    return infomec(*arrays, **options).infoe


CASES: list[tuple[Measure, dict[str, Any], float]] = [
    (functions.mig, {}, 0.95),
    (functions.modularity, {}, 0.95),
    (infom, {}, 0.9),
    (infoe, {}, 0.95),
    (functions.sap, {}, 0.3),
    (functions.explicitness, {}, 0.99),
    (functions.dci, {"mode": "fast"}, 0.99),
    (functions.factor_vae, {"train_votes": 500, "test_votes": 500}, 0.99),
    (functions.beta_vae, {"train_votes": 500, "test_votes": 500}, 0.95),
    (functions.irs, {}, 0.9),
]
NAMES = [case[0].__name__ for case in CASES]


@pytest.mark.parametrize("n", [8_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("measure", "options", "least"), CASES, ids=NAMES)
def test_a_code_that_keeps_factors_apart_at_every_size(
    measure: Measure, options: dict[str, Any], least: float, n: int
) -> None:
    codes, factors = perfect(n)
    found = measure(codes, factors, kinds="categorical", **options)
    assert min(values(found)) > least
    unrelated = measure(np.random.default_rng(0).normal(size=codes.shape), factors, kinds="categorical", **options)
    assert values(unrelated)[0] < values(found)[0] - 0.1  # modularity is high for noise as well
    assert (found if isinstance(found, Score) else found.completeness).n == n


@pytest.mark.parametrize(("measure", "options", "least"), CASES, ids=NAMES)
def test_four_rows_give_a_value_or_a_reason(measure: Measure, options: dict[str, Any], least: float) -> None:
    codes = np.array([[0.0, 0.1], [1.0, 0.0], [0.1, 1.0], [1.1, 1.1]])
    factors = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    found = measure(codes, factors, kinds="categorical", **options)
    for each in values(found):
        assert 0 <= each <= 1 or np.isnan(each)
    with pytest.raises(InputError, match="codes has 3 rows; at least 4 are needed"):
        measure(codes[:3], factors[:3], kinds="categorical", **options)


@pytest.mark.slow
def test_the_reference_mode_of_dci_at_eight_thousand_rows() -> None:
    codes, factors = perfect(8_000)
    assert min(values(functions.dci(codes, factors, kinds="categorical"))) > 0.99
