"""Laws: each is what its name says, with mean 0 and variance 1, and its draws stay where tasks and rows are added."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy import stats

from identify_core import Streams
from identify_mtlcm.options.synthetic import Law
from identify_mtlcm.synthetic.laws import LAWS, draw_rows

SIDE = stats.norm(0.9, 0.19**0.5)


class Bimodal:
    """Two normal laws around ±0.9, in closed form."""

    def cdf(self, x):
        return (SIDE.cdf(x) + 1 - SIDE.cdf(-x)) / 2

    def var(self):
        return 0.9**2 + 0.19


EXACT = {
    "normal": stats.norm(),
    "laplace": stats.laplace(scale=0.5**0.5),
    "uniform": stats.uniform(-(3**0.5), 2 * 3**0.5),
    "student-t": stats.t(4, scale=0.5**0.5),
    "bimodal": Bimodal(),
}


@pytest.mark.parametrize("law", get_args(Law))
def test_numbers_follow_the_law_with_variance_one(law):
    values = draw_rows(Streams(0), "test", (20, 100, 3), law=law, degrees=4.0).ravel()
    assert stats.kstest(values, EXACT[law].cdf).pvalue > 1e-3
    assert EXACT[law].var() == pytest.approx(1)
    assert all(stats.kstest(values, other.cdf).pvalue < 1e-3 for name, other in EXACT.items() if name != law)


def test_every_choice_of_the_options_can_be_drawn():
    assert set(get_args(Law)) == set(LAWS)


@pytest.mark.parametrize("law", get_args(Law))
def test_more_tasks_and_more_rows_shift_no_numbers(law):
    few = draw_rows(Streams(3), "test", (4, 21, 2), law=law)
    many = draw_rows(Streams(3), "test", (9, 50, 2), law=law)
    np.testing.assert_array_equal(few, many[:4, :21])
    assert len(np.unique(many)) == many.size  # no block repeats another
    assert not np.isin(draw_rows(Streams(3), "other", (4, 21, 2), law=law), many).any()
