"""Cautions judge by the interval's upper end, as the verdict does."""

from __future__ import annotations

import pytest

from identify_measures.rungs.cautions import cautions
from identify_measures.rungs.measuring import Measured
from identify_measures.rungs.residuals import Residual


@pytest.mark.parametrize(("high", "said"), [(0.009, True), (0.011, False)])
def test_a_control_passes_where_its_interval_ends_within_the_tolerance(high: float, said: bool) -> None:
    fails = {"affine": Residual(value=0.5, low=0.4, high=0.6)}
    shuffled = {"affine": Residual(value=0.005, low=0.001, high=high)}
    measured = Measured(
        forward=fails,
        backward=fails,
        own=fails,
        through={},
        translated={},
        ranks=(),
        unexplained={"affine": 0},
        remarks=("kept",),
    )
    texts = list(cautions(measured, shuffled, shuffled, tolerance=0.01, fit_rows=50))
    assert any("rows paired at random pass too at affine" in text for text in texts) is said
    assert any("50 rows to fit on are too few for affine" in text for text in texts) is not said
    assert texts[-1] == "kept"
