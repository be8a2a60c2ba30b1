"""The ladder at the smallest and at large numbers of rows, against what it leaves in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_measures.inputs import InputError
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]


def rotated(n: int, noise: float) -> tuple[Array, Array]:
    """Normal latents, and the same turned, with independent noise."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return x, x @ rotation + noise * rng.normal(size=(n, 6))


@pytest.mark.parametrize("n", [8_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_noisy_rotation_leaves_its_share_of_noise(n: int) -> None:
    x, y = rotated(n, 0.05)
    verdict = equivalence_ladder(x, y, LadderOptions(tolerance=0.01))
    assert verdict.lowest == ("orthogonal",)
    # Of y, s²/(1 + s²) is noise; carried back, the same noise is s² of x.
    share = 0.05**2
    found = verdict.residuals["orthogonal"]
    assert found.n == n
    assert found.interval is not None
    assert found.value == pytest.approx(share, rel=4 * (12 / n) ** 0.5)
    assert found.interval.low < share < found.interval.high
    assert found.interval.high - found.interval.low < 12 * share * (12 / n) ** 0.5
    shuffled = verdict.controls["shuffled"]["affine"]
    assert shuffled.value == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("n", [8_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_unrelated_rows_pass_nothing(n: int) -> None:
    rng = np.random.default_rng(n)
    verdict = equivalence_ladder(rng.normal(size=(n, 6)).astype(np.float32), rng.normal(size=(n, 4)))
    assert verdict.lowest == ()
    assert verdict.residuals["affine"].value == pytest.approx(1, abs=0.01)
    # A rotation onto unrelated rows adds its own variance: of 4 columns, the 6 that come are 1 + 6/4 times as much.
    assert verdict.directions["forward"]["orthogonal"].value == pytest.approx(2.5, abs=0.15)


def test_four_rows_are_the_fewest() -> None:
    x = np.random.default_rng(0).normal(size=(4, 2))
    assert equivalence_ladder(x, x).lowest == ("identity",)
    with pytest.raises(InputError, match="x has 3 rows; at least 4 are needed"):
        equivalence_ladder(x[:3], x[:3])
